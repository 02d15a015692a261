#!/usr/bin/python3
"""The life of an engine: its guard and its worker, a restart, its directory, its end."""

import glob
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

import tap
from engine_case import ENGINE, Extended, gone


class Life(Extended):
    def test_worker_killed(self):
        pids = [*self.busy(), self.launcher(), self.mother()]
        os.kill(self.worker(), signal.SIGKILL)
        m = self.boss.hear("registration", "unregistration_request")
        told = {"id": 0, "uuid": self.boss.uuid.decode(), "begun": 0}
        self.assertEqual(m.content, told)
        self.assertNotEqual(m.idents[0], self.boss.uuid)
        self.assertEqual(self.process.wait(), 128 + signal.SIGKILL)
        for pid in pids:
            self.assertTrue(gone(pid))

    def test_a_task_stops_its_engine(self):
        """Which goes on, and knows what became of the task."""
        stop = "kill -STOP %d; echo on" % self.worker()
        m, out = self.boss.all_of(self.boss.run(stop))
        self.assertEqual(bytes(out["stdout"]), b"on\n")
        with open(self.log) as f:
            self.assertIn("the engine was stopped; it is continued", f.read())

    def test_a_task_stops_its_engine_again_and_again(self):
        """It is dead when that is said: it may be tried elsewhere then."""
        self.boss.run(
            "setsid sh -c 'echo $$; exec sleep 1001' & echo $$; cat %s; "
            "while :; do kill -STOP %d; done" % (self.fifo(), self.worker())
        )
        text = b""
        while text.count(b"\n") < 2:
            text += self.boss.hear("task", "output").buffers[0]
        open(self.fifo(), "w").close()
        self.boss.hear("registration", "unregistration_request")
        for pid in text.split():
            self.assertTrue(gone(int(pid)))
        self.assertEqual(self.process.wait(), 128 + signal.SIGKILL)

    def test_guard_killed(self):
        worker, pids = self.worker(), [*self.busy(), self.launcher(), self.mother()]
        self.process.kill()
        self.process.wait()
        self.boss.hear("registration", "unregistration_request")
        # Nobody is left to wait for them.
        for pid in worker, *pids:
            tap.wait_for(lambda: gone(pid))

    def busy(self):
        """A task of three processes, one of them in a session of its own."""
        self.boss.run(
            "trap '' TERM; setsid sh -c 'echo $$; trap \"\" TERM; sleep 1001; "
            "sleep 1002' & (echo $(exec sh -c 'echo $PPID'); sleep 1003) & "
            "echo $$; while :; do sleep 1; done"
        )
        text = b""
        while text.count(b"\n") < 3:
            text += self.boss.hear("task", "output").buffers[0]
        return [int(x) for x in text.split()]

    def restart(self):
        header, frames = self.boss.frames("shutdown_request", {"restart": True})
        self.boss.send("control", header, frames)
        m = self.boss.hear("control", "shutdown_reply")
        self.assertTrue(m.content["restart"])
        self.boss.hear("iopub", "shutdown_reply")

    def test_restart(self):
        self.boss.all_of(self.boss.run('echo 1 > "$TASKFS_VARS/a"'))
        pids, worker, was = self.busy(), self.worker(), self.boss.uuid.decode()
        self.restart()
        m = self.boss.admit()
        # Nobody says goodbye: that could arrive behind the next one.
        self.assertEqual(m.type, "registration_request")
        self.assertEqual(m.content["id"], 0)
        self.assertEqual(m.content["taskfs"]["replaces"], was)
        self.assertNotEqual(m.content["uuid"], was)
        self.assertEqual(m.content["taskfs"]["running"], [])
        for pid in [worker, *pids]:
            self.assertTrue(gone(pid), pid)
        self.assertEqual(self.worker(), m.content["taskfs"]["pid"])
        left = os.listdir(self.boss.dir)
        spool = [n for n in left if n.startswith("taskfs-engine-")]
        # Of what was there nothing is left.
        spool = self.boss.dir + "/" + spool[0]
        self.assertEqual(os.listdir(spool), ["vars"])
        self.assertEqual(os.listdir(spool + "/vars"), [])
        m, out = self.boss.all_of(self.boss.run("echo again"))
        self.assertEqual(bytes(out["stdout"]), b"again\n")
        self.restart()
        m = self.boss.admit()
        self.assertEqual(m.content["id"], 0)

    LARGE = "head -c 200000 /dev/zero"

    def spool(self):
        [path] = glob.glob(self.boss.dir + "/taskfs-engine-*/")
        return path[:-1]

    def runs_well(self):
        """What needs the spool works."""
        run = lambda text: self.boss.all_of(self.boss.run(text))
        for text, want in (
            (self.LARGE, bytes(200000)),
            ("#!/bin/sh\necho script", b"script\n"),
            ('echo 1 > "$TASKFS_VARS/a"; cat "$TASKFS_VARS/a"', b"1\n"),
        ):
            m, out = run(text)
            self.assertEqual(m.content["status"], "ok", m.content)
            self.assertEqual(bytes(out["stdout"]), want)
        self.assertEqual(os.stat(self.spool()).st_mode & 0o7777, 0o700)

    def test_a_task_removes_the_spool(self):
        remove = 'rm -rf "$(dirname "$TASKFS_VARS")"; '
        self.boss.all_of(self.boss.run('echo 1 > "$TASKFS_VARS/before"'))
        m, out = self.boss.all_of(self.boss.run(remove + self.LARGE))
        self.assertEqual(m.content["status"], "ok")
        self.assertEqual(len(out["stdout"]), 200000)
        self.assertEqual(self.said("the spool was removed; it is made anew"), 1)
        self.assertEqual(self.said("variables was removed"), 1)
        self.runs_well()
        self.assertEqual(os.listdir(self.spool() + "/vars"), ["a"])
        for other in (
            'rm -rf "$TASKFS_VARS"',
            'mv "$TASKFS_VARS" "$TASKFS_VARS.old"; mkdir -m 0 "$TASKFS_VARS"',
            'd="$(dirname "$TASKFS_VARS")"; mv "$d" "$d.old"; rm -r "$d.old"',
            'chmod 0 "$(dirname "$TASKFS_VARS")"',
        ):
            self.boss.all_of(self.boss.run(other))
            self.runs_well()
        self.boss.all_of(self.boss.run(remove))
        self.restart()
        self.boss.admit()
        self.runs_well()

    def test_an_engine_that_cannot_run_tasks(self):
        """It asks to be given no more, and works when it was restarted."""
        place = self.spool()
        replace = 'd="$(dirname "$TASKFS_VARS")"; rm -r "$d"; echo > "$d"; '
        self.boss.all_of(self.boss.run(replace))
        for i in range(2):
            m, _ = self.boss.all_of(self.boss.run(self.LARGE))
            self.assertEqual(m.content["ename"], "OutputError")
        # A fault of the task is none of the engine: they were not three in a row.
        self.boss.all_of(self.boss.run("exit 3"))
        for text in "#!/bin/sh", self.LARGE, "#!/bin/sh":
            last = self.boss.run(text)
        m = self.boss.hear("task", "drain")
        self.assertRegex(m.content["why"], "^3 tasks in a row failed for faults of")
        self.assertEqual(self.boss.reply(last).content["ename"], "StartError")
        self.assertEqual(self.said("the engine asks to be given no more tasks"), 1)
        self.restart()
        self.boss.admit()
        self.assertNotEqual(self.spool(), place)
        self.runs_well()
        os.unlink(place)

    def test_told_to_end_while_it_restarts(self):
        pids = self.busy()
        self.restart()
        self.process.send_signal(signal.SIGTERM)
        self.boss.hear("registration", "unregistration_request")
        self.assertEqual(self.process.wait(), 0)
        for pid in pids:
            self.assertTrue(gone(pid))

    def test_terminated_with_a_task(self):
        pids = self.busy()
        self.end()
        for pid in pids:
            self.assertTrue(gone(pid))


