#!/usr/bin/python3
"""What is kept over restarts, and for how long; disks that are slow or full."""

import contextlib
import glob
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

import zmq

import tap
from controller_case import CALM, PROGRAM, Case, execute
from peers import Controller, Ended

FAILCALL = os.path.join(os.path.dirname(PROGRAM), "tests/faults/failcall.so")


@tap.check
class Restart(Case):
    def test_nothing_accepted_is_lost(self):
        c, e = self.pair()
        c.submit(b"done", label="x")
        e.reply(e.take(), exit_status=0, stdout=0)
        done = c.wait(1, "ok")
        c.submit(b"runs")
        running = e.take()
        c.submit(b"waits", priority=3)
        info = self.controller.info("client")
        self.controller.kill()
        self.controller.start()
        self.assertEqual(self.controller.info("client"), info)
        c = self.client()
        c.follow()
        same = c.result(1)
        for key in "id name status submitted completed options".split():
            self.assertEqual(same[key], done[key])
        self.assertEqual(c.result(2)["status"], "running")
        self.assertEqual(c.result(3)["status"], "pending")
        # the engine comes back with what it has
        e.join(c, running=[running.header["msg_id"], "unknown"], id=0)
        e.output(running, "stdout", 0, b"all of it")
        e.reply(running, exit_status=0, stdout=9, value_is_stdout=True)
        c.wait(2, "ok")
        self.assertEqual(c.fetch(2, "stdout").buffers, [b"all of it"])
        self.assertEqual(e.take().content["code"], "waits")

    def test_a_store_of_version_1(self):
        c, e = self.pair()
        c.mux.send_multipart(
            [e.uuid.encode(), *c.frames("execute_request", {"code": "1"})[1]]
        )
        m = e.take(e.mux)
        e.reply(m, socket=e.mux)
        c.receive(c.mux)
        c.submit(b":")
        e.reply(e.take(), exit_status=0)
        was = c.wait(2, "ok")
        self.assertEqual(self.controller.stop(), 0)
        with contextlib.closing(
            sqlite3.connect(self.controller.dir + "/tasks.db")
        ) as db:
            db.executescript(
                "ALTER TABLE records DROP COLUMN display_data;"
                "DROP TRIGGER begin; DROP TABLE begun;"
                "ALTER TABLE results DROP COLUMN born;"
                "ALTER TABLE results DROP COLUMN rest_elapsed;"
                "ALTER TABLE tasks DROP COLUMN began;"
                "ALTER TABLE tasks DROP COLUMN ran;"
                "ALTER TABLE tasks DROP COLUMN elapsed;"
                "ALTER TABLE engines DROP COLUMN process;"
                "ALTER TABLE engines DROP COLUMN lost;"
                "ALTER TABLE engines DROP COLUMN heard;"
                "ALTER TABLE engines DROP COLUMN slots;"
                "ALTER TABLE engines DROP COLUMN launch;"
                "DROP TABLE pools; DROP TABLE launches;"
                "DELETE FROM meta WHERE key='next_launch';"
                "PRAGMA user_version=1;"
            )
        self.controller.start()
        r, _ = self.client().ask("db_request", {"query": {}}).content["records"]
        self.assertEqual(r["msg_id"], m.header["msg_id"])
        self.assertNotIn("display_data", r)
        # What is measured came from times of day then.
        r = self.client().result(2)
        self.assertEqual(r["received"], was["received"])
        self.assertEqual(r["elapsed"], r["received"] - r["submitted"])
        self.assertEqual(r["serial"], max(0, r["completed"] - r["started"]))

    def test_what_an_engine_does_not_know_is_given_again(self):
        c, e = self.pair()
        c.submit(b"lost")
        e.take()
        self.controller.kill()
        self.controller.start()
        c = self.client()
        c.follow()
        reply = e.join(c, running=["what is that"])
        self.assertEqual(reply["taskfs"]["drop"], ["what is that"])
        m = e.take()
        self.assertEqual(m.content["code"], "lost")
        self.assertEqual(m.metadata["taskfs"]["attempt"], 1)

    def test_an_engine_that_does_not_come_back_is_given_up(self):
        c, e = self.pair()
        c.submit(b"lost")
        e.take()
        c.wait(1, "running")
        self.controller.kill()
        e.close()
        self.peers.remove(e)
        self.controller.options = ("--ping=50ms",)
        self.controller.start()
        c = self.client()
        c.follow()
        r = c.wait(1, "error")
        self.assertEqual(r["task"]["ename"], "EngineError")

    def test_a_late_answer_changes_nothing(self):
        c, e = self.pair()
        c.submit(b":")
        m = e.take()
        c.wait(1, "running")
        c.query.send_multipart(c.frames("unregistration_request", {"id": 0})[1])
        c.wait(1, "error")
        e.join(c)
        e.reply(m, exit_status=0)
        tap.wait_for(lambda: c.counters()["replies_late"] > 0)
        self.assertEqual(c.result(1)["status"], "error")


