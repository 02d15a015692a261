#!/usr/bin/python3
"""Variables on the wire: the engine as a raw controller sees it, and the
controller between raw clients and engines. BUILD is the directory of the
programs.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import unittest

import controller_case
import engine_case
import tap
from peers import new_id

MIB = 1 << 20


class Engine(engine_case.Case):
    def setUp(self):
        super().setUp()
        self.told = {}
        self.changes = 0
        self.heard()

    def heard(self):
        """Takes the next `vars` into self.told."""
        m = self.boss.hear("task", "vars")
        if m.content["all"]:
            self.told = {}
        self.take(m.content)
        return m.content

    def take(self, content):
        for name, size, mtime, version in content["list"]:
            self.assertLessEqual(version, content["version"])
            if size is None:
                self.told.pop(name, None)
            else:
                self.told[name] = (size, mtime)
        self.version = content["version"]

    def ask(self, kind, name, buffers=(), **more):
        h = self.boss.say(
            "control", kind + "_request", dict(name=name, **more),
            buffers=buffers,
        )
        return self.boss.receive(
            self.boss.control, lambda m: m.parent["msg_id"] == h["msg_id"]
        )

    def push(self, name, value=None, upload=None, begin="empty", commit=True,
             **more):
        if begin:
            more["begin"] = begin
        return self.ask(
            "push", name, () if value is None else (value,),
            upload=upload or new_id(), commit=commit, **more,
        ).content

    def pull(self, name, **more):
        m = self.ask("pull", name, **more)
        return m.buffers[0] if m.content["status"] == "ok" else m.content

    def refused(self, content, name):
        self.assertEqual(content["status"], "error", content)
        self.assertEqual(content["errno"], name, content)
        self.assertTrue(content["evalue"])

    def run_task(self, text):
        """Runs it; what it did to variables is told before its end. Gives what it
        printed."""
        h = self.boss.run(text)
        printed = b""
        while True:
            m = self.boss.receive(self.boss.task)
            if m.type == "vars":
                self.take(m.content)
            elif m.type == "output":
                self.assertEqual(m.content["stream"], "stdout")
                printed += m.buffers[0]
            elif m.type == "execute_reply":
                self.assertEqual(m.parent["msg_id"], h["msg_id"])
                at = m.metadata["taskfs"]["buffers"]
                return printed + (m.buffers[at["stdout"]] if at else b"")

    def directory(self):
        return self.run_task('printf %s "$TASKFS_VARS"').decode()

    def test_nothing_at_first(self):
        self.assertEqual(self.told, {})
        self.refused(self.pull("a"), "ENOENT")
        self.refused(self.ask("vars", "a", verb="remove").content, "ENOENT")

    def test_push_and_pull(self):
        value = os.urandom(1000)
        before = time.time()
        c = self.push("a", value)
        self.assertEqual(c["status"], "ok", c)
        [[name, size, mtime, version]] = c["vars"]["list"]
        self.assertEqual((name, size), ("a", 1000))
        # The clock of file systems goes in steps.
        self.assertLess(before - 1, mtime / 1e6)
        self.assertLess(mtime / 1e6, time.time() + 1)
        self.assertEqual(self.heard()["list"], [["a", 1000, mtime, version]])
        m = self.ask("pull", "a")
        self.assertEqual(m.content["size"], 1000)
        self.assertEqual(m.buffers[0], value)
        self.assertEqual(self.pull("a", offset=990, length=5), value[990:995])
        self.assertEqual(self.pull("a", offset=1000), b"")
        self.assertEqual(self.pull("a", offset=5000), b"")
        self.push("a")
        self.assertEqual(self.pull("a"), b"")

    def test_pieces_become_a_value_at_the_commit(self):
        self.push("a", b"old")
        u = new_id()
        parts = [os.urandom(MIB), os.urandom(MIB), os.urandom(10)]
        for i, part in enumerate(parts):
            c = self.push("a", part, u, None if i else "empty", False,
                          offset=i * MIB)
            self.assertEqual(c, {"status": "ok"})
            self.assertEqual(self.pull("a"), b"old")
        c = self.push("a", None, u, None)
        self.assertEqual(c["vars"]["list"][0][:2], ["a", 2 * MIB + 10])
        m = self.ask("pull", "a")
        got = m.buffers[0]
        while len(got) < m.content["size"]:
            got += self.pull("a", offset=len(got),
                             version=m.content["version"])
        self.assertEqual(got, b"".join(parts))

    def test_a_copy_a_hole_and_a_size(self):
        self.push("a", b"0123456789")
        self.push("a", b"xy", begin="copy", offset=3)
        self.assertEqual(self.pull("a"), b"012xy56789")
        self.push("a", begin="copy", size=4)
        self.assertEqual(self.pull("a"), b"012x")
        self.push("a", b"z", begin="copy", offset=6)
        self.assertEqual(self.pull("a"), b"012x\0\0z")
        self.push("new", b"z", begin="copy", offset=2)
        self.assertEqual(self.pull("new"), b"\0\0z")

    def test_append_is_in_place(self):
        for i in range(3):
            c = self.push("log", b"%d\n" % i, begin="append", offset=77)
            self.assertEqual(c["status"], "ok")
        self.assertEqual(self.pull("log"), b"0\n1\n2\n")
        self.push("log", begin="append", mtime=1000000000000001)
        m = self.ask("vars", "log", verb="rename", to="log2")
        self.assertIn(["log2", 6, 1000000000000001],
                      [v[:3] for v in m.content["vars"]["list"]])

    def test_who_reads_keeps_his_value(self):
        first = os.urandom(3 * MIB)
        u = new_id()
        for i in range(3):
            self.push("a", first[i * MIB:][:MIB], u, None if i else "empty",
                      i == 2, offset=i * MIB)
        m = self.ask("pull", "a")
        self.push("a", b"another")
        got = m.buffers[0]
        for i in (1, 2):
            got += self.pull("a", offset=i * MIB,
                             version=m.content["version"])
        self.assertEqual(got, first)
        # Read to its end, it is closed.
        self.refused(self.pull("a", offset=MIB, version=m.content["version"]),
                     "ESTALE")
        self.assertEqual(self.pull("a"), b"another")

    def test_exclusive(self):
        u, v = new_id(), new_id()
        c = self.push("lock", None, u, commit=False, exclusive=True)
        self.assertEqual(c["status"], "ok")
        self.refused(self.push("lock", None, v, exclusive=True), "EEXIST")
        self.assertNotIn("lock", self.told)
        self.assertEqual(self.push("lock", b"1", u, None)["status"], "ok")
        self.refused(self.push("lock", None, v, exclusive=True), "EEXIST")
        # Let go, or taken by a task meanwhile.
        self.push("other", None, u + "o", commit=False, exclusive=True)
        self.ask("push", "other", upload=u + "o", abandon=True)
        self.push("other", b"2", v, commit=False, exclusive=True)
        self.run_task('echo mine > "$TASKFS_VARS/other"')
        self.refused(self.push("other", None, v, None), "EEXIST")
        self.assertEqual(self.pull("other"), b"mine\n")

    def test_remove_and_rename(self):
        self.push("a", b"1")
        self.push("b", b"2")
        c = self.ask("vars", "a", verb="rename", to="b", exclusive=True)
        self.refused(c.content, "EEXIST")
        c = self.ask("vars", "a", verb="rename", to="b").content
        self.assertEqual({v[0]: v[1] for v in c["vars"]["list"]},
                         {"a": None, "b": 1})
        self.assertEqual(self.pull("b"), b"1")
        self.assertEqual(
            self.ask("vars", "b", verb="remove").content["status"], "ok")
        tap.wait_for(lambda: self.heard() and not self.told)
        self.refused(self.ask("vars", "b", verb="remove").content, "ENOENT")
        self.refused(self.ask("vars", "b", verb="burn").content, "EINVAL")

    def test_names_that_are_none(self):
        for name in ("", ".", "..", ".a", "a/b", "../a", "/etc/passwd", "a b",
                     "a\n", "a\0b", "x" * 129, "*", 7, None):
            self.refused(self.push(name, b"1"), "EINVAL")
            self.refused(self.pull(name), "EINVAL")
            c = self.ask("vars", name, verb="remove").content
            self.refused(c, "EINVAL")
        self.push("a", b"1")
        c = self.ask("vars", "a", verb="rename", to="../a").content
        self.refused(c, "EINVAL")
        for name in ("x" * 128, "a.b_c+d-e@f", "größe", "7"):
            self.assertEqual(self.push(name, b"1")["status"], "ok", name)

    def test_pushes_that_are_wrong(self):
        self.refused(self.push("a", b"1", begin=None), "ESTALE")
        self.refused(self.push("a", b"1", begin="maybe"), "EINVAL")
        self.refused(self.push("a", b"1", "x" * 65), "EINVAL")
        self.refused(self.push("a", b"1", offset=-1), "EINVAL")
        self.refused(self.push("a", b"1", offset=1 << 30), "EFBIG")
        self.refused(self.push("a", size=(1 << 30) + 1), "EFBIG")
        self.refused(self.push("a", bytes(MIB + 1)), "EINVAL")
        u = new_id()
        self.push("a", b"1", u, commit=False)
        self.refused(self.push("b", b"1", u, None), "EINVAL")
        self.refused(self.pull("a", offset=-1), "EINVAL")
        self.refused(self.pull("a"), "ENOENT")

    def test_there_is_a_limit_to_how_many(self):
        self.run_task('cd "$TASKFS_VARS"; i=0; while [ $i -lt 1024 ]; do '
                      ": > v$i; i=$((i+1)); done")
        self.assertEqual(len(self.told), 1024)
        self.refused(self.push("more", b"1"), "ENOSPC")
        self.assertEqual(self.push("v7", b"1")["status"], "ok")
        self.run_task('echo 1 > "$TASKFS_VARS/hidden"')
        self.assertFalse("hidden" in self.told)
        self.run_task('rm "$TASKFS_VARS/v0"')
        self.assertTrue("hidden" in self.told)
        self.assertEqual(len(self.told), 1024)

    def test_tasks_see_and_make_them(self):
        self.push("a", b"from outside\n")
        printed = self.run_task(
            'cat "$TASKFS_VARS/a"; echo new > "$TASKFS_VARS/b"')
        self.assertEqual(printed, b"from outside\n")
        self.assertEqual(self.told["b"][0], 4)
        self.assertEqual(self.pull("b"), b"new\n")
        self.run_task('rm "$TASKFS_VARS/a"; mv "$TASKFS_VARS/b" "$TASKFS_VARS/c"')
        self.assertEqual(list(self.told), ["c"])
        # While it runs, too.
        h = self.boss.run('echo 1 > "$TASKFS_VARS/now"; sleep 1000')
        tap.wait_for(lambda: self.heard() and self.told.get("now", (0,))[0] == 2)
        self.boss.say("control", "kill_request",
                      {"msg_id": h["msg_id"], "abort": True})
        self.boss.reply(h)

    def test_what_is_no_plain_file_is_not_there(self):
        secret = self.boss.dir + "/secret"
        with open(secret, "w") as f:
            f.write("secret")
        d = self.directory()
        os.symlink(secret, d + "/link")
        os.symlink(d, d + "/self")
        os.mkdir(d + "/dir")
        os.mkfifo(d + "/fifo")
        with open(d + "/.dot", "w"), open(d + "/a b", "w"):
            pass
        s = socket.socket(socket.AF_UNIX)
        s.bind(d + "/socket")
        s.close()
        self.run_task('echo 1 > "$TASKFS_VARS/a"')
        self.assertEqual(list(self.told), ["a"])
        for name in ("link", "self", "dir", "fifo", "socket"):
            self.refused(self.pull(name), "EINVAL")
            c = self.ask("vars", name, verb="remove").content
            self.refused(c, "EINVAL")
        # A push puts a file in the link's place, not behind it.
        self.refused(self.push("link", b"x", begin="append"), "EINVAL")
        self.assertEqual(self.push("link", b"x")["status"], "ok")
        with open(secret) as f:
            self.assertEqual(f.read(), "secret")
        self.assertEqual(self.push("dir", b"x")["errno"], "EISDIR")

    def test_clear_forgets_them(self):
        self.push("a", b"1")
        self.heard()
        h = self.boss.say("control", "clear_request", {})
        m = self.boss.hear("control", "clear_reply")
        self.assertEqual(m.parent["msg_id"], h["msg_id"])
        self.heard()
        self.assertEqual(self.told, {})
        self.refused(self.pull("a"), "ENOENT")

    def test_they_are_told_again_to_a_new_controller(self):
        self.push("a", b"1")
        self.heard()
        self.boss.restart()
        self.boss.admit()
        c = self.heard()
        self.assertTrue(c["all"])
        self.assertEqual([v[:2] for v in c["list"]], [["a", 1]])

    def test_a_hundred_pieces_at_once(self):
        size = MIB // 4
        self.push("a", os.urandom(size))
        for i in range(100):
            self.boss.say("control", "pull_request", {"name": "a"})
        for i in range(100):
            m = self.boss.hear("control", "pull_reply")
            self.assertEqual(len(m.buffers[0]), size)

    def test_they_go_with_the_engine_however_it_ends(self):
        d = self.directory()
        os.makedirs(d + "/dir/deep")
        self.push("a", b"1")
        os.kill(self.worker(), 9)
        self.process.wait()
        self.assertFalse(os.path.exists(d))


@unittest.skipUnless(tap.can_mount(), "it needs to mount")
class FullDisk(Engine):
    """On a file system of a few megabytes."""

    def start(self, *options):
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "none", self.boss.dir],
            check=True,
        )
        # The file of the controller was in what is behind it now.
        os.mkdir(self.boss.dir + "/security")
        self.boss.write_file()
        self.addCleanup(os.rmdir, self.boss.dir)
        super().start(*options)

    def tearDown(self):
        rmtree = shutil.rmtree
        shutil.rmtree = lambda d: subprocess.run(["umount", d], check=True)
        try:
            super().tearDown()
        finally:
            shutil.rmtree = rmtree
        shutil.rmtree(self.boss.dir + "/security")

    def test_it_is_told_and_nothing_is_lost(self):
        piece = os.urandom(MIB)
        self.push("a", piece)
        u = new_id()
        for i in range(4):
            c = self.push("a", piece, u, None if i else "empty", False,
                          offset=i * MIB)
            if c["status"] != "ok":
                break
        self.refused(c, "ENOSPC")
        self.refused(self.push("a", piece, u, None), "ESTALE")
        self.assertEqual(self.pull("a"), piece)
        # What was begun is gone: there is room again.
        self.assertEqual(self.push("b", piece)["status"], "ok")
        self.assertEqual(self.pull("b"), piece)


for name in dir(Engine):
    if name.startswith("test_"):
        setattr(FullDisk, name, None)


NO_INOTIFY = (
    "unshare", "-Ur", "sh", "-c",
    'echo 0 >/proc/sys/user/max_inotify_instances && exec "$@"', "sh",
)


def can_be_without_inotify():
    """Not everywhere everybody may make a user namespace."""
    p = subprocess.run([*NO_INOTIFY, "true"], stderr=subprocess.DEVNULL, check=False)
    return p.returncode == 0


@unittest.skipUnless(can_be_without_inotify(), "it needs a user namespace")
class WithoutInotify(Engine):
    """The system has no more of it; the directory is looked through then."""

    within = NO_INOTIFY

    def test_it_has_none(self):
        fds = "/proc/%d/fd/" % self.worker()
        for fd in os.listdir(fds):
            self.assertNotIn("inotify", os.readlink(fds + fd))


# Only what the watch is for.
for name in dir(Engine):
    if name.startswith("test_") and "task" not in name and "limit" not in name:
        setattr(WithoutInotify, name, None)


class Between(controller_case.Case):
    """A client and engines with the controller between them."""

    def setUp(self):
        super().setUp()
        self.c, self.e = self.pair()

    def tell(self, e, *list, all=False, version=1):
        e.task.send_multipart(e.frames(
            "vars", {"version": version, "all": all, "list": list})[1])

    def state(self, e):
        m = self.c.ask("state_request", {})
        [o] = [o for o in m.content["engines"] if o["id"] == e.id]
        return o

    def say(self, kind, engines, buffers=(), **more):
        h, frames = self.c.frames(
            kind, dict(engines=engines, name="a", **more), buffers=buffers)
        self.c.query.send_multipart(frames)
        return h

    def hear(self, h):
        return self.c.receive(
            self.c.query, lambda m: m.parent.get("msg_id") == h["msg_id"])

    def answer(self, e, request, content, buffers=()):
        kind = request.type.replace("request", "reply")
        e.control.send_multipart(
            e.frames(kind, content, parent=request.header, buffers=buffers)[1])

    def change(self, e):
        """The next word of the events about its variables."""
        while True:
            m = self.c.receive(self.c.events)
            for c in m.content["changes"]:
                if c.get("engine", {}).get("id") == e.id and \
                        "vars" in c["engine"]:
                    return c["engine"]["vars"]

    def test_what_engines_tell_is_published(self):
        self.assertNotIn("vars", self.state(self.e))
        self.tell(self.e, ["a", 5, 100, 1], ["b", 0, 101, 2], all=True,
                  version=2)
        self.assertEqual(
            self.change(self.e),
            {"version": 2, "all": True,
             "list": [["a", 5, 100, 1], ["b", 0, 101, 2]]})
        self.tell(self.e, ["a", None, 0, 3], ["c", 1, 102, 4], version=4)
        self.assertEqual(
            self.change(self.e),
            {"version": 4, "all": False,
             "list": [["a", None, 0, 3], ["c", 1, 102, 4]]})
        v = self.state(self.e)["vars"]
        self.assertTrue(v["all"])
        self.assertEqual(sorted(v["list"]),
                         [["b", 0, 101, 2], ["c", 1, 102, 4]])

    def test_rubbish_is_not_believed(self):
        self.tell(self.e, ["ok", 1, 1, 1], ["../x", 1, 1, 1], ["x", -1, 1, 1],
                  ["x", 1, 1], "x", ["x", "1", 1, 1], ["x", 1, 1 << 60, 1],
                  [7, 1, 1, 1], ["x", 1, 1, None], None)
        self.assertEqual(self.change(self.e)["list"], [["ok", 1, 1, 1]])
        self.tell(self.e, *[["v%d" % i, 1, 1, 1] for i in range(2000)],
                  all=True)
        self.assertEqual(len(self.change(self.e)["list"]), 1024)

    def test_what_is_told_before_it_has_joined(self):
        e = self.engine()
        e.register()
        self.tell(e, ["a", 5, 100, 1], all=True)
        # Most likely taken in by then; later, it is told as well.
        self.c.ask("state_request", {})
        e.beat()
        self.assertEqual(self.change(e)["list"], [["a", 5, 100, 1]])

    def test_an_engine_is_told_of_before_its_variables(self):
        engines = [self.engine() for _ in range(8)]
        for e in engines:
            e.join(self.c)
            self.tell(e, ["a", 5, 100, 1], all=True)
        known, left = {self.e.id}, {e.id for e in engines}
        while left:
            for c in self.c.receive(self.c.events).content["changes"]:
                e = c.get("engine", {})
                if "uuid" in e:
                    known.add(e["id"])
                if "vars" in e:
                    self.assertIn(e["id"], known)
                    left.discard(e["id"])

    def test_requests_are_passed_on_as_they_were_signed(self):
        h = self.say("push_request", [self.e.id], [b"\0value"], upload="u",
                     begin="empty")
        m = self.e.take(self.e.control, "push_request")
        self.assertEqual(m.header, h)
        self.assertEqual(m.buffers, [b"\0value"])
        self.assertEqual(m.content["upload"], "u")
        self.answer(self.e, m, {"status": "ok",
                                "vars": {"version": 1, "all": False,
                                         "list": [["a", 6, 7, 1]]}})
        m = self.hear(h)
        self.assertEqual(m.type, "push_reply")
        self.assertEqual(m.content, {
            "status": "ok",
            "engines": [{"id": self.e.id,
                         "vars": {"version": 1, "all": False,
                                  "list": [["a", 6, 7, 1]]}}]})
        h = self.say("pull_request", [self.e.id], offset=0)
        m = self.e.take(self.e.control, "pull_request")
        self.answer(self.e, m, {"status": "ok", "offset": 0, "size": 6},
                    [b"\0value"])
        m = self.hear(h)
        self.assertEqual(m.content["size"], 6)
        self.assertEqual(m.buffers, [b"\0value"])

    def test_an_error_of_the_engine(self):
        for kind in ("push", "vars", "pull"):
            h = self.say(kind + "_request", [self.e.id])
            m = self.e.take(self.e.control, kind + "_request")
            self.answer(self.e, m, {"status": "error", "errno": "ENOSPC",
                                    "ename": "x", "evalue": "full"})
            c = self.hear(h).content
            self.assertEqual(c["errno"], "ENOSPC")
            self.assertIn("full", c["evalue"])

    def test_to_several(self):
        f = self.engine()
        f.join(self.c)
        h = self.say("push_request", [f.id, self.e.id], [b"v"])
        ok = {"status": "ok"}
        m = f.take(f.control, "push_request")
        self.answer(f, m, ok)
        self.answer(f, m, ok)  # once is enough
        self.answer(self.e, self.e.take(self.e.control, "push_request"), ok)
        c = self.hear(h).content
        self.assertEqual(c["status"], "ok")
        self.assertEqual(sorted(o["id"] for o in c["engines"]),
                         [self.e.id, f.id])
        # One of them cannot: who could is told, too.
        h = self.say("vars_request", [f.id, self.e.id], verb="remove")
        self.answer(f, f.take(f.control, "vars_request"),
                    {"status": "error", "errno": "ENOENT", "evalue": "none"})
        self.answer(self.e, self.e.take(self.e.control, "vars_request"), ok)
        c = self.hear(h).content
        self.assertEqual(c["errno"], "ENOENT")
        self.assertEqual(c["evalue"], "engine %d: none" % f.id)
        self.assertEqual(c["engines"], [{"id": self.e.id}])

    def test_an_engine_dies_meanwhile(self):
        h = self.say("pull_request", [self.e.id])
        self.e.take(self.e.control, "pull_request")
        self.e.registration.send_multipart(
            self.e.frames("unregistration_request", {"id": self.e.id})[1])
        c = self.hear(h).content
        self.assertEqual(c["errno"], "EHOSTDOWN")
        h = self.say("pull_request", [self.e.id])
        self.assertEqual(self.hear(h).content["errno"], "EHOSTDOWN")

    @tap.check
    def test_an_engine_that_says_nothing(self):
        """For twenty seconds."""
        c = self.hear(self.say("push_request", [self.e.id])).content
        self.assertEqual(c["errno"], "EHOSTDOWN")
        self.assertIn("does not answer", c["evalue"])

    def test_an_engine_of_ipyparallel(self):
        s = self.engine(taskfs=False)
        s.join(self.c)
        self.assertNotIn("vars", self.state(s))
        # Whether it has any is not known yet, then that it has none.
        h = self.say("push_request", [self.e.id, s.id])
        self.assertEqual(self.hear(h).content["errno"], "EBUSY")
        m = s.take(s.control, "kernel_info_request")
        self.answer(s, m, {"status": "ok", "implementation": "r",
                           "language_info": {"name": "R"}})
        mix = self.say("push_request", [self.e.id, s.id])
        c = self.hear(mix).content
        while c["errno"] == "EBUSY":
            c = self.hear(self.say("push_request", [self.e.id, s.id])).content
        self.assertEqual(c["errno"], "EOPNOTSUPP")
        self.assertIn("engine %d has no variables" % s.id, c["evalue"])
        for m in self.passed_on(self.c, s):
            self.assertNotEqual(m.type, "push_request")
        # Nobody was asked.
        h = self.say("vars_request", [self.e.id])
        m = self.e.receive(self.e.control)
        self.assertEqual(m.type, "vars_request")

    def test_only_the_engine_that_was_asked_answers(self):
        f = self.engine()
        f.join(self.c)
        h = self.say("push_request", [self.e.id])
        m = self.e.take(self.e.control, "push_request")
        self.answer(f, m, {"status": "error", "errno": "EIO", "evalue": "x"})
        # That was taken in when the next of that engine is there.
        self.passed_on(self.c, f)
        self.answer(self.e, m, {"status": "ok"})
        self.assertEqual(self.hear(h).content["status"], "ok")

    def test_requests_that_are_wrong(self):
        for engines in (None, [], "0", [self.e.id, self.e.id]):
            h = self.say("push_request", engines)
            self.assertEqual(self.hear(h).content["errno"], "EINVAL")
        for engines in ([99], [-1], ["x"], [None]):
            h = self.say("push_request", engines)
            self.assertEqual(self.hear(h).content["errno"], "EHOSTDOWN")
        h = self.say("pull_request", [self.e.id, 99])
        self.assertEqual(self.hear(h).content["errno"], "EINVAL")

    def test_there_is_a_limit_to_what_is_under_way(self):
        first = self.say("pull_request", [self.e.id])
        for i in range(1023):
            self.say("pull_request", [self.e.id])
        h = self.say("pull_request", [self.e.id])
        self.assertEqual(self.hear(h).content["errno"], "EAGAIN")
        m = self.e.take(self.e.control, "pull_request")
        self.answer(self.e, m, {"status": "ok"}, [b""])
        self.assertEqual(self.hear(first).content["status"], "ok")

    def test_after_a_restart_they_are_told_anew(self):
        self.tell(self.e, ["a", 5, 100, 1], all=True)
        self.change(self.e)
        self.controller.kill()
        self.controller.start()
        c = self.client()
        c.follow()
        [o] = c.ask("state_request", {}).content["engines"]
        self.assertEqual(o["state"], "lost")
        self.assertNotIn("vars", o)
        self.c = c
        self.assertEqual(self.hear(self.say("pull_request", [self.e.id]))
                         .content["errno"], "EHOSTDOWN")


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
