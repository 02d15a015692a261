#!/usr/bin/python3
"""Times of day that are wrong: of an engine of ipyparallel, which says nothing else;
of the controller, whose clock somebody sets (tests/clock/setclock.c). What is
measured stays true. BUILD is the directory of the programs. Prints TAP."""

import contextlib
import json
import os
import shutil
import sqlite3
import struct
import sys
import tempfile
import time
import unittest
from unittest import mock

import tap
from peers import Controller, new_id

BUILD = os.environ.get("BUILD", "build")
PROGRAM = os.path.join(BUILD, "taskfs-controller")
SETCLOCK = os.path.join(BUILD, "tests/clock/setclock.so")
HOUR = 3600


def now():
    """Microseconds, of a clock that nobody sets."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def date(at):
    return time.strftime("%Y-%m-%dT%H:%M:%S.500000Z", time.gmtime(at))


class Case(unittest.TestCase):
    options = ("--ping=1m",)

    def setUp(self):
        with tempfile.NamedTemporaryFile(prefix="clock-", delete=False) as f:
            f.write(bytes(8))
        self.clock = f.name
        # To the dynamic linker blanks are between libraries.
        self.library = shutil.copy(SETCLOCK, self.clock + ".so")
        # Of the programs that are started from here.
        self.env = {
            "SETCLOCK": self.clock,
            "LD_PRELOAD": self.library,
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")
            + ":verify_asan_link_order=0",
        }
        self.peers = []
        self.controller = self.in_env(lambda: Controller(PROGRAM, *self.options))

    def tearDown(self):
        for p in self.peers:
            p.close()
        self.assertEqual(self.controller.stop(), 0)
        self.controller.remove()
        os.unlink(self.clock)
        os.unlink(self.library)

    def in_env(self, start):
        was = {k: os.environ.get(k) for k in self.env}
        os.environ.update(self.env)
        try:
            return start()
        finally:
            for k, v in was.items():
                if v is None:
                    del os.environ[k]
                else:
                    os.environ[k] = v

    def set_clock(self, seconds):
        with open(self.clock, "r+b") as f:
            f.write(struct.pack("q", seconds))

    def pair(self, **how):
        c, e = self.controller.client(), self.controller.engine(**how)
        self.peers += [c, e]
        c.follow()
        e.join(c)
        return c, e

    def again(self):
        """The controller was started again; a client of it."""
        self.in_env(self.controller.start)
        c = self.controller.client()
        self.peers.append(c)
        c.follow()
        return c

    def assert_times(self, r, least, most):
        """A task ran between least and most."""
        self.assertLessEqual(least, r["serial"])
        self.assertLessEqual(r["began"] + r["serial"], r["elapsed"])
        self.assertLessEqual(r["elapsed"], most)
        self.assertGreaterEqual(r["began"], 0)


@tap.check
class TimesOfDay(Case):
    """All that a stock engine says of how long a task took are two dates."""

    def reply(self, e, m, socket, started, ended):
        content = {"status": "ok", "execution_count": 1}
        at = time.time()
        started, ended = date(at + started), date(at + ended)
        metadata = {"started": started, "engine": e.uuid, "status": "ok"}
        with mock.patch("time.strftime", return_value=ended):
            _, frames = e.frames("execute_reply", content, metadata, m.header)
        socket.send_multipart(m.idents + frames)
        e.publish(b"x", "status", {"execution_state": "idle"}, m.header)

    def ready(self):
        """A client, and an engine that has said what it speaks."""
        c, e = self.pair(taskfs=False)
        m = e.take(e.control, "kernel_info_request")
        about = {"status": "ok", "language_info": {"name": "R"}}
        _, frames = e.frames("kernel_info_reply", about, parent=m.header)
        e.control.send_multipart(m.idents + frames)
        e.publish(b"x", "status", {"execution_state": "idle"}, m.header)
        return c, e

    def runs(self, started, ended):
        c, e = self.ready()
        # One of a mount, one that a client sends itself.
        before = now()
        id = c.submit(b"1")["id"]
        m = e.take()
        c.wait(id, "running")
        self.reply(e, m, e.task, started, ended)
        r = c.wait(id, "ok")
        yield r, now() - before
        before = now()
        c.mux.send_multipart(
            [e.uuid.encode(), *c.frames("execute_request", {"code": "1"})[1]]
        )
        m = e.take(e.mux)
        self.reply(e, m, e.mux, started, ended)
        yield c.wait(id + 1, "ok"), now() - before

    def test_back_while_it_ran(self):
        for r, most in self.runs(0, -HOUR):
            self.assertLess(r["completed"], r["started"])
            self.assert_times(r, 1, most)

    def test_forward_while_it_ran(self):
        for r, most in self.runs(0, HOUR):
            self.assertGreater(r["completed"], r["started"])
            self.assert_times(r, 1, most)

    def test_what_can_be_is_believed(self):
        """Another clock is wrong all the time, and right in how long it took."""
        c, e = self.ready()
        id = c.submit(b"1")["id"]
        m = e.take()
        self.reply(e, m, e.task, -2 * HOUR, -2 * HOUR)
        self.assertEqual(c.wait(id, "ok")["serial"], 0)


@tap.check
class Engines(Case):
    """Ours say how long it ran; that is believed if it can be."""

    def test_what_cannot_be(self):
        c, e = self.pair()
        for i, (ran, ago) in enumerate(
            [
                (-1, 0),
                (HOUR * 10**6, 0),
                (1 << 62, 1 << 62),
                (-(1 << 63), -(1 << 63)),
                ("x", None),
                (10**30, 10**30),
                (0, HOUR * 10**6),
            ]
        ):
            before = now()
            c.submit(b":")
            m = e.take()
            e.reply(m, exit_status=0, ran=ran, ago=ago)
            self.assert_times(c.wait(i + 1, "ok"), 0, now() - before)

    def test_what_can_be(self):
        c, e = self.pair()
        c.submit(b":")
        m = e.take()
        r = c.wait(1, "running")
        began = now()
        while now() - began < 3000:
            pass
        e.reply(m, exit_status=0, ran=1000, ago=1000)
        r = c.wait(1, "ok")
        self.assertEqual(r["serial"], 1000)
        self.assertLessEqual(r["began"] + 2000, r["elapsed"])
        line = r["task"]["attempts"].split()
        self.assertEqual(line[6], "0.001000")


@tap.check
class Restarts(Case):
    def test_the_same_machine(self):
        c, e = self.pair()
        before = now()
        c.submit(b":")
        m = e.take()
        c.wait(1, "running")
        began = now()
        for by in HOUR, -HOUR:
            self.controller.kill()
            self.set_clock(by)
            c = self.again()
            least = now() - began
            r = c.result(1)
            self.assertLessEqual(least, r["elapsed"])
            self.assertLessEqual(r["elapsed"], now() - before)
        least = now() - began
        e.join(c, running=[m.header["msg_id"]])
        e.reply(m, exit_status=0)
        self.assert_times(c.wait(1, "ok"), least, now() - before)

    def reboot(self):
        """As if the machine was started again: its steady clock begins anew."""
        with contextlib.closing(
            sqlite3.connect(self.controller.dir + "/tasks.db")
        ) as db, db:
            (text,) = db.execute(
                "SELECT value FROM meta WHERE key='clock'"
            ).fetchone()
            boot, _ = text.split()
            with open("/proc/sys/kernel/random/boot_id") as f:
                self.assertEqual(boot, f.read().strip())
            db.execute("UPDATE meta SET value='another 5' WHERE key='clock'")

    def test_another_boot(self):
        """How long the machine was off only the time of day can say; and if that
        says that it is earlier than it was, no time has passed."""
        c, e = self.pair()
        c.submit(b":")
        e.reply(e.take(), exit_status=0)
        was = c.wait(1, "ok")
        runs = c.submit(b":")["id"]
        e.take()
        c.wait(runs, "running")
        for by, least, most in (
            (-HOUR, 0, HOUR),
            (HOUR, HOUR, 3 * HOUR),
        ):
            self.assertEqual(self.controller.stop(), 0)
            self.reboot()
            self.set_clock(by)
            c = self.again()
            self.assertEqual(c.result(1)["elapsed"], was["elapsed"])
            self.assertEqual(c.result(1)["serial"], was["serial"])
            r = c.result(runs)
            self.assertLessEqual(least * 10**6, r["elapsed"])
            self.assertLess(r["elapsed"], most * 10**6)

    def test_a_damaged_clock(self):
        c, e = self.pair()
        c.submit(b":")
        e.take()
        c.wait(1, "running")
        for value in "", "x", "x y", "1 2 3", "a " + "9" * 30:
            self.assertEqual(self.controller.stop(), 0)
            with contextlib.closing(
                sqlite3.connect(self.controller.dir + "/tasks.db")
            ) as db, db:
                db.execute(
                    "UPDATE meta SET value=? WHERE key='clock'", (value,)
                )
            c = self.again()
            self.assertLess(c.result(1)["elapsed"], HOUR * 10**6)

    def test_a_submission_is_known_again(self):
        """Within ten minutes, whatever the clock says."""
        c = self.pair()[0]
        token = new_id()
        id = c.submit(b":", token)["id"]
        self.controller.kill()
        self.set_clock(HOUR)
        c = self.again()
        self.assertEqual(c.submit(b":", token)["id"], id)


@tap.check
class Retention(Case):
    options = ("--ping=1m", "--keep-age=30m")

    def test_what_is_young_stays(self):
        c, e = self.pair()
        c.submit(b":")
        e.reply(e.take(), exit_status=0)
        c.wait(1, "ok")
        self.set_clock(HOUR)
        # When the next one ends it is looked for what is old.
        c.submit(b":")
        e.reply(e.take(), exit_status=0)
        c.wait(2, "ok")
        self.assertEqual(c.result(1)["status"], "ok")
        uptime = c.hello()["taskfs"]["uptime"]
        self.assertLess(uptime, HOUR * 10**6)
        self.assertGreaterEqual(uptime, 0)


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