class Alone(unittest.TestCase):
    """Without a controller."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="taskfs-wire-")

    def tearDown(self):
        self.assertEqual(os.listdir(self.dir), [])
        shutil.rmtree(self.dir)

    def run_engine(self, *options):
        return subprocess.run(
            [ENGINE, "--spool=" + self.dir, *options],
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def test_no_file(self):
        for how in ("--wait=no",), ("--timeout=200ms",):
            p = self.run_engine("--cluster-dir=/nonexistent", *how)
            self.assertEqual(p.returncode, 3)
            self.assertIn("controller", p.stderr)

    def test_bad_command_lines(self):
        for how in (
            ["--no-such-option"],
            ["--grace=x"],
            ["--id=-1"],
            ["a word too many"],
        ):
            p = self.run_engine(*how)
            self.assertEqual(p.returncode, 2, how)
            self.assertIn("--help", p.stderr)

    def test_help_and_version(self):
        p = self.run_engine("--help")
        self.assertEqual((p.returncode, p.stderr), (0, ""))
        self.assertIn("--ready-fd", p.stdout)
        self.assertEqual(self.run_engine("--version").returncode, 0)

    def test_no_spool(self):
        p = subprocess.run(
            [ENGINE, "--spool=/proc/nothing", "--wait=no"],
            stderr=subprocess.PIPE,
        )
        self.assertEqual(p.returncode, 1)
        self.assertIn(b"--spool", p.stderr)


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
