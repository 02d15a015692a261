#!/usr/bin/python3
"""A mount whose controller is older, and does not know all that it is asked."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import unittest

import zmq

import tap
from peers import Controller, Message, sign

BUILD = os.environ.get("BUILD", "build")
# The controller answers as long as a test takes, and so does who is slow.
OPTIONS = ("--ping=1m", "--curve=no")


class Relay(threading.Thread):
    """Between a mount and its controller, which does not hear the members that are
    `unknown` to it. It leaves out what it does not know, as that one would."""

    def __init__(self, info):
        super().__init__()
        self.key = info["key"].encode()
        self.unknown, self.asked = {"items"}, []
        self.ctx = zmq.Context()
        self.mount = self.ctx.socket(zmq.ROUTER)
        self.port = self.mount.bind_to_random_port(info["interface"])
        self.controller = self.ctx.socket(zmq.DEALER)
        self.controller.connect("%s:%d" % (info["interface"], info["registration"]))
        self.ends, self.end = self.ctx.socket(zmq.PAIR), self.ctx.socket(zmq.PAIR)
        self.end.bind("inproc://end")
        self.ends.connect("inproc://end")
        self.start()

    def heard(self, frames):
        """What the controller understands of it."""
        m = Message(frames)
        left_out = self.unknown & m.content.keys()
        if not left_out:
            return frames
        self.asked.append(m.content)
        content = {k: v for k, v in m.content.items() if k not in left_out}
        parts = [*m.parts[:3], json.dumps(content).encode()]
        return [*frames[:1], sign(self.key, parts), *parts, *m.buffers]

    def run(self):
        ready, ident = [], None
        while self.ends not in ready:
            ready, _, _ = zmq.select([self.mount, self.controller, self.ends], [], [])
            if self.mount in ready:
                ident, *frames = self.mount.recv_multipart()
                self.controller.send_multipart(self.heard(frames))
            if self.controller in ready:
                self.mount.send_multipart([ident, *self.controller.recv_multipart()])

    def close(self):
        self.end.send(b"")
        self.join()
        self.ctx.destroy(0)


@unittest.skipUnless(tap.can_mount(), "it needs to mount")
class Older(unittest.TestCase):
    def setUp(self):
        self.controller = Controller(os.path.join(BUILD, "taskfs-controller"), *OPTIONS)
        self.client, self.engine = self.controller.client(), self.controller.engine()
        self.client.follow()
        self.engine.join(self.client)
        info = self.controller.info("client")
        self.relay = Relay(info)
        self.home = tempfile.mkdtemp(prefix="taskfs-older-")
        with open(self.home + "/client.json", "w") as f:
            json.dump(dict(info, registration=self.relay.port), f)
        os.mkdir(self.home + "/mnt")
        self.mount()

    def mount(self):
        read, write = os.pipe()
        with open(self.home + "/log", "w") as log:
            self.process = subprocess.Popen(
                [
                    os.path.join(BUILD, "taskfs"),
                    self.home + "/client.json",
                    self.home + "/mnt",
                    "--foreground",
                    "--wait=100000",
                    "--ready-fd=%d" % write,
                ],
                pass_fds=[write],
                stderr=log,
            )
        os.close(write)
        with os.fdopen(read) as f:
            self.assertEqual(f.read(), "\n", self.log())

    def log(self):
        with open(self.home + "/log") as f:
            return f.read()

    def tearDown(self):
        subprocess.run(["fusermount3", "-u", self.home + "/mnt"], check=True)
        self.assertEqual(self.process.wait(), 0, self.log())
        self.relay.close()
        for p in self.client, self.engine:
            p.close()
        self.assertEqual(self.controller.stop(), 0)
        self.controller.remove()
        for what in "Sanitizer", "runtime error", 'level":"warning', 'level":"error':
            self.assertNotIn(what, self.log())
        for name in "client.json", "log":
            os.unlink("%s/%s" % (self.home, name))
        os.rmdir(self.home + "/mnt")
        os.rmdir(self.home)

    def read(self, path):
        with open("%s/mnt/results/%s" % (self.home, path)) as f:
            return f.read()

    def submit(self, text):
        """So that the mount knows of the result before it is asked for it."""
        with open(self.home + "/mnt/tasks/new", "r+b", buffering=0) as f:
            f.write(text)
            return f.read().decode().strip()

    def test_which_items_a_task_has_is_not_told(self):
        task = {"code": ":", "map": ["a", "b", "c"], "chunk": 2}
        self.assertEqual(self.submit(json.dumps(task).encode()), "1")
        for _ in range(2):
            self.engine.reply(self.engine.take(), exit_status=0)
        self.assertEqual(self.read("1/wait"), "ok\n")
        for _ in range(2):
            self.assertRaises(FileNotFoundError, self.read, "1/0/items")
        self.assertEqual(self.relay.asked, [{"result": 1, "task": 0, "items": 2}] * 2)
        self.assertEqual(self.read("1/map"), "a\nb\nc\n")
        self.assertEqual(self.read("1/0/error"), "")
        # Another one comes that knows it.
        self.relay.unknown = set()
        self.assertEqual(self.read("1/0/items"), "a\nb\n")
        self.assertEqual(self.read("1/1/items"), "c\n")


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
