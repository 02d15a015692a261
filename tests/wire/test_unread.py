#!/usr/bin/python3
"""What is signed, and cannot be read: 64 levels, NaN, 1e999, more than 64 MiB. Nobody
waits for ever for the answer, and the log says what it was. And numbers that are
cut short elsewhere: 2^32 is not root. BUILD is the directory of the programs. Prints
TAP."""

import contextlib
import json
import shutil
import sqlite3
import subprocess
import sys

import zmq

import controller_case
import tap
from controller_case import PROGRAM
from engine_case import Case as EngineCase
from peers import DELIMITER, new_id, sign

DEEP = b'{"a": ' + b"[" * 64 + b"]" * 64 + b"}"
NUMBERS = b'{"a": NaN}', b'{"a": -Infinity}', b'{"a": 1e999}'
LONG = b'{"a": "' + b"x" * (64 << 20) + b'"}'
# What is wrong with it, and the words for it.
REFUSED = [
    (DEEP, "64 levels are too many"),
    *((n, "too large for one") for n in NUMBERS),
    (b'{"a": 1,}', "unexpected"),
    (b"[]", "it is no object"),
]
REFUSED_LONG = (LONG, "longer than 64 MiB")
HEADER, PARENT, METADATA, CONTENT = range(4)


class Case(controller_case.Case):
    def said(self):
        return [
            x["why"]
            for x in self.controller.log_lines()
            if x["what"] == "a signed message cannot be read"
        ]


def changed(peer, frames, part, text):
    """The same message with another part, signed."""
    at = frames.index(DELIMITER) + 2
    frames = list(frames)
    if part == HEADER:  # that of the message, and what cannot be read
        text = frames[at][:-1] + b', "and": ' + text + b"}"
    frames[at + part] = text
    frames[at - 1] = sign(peer.key, frames[at : at + 4])
    return frames


@tap.check
class Questions(Case):
    def refused(self, c, kind, part, text, word):
        header, frames = c.frames(kind, {})
        c.query.send_multipart(changed(c, frames, part, text))
        m = c.receive(
            c.query, lambda m: m.parent.get("msg_id") == header["msg_id"]
        )
        self.assertEqual(m.content["status"], "error")
        self.assertEqual(m.content["errno"], "EINVAL")
        self.assertEqual(m.content["ename"], "ValueError")
        self.assertIn(word, m.content["evalue"])

    def test_each_part(self):
        c = self.client()
        for part in HEADER, PARENT, METADATA, CONTENT:
            for text, word in REFUSED:
                if part == HEADER and text in (b"[]", b'{"a": 1,}'):
                    continue
                self.refused(c, "connection_request", part, text, word)
        n = c.counters()
        self.assertEqual(n["messages_malformed"], 0)
        self.assertEqual(n["messages_unreadable"], 4 * len(REFUSED) - 2)
        # What is said is what it is.
        for why in self.said():
            self.assertTrue(any(w in why for _, w in REFUSED), why)
        self.assertEqual(c.hello()["status"], "ok")

    def test_each_question(self):
        c = self.client()
        for kind in (
            "submit_request",
            "fetch_request",
            "control_request",
            "registration_request",
            "db_request",
            "nobody_knows",
        ):
            self.refused(c, kind, CONTENT, DEEP, "64 levels")
        self.assertEqual(c.ask("results_request", {}).content["results"], [])

    @tap.check
    def test_what_is_too_long(self):
        c = self.client()
        self.refused(c, "submit_request", CONTENT, *REFUSED_LONG)
        self.refused(c, "submit_request", METADATA, *REFUSED_LONG)
        self.assertEqual(c.hello()["status"], "ok")

    def test_who_cannot_be_answered_is_not(self):
        """No msg_id can be found: nobody waits for an answer to it."""
        c = self.client()
        for header in b"{", b"[]", b'{"msg_id": 1, "msg_type": "x"}', b"\xff":
            parts = [header, b"{}", b"{}", b"{}"]
            c.query.send_multipart([DELIMITER, sign(c.key, parts), *parts])
        tap.wait_for(lambda: c.counters()["messages_unreadable"] == 4)

    def test_what_is_not_signed_gets_no_answer(self):
        c = self.client()
        _, frames = c.frames("connection_request", {})
        frames = changed(c, frames, CONTENT, DEEP)
        frames[1] = frames[1][::-1]
        c.query.send_multipart(frames)
        n = c.counters()
        self.assertEqual(n["messages_forged"], 1)
        self.assertEqual(n["messages_unreadable"], 0)
        # The first thing that came was the answer to that.
        self.assertEqual(len(c.heard), 1)


