#!/usr/bin/python3
"""The engine as a raw controller sees it. ENGINE is its path."""

import glob
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
from shlex import quote

import zmq

import tap
from peers import DELIMITER, Message, Peer, connection, new_id, sign

ENGINE = os.path.join(os.environ.get("BUILD", "build"), "taskfs-engine")
ROUTERS = ("registration", "control", "mux", "task", "broadcast", "hb_pong")


# An address of this process alone: no other test takes a port of its controllers
# while these are away.
HERE = "127.%d.%d.%d" % (1 + (os.getpid() >> 16), os.getpid() >> 8 & 255,
                         os.getpid() & 255)
given = set()


def free_port():
    """One the kernel gives to nobody who does not ask for it by its number, so
    that it is still free when the controller of a test comes back to it. Never
    the same twice."""
    while True:
        port = random.randrange(3000, 10000)
        if port in given:
            continue
        with socket.socket() as s:
            try:
                s.bind((HERE, port))
                given.add(port)
                return port
            except OSError:
                continue


def gone(pid):
    """The process does not exist, or only its exit status does."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


class Boss(Peer):
    """A controller whose every word a test says itself.

    But for one: an engine that was cut off asks again, after a second and after
    eleven, and says nothing before it is answered. One that was admitted is, when
    something else is waited for meanwhile.
    """

    def __init__(self, taskfs):
        self.dir = tempfile.mkdtemp(prefix="taskfs-wire-")
        self.taskfs = taskfs
        names = (*ROUTERS, "iopub", "hb_ping")
        self.port = {name: free_port() for name in names}
        ports = dict(self.port, broadcast=[self.port["broadcast"]])
        super().__init__(connection(**ports))
        self.info["interface"] = "tcp://" + HERE
        self.pings = 0
        self.uuid = None
        self.admitted = 0
        self.bind()
        os.mkdir(self.dir + "/security")
        self.write_file()

    def write_file(self):
        path = self.dir + "/security/ipcontroller-engine.json"
        with open(path + ".new", "w") as f:
            json.dump(self.info, f)
        os.rename(path + ".new", path)

    def bind(self):
        self.instance = new_id()
        self.kept = []
        kinds = {name: zmq.ROUTER for name in ROUTERS}
        kinds.update(iopub=zmq.SUB, hb_ping=zmq.PUB)
        for name, kind in kinds.items():
            self.bind_one(name, kind)

    def bind_one(self, name, kind):
        s = self.ctx.socket(kind)
        if kind == zmq.ROUTER:
            s.setsockopt(zmq.ROUTER_MANDATORY, 1)
            s.setsockopt(zmq.ROUTER_HANDOVER, 1)
        if kind == zmq.SUB:
            s.setsockopt(zmq.SUBSCRIBE, b"")
        s.setsockopt(zmq.LINGER, 0)
        # The one before may need a moment to be gone.
        tap.wait_for(lambda: self.try_bind(s, name))
        setattr(self, name, s)
        self.sockets.append(s)

    def try_bind(self, s, name):
        try:
            s.bind("tcp://%s:%d" % (HERE, self.port[name]))
            return True
        except zmq.ZMQError:
            return False

    def cut(self, name):
        """The connections of one channel."""
        self.sockets.remove(getattr(self, name))
        getattr(self, name).close(0)
        self.bind_one(name, zmq.ROUTER)

    def restart(self):
        for s in self.sockets:
            s.close(0)
        self.sockets = []
        self.bind()

    def say(self, name, kind, content, metadata=None, buffers=(), parent=None):
        header, frames = self.frames(kind, content, metadata, parent, buffers)
        return self.send(name, header, frames)

    def send(self, name, header, frames, client=()):
        frames = [self.uuid, *client, *frames]
        tap.wait_for(lambda: self.try_send(getattr(self, name), frames))
        return header

    @staticmethod
    def try_send(s, frames):
        try:
            s.send_multipart(frames, zmq.DONTWAIT)
            return True
        except zmq.ZMQError:
            return False

    def receive(self, socket, want=None):
        while True:
            if socket is self.registration and self.kept:
                m = self.kept.pop(0)
            else:
                self.attend(socket)
                m = super().receive(socket)
            if want is None or want(m):
                return m

    def attend(self, socket):
        """Until something is there to be received."""
        while socket is not self.registration:
            if socket in self.ready(socket, self.registration):
                return
            m = super().receive(self.registration)
            again = m.type == "registration_request"
            if again and m.idents[0] == self.uuid:
                self.grant()
            else:
                self.kept.append(m)

    def hear(self, name, kind=None):
        """The next message of that kind; or of any but `vars`."""
        return self.receive(
            getattr(self, name),
            lambda m: m.type == kind or (not kind and m.type != "vars"),
        )

    def arrived(self, name):
        """What was sent by that channel is with the engine: what comes behind it
        is answered."""
        h = self.say(name, "kernel_info_request", {})
        self.receive(
            getattr(self, name),
            lambda m: m.type == "kernel_info_reply" and m.parent == h,
        )

    def admit(self, drop=(), id=0, period=3600000):
        """Waits for a registration and grants it."""
        # The engine waits for a subscription to iopub, and a socket subscribes
        # only while it is asked for something. What the engine had published for
        # the controller before this one may come, too: it changes nothing.
        while not self.kept and not self.registration.poll(10):
            self.iopub.poll(0)
        m = self.hear("registration", "registration_request")
        self.uuid = m.idents[0]
        self.id, self.period = id, period
        self.grant(drop)
        return m

    def grant(self, drop=()):
        reply = {"status": "ok", "id": self.id, "hb_period": self.period}
        if self.taskfs:
            reply["taskfs"] = {
                "version": 1,
                "instance": self.instance,
                "drop": list(drop),
            }
        self.admitted += 1
        self.say("registration", "registration_reply", reply)

    def ping(self):
        self.pings += 1
        self.hb_ping.send(b"%s:%d" % (self.instance.encode(), self.pings))

    def ping_until_heard(self):
        """A PUB says nothing to who is not yet there."""
        self.ping()
        while not self.hb_pong.poll(50):
            self.ping()
        return self.hb_pong.recv_multipart()

    def run(self, text, name="task", buffers=(), client=(), **options):
        """An execute_request of ours; of a stock client with taskfs=False."""
        taskfs = options.pop("taskfs", self.taskfs)
        content = {
            "code": text,
            "silent": options.pop("silent", taskfs),
            "user_expressions": {},
        }
        for key in ("stop_on_error",):
            if key in options:
                content[key] = options.pop(key)
        metadata = options.pop("metadata", {})
        if taskfs:
            metadata = {"taskfs": dict({"result": 7, "index": 0}, **options)}
        header, frames = self.frames(
            "execute_request", content, metadata, buffers=buffers
        )
        return self.send(name, header, frames, client)

    def reply(self, header, name="task"):
        return self.receive(
            getattr(self, name),
            lambda m: m.type == "execute_reply"
            and m.parent["msg_id"] == header["msg_id"],
        )

    def all_of(self, header, stdout=b""):
        """The outputs and the reply of a task; outputs without a gap. Of stdout
        that much has come before."""
        out = {s: bytearray() for s in ("stdout", "stderr", "value", "data")}
        out["stdout"] += stdout
        admitted = self.admitted
        while True:
            m = self.hear("task")
            if m.type == "output":
                assert m.content["msg_id"] == header["msg_id"]
                s, offset = m.content["stream"], m.content["offset"]
                if self.admitted != admitted and offset == 0:
                    # To who admits it anew it tells all from the beginning.
                    out[s].clear()
                assert offset == len(out[s]), m.content
                out[s] += m.buffers[0]
            elif m.type == "execute_reply":
                t = m.metadata["taskfs"]
                for s, i in t["buffers"].items():
                    if self.admitted != admitted:
                        del out[s][t[s] - len(m.buffers[i]) :]
                    out[s] += m.buffers[i]
                for s, text in out.items():
                    assert len(text) == t[s], (s, len(text), t[s])
                return m, out


class Case(unittest.TestCase):
    taskfs = True
    options = ()
    within = ()

    def setUp(self):
        self.boss = Boss(self.taskfs)
        self.start(*self.options)
        self.request = self.boss.admit()
        self.assertEqual(self.ready.readline(), "ready 0\n")

    def start(self, *options):
        r, w = os.pipe()
        self.log = self.boss.dir + "/stderr"
        with open(self.log, "ab") as err:
            self.process = subprocess.Popen(
                [
                    *self.within,
                    ENGINE,
                    "--cluster-dir=" + self.boss.dir,
                    "--spool=" + self.boss.dir,
                    "--ready-fd=%d" % w,
                    *options,
                ],
                pass_fds=(w,),
                stderr=err,
            )
        os.close(w)
        self.ready = os.fdopen(r)
        self.pidfd = os.pidfd_open(self.process.pid)
        self.addCleanup(os.close, self.pidfd)
        self.boss.program = self

    def worker(self):
        pid = self.process.pid
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            return int(f.read().split()[0])

    def end(self):
        """Told to end, it ends, says so, and leaves nothing behind."""
        self.process.send_signal(signal.SIGTERM)
        self.boss.hear("registration", "unregistration_request")
        self.assertEqual(self.process.wait(), 0)

    def tearDown(self):
        if self.process.poll() is None:
            self.end()
        self.ready.close()
        self.check_log()
        left = [n for n in os.listdir(self.boss.dir) if "taskfs-engine" in n]
        self.assertEqual(left, [])
        self.boss.close()
        shutil.rmtree(self.boss.dir)


    def fifo(self):
        path = self.boss.dir + "/fifo"
        if not os.path.exists(path):
            os.mkfifo(path)
        return path

    def check_log(self):
        with open(self.log) as f:
            text = f.read()
        self.assertNotIn("Sanitizer", text)
        self.assertNotIn("runtime error", text)


class Stock(Case):
    taskfs = False

    def iopub(self, n):
        return [self.boss.hear("iopub") for i in range(n)]

    def test_registration(self):
        c = self.request.content
        self.assertEqual(c["uuid"].encode(), self.boss.uuid)
        self.assertEqual(self.request.header["session"], c["uuid"])
        self.assertNotIn("id", c)
        pong = self.boss.ping_until_heard()
        self.assertEqual(pong[0], self.boss.uuid)
        self.assertEqual(len(pong), 2)

    def test_the_sequence_of_a_loud_task(self):
        h = self.boss.run(
            "echo out; echo err >&2",
            "mux",
            client=[b"\0abc", b"other"],
            silent=False,
            metadata={"is_broadcast": True, "original_msg_id": "x", "label": "l"},
        )
        said = self.iopub(6)
        self.assertEqual(
            [m.type for m in said],
            ["status", "execute_input", "stream", "stream", "execute_result",
             "status"],
        )
        for m in said:
            self.assertEqual(m.parent, h)
            self.assertEqual(m.metadata, {"engine": self.boss.uuid.decode()})
            self.assertTrue(m.idents[0].startswith(b"engine.0."))
        self.assertEqual(said[0].content, {"execution_state": "busy"})
        self.assertEqual(said[1].content["code"], "echo out; echo err >&2")
        self.assertEqual(said[2].content, {"name": "stdout", "text": "out\n"})
        self.assertEqual(said[3].content, {"name": "stderr", "text": "err\n"})
        self.assertEqual(said[4].content["data"], {"text/plain": "out"})
        self.assertEqual(said[5].content, {"execution_state": "idle"})
        m = self.boss.reply(h, "mux")
        self.assertEqual(m.idents, [self.boss.uuid, b"\0abc", b"other"])
        self.assertEqual(m.content["status"], "ok")
        self.assertEqual(m.content["execution_count"], 1)
        self.assertEqual(m.parent, h)
        for key, value in {
            "engine": self.boss.uuid.decode(),
            "dependencies_met": True,
            "status": "ok",
            "is_broadcast": True,
            "is_coalescing": False,
            "original_msg_id": "x",
            "label": "l",
        }.items():
            self.assertEqual(m.metadata[key], value)
        self.assertIn("started", m.metadata)
        self.assertNotIn("taskfs", m.metadata)

    def test_a_quiet_task_and_its_value(self):
        self.boss.run("echo 5 >&3", "mux", silent=True)
        self.assertEqual([m.type for m in self.iopub(2)], ["status"] * 2)
        self.boss.run("echo 5 >&3", "broadcast", silent=False)
        said = self.iopub(4)
        self.assertEqual(said[2].content["data"], {"text/plain": "5"})

    def test_an_error(self):
        h = self.boss.run("echo why >&2; exit 3", "mux")
        m = self.boss.reply(h, "mux")
        self.assertEqual(m.content["ename"], "ExitStatus")
        self.assertEqual(m.content["evalue"], "exit status 3")
        self.assertEqual(
            m.content["traceback"], ["why", "ExitStatus: exit status 3"]
        )
        info = {
            "engine_uuid": self.boss.uuid.decode(),
            "engine_id": 0,
            "method": "execute",
        }
        self.assertEqual(m.content["engine_info"], info)
        self.assertEqual(m.metadata["engine_info"], info)
        kinds = [x.type for x in self.iopub(5)]
        self.assertEqual(kinds[3], "error")

    def test_output_that_is_no_utf8(self):
        fifo = self.fifo()
        self.boss.run("printf 'a\\377\\303'; read x < " + quote(fifo)
                      + "; printf '\\251'", "mux")
        self.assertEqual(self.printed(), "a\ufffd")
        with open(fifo, "w") as f:
            f.write("\n")
        self.assertEqual(self.printed(), "é")

    def printed(self):
        return self.boss.hear("iopub", "stream").content["text"]

    def test_failure_aborts_what_waits(self):
        first = self.boss.run("read x; exit 1", "mux", silent=False)
        second = self.boss.run("echo", "mux")
        self.assertEqual(
            self.boss.reply(first, "mux").content["status"], "error"
        )
        # They may have arrived one by one: then the second has run.
        self.boss.reply(second, "mux")
        block = self.boss.run("exec sleep 1000", "mux", silent=False)
        waiting = self.boss.run("echo", "mux")
        self.wait_running(block)
        self.boss.arrived("mux")
        self.ask("signal_request", {"sig": "SIGKILL"})
        self.boss.reply(block, "mux")
        m = self.boss.reply(waiting, "mux")
        self.assertEqual(m.content, {"status": "aborted"})
        self.assertEqual(m.metadata["status"], "aborted")

    def test_silent_failure_aborts_nothing(self):
        block = self.boss.run("exec sleep 1000", "mux", silent=True)
        waiting = self.boss.run("echo", "mux")
        self.wait_running(block)
        # Those for others are none for this one.
        for id in waiting["msg_id"], "gone":
            m = self.ask("signal_request", {"sig": 9, "msg_id": id})
            self.assertEqual(m.content, {"status": "ok"})
        self.ask("signal_request", {"sig": 15, "msg_id": block["msg_id"]})
        m = self.boss.reply(block, "mux")
        self.assertEqual(m.content["evalue"], "killed by SIGTERM")
        self.assertEqual(
            self.boss.reply(waiting, "mux").content["status"], "ok"
        )

    def wait_running(self, header):
        self.boss.receive(
            self.boss.iopub, lambda m: m.parent == header
        )

    def ask(self, kind, content):
        h = self.boss.say("control", kind, content)
        m = self.boss.hear("control")
        self.assertEqual(m.parent, h)
        return m

    def test_abort(self):
        block = self.boss.run("exec sleep 1000", "mux")
        one, two = self.boss.run("echo", "mux"), self.boss.run("echo", "mux")
        self.wait_running(block)
        self.boss.arrived("mux")
        m = self.ask("abort_request", {"msg_ids": [one["msg_id"]]})
        self.assertEqual(m.type, "abort_reply")
        self.assertEqual(m.content, {"status": "ok"})
        self.assertEqual(
            self.boss.reply(one, "mux").content, {"status": "aborted"}
        )
        self.ask("abort_request", {"msg_ids": []})
        self.assertEqual(
            self.boss.reply(two, "mux").content, {"status": "aborted"}
        )
        # One that is not there yet.
        header, frames = self.boss.frames(
            "execute_request", {"code": "echo", "silent": True}
        )
        self.ask("abort_request", {"msg_ids": header["msg_id"]})
        # Of many the engine knows the first, too.
        self.ask("abort_request", {"msg_ids": ["other-%d" % i for i in range(100000)]})
        self.boss.send("mux", header, frames)
        self.assertEqual(
            self.boss.reply(header, "mux").content, {"status": "aborted"}
        )
        m = self.ask("abort_request", {"msg_ids": None})
        self.assertEqual(m.content["status"], "error")
        self.ask("signal_request", {"sig": "SIGKILL"})
        self.boss.reply(block, "mux")

    def test_other_requests(self):
        m = self.ask("kernel_info_request", {})
        self.assertEqual(m.content["language_info"]["name"], "sh")
        # Who has heard its end on iopub hears what tasks print.
        for state in "busy", "idle":
            status = self.boss.hear("iopub")
            self.assertEqual(status.content, {"execution_state": state})
            self.assertEqual(status.parent, m.parent)
        m = self.ask("clear_request", {})
        self.assertEqual(m.content, {"status": "ok"})
        m = self.ask("signal_request", {"sig": "NOSUCH"})
        self.assertEqual(m.content["status"], "error")
        self.boss.say("mux", "apply_request", {}, buffers=[b"a", b"b"])
        m = self.boss.hear("mux")
        self.assertEqual(m.type, "apply_reply")
        self.assertEqual(m.content["ename"], "NotSupported")
        self.assertEqual(m.content["engine_info"]["method"], "apply")

    def test_rubbish_changes_nothing(self):
        b = self.boss
        key = b.key
        b.key = b"another"
        b.run("touch " + quote(b.dir + "/forged"), "mux")
        b.key = key
        header, frames = b.frames("no_such_request", {"x": 1})
        b.send("mux", header, frames)
        b.send("control", header, frames)
        for frames in (
            [b""],
            [DELIMITER],
            [b"x", DELIMITER, b"", b"{}", b"{}", b"{}", b"{}"],
            [DELIMITER, b"0" * 64, b"{}", b"{}", b"{}", b"{}"],
        ):
            b.send("mux", None, frames)
            b.send("registration", None, frames)
            b.send("hb_pong", None, frames)
        for parts in ([b"[]"] * 4, [b"nonsense"] * 4, [b"{}"] * 4):
            b.send("task", None, [DELIMITER, sign(key, parts), *parts])
        h = b.say("mux", "execute_request", {"silent": True})
        self.assertEqual(b.reply(h, "mux").content["ename"], "StartError")
        h = b.say("mux", "execute_request", {"code": [1], "silent": "x"})
        self.assertEqual(b.reply(h, "mux").content["ename"], "StartError")
        # A replay is dropped, silent or not.
        header, frames = b.frames(
            "execute_request", {"code": "echo x >> " + quote(b.dir + "/replayed")}
        )
        b.send("mux", header, frames)
        b.reply(header, "mux")
        b.send("mux", header, frames)
        b.reply(b.run("echo", "mux"), "mux")
        with open(b.dir + "/replayed") as f:
            self.assertEqual(f.read(), "x\n")
        self.assertFalse(os.path.exists(b.dir + "/forged"))

    def test_a_task_with_another_stdin_does_not_run(self):
        b = self.boss
        code = "cat; touch " + quote(b.dir + "/ran")
        metadata = {"taskfs": {"result": 7, "index": 0, "stdin": 0}}
        header, frames = b.frames(
            "execute_request",
            {"code": code, "silent": True, "user_expressions": {}},
            metadata,
            buffers=[b"good"],
        )
        b.send("task", header, frames[:-1] + [b"evil"])
        b.reply(b.run("echo", "mux"), "mux")
        self.assertFalse(os.path.exists(b.dir + "/ran"))

    def test_shutdown(self):
        self.wait_running(self.boss.run("exec sleep 1000", "mux"))
        m = self.ask("shutdown_request", {"restart": False})
        self.assertEqual(m.content, {"status": "ok", "restart": False})
        m = self.boss.hear("iopub", "shutdown_reply")
        self.assertEqual(m.header["session"].encode(), self.boss.uuid)
        m = self.boss.hear("registration", "unregistration_request")
        self.assertEqual(m.content, {"id": 0, "uuid": self.boss.uuid.decode()})
        self.assertEqual(self.process.wait(), 0)

    def test_many_at_once(self):
        """They run in their order; which is answered first is not promised."""
        sent = [self.boss.run(":", "mux", silent=True) for i in range(200)]
        got = [self.boss.hear("mux", "execute_reply") for _ in sent]
        self.assertEqual([m.content["status"] for m in got], ["ok"] * 200)
        got.sort(key=lambda m: m.content["execution_count"])
        self.assertEqual(
            [m.parent["msg_id"] for m in got], [h["msg_id"] for h in sent]
        )


class Extended(Case):
    options = ("--grace=100ms",)

    @tap.check
    def test_cut_off_it_registers_again_and_once_more(self):
        """What was sent just before is missing for certain after a while."""
        run = self.boss.run("echo; exec sleep 1000")
        self.boss.hear("task", "output")
        self.boss.cut("task")
        for _ in range(2):
            m = self.boss.admit()
            self.assertEqual(m.content["taskfs"]["running"], [run["msg_id"]])
        self.assertEqual(self.kill(run, abort=True), "ok")

    @tap.check
    def test_cut_off_from_clients_it_says_what_it_has_of_them(self):
        b = self.boss
        b.reply(b.run("echo", "mux", taskfs=False), "mux")
        here = [b.run("exec sleep 1000", "mux", taskfs=False)]
        for _ in range(2):
            b.hear("iopub", "execute_input")
        here.append(b.run("echo", "broadcast", taskfs=False))
        b.arrived("broadcast")
        b.cut("mux")
        # One that is answered late is said again.
        rounds = []
        while not rounds or "relayed" not in rounds[-1]:
            rounds.append(b.admit().content["taskfs"])
        self.assertGreaterEqual(len(rounds), 3)
        me = rounds[-1]
        self.assertEqual(me["relayed"], [h["msg_id"] for h in here])
        self.assertEqual((me["running"], me["finished"]), ([], []))

    def test_registration(self):
        me = self.request.content["taskfs"]
        self.assertEqual(me["version"], 1)
        self.assertEqual(me["pid"], self.worker())
        self.assertEqual(me["language"], "sh")
        self.assertEqual((me["running"], me["finished"]), ([], []))

    def test_tasks_before_it_is_registered(self):
        """By a connection that broke somebody else may speak, with words that were
        ours once. It is asked first whose they are."""
        self.boss.cut("task")
        self.boss.cut("mux")
        mine, theirs = (self.boss.run("echo " + x) for x in ("mine", "theirs"))
        old = self.boss.run("echo client", "mux", client=[b"c"], taskfs=False)
        # All of that is there before a registration is granted.
        tap.wait_for(lambda: self.said("a task came by a connection"))
        self.boss.say("task", "kernel_info_request", {})
        Peer.receive(
            self.boss, self.boss.task, lambda m: m.type == "kernel_info_reply"
        )
        named = []
        while mine["msg_id"] not in named:
            m = self.boss.admit(drop=[theirs["msg_id"]])
            named += m.content["taskfs"]["running"]
            self.assertNotIn(old["msg_id"], m.content["taskfs"].get("relayed", []))
        self.assertEqual(bytes(self.boss.all_of(mine)[1]["stdout"]), b"mine\n")
        last = self.boss.run("echo last")
        m = self.boss.hear("task", "execute_reply")
        self.assertEqual(m.parent["msg_id"], last["msg_id"])

    def test_told_that_it_is_not_registered(self):
        h = self.boss.run("cat " + self.fifo())
        self.boss.arrived("task")
        self.boss.say("control", "register_request", {})
        m = self.boss.admit(id=3)
        self.assertEqual(m.content["uuid"].encode(), self.boss.uuid)
        self.assertEqual(m.content["taskfs"]["running"], [h["msg_id"]])
        open(self.fifo(), "w").close()
        self.assertEqual(self.boss.reply(h).content["status"], "ok")

    def test_a_short_task(self):
        h = self.boss.run("echo hi; echo 5 >&3", cwd="/usr")
        m, out = self.boss.all_of(h)
        self.assertEqual(m.parent, h)
        t = m.metadata["taskfs"]
        self.assertEqual(out["stdout"], b"hi\n")
        self.assertEqual(out["value"], b"5\n")
        self.assertEqual(
            (t["stdout"], t["stderr"], t["value"], t["data"]), (3, 0, 2, 0)
        )
        self.assertFalse(t["value_is_stdout"])
        self.assertEqual((t["exit_status"], t["signal"]), (0, None))
        self.assertEqual(t["cwd"], "/usr")
        self.assertGreater(t["usage"]["memory"], 0)
        # Nothing of it is on iopub, which has what comes behind it.
        h = self.boss.say("control", "kernel_info_request", {})
        self.assertEqual(self.boss.hear("iopub").parent, h)

    def memory(self, code, **more):
        """What a task took, in MB."""
        m, _ = self.boss.all_of(self.boss.run(code, **more))
        self.assertEqual(m.content["status"], "ok", m.content)
        return m.metadata["taskfs"]["usage"]["memory"] / 1e6

    def assert_small(self, memory):
        if "address" not in ENGINE:
            self.assertLess(memory, 12)

    def test_memory_is_the_tasks_own(self):
        """Whatever went through the engine before, or with it."""
        fresh = self.memory("true")
        self.assert_small(fresh)
        stdin = {"stdin": 0, "buffers": [bytes(50_000_000)]}
        for before in (
            {"code": "true", **stdin},
            {"code": "cat", **stdin},
            {"code": "true", "args": ["x" * 100_000] * 15},
            {"code": "true", "env": {"X%d" % i: "y" * 100_000 for i in range(15)}},
            {"code": "head -c 50000000 /dev/zero"},
        ):
            own = self.memory(**before)
            self.assertLess(own, fresh + 6, before["code"])
            self.assertLess(self.memory("true"), fresh + 1, before["code"])
        large = self.memory("exec python3 -c 'x = b\"x\" * 100_000_000'")
        self.assertGreater(large, 100)
        self.assertLess(self.memory("true"), fresh + 1)

    def test_too_many_arguments_for_any_system(self):
        for n in 60, 90:
            h = self.boss.run("true", args=["x" * 100_000] * n)
            m, _ = self.boss.all_of(h)
            self.assertEqual(m.content["ename"], "StartError")
            self.assertIn("too long for this system", m.content["evalue"])
        self.assert_small(self.memory("true"))

    def launcher(self):
        """The child of the worker that makes the tasks' processes; it may just have
        been made, and have no name yet."""
        return tap.wait_for(self.launcher_now)

    def launcher_now(self):
        pid = self.worker()
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            for child in f.read().split():
                with open("/proc/%s/comm" % child) as f:
                    if f.read() == "taskfs-launcher\n":
                        return int(child)

    def test_the_launcher_is_killed(self):
        """By a task perhaps. The next task does not notice."""
        first = self.launcher()
        code = "kill -KILL %d; echo done; (setsid sleep 1000 &)"
        out = self.boss.all_of(self.boss.run(code % first))[1]
        self.assertEqual(bytes(out["stdout"]), b"done\n")
        self.assertGreater(self.memory("true"), 0)
        second = self.launcher()
        self.assertNotEqual(first, second)
        os.kill(second, signal.SIGKILL)
        self.assertGreater(self.memory("true"), 0)
        with open(self.log) as f:
            self.assertEqual(f.read().count("makes the tasks' processes"), 2)

    def test_the_launcher_is_stopped(self):
        self.boss.all_of(self.boss.run("kill -STOP %d" % self.launcher()))
        self.assertGreater(self.memory("true"), 0)

    def test_what_a_task_sees(self):
        h = self.boss.run(
            "echo \"$TASKFS_ID/$TASKFS_INDEX $TASKFS_ENGINE $TASKFS_ITEM $X "
            '$*"; pwd; cat',
            result=12,
            index=3,
            items=1,
            args=["a", "b c"],
            env={"X": "y"},
            cwd="/usr",
            stdin=0,
            buffers=[b"\0\xff\n", b"it\0em\0"],
        )
        m, out = self.boss.all_of(h)
        self.assertEqual(out["stdout"], b"12/3 0 it y it em a b c\n/usr\n\0\xff\n")

    def directory_of(self, **options):
        m, out = self.boss.all_of(self.boss.run("pwd; echo $PWD; ls -a", **options))
        self.assertEqual(m.content["status"], "ok")
        where = m.metadata["taskfs"]["cwd"]
        self.assertEqual(out["stdout"].decode().split("\n")[:2], [where, where])
        return where, out["stdout"].decode().split("\n")[2:-1]

    def test_where_a_task_runs(self):
        """Where it says, where it was submitted from, in an empty directory; and
        when nobody says anything, where the engine does."""
        self.assertEqual(self.directory_of(cwd="/usr", submit_dir="/etc")[0], "/usr")
        self.assertEqual(self.directory_of(submit_dir="/usr")[0], "/usr")
        self.assertEqual(self.directory_of()[0], os.getcwd())
        for absent in "/no/where", "(not known)", ".", "/etc/passwd":
            where, files = self.directory_of(submit_dir=absent)
            self.assertEqual(files, [".", ".."], absent)
            tap.wait_for(lambda: not os.path.exists(where))

    def test_an_empty_directory_goes_with_what_is_in_it(self):
        h = self.boss.run(
            "mkdir -p a/b; ln -s / a/c; echo x > a/b/d; chmod 0 a/b a; pwd",
            submit_dir="/no/where",
        )
        where = self.boss.all_of(h)[1]["stdout"].decode()[:-1]
        tap.wait_for(lambda: not os.path.exists(where))

    def test_a_directory_that_is_not_there_is_an_error(self):
        for cwd, why in (
            ("/no/where", "No such file or directory"),
            ("/etc/passwd", "Not a directory"),
            (".", "Invalid argument"),
        ):
            h = self.boss.run("pwd", cwd=cwd, submit_dir="/usr")
            m, out = self.boss.all_of(h)
            self.assertEqual(m.content["ename"], "StartError")
            self.assertEqual(m.content["evalue"], "cwd: %s: %s" % (cwd, why))
            self.assertEqual(out.get("stdout", b""), b"")

    def test_code_of_any_bytes(self):
        code = b"#!/bin/cat\n\0\xff\xfe\n"
        h = self.boss.run("?", code=0, buffers=[code])
        self.assertEqual(self.boss.all_of(h)[1]["stdout"], code)

    def test_output_comes_while_it_runs(self):
        h = self.boss.run("echo one; read x < " + quote(self.fifo()) + "; echo two")
        m = self.boss.hear("task")
        self.assertEqual(m.type, "output")
        self.assertEqual(m.buffers, [b"one\n"])
        self.assertEqual(m.content["stream"], "stdout")
        with open(self.fifo(), "w") as f:
            f.write("\n")
        m, out = self.boss.all_of(h, stdout=b"one\n")
        self.assertEqual(out["stdout"], b"one\ntwo\n")

    def test_large_output(self):
        h = self.boss.run("head -c 5000000 /dev/zero; seq 1 30000 >&2")
        m, out = self.boss.all_of(h)
        self.assertEqual(out["stdout"], bytes(5000000))
        self.assertEqual(out["stderr"].count(b"\n"), 30000)
        self.assertTrue(m.metadata["taskfs"]["value_is_stdout"])

    def test_a_controller_that_does_not_read(self):
        """Its output goes to a file, memory stays flat, the heart beats."""
        h = self.boss.run("head -c 100000000 /dev/zero")
        tap.wait_for(lambda: self.spooled() >= 100000000)
        self.boss.ping_until_heard()
        with open("/proc/%d/status" % self.worker()) as f:
            peak = [x for x in f if x.startswith("VmHWM:")][0]
        if "address" not in ENGINE:
            self.assertLess(int(peak.split()[1]), 40000)
        m, out = self.boss.all_of(h)
        self.assertEqual(m.metadata["taskfs"]["stdout"], 100000000)

    def spooled(self):
        sizes = [0]
        fds = "/proc/%d/fd/" % self.worker()
        for fd in os.listdir(fds):
            try:
                if self.boss.dir in os.readlink(fds + fd):
                    sizes.append(os.stat(fds + fd).st_size)
            except OSError:
                pass
        return max(sizes)

    def test_kill_requests(self):
        run, wait = self.boss.run("echo; sleep 1000"), self.boss.run("echo")
        self.boss.hear("task", "output")
        self.assertEqual(self.kill(wait, abort=True), "ok")
        m = self.boss.reply(wait)
        self.assertEqual(m.content, {"status": "aborted"})
        self.assertIsNone(m.metadata["taskfs"]["exit_status"])
        self.assertEqual(self.kill(run, signal="USR1"), "ok")
        m = self.boss.reply(run)
        self.assertEqual(m.content["ename"], "Killed")
        self.assertEqual(m.content["evalue"], "killed by SIGUSR1")
        self.assertEqual(m.metadata["taskfs"]["exit_status"], 138)
        self.assertEqual(self.kill(run, signal="USR1"), "error")
        self.assertEqual(self.kill({"msg_id": "none"}, signal="INT"), "error")
        run = self.boss.run("trap '' TERM; echo; while :; do sleep 1; done")
        self.boss.hear("task", "output")
        self.assertEqual(self.kill(run, abort=True), "ok")
        m = self.boss.reply(run)
        self.assertEqual(m.content, {"status": "aborted"})
        self.assertEqual(m.metadata["taskfs"]["signal"], signal.SIGKILL)

    def test_abort_overtakes_its_task(self):
        """They come by different sockets."""
        header, frames = self.boss.frames(
            "execute_request", {"code": "echo"}, {"taskfs": {"result": 1}}
        )
        self.assertEqual(self.kill(header, abort=True), "ok")
        self.boss.send("task", header, frames)
        m = self.boss.reply(header)
        self.assertEqual(m.content, {"status": "aborted"})

    def test_a_task_runs_once(self):
        """The same msg_id again: its reply again."""
        path = self.boss.dir + "/runs"
        content = {"code": "echo x >> %s; echo hi" % quote(path)}
        header, frames = self.boss.frames(
            "execute_request", content, {"taskfs": {"result": 1}}
        )
        self.boss.send("task", header, frames)
        self.assertEqual(self.boss.all_of(header)[1]["stdout"], b"hi\n")
        parts = [json.dumps(header).encode() + b" ", *frames[3:6]]
        self.boss.send(
            "task", header, [DELIMITER, sign(self.boss.key, parts), *parts]
        )
        self.assertEqual(self.boss.reply(header).buffers, [b"hi\n"])
        with open(path) as f:
            self.assertEqual(f.read(), "x\n")

    def kill(self, header, **how):
        self.boss.say("control", "kill_request", dict(how, **{
            "msg_id": header["msg_id"]}))
        return self.boss.hear("control", "kill_reply").content["status"]

    def test_time_limit(self):
        m = self.boss.reply(self.boss.run("sleep 1000", time_limit=0.05))
        self.assertEqual(m.content["ename"], "TaskTimeLimit")
        self.assertEqual(m.content["evalue"], "ran longer than 0.05 s")

    def test_what_cannot_start(self):
        for code, ename, status in (
            ("#!/nonexistent/x\n", "StartError", 127),
            ("#!/etc/passwd\n", "StartError", 126),
            ("nonexistent-program", "ExitStatus", 127),
            ("/etc/passwd", "ExitStatus", 126),
            ("echo \0", "StartError", 126),
        ):
            m = self.boss.reply(self.boss.run(code))
            self.assertEqual(m.content["ename"], ename, code)
            self.assertEqual(
                m.metadata["taskfs"]["exit_status"], status, code
            )

    def test_controller_comes_back(self):
        """What runs, waits and has ended is told; drop is obeyed."""
        b = self.boss
        pid = b.dir + "/pid"
        ended = b.run("echo ended; exit 4")
        b.reply(ended)
        unwanted = b.run("echo $$ > %s; echo; sleep 1000" % quote(pid))
        waits = b.run("echo waited; cat " + quote(self.fifo()))
        b.hear("task", "output")
        b.arrived("task")
        b.restart()
        m = b.admit(drop=[unwanted["msg_id"]])
        me = m.content["taskfs"]
        self.assertEqual(m.content["id"], 0)
        self.assertEqual(m.content["uuid"], self.request.content["uuid"])
        self.assertEqual(me["finished"], [ended["msg_id"]])
        self.assertEqual(
            me["running"], [unwanted["msg_id"], waits["msg_id"]]
        )
        m = b.hear("task")
        self.assertEqual(m.parent["msg_id"], ended["msg_id"])
        self.assertEqual(m.buffers, [b"ended\n"])
        self.assertEqual(m.content["evalue"], "exit status 4")
        m = b.hear("task", "output")
        self.assertEqual(m.content["msg_id"], waits["msg_id"])
        with open(pid) as f:
            self.assertTrue(gone(int(f.read())))
        b.say("task", "stored", {"msg_ids": [ended["msg_id"], "unknown"]})
        b.arrived("task")
        # Again, while one runs: its output comes from the beginning.
        b.restart()
        me = b.admit().content["taskfs"]
        self.assertEqual(me["finished"], [])
        self.assertEqual(me["running"], [waits["msg_id"]])
        with open(self.fifo(), "w") as f:
            f.write("end\n")
        m, out = b.all_of(waits)
        self.assertEqual(out["stdout"], b"waited\nend\n")

    def test_a_reply_while_nobody_is_there(self):
        b = self.boss
        h = b.run("echo; cat " + quote(self.fifo()))
        b.hear("task", "output")
        for s in b.sockets:
            s.close(0)
        b.sockets = []
        with open(self.fifo(), "w") as f:
            f.write("x" * 300000)
        b.bind()
        b.admit()
        m, out = b.all_of(h)
        self.assertEqual(out["stdout"], b"\n" + b"x" * 300000)

    def test_a_new_controller_with_another_key(self):
        """Found through the file when the old one is silent."""
        self.end()
        self.start()
        self.boss.admit(period=1)
        old = self.boss
        h = old.run("echo; sleep 1000")
        old.hear("task", "output")
        self.boss = Boss(True)
        self.boss.program = self
        shutil.copy(
            self.boss.dir + "/security/ipcontroller-engine.json",
            old.dir + "/security/ipcontroller-engine.json.new",
        )
        os.rename(
            old.dir + "/security/ipcontroller-engine.json.new",
            old.dir + "/security/ipcontroller-engine.json",
        )
        m = self.boss.admit(drop=[h["msg_id"]])
        self.assertEqual(m.content["taskfs"]["running"], [h["msg_id"]])
        self.assertEqual(self.boss.all_of(self.boss.run("echo hi"))[1][
            "stdout"], b"hi\n")
        self.end()
        self.check_log()
        old.close()
        shutil.rmtree(old.dir)
        self.log = os.devnull

    def test_worker_killed(self):
        pids = [self.launcher(), *self.busy()]
        os.kill(self.worker(), signal.SIGKILL)
        m = self.boss.hear("registration", "unregistration_request")
        self.assertEqual(m.content, {"id": 0, "uuid": self.boss.uuid.decode()})
        self.assertNotEqual(m.idents[0], self.boss.uuid)
        self.assertEqual(self.process.wait(), 128 + signal.SIGKILL)
        for pid in pids:
            self.assertTrue(gone(pid))

    def test_a_task_stops_its_engine(self):
        """Which goes on, and knows what became of the task."""
        m, out = self.boss.all_of(self.boss.run("kill -STOP $PPID; echo on"))
        self.assertEqual(bytes(out["stdout"]), b"on\n")
        with open(self.log) as f:
            self.assertIn("the engine was stopped; it is continued", f.read())

    def test_a_task_stops_its_engine_again_and_again(self):
        """It is dead when that is said: it may be tried elsewhere then."""
        self.boss.run(
            "setsid sh -c 'echo $$; exec sleep 1001' & echo $$; cat %s; "
            "while :; do kill -STOP $PPID; done" % self.fifo()
        )
        text = b""
        while text.count(b"\n") < 2:
            text += self.boss.hear("task", "output").buffers[0]
        open(self.fifo(), "w").close()
        self.boss.hear("registration", "unregistration_request")
        for pid in text.split():
            self.assertTrue(gone(int(pid)))
        self.assertEqual(self.process.wait(), 128 + signal.SIGKILL)

    def test_guard_killed(self):
        worker, pids = self.worker(), [self.launcher(), *self.busy()]
        self.process.kill()
        self.process.wait()
        self.boss.hear("registration", "unregistration_request")
        # Nobody is left to wait for them.
        for pid in worker, *pids:
            tap.wait_for(lambda: gone(pid))

    def busy(self):
        """A task of three processes, one of them in a session of its own."""
        self.boss.run(
            "trap '' TERM; setsid sh -c 'echo $$; trap \"\" TERM; sleep 1001; "
            "sleep 1002' & (echo $(exec sh -c 'echo $PPID'); sleep 1003) & "
            "echo $$; while :; do sleep 1; done"
        )
        text = b""
        while text.count(b"\n") < 3:
            text += self.boss.hear("task", "output").buffers[0]
        return [int(x) for x in text.split()]

    def restart(self):
        header, frames = self.boss.frames("shutdown_request", {"restart": True})
        self.boss.send("control", header, frames)
        m = self.boss.hear("control", "shutdown_reply")
        self.assertTrue(m.content["restart"])
        self.boss.hear("iopub", "shutdown_reply")

    def test_restart(self):
        self.boss.all_of(self.boss.run('echo 1 > "$TASKFS_VARS/a"'))
        pids, worker, was = self.busy(), self.worker(), self.boss.uuid.decode()
        self.restart()
        m = self.boss.admit()
        # Nobody says goodbye: that could arrive behind the next one.
        self.assertEqual(m.type, "registration_request")
        self.assertEqual(m.content["id"], 0)
        self.assertEqual(m.content["taskfs"]["replaces"], was)
        self.assertNotEqual(m.content["uuid"], was)
        self.assertEqual(m.content["taskfs"]["running"], [])
        for pid in [worker, *pids]:
            self.assertTrue(gone(pid), pid)
        self.assertEqual(self.worker(), m.content["taskfs"]["pid"])
        left = os.listdir(self.boss.dir)
        spool = [n for n in left if n.startswith("taskfs-engine-")]
        # Of what was there nothing is left.
        spool = self.boss.dir + "/" + spool[0]
        self.assertEqual(os.listdir(spool), ["vars"])
        self.assertEqual(os.listdir(spool + "/vars"), [])
        m, out = self.boss.all_of(self.boss.run("echo again"))
        self.assertEqual(bytes(out["stdout"]), b"again\n")
        self.restart()
        m = self.boss.admit()
        self.assertEqual(m.content["id"], 0)

    LARGE = "head -c 200000 /dev/zero"

    def spool(self):
        [path] = glob.glob(self.boss.dir + "/taskfs-engine-*/")
        return path[:-1]

    def runs_well(self):
        """What needs the spool works."""
        run = lambda text: self.boss.all_of(self.boss.run(text))
        for text, want in (
            (self.LARGE, bytes(200000)),
            ("#!/bin/sh\necho script", b"script\n"),
            ('echo 1 > "$TASKFS_VARS/a"; cat "$TASKFS_VARS/a"', b"1\n"),
        ):
            m, out = run(text)
            self.assertEqual(m.content["status"], "ok", m.content)
            self.assertEqual(bytes(out["stdout"]), want)
        self.assertEqual(os.stat(self.spool()).st_mode & 0o7777, 0o700)

    def said(self, text):
        with open(self.log) as f:
            return f.read().count(text)

    def test_a_task_removes_the_spool(self):
        remove = 'rm -rf "$(dirname "$TASKFS_VARS")"; '
        self.boss.all_of(self.boss.run('echo 1 > "$TASKFS_VARS/before"'))
        m, out = self.boss.all_of(self.boss.run(remove + self.LARGE))
        self.assertEqual(m.content["status"], "ok")
        self.assertEqual(len(out["stdout"]), 200000)
        self.assertEqual(self.said("the spool was removed; it is made anew"), 1)
        self.assertEqual(self.said("variables was removed"), 1)
        self.runs_well()
        self.assertEqual(os.listdir(self.spool() + "/vars"), ["a"])
        for other in (
            'rm -rf "$TASKFS_VARS"',
            'mv "$TASKFS_VARS" "$TASKFS_VARS.old"; mkdir -m 0 "$TASKFS_VARS"',
            'd="$(dirname "$TASKFS_VARS")"; mv "$d" "$d.old"; rm -r "$d.old"',
            'chmod 0 "$(dirname "$TASKFS_VARS")"',
        ):
            self.boss.all_of(self.boss.run(other))
            self.runs_well()
        self.boss.all_of(self.boss.run(remove))
        self.restart()
        self.boss.admit()
        self.runs_well()

    def test_an_engine_that_cannot_run_tasks(self):
        """It asks to be given no more, and works when it was restarted."""
        place = self.spool()
        replace = 'd="$(dirname "$TASKFS_VARS")"; rm -r "$d"; echo > "$d"; '
        self.boss.all_of(self.boss.run(replace))
        for i in range(2):
            m, _ = self.boss.all_of(self.boss.run(self.LARGE))
            self.assertEqual(m.content["ename"], "OutputError")
        # A fault of the task is none of the engine: they were not three in a row.
        self.boss.all_of(self.boss.run("exit 3"))
        for text in "#!/bin/sh", self.LARGE, "#!/bin/sh":
            last = self.boss.run(text)
        m = self.boss.hear("task", "drain")
        self.assertRegex(m.content["why"], "^3 tasks in a row failed for faults of")
        self.assertEqual(self.boss.reply(last).content["ename"], "StartError")
        self.assertEqual(self.said("the engine cannot run tasks"), 1)
        self.restart()
        self.boss.admit()
        self.assertNotEqual(self.spool(), place)
        self.runs_well()
        os.unlink(place)

    def test_told_to_end_while_it_restarts(self):
        pids = self.busy()
        self.restart()
        self.process.send_signal(signal.SIGTERM)
        self.boss.hear("registration", "unregistration_request")
        self.assertEqual(self.process.wait(), 0)
        for pid in pids:
            self.assertTrue(gone(pid))

    def test_terminated_with_a_task(self):
        pids = self.busy()
        self.end()
        for pid in pids:
            self.assertTrue(gone(pid))


class Limits(Case):
    options = ("--output-limit=100K", "--grace=50ms")

    def test_output_limit(self):
        h = self.boss.run("cat /dev/zero")
        m, out = self.boss.all_of(h)
        self.assertEqual(m.content["ename"], "OutputLimit")
        self.assertEqual(out["stdout"], bytes(100 * 1024))


class Alone(unittest.TestCase):
    """Without a controller."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="taskfs-wire-")

    def tearDown(self):
        self.assertEqual(os.listdir(self.dir), [])
        shutil.rmtree(self.dir)

    def run_engine(self, *options):
        return subprocess.run(
            [ENGINE, "--spool=" + self.dir, *options],
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def test_no_file(self):
        for how in ("--wait=no",), ("--timeout=200ms",):
            p = self.run_engine("--cluster-dir=/nonexistent", *how)
            self.assertEqual(p.returncode, 3)
            self.assertIn("controller", p.stderr)

    def test_bad_command_lines(self):
        for how in (
            ["--no-such-option"],
            ["--grace=x"],
            ["--id=-1"],
            ["a word too many"],
        ):
            p = self.run_engine(*how)
            self.assertEqual(p.returncode, 2, how)
            self.assertIn("--help", p.stderr)

    def test_help_and_version(self):
        p = self.run_engine("--help")
        self.assertEqual((p.returncode, p.stderr), (0, ""))
        self.assertIn("--ready-fd", p.stdout)
        self.assertEqual(self.run_engine("--version").returncode, 0)

    def test_no_spool(self):
        p = subprocess.run(
            [ENGINE, "--spool=/proc/nothing", "--wait=no"],
            stderr=subprocess.PIPE,
        )
        self.assertEqual(p.returncode, 1)
        self.assertIn(b"--spool", p.stderr)


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
