#!/usr/bin/python3
"""The controller as raw peers see it. BUILD is the directory of the programs.

Prints TAP. With arguments only those tests: Tasks Tasks.test_targets ...
"""

import contextlib
import glob
import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import unittest
from datetime import datetime

import zmq

import tap
from peers import DELIMITER, Controller, Message, new_id, sign

PROGRAM = os.path.join(os.environ.get("BUILD", "build"), "taskfs-controller")


# The engines of tests do not answer while a test is busy with something else: only
# a test of hearts has hearts that stop.
CALM = "--ping=1m"


class Case(unittest.TestCase):
    options = (CALM,)

    def setUp(self):
        self.peers = []
        self.controller = Controller(PROGRAM, *self.options)

    def tearDown(self):
        for p in self.peers:
            p.close()
        if self.controller.process.poll() is None:
            self.assertEqual(self.controller.stop(), 0)
        self.controller.remove()

    def client(self):
        self.peers.append(self.controller.client())
        return self.peers[-1]

    def engine(self, **how):
        self.peers.append(self.controller.engine(**how))
        return self.peers[-1]

    def pair(self, **how):
        """A client that follows the events, and an engine it knows of."""
        c, e = self.client(), self.engine(**how)
        c.follow()
        e.join(c)
        return c, e

    def listen(self, c, e):
        """The client hears all that the engine publishes from now on."""
        while not c.iopub.poll(20):
            e.publish(b"first", "status", IDLE, {})
        e.publish(b"last", "status", IDLE, {})
        c.receive(c.iopub, lambda m: m.idents == [b"last"])

    def passed_on(self, c, e):
        """What went to the engine by its control channel until now. A message of
        the client is behind it."""
        header, frames = c.frames("abort_request", {"msg_ids": []})
        c.control.send_multipart([e.uuid.encode(), *frames])
        found = []
        while not found or found[-1].header != header:
            m = e.receive(e.control)
            # One that is slow is asked what it has.
            if m.type != "have_request":
                found.append(m)
        last = found.pop()
        e.reply(last, socket=e.control)
        c.receive(c.control, lambda m: m.parent == header)
        return found

    def take_any(self, *engines):
        """The next task that one of them is given, and which."""
        while True:
            ready, _, _ = zmq.select([e.task for e in engines], [], [])
            for e in engines:
                if e.task in ready:
                    m = e.receive(e.task)
                    if m.type == "execute_request":
                        return e, m


class Files(Case):
    def test_connection_files_are_private_and_complete(self):
        for kind in "client", "engine":
            path = "%s/security/ipcontroller-%s.json" % (
                self.controller.dir,
                kind,
            )
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            info = self.controller.info(kind)
            for key in (
                "ssh interface registration control mux task iopub key "
                "curve_serverkey location pack unpack signature_scheme broadcast"
            ).split():
                self.assertIn(key, info)
        self.assertIsInstance(info["broadcast"], list)
        self.assertTrue(info["key"])

    def test_they_go_at_the_end_and_come_back_the_same(self):
        before = self.controller.info("client")
        self.assertEqual(self.controller.stop(), 0)
        self.assertEqual(os.listdir(self.controller.dir + "/security"), [])
        self.controller.start()
        self.assertEqual(self.controller.info("client"), before)

    def test_a_second_controller_is_refused(self):
        second = subprocess.run(
            [PROGRAM, "--cluster-dir=" + self.controller.dir],
            stderr=subprocess.PIPE,
            text=True,
        )
        self.assertEqual(second.returncode, 3)
        self.assertIn("another controller", second.stderr)


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


class Registration(Case):
    def test_an_engine_registers_is_announced_and_leaves(self):
        c, e = self.client(), self.engine()
        reply = e.join(c)
        self.assertEqual(reply["id"], 0)
        self.assertEqual(reply["hb_period"], 60000)
        self.assertEqual(
            reply["taskfs"]["instance"], c.hello()["taskfs"]["instance"]
        )
        self.assertEqual(c.hello()["engines"], {"0": e.uuid})
        c.query.send_multipart(c.frames("unregistration_request", {"id": 0})[1])
        m = c.receive(c.notification)
        self.assertEqual(m.type, "unregistration_notification")
        self.assertEqual(m.content, {"id": 0, "uuid": e.uuid})
        self.assertEqual(m.parent, {})
        self.assertEqual(c.hello()["engines"], {})

    def test_who_subscribes_late_hears_what_is_new(self):
        def leave(e):
            c.query.send_multipart(
                c.frames("unregistration_request", {"id": e.id})[1]
            )
            c.receive(
                c.notification,
                lambda m: m.type == "unregistration_notification",
            )

        def heard(n):
            late = self.client()
            all = [late.receive(late.notification) for _ in range(n)]
            return [(m.type, m.content["uuid"]) for m in all]

        c, stays = self.client(), self.engine()
        before, between = self.engine(), self.engine()
        for e in stays, before, between:
            e.join(c)
        leave(before)
        c.query.send_multipart(c.frames("connection_request", {})[1])
        c.receive(c.query, lambda m: m.type == "connection_reply")
        leave(between)
        stayed = ("registration_notification", stays.uuid)
        left = ("unregistration_notification", between.uuid)
        # One that asked before the second went, one that asked for nothing.
        self.assertEqual(heard(2), [stayed, left])
        self.engine().join(c)
        self.assertEqual(heard(2)[0], stayed)
        self.assertEqual(heard(2)[1][0], "registration_notification")

    def test_ids_are_granted_as_stock_does(self):
        c = self.client()
        wants = [(None, 0), (5, 5), (5, 6), (None, 7), (2, 2), (None, 8)]
        for want, got in wants:
            e = self.engine()
            more = {} if want is None else {"id": want}
            self.assertEqual(e.register(**more)["id"], got)

    def ping(self, c):
        """One that the controller may have sent."""
        return [c.hello()["taskfs"]["instance"].encode() + b":1"]

    def test_who_lost_its_registration_is_told(self):
        """Somebody else said goodbye for it, or took its place; it beats on."""
        c, e = self.pair()

        def comes_back():
            e.pong.send_multipart(self.ping(c))
            e.take(e.control, "register_request")
            e.join(c)

        c.query.send_multipart(c.frames("unregistration_request", {"id": e.id})[1])
        c.receive(c.notification, lambda m: m.type == "unregistration_notification")
        comes_back()
        other = self.engine()
        other.join(c, replaces=e.uuid)
        comes_back()
        m = c.ask("state_request", {})
        uuids = [x["uuid"] for x in m.content["engines"]]
        self.assertEqual(sorted(uuids), sorted([e.uuid, other.uuid]))

    def test_a_stock_engine_is_told_nothing(self):
        c, e = self.pair(taskfs=False)
        c.query.send_multipart(c.frames("unregistration_request", {"id": e.id})[1])
        c.receive(c.notification, lambda m: m.type == "unregistration_notification")
        e.pong.send_multipart(self.ping(c))
        # What comes first is what it is told when it has registered again.
        e.join(c)
        told = [m.type for m in self.passed_on(c, e)]
        self.assertNotIn("register_request", told)

    def test_a_uuid_in_use_is_refused(self):
        c, e = self.pair(taskfs=False)
        twin = self.engine(taskfs=False)
        twin.uuid = e.uuid
        reply = twin.register()
        self.assertEqual(reply["status"], "error")
        self.assertEqual(reply["ename"], "KeyError")


class Hearts(Case):
    options = ("--ping=50ms",)

    def when(self, what):
        """In seconds, when the controller logged that."""
        [line] = [x for x in self.controller.log_lines() if x["what"] == what]
        return datetime.fromisoformat(line["time"])

    def test_one_that_stops_is_noticed_at_the_eleventh_beat(self):
        c, e = self.client(), self.engine()
        e.join(c)
        m = c.receive(c.notification)
        self.assertEqual(m.type, "unregistration_notification")
        self.assertEqual(m.content["uuid"], e.uuid)
        self.assertEqual(c.counters()["engines_lost"], 1)
        # Beats come late when the machine is slow, and never early.
        lived = self.when("engine lost") - self.when("engine registered")
        self.assertGreaterEqual(lived.total_seconds(), 11 * 0.05 - 0.002)

    def take_alive(self, e):
        """What it is given next; it beats until then, and never again."""
        while e.task not in e.ready(e.ping, e.task):
            e.beat()
        return e.take()

    def test_what_it_ran_may_go_on(self):
        c, e, other = self.client(), self.engine(), self.engine()
        c.follow()
        c.submit(b":", retries=1)
        e.join(c)
        self.take_alive(e)
        why = r"engine %d \(pid .*\) was given up .* may go on there: its heart stopped"
        c.wait(1, "pending")
        attempts = c.result(1)["task"]["attempts"]
        self.assertRegex(attempts, r"^1 0 \S+ \S+ lost [0-9.]+ [0-9.]+\n$")
        [line] = [x for x in self.controller.log_lines() if x.get("attempt") == 1]
        self.assertRegex(line["why"], why % 0)
        other.join(c)
        self.take_alive(other)
        task = c.wait(1, "error")["task"]
        self.assertEqual(task["ename"], "EngineError")
        self.assertRegex(task["evalue"], why % 1)

    def test_what_its_guard_could_not_kill(self):
        c, e = self.client(), self.engine()
        c.follow()
        c.submit(b":")
        e.join(c)
        self.take_alive(e)
        gone = {"id": e.id, "left": True}
        c.query.send_multipart(c.frames("unregistration_request", gone)[1])
        task = c.wait(1, "error")["task"]
        self.assertRegex(task["evalue"], "may go on there: it ended and could not kill")


