#!/usr/bin/python3
"""Tasks that an engine has before a slot is free for them."""

import os
import signal
import sys
from shlex import quote

import tap
from engine_case import Several, gone


class Ahead(Several):
    # Nothing goes back by itself.
    options = ("--grace=100ms", "--ahead=1h")
    numbers = 0

    def give(self, text, **options):
        self.numbers += 1
        return self.boss.run(text, number=self.numbers, **options)

    def hold_first(self):
        """A task that runs until it is told."""
        self.numbers += 1
        h = self.hold(number=self.numbers)
        self.begun(h)
        return h

    def give_ahead(self, name):
        """It leaves a file of that name."""
        return self.give("echo x >> " + quote(self.path(name)), ahead=True)

    def path(self, name):
        return self.boss.dir + "/" + name

    def ran(self, name):
        """How often."""
        try:
            with open(self.path(name)) as f:
                return len(f.readlines())
        except FileNotFoundError:
            return 0

    def returned(self):
        return self.boss.hear("task", "returned").content["msg_ids"]

    def recall(self, *headers):
        ids = [h["msg_id"] for h in headers]
        self.boss.say("control", "recall", {"msg_ids": ids})


class Queue(Ahead):
    def test_registration(self):
        about = self.request.content["taskfs"]
        self.assertEqual((about["ahead"], about["waiting"]), (True, []))

    def test_they_run_in_order(self):
        first = self.hold_first()
        more = [self.give_ahead("all") for _ in range(5)]
        self.boss.arrived("task")
        self.assertEqual(self.ran("all"), 0)
        self.let_go(first)
        for h in [first, *more]:
            self.assertEqual(self.status(h), "ok")
        self.assertEqual(list(self.replies), [h["msg_id"] for h in [first, *more]])
        self.assertEqual(self.ran("all"), 5)

    def test_a_reply_does_not_wait_for_long_ones(self):
        first = self.hold_first()
        last = self.hold(number=8, ahead=True)
        self.let_go(first)
        self.assertEqual(self.status(first), "ok")
        self.end_all(last)

    def test_told_to_end_it_says_what_has_ended(self):
        first = self.hold_first()
        last = self.hold(number=8, ahead=True)
        self.let_go(first)
        self.begun(last)
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.status(first), "ok")
        m = self.boss.hear("registration", "unregistration_request")
        self.assertEqual(m.content["begun"], 8)
        self.assertEqual(self.process.wait(), 0)

    def test_called_back(self):
        """What has begun is not."""
        first = self.hold_first()
        back, stays = self.give_ahead("back"), self.give_ahead("stays")
        self.boss.arrived("task")
        self.recall(first, back)
        self.assertEqual(self.returned(), [back["msg_id"]])
        self.end_all(first)
        self.assertEqual(self.status(stays), "ok")
        self.assertEqual((self.ran("back"), self.ran("stays")), (0, 1))

    def test_called_back_before_it_arrives(self):
        """By another connection, which may be faster."""
        first = self.hold_first()
        count = self.boss.count + 1
        coming = {"msg_id": "%s_%d" % (first["msg_id"].rsplit("_", 1)[0], count)}
        self.recall(coming)
        self.boss.arrived("control")
        self.boss.count = count - 1
        back = self.give_ahead("back")
        self.assertEqual(back["msg_id"], coming["msg_id"])
        self.assertEqual(self.returned(), [back["msg_id"]])
        self.end_all(first)
        self.assertEqual(self.ran("back"), 0)

    def test_what_was_not_sent_ahead_stays(self):
        first = self.hold_first()
        waits = self.give("echo x >> " + quote(self.path("waits")))
        self.boss.arrived("task")
        self.recall(waits)
        self.boss.arrived("control")
        self.end_all(first)
        self.assertEqual(self.status(waits), "ok")

    def test_aborted(self):
        first = self.hold_first()
        back, stays = self.give_ahead("back"), self.give_ahead("stays")
        self.boss.arrived("task")
        self.assertEqual(self.kill(back, abort=True), "ok")
        self.assertEqual(self.returned(), [back["msg_id"]])
        self.end_all(first)
        self.assertEqual(self.status(stays), "ok")
        self.assertEqual(self.ran("back"), 0)
        self.assertNotIn(back["msg_id"], self.replies)

    def test_it_can_come_again(self):
        first = self.hold_first()
        back = self.give_ahead("again")
        self.boss.arrived("task")
        self.recall(back)
        self.assertEqual(self.returned(), [back["msg_id"]])
        self.boss.count = int(back["msg_id"].rsplit("_", 1)[1]) - 1
        again = self.give("echo x >> " + quote(self.path("again")))
        self.assertEqual(again["msg_id"], back["msg_id"])
        self.end_all(first)
        self.assertEqual(self.status(again), "ok")
        self.assertEqual(self.ran("again"), 1)

    def test_killed_its_guard_says_what_has_begun(self):
        first = self.hold_first()
        pid = self.begun(first)[1]
        self.give_ahead("never")
        self.boss.arrived("task")
        os.kill(self.worker(), signal.SIGKILL)
        m = self.boss.hear("registration", "unregistration_request")
        self.assertEqual(m.content["begun"], 1)
        self.assertEqual(self.process.wait(), 128 + signal.SIGKILL)
        self.assertTrue(gone(pid))
        self.assertEqual(self.ran("never"), 0)

    def test_told_to_end(self):
        self.hold_first()
        self.give_ahead("never")
        self.boss.arrived("task")
        self.process.send_signal(signal.SIGTERM)
        m = self.boss.hear("registration", "unregistration_request")
        self.assertEqual(m.content["begun"], 1)
        self.assertEqual(self.process.wait(), 0)
        self.assertEqual(self.ran("never"), 0)

    def test_told_to_start_again(self):
        """The next worker says it."""
        self.hold_first()
        self.give_ahead("never")
        self.boss.arrived("task")
        uuid = self.boss.uuid.decode()
        self.boss.say("control", "shutdown_request", {"restart": True})
        about = self.boss.admit().content["taskfs"]
        self.assertEqual((about["replaces"], about["begun"]), (uuid, 1))
        self.assertEqual((about["running"], about["waiting"]), ([], []))
        self.assertEqual(self.ran("never"), 0)


