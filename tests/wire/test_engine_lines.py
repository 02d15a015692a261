#!/usr/bin/python3
"""An engine whose controller offers two lines: it does by them what it does by eight
connections."""

import os
import sys

import tap
import test_engine_slots
import test_engine_tasks
from engine_case import Extended


def connections(pid):
    """The ports that a process is connected to."""
    inodes = set()
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            inodes.add(os.readlink("/proc/%d/fd/%s" % (pid, fd)))
        except FileNotFoundError:
            pass
    with open("/proc/%d/net/tcp" % pid) as f:
        rows = [line.split() for line in f.readlines()[1:]]
    return sorted(int(row[2].split(":")[1], 16) for row in rows
                  if "socket:[%s]" % row[9] in inodes)


class Tasks(test_engine_tasks.Tasks):
    lines = True


class Slots(test_engine_slots.Stock):
    lines = True


class Lines(Extended):
    lines = True

    def test_it_has_no_other_connection(self):
        self.assertEqual(connections(self.worker()),
                         sorted(self.boss.info["taskfs"].values()))

    def test_it_answers_beats(self):
        self.boss.ping_until_heard()

    def test_a_line_that_broke(self):
        """It registers again, and tells what has not been stored."""
        h = self.boss.run("echo x")
        self.assertEqual(self.boss.reply(h).content["status"], "ok")
        self.boss.switch.cut("task")
        m = self.boss.admit()
        self.assertEqual(m.content["taskfs"]["finished"], [h["msg_id"]])
        self.assertEqual(self.boss.reply(h).content["status"], "ok")

    def test_without_a_beat_it_asks_for_one(self):
        self.boss.switch.cut("task")
        self.boss.admit(period=1)
        tap.wait_for(lambda: self.boss.switch.questions)


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