@tap.check
class SlowHearts(Case):
    options = ("--ping=1s",)

    def test_one_that_beats_lives(self):
        c, e = self.client(), self.engine()
        e.join(c)
        first = last = self.number(e.beat())
        while last < first + 13:
            last = self.number(e.beat())
        self.assertEqual(c.counters()["engines_lost"], 0)

    def number(self, ping):
        return int(ping[0].rpartition(b":")[2])


IDLE = {"execution_state": "idle"}
ERROR = {"status": "error", "ename": "E", "evalue": "e", "traceback": []}


class Relays(Case):
    def request(self, c, engine=None):
        header, frames = c.frames(
            "execute_request", {"code": "x", "silent": False}
        )
        if engine:
            frames = [engine.uuid.encode(), b"extra"] + frames
        return header, frames

    def test_mux_passes_frames_on_as_they_were_signed(self):
        c, e = self.pair(taskfs=False)
        header, frames = self.request(c, e)
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
        header, frames = self.request(c, e)
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
            _, frames = self.request(c, e)
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
        _, frames = self.request(c)
        c.mux.send_multipart([b"nobody", *frames])
        header, frames = self.request(c, e)
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
        header, frames = self.request(c)
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
        header, frames = self.request(c)
        c.task.send_multipart(frames)
        e.take()
        c.query.send_multipart(c.frames("unregistration_request", {"id": 0})[1])
        m = c.receive(c.task)
        self.assertEqual(m.type, "apply_reply")
        self.assertEqual(m.idents, [])
        self.assertEqual(m.parent, header)
        self.assertEqual(m.content["ename"], "EngineError")
        self.assertEqual(c.wait(1, "error")["task"]["ename"], "EngineError")


class Cut(Case):
    options = (CALM, "--hwm=0")

    def test_what_was_lost_with_a_connection_ends(self):
        c, e = self.pair()
        client = c.connect(zmq.DEALER, c.info["broadcast"])
        e.broadcast = e.connect_broadcast()

        def send(to, taker, idents=True, **metadata):
            header, frames = c.frames("execute_request", {"code": "x"}, metadata)
            to.send_multipart([e.uuid.encode()] * idents + frames)
            return header, e.take(taker)

        lost, _ = send(c.mux, e.mux)
        there, request = send(c.mux, e.mux)
        queued, _ = send(c.task, e.task, False)
        again, _ = send(c.task, e.task, False, retries=1)
        meant, _ = send(client, e.broadcast, False, targets=[[e.uuid, 0]])
        self.assertNotIn("again", e.register()["taskfs"])
        later, newer = send(c.mux, e.mux)
        here = [there["msg_id"]]
        self.assertNotIn("again", e.register(relayed=here)["taskfs"])
        for socket, header in (c.mux, lost), (c.task, queued), (client, meant):
            m = c.receive(socket)
            self.assertEqual(m.type, "apply_reply")
            self.assertTrue(m.parent["msg_id"].startswith(header["msg_id"]))
            self.assertEqual(m.content["ename"], "EngineError")
            self.assertIn("the connection", m.content["evalue"])
        for header, m in (there, request), (later, newer):
            e.reply(m, socket=e.mux)
            self.assertEqual(c.receive(c.mux).parent, header)
        # The other is tried again, but not by the engine that may have had it.
        other = self.engine()
        other.join(c)
        m = other.take()
        self.assertEqual(m.header["msg_id"], again["msg_id"])
        other.reply(m)
        self.assertEqual(c.receive(c.task).parent, again)
        # Neither keeps it busy, nor its reply that comes after all.
        queue = c.ask("queue_request", {"targets": [0], "verbose": False}).content
        self.assertEqual(queue["0"]["queue"] + queue["0"]["tasks"], 0)


class Crowd(Case):
    options = (CALM, "--client-tasks=4")

    def requests(self, c, n):
        made = [Relays.request(self, c) for _ in range(n)]
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
        header, one = Relays.request(self, c, e)
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
        header, frames = Relays.request(self, c)
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


