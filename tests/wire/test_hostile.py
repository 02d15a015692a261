#!/usr/bin/python3
"""What nobody should send."""

import json
import sys
from datetime import datetime

import tap
from controller_case import Case
from peers import DELIMITER, new_id, sign


@tap.check
class Rubbish(Case):
    def test_what_is_not_signed_with_the_key_is_dropped_and_counted(self):
        c = self.client()
        _, good = c.frames("connection_request", {})
        unsigned = good[:1] + [b""] + good[2:]
        forged = good[:1] + [b"0" * 64] + good[2:]
        changed = good[:5] + [b'{"a": 1}'] + good[6:]
        for frames in unsigned, forged, changed:
            c.query.send_multipart(frames)
        counts = c.counters()
        self.assertEqual(counts["messages_unsigned"], 1)
        self.assertEqual(counts["messages_forged"], 2)

    def test_buffers_that_were_not_signed_for_are_dropped_and_counted(self):
        """Of clients and of engines; ipyparallel's do not sign for any."""
        c, e = self.pair()
        task = {"token": new_id(), "options": {}, "code": 0, "uid": 0, "gid": 0}
        _, good = c.frames(
            "submit_request", {"results": [task]}, buffers=[b"echo good"]
        )
        changed = [good[:-1] + [b"echo evil"], good[:-1], [*good, b"more"]]
        for frames in changed:
            c.query.send_multipart(frames)
        self.assertEqual(c.counters()["messages_forged"], 3)
        self.assertIsNone(c.result(1))
        c.query.send_multipart(good)
        c.receive(c.query, lambda m: m.type == "submit_reply")
        request = e.take()
        self.assertEqual(request.buffers, [])
        reply = {"exit_status": 0, "stdout": 4, "buffers": {"stdout": 0}}
        _, frames = e.frames(
            "execute_reply",
            {"status": "ok", "execution_count": 1},
            {"status": "ok", "engine": e.uuid, "taskfs": reply},
            request.header,
            [b"good"],
        )
        e.task.send_multipart(frames[:-1] + [b"evil"])
        e.task.send_multipart(frames)
        c.wait(1, "ok")
        self.assertEqual(c.fetch(1, "stdout").buffers, [b"good"])
        self.assertEqual(c.counters()["messages_forged"], 4)

    def test_a_message_is_good_once(self):
        c = self.client()
        _, frames = c.frames("connection_request", {})
        c.query.send_multipart(frames)
        c.query.send_multipart(frames)
        self.assertEqual(c.counters()["messages_replayed"], 1)

    def test_malformed_messages_are_dropped_counted_and_logged(self):
        c = self.client()
        key = self.controller.info("client")["key"].encode()

        def signed(*parts):
            return [DELIMITER, sign(key, parts), *parts]

        rubbish = [
            [b"x"],
            [DELIMITER],
            [b""] * 20,
            signed(b"{}", b"{}", b"{}"),
            signed(b"{", b"{}", b"{}", b"{}"),
            signed(b"[]", b"{}", b"{}", b"{}"),
            signed(b'{"msg_id": 1, "msg_type": "x"}', b"{}", b"{}", b"{}"),
            signed(b'{"msg_id": "1"}', b"{}", b"{}", b"{}"),
            signed(b'{"msg_id":"1","msg_type":"x"}', b"{}", b"{}", b"NaN"),
            signed(b"\xff", b"{}", b"{}", b"{}"),
            signed(b"[" * 100000, b"{}", b"{}", b"{}"),
        ]
        sockets = c.query, c.mux, c.task, c.control
        for socket in sockets:
            for frames in rubbish:
                socket.send_multipart(frames)
        # Relays leave the content to the receiver: one of these may pass.
        # What was signed is good once, on whatever socket.
        want = len(rubbish) * len(sockets) - 1
        def dropped():
            n = c.counters()
            return (
                n["messages_malformed"]
                + n["messages_unreadable"]
                + n["messages_replayed"]
            )

        tap.wait_for(lambda: dropped() >= want)
        n = c.counters()
        self.assertEqual(n["messages_malformed"], 4 * len(sockets))
        self.assertGreaterEqual(n["messages_unreadable"], len(rubbish) - 4)
        self.assertEqual(c.hello()["status"], "ok")
        lines = [
            x
            for x in self.controller.log_lines()
            if x["what"]
            in ("a message was dropped", "a signed message cannot be read")
        ]
        # Five for each socket, and those again after ten seconds.
        first, *_, last = (datetime.fromisoformat(x["time"]) for x in lines)
        windows = 1 + (last - first).total_seconds() // 10
        self.assertLessEqual(len(lines), 5 * len(sockets) * windows)

    def test_an_unknown_request_gets_an_error_as_from_stock(self):
        m = self.client().ask("bogus", {})
        self.assertEqual(m.type, "hub_error")
        self.assertEqual(m.content["ename"], "KeyError")
        self.assertEqual(m.content["evalue"], "\"Bad Message Type: 'bogus'\"")

    def test_submissions_that_are_wrong_change_nothing(self):
        c = self.client()
        wrong = [
            {},
            {"results": []},
            {"results": [{}]},
            {"results": [{"options": {}}]},
            {"results": [{"options": {}, "code": 7}]},
            {"results": [{"options": {"bogus": 1}, "code": 0}]},
            {"results": [{"options": {"retries": -1}, "code": 0}]},
            {"results": [{"options": {"retries": "1"}, "code": 0}]},
            {"results": [{"options": {"label": "../x"}, "code": 0}]},
            {"results": "x"},
        ]
        for content in wrong:
            m = c.ask("submit_request", content, [b":"])
            answer = m.content
            if answer["status"] == "ok":
                answer = answer["results"][0]
            self.assertEqual(answer["status"], "error", content)
            self.assertEqual(answer["errno"], "EINVAL", content)
            self.assertTrue(answer["evalue"], content)
        self.assertEqual(c.ask("results_request", {}).content["results"], [])

    def test_code_that_is_too_long_is_refused(self):
        answer = self.client().submit(b"x" * ((16 << 20) + 1))
        self.assertEqual(answer["errno"], "EFBIG")


