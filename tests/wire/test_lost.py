#!/usr/bin/python3
"""What is lost on its way, with a connection or without."""

import sys

import zmq

import tap
from controller_case import CALM, Case


@tap.check
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


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