class Tasks(Case):
    def test_the_life_of_a_task(self):
        c, e = self.pair()
        r = c.submit(b"echo", args=["a"], cwd="/tmp", label="build")
        self.assertEqual((r["id"], r["name"]), (1, "build"))
        m = e.take()
        t = m.metadata["taskfs"]
        self.assertEqual(m.content["code"], "echo")
        self.assertEqual((t["result"], t["index"], t["attempt"]), (1, 0, 1))
        self.assertEqual((t["args"], t["cwd"]), (["a"], "/tmp"))
        self.assertEqual(c.wait(1, "running")["task"]["engine"], 0)
        e.output(m, "stdout", 0, b"one\n\xff")
        e.output(m, "stdout", 5, b"two")
        tap.wait_for(lambda: c.result(1)["task"]["stdout"] == 8)
        self.assertEqual(c.fetch(1, "stdout").buffers, [b"one\n\xfftwo"])
        self.assertEqual(c.fetch(1, "stdout", 4, 2).buffers, [b"\xfft"])
        e.reply(
            m,
            buffers=[b"!"],
            exit_status=0,
            stdout=9,
            stderr=7,
            value_is_stdout=True,
            usage={"user": 0.5, "system": 0.25, "memory": 4096},
            named={"stdout": 0},
        )
        # Of stderr nothing came: that is counted and logged, not invented.
        r = c.wait(1, "error")
        self.assertEqual(r["task"]["ename"], "OutputError")
        self.assertEqual((r["task"]["stdout"], r["task"]["stderr"]), (9, 0))
        self.assertEqual(c.counters()["outputs_bad"], 1)
        self.assertEqual(r["task"]["usage"]["memory"], 4096)
        self.assertEqual(c.fetch(1, "stdout").buffers, [b"one\n\xfftwo!"])
        m = e.take(kind="stored")
        self.assertEqual(len(m.content["msg_ids"]), 1)

    def test_the_ids_of_its_messages_are_known_before(self):
        c, e = self.pair()
        cluster = c.hello()["taskfs"]["cluster"]
        for index in (1, 2):
            r = c.submit(b"x", retries=1)
            self.assertEqual(r["task"]["msg_id"], "%s_%d_0_1" % (cluster, index))
        m = e.take()
        self.assertEqual(m.header["msg_id"], cluster + "_1_0_1")
        self.controller.kill()
        # Two of one uuid would both come back.
        self.peers.remove(e)
        e.close()
        self.controller.start()
        c = self.client()
        self.assertEqual(c.hello()["taskfs"]["cluster"], cluster)
        # It says that it never came: the same try again.
        again = self.engine(uuid=e.uuid)
        again.join(c)

        def take():
            """The next of the first; in between the other has its turn."""
            m = again.take()
            if m.header["msg_id"] == cluster + "_2_0_1":
                again.reply(m, exit_status=0)
                m = again.take()
            return m

        m = take()
        self.assertEqual(m.header["msg_id"], cluster + "_1_0_1")
        again.reply(m, {"status": "error", "ename": "E", "evalue": ""})
        self.assertEqual(take().header["msg_id"], cluster + "_1_0_2")
        tap.wait_for(lambda: c.result(1)["task"]["attempt"] == 2)
        self.assertEqual(c.result(1)["task"]["msg_id"], cluster + "_1_0_2")

    def test_small_outputs_come_with_the_change(self):
        c, e = self.pair()
        c.submit(b":")
        e.reply(
            e.take(),
            buffers=[b"hello\n"],
            exit_status=0,
            stdout=6,
            value_is_stdout=True,
            named={"stdout": 0},
        )

        def ended(m):
            return any(
                x.get("result", {}).get("status") == "ok"
                for x in m.content["changes"]
            )

        m = c.receive(c.events, ended)
        (r,) = [x["result"] for x in m.content["changes"] if "result" in x]
        at = r["task"]["buffers"]["stdout"]
        self.assertEqual(m.buffers[at], b"hello\n")

    def test_code_and_stdin_are_bytes(self):
        c, e = self.pair()
        c.submit(b"\xff\xfe", buffers=[b"\x00\x01"])
        m = e.take()
        t = m.metadata["taskfs"]
        self.assertEqual(m.buffers[t["code"]], b"\xff\xfe")
        self.assertEqual(m.buffers[t["stdin"]], b"\x00\x01")

    def test_the_same_token_is_the_same_result(self):
        c = self.client()
        token = new_id()
        first = c.submit(b":", token)
        again = c.submit(b":", token)
        self.assertEqual(first["id"], again["id"])
        self.controller.kill()
        self.controller.start()
        c = self.client()
        self.assertEqual(c.submit(b":", token)["id"], first["id"])
        self.assertEqual(c.submit(b":")["id"], first["id"] + 1)

    def test_priority_then_order(self):
        c = self.client()
        c.follow()
        for code, p in (b"low", -1), (b"a", 0), (b"b", 0), (b"high", 5):
            c.submit(code, priority=p)
        e = self.engine()
        e.join(c)
        order = []
        for _ in range(4):
            m = e.take()
            order.append(m.content["code"])
            e.reply(m, exit_status=0)
        self.assertEqual(order, ["high", "a", "b", "low"])

    def test_targets(self):
        c, e = self.pair()
        other = self.engine()
        other.join(c)
        c.submit(b":", targets=[1])
        other.reply(other.take(), exit_status=0)
        c.submit(b"first", targets=[0])
        self.assertEqual(e.take().content["code"], "first")

    def test_retries_are_numbered_and_end(self):
        c, e = self.pair()
        c.submit(b"false", retries=2)
        bad = {"status": "error", "ename": "ExitStatus", "evalue": "1"}
        for attempt in 1, 2, 3:
            m = e.take()
            self.assertEqual(m.metadata["taskfs"]["attempt"], attempt)
            e.reply(m, dict(bad, traceback=["x"]), exit_status=1)
        r = c.wait(1, "error")
        self.assertEqual(r["task"]["attempt"], 3)
        self.assertEqual(r["task"]["traceback"], "x\n")

    def test_timeout_ends_what_finds_no_engine(self):
        c = self.client()
        c.follow()
        c.submit(b":", timeout=0.05)
        self.assertEqual(c.wait(1, "error")["task"]["ename"], "TaskTimeout")

    def control(self, c, verb, **more):
        return c.ask(
            "control_request", {"result": 1, "verb": verb, **more}
        ).content

    def test_abort_while_pending_and_while_running(self):
        c = self.client()
        c.follow()
        c.submit(b":")
        self.assertEqual(self.control(c, "purge")["errno"], "EBUSY")
        self.assertEqual(self.control(c, "abort")["status"], "ok")
        c.wait(1, "aborted")
        self.assertEqual(self.control(c, "abort")["errno"], "ESRCH")
        e = self.engine()
        e.join(c)
        c.submit(b":")
        m = e.take()
        c.wait(2, "running")
        c.ask("control_request", {"result": 2, "verb": "abort"})
        kill = e.take(e.control, "kill_request")
        self.assertEqual(kill.content["msg_id"], m.header["msg_id"])
        self.assertTrue(kill.content["abort"])
        e.reply(m, {"status": "aborted"})
        c.wait(2, "aborted")

    def test_hold_and_release(self):
        c, e = self.pair()
        c.submit(b"first")
        m = e.take()
        c.submit(b"held")
        c.submit(b"next")
        ask = {"result": 2, "verb": "hold"}
        self.assertEqual(c.ask("control_request", ask).content["status"], "ok")
        self.assertEqual(c.result(2)["why"], "hold")
        e.reply(m, exit_status=0)
        m = e.take()
        self.assertEqual(m.content["code"], "next")
        self.controller.kill()
        self.controller.start()
        c = self.client()
        c.follow()
        e.join(c, running=[m.header["msg_id"]])
        self.assertTrue(c.result(2)["held"])
        c.ask("control_request", {"result": 2, "verb": "release"})
        e.reply(m, exit_status=0)
        self.assertEqual(e.take().content["code"], "held")

    def test_priority_of_what_waits(self):
        c, e = self.pair()
        for code in b"runs", b"second", b"first":
            c.submit(code)
        m = e.take()
        for n in "", "x", "1.5", "1000001", "-1000001":
            ask = {"result": 3, "verb": "priority", "argument": n}
            answer = c.ask("control_request", ask).content
            self.assertEqual(answer["errno"], "EINVAL")
        ask["argument"] = "7"
        answer = c.ask("control_request", ask).content
        self.assertEqual(answer["result"]["options"], {"priority": 7})
        self.controller.kill()
        self.controller.start()
        c = self.client()
        c.follow()
        self.assertEqual(c.result(3)["options"], {"priority": 7})
        e.join(c, running=[m.header["msg_id"]])
        e.reply(m, exit_status=0)
        for code in "first", "second":
            m = e.take()
            self.assertEqual(m.content["code"], code)
            e.reply(m, exit_status=0)
        c.wait(2, "ok")
        answer = c.ask("control_request", dict(ask, argument="8")).content
        self.assertEqual(answer["errno"], "ESRCH")

    def test_retry_is_a_new_result(self):
        c, e = self.pair()
        c.submit(b"code", label="name", buffers=[b"in"])
        self.assertEqual(self.control(c, "retry")["errno"], "EBUSY")
        bad = {"status": "error", "ename": "E", "evalue": "", "traceback": []}
        e.reply(e.take(), bad, exit_status=1)
        c.wait(1, "error")
        answer = self.control(c, "retry")
        self.assertEqual(answer["result"]["id"], 2)
        m = e.take()
        self.assertEqual(m.content["code"], "code")
        self.assertEqual(m.buffers, [b"in"])
        e.reply(m, exit_status=0)
        self.assertEqual(c.wait(2, "ok")["name"], "name")
        self.assertEqual(c.result(1)["status"], "error")

    def test_retry_of_what_is_ok_aborted_or_waited(self):
        c, e = self.pair()
        c.submit(b"one", label="name")
        e.reply(e.take(), exit_status=0)
        c.wait(1, "ok")
        self.assertEqual(self.control(c, "retry")["errno"], "EINVAL")
        c.submit(b"two", label="name", after=["1:error"])
        self.assertEqual(c.wait(2, "aborted")["task"]["ename"], "Skipped")
        answer = self.control(c, "retry", result=2)
        self.assertNotIn("after", answer["result"]["options"])
        m = e.take()
        self.assertEqual(m.content["code"], "two")
        self.assertEqual(self.control(c, "abort", result=3)["status"], "ok")
        e.reply(m, {"status": "aborted"})
        c.wait(3, "aborted")
        self.control(c, "retry", result=3)
        # From now on it is what the name means.
        c.submit(b"last", after=["name"])
        e.reply(e.take(), exit_status=0)
        c.wait(4, "ok")
        self.assertEqual(e.take().content["code"], "last")

    def test_attempts(self):
        c, e = self.pair()
        c.submit(b":", retries=1)
        bad = {"status": "error", "ename": "E", "evalue": "", "traceback": []}
        e.reply(e.take(), bad, exit_status=1)
        e.reply(e.take(), exit_status=0)
        lines = c.wait(1, "ok")["task"]["attempts"].splitlines()
        self.assertEqual([x.split()[0] for x in lines], ["1", "2"])
        self.assertEqual([x.split()[4] for x in lines], ["E", "ok"])

    def test_targets_that_are_gone(self):
        c, e = self.pair()
        c.query.send_multipart(c.frames("unregistration_request", {"id": 0})[1])
        c.receive(c.notification)
        e = self.engine()
        e.join(c)
        c.submit(b":", targets=[0])
        r = c.wait(1, "error")
        self.assertEqual(r["task"]["ename"], "ImpossibleDependency")

    def test_purge_forgets_and_ids_do_not_come_back(self):
        c, e = self.pair()
        c.submit(b":")
        e.reply(e.take(), exit_status=0)
        c.wait(1, "ok")
        self.assertEqual(self.control(c, "purge")["status"], "ok")
        self.assertEqual(self.control(c, "purge")["errno"], "ENOENT")
        self.assertEqual(c.ask("results_request", {}).content["results"], [])
        self.controller.kill()
        self.controller.start()
        c = self.client()
        self.assertEqual(c.submit(b":")["id"], 2)

    def test_a_name_is_the_newest_s_that_is_left(self):
        c, e = self.pair()
        bad = {"status": "error", "ename": "E", "evalue": "", "traceback": []}
        for i, content in enumerate((bad, None, None, None)):
            c.submit(b":", label="name")
            e.reply(e.take(), content, exit_status=0)
            c.wait(i + 1, "error" if content else "ok")
        for i in 3, 2:
            ask = {"result": i, "verb": "purge"}
            c.ask("control_request", ask)
        c.submit(b":", after=["name:error"])
        c.wait(5, "aborted")
        c.ask("control_request", {"result": 4, "verb": "purge"})
        c.submit(b":", after=["name:error"])
        e.reply(e.take(), exit_status=0)
        c.wait(6, "ok")

    def test_the_database_is_smaller_after_a_purge(self):
        c = self.client()
        c.follow()
        size = lambda: os.stat(self.controller.dir + "/tasks.db").st_size
        for i in range(60):
            id = c.submit(b"%d %s" % (i, b"x" * 100000))["id"]
            c.ask("control_request", {"result": id, "verb": "abort"})
            c.wait(id, "aborted")
        self.controller.stop()
        self.assertGreater(size(), 6000000)
        self.controller.start()
        c = self.client()
        c.ask("control_request", {"verb": "purge"})
        tap.wait_for(lambda: size() < 3000000)

    def test_purge_of_all_that_is_finished(self):
        c = self.client()
        c.follow()
        n = 1100
        one = {"options": {"timeout": 0.001}, "code": 0, "uid": 0, "gid": 0}
        asked = [dict(one, token=new_id()) for _ in range(n)]
        answer = c.ask("submit_request", {"results": asked}, [b":"]).content
        self.assertEqual([r["id"] for r in answer["results"]], [*range(1, n + 1)])
        tap.wait_for(
            lambda: c.ask("state_request", {}).content["controller"]["tasks"]
            == [0, 0, 0, n, 0]
        )
        e = self.engine()
        e.join(c)
        c.submit(b"stays")
        m = e.take()
        answer = c.ask("control_request", {"verb": "purge"}).content
        self.assertEqual(sorted(answer["purged"]), list(range(1, n + 1)))
        r = c.ask("results_request", {}).content["results"]
        self.assertEqual([x["id"] for x in r], [1101])
        answer = c.ask("control_request", {"verb": "purge"}).content
        self.assertEqual(answer["purged"], [])
        for ask in ({"verb": "abort"}, {"verb": "purge", "result": 7}, {}):
            answer = c.ask("control_request", ask).content
            self.assertEqual(answer["errno"], "ENOENT")
        e.reply(m, exit_status=0)
        c.wait(1101, "ok")

    def test_signal_is_passed_on(self):
        c, e = self.pair()
        c.submit(b":")
        e.take()
        c.wait(1, "running")
        self.assertEqual(
            self.control(c, "signal", argument="NOPE")["errno"], "EINVAL"
        )
        self.control(c, "signal", argument="USR1")
        self.assertEqual(
            e.take(e.control, "kill_request").content["signal"], 10
        )

    def test_big_outputs_are_files_and_go_with_the_result(self):
        c, e = self.pair()
        c.submit(b":")
        m = e.take()
        piece = os.urandom(256 << 10)
        for i in range(8):
            e.output(m, "stdout", i * len(piece), piece)
        e.reply(m, exit_status=0, stdout=8 * len(piece), value_is_stdout=True)
        c.wait(1, "ok")
        outputs = self.controller.dir + "/outputs"
        self.assertEqual(os.listdir(outputs), ["1.0.stdout"])
        got = c.fetch(1, "stdout", 7 * len(piece) - 10, 20)
        self.assertEqual(got.buffers, [piece[-10:] + piece[:10]])
        self.assertEqual(got.content["size"], 8 * len(piece))
        self.control(c, "purge")
        tap.wait_for(lambda: not os.listdir(outputs))