@tap.check
class Retention(Case):
    options = (CALM, "--keep-results=3")

    def test_the_oldest_finished_results_go(self):
        c, e = self.pair()
        for i in range(1, 7):
            c.submit(b":")
            e.reply(e.take(), exit_status=0)
            c.wait(i, "ok")
        tap.wait_for(lambda: len(c.ask("results_request", {}).content["results"]) <= 3)
        self.assertEqual(
            [r["id"] for r in c.ask("results_request", {}).content["results"]],
            [4, 5, 6],
        )
        self.assertEqual(c.counters()["results_purged"], 3)


@tap.check
class Size(Case):
    options = (CALM, "--keep-bytes=1M")

    def ids(self, c):
        return [r["id"] for r in c.ask("results_request", {}).content["results"]]

    def task(self, c, e, request=b"", reply=b""):
        _, frames = c.frames("apply_request", {}, buffers=[request])
        c.task.send_multipart(frames)
        m = e.take(kind="apply_request")
        e.reply(m, buffers=[reply])
        e.publish(b"s", "status", {"execution_state": "idle"}, m.header)
        c.receive(c.task)

    def stored(self, c):
        o = c.ask("state_request", {}).content["controller"]
        return o["gauges"]["stored_bytes"]

    def test_buffers_of_records_count(self):
        c, e = self.pair(taskfs=False)
        self.task(c, e, request=b"x" * 900000)
        c.wait(1, "ok")
        before = self.stored(c)
        self.assertGreaterEqual(before, 900000)
        self.controller.kill()
        self.controller.start()
        c = self.client()
        c.follow()
        self.assertEqual(self.stored(c), before)
        e = self.engine(taskfs=False)
        e.join(c)
        self.task(c, e, reply=b"y" * 300000)
        tap.wait_for(lambda: self.ids(c) == [2])
        # The value, and the buffer of the reply it was taken from.
        self.assertGreaterEqual(self.stored(c), 600000)
        self.assertEqual(c.counters()["results_purged"], 1)


@tap.check
class SlowDisk(Case):
    def publisher(self, e):
        """It keeps what the controller does not take, and then refuses."""
        s = e.connect(zmq.XPUB, e.info["iopub"])
        s.setsockopt(zmq.XPUB_NODROP, 1)
        s.setsockopt(zmq.SNDTIMEO, 200)
        return s

    @staticmethod
    def let_go(fifo):
        with contextlib.suppress(FileNotFoundError):
            reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
            os.unlink(fifo)
            os.close(reader)

    def test_what_engines_print_waits_with_them(self):
        c, e = self.pair(taskfs=False)
        e.iopub = self.publisher(e)
        header, frames = execute(c)
        # Who opens a FIFO to write to it waits for somebody who reads.
        (outputs,) = glob.glob(self.controller.dir + "/**/outputs", recursive=True)
        fifo = outputs + "/1.0.stdout"
        os.mkfifo(fifo)
        self.addCleanup(self.let_go, fifo)
        c.task.send_multipart(frames)
        m = e.take()
        piece = {"name": "stdout", "text": "x" * 65535 + "\n"}
        backlog = lambda: c.ask("state_request", {}).content["controller"][
            "gauges"
        ]["store_backlog_bytes"]
        sent = 0
        while sent < 4096:
            try:
                e.publish(b"s", "stream", piece, header)
                sent += 1
            except zmq.Again:
                if backlog() > 64 << 20:
                    break
        self.assertLess(sent, 4096)
        self.assertLess(backlog(), 96 << 20)
        # What is lost cannot be told from what has not been read.
        self.assertTrue(self.engine().register(relayed=[])["taskfs"]["again"])
        reader = os.open(fifo, os.O_RDONLY)
        self.addCleanup(os.close, reader)
        e.iopub.setsockopt(zmq.SNDTIMEO, -1)
        e.publish(b"s", "status", {"execution_state": "idle"}, header)
        e.reply(m)
        self.assertEqual(c.receive(c.task).parent, header)
        # To a FIFO nothing can be appended, and the result says so.
        r = c.wait(1, "ok", "error")
        self.assertEqual(r["task"]["ename"], "StoreError")