@tap.check
class Tasks(Case):
    """Those that clients of ipyparallel send themselves."""

    def answer(self, c, socket, header):
        m = c.receive(
            socket, lambda m: m.parent.get("msg_id") == header["msg_id"]
        )
        self.assertEqual(m.content["status"], "error")
        self.assertEqual(m.content["ename"], "ValueError")
        self.assertIn("cannot be read", m.content["evalue"])
        self.assertIn("cannot be read", m.content["traceback"][-1])
        return m

    def test_of_the_queue(self):
        c, e = self.pair()
        for part in METADATA, CONTENT:
            for text, _ in REFUSED:
                header, frames = c.frames("apply_request", {})
                c.task.send_multipart(changed(c, frames, part, text))
                m = self.answer(c, c.task, header)
                self.assertEqual(m.type, "apply_reply")
        self.assertEqual(c.ask("results_request", {}).content["results"], [])

    def test_to_one_engine(self):
        c, e = self.pair()
        me = e.uuid.encode()
        for socket, kind, reply in (
            (c.mux, "execute_request", "apply_reply"),
            (c.control, "abort_request", "abort_reply"),
        ):
            header, frames = c.frames(kind, {"code": "1"})
            frames = changed(c, frames, METADATA, DEEP)
            socket.send_multipart([me, *frames])
            self.assertEqual(self.answer(c, socket, header).type, reply)
        # The content is for the engine, which may read more than we do.
        _, frames = c.frames("execute_request", {})
        c.mux.send_multipart([me, *changed(c, frames, CONTENT, DEEP)])
        frames = e.mux.recv_multipart()
        self.assertEqual(frames[-1], DEEP)

    def test_to_many_engines(self):
        c, e = self.pair()
        socket = c.connect(zmq.DEALER, c.info["broadcast"])
        for coalescing in True, False:
            metadata = {
                "targets": [[e.uuid, 0]],
                "is_broadcast": True,
                "is_coalescing": coalescing,
            }
            header, frames = c.frames("apply_request", {}, metadata)
            socket.send_multipart(changed(c, frames, CONTENT, DEEP))
            if not coalescing:
                header["msg_id"] += "_" + e.uuid
            self.answer(c, socket, header)
            header, frames = c.frames("apply_request", {}, metadata)
            socket.send_multipart(changed(c, frames, METADATA, DEEP))
            self.answer(c, socket, header)
        self.assertEqual(c.ask("results_request", {}).content["results"], [])


@tap.check
class Replies(Case):
    """An engine's: the only one that comes."""

    def reply(self, e, m, socket, part, text):
        content = {"status": "ok", "execution_count": 1}
        metadata = {"engine": e.uuid, "status": "ok"}
        _, frames = e.frames("execute_reply", content, metadata, m.header)
        frames = changed(e, frames, part, text)
        socket.send_multipart([*m.idents, *frames])

    def test_of_our_task(self):
        c, e = self.pair()
        for i, (part, (text, word)) in enumerate(
            (part, r) for part in (METADATA, CONTENT) for r in REFUSED
        ):
            c.submit(b":")
            self.reply(e, e.take(), e.task, part, text)
            r = c.wait(i + 1, "error")
            self.assertEqual(r["task"]["ename"], "ReplyError")
            self.assertIn(word, r["task"]["evalue"])
        # It is free for the next, which is tried again if it wants.
        c.submit(b":", retries=1)
        self.reply(e, e.take(), e.task, CONTENT, DEEP)
        e.reply(e.take(), exit_status=0)
        r = c.wait(2 * len(REFUSED) + 1, "ok")
        self.assertEqual(r["task"]["attempt"], 2)

    def test_of_a_client_s_task(self):
        """The client has it as it is; mounts hear that nobody knows."""
        c, e = self.pair(taskfs=False)
        for i, part in enumerate((CONTENT, METADATA)):
            header, frames = c.frames("execute_request", {"code": "1"})
            c.mux.send_multipart([e.uuid.encode(), *frames])
            m = e.take(e.mux)
            self.reply(e, m, e.mux, part, DEEP)
            frames = c.mux.recv_multipart()
            self.assertIn(DEEP, frames)
            e.publish(b"x", "status", {"execution_state": "idle"}, m.header)
            r = c.wait(i + 1, "error", "ok")
            if part == CONTENT:
                self.assertEqual(r["status"], "error")
                self.assertEqual(r["task"]["ename"], "ReplyError")
        ask = {"query": {}, "keys": ["result_metadata", "result_content"]}
        for r in c.ask("db_request", ask).content["records"]:
            self.assertIn("result_metadata", r)


