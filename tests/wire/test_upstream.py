#!/usr/bin/python3
"""The controller in front of one of ipyparallel (--upstream), whose every word a
test says itself. BUILD is the directory of the programs. Prints TAP.
"""

import json
import shutil
import sys
import tempfile
import unittest
from datetime import datetime, timezone

import zmq

import tap
from controller_case import PROGRAM
from peers import Controller, Peer, connection, new_id


def date():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Hub(Peer):
    """Of a stock controller: the hub and its relays, which a test plays."""

    ROUTERS = ("registration", "mux", "task", "control")

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="taskfs-wire-")
        super().__init__(connection(broadcast=1, task_scheme="leastload"))
        for name in self.ROUTERS:
            self.bind(name, zmq.ROUTER)
        for name in "notification", "iopub":
            self.bind(name, zmq.XPUB)
        self.members = None
        self.kept = []
        self.path = self.dir + "/ipcontroller-client.json"
        with open(self.path, "w") as f:
            json.dump(self.info, f)

    def bind(self, name, kind):
        s = self.ctx.socket(kind)
        self.info[name] = s.bind_to_random_port("tcp://127.0.0.1")
        setattr(self, name, s)
        self.sockets.append(s)

    def close(self):
        super().close()
        shutil.rmtree(self.dir)

    def asked(self, kind="connection_request", records=None):
        """The next question of that kind. Of others, those for records are
        answered with these, or refused."""
        while True:
            m = self.kept.pop(0) if self.kept else self.receive(self.registration)
            if m.type == kind:
                return m
            if m.type == "db_request" and records is not None:
                self.answer(m, {"status": "ok", "records": records})
            elif m.type == "connection_request":
                self.engines(m, self.members)
            else:
                self.answer(m, {"status": "error", "ename": "KeyError"})

    def attend(self, *sockets):
        """Until one of them has something; the bridge is told the engines again if
        it asks meanwhile, having given up an answer that came late."""
        while True:
            ready = self.ready(self.registration, *sockets)
            if ready != [self.registration]:
                return ready
            m = self.receive(self.registration)
            if m.type == "connection_request":
                self.engines(m, self.members)
            else:
                self.kept.append(m)

    def wait_for_subscriptions(self):
        for s in self.notification, self.iopub:
            while s.recv() != b"\1":
                pass

    def answer(self, request, content):
        kind = request.type.replace("request", "reply")
        _, frames = self.frames(kind, content, parent=request.header)
        self.registration.send_multipart([*request.idents, *frames])

    def engines(self, request, engines):
        self.members = engines
        self.answer(request, {"status": "ok", "engines": engines})

    def notify(self, what, id, uuid):
        _, frames = self.frames(what + "_notification", {"id": id, "uuid": uuid})
        self.notification.send_multipart(frames)

    def state(self, uuid, parent, state):
        content, metadata = {"execution_state": state}, {"engine": uuid}
        _, frames = self.frames("status", content, metadata, parent)
        self.iopub.send_multipart([b"engine.0.status", *frames])