@tap.check
class Hostile(Case):
    """Correctly signed, and meant badly."""

    def apply(self, c, msg_id=None):
        header, frames = c.frames("apply_request", {})
        if msg_id:
            header["msg_id"] = msg_id
            parts = [json.dumps(header).encode()] + frames[3:6]
            frames = [DELIMITER, sign(c.key, parts), *parts]
        return header, frames

    def test_errors_that_are_no_strings_or_too_long(self):
        c, e = self.pair()
        wrong = [
            {"traceback": [None, 1, {}, "x"], "ename": 5, "evalue": None},
            {"traceback": "x", "ename": "a b\nc" * 100000, "evalue": "y" * 99999},
            {},
        ]
        for i, content in enumerate(wrong):
            c.submit(b":", retries=1)
            for _ in range(2):
                e.reply(e.take(), dict(content, status="error"), exit_status=1)
            r = c.wait(i + 1, "error")
            self.assertLess(len(json.dumps(r)), 20000)
            for line in r["task"]["attempts"].splitlines():
                self.assertEqual(len(line.split()), 7)

    def test_a_task_that_waits_is_aborted_and_its_client_told(self):
        c, e = self.pair(taskfs=False)
        first, frames = self.apply(c)
        c.task.send_multipart(frames)
        m = e.take(kind="apply_request")
        header, frames = self.apply(c)
        c.task.send_multipart(frames)
        r = c.wait(2, "pending")
        self.assertEqual(r["task"]["msg_id"], header["msg_id"])
        ask = {"result": 2, "verb": "abort"}
        self.assertEqual(c.ask("control_request", ask).content["status"], "ok")
        got = c.receive(c.task)
        self.assertEqual(got.parent, header)
        self.assertEqual(got.content["status"], "aborted")
        e.publish(b"t", "stream", {"name": "stdout", "text": "late"}, header)
        e.reply(m)
        e.publish(b"s", "status", {"execution_state": "idle"}, first)
        c.wait(1, "ok")
        self.assertEqual(c.result(2)["task"]["stdout"], 0)
        ask["verb"] = "purge"
        self.assertEqual(c.ask("control_request", ask).content["status"], "ok")
        self.assertEqual(c.result(1)["status"], "ok")

    def test_only_the_engine_that_was_asked_answers(self):
        c, e = self.pair(taskfs=False)
        other = self.engine(taskfs=False)
        other.join(c)
        header, frames = self.apply(c)
        c.mux.send_multipart([e.uuid.encode(), *frames])
        m = e.take(e.mux, "apply_request")
        other.reply(m, {"status": "aborted"}, socket=other.mux)
        other.reply(m, {"status": "aborted"}, socket=other.task)
        self.assertEqual(c.hello()["status"], "ok")
        e.reply(m, socket=e.mux)
        e.publish(b"s", "status", {"execution_state": "idle"}, header)
        c.wait(1, "ok")

    def test_a_client_cannot_take_one_of_our_ids(self):
        c, e = self.pair()
        c.submit(b":")
        m = e.take()
        taken = m.header["msg_id"].replace("_1_0_1", "_2_0_1")
        _, frames = self.apply(c, taken)
        c.mux.send_multipart([e.uuid.encode(), *frames])
        e.take(e.mux, "apply_request")
        e.reply(m, exit_status=0)
        c.submit(b":")
        e.reply(e.take(), exit_status=0)
        c.wait(2, "ok")

    def test_a_replay_does_not_run_again(self):
        c, e = self.pair(taskfs=False)
        _, frames = self.apply(c)
        for _ in range(3):
            c.task.send_multipart(frames)
        e.reply(e.take(kind="apply_request"))
        c.wait(1, "ok")
        tap.wait_for(lambda: c.counters()["messages_replayed"] == 2)
        self.assertEqual(len(c.ask("results_request", {}).content["results"]), 1)

    def test_numbers_that_cannot_be(self):
        c, e = self.pair()
        c.submit(b":")
        m = e.take()
        for stream, offset in (("stdout", -1), ("x", 0), ("stdout", 2**62)):
            e.output(m, stream, offset, b"x")
        e.reply(m, exit_status=2**40, stdout=-5, completed=-(2**63), stderr=2**62)
        self.assertEqual(c.wait(1, "error")["task"]["ename"], "OutputError")
        self.assertEqual(self.engine().register(id=2**31 - 1)["id"], 1)
        for content in (
            {"result": -1},
            {"result": 1, "task": -1},
            {"result": 1, "task": 2**40},
            {"result": "1"},
            {},
        ):
            m = c.ask("tasks_request", content)
            self.assertEqual(m.content["status"], "error")
            m = c.ask("fetch_request", dict(content, stream="stdout"))
            self.assertEqual(m.content["status"], "error")


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