class Dependencies(Case):
    bad = {"status": "error", "ename": "E", "evalue": "", "traceback": []}

    def test_after_waits_for_ok(self):
        c, e = self.pair()
        c.submit(b"one", label="build")
        c.submit(b"two", after=["build"])
        c.submit(b"three", after=[1, "2"])
        c.submit(b"free")
        self.assertEqual(c.result(3)["why"], "after 1, after 2")
        order = []
        for _ in range(4):
            m = e.take()
            order.append(m.content["code"])
            e.reply(m, exit_status=0)
        # The engine was free before it was stored that "one" is ok.
        self.assertEqual(order, ["one", "free", "two", "three"])

    def test_what_cannot_be_met_fails_at_once(self):
        c, e = self.pair()
        c.submit(b"one")
        c.submit(b"two", after=[1])
        c.submit(b"any", after=["1:any"])
        c.submit(b"bad", after=["1:error"])
        e.reply(e.take(), self.bad, exit_status=1)
        r = c.wait(2, "aborted")
        self.assertEqual(r["task"]["ename"], "Skipped")
        self.assertEqual(
            r["task"]["evalue"], "after 1: it ended with status error"
        )
        for code in "any", "bad":
            m = e.take()
            self.assertEqual(m.content["code"], code)
            e.reply(m, exit_status=0)
        c.submit(b"late", after=[1])
        self.assertEqual(c.wait(5, "aborted")["task"]["ename"], "Skipped")

    def submit_of(self, c, uid, code, **options):
        """As a mount does for one of its users."""
        one = {
            "token": new_id(),
            "options": options,
            "code": 0,
            "uid": uid,
            "gid": uid,
        }
        m = c.ask("submit_request", {"results": [one]}, [code])
        return m.content["results"][0]

    def names_are_their_users(self, c, first):
        """The first results are 7's and 8's, both named build."""
        self.submit_of(c, 7, b"of 7", after=["build"])
        self.submit_of(c, 8, b"of 8", follow=["build:any"])
        self.assertEqual(c.result(first)["why"], "after 1")
        self.assertEqual(c.result(first + 1)["why"], "follow 2")
        for uid in 9, 0:
            refused = self.submit_of(c, uid, b"of %d" % uid, after=["build"])
            self.assertEqual(
                refused["evalue"],
                '"after": there is no result build of user %d' % uid,
            )

    def test_a_name_is_its_users(self):
        c = self.client()
        c.follow()
        self.submit_of(c, 7, b"one", label="build")
        self.submit_of(c, 8, b"two", label="build")
        self.names_are_their_users(c, 3)
        self.controller.kill()
        self.controller.start()
        c = self.client()
        c.follow()
        self.names_are_their_users(c, 5)

    def test_who_purges_a_name_uncovers_his_older_one(self):
        c, e = self.pair()
        for uid in 7, 8, 7:
            self.submit_of(c, uid, b":", label="build")
            e.reply(e.take(), exit_status=0)
        c.wait(3, "ok")
        for uid, leads in ((7, 3), (7, 1), (8, 2)):
            r = self.submit_of(c, uid, b":", follow=["build"], targets=[7])
            task = c.wait(r["id"], "error")["task"]
            self.assertIn("follow %d" % leads, task["evalue"])
            if leads == 3:
                c.ask("control_request", {"verb": "purge", "result": 3})

    def test_what_is_not_there_is_invalid(self):
        c = self.client()
        c.follow()
        for wrong in [7], ["nobody"], [1], ["nobody:any"]:
            for option in "after", "follow":
                r = c.submit(b":", **{option: wrong})
                self.assertEqual((r["status"], r["errno"]), ("error", "EINVAL"))
                self.assertIn('"%s": there is no result' % option, r["evalue"])
        self.assertEqual(c.ask("results_request", {}).content["results"], [])

    def test_follow_runs_on_the_same_engine(self):
        c, e = self.pair()
        other = self.engine()
        other.join(c)
        c.submit(b"one", targets=[1])
        c.submit(b"two", follow=[1])
        other.reply(other.take(), exit_status=0)
        m = other.take()
        self.assertEqual(m.content["code"], "two")
        c.submit(b"three", follow=[1], targets=[0])
        self.assertEqual(
            c.wait(3, "error")["task"]["ename"], "ImpossibleDependency"
        )
        c.submit(b"four", targets=[0])
        self.assertEqual(e.take().content["code"], "four")

    def test_they_survive_a_restart(self):
        c, e = self.pair()
        c.submit(b"one")
        m = e.take()
        c.submit(b"two", after=[1])
        self.controller.kill()
        self.controller.start()
        c = self.client()
        c.follow()
        e.join(c, running=[m.header["msg_id"]])
        self.assertEqual(c.result(2)["why"], "after 1")
        e.reply(m, exit_status=0)
        self.assertEqual(e.take().content["code"], "two")