class SmallDisk(unittest.TestCase):
    """On a file system of a few megabytes."""

    size = "8m"

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="taskfs-full-")
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "mode=700,size=" + self.size, "none", self.dir],
            check=True,
        )
        self.addCleanup(os.unlink, self.dir + ".log")
        self.addCleanup(os.rmdir, self.dir)
        self.addCleanup(subprocess.run, ["umount", self.dir], check=True)
        self.controller = Controller(PROGRAM, CALM, directory=self.dir)
        self.addCleanup(self.controller.stop)
        self.client = self.controller.client()
        self.addCleanup(self.client.close)
        self.client.follow()

    def wait_for_log(self, what):
        tap.wait_for(lambda: any(x["what"] == what for x in self.controller.log_lines()))

    def tasks(self):
        state = self.client.ask("state_request", {}).content
        return state["controller"]["tasks"]

    def fill(self):
        ballast = os.path.join(self.dir, "ballast")
        self.assertRaises(OSError, self.fill_up, ballast)
        # The controller empties its log when something does not fit.
        big = self.client.submit(b"x" * 100000)
        self.assertEqual(big["errno"], "ENOSPC")
        self.assertRaises(OSError, self.fill_up, ballast)
        return ballast

    def fill_up(self, path):
        with open(path, "ab", buffering=0) as f:
            while True:
                f.write(b"x" * 4096)

    def purge(self, **more):
        ask = dict(more, verb="purge")
        return self.client.ask("control_request", ask).content

    def state(self):
        return self.client.ask("state_request", {}).content["controller"]


