"""Raw peers of a controller: sockets and frames, no ipyparallel.

What a test says on the wire is what stands here; the framing and the HMAC are
written out once more, independent of the programs under test.

Who waits here waits for a message, or for something to become true, for as long
as it takes. When a test hangs, it is told which messages came last to whom.
"""

import collections
import hashlib
import hmac
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid

import zmq
import zmq.utils.z85

import tap

tap.helpers.add(__file__)

DELIMITER = b"<IDS|MSG>"


def new_id():
    h = uuid.uuid4().hex
    return h[:8] + "-" + h[8:]


def sign(key, parts):
    if not key:
        return b""
    return hmac.new(key, b"".join(parts), hashlib.sha256).hexdigest().encode()


def digest(buffers):
    """As the header of a message of ours has it (lib/wire/msg.h)."""
    h = hashlib.blake2b(digest_size=32)
    for b in buffers:
        h.update(len(b).to_bytes(8, "little") + b)
    return h.hexdigest()


def member_pair(info):
    """The keys of who has the connection file: public, secret (lib/wire/curve.h)."""
    public = info["curve_serverkey"].encode()
    text = b"taskfs member 1\0" + public + b"\0" + info["key"].encode()
    secret = hashlib.blake2b(text, digest_size=32).digest()
    secret = zmq.utils.z85.encode(secret)
    return zmq.curve_public(secret), secret


def connection(**more):
    """What a connection file of ipyparallel's says, but for the ports."""
    return dict(
        more,
        ssh="",
        interface="tcp://127.0.0.1",
        key=new_id(),
        curve_serverkey=None,
        location="localhost",
        pack="json",
        unpack="json",
        signature_scheme="hmac-sha256",
    )


class Message:
    def __init__(self, frames):
        at = frames.index(DELIMITER)
        self.idents = frames[:at]
        self.signature = frames[at + 1]
        self.parts = frames[at + 2 : at + 6]
        self.header, self.parent, self.metadata, self.content = (
            json.loads(p) for p in self.parts
        )
        self.buffers = frames[at + 6 :]
        self.type = self.header["msg_type"]


class Ended(Exception):
    """The program ended, which it may."""


class Peer:
    """A session: its key, its id, its counter."""

    program = None

    def __init__(self, info, identity=None, pair=None):
        self.info = info
        self.key = info["key"].encode()
        self.session = identity or new_id()
        self.count = 0
        self.ctx = zmq.Context()
        self.sockets = []
        self.pair = pair
        if info["curve_serverkey"] and not pair:
            self.pair = member_pair(info)
        self.heard = collections.deque(maxlen=20)
        tap.explain.append(self.explain)

    def close(self):
        tap.explain.remove(self.explain)
        for s in self.sockets:
            s.close(0)
        self.ctx.term()

    def explain(self):
        name = type(self).__name__
        print("# %s %s heard last:" % (name, self.session))
        for m in self.heard:
            parent = m.parent.get("msg_id", "-")
            print("#   %s to %s: %.300s" % (m.type, parent, m.content))

    def connect(self, kind, port, identity=None):
        s = self.ctx.socket(kind)
        if identity:
            s.setsockopt(zmq.IDENTITY, identity)
        if kind == zmq.SUB:
            s.setsockopt(zmq.SUBSCRIBE, b"")
            # What a slow test has not read yet is not lost.
            s.setsockopt(zmq.RCVHWM, 0)
        if self.pair:
            s.curve_publickey, s.curve_secretkey = self.pair
            s.curve_serverkey = self.info["curve_serverkey"].encode()
        greeted = s.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        s.connect("%s:%d" % (self.info["interface"], port))
        self.sockets.append(s)
        # A ROUTER drops what is for somebody it does not know yet.
        self.ready(greeted)
        s.disable_monitor()
        return s

    def frames(self, kind, content, metadata=None, parent=None, buffers=()):
        self.count += 1
        header = {
            "msg_id": "%s_%d_%d" % (self.session, os.getpid(), self.count),
            "msg_type": kind,
            "username": "test",
            "session": self.session,
            "date": time.strftime("%Y-%m-%dT%H:%M:%S.000001Z", time.gmtime()),
            "version": "5.3",
        }
        if buffers:
            header["taskfs_buffers"] = digest(buffers)
        parts = [
            json.dumps(p).encode()
            for p in (header, parent or {}, metadata or {}, content)
        ]
        return header, [DELIMITER, sign(self.key, parts), *parts, *buffers]

    def check(self, m):
        assert m.signature == sign(self.key, m.parts), "a bad signature"
        signed = m.header.get("taskfs_buffers")
        assert signed in (None, digest(m.buffers)), "other buffers"
        return m

    def ready(self, *sockets):
        """Waits until something can be received; by which of them. What a program
        that crashed should have said does not come."""
        while self.program:
            pidfd = self.program.pidfd
            found, _, _ = zmq.select([*sockets, pidfd], [], [])
            if found != [pidfd]:
                return [s for s in found if s != pidfd]
            code = self.program.process.wait()
            if self.program.may_end:
                raise Ended(code)
            if code not in (0, -signal.SIGKILL, 128 + signal.SIGKILL):
                raise RuntimeError("the program ended with code %d" % code)
            break
        return zmq.select([*sockets], [], [])[0]

    def receive(self, socket, want=None):
        """The next message; with `want`, the next that it says True to."""
        while True:
            self.ready(socket)
            m = self.check(Message(socket.recv_multipart()))
            self.heard.append(m)
            if want is None or want(m):
                return m

    def drain(self, socket):
        """What has come."""
        while socket.poll(0):
            yield self.receive(socket)