class Maps(Case):
    bad = {"status": "error", "ename": "E", "evalue": "", "traceback": []}

    def item(self, m):
        return m.buffers[m.metadata["taskfs"]["items"]]

    def test_one_task_for_each_item(self):
        c, e = self.pair()
        r = c.submit_map(b"echo $1", [b"a", b"", b"\xff"], retries=1)
        self.assertEqual((r["kind"], r["tasks"]), ("map", 3))
        self.assertIsNone(r["task"])
        for i, item in enumerate([b"a\0", b"\0", b"\xff\0"]):
            m = e.take()
            self.assertEqual(self.item(m), item)
            self.assertEqual(m.metadata["taskfs"]["index"], i)
            out = b"%d" % i
            e.reply(
                m,
                buffers=[out],
                exit_status=0,
                stdout=1,
                value_is_stdout=True,
                usage={"user": 1, "system": 0, "memory": 5},
                named={"stdout": 0},
            )
        r = c.wait(1, "ok")
        self.assertEqual(r["count"], [0, 0, 3, 0, 0])
        tasks = c.tasks(1)["tasks"]
        self.assertEqual([t[:2] for t in tasks], [[0, 3], [1, 3], [2, 3]])
        self.assertEqual([t[9] for t in tasks], [1, 1, 1])
        one = c.tasks(1, task=1)["task"]
        self.assertEqual(one["usage"]["memory"], 5)
        self.assertTrue(one["msg_id"].endswith("_1_1_1"))
        m = c.ask(
            "fetch_request",
            {"result": 1, "task": 0, "stream": "value", "count": 9},
        )
        self.assertEqual(m.content["sizes"], [1, 1, 1])
        self.assertEqual(m.buffers, [b"012"])
        usage = {"user": 3, "system": 0, "memory": 5}
        self.assertEqual(c.result(1)["usage"], usage)

    def test_the_items_can_be_fetched(self):
        c, e = self.pair()
        r = c.submit_map(b":", [b"a", b"", b"\xff"])
        self.assertEqual(r["map"], 5)
        ask = {"result": 1, "task": 0, "stream": "map"}
        self.assertEqual(c.ask("fetch_request", ask).buffers, [b"a\0\0\xff\0"])
        for _ in range(3):
            e.reply(e.take(), exit_status=0)
        c.wait(1, "ok")
        self.assertEqual(c.ask("fetch_request", ask).buffers, [b"a\0\0\xff\0"])

    def test_errors_and_limits_of_time(self):
        c, e = self.pair()
        c.submit_map(b":", [b"a", b"b"])
        limit = dict(self.bad, ename="TaskTimeLimit", evalue="1 s")
        for content in self.bad, limit:
            e.reply(e.take(), content, exit_status=1)
        c.wait(1, "error")
        self.assertEqual([t[14] for t in c.tasks(1)["tasks"]], [0, 1])
        one = c.tasks(1, task=1)["task"]
        self.assertEqual((one["ename"], one["evalue"]), ("TaskTimeLimit", "1 s"))

    def test_chunks(self):
        c, e = self.pair()
        r = c.submit_map(b":", [b"%d" % i for i in range(5)], chunk=2)
        self.assertEqual(r["tasks"], 3)
        got = []
        for _ in range(3):
            m = e.take()
            got.append(self.item(m))
            e.reply(m, exit_status=0)
        self.assertEqual(got, [b"0\x001\0", b"2\x003\0", b"4\0"])

    def items(self, c, task, n):
        return c.tasks(1, task=task, items=n)

    def items_are_known(self, c):
        """Of 5 items `01234` with a chunk of 2."""
        self.assertEqual(self.items(c, 0, 3)["items"], [0, 4, 8, 10])
        self.assertEqual(self.items(c, 0, 2)["items"], [0, 4, 8])
        self.assertEqual(self.items(c, 1, 1)["items"], [4, 8])
        self.assertEqual(self.items(c, 2, 8192)["items"], [8, 10])
        for task, n, errno in ((3, 1, "ENOENT"), (-1, 1, "ENOENT"), (0, 0, "EINVAL")):
            self.assertEqual(self.items(c, task, n)["errno"], errno)
        # Of a task it is told what it is, not which items it has.
        self.assertNotIn("items", c.tasks(1, task=1))

    def test_which_items_a_task_has(self):
        c, e = self.pair()
        c.submit_map(b":", [b"%d" % i for i in range(5)], chunk=2)
        self.items_are_known(c)
        for _ in range(3):
            e.reply(e.take(), exit_status=0)
        c.wait(1, "ok")
        self.items_are_known(c)
        c.submit(b":")
        e.reply(e.take(), exit_status=0)
        c.wait(2, "ok")
        self.assertEqual(c.tasks(2, task=0, items=1)["errno"], "EINVAL")
        self.controller.kill()
        self.controller.start()
        c = self.client()
        self.items_are_known(c)
        c.ask("control_request", {"result": 1, "verb": "purge"})
        self.assertEqual(self.items(c, 0, 1)["errno"], "ENOENT")

    def test_items_of_all_lengths_are_found_in_the_store(self):
        c, e = self.pair()
        items = [b"x" * n for n in (0, 1 << 18, (1 << 18) - 2, 0, 3, 700000, 0, 0)]
        c.submit_map(b":", items)
        begins = [sum(len(i) + 1 for i in items[:n]) for n in range(9)]
        block = b"".join(i + b"\0" for i in items)
        self.assertEqual(self.items(c, 0, 8)["items"], begins)
        for _ in items:
            e.reply(e.take(), exit_status=0)
        c.wait(1, "ok")
        self.assertEqual(self.items(c, 0, 8)["items"], begins)
        self.assertEqual(self.items(c, 5, 1)["items"], begins[5:7])
        self.assertEqual(self.items(c, 7, 1)["items"], begins[7:])
        for at in 0, 1 << 18, len(block) - 3, len(block), len(block) + 1:
            m = c.fetch(1, "map", at, 1 << 19)
            self.assertEqual(m.buffers, [block[at : at + (1 << 19)]])
            self.assertEqual(m.content["size"], len(block))

    def test_a_list_in_the_options(self):
        c, e = self.pair()
        r = c.submit(b":", map=["x", "y"])
        self.assertEqual((r["kind"], r["tasks"]), ("map", 2))
        self.assertNotIn("map", r["options"])
        self.assertEqual(self.item(e.take()), b"x\0")

    def test_changes_name_the_tasks(self):
        c, e = self.pair()
        c.submit_map(b":", [b"a", b"b"])
        for _ in range(2):
            e.reply(e.take(), exit_status=0)
        state = {}
        while state.get(0) != 3 or state.get(1) != 3:
            for change in c.receive(c.events).content["changes"]:
                for t in change.get("result", {}).get("changed", []):
                    state[t[0]] = t[1]

    def test_halt_and_max_running(self):
        c, e = self.pair()
        other = self.engine()
        other.join(c)
        c.submit_map(b":", [b"x"] * 10, halt=2, max_running=1)
        for i in range(2):
            one, m = self.take_any(e, other)
            self.assertEqual(m.metadata["taskfs"]["index"], i)
            one.reply(m, self.bad, exit_status=1)
        rest = None
        while not rest:
            for change in c.receive(c.events).content["changes"]:
                r = change.get("result", {})
                if "count" in r:
                    self.assertLessEqual(r["count"][1], 1)
                if "rest" in r:
                    rest = r
        self.assertEqual((rest["rest"], rest["rest_from"]), ("aborted", 2))
        r = c.wait(1, "error")
        self.assertEqual(r["count"], [0, 0, 0, 2, 8])

    def abort_of(self, n):
        """Survives a restart. Gives what memory the controller had at most."""
        c = self.client()
        c.follow()
        c.submit_map(b":", [b"%d" % i for i in range(n)])
        ask = {"result": 1, "verb": "abort"}
        self.assertEqual(c.ask("control_request", ask).content["status"], "ok")
        c.wait(1, "aborted")
        with open("/proc/%d/status" % self.controller.process.pid) as f:
            peak = [x for x in f if x.startswith("VmHWM")][0].split()[1]
        self.controller.kill()
        self.controller.start()
        c = self.client()
        self.assertEqual(c.result(1)["count"], [0, 0, 0, 0, n])
        answer = c.tasks(1, **{"from": n - 10})
        self.assertEqual(len(answer["tasks"]), 10)
        ask = {"result": 1, "verb": "purge"}
        self.assertEqual(c.ask("control_request", ask).content["status"], "ok")
        return int(peak)

    def test_abort_of_many_survives_a_restart(self):
        self.abort_of(10000)

    @tap.check
    def test_abort_of_a_million_survives_a_restart(self):
        peak = self.abort_of(1000000)
        if not os.environ.get("SAN"):
            self.assertLess(peak, 400000)

    def test_a_map_goes_on_after_a_restart(self):
        c, e = self.pair()
        c.submit_map(b":", [b"a", b"b", b"c"])
        e.reply(e.take(), exit_status=0)
        m = e.take()
        self.controller.kill()
        self.controller.start()
        c = self.client()
        c.follow()
        e.join(c, running=[m.header["msg_id"]])
        e.reply(m, exit_status=0)
        m = e.take()
        self.assertEqual(self.item(m), b"c\0")
        e.reply(m, exit_status=0)
        self.assertEqual(c.wait(1, "ok")["count"], [0, 0, 3, 0, 0])

    def test_retry_takes_the_failed_items(self):
        c, e = self.pair()
        c.submit_map(b":", [b"a", b"b", b"c"])
        for i in range(3):
            m = e.take()
            e.reply(m, None if i == 0 else self.bad, exit_status=i)
        c.wait(1, "error")
        ask = {"result": 1, "verb": "retry"}
        answer = c.ask("control_request", ask).content
        self.assertEqual(answer["result"]["id"], 2)
        got = []
        for _ in range(2):
            m = e.take()
            got.append(self.item(m))
            e.reply(m, exit_status=0)
        self.assertEqual(got, [b"b\0", b"c\0"])

    def control(self, c, verb, **more):
        ask = {"result": 1, "verb": verb, **more}
        return c.ask("control_request", ask).content

    def test_retry_takes_those_that_were_not_begun_too(self):
        c, e = self.pair()
        c.submit_map(b":", [b"%d" % i for i in range(6)], halt=1, max_running=1)
        e.reply(e.take(), exit_status=0)
        self.control(c, "abort", task=4)
        e.reply(e.take(), self.bad, exit_status=1)
        c.wait(1, "error")
        answer = self.control(c, "retry")
        got = []
        for _ in range(answer["result"]["tasks"]):
            m = e.take()
            got.append(self.item(m))
            e.reply(m, exit_status=0)
        self.assertEqual(got, [b"%d\0" % i for i in range(1, 6)])
        answer = self.control(c, "retry", task=3)
        self.assertEqual(answer["result"]["tasks"], 1)
        self.assertEqual(self.item(e.take()), b"3\0")

    def purge(self, c, *msg_ids):
        answer = c.ask("purge_request", {"msg_ids": msg_ids}).content
        self.assertEqual(answer["status"], "ok")
        return c.result(1)

    def test_purge_of_all_of_them_by_name(self):
        c, e = self.pair()
        c.submit_map(b":", [b"a", b"b"], retries=1)
        ids = []
        for content in self.bad, None, None:
            m = e.take()
            ids.append(m.header["msg_id"])
            e.reply(m, content, exit_status=0)
        c.wait(1, "ok")
        first = [i for i in ids if "_1_0_" in i]
        other = [i for i in ids if "_1_1_" in i]
        # The two names of one task are not two tasks.
        if len(first) < len(other):
            first, other = other, first
        self.assertEqual(len(first), 2)
        self.assertIsNotNone(self.purge(c, *first))
        self.assertIsNone(self.purge(c, first[0], *other))

    @tap.check
    def test_purge_of_very_many_by_name(self):
        c = self.client()
        c.follow()
        cluster = c.hello()["taskfs"]["cluster"]
        n = 300000
        c.submit_map(b":", [b"x"] * n)
        self.assertEqual(self.control(c, "abort")["status"], "ok")
        c.wait(1, "aborted")
        ids = ["%s_1_%d_1" % (cluster, i) for i in range(n)]
        self.assertIsNotNone(self.purge(c, *ids[1:]))
        self.assertIsNone(self.purge(c, *ids))

    def test_one_task_of_many_is_aborted(self):
        c, e = self.pair()
        c.submit_map(b":", [b"a", b"b", b"c"], retries=1)
        m = e.take()
        answer = self.control(c, "abort", task=1)
        self.assertEqual(answer["result"]["count"][4], 1)
        self.assertEqual(answer["result"]["changed"][0][:2], [1, 5])
        self.assertEqual(self.control(c, "abort", task=1)["errno"], "ESRCH")
        self.assertEqual(self.control(c, "abort", task=3)["errno"], "ENOENT")
        self.assertEqual(self.control(c, "abort", task=0)["status"], "ok")
        kill = e.take(e.control, "kill_request")
        self.assertEqual(kill.content["msg_id"], m.header["msg_id"])
        # That it fails now is no reason to try it again.
        e.reply(m, self.bad, exit_status=1)
        m = e.take()
        self.assertEqual(self.item(m), b"c\0")
        e.reply(m, exit_status=0)
        r = c.wait(1, "error")
        self.assertEqual(r["count"], [0, 0, 1, 1, 1])

    def test_one_that_waits_for_its_next_try_is_aborted(self):
        c, e = self.pair()
        c.submit_map(b":", [b"a", b"b"], retries=5)
        m = e.take()
        for _ in range(3):
            # It fails, and the other runs meanwhile.
            e.reply(m, self.bad, exit_status=1)
            last, m = m, e.take()
        first = last.metadata["taskfs"]["index"]
        self.assertNotEqual(m.metadata["taskfs"]["index"], first)
        tap.wait_for(lambda: c.tasks(1)["tasks"][first][1] == 1)
        self.assertEqual(self.control(c, "abort", task=first)["status"], "ok")
        e.reply(m, exit_status=0)
        self.assertEqual(c.wait(1, "aborted")["count"], [0, 0, 1, 0, 1])

    def test_one_task_of_many_gets_a_signal(self):
        c, e = self.pair()
        c.submit_map(b":", [b"a", b"b"])
        m = e.take()
        tap.wait_for(lambda: c.result(1)["count"][1] == 1)
        answer = self.control(c, "signal", task=1, argument="USR1")
        self.assertEqual(answer["errno"], "EAGAIN")
        answer = self.control(c, "signal", task=0, argument="USR1")
        self.assertEqual(answer["status"], "ok")
        kill = e.take(e.control, "kill_request").content
        self.assertEqual(
            (kill["msg_id"], kill["signal"]),
            (m.header["msg_id"], signal.SIGUSR1),
        )
        for verb in "priority", "purge":
            answer = self.control(c, verb, task=0, argument="1")
            self.assertEqual(answer["errno"], "EINVAL")
            self.assertIn("whole result", answer["evalue"])
        e.reply(m, exit_status=0)
        e.reply(e.take(), exit_status=0)
        c.wait(1, "ok")

    def test_one_task_is_held(self):
        c, e = self.pair()
        c.submit_map(b":", [b"a", b"b", b"c", b"d"])
        first = e.take()
        for task in 1, 3:
            answer = self.control(c, "hold", task=task)
            self.assertEqual(answer["status"], "ok")
            self.assertEqual(answer["result"]["changed"][0][15], 1)
        e.reply(first, exit_status=0)
        m = e.take()
        self.assertEqual(m.metadata["taskfs"]["index"], 2)
        e.reply(m, exit_status=0)
        tap.wait_for(lambda: c.result(1)["count"] == [2, 0, 2, 0, 0])
        answer = self.control(c, "hold", task=0)
        self.assertEqual(answer["errno"], "ESRCH")
        answer = self.control(c, "release", task=1)
        self.assertEqual(answer["result"]["changed"][0][15], 0)
        m = e.take()
        self.assertEqual(m.metadata["taskfs"]["index"], 1)
        e.reply(m, exit_status=0)
        self.assertEqual(self.control(c, "abort", task=3)["status"], "ok")
        self.assertEqual(c.wait(1, "aborted")["count"], [0, 0, 3, 0, 1])

    def test_one_task_that_failed_is_tried_while_the_others_run(self):
        c, e = self.pair()
        c.submit_map(b":", [b"a", b"b", b"c", b"d", b"e"], chunk=2)
        self.assertEqual(self.control(c, "retry", task=0)["errno"], "EBUSY")
        e.reply(e.take(), exit_status=0)
        e.reply(e.take(), self.bad, exit_status=1)
        m = e.take()
        self.assertEqual(self.control(c, "retry")["errno"], "EBUSY")
        self.assertEqual(self.control(c, "retry", task=0)["errno"], "EINVAL")
        answer = self.control(c, "retry", task=1)["result"]
        self.assertEqual((answer["id"], answer["tasks"]), (2, 1))
        e.reply(m, exit_status=0)
        m = e.take()
        self.assertEqual(m.metadata["taskfs"]["result"], 2)
        self.assertEqual(self.item(m), b"c\0d\0")
        e.reply(m, exit_status=0)
        c.wait(2, "ok")
        self.assertEqual(c.wait(1, "error")["count"], [0, 0, 2, 1, 0])

    def test_maps_that_are_wrong(self):
        c = self.client()
        for items, options in (([], {}), ([b"a"], {"chunk": 0})):
            answer = c.submit_map(b":", items, **options)
            self.assertEqual(answer["errno"], "EINVAL")