@tap.check
class Engines(EngineCase):
    """An engine of ours, told what it cannot read."""

    taskfs = False

    def refused(self, name, kind, part, text, word):
        header, frames = self.boss.frames(kind, {"code": "echo"})
        frames = changed(self.boss, frames, part, text)
        self.boss.send(name, header, frames, [b"client"])
        socket = getattr(self.boss, name)
        m = self.boss.receive(
            socket, lambda m: m.parent.get("msg_id") == header["msg_id"]
        )
        self.assertEqual(m.type, kind.replace("_request", "_reply"))
        self.assertEqual(m.idents[-1], b"client")
        self.assertEqual(m.content["status"], "error")
        self.assertIn(word, m.content["evalue"])
        self.assertIn(word, m.content["traceback"][-1])
        return header

    def test_tasks(self):
        for name in "mux", "task", "broadcast":
            for part in HEADER, METADATA, CONTENT:
                h = self.refused(name, "execute_request", part, *REFUSED[0])
                # Who waits for the end of its outputs hears that, too.
                m = self.boss.receive(
                    self.boss.iopub,
                    lambda m: m.parent.get("msg_id") == h["msg_id"],
                )
                self.assertEqual(m.content["execution_state"], "idle")

    def test_all_kinds(self):
        for text, word in REFUSED:
            self.refused("control", "kill_request", CONTENT, text, word)
        # It works as before.
        m = self.boss.reply(self.boss.run("echo yes", "mux"), "mux")
        self.assertEqual(m.content["status"], "ok")


@tap.check
class Queries(Case):
    """A question that SQLite refuses is its client's mistake."""

    def test_too_wide(self):
        c = self.client()
        c.submit(b":")
        for query in (
            {"$or": [{"msg_id": "no%d" % i} for i in range(2000)]},
            {"$and": [{"msg_id": {"$ne": "%d" % i}} for i in range(2000)]},
            {"msg_id": {"$all": [["a"]] * 2000}},
            {"content": {"$all": ["a"] * 2000}},
            {"$nor": [{"x" * 300 + str(i): 1} for i in range(30000)]},
        ):
            m = c.ask("db_request", {"query": query, "keys": ["msg_id"]})
            self.assertEqual(m.content["status"], "error", str(query)[:40])
            self.assertEqual(m.content["ename"], "ValueError")
            self.assertEqual(m.content["errno"], "E2BIG")
            self.assertIn("too many conditions", m.content["evalue"])
        self.assertEqual(c.counters()["store_errors"], 0)
        # One that is as wide as can be is answered.
        each = [{"msg_id": {"$ne": "%d" % i}} for i in range(400)]
        ask = {"query": {"$or": each}, "keys": ["msg_id"]}
        self.assertEqual(len(c.ask("db_request", ask).content["records"]), 1)

    def test_mod_of_what_is_no_number(self):
        c = self.client()
        for of in ["x", 0], [None, 1], [1.5, 1], [2**64, 1]:
            m = c.ask("db_request", {"query": {"x": {"$mod": of}}})
            self.assertEqual(m.content["ename"], "TypeError", of)