@tap.check
class Upstream(unittest.TestCase):
    def setUp(self):
        self.hub = Hub()
        self.addCleanup(self.hub.close)
        self.bridge = Controller(PROGRAM, "--upstream=" + self.hub.path)
        self.addCleanup(self.end)
        self.hub.program = self.bridge
        self.hub.wait_for_subscriptions()
        self.c = self.bridge.client()
        self.addCleanup(self.c.close)
        self.c.follow()

    def end(self):
        self.assertEqual(self.bridge.stop(), 0)
        self.bridge.remove()

    def change(self, member, id):
        """The next change that tells of an engine, and what it says."""
        while True:
            self.hub.attend(self.c.events)
            m = self.c.receive(self.c.events)
            for change in m.content["changes"]:
                what = change.get(member)
                if what == id or isinstance(what, dict) and what.get("id") == id:
                    return change

    def test_answers_older_than_a_notification(self):
        hub = self.hub
        hub.engines(hub.asked(), {"0": "a"})
        self.change("engine", 0)
        # One that has come since it was asked for is not gone.
        asked = hub.asked()
        hub.notify("registration", 1, "b")
        self.change("engine", 1)
        hub.engines(asked, {"0": "a"})
        # It is asked at once again; now that one is.
        hub.engines(hub.asked(), {"0": "a", "1": "b"})
        # One that has gone has not come again.
        asked = hub.asked()
        hub.notify("unregistration", 0, "a")
        gone = self.c.receive(
            self.c.events,
            lambda m: any("engine_gone" in x for x in m.content["changes"]),
        )
        self.assertIn({"engine_gone": 0}, gone.content["changes"])
        hub.engines(asked, {"0": "a", "1": "b"})
        hub.engines(hub.asked(), {"1": "b"})
        state = self.c.ask("state_request", {}).content
        self.assertEqual([e["id"] for e in state["engines"]], [1])
        # Without a notification an answer is believed.
        hub.engines(hub.asked(), {"2": "c"})
        self.change("engine_gone", 1)
        self.change("engine", 2)

    def about(self, state=None):
        """The next on control: if that asks for it, the kernel of engine a says
        that it is one of ours; and iopub that state."""
        self.hub.attend(self.hub.control)
        m = self.hub.receive(self.hub.control)
        if m.type != "kernel_info_request":
            return
        self.said = state
        content = {
            "status": "ok",
            "implementation": "taskfs",
            "language_info": {"name": "sh"},
        }
        _, frames = self.hub.frames("kernel_info_reply", content, parent=m.header)
        self.hub.control.send_multipart([m.idents[0], b"a", *frames])
        if state:
            self.hub.state("a", m.header, state)

    def begun(self):
        """The task that engine a is given, when it is ready."""
        hub = self.hub
        while hub.mux not in hub.attend(hub.mux, hub.control):
            self.about("idle")
        m = hub.receive(hub.mux)
        self.assertEqual(m.type, "execute_request")
        return m

    def test_an_engine_of_ours_is_ready_when_its_outputs_come(self):
        hub = self.hub
        hub.engines(hub.asked(), {"0": "a"})
        self.assertEqual(self.c.submit(b"echo hi")["id"], 1)
        # Of which iopub has nothing, or not the end, gets no task.
        for state in None, None, "busy":
            self.about(state)
        self.assertEqual(self.begun().content["code"], "echo hi")
        # It was not there before that was said.
        self.assertEqual(self.said, "idle")

    def test_a_hub_that_does_not_know_a_task_yet(self):
        hub = self.hub
        hub.engines(hub.asked(), {"0": "a"})
        self.c.submit(b"echo hi")
        m = self.begun()
        self.bridge.kill()
        self.bridge.start()
        c = self.bridge.client()
        self.addCleanup(c.close)
        c.follow()
        hub.engines(hub.asked(), {"0": "a"})
        id, now = m.header["msg_id"], "2026-01-01T00:00:00.000000Z"
        unknown = {
            "status": "error",
            "ename": "KeyError",
            "evalue": "'No such message: %s'" % id,
        }
        for _ in range(2):
            hub.answer(hub.asked("result_request", []), unknown)
        result = {
            "result_header": {"date": now},
            "result_metadata": {},
            "result_content": {"status": "ok"},
            "received": now,
            "io": {"stdout": "hi\n", "stderr": ""},
        }
        hub.answer(
            hub.asked("result_request", []),
            {"status": "ok", "pending": [], "completed": [id], id: result},
        )
        c.wait(1, "ok")
        # It ran once: what is given to the engine next is another.
        c.submit(b"echo next")
        self.assertEqual(self.begun().content["code"], "echo next")

    def test_killed_after_it_connected_in_the_middle_of_submissions(self):
        """What was answered for is there again."""
        hub, bridge = self.hub, self.bridge
        for i in range(4):
            c = bridge.client()
            asked = hub.asked()
            one = {"options": {}, "code": 0, "uid": 0, "gid": 0}
            for n in range(100):
                _, frames = c.frames(
                    "submit_request",
                    {"results": [dict(one, token=new_id())]},
                    buffers=[b"x" * (100 * n + 1)],
                )
                c.query.send_multipart(frames)
                if n == 20 * i:
                    # Of those that it asked before, the last.
                    for asked in [asked, *hub.drain(hub.registration)]:
                        hub.engines(asked, {})
            for n in range(100):
                (last,) = c.receive(c.query).content["results"]
            c.close()
            bridge.kill()
            bridge.start()
            (was, now) = [x for x in bridge.log_lines() if x["what"] == "started"][-2:]
            self.assertEqual(now["results"], was["results"] + 100)
            self.assertEqual(now["results"], last["id"])

    def test_outputs_later_than_the_reply(self):
        hub, id, now = self.hub, new_id(), date()
        header = {"msg_id": id, "msg_type": "execute_request", "date": now}
        record = {
            "msg_id": id,
            "header": header,
            "metadata": {},
            "content": {"code": "print('a'); print('b')"},
            "submitted": now,
            "completed": now,
            "engine_uuid": "a",
        }
        hub.engines(hub.asked(), {"0": "a"})
        self.change("engine", 0)

        def tell(stdout, received):
            asked = hub.asked("result_request", [record])
            self.assertEqual(asked.content["msg_ids"], [id])
            result = {
                "result_header": {"date": now},
                "result_metadata": {},
                "result_content": {"status": "ok"},
                "received": received,
                "io": {"stdout": stdout, "stderr": ""},
            }
            hub.answer(
                asked, {"status": "ok", "pending": [], "completed": [id], id: result}
            )

        tell("", date())
        tell("a\n", date())
        tell("a\nb\n", date())
        # They are the same twice: that is all.
        tell("a\nb\n", date())
        self.c.wait(1, "ok")
        self.assertEqual(self.c.fetch(1, "stdout").buffers[0], b"a\nb\n")

        # What ended long ago has printed all.
        id = header["msg_id"] = record["msg_id"] = new_id()
        hub.state("a", header, "busy")
        tell("c\n", "2026-01-01T00:00:00.000000Z")
        self.c.wait(2, "ok")
        self.assertEqual(self.c.fetch(2, "stdout").buffers[0], b"c\n")


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
