#!/usr/bin/python3
"""The engine as a controller of ipyparallel sees it."""

import os
import sys
from shlex import quote

import tap
from engine_case import Case
from peers import DELIMITER, sign


class Stock(Case):
    taskfs = False

    def iopub(self, n):
        return [self.boss.hear("iopub") for i in range(n)]

    def test_registration(self):
        c = self.request.content
        self.assertEqual(c["uuid"].encode(), self.boss.uuid)
        self.assertEqual(self.request.header["session"], c["uuid"])
        self.assertNotIn("id", c)
        pong = self.boss.ping_until_heard()
        self.assertEqual(pong[0], self.boss.uuid)
        self.assertEqual(len(pong), 2)

    def test_the_sequence_of_a_loud_task(self):
        h = self.boss.run(
            "echo out; echo err >&2",
            "mux",
            client=[b"\0abc", b"other"],
            silent=False,
            metadata={"is_broadcast": True, "original_msg_id": "x", "label": "l"},
        )
        said = self.iopub(6)
        self.assertEqual(
            [m.type for m in said],
            ["status", "execute_input", "stream", "stream", "execute_result",
             "status"],
        )
        for m in said:
            self.assertEqual(m.parent, h)
            self.assertEqual(m.metadata, {"engine": self.boss.uuid.decode()})
            self.assertTrue(m.idents[0].startswith(b"engine.0."))
        self.assertEqual(said[0].content, {"execution_state": "busy"})
        self.assertEqual(said[1].content["code"], "echo out; echo err >&2")
        self.assertEqual(said[2].content, {"name": "stdout", "text": "out\n"})
        self.assertEqual(said[3].content, {"name": "stderr", "text": "err\n"})
        self.assertEqual(said[4].content["data"], {"text/plain": "out"})
        self.assertEqual(said[5].content, {"execution_state": "idle"})
        m = self.boss.reply(h, "mux")
        self.assertEqual(m.idents, [self.boss.uuid, b"\0abc", b"other"])
        self.assertEqual(m.content["status"], "ok")
        self.assertEqual(m.content["execution_count"], 1)
        self.assertEqual(m.parent, h)
        for key, value in {
            "engine": self.boss.uuid.decode(),
            "dependencies_met": True,
            "status": "ok",
            "is_broadcast": True,
            "is_coalescing": False,
            "original_msg_id": "x",
            "label": "l",
        }.items():
            self.assertEqual(m.metadata[key], value)
        self.assertIn("started", m.metadata)
        self.assertNotIn("taskfs", m.metadata)

    def test_a_quiet_task_and_its_value(self):
        self.boss.run("echo 5 >&3", "mux", silent=True)
        self.assertEqual([m.type for m in self.iopub(2)], ["status"] * 2)
        self.boss.run("echo 5 >&3", "broadcast", silent=False)
        said = self.iopub(4)
        self.assertEqual(said[2].content["data"], {"text/plain": "5"})

    def test_an_error(self):
        h = self.boss.run("echo why >&2; exit 3", "mux")
        m = self.boss.reply(h, "mux")
        self.assertEqual(m.content["ename"], "ExitStatus")
        self.assertEqual(m.content["evalue"], "exit status 3")
        self.assertEqual(
            m.content["traceback"], ["why", "ExitStatus: exit status 3"]
        )
        info = {
            "engine_uuid": self.boss.uuid.decode(),
            "engine_id": 0,
            "method": "execute",
        }
        self.assertEqual(m.content["engine_info"], info)
        self.assertEqual(m.metadata["engine_info"], info)
        kinds = [x.type for x in self.iopub(5)]
        self.assertEqual(kinds[3], "error")

    def test_output_that_is_no_utf8(self):
        fifo = self.fifo()
        self.boss.run("printf 'a\\377\\303'; read x < " + quote(fifo)
                      + "; printf '\\251'", "mux")
        self.assertEqual(self.printed(), "a\ufffd")
        with open(fifo, "w") as f:
            f.write("\n")
        self.assertEqual(self.printed(), "é")

    def printed(self):
        return self.boss.hear("iopub", "stream").content["text"]

    def test_failure_aborts_what_waits(self):
        first = self.boss.run("read x; exit 1", "mux", silent=False)
        second = self.boss.run("echo", "mux")
        self.assertEqual(
            self.boss.reply(first, "mux").content["status"], "error"
        )
        # They may have arrived one by one: then the second has run.
        self.boss.reply(second, "mux")
        block = self.boss.run("exec sleep 1000", "mux", silent=False)
        waiting = self.boss.run("echo", "mux")
        self.wait_running(block)
        self.boss.arrived("mux")
        self.ask("signal_request", {"sig": "SIGKILL"})
        self.boss.reply(block, "mux")
        m = self.boss.reply(waiting, "mux")
        self.assertEqual(m.content, {"status": "aborted"})
        self.assertEqual(m.metadata["status"], "aborted")

    def test_silent_failure_aborts_nothing(self):
        block = self.boss.run("exec sleep 1000", "mux", silent=True)
        waiting = self.boss.run("echo", "mux")
        self.wait_running(block)
        # Those for others are none for this one.
        for id in waiting["msg_id"], "gone":
            m = self.ask("signal_request", {"sig": 9, "msg_id": id})
            self.assertEqual(m.content, {"status": "ok"})
        self.ask("signal_request", {"sig": 15, "msg_id": block["msg_id"]})
        m = self.boss.reply(block, "mux")
        self.assertEqual(m.content["evalue"], "killed by SIGTERM")
        self.assertEqual(
            self.boss.reply(waiting, "mux").content["status"], "ok"
        )

    def wait_running(self, header):
        self.boss.receive(
            self.boss.iopub, lambda m: m.parent == header
        )

    def ask(self, kind, content):
        h = self.boss.say("control", kind, content)
        m = self.boss.hear("control")
        self.assertEqual(m.parent, h)
        return m

    def test_abort(self):
        block = self.boss.run("exec sleep 1000", "mux")
        one, two = self.boss.run("echo", "mux"), self.boss.run("echo", "mux")
        self.wait_running(block)
        self.boss.arrived("mux")
        m = self.ask("abort_request", {"msg_ids": [one["msg_id"]]})
        self.assertEqual(m.type, "abort_reply")
        self.assertEqual(m.content, {"status": "ok"})
        self.assertEqual(
            self.boss.reply(one, "mux").content, {"status": "aborted"}
        )
        self.ask("abort_request", {"msg_ids": []})
        self.assertEqual(
            self.boss.reply(two, "mux").content, {"status": "aborted"}
        )
        # One that is not there yet.
        header, frames = self.boss.frames(
            "execute_request", {"code": "echo", "silent": True}
        )
        self.ask("abort_request", {"msg_ids": header["msg_id"]})
        # Of many the engine knows the first, too.
        self.ask("abort_request", {"msg_ids": ["other-%d" % i for i in range(100000)]})
        self.boss.send("mux", header, frames)
        self.assertEqual(
            self.boss.reply(header, "mux").content, {"status": "aborted"}
        )
        m = self.ask("abort_request", {"msg_ids": None})
        self.assertEqual(m.content["status"], "error")
        self.ask("signal_request", {"sig": "SIGKILL"})
        self.boss.reply(block, "mux")

    def test_other_requests(self):
        m = self.ask("kernel_info_request", {})
        self.assertEqual(m.content["language_info"]["name"], "sh")
        # Who has heard its end on iopub hears what tasks print.
        for state in "busy", "idle":
            status = self.boss.hear("iopub")
            self.assertEqual(status.content, {"execution_state": state})
            self.assertEqual(status.parent, m.parent)
        m = self.ask("clear_request", {})
        self.assertEqual(m.content, {"status": "ok"})
        m = self.ask("signal_request", {"sig": "NOSUCH"})
        self.assertEqual(m.content["status"], "error")
        self.boss.say("mux", "apply_request", {}, buffers=[b"a", b"b"])
        m = self.boss.hear("mux")
        self.assertEqual(m.type, "apply_reply")
        self.assertEqual(m.content["ename"], "NotSupported")
        self.assertEqual(m.content["engine_info"]["method"], "apply")

    def test_rubbish_changes_nothing(self):
        b = self.boss
        key = b.key
        b.key = b"another"
        b.run("touch " + quote(b.dir + "/forged"), "mux")
        b.key = key
        header, frames = b.frames("no_such_request", {"x": 1})
        b.send("mux", header, frames)
        b.send("control", header, frames)
        for frames in (
            [b""],
            [DELIMITER],
            [b"x", DELIMITER, b"", b"{}", b"{}", b"{}", b"{}"],
            [DELIMITER, b"0" * 64, b"{}", b"{}", b"{}", b"{}"],
        ):
            b.send("mux", None, frames)
            b.send("registration", None, frames)
            b.send("hb_pong", None, frames)
        for parts in ([b"[]"] * 4, [b"nonsense"] * 4, [b"{}"] * 4):
            b.send("task", None, [DELIMITER, sign(key, parts), *parts])
        h = b.say("mux", "execute_request", {"silent": True})
        self.assertEqual(b.reply(h, "mux").content["ename"], "StartError")
        h = b.say("mux", "execute_request", {"code": [1], "silent": "x"})
        self.assertEqual(b.reply(h, "mux").content["ename"], "StartError")
        # A replay is dropped, silent or not.
        header, frames = b.frames(
            "execute_request", {"code": "echo x >> " + quote(b.dir + "/replayed")}
        )
        b.send("mux", header, frames)
        b.reply(header, "mux")
        b.send("mux", header, frames)
        b.reply(b.run("echo", "mux"), "mux")
        with open(b.dir + "/replayed") as f:
            self.assertEqual(f.read(), "x\n")
        self.assertFalse(os.path.exists(b.dir + "/forged"))

    def test_a_task_with_another_stdin_does_not_run(self):
        b = self.boss
        code = "cat; touch " + quote(b.dir + "/ran")
        metadata = {"taskfs": {"result": 7, "index": 0, "stdin": 0}}
        header, frames = b.frames(
            "execute_request",
            {"code": code, "silent": True, "user_expressions": {}},
            metadata,
            buffers=[b"good"],
        )
        b.send("task", header, frames[:-1] + [b"evil"])
        b.reply(b.run("echo", "mux"), "mux")
        self.assertFalse(os.path.exists(b.dir + "/ran"))

    def test_shutdown(self):
        self.wait_running(self.boss.run("exec sleep 1000", "mux"))
        m = self.ask("shutdown_request", {"restart": False})
        self.assertEqual(m.content, {"status": "ok", "restart": False})
        m = self.boss.hear("iopub", "shutdown_reply")
        self.assertEqual(m.header["session"].encode(), self.boss.uuid)
        m = self.boss.hear("registration", "unregistration_request")
        self.assertEqual(m.content, {"id": 0, "uuid": self.boss.uuid.decode()})
        self.assertEqual(self.process.wait(), 0)

    def test_many_at_once(self):
        """They run in their order; which is answered first is not promised."""
        sent = [self.boss.run(":", "mux", silent=True) for i in range(200)]
        got = [self.boss.hear("mux", "execute_reply") for _ in sent]
        self.assertEqual([m.content["status"] for m in got], ["ok"] * 200)
        got.sort(key=lambda m: m.content["execution_count"])
        self.assertEqual(
            [m.parent["msg_id"] for m in got], [h["msg_id"] for h in sent]
        )


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