@tap.check
class Numbers(Case):
    """Those that are kept in fewer bits than they came with."""

    def submit(self, c, **more):
        one = {"token": new_id(), "options": {}, "code": 0, **more}
        m = c.ask("submit_request", {"results": [one]}, [b":"])
        return m.content["results"][0]

    def test_users(self):
        c = self.client()
        for bad in (
            2**32,
            2**32 - 1,
            2**32 + 1000,
            -1,
            -(2**32),
            2**63,
            2**64,
            10**30,
            1.0,
            "0",
            True,
            [],
        ):
            for who in {"uid": bad}, {"gid": bad}, {"uid": 0, "gid": bad}:
                r = self.submit(c, **who)
                self.assertEqual(r["status"], "error", who)
                self.assertEqual(r["errno"], "EINVAL")
                self.assertIn("from 0 to 4294967294", r["evalue"])
        self.assertEqual(c.ask("results_request", {}).content["results"], [])
        for good in 0, 1000, 2**31, 2**32 - 2:
            r = self.submit(c, uid=good, gid=good)
            self.assertEqual((r["uid"], r["gid"]), (good, good))
        r = self.submit(c)
        self.assertEqual((r["uid"], r["gid"]), (65534, 65534))

    def test_exits(self):
        """65536 is not success."""
        c, e = self.pair()
        bad = [
            {"exit_status": 65536},
            {"exit_status": 2**32},
            {"exit_status": 256},
            {"exit_status": -1},
            {"exit_status": "0"},
            {"exit_status": 10**30},
            {"signal": 65537},
            {"signal": 0},
            {"exit_status": 0, "signal": 2**32 + 9},
        ]
        for i, more in enumerate(bad):
            c.submit(b":")
            e.reply(e.take(), **more)
            r = c.wait(i + 1, "error")
            self.assertEqual(r["task"]["ename"], "ReplyError", more)
            self.assertIsNone(r["task"]["exit_status"])
            self.assertIsNone(r["task"]["signal"])
        for i, status in enumerate((0, 255)):
            c.submit(b":")
            e.reply(e.take(), exit_status=status, signal=None)
            r = c.wait(len(bad) + i + 1, "ok")
            self.assertEqual(r["task"]["exit_status"], status)

    def test_a_task_that_is_no_number_is_not_all_of_them(self):
        c, e = self.pair()
        c.submit_map(b":", [b"a", b"b"])
        e.take()
        c.wait(1, "running")
        for task in "1", 1.0, True, [], 2, -1, 2**32, 2**64:
            ask = {"result": 1, "verb": "abort", "task": task, "uid": 0}
            m = c.ask("control_request", ask)
            self.assertEqual(m.content["errno"], "ENOENT", task)
        self.assertEqual(c.result(1)["count"], [1, 1, 0, 0, 0])

    def test_an_engine_that_is_no_number_is_not_the_first(self):
        c, e = self.pair()
        c.submit(b":")
        e.reply(e.take(), exit_status=0)
        c.wait(1, "ok")
        for id in "0", None, 0.5, False, 2**32, 2**64:
            m = c.ask("purge_request", {"msg_ids": [], "engine_ids": [id]})
            self.assertEqual(m.content["status"], "error", id)
            self.assertEqual(c.result(1)["status"], "ok")

    def test_pids(self):
        c, e = self.pair()
        for pid in 2**32, 2**31, -1, "1", 2**64:
            e.taskfs = False
            about = {
                "version": 1,
                "host": "here",
                "pid": pid,
                "language": "test",
                "since": -(2**60),
                "running": [],
                "finished": [],
            }
            f = self.controller.engine()
            self.peers.append(f)
            f.taskfs = False
            f.register(taskfs=about)
            state = c.ask("state_request", {}).content
            for one in state["engines"]:
                self.assertLess(one["pid"], 2**31)
                self.assertGreaterEqual(one["pid"], 0)
                self.assertGreaterEqual(one["since"], 0)

    def test_stored_ones(self):
        """They are refused, and a recovery forgets them."""
        c, e = self.pair()
        c.submit(b":")
        e.reply(e.take(), exit_status=0)
        c.wait(1, "ok")
        self.assertEqual(self.controller.stop(), 0)
        path = self.controller.dir + "/tasks.db"
        for table, column, value in (
            ("results", "uid", 2**32),
            ("results", "gid", -1),
            ("results", "born", -(2**60)),
            ("results", "rest_elapsed", 2**62),
            ("tasks", "engine", 2**32),
            ("tasks", "attempt", 65536 + 1),
            ("tasks", "exit_status", 65536),
            ("tasks", "signal", 2**32 + 9),
            ("tasks", "ran", -5),
            ("tasks", "elapsed", 2**62),
            ("tasks", "began", -1),
        ):
            with contextlib.closing(sqlite3.connect(path)) as db, db:
                db.execute("UPDATE %s SET %s=?" % (table, column), (value,))
            run = [PROGRAM, "--cluster-dir=" + self.controller.dir]
            p = subprocess.run(run, capture_output=True, text=True)
            self.assertEqual(p.returncode, 4, column)
            self.assertIn("cannot be", p.stderr)
            p = subprocess.run([*run, "--check"], capture_output=True, text=True)
            self.assertEqual(p.returncode, 4, column)
            self.assertIn("cannot be", p.stdout)
            # Copies are named by the second.
            shutil.rmtree(
                self.controller.dir + "/lost+found", ignore_errors=True
            )
            p = subprocess.run(
                [*run, "--recover"], capture_output=True, text=True
            )
            self.assertEqual(p.returncode, 0, p.stdout)
            self.assertIn("numbers that cannot be", p.stdout)
            self.controller.start()
            r = self.client().result(1)
            self.assertEqual(r["status"], "ok", json.dumps(r))
            self.assertIn(r["task"]["exit_status"], (0, None))
            self.assertLess(r["uid"], 2**32 - 1)
            self.assertGreaterEqual(r["elapsed"], 0)
            self.assertGreaterEqual(r["serial"], 0)
            self.assertEqual(self.controller.stop(), 0)


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