@tap.check
class Astray(Case):
    """Tasks that do not reach the engine they were sent to."""

    options = ("--ping=1s",)

    def pair(self, **how):
        """One that beats all the time."""
        c, e = super().pair(**how)
        self.beating = e
        return c, e

    def hear(self, socket, want):
        """The next of that type; the engine beats meanwhile."""
        e = self.beating
        while True:
            ready = e.ready(e.ping, socket)
            if e.ping in ready:
                e.beat()
            if socket in ready:
                m = e.receive(socket)
                if m.type == want:
                    return m

    def misses(self, e):
        """It is asked, and has none of that."""
        m = self.hear(e.control, "have_request")
        content = {"status": "ok", "missing": m.content["msg_ids"]}
        _, frames = e.frames("have_reply", content, parent=m.header)
        e.control.send_multipart(m.idents + frames)
        return m.content["msg_ids"]

    def test_it_is_given_again_and_who_misses_more_drains(self):
        c, e = self.pair()
        c.submit(b":")
        first = e.take()
        self.assertEqual(self.misses(e), [first.header["msg_id"]])
        again = self.hear(e.task, "execute_request")
        self.assertEqual(again.header["msg_id"], first.header["msg_id"])
        self.misses(e)
        engine = lambda: c.ask("state_request", {}).content["engines"][0]
        tap.wait_for(lambda: engine()["state"] == "draining")
        self.assertEqual(engine()["why"], "tasks that were sent to it did not arrive")
        c.wait(1, "pending")
        other = self.engine()
        other.join(c)
        other.reply(other.take(), exit_status=0)
        self.assertEqual(c.wait(1, "ok")["task"]["attempt"], 1)

    def test_it_can_be_aborted(self):
        c, e = self.pair()
        c.submit(b":")
        e.take()
        ask = {"result": 1, "verb": "abort", "uid": 0}
        self.assertEqual(c.ask("control_request", ask).content["status"], "ok")
        self.misses(e)
        c.wait(1, "aborted")

    def test_one_that_is_there_is_asked_for_once(self):
        c, e = self.pair()
        c.submit(b":")
        task = e.take()
        m = self.hear(e.control, "have_request")
        content = {"status": "ok", "missing": []}
        _, frames = e.frames("have_reply", content, parent=m.header)
        e.control.send_multipart(m.idents + frames)
        for _ in range(12):
            e.beat()
        self.assertFalse(e.control.poll(0))
        e.reply(task, exit_status=0)
        c.wait(1, "ok")

    def test_who_beats_and_does_not_answer_is_given_up(self):
        c, e = self.pair()
        c.submit(b":")
        e.take()
        while not c.notification.poll(0):
            e.beat()
        task = c.wait(1, "error")["task"]
        self.assertRegex(task["evalue"], "may go on there: it beats, and does not say")

    def test_a_client_s_own_ends(self):
        c, e = self.pair()
        header, frames = c.frames("execute_request", {"code": ":", "silent": False})
        c.task.send_multipart(frames)
        e.take()
        for _ in range(2):
            self.assertEqual(self.misses(e), [header["msg_id"]])
        m = c.receive(c.task)
        self.assertEqual(m.parent, header)
        self.assertEqual(m.content["ename"], "EngineError")


