#!/usr/bin/python3
"""What clients of ipyparallel send, on its way through the relays."""

import json
import sys

import zmq

import tap
from controller_case import CALM, ERROR, IDLE, Case, execute
from peers import DELIMITER, Message


class Relays(Case):
    def test_mux_passes_frames_on_as_they_were_signed(self):
        c, e = self.pair(taskfs=False)
        header, frames = execute(c, e)
        c.mux.send_multipart(frames)
        raw = e.mux.recv_multipart()
        self.assertEqual(raw[1:], frames[1:])
        m = Message(raw)
        e.reply(m, socket=e.mux)
        raw = c.mux.recv_multipart()
        self.assertEqual(raw[:2], [e.uuid.encode(), b"extra"])
        self.assertEqual(Message(raw).parent, header)

    def test_why_one_waits_that_failed_everywhere(self):
        c, e = self.pair(taskfs=False)
        header, frames = c.frames("execute_request", {"code": "x"}, {"retries": 1})
        c.task.send_multipart(frames)
        m = e.take()
        e.reply(m, {"status": "error", "ename": "E", "evalue": "", "traceback": []})
        while "another engine" not in ((c.result(1) or {}).get("why") or ""):
            c.receive(c.events)
        other = self.engine(taskfs=False)
        other.join(c)
        other.reply(other.take())
        self.assertEqual(c.receive(c.task).parent, header)

    def test_a_reply_by_a_connection_that_has_lost_its_name(self):
        """To another that came in its place; a DEALER without one is the same."""
        c, e = self.pair(taskfs=False)
        e.broadcast = e.connect_broadcast()
        to_all = c.connect(zmq.DEALER, c.info["broadcast"])
        header, frames = execute(c, e)
        c.mux.send_multipart(frames)
        m = e.take(e.mux)
        e.reply(m, socket=e.connect(zmq.DEALER, e.info["mux"]))
        self.assertEqual(c.receive(c.mux).parent, header)
        metadata = {"targets": [[e.uuid, 0]], "is_coalescing": True}
        header, frames = c.frames("execute_request", {"code": "x"}, metadata)
        to_all.send_multipart(frames)
        m = e.take(e.broadcast)
        (port,) = e.info["broadcast"]
        e.reply(m, socket=e.connect(zmq.DEALER, port))
        got = c.receive(to_all)
        self.assertEqual(got.parent, m.header)
        self.assertEqual(got.content["status"], "ok")
        self.assertEqual(c.wait(1, "ok")["task"]["engine"], 0)

    BUFFERS = (b"", b"\0\xff" * 5, b"x" * 3000000)

    def to_and_fro(self, client, engine, uuid, idents):
        """The frames behind the idents of a request and its reply, as they come;
        the engine's idents of the request are echoed."""
        content = {"code": "x", "silent": False, "odd": [1.0, 1e400 > 1, "\u00e4"]}
        _, out = self.c.frames("execute_request", content, buffers=self.BUFFERS)
        client.send_multipart([*idents, *out])
        raw = engine.recv_multipart()
        # Our controller asks what kind of engine it is, too.
        while Message(raw).type != "execute_request":
            raw = engine.recv_multipart()
        at = raw.index(DELIMITER)
        self.assertTrue(raw[at:] == out)
        parent = json.loads(out[2])
        _, back = self.e.frames(
            "execute_reply", {"status": "ok"}, {"engine": uuid}, parent, self.BUFFERS
        )
        engine.send_multipart([*raw[:at], *back])
        got = client.recv_multipart()
        at = got.index(DELIMITER)
        self.assertTrue(got[at:] == back)
        return got[:at]

    def test_frames_and_buffers_of_every_channel_are_passed_on(self):
        self.c, self.e = self.pair(taskfs=False)
        c, e, uuid = self.c, self.e, self.e.uuid
        me = uuid.encode()
        got = self.to_and_fro(c.mux, e.mux, uuid, [me])
        self.assertEqual(got, [me])
        got = self.to_and_fro(c.control, e.control, uuid, [me])
        self.assertEqual(got, [me])
        got = self.to_and_fro(c.task, e.task, uuid, [])
        self.assertEqual(got, [me])

    def test_what_is_broadcast_and_its_replies(self):
        """To each a message of its own; what is in it is the same."""
        c, e = self.pair(taskfs=False)
        e.broadcast = e.connect_broadcast()
        client = c.connect(zmq.DEALER, c.info["broadcast"])
        for coalescing in (False, True):
            metadata = {
                "targets": [[e.uuid, 0]],
                "is_broadcast": True,
                "is_coalescing": coalescing,
            }
            header, out = c.frames(
                "execute_request", {"code": "x"}, metadata, buffers=self.BUFFERS
            )
            client.send_multipart(out)
            m = e.take(e.broadcast)
            self.assertEqual(m.header["msg_id"], header["msg_id"] + "_" + e.uuid)
            self.assertEqual(m.metadata["original_msg_id"], header["msg_id"])
            self.assertEqual(m.metadata["is_coalescing"], coalescing)
            self.assertEqual((m.parts[1], m.parts[3]), (out[3], out[5]))
            self.assertEqual(tuple(m.buffers), self.BUFFERS)
            _, back = e.frames(
                "execute_reply", {"status": "ok"}, m.metadata, m.header, self.BUFFERS
            )
            e.broadcast.send_multipart([*m.idents, *back])
            e.publish(b"s", "status", IDLE, m.header)
            got = c.receive(client)
            self.assertEqual(got.idents, [])
            self.assertEqual(tuple(got.buffers), self.BUFFERS)
            if coalescing:
                self.assertEqual(got.metadata["broadcast_targets"], [[e.uuid, 0]])
                self.assertEqual(got.metadata["original_msg_id"], header["msg_id"])
            else:
                self.assertEqual(got.parts, back[2:6])
                self.assertEqual(got.parent["msg_id"], m.header["msg_id"])

    @tap.check
    def test_what_waits_for_an_engine_that_stands_still_is_not_lost(self):
        n = 26000
        c, e = self.pair(taskfs=False)
        for i in range(n):
            _, frames = c.frames("execute_request", {"code": "x" * 2000, "n": i})
            c.mux.send_multipart([e.uuid.encode(), *frames])
        for i in range(n):
            self.assertEqual(e.receive(e.mux).content["n"], i)

    def test_mux_to_an_engine_that_cannot_be_reached(self):
        """It lives, so its client will not hear that it is gone."""
        c, e = self.pair(taskfs=False)
        e.mux.close(0)
        while not c.mux.poll(20):
            _, frames = execute(c, e)
            c.mux.send_multipart(frames)
        m = Message(c.mux.recv_multipart())
        self.assertEqual(m.type, "apply_reply")
        self.assertEqual(m.content["ename"], "EngineError")
        self.assertIn("cannot be reached", m.content["evalue"])

    def test_output_of_a_try_that_is_over(self):
        c, first = self.pair(taskfs=False)
        header, frames = c.frames("apply_request", {}, {"retries": 1})
        c.task.send_multipart(frames)
        m = first.take(kind="apply_request")
        c.wait(1, "running")
        first.reply(m, ERROR)
        c.wait(1, "pending")
        late = {"name": "stdout", "text": "late"}
        self.listen(c, first)
        first.publish(b"s", "stream", late, header)
        first.publish(b"s", "status", IDLE, header)
        c.receive(c.iopub, lambda m: m.content == IDLE)
        second = self.engine(taskfs=False)
        second.join(c)
        m = second.take(kind="apply_request")
        second.publish(b"s", "stream", dict(late, text="second"), header)
        second.publish(b"s", "status", IDLE, header)
        second.reply(m)
        c.wait(1, "ok")
        self.assertEqual(c.fetch(1, "stdout").buffers, [b"second"])

    def test_mux_to_nobody_is_silence(self):
        c, e = self.pair(taskfs=False)
        _, frames = execute(c)
        c.mux.send_multipart([b"nobody", *frames])
        header, frames = execute(c, e)
        c.mux.send_multipart(frames)
        e.reply(e.take(e.mux), socket=e.mux)
        self.assertEqual(c.receive(c.mux).parent, header)

    def test_control_goes_both_ways_and_makes_no_result(self):
        c, e = self.pair(taskfs=False)
        header, frames = c.frames("abort_request", {"msg_ids": []})
        c.control.send_multipart([e.uuid.encode(), *frames])
        m = e.take(e.control, "abort_request")
        self.assertEqual(len(m.idents), 1)
        e.reply(m, socket=e.control)
        got = c.receive(c.control)
        self.assertEqual(got.idents, [e.uuid.encode()])
        self.assertEqual(got.parent, header)
        self.assertEqual(c.ask("results_request", {}).content["results"], [])

    def test_a_client_s_task_is_scheduled_and_is_a_result(self):
        c, e = self.pair(taskfs=False)
        header, frames = execute(c)
        c.task.send_multipart(frames)
        m = e.take()
        self.assertEqual(m.header, header)
        self.listen(c, e)
        topic = b"engine.0.stdout"
        e.publish(topic, "stream", {"name": "stdout", "text": "hé"}, header)
        e.publish(
            b"t",
            "execute_result",
            {"data": {"text/plain": "42"}, "metadata": {}},
            header,
        )
        self.assertEqual(c.receive(c.iopub).idents, [topic])
        e.reply(m)
        e.publish(b"s", "status", {"execution_state": "idle"}, header)
        got = c.receive(c.task)
        self.assertEqual(got.idents, [e.uuid.encode()])
        self.assertEqual(got.parent, header)
        r = c.wait(1, "ok")
        self.assertEqual(r["task"]["msg_id"], header["msg_id"])
        self.assertEqual(c.fetch(1, "stdout").buffers, ["hé".encode()])
        self.assertEqual(c.fetch(1, "value").buffers, [b"42\n"])
        self.assertEqual(c.fetch(1, "code").buffers, [b"x"])

    def test_an_engine_dies_under_a_client_s_task(self):
        c, e = self.pair(taskfs=False)
        header, frames = execute(c)
        c.task.send_multipart(frames)
        e.take()
        c.query.send_multipart(c.frames("unregistration_request", {"id": 0})[1])
        m = c.receive(c.task)
        self.assertEqual(m.type, "apply_reply")
        self.assertEqual(m.idents, [])
        self.assertEqual(m.parent, header)
        self.assertEqual(m.content["ename"], "EngineError")
        self.assertEqual(c.wait(1, "error")["task"]["ename"], "EngineError")