class Client(Peer):
    def __init__(self, info):
        super().__init__(info)
        self.query = self.connect(zmq.DEALER, info["registration"])
        self.mux = self.connect(zmq.DEALER, info["mux"])
        self.task = self.connect(zmq.DEALER, info["task"])
        self.control = self.connect(zmq.DEALER, info["control"])
        self.iopub = self.connect(zmq.SUB, info["iopub"])
        self.notification = self.connect(zmq.SUB, info["notification"])

    def ask(self, kind, content, buffers=()):
        header, frames = self.frames(kind, content, buffers=buffers)
        self.query.send_multipart(frames)
        return self.receive(
            self.query, lambda m: m.parent.get("msg_id") == header["msg_id"]
        )

    def hello(self):
        return self.ask("connection_request", {}).content

    def follow(self):
        """Subscribes to the events; returns when they come."""
        self.events = self.connect(zmq.SUB, self.hello()["taskfs"]["events"])
        self.receive(self.events)

    def submit_map(self, code, items, **options):
        one = {
            "token": new_id(),
            "options": options,
            "code": 0,
            "map": 1,
            "uid": 0,
            "gid": 0,
        }
        block = b"".join(i + b"\0" for i in items)
        m = self.ask("submit_request", {"results": [one]}, [code, block])
        return m.content["results"][0]

    def submit_view(self, code, targets, **options):
        one = {
            "token": new_id(),
            "options": dict(options, targets=targets),
            "code": 0,
            "view": True,
            "uid": 0,
            "gid": 0,
        }
        m = self.ask("submit_request", {"results": [one]}, [code])
        return m.content["results"][0]

    def tasks(self, id, **more):
        return self.ask("tasks_request", dict(result=id, **more)).content

    def submit(self, code, token=None, buffers=(), **options):
        one = {
            "token": token or new_id(),
            "options": options,
            "code": 0,
            "uid": 0,
            "gid": 0,
        }
        if buffers:
            one["stdin"] = 1
        m = self.ask("submit_request", {"results": [one]}, [code, *buffers])
        assert m.type == "submit_reply", m.type
        return m.content["results"][0]

    def result(self, id):
        c = self.ask("results_request", {"after": id - 1, "limit": 1}).content
        found = [r for r in c["results"] if r["id"] == id]
        return found[0] if found else None

    def wait(self, id, *states):
        """Until the result is in one of the states; needs follow()."""
        return self.wait_until(id, lambda r: r and r["status"] in states)

    def wait_until(self, id, holds):
        """Until it holds of what the result is; needs follow()."""
        r = self.result(id)
        while not holds(r):
            self.receive(
                self.events,
                lambda m: any(
                    c.get("result", {}).get("id") == id
                    for c in m.content["changes"]
                ),
            )
            r = self.result(id)
        return r

    def fetch(self, id, stream, offset=0, length=1 << 20):
        return self.ask(
            "fetch_request",
            {"result": id, "stream": stream, "offset": offset, "length": length},
        )

    def counters(self):
        return self.ask("state_request", {}).content["controller"]["counters"]


