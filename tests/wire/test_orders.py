#!/usr/bin/python3
"""What is wanted of engines."""

import signal
import sys

import tap
from controller_case import Case, execute


@tap.check
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

    def test_while_it_restarts_what_is_for_it_waits(self):
        c, e = self.pair()
        header = self.say(c, "restart", 0)
        request = e.take(e.control, "shutdown_request")
        self.obey(e, request, "shutdown_reply", restart=True)
        # The old one says goodbye before the new one is there.
        goodbye = {"id": 0, "uuid": e.uuid}
        c.query.send_multipart(c.frames("unregistration_request", goodbye)[1])
        c.submit(b":", targets=[0])
        c.submit_view(b"view", [0])
        for id in 1, 2:
            r = c.wait_until(id, lambda r: r and r["why"])
            self.assertEqual(r["status"], "pending")
            self.assertEqual(r["why"], "engine 0 to be there again: it restarts")
        new = self.engine()
        new.join(c, id=0)
        answer = self.answer(c, header)
        self.assertEqual(answer["engines"][0]["uuid"], new.uuid)
        for _ in range(2):
            new.reply(new.take(), exit_status=0)
        c.wait(1, "ok")
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
        header, frames = execute(c)
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


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