class Views(Case):
    def test_each_engine_gets_its_task(self):
        c, e = self.pair()
        other = self.engine()
        other.join(c)
        r = c.submit_view(b":", [1, 0])
        self.assertEqual((r["kind"], r["tasks"]), ("view", 2))
        m = other.take()
        self.assertEqual(m.metadata["taskfs"]["index"], 0)
        other.reply(m, exit_status=0)
        m = e.take()
        self.assertEqual(m.metadata["taskfs"]["index"], 1)
        e.reply(m, exit_status=0)
        c.wait(1, "ok")
        self.assertEqual([t[2] for t in c.tasks(1)["tasks"]], [1, 0])

    def test_an_engine_that_is_not_there(self):
        c, e = self.pair()
        c.submit_view(b":", [0, 7])
        e.reply(e.take(), exit_status=0)
        r = c.wait(1, "error")
        self.assertEqual(r["count"], [0, 0, 1, 1, 0])
        self.assertEqual(c.tasks(1, task=1)["task"]["ename"], "EngineError")


class Orders(Case):
    """What is wanted of engines."""

    def say(self, c, verb, *engines):
        """Asks, and gives what the answer will be a reply to."""
        ask = {"verb": verb, "uid": 0}
        if engines:
            ask["engines"] = list(engines)
        header, frames = c.frames("engine_control_request", ask)
        c.query.send_multipart(frames)
        return header

    def answer(self, c, header):
        m = c.receive(
            c.query, lambda m: m.parent.get("msg_id") == header["msg_id"]
        )
        self.assertEqual(m.type, "engine_control_reply")
        return m.content

    def order(self, c, verb, *engines):
        return self.answer(c, self.say(c, verb, *engines))

    def obey(self, e, request, kind, **content):
        content = {"status": "ok", **content}
        _, frames = e.frames(kind, content, parent=request.header)
        e.control.send_multipart(request.idents + frames)

    def trio(self):
        c, first = self.pair()
        second = self.engine(taskfs=False)
        second.join(c)
        return c, first, second

    def test_what_is_wrong_changes_nothing(self):
        c, _, _ = self.trio()
        for ask, errno in (
            ({"verb": "explode"}, "EINVAL"),
            ({"verb": "stop", "engines": 0}, "EINVAL"),
            ({"verb": "stop", "engines": []}, "EINVAL"),
            ({"verb": "stop", "engines": ["0"]}, "EINVAL"),
            ({"verb": "stop", "engines": [0, 7]}, "ENOENT"),
            ({"verb": "drain", "engines": [0, -1]}, "ENOENT"),
            ({"verb": "restart"}, "EOPNOTSUPP"),
            ({"verb": "interrupt", "engines": [0]}, "ESRCH"),
            ({"verb": "interrupt"}, "ESRCH"),
        ):
            answer = c.ask("engine_control_request", ask).content
            self.assertEqual(answer["errno"], errno, ask)
            self.assertTrue(answer["evalue"])
        engines = c.ask("state_request", {}).content["engines"]
        self.assertEqual([e["state"] for e in engines], ["idle", "idle"])

    def test_interrupt_is_a_signal_to_what_runs(self):
        c, e, other = self.trio()
        c.submit(b":", targets=[0])
        m = e.take()
        header = self.say(c, "interrupt")
        request = e.take(e.control, "signal_request")
        self.assertEqual(request.content, {"sig": signal.SIGINT})
        # A stock engine's answer has another type.
        self.obey(e, request, "_request")
        answer = self.answer(c, header)
        ids = sorted(x["id"] for x in answer["engines"])
        self.assertEqual(ids, [0, 1])
        for one in self.passed_on(c, other):
            self.assertEqual(one.type, "kernel_info_request")
        e.reply(m, exit_status=0)
        c.wait(1, "ok")

    def test_a_refusal_is_passed_on(self):
        c, e, _ = self.trio()
        header = self.say(c, "clear", 0)
        request = e.take(e.control, "clear_request")
        self.obey(e, request, "clear_reply", status="error", evalue="no way")
        answer = self.answer(c, header)
        self.assertEqual(answer["errno"], "EIO")
        self.assertEqual(answer["evalue"], "engine 0: no way")

    def test_clear_waits_for_all(self):
        c, *both = self.trio()
        header = self.say(c, "clear", 0, 1)
        requests = [e.take(e.control, "clear_request") for e in both]
        self.obey(both[1], requests[1], "clear_reply")
        # One that goes away does not answer.
        gone = {"id": 0}
        c.query.send_multipart(c.frames("unregistration_request", gone)[1])
        answer = self.answer(c, header)
        self.assertEqual(answer["errno"], "EHOSTUNREACH")

    def test_stop(self):
        c, e, other = self.trio()
        c.submit(b":", targets=[0])
        e.take()
        header = self.say(c, "stop")
        for x in e, other:
            request = x.take(x.control, "shutdown_request")
            self.assertEqual(request.content, {"restart": False})
            self.obey(x, request, "shutdown_reply", restart=False)
        # Both ways to say goodbye. For one of ours it is not what it publishes: what
        # it runs is not dead yet.
        for x in e, other:
            x.publish(b"x", "shutdown_reply", {"status": "ok"}, request.header)
        m = c.receive(c.notification)
        self.assertEqual(m.type, "unregistration_notification")
        self.assertEqual(m.content["id"], 1)
        state = lambda: c.ask("state_request", {}).content["engines"][0]["state"]
        tap.wait_for(lambda: state() == "draining")
        self.assertEqual(c.result(1)["status"], "running")
        gone = {"id": 0}
        c.query.send_multipart(c.frames("unregistration_request", gone)[1])
        answer = self.answer(c, header)
        self.assertEqual(answer["engines"], [])
        self.assertEqual(sorted(answer["gone"]), [0, 1])
        self.assertEqual(c.wait(1, "error")["task"]["ename"], "EngineError")

    def test_restart(self):
        c, e = self.pair()
        c.submit(b":", retries=1, targets=[0])
        m = e.take()
        # Neither of these finds its engine gone for good.
        c.submit_view(b"view", [0])
        self.order(c, "drain", 0)
        header = self.say(c, "restart", 0)
        request = e.take(e.control, "shutdown_request")
        self.assertEqual(request.content, {"restart": True})
        self.obey(e, request, "shutdown_reply", restart=True)
        new = self.engine()
        new.join(c, id=0, replaces=e.uuid)
        answer = self.answer(c, header)
        self.assertEqual(answer["engines"][0]["uuid"], new.uuid)
        # What ran there is tried again: a new engine does not drain.
        e.reply(m, exit_status=0)
        for _ in range(2):
            new.reply(new.take(), exit_status=0)
        self.assertEqual(c.wait(1, "ok")["task"]["attempt"], 2)
        c.wait(2, "ok")

    def test_drain_and_resume(self):
        c, e = self.pair()
        c.submit(b"one")
        m = e.take()
        answer = self.order(c, "drain")
        self.assertEqual(answer["engines"][0]["state"], "draining")
        c.submit(b"two")
        e.reply(m, exit_status=0)
        c.wait(1, "ok")
        self.assertIn("draining", c.result(2)["why"])
        self.controller.kill()
        self.controller.start()
        c = self.client()
        c.follow()
        e.join(c)
        engine = c.ask("state_request", {}).content["engines"][0]
        self.assertEqual(engine["state"], "draining")
        self.assertEqual(c.result(2)["status"], "pending")
        answer = self.order(c, "resume", 0)
        self.assertEqual(answer["status"], "ok")
        m = e.take()
        self.assertEqual(m.content["code"], "two")
        e.reply(m, exit_status=0)
        c.wait(2, "ok")

    def test_an_engine_that_asks_for_no_more(self):
        c, e = self.pair()
        engine = lambda: c.ask("state_request", {}).content["engines"][0]
        c.submit(b"one")
        c.submit(b"two")
        m = e.take()
        e.task.send_multipart(e.frames("drain", {"why": "disk full\nsince noon"})[1])
        e.reply(m, exit_status=0)
        c.wait(1, "ok")
        why = lambda: (engine()["state"], engine()["why"])
        self.assertEqual(why(), ("draining", "disk full"))
        self.assertIn("draining", c.result(2)["why"])
        self.controller.kill()
        self.controller.start()
        c = self.client()
        c.follow()
        e.join(c)
        self.assertEqual(why(), ("draining", "disk full"))
        self.assertEqual(c.result(2)["status"], "pending")
        self.order(c, "resume", 0)
        e.reply(e.take(), exit_status=0)
        c.wait(2, "ok")
        self.assertEqual(why(), ("idle", None))

    def wait_why(self, c, id, why):
        while c.result(id)["why"] != why:
            c.receive(
                c.events,
                lambda m: any(
                    x.get("result", {}).get("id") == id
                    for x in m.content["changes"]
                ),
            )

    def test_what_waits_for_one_that_drains(self):
        c, e = self.pair()
        other = self.engine()
        other.join(c)
        for i in 0, 1:
            c.submit(b"busy", targets=[i])
        c.submit(b"one", targets=[0])
        c.submit(b"both", targets=[0, 1])
        running = [one.take() for one in (e, other)]
        self.wait_why(c, 3, "engine 0 to be free")
        self.wait_why(c, 4, "one of the engines 0 1 to be free")
        self.order(c, "drain", 0)
        self.wait_why(c, 3, "engine 0 to take tasks again: it is draining")
        self.assertIn("free", c.result(4)["why"])
        self.order(c, "drain", 1)
        both = "one of the engines 0 1 to take tasks again: all are draining"
        self.wait_why(c, 4, both)
        self.order(c, "resume", 0)
        self.wait_why(c, 3, "engine 0 to be free")
        e.reply(running[0], exit_status=0)
        for _ in range(2):
            e.reply(e.take(), exit_status=0)
        c.wait(3, "ok")
        c.wait(4, "ok")
        other.reply(running[1], exit_status=0)
        c.wait(2, "ok")

    def test_an_interrupt_for_a_client_s_own_task(self):
        c, e = self.pair(taskfs=False)
        header, frames = Relays.request(self, c)
        c.mux.send_multipart([e.uuid.encode(), *frames])
        m = e.take(e.mux)
        c.wait(1, "running")
        ask = {"result": 1, "verb": "signal", "argument": "TERM"}
        answer = c.ask("control_request", ask).content
        self.assertEqual(answer["errno"], "EOPNOTSUPP")
        answer = c.ask("control_request", dict(ask, argument="INT")).content
        self.assertEqual(answer["status"], "ok")
        request = e.take(e.control, "signal_request")
        self.assertEqual(request.content, {"sig": signal.SIGINT})
        self.obey(e, request, "_request")
        bad = {"status": "error", "ename": "KeyboardInterrupt", "evalue": ""}
        e.reply(m, bad, e.mux)
        e.publish(b"s", "status", {"execution_state": "idle"}, header)
        c.wait(1, "error")


