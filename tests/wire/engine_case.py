"""What tests of the engine begin with: a controller whose words a test says itself, and
an engine of it."""

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
from shlex import quote

import zmq

import lines
import tap
from peers import Peer, connection, new_id

tap.helpers.add(__file__)

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
    except (FileNotFoundError, ProcessLookupError):
        return True


class Boss(Peer):
    """A controller whose every word a test says itself.

    But for one: an engine that was cut off asks again, after a second and after
    eleven, and says nothing before it is answered. One that was admitted is, when
    something else is waited for meanwhile.
    """

    def __init__(self, taskfs, lines=False):
        self.dir = tempfile.mkdtemp(prefix="taskfs-wire-")
        self.taskfs = taskfs
        self.outputs = None  # where it says that its outputs are
        names = (*ROUTERS, "iopub", "hb_ping")
        self.port = {name: free_port() for name in names}
        ports = dict(self.port, broadcast=[self.port["broadcast"]])
        super().__init__(connection(**ports))
        self.info["interface"] = "tcp://" + HERE
        self.pings = 0
        self.uuid = None
        self.admitted = 0
        self.bind()
        self.switch = self.make_switch() if lines else None
        os.mkdir(self.dir + "/security")
        self.write_file()

    def make_switch(self):
        self.info["taskfs"] = {name: free_port() for name in lines.CHANNELS}
        return lines.Switch(HERE, self.info["taskfs"], self.port)

    def close(self):
        if self.switch:
            self.switch.close()
        super().close()

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

    def admit(self, drop=(), id=0, period=3600000, before=None):
        """Waits for a registration and grants it; before() is called in between."""
        # The engine waits for a subscription to iopub, and a socket subscribes
        # only while it is asked for something. What the engine had published for
        # the controller before this one may come, too: it changes nothing.
        while not self.kept and not self.registration.poll(10):
            self.iopub.poll(0)
        m = self.hear("registration", "registration_request")
        self.uuid = m.idents[0]
        self.id, self.period = id, period
        if before:
            before()
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
            if self.outputs:
                reply["taskfs"]["outputs"] = self.outputs
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
    may_end = False  # see Peer.ready()

    taskfs = True
    lines = False
    options = ()
    within = ()

    def setUp(self):
        self.boss = Boss(self.taskfs, self.lines)
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

    def logged(self, text, key):
        """What the lines with this text say of that."""
        with open(self.log) as f:
            lines = [json.loads(line) for line in f]
        return [x[key] for x in lines if x["what"] == text]

    def check_log(self):
        with open(self.log) as f:
            text = f.read()
        self.assertNotIn("Sanitizer", text)
        self.assertNotIn("runtime error", text)


class Extended(Case):
    """With the extensions of our controller."""

    options = ("--grace=100ms",)

    def mother(self):
        """The child of the worker that makes launchers; it may just have been made,
        and have no name yet."""
        return tap.wait_for(lambda: self.children("taskfs-mother"))[0]

    def launcher(self):
        """The child of the worker that makes a task's processes, and was made for
        the first of them."""
        return tap.wait_for(lambda: self.children("taskfs-launcher"))[0]

    def children(self, name):
        pid, found = self.worker(), []
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            children = f.read().split()
        for child in children:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                with open("/proc/%s/comm" % child) as f:
                    if f.read() == name + "\n":
                        found.append(int(child))
        return found

    def kill(self, header, **how):
        self.boss.say("control", "kill_request", dict(how, **{
            "msg_id": header["msg_id"]}))
        return self.boss.hear("control", "kill_reply").content["status"]

    def said(self, text):
        with open(self.log) as f:
            return f.read().count(text)


class Several(Extended):
    """Tasks that run until they are told."""

    options = ("--grace=100ms", "--slots=3")

    def setUp(self):
        super().setUp()
        self.gates = {}
        self.outputs = {}
        self.replies = {}

    def hold(self, then="", before="", name="task", **options):
        """A task that says its slot, and its pid, and runs until let_go()."""
        path = "%s/gate%d" % (self.boss.dir, len(self.gates))
        os.mkfifo(path)
        text = "%s echo $TASKFS_SLOT $$; read x < %s; %s"
        h = self.boss.run(text % (before, quote(path), then), name, **options)
        self.gates[h["msg_id"]] = path
        return h

    def let_go(self, h):
        with open(self.gates[h["msg_id"]], "w") as f:
            f.write("go\n")

    def hear(self, name="task"):
        """One more message, noted as what it is."""
        m = self.boss.hear(name)
        if m.type == "output":
            id = m.content["msg_id"]
            self.outputs[id] = self.outputs.get(id, b"") + m.buffers[0]
        elif m.type == "execute_reply":
            self.replies[m.parent["msg_id"]] = m

    def begun(self, h, numbers=2):
        """Slot and pid of a task that holds; and more, if it says more."""
        while len(self.outputs.get(h["msg_id"], b"").split()) < numbers:
            self.hear()
        return [int(x) for x in self.outputs[h["msg_id"]].split()]

    def reply(self, h, name="task"):
        while h["msg_id"] not in self.replies:
            self.hear(name)
        return self.replies[h["msg_id"]]

    def status(self, h, name="task"):
        return self.reply(h, name).content["status"]

    def watch(self, headers, enough, seen):
        """Statuses and outputs on iopub, until there are enough of each."""
        for h in headers:
            seen.setdefault(h["msg_id"], [])
        while not all(enough(said) for said in seen.values()):
            m = self.boss.hear("iopub")
            said = seen.get(m.parent.get("msg_id"))
            if said is not None and m.type == "status":
                said.append(m.content["execution_state"])
            if said is not None and m.type == "stream":
                said.append(m.content["text"])
        return seen

    def end_all(self, *headers):
        for h in headers:
            self.let_go(h)
            self.assertEqual(self.status(h), "ok")
