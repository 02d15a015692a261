#!/usr/bin/python3
"""Outputs that an engine gives to a controller on its host as files."""

import os
import sys

import tap
from controller_case import Case as ControllerCase
from engine_case import Case as EngineCase

BIG = bytes(range(256)) * 1024


class ToTheController(ControllerCase):
    """The engine's side is the test's."""

    def setUp(self):
        super().setUp()
        self.c = self.client()
        self.e = self.engine()
        self.c.follow()
        self.reply = self.e.join(self.c)
        self.outputs = self.reply["taskfs"]["outputs"]

    def file(self, name, data):
        path = "%s/.engines/%s" % (self.outputs, name)
        with open(path, "wb") as f:
            f.write(data)
        return path

    def task(self):
        self.number = self.c.submit(b"x")["id"]
        return self.e.take()

    def give(self, m, offset, length, name):
        content = {"msg_id": m.header["msg_id"], "stream": "stdout", "offset": offset,
                   "length": length, "file": name}
        self.e.task.send_multipart(self.e.frames("output", content)[1])

    def end(self, m, stdout):
        self.e.reply(m, stdout=stdout, value_is_stdout=True)
        return self.c.wait(self.number, "ok", "error")["status"]

    def fetched(self):
        text = b""
        while piece := self.c.fetch(self.number, "stdout", len(text)).buffers[0]:
            text += piece
        return text

    def test_the_file_itself_is_the_output(self):
        m = self.task()
        path = self.file("x-1", BIG[:100_000])
        self.give(m, 0, 100_000, "x-1")
        with open(path, "ab") as f:
            f.write(BIG[100_000:])
        self.give(m, 100_000, len(BIG) - 100_000, "x-1")
        self.assertEqual(self.end(m, len(BIG)), "ok")
        self.assertEqual(self.fetched(), BIG)
        kept = "%s/%d.0.stdout" % (self.outputs, self.number)
        self.assertTrue(os.path.samefile(path, kept))

    def test_told_again_from_the_beginning(self):
        """As after a restart, or in place of what was sent before."""
        m = self.task()
        self.e.output(m, "stdout", 0, BIG[:1000])
        path = self.file("x-1", BIG)
        for _ in range(2):
            self.give(m, 0, len(BIG), "x-1")
        self.assertEqual(self.end(m, len(BIG)), "ok")
        os.unlink(path)
        self.assertEqual(self.fetched(), BIG)

    def test_what_is_no_such_file(self):
        self.file("x-2", b"short")
        os.symlink("/etc/passwd", self.outputs + "/.engines/x-3")
        for name in "x-1", "x-2", "x-3", "../../security/ipcontroller-client.json", "", "/etc/passwd":
            m = self.task()
            self.give(m, 0, 1000, name)
            self.assertEqual(self.end(m, 1000), "error", name)
            self.assertNotIn("%d.0.stdout" % self.number, os.listdir(self.outputs)
                             if name != "x-2" else [])

    def test_a_gap(self):
        m = self.task()
        self.file("x-1", BIG)
        self.give(m, 1000, 1000, "x-1")
        self.assertEqual(self.end(m, 2000), "error")

    def test_bytes_of_another_try_do_not_go_into_it(self):
        """The engine that was given up may still have the file open."""
        m = self.task()
        path = self.file("x-1", BIG)
        self.give(m, 0, len(BIG), "x-1")
        self.e.output(m, "stdout", 0, BIG[::-1])
        self.assertEqual(self.end(m, len(BIG)), "ok")
        self.assertEqual(self.fetched(), BIG[::-1])
        with open(path, "rb") as f:
            self.assertEqual(f.read(), BIG)


class FromTheEngine(EngineCase):
    """The controller's side is the test's."""

    def setUp(self):
        super().setUp()
        self.outputs = self.boss.dir + "/outputs"
        os.makedirs(self.outputs + "/.engines", mode=0o700)
        os.chmod(self.outputs, 0o700)

    def here(self, instance=None):
        """The engine is admitted anew, by a controller whose outputs are there."""
        self.boss.restart()
        instance = instance or self.boss.instance
        open("%s/.engines/here-%s" % (self.outputs, instance), "w").close()
        self.boss.outputs = self.outputs
        self.boss.admit()

    def files(self):
        return sorted(n for n in os.listdir(self.outputs + "/.engines") if "here-" not in n)

    def run_big(self):
        self.boss.run("head -c 300000 /dev/zero | tr '\\0' x")
        return self.boss.hear("task")

    def test_a_file_is_given(self):
        self.here()
        m = self.run_big()
        # What came before it was a file is told again.
        while "file" not in m.content:
            self.assertEqual(m.type, "output")
            m = self.boss.hear("task")
        self.assertEqual(m.content["offset"], 0)
        length = 0
        while m.type == "output":
            self.assertEqual(m.content["offset"], length)
            self.assertEqual(m.buffers, [])
            length += m.content["length"]
            name = m.content["file"]
            m = self.boss.hear("task")
        self.assertEqual(length, 300000)
        self.assertEqual(m.metadata["taskfs"]["stdout"], length)
        self.assertEqual(self.files(), [name])
        with open("%s/.engines/%s" % (self.outputs, name), "rb") as f:
            self.assertEqual(f.read(), b"x" * length)
        # When the reply is stored nobody needs that name any more.
        self.boss.say("task", "stored", {"msg_ids": [m.parent["msg_id"]]})
        tap.wait_for(lambda: not self.files())

    def test_another_place_of_that_name(self):
        """On another host, say: it does not have the file that shows it."""
        self.here("another")
        m = self.run_big()
        self.assertEqual(m.type, "output")
        self.assertNotIn("file", m.content)
        self.assertEqual(self.files(), [])


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
