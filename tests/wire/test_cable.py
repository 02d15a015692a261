#!/usr/bin/python3
"""Our engine and our controller, and a network between them that is cut. BUILD is the
directory of the programs."""

import hashlib
import json
import os
import signal
import subprocess
import sys

import tap
import controller_case
from cable import Cable
from test_away import AWAY

ENGINE = os.path.join(os.environ.get("BUILD", "build"), "taskfs-engine")
# Bytes of a large output, and the command that makes them: numbers, so that nothing
# can be there twice or be missing unseen.
LARGE = 12 << 20
MAKE_LARGE = b"seq -w 100000000 | head -c %d" % LARGE


class Case(controller_case.Case):
    """With encryption, as by default; the same without it is below."""

    curve = "--curve=yes"
    ping = controller_case.CALM

    def setUp(self):
        self.options = (self.ping, self.curve)
        super().setUp()
        self.cable = Cable(self.controller.info("engine"))
        self.addCleanup(self.cable.close)
        self.log = self.controller.dir + "/engine.log"
        self.engine_process = self.start()
        self.c = self.client()
        self.c.follow()
        tap.wait_for(lambda: self.state() == "idle")
        self.uuid = self.engines()[0]["uuid"]

    def tearDown(self):
        self.engine_process.send_signal(signal.SIGTERM)
        self.assertEqual(self.engine_process.wait(), 0)
        with open(self.log) as f:
            self.assertNotRegex(f.read(), "Sanitizer|runtime error")
        super().tearDown()

    def start(self):
        path = self.controller.dir + "/cable.json"
        with open(path, "w") as f:
            json.dump(self.cable.info, f)
        with open(self.log, "wb") as log:
            return subprocess.Popen(
                [ENGINE, "--file=" + path, "--spool=" + self.controller.dir],
                stderr=log,
            )

    def engines(self):
        content = self.c.ask("state_request", {}).content
        return {e["id"]: e for e in content["engines"]}

    def state(self):
        return self.engines().get(0, {}).get("state")

    def value(self, id):
        out = b""
        while True:
            m = self.c.fetch(id, "stdout", len(out))
            if not m.buffers or not m.buffers[0]:
                return out
            out += m.buffers[0]

    def run_on(self, code, **options):
        """The value of a task on engine 0."""
        id = self.c.submit(code, targets=[0], **options)["id"]
        self.c.wait(id, "ok")
        return self.value(id)

    def file(self, name):
        """A file of the test's, for the commands of tasks."""
        return os.path.join(self.controller.dir, name)

    def fifo(self, name):
        os.mkfifo(self.file(name))
        return self.file(name)

    def is_there(self):
        """The engine is the one that it was, and works."""
        tap.wait_for(lambda: self.state() == "idle")
        self.assertEqual(self.run_on(b"echo $TASKFS_ENGINE"), b"0\n")
        self.assertEqual(list(self.engines()), [0])
        self.assertEqual(self.engines()[0]["uuid"], self.uuid)
        self.assertIsNone(self.engine_process.poll())

    def begin(self, **options):
        """A task that says in a file that it has begun, and ends when it is told to.
        Its id, and what tells it."""
        begun, go = self.fifo("begun"), self.fifo("go")
        code = "echo run >> %s; echo > %s; read x < %s; echo ended"
        code = code % (self.file("runs"), begun, go)
        id = self.c.submit(code.encode(), targets=[0], **options)["id"]
        with open(begun) as f:
            f.read()

        def tell():
            with open(go, "w") as f:
                f.write("now\n")

        return id, tell

    def runs(self):
        with open(self.file("runs")) as f:
            return f.read()

    def digest(self, id):
        return hashlib.sha256(self.value(id)).hexdigest()

    def large(self):
        """What a task that makes the large output has to have."""
        text = subprocess.run(MAKE_LARGE, shell=True, stdout=subprocess.PIPE)
        self.assertEqual(len(text.stdout), LARGE)
        return hashlib.sha256(text.stdout).hexdigest()

    def streams(self, id, size):
        """So many bytes of its output are there."""

        def is_there(r):
            return r and r["task"] and r["task"]["stdout"] >= size

        return self.c.wait_until(id, is_there)