class Engine(Peer):
    """An engine whose every answer a test gives itself."""

    def __init__(self, info, taskfs=True, uuid=None, pair=None):
        """A pair of its own, as ipyparallel's engines have, must be known already:
        it connects to all before it says a word."""
        super().__init__(info, uuid, pair)
        self.uuid = self.session
        me = self.uuid.encode()
        self.taskfs = taskfs
        self.registration = self.connect(zmq.DEALER, info["registration"], me)
        self.mux = self.connect(zmq.DEALER, info["mux"], me)
        self.task = self.connect(zmq.DEALER, info["task"], me)
        self.control = self.connect(zmq.DEALER, info["control"], me)
        self.iopub = self.connect(zmq.XPUB, info["iopub"])
        self.listened_to = None
        self.ping = self.connect(zmq.SUB, info["hb_ping"])
        self.pong = self.connect(zmq.DEALER, info["hb_pong"], me)

    def connect_broadcast(self):
        (port,) = self.info["broadcast"]
        return self.connect(zmq.DEALER, port, self.uuid.encode())

    def register(
        self,
        running=(),
        finished=(),
        replaces=None,
        relayed=None,
        process=None,
        pid=None,
        slots=None,
        resources=None,
        respawned=False,
        launch=None,
        about=None,
        **more,
    ):
        """about: what else it says of itself."""
        content = {"uuid": self.uuid, **more}
        if self.taskfs:
            content["taskfs"] = {
                "version": 1,
                "host": "here",
                "pid": pid or os.getpid(),
                "language": "test",
                "since": 1,
                "running": list(running),
                "finished": list(finished),
                **(about or {}),
            }
            if process:
                content["taskfs"]["process"] = process
            if slots is not None:
                content["taskfs"]["slots"] = slots
            if resources is not None:
                content["taskfs"]["resources"] = resources
            if launch:
                content["taskfs"]["launch"] = launch
            if respawned:
                content["taskfs"]["respawned"] = True
            if replaces:
                content["taskfs"]["replaces"] = replaces
            if relayed is not None:
                content["taskfs"]["relayed"] = relayed
        self.registration.send_multipart(
            self.frames("registration_request", content)[1]
        )
        m = self.receive(self.registration)
        self.id = m.content.get("id")
        return m.content

    def beat(self):
        """Answers one heartbeat; gives what came with it."""
        frames = self.ping.recv_multipart()
        self.pong.send_multipart(frames)
        return frames

    def join(self, client, **more):
        """Registered, and known to be so by the client."""
        reply = self.register(**more)
        assert reply["status"] == "ok", reply
        while True:
            ready = self.ready(self.ping, client.notification)
            if client.notification in ready:
                m = client.receive(client.notification)
                joined = m.type == "registration_notification"
                if joined and m.content["uuid"] == self.uuid:
                    return reply
            else:
                self.beat()

    def take(self, socket=None, kind="execute_request"):
        return self.receive(socket or self.task, lambda m: m.type == kind)

    def reply(
        self, request, content=None, socket=None, buffers=(), named=None, **taskfs
    ):
        content = content or {"status": "ok", "execution_count": 1}
        metadata = {
            "started": "2026-11-22T01:33:43.349713Z",
            "dependencies_met": True,
            "engine": self.uuid,
            "status": content["status"],
        }
        if taskfs:
            metadata["taskfs"] = dict(taskfs, buffers=named or {})
        _, frames = self.frames(
            "execute_reply", content, metadata, request.header, buffers
        )
        (socket or self.task).send_multipart(request.idents + frames)

    def output(self, request, stream, offset, data):
        content = {
            "msg_id": request.header["msg_id"],
            "stream": stream,
            "offset": offset,
        }
        self.task.send_multipart(
            self.frames("output", content, buffers=[data])[1]
        )

    def publish(self, topic, kind, content, parent):
        # What nobody has subscribed to yet is dropped.
        if self.listened_to is not self.iopub:
            self.iopub.recv()
            self.listened_to = self.iopub
        _, frames = self.frames(kind, content, parent=parent)
        self.iopub.send_multipart([topic, *frames])


class Controller:
    """The program under test in a directory of its own."""

    may_end = False

    def __init__(self, program, *options, directory=None):
        self.program = program
        self.options = options
        self.dir = directory or tempfile.mkdtemp(prefix="taskfs-wire-")
        # Beside the directory: that may be full.
        self.log = self.dir + ".log"
        self.process = None
        self.start()

    def start(self):
        line = self.launch()
        assert line == "ready\n", open(self.log).read()

    def launch(self, env=None):
        """What it says when it can be used; "" when it ended before."""
        r, w = os.pipe()
        os.set_inheritable(w, True)
        with open(self.log, "ab") as err:
            self.process = subprocess.Popen(
                [
                    self.program,
                    "--cluster-dir=" + self.dir,
                    "--ready-fd=%d" % w,
                    *self.options,
                ],
                close_fds=False,
                stderr=err,
                env=env,
            )
        os.close(w)
        self.pidfd = os.pidfd_open(self.process.pid)
        with os.fdopen(r) as f:
            return f.readline()

    def info(self, kind):
        path = "%s/security/ipcontroller-%s.json" % (self.dir, kind)
        with open(path) as f:
            return json.load(f)

    def client(self):
        return self.known(Client(self.info("client")))

    def engine(self, **how):
        return self.known(Engine(self.info("engine"), **how))

    def known(self, peer):
        peer.program = self
        return peer

    def kill(self):
        self.end(signal.SIGKILL)

    def stop(self):
        return self.end(signal.SIGTERM)

    def end(self, signo):
        self.process.send_signal(signo)
        code = self.process.wait()
        os.close(self.pidfd)
        return code

    def remove(self):
        """After its end: no sanitizer said a word, and nothing of it stays."""
        with open(self.log) as f:
            text = f.read()
        assert "Sanitizer" not in text, text
        assert "runtime error" not in text, text
        shutil.rmtree(self.dir)
        os.unlink(self.log)

    def log_lines(self):
        with open(self.log) as f:
            return [json.loads(line) for line in f]
