#!/usr/bin/python3
"""The controller and an engine that has two lines instead of eight connections."""

import sys

import tap
from controller_case import IDLE, Case
from lines import LineEngine


class LineCase(Case):
    def setUp(self):
        super().setUp()
        self.c = self.client()
        self.c.follow()
        self.e = self.controller.known(LineEngine(self.controller.info("engine")))
        self.peers.append(self.e)

    def join(self):
        reply = self.e.register()
        self.assertEqual(reply["status"], "ok")
        self.assertIn("taskfs", reply)
        self.e.beat()
        self.c.receive(
            self.c.notification,
            lambda m: m.type == "registration_notification"
            and m.content["uuid"] == self.e.uuid,
        )
        return reply


class Lines(LineCase):
    def ask(self, socket, tag, line="task"):
        """A request of a client goes to the engine by that channel, and its answer
        back."""
        header, frames = self.c.frames("kernel_info_request", {})
        socket.send_multipart([self.e.uuid.encode(), *frames])
        m = self.e.hear(line, tag)
        self.assertEqual(m.header, header)
        self.e.reply(line, tag, m, "kernel_info_reply")
        return self.c.receive(socket, lambda m: m.parent == header)

    def test_a_task_of_a_mount(self):
        self.join()
        self.c.submit(b"true")
        m = self.e.hear("task", "task")
        self.assertEqual((m.type, m.idents), ("execute_request", []))
        self.e.reply("task", "task", m, "execute_reply")
        # That it is stored is told by the same line.
        while m.type != "stored":
            m = self.e.hear("task", "task")

    def test_what_clients_send_to_the_engine(self):
        self.join()
        self.ask(self.c.mux, "mux")
        self.ask(self.c.control, "control", line="control")

    def test_a_task_that_clients_queue(self):
        self.join()
        header, frames = self.c.frames(
            "execute_request", {"code": "x", "silent": False})
        self.c.task.send_multipart(frames)
        m = self.e.hear("task", "task")
        self.assertEqual(m.header, header)
        self.e.reply("task", "task", m, "execute_reply")
        self.c.receive(self.c.task, lambda m: m.parent == header)

    def test_what_is_published(self):
        self.join()
        while not self.c.iopub.poll(20):
            self.e.say("task", "iopub", "status", IDLE, parent={}, idents=[b"topic"])
        m = self.c.receive(self.c.iopub)
        self.assertEqual((m.type, m.idents), ("status", [b"topic"]))

    def test_it_leaves(self):
        reply = self.join()
        self.e.say("control", "registration", "unregistration_request",
                   {"id": reply["id"], "uuid": self.e.uuid})
        self.c.receive(
            self.c.notification,
            lambda m: m.type == "unregistration_notification")

    def test_who_asks_for_a_beat_gets_one(self):
        """Also who is not known: a controller that has forgotten an engine."""
        self.e.send("control", "hb_ping", [])
        self.e.hear("control", "hb_ping")
        self.join()
        self.e.send("control", "hb_ping", [])
        self.e.hear("control", "hb_ping")

    def test_who_was_removed_is_asked_to_come_again(self):
        reply = self.join()
        self.e.say("control", "registration", "unregistration_request",
                   {"id": reply["id"], "uuid": self.e.uuid})
        self.c.receive(
            self.c.notification,
            lambda m: m.type == "unregistration_notification")
        self.e.send("control", "hb_ping", [])
        self.e.beat()
        self.assertEqual(self.e.hear("control", "control").type, "register_request")

    def test_no_such_channel(self):
        """It is dropped, and what comes behind it is heard."""
        self.join()
        for line, tag in (("control", b"task"), ("task", b"control"), ("task", b"x")):
            self.e.line[line].send_multipart([tag, b"x"])
            self.e.line[line].send_multipart([tag])
        self.ask(self.c.mux, "mux")
        self.ask(self.c.control, "control", line="control")
        dropped = [x for x in self.controller.log_lines()
                   if x["what"] == "a message was dropped"]
        self.assertEqual({x["socket"] for x in dropped}, {"line_control", "line_task"})

    def test_both_kinds_of_engines(self):
        """One that has no lines is served as ever."""
        self.join()
        other = self.engine()
        other.join(self.c)
        self.ask(self.c.mux, "mux")
        header, frames = self.c.frames("kernel_info_request", {})
        self.c.mux.send_multipart([other.uuid.encode(), *frames])
        self.assertEqual(other.receive(other.mux).header, header)


class Beats(LineCase):
    options = ("--ping=200ms",)

    def test_who_answers_is_asked_at_every_third_beat(self):
        self.join()
        last = now = self.e.beat()
        # One that is slow is asked sooner.
        while now != last + 3:
            last, now = now, self.e.beat()

    def test_who_does_not_answer_is_asked_at_every_beat(self):
        self.join()
        numbers = [int(self.e.hear("control", "hb_ping").split(b":")[1])
                   for _ in range(4)]
        self.assertEqual(numbers[-1], numbers[-3] + 2)


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