@tap.check
class Short(Case):
    """The engine is heard again before anybody takes it for lost."""

    def test_reset_while_it_waits(self):
        for _ in range(3):
            self.cable.reset()
            self.is_there()

    def test_reset_while_a_task_runs(self):
        id, tell = self.begin()
        self.cable.reset()
        tell()
        self.c.wait(id, "ok")
        self.assertEqual(self.value(id), b"ended\n")
        self.assertEqual(self.runs(), "run\n")
        self.is_there()

    def test_a_task_ends_while_nothing_passes(self):
        id, tell = self.begin()
        next = self.c.submit(b"echo next", targets=[0])["id"]
        self.cable.pull()
        tell()
        self.assertEqual(self.c.result(id)["status"], "running")
        self.cable.plug()
        self.c.wait(next, "ok")
        self.assertEqual(self.c.result(id)["status"], "ok")
        self.assertEqual(self.value(id), b"ended\n")
        self.assertEqual(self.value(next), b"next\n")
        self.is_there()

    def test_a_task_is_given_while_nothing_passes(self):
        self.cable.pull()
        id = self.c.submit(b"echo given", targets=[0])["id"]
        self.c.wait(id, "running")
        self.cable.reset()
        self.cable.plug()
        self.c.wait(id, "ok")
        self.assertEqual(self.value(id), b"given\n")
        self.is_there()

    def test_resets_while_output_streams(self):
        id = self.c.submit(MAKE_LARGE, targets=[0])["id"]
        for part in 1, 2, 3:
            self.streams(id, part * LARGE // 8)
            self.cable.reset()
        self.c.wait(id, "ok")
        self.assertEqual(self.digest(id), self.large())
        self.is_there()


@tap.check
class Long(Case):
    """The engine is given up, and comes back."""

    ping = "--ping=1s"

    def lose(self):
        self.cable.pull()
        given_up = lambda line: line["what"] == "engine lost"
        tap.wait_for(lambda: any(map(given_up, self.controller.log_lines())))
        self.assertEqual(self.state(), "lost")

    def look_while_it_is_away(self):
        """What waits for it."""
        self.assertRegex(self.engines()[0]["why"], "^%s$" % AWAY)
        id = self.c.submit(b"echo waited", targets=[0])["id"]
        self.assertRegex(self.c.wait(id, "pending")["why"], "^engine 0 is %s$" % AWAY)
        # Nobody else gets its id.
        self.assertEqual(self.engine().register(id=0)["id"], 1)
        return id

    def comes_back(self, *waiting):
        for id in waiting:
            self.c.wait(id, "ok")
            self.assertEqual(self.value(id), b"waited\n")
        self.is_there()

    def test_it_goes_on(self):
        id, _ = self.begin()
        self.lose()
        task = self.c.wait(id, "error")["task"]
        self.assertEqual(task["ename"], "EngineError")
        self.assertIn("may go on there", task["evalue"])
        waiting = self.look_while_it_is_away()
        self.cable.plug()
        self.comes_back(waiting)
        # What nobody waits for any more has been ended.
        self.assertEqual(self.c.result(id)["status"], "error")
        self.assertEqual(self.runs(), "run\n")

    def test_new_connections(self):
        self.lose()
        waiting = self.look_while_it_is_away()
        self.cable.reset()
        self.cable.plug()
        self.comes_back(waiting)

    def test_what_was_connected_stays_deaf(self):
        self.lose()
        waiting = self.look_while_it_is_away()
        self.cable.forget()
        self.cable.plug()
        self.comes_back(waiting)

    def test_what_has_retries_runs_again(self):
        id, tell = self.begin(retries=1)
        self.lose()
        waiting = self.look_while_it_is_away()
        self.cable.plug()
        with open(self.file("begun")) as f:
            f.read()
        tell()
        self.c.wait(id, "ok")
        self.assertEqual(self.value(id), b"ended\n")
        self.assertEqual(self.runs(), "run\nrun\n")
        self.comes_back(waiting)

    def test_while_output_streams(self):
        id = self.c.submit(MAKE_LARGE, targets=[0], retries=1)["id"]
        self.streams(id, LARGE // 8)
        self.lose()
        waiting = self.look_while_it_is_away()
        self.cable.plug()
        self.c.wait(id, "ok")
        self.assertEqual(self.digest(id), self.large())
        self.comes_back(waiting)


@tap.check
class ShortPlain(Short):
    curve = "--curve=no"


class LongPlain(Long):
    curve = "--curve=no"


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