class Questions(Case):
    @tap.check
    def test_one_that_takes_too_long_is_given_up(self):
        c, other = self.client(), self.client()
        for _ in range(3):
            c.submit(b"x" * (6 << 20))
        each = [{"content": {"$glob": "no%d" % i}} for i in range(900)]
        slow = other.frames("db_request", {"query": {"$or": each}})[1]
        other.query.send_multipart(slow)
        # Perhaps in the same transaction.
        small = c.submit(b":")
        self.assertEqual(small["status"], "pending")
        m = other.receive(other.query)
        self.assertEqual(m.content["status"], "error")
        self.assertEqual(m.content["ename"], "TimeoutError")
        ask = {"query": {"msg_id": small["task"]["msg_id"]}, "keys": ["msg_id"]}
        self.assertEqual(len(c.ask("db_request", ask).content["records"]), 1)
        self.assertEqual(c.result(4)["status"], "pending")
        self.assertEqual(c.counters()["store_errors"], 0)

    def test_a_part_of_a_string_is_found_at_once(self):
        c = self.client()
        c.submit(b"x" * (8 << 20))
        c.submit(b"hello world")
        for parts, n in (
            (["x" * (4 << 20) + "y" + "x" * 9], 0),
            (["hello", "wor"], 1),
            (["hello", "word"], 0),
            ([""], 2),
        ):
            ask = {"query": {"content": {"$all": parts}}, "keys": ["msg_id"]}
            found = c.ask("db_request", ask).content["records"]
            self.assertEqual(len(found), n, parts[0][:9])

    def test_a_pattern_is_no_book(self):
        c = self.client()
        ask = {"query": {"content": {"$glob": "*x" * 1000}}}
        self.assertEqual(c.ask("db_request", ask).content["ename"], "ValueError")


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
                "ALTER TABLE engines DROP COLUMN heard; PRAGMA user_version=1;"
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


@unittest.skipUnless(tap.can_mount(), "it needs to mount")
class FullDisk(unittest.TestCase):
    """On a file system of a few megabytes."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="taskfs-full-")
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "none", self.dir],
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
        return ballast

    def fill_up(self, path):
        with open(path, "wb", buffering=0) as f:
            while True:
                f.write(b"x" * 4096)

    def test_a_client_s_task_that_is_not_stored_is_refused(self):
        c = self.client
        ballast = self.fill()
        header, frames = Relays.request(self, c)
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
        made = [Relays.request(self, c) for _ in range(3)]
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
        header, frames = Relays.request(self, c, e)
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


class Events(Case):
    def test_they_are_numbered_without_gaps(self):
        c, e = self.pair()
        last = c.receive(c.events).content["seq"]
        for i in range(1, 20):
            c.submit(b":")
            e.reply(e.take(), exit_status=0)
        seen = set()
        while len(seen) < 19:
            m = c.receive(c.events).content
            self.assertEqual(m["seq"], last + 1)
            last = m["seq"]
            for change in m["changes"]:
                r = change.get("result", {})
                if r.get("status") == "ok":
                    seen.add(r["id"])

    def test_what_changed_since(self):
        c, e = self.pair()
        c.submit(b":")
        e.reply(e.take(), exit_status=0)
        c.wait(1, "ok")
        seq = c.ask("results_request", {}).content["seq"]
        c.submit(b":")
        c.ask("control_request", {"result": 1, "verb": "purge"})
        again = c.ask("results_request", {"since": seq}).content
        self.assertEqual([r["id"] for r in again["results"]], [2])
        self.assertEqual(again["purged"], [1])
        self.assertFalse(again["reset"])


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