@unittest.skipUnless(tap.can_mount(), "it needs to mount")
@tap.check
class FullDisk(SmallDisk):
    def test_a_client_s_task_that_is_not_stored_is_refused(self):
        c = self.client
        ballast = self.fill()
        header, frames = execute(c)
        c.task.send_multipart(frames)
        m = c.receive(c.task)
        self.assertEqual(m.parent, header)
        self.assertEqual(m.content["ename"], "StoreError")
        o = c.ask("state_request", {}).content["controller"]
        self.assertEqual(o["gauges"]["client_tasks"], 0)
        self.assertEqual(self.tasks(), [0] * 5)
        os.unlink(ballast)
        self.assertEqual(c.submit(b":")["status"], "pending")

    def test_a_client_s_start_is_shown_when_it_is_stored(self):
        c, e = self.client, self.controller.engine(taskfs=False)
        self.addCleanup(e.close)
        e.join(c)
        made = [execute(c) for _ in range(3)]
        for _, frames in made:
            c.task.send_multipart(frames)
        first = e.take()
        c.wait(3, "pending")
        ballast = self.fill()
        idle = {"execution_state": "idle"}
        e.publish(b"s", "status", idle, first.header)
        e.reply(first)
        second = e.take()
        lost = "the start of a client's task was not stored; trying again"
        self.wait_for_log(lost)
        self.assertEqual(c.result(2)["status"], "pending")
        e.publish(b"s", "status", idle, second.header)
        e.reply(second)
        third = e.take()
        tap.wait_for(
            lambda: 3
            <= sum(x["what"] == lost for x in self.controller.log_lines())
        )
        self.assertEqual(c.result(3)["status"], "pending")
        os.unlink(ballast)
        # It ended before its start could be stored.
        r = c.wait(2, "ok")
        self.assertEqual(r["task"]["attempt"], 1)
        self.assertEqual(r["task"]["engine"], 0)
        c.wait(3, "running")
        e.publish(b"s", "status", idle, third.header)
        e.reply(third)
        c.wait(3, "ok")

    def test_a_message_to_an_engine_passes_though_it_is_not_stored(self):
        c, e = self.client, self.controller.engine(taskfs=False)
        self.addCleanup(e.close)
        e.join(c)
        ballast = self.fill()
        header, frames = execute(c, e)
        c.mux.send_multipart(frames)
        m = e.take(e.mux)
        self.wait_for_log("a client's task was not stored")
        e.publish(b"s", "status", {"execution_state": "idle"}, m.header)
        e.reply(m, socket=e.mux)
        self.assertEqual(c.receive(c.mux).parent, header)
        os.unlink(ballast)
        tap.wait_for(lambda: self.tasks() == [0] * 5)
        self.assertEqual(c.ask("results_request", {}).content["results"], [])

    def test_what_is_not_stored_is_refused(self):
        c = self.client
        big = c.submit(os.urandom(12 << 20).replace(b"\0", b"x"), label="big")
        self.assertEqual(big["errno"], "ENOSPC")
        self.assertEqual(c.submit(b":", after=["big"])["errno"], "EINVAL")
        self.assertEqual(c.submit(b":")["status"], "pending")

    def test_room_can_be_made(self):
        c, e = self.client, self.controller.engine()
        self.addCleanup(e.close)
        e.join(c)
        for i in (1, 2, 3):
            c.submit(b"x" * 1000)
            e.reply(e.take(), exit_status=0)
            c.wait(i, "ok")
        c.submit(b":")
        c.submit(b"waits")
        m = e.take()
        reserve = os.path.join(self.dir, "reserve")
        self.assertEqual(os.stat(reserve).st_size, (8 << 20) // 16)
        ballast = self.fill()
        trouble = "disk full: submissions are refused"
        self.assertEqual(self.state()["trouble"], trouble)
        # Nor does a small one take what is left.
        self.assertEqual(c.submit(b":")["errno"], "ENOSPC")
        disk = "room on the controller's disk, which is full"
        tap.wait_for(lambda: c.result(5)["why"] == disk)
        # One by one, and all that ended.
        self.assertEqual(self.purge(result=1)["status"], "ok")
        self.assertEqual(self.purge()["purged"], [2, 3])
        e.reply(m, exit_status=0)
        c.wait(4, "ok")
        self.assertEqual(self.state()["trouble"], trouble)
        os.unlink(ballast)
        self.wait_for_log("the disk has room again")
        tap.wait_for(lambda: self.state()["trouble"] is None)
        self.assertEqual(os.stat(reserve).st_size, (8 << 20) // 16)
        self.assertEqual(e.take().content["code"], "waits")
        self.assertEqual(c.submit(b":")["status"], "pending")

    def test_an_end_that_is_not_stored_is_told(self):
        c, e = self.client, self.controller.engine()
        self.addCleanup(e.close)
        e.join(c)
        c.submit(b":")
        m = e.take()
        self.assertIsNone(c.result(1)["unstored"])
        ballast = self.fill()
        e.reply(m, exit_status=0, buffers=[b"x" * 60000], named={"stdout": 0}, stdout=60000)
        full = "its end to be stored: the controller's disk is full"
        tap.wait_for(lambda: c.result(1)["unstored"] == full)
        self.assertEqual(c.result(1)["status"], "running")
        os.unlink(ballast)
        self.assertIsNone(c.wait(1, "ok")["unstored"])

    def test_a_disk_with_no_room_for_the_reserve(self):
        self.controller.stop()
        os.unlink(os.path.join(self.dir, "reserve"))
        ballast = os.path.join(self.dir, "ballast")
        self.assertRaises(OSError, self.fill_up, ballast)
        with open(ballast, "r+b") as f:
            f.truncate(os.stat(ballast).st_size - 300000)
        self.controller.start()
        c = self.controller.client()
        self.addCleanup(c.close)
        self.wait_for_log(
            "there is no room for the reserve, which lets results be purged "
            "when the disk is full"
        )
        self.assertFalse(os.path.exists(os.path.join(self.dir, "reserve")))
        # It is used as long as there is room.
        self.assertEqual(c.submit(b":")["status"], "pending")

    def test_what_a_try_wrote_stays_until_the_next_is_stored(self):
        c, e = self.client, self.controller.engine()
        self.addCleanup(e.close)
        e.join(c)
        c.submit(b":", retries=1)
        m = e.take()
        piece = os.urandom(300000)
        e.output(m, "stdout", 0, piece)
        path = self.dir + "/outputs/1.0.stdout"
        tap.wait_for(lambda: os.path.exists(path))
        ballast = self.fill()
        bad = {"status": "error", "ename": "E", "evalue": "", "traceback": []}
        e.reply(m, bad, exit_status=1, stdout=len(piece))
        self.wait_for_log("the end of a task was not stored; trying again")
        with open(path, "rb") as f:
            self.assertEqual(f.read(), piece)
        os.unlink(ballast)
        e.reply(e.take(), exit_status=0)
        self.assertEqual(c.wait(1, "ok")["task"]["attempt"], 2)
        self.assertFalse(os.path.exists(path))

    def test_an_output_that_is_not_stored_fails_its_task(self):
        c, e = self.client, self.controller.engine()
        self.addCleanup(e.close)
        e.join(c)
        c.submit(b":")
        m = e.take()
        ballast = os.path.join(self.dir, "ballast")
        with open(ballast, "wb") as f:
            f.write(b"x" * (3 << 20))
        piece = os.urandom(1 << 20)
        for i in range(12):
            e.output(m, "stdout", i << 20, piece)
        e.reply(m, exit_status=0, stdout=12 << 20, value_is_stdout=True)
        self.wait_for_log("a piece of an output was not stored")
        os.unlink(ballast)
        r = c.wait(1, "error")
        self.assertEqual(r["task"]["ename"], "StoreError")
        self.assertIn("No space left", r["task"]["evalue"])
        self.assertLess(r["task"]["stdout"], 12 << 20)
        self.assertEqual(c.fetch(1, "stdout", 0, 4).buffers, [piece[:4]])


@unittest.skipUnless(tap.can_mount(), "it needs to mount")
@tap.check
class HugePurge(SmallDisk):
    size = "32m"
    tasks_of_map = 40000

    def end_them_all(self):
        """A map of so many tasks that have ended, without running them: its rows are
        several times the reserve."""
        self.client.submit_map(b":", [b"%d" % i for i in range(self.tasks_of_map)])
        self.assertEqual(self.controller.stop(), 0)
        with contextlib.closing(
            sqlite3.connect(self.dir + "/tasks.db", isolation_level=None)
        ) as db:
            db.execute(
                "WITH RECURSIVE n(i) AS (VALUES(0) UNION ALL SELECT i + 1 FROM n"
                " WHERE i < ? - 1) INSERT INTO tasks(key, state, msg_id, attempt, started,"
                " completed, received, exit_status, in_file, stdout, stdout_size)"
                " SELECT (1 << 24) + i, 3, 'm' || i, 1, 1, 2, 3, 0, 0, zeroblob(100), 100"
                " FROM n",
                [self.tasks_of_map],
            )
        self.controller.start()
        self.follow_again()

    def test_a_huge_map_is_purged_on_a_full_disk(self):
        self.end_them_all()
        self.assertEqual(self.client.result(1)["status"], "ok")
        path = self.dir + "/tasks.db"
        reserve = os.stat(self.dir + "/reserve").st_size
        self.assertGreater(os.stat(path).st_size, 3 * reserve)
        ballast = self.fill()
        self.assertEqual(self.purge(result=1)["status"], "ok")
        self.assertIsNone(self.client.result(1))
        os.unlink(ballast)
        tap.wait_for(lambda: self.state()["trouble"] is None)

    def start_to_be_killed(self, at):
        """At so many writes after it said that the disk is full."""
        now = self.dir + ".now"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(now)
        library = shutil.copy(FAILCALL, self.dir + ".so")
        self.addCleanup(lambda: [os.unlink(p) for p in (now, library) if os.path.exists(p)])
        self.controller.launch(dict(
            os.environ,
            LD_PRELOAD=library,
            ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
            FAIL_DIR=self.dir + "/tasks.db", FAIL_CALLS="write", FAIL_HOW="KILL",
            FAIL_AT=str(at), FAIL_WHILE=now,
        ))
        self.follow_again()
        return now

    def follow_again(self):
        self.client = self.controller.client()
        self.addCleanup(self.client.close)
        self.client.follow()

    def test_it_is_killed_between_two_parts(self):
        """What is left is a result some of whose tasks were aborted; it is purged again."""
        self.end_them_all()
        self.controller.may_end = True
        seen = set()
        for at in 20, 400, 1000:
            self.assertEqual(self.controller.stop(), 0)
            now = self.start_to_be_killed(at)
            ballast = self.fill()
            open(now, "w").close()
            with self.assertRaises(Ended):
                self.purge(result=1)
            os.close(self.controller.pidfd)
            os.unlink(ballast)
            check = [PROGRAM, "--check", "--cluster-dir=" + self.dir]
            done = subprocess.run(check, check=False, stdout=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 0)
            self.controller.start()
            self.follow_again()
            r = self.client.result(1)
            self.assertIn(r["status"], ("ok", "aborted"))
            seen.add(r["status"])
        self.assertIn("aborted", seen)
        self.assertEqual(self.purge(result=1)["status"], "ok")
        self.assertIsNone(self.client.result(1))


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