class Crowd(Case):
    options = (CALM, "--client-tasks=4")

    def requests(self, c, n):
        made = [execute(c) for _ in range(n)]
        return [h["msg_id"] for h, _ in made], [f for _, f in made]

    def wait_paused(self, c):
        tap.wait_for(lambda: c.counters()["clients_paused"] > 0)

    def test_what_is_too_much_waits_with_its_client(self):
        c, e = self.pair(taskfs=False)
        ids, frames = self.requests(c, 20)
        for f in frames:
            c.task.send_multipart(f)
        done = []
        for _ in ids:
            m = e.take()
            e.reply(m)
            e.publish(b"s", "status", {"execution_state": "idle"}, m.header)
            done.append(c.receive(c.task).parent["msg_id"])
        self.assertEqual(done, ids)
        self.assertGreater(c.counters()["clients_paused"], 0)

    def test_the_others_go_on_meanwhile(self):
        c, e = self.pair(taskfs=False)
        ids, frames = self.requests(c, 6)
        for f in frames:
            c.task.send_multipart(f)
        m = e.take()
        self.wait_paused(c)
        state = c.ask("state_request", {}).content["controller"]
        self.assertEqual(state["gauges"]["client_tasks"], 4)
        # Directly to the engine, and about its tasks.
        header, one = execute(c, e)
        c.mux.send_multipart(one)
        e.reply(e.take(e.mux), socket=e.mux)
        self.assertEqual(c.receive(c.mux).parent, header)
        _, one = c.frames("abort_request", {"msg_ids": []})
        c.control.send_multipart([e.uuid.encode(), *one])
        e.reply(e.take(e.control, "abort_request"), socket=e.control)
        c.receive(c.control)
        # It is one when it is stored.
        tap.wait_for(lambda: c.result(2))
        ask = {"result": 2, "verb": "abort"}
        self.assertEqual(c.ask("control_request", ask).content["status"], "ok")
        got = c.receive(c.task)
        self.assertEqual(got.parent["msg_id"], ids[1])
        self.assertEqual(got.content["status"], "aborted")
        # That made room for one.
        tap.wait_for(lambda: len(c.ask("results_request", {}).content["results"]) == 6)
        e.reply(m)
        self.assertEqual(c.receive(c.task).parent["msg_id"], ids[0])

    def test_one_broadcast_is_taken_whole(self):
        c = self.client()
        broadcast = c.connect(zmq.DEALER, c.info["broadcast"])
        engines = [self.engine(taskfs=False) for _ in range(6)]
        for one in engines:
            one.shell = one.connect_broadcast()
            one.join(c)
        targets = [[one.uuid, one.id] for one in engines]
        for _ in range(3):
            _, frames = c.frames(
                "execute_request",
                {"code": "x", "silent": False},
                {"targets": targets},
            )
            broadcast.send_multipart(frames)
        for _ in range(3):
            for one in engines:
                m = one.take(one.shell)
                one.reply(m, socket=one.shell)
                idle = {"execution_state": "idle"}
                one.publish(b"s", "status", idle, m.header)
                c.receive(broadcast)
        self.assertGreater(c.counters()["clients_paused"], 0)

    def test_what_is_sent_again_is_refused(self):
        c, e = self.pair(taskfs=False)
        ids, frames = self.requests(c, 5)
        c.task.send_multipart(frames[0])
        m = e.take()
        e.reply(m)
        e.publish(b"s", "status", {"execution_state": "idle"}, m.header)
        c.wait(1, "ok")
        for f in frames[1:]:
            c.task.send_multipart(f)
        e.take()
        self.wait_paused(c)
        m = c.ask("resubmit_request", {"msg_ids": ids[:1]})
        self.assertEqual(m.content["status"], "error")
        self.assertIn("too many", m.content["evalue"])


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
