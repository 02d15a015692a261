"""What tests of the controller begin with: a controller, and peers of it."""

import os
import unittest

import zmq

import tap
from peers import Controller

tap.helpers.add(__file__)

PROGRAM = os.path.join(os.environ.get("BUILD", "build"), "taskfs-controller")

# The engines of tests do not answer while a test is busy with something else: only
# a test of hearts has hearts that stop.
CALM = "--ping=1m"

IDLE = {"execution_state": "idle"}
ERROR = {"status": "error", "ename": "E", "evalue": "e", "traceback": []}


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


def execute(c, engine=None):
    """An execute_request of a client: its header, and its frames; `engine`: by the
    mux relay, to that one."""
    header, frames = c.frames("execute_request", {"code": "x", "silent": False})
    if engine:
        frames = [engine.uuid.encode(), b"extra"] + frames
    return header, frames