class Return(Ahead):
    """The controller is another one: what waits is held until it has answered."""

    def cut(self):
        """The tasks: one that runs, two that wait; what it says of them."""
        first = self.hold_first()
        back, stays = self.give_ahead("back"), self.give_ahead("stays")
        self.boss.arrived("task")
        self.boss.restart()
        return first, back, stays

    def test_what_is_not_wanted_does_not_run(self):
        first, back, stays = self.cut()
        pid = self.begun(first)[1]

        def end_first():
            self.let_go(first)
            tap.wait_for(lambda: gone(pid))

        m = self.boss.admit(drop=[back["msg_id"]], before=end_first)
        about = m.content["taskfs"]
        self.assertEqual(about["waiting"], [h["msg_id"] for h in (back, stays)])
        self.assertEqual(self.status(first), "ok")
        self.assertEqual(self.status(stays), "ok")
        self.assertEqual((self.ran("back"), self.ran("stays")), (0, 1))

    def test_all_of_it_is_wanted(self):
        first, *more = self.cut()
        about = self.boss.admit().content["taskfs"]
        self.assertEqual(about["running"][1:], about["waiting"])
        self.end_all(first)
        for h in more:
            self.assertEqual(self.status(h), "ok")
        self.assertEqual((self.ran("back"), self.ran("stays")), (1, 1))


class Patience(Ahead):
    """None of them begins for a while: they go back."""

    options = ("--grace=100ms", "--ahead=50ms")

    def test_they_go_back(self):
        first = self.hold_first()
        waits = self.give("echo x >> " + quote(self.path("waits")))
        more = [self.give_ahead("never") for _ in range(3)]
        back = []
        while len(back) < 3:
            back += self.returned()
        self.assertEqual(back, [h["msg_id"] for h in more])
        self.end_all(first)
        self.assertEqual(self.status(waits), "ok")
        self.assertEqual((self.ran("waits"), self.ran("never")), (1, 0))


class Without(Ahead):
    options = ("--grace=100ms", "--ahead=0")

    def test_registration(self):
        self.assertIs(self.request.content["taskfs"]["ahead"], False)


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
