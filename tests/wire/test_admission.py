#!/usr/bin/python3
"""Who has no key gets nothing: raw peers on every socket of a controller, with no
keys, with some of them, and with the identity of somebody else. BUILD is the
directory of the programs.

Prints TAP. With arguments only those tests: Strangers Strangers.test_plain ...
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

import zmq
import zmq.utils.monitor

import peers
import tap
from controller_case import CALM, PROGRAM, Case
from engine_case import ENGINE
from peers import Peer
from tap import wait_for

TIER = "check"
DECIDED = (
    zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_DISCONNECTED
)
# What a peer with CURVE says first (ZeroMQ RFC 23).
GREETING = b"\xff" + bytes(8) + b"\x7f\3\1" + b"CURVE".ljust(20, b"\0") + bytes(32)
# What a server with CURVE says then, of HELLO: something of the right length.
WELCOME = b"\4\xa8\7WELCOME" + bytes(160)
# A greeting, and HELLO.
FIRST_WORDS = 64 + 202
# Of each port, by its name in the files: what a peer has there.
KINDS = {
    "registration": zmq.DEALER,
    "mux": zmq.DEALER,
    "task": zmq.DEALER,
    "control": zmq.DEALER,
    "broadcast": zmq.DEALER,
    "hb_pong": zmq.DEALER,
    "hb_ping": zmq.SUB,
    "notification": zmq.SUB,
    "iopub": zmq.SUB,
    "events": zmq.SUB,
}


class Stranger:
    """Somebody on this host who knows the ports, and some of the keys or none."""

    def __init__(self, server=None, pair=None):
        self.server = server
        self.pair = pair or zmq.curve_keypair()
        self.ctx = zmq.Context()
        self.sockets = []

    def close(self):
        self.ctx.destroy(0)

    def connect(self, kind, port, identity=None, how=()):
        s = self.ctx.socket(kind)
        for option in how:
            s.setsockopt(option, how[option])
        if self.server:
            s.curve_publickey, s.curve_secretkey = self.pair
            s.curve_serverkey = self.server.encode()
        if identity:
            s.setsockopt(zmq.IDENTITY, identity)
        if kind == zmq.SUB:
            s.setsockopt(zmq.SUBSCRIBE, b"")
        monitor(s)
        s.connect("tcp://127.0.0.1:%d" % port)
        self.sockets.append(s)
        return s


def monitor(socket):
    """The same each time."""
    return socket.get_monitor_socket(DECIDED)


def outcome(socket):
    """Of the connection: it waits for an end of the handshake."""
    return zmq.utils.monitor.recv_monitor_message(monitor(socket))["event"]


def outcomes(socket):
    """Of it and of what libzmq tried again, until now."""
    found = []
    while monitor(socket).poll(0):
        found.append(outcome(socket))
    return found


class Outside(Case):
    def setUp(self):
        super().setUp()
        self.strangers = []
        self.insider = self.client()
        self.insider.follow()

    def tearDown(self):
        for s in self.strangers:
            s.close()
        super().tearDown()

    def stranger(self, *how):
        self.strangers.append(Stranger(*how))
        return self.strangers[-1]

    def ports(self):
        """Every port, and who comes there."""
        found = {}
        for kind in "client", "engine":
            info = self.controller.info(kind)
            for name, socket in KINDS.items():
                port = info.get(name)
                for p in port if isinstance(port, list) else [port] if port else []:
                    if name == "iopub" and kind == "engine":
                        socket = zmq.PUB
                    found[p] = (name, socket)
        found[self.insider.hello()["taskfs"]["events"]] = ("events", zmq.SUB)
        self.assertEqual(len(found), 15)
        return found

    def server_key(self):
        return self.controller.info("client")["curve_serverkey"]

    def refused(self):
        return self.insider.counters()["connections_refused"]

    def assert_shut_out(self, stranger):
        for port, (name, kind) in self.ports().items():
            s = stranger.connect(kind, port)
            self.assertNotEqual(outcome(s), zmq.EVENT_HANDSHAKE_SUCCEEDED, name)

    def assert_refused(self, stranger, names=None):
        """Everywhere but where it may say who it is."""
        for port, (name, kind) in self.ports().items():
            if name == "registration" or (names and name not in names):
                continue
            before = self.refused()
            s = stranger.connect(kind, port)
            wait_for(lambda: self.refused() > before)
            self.assertNotIn(zmq.EVENT_HANDSHAKE_SUCCEEDED, outcomes(s), name)

    def assert_let_in(self, stranger, names=None, side=None):
        for port, (name, kind) in self.ports().items():
            if names and name not in names:
                continue
            if side and self.controller.info(side).get(name) != port:
                continue
            s = stranger.connect(kind, port)
            self.assertEqual(outcome(s), zmq.EVENT_HANDSHAKE_SUCCEEDED, name)

    def introduce(self, stranger, key):
        """Says hello on the registration socket, signed with `key`; the socket."""
        info = dict(self.controller.info("client"), key=key)
        speaker = Peer(info)
        self.peers.append(speaker)
        s = stranger.connect(zmq.DEALER, info["registration"])
        self.assertEqual(outcome(s), zmq.EVENT_HANDSHAKE_SUCCEEDED)
        s.send_multipart(speaker.frames("connection_request", {})[1])
        return s


class Strangers(Outside):
    def test_without_keys(self):
        self.assert_shut_out(self.stranger())

    def test_with_the_key_of_another_controller(self):
        public, _ = zmq.curve_keypair()
        self.assert_shut_out(self.stranger(public.decode()))

    def test_who_can_encrypt_is_not_in(self):
        self.assert_refused(self.stranger(self.server_key()))
        with open(self.controller.log) as f:
            self.assertIn("a peer is not let in", f.read())

    def test_who_signs_with_another_key_is_not_in(self):
        stranger = self.stranger(self.server_key())
        for key in "", "a guess":
            self.introduce(stranger, key)
        wait_for(lambda: self.unsigned() == 2)
        self.assert_refused(stranger, ("mux", "events"))

    def unsigned(self):
        counters = self.insider.counters()
        return counters["messages_unsigned"] + counters["messages_forged"]

    def test_who_signs_is_in_also_after_a_restart(self):
        stranger = self.stranger(self.server_key())
        s = self.introduce(stranger, self.controller.info("client")["key"])
        s.recv_multipart()
        self.assert_let_in(stranger)
        other = self.stranger(self.server_key())
        self.assert_refused(other, ("task",))
        # What it signs makes nobody else known.
        self.assertEqual(self.controller.stop(), 0)
        self.controller.start()
        self.insider = self.client()
        self.assert_let_in(stranger)
        self.assert_refused(other, ("task",))

    def test_another_key_shuts_out_who_knew_the_old_one(self):
        stranger = self.stranger(self.server_key())
        old = self.controller.info("client")
        self.introduce(stranger, old["key"]).recv_multipart()
        self.assert_let_in(stranger)
        self.assertEqual(self.controller.stop(), 0)
        with tempfile.NamedTemporaryFile("w") as f:
            f.write("another key\n")
            f.flush()
            self.controller.options += ("--key-file=" + f.name,)
            self.controller.start()
        self.insider = self.client()
        self.assertEqual(self.controller.info("client")["key"], "another key")
        self.assert_refused(stranger, ("task",))
        # Who has the old file cannot even encrypt for it.
        self.assertNotEqual(self.server_key(), old["curve_serverkey"])
        pair = peers.member_pair(old)
        self.assert_shut_out(self.stranger(old["curve_serverkey"], pair))
        # The next start goes on with the new key.
        now = self.controller.info("client")
        self.assertEqual(self.controller.stop(), 0)
        self.controller.options = self.options
        self.controller.start()
        self.assertEqual(self.controller.info("client"), now)

    def test_keys_of_short_visits_do_not_push_out_an_engine(self):
        """As many are kept as LIMIT_KEPT says, and engines that are there."""
        key = self.controller.info("client")["key"]
        own = self.stranger(self.server_key())
        self.introduce(own, key).recv_multipart()
        self.engine(taskfs=False, pair=own.pair).join(self.insider)
        first = self.stranger(self.server_key())
        self.introduce(first, key).recv_multipart()
        for _ in range(1024):
            visitor = Stranger(self.server_key())
            self.introduce(visitor, key).recv_multipart()
            visitor.close()
        self.assert_refused(first, ("mux",))
        self.assert_let_in(own)

    def test_a_nanny_is_let_in_beside_its_engine(self):
        """That of ipyparallel connects with a key that nobody knows."""
        nanny = self.stranger(self.server_key())
        port = self.controller.info("engine")["control"]
        before = self.refused()
        early = nanny.connect(zmq.ROUTER, port)
        wait_for(lambda: self.refused() > before)
        self.assertNotIn(zmq.EVENT_HANDSHAKE_SUCCEEDED, outcomes(early))
        own = self.stranger(self.server_key())
        key = self.controller.info("client")["key"]
        self.introduce(own, key).recv_multipart()
        self.engine(taskfs=False, pair=own.pair).join(self.insider)
        s = nanny.connect(zmq.ROUTER, port)
        self.assertEqual(outcome(s), zmq.EVENT_HANDSHAKE_SUCCEEDED)
        # The first, and no other.
        self.assert_let_in(nanny, ("control",), "engine")
        other = self.stranger(self.server_key())
        self.assert_refused(other, ("task", "hb_pong", "control"))

    def test_nobody_takes_an_engines_place(self):
        """Who has its identity gets no task of it, nor ends what it runs."""
        engine = self.engine()
        engine.join(self.insider)
        for stranger in self.stranger(), self.stranger(self.server_key()):
            info = self.controller.info("engine")
            before = self.refused()
            for name in "task", "mux", "control", "hb_pong":
                stranger.connect(zmq.DEALER, info[name], engine.uuid.encode())
            if stranger.server:
                wait_for(lambda: self.refused() >= before + 4)
            else:
                for s in stranger.sockets:
                    self.assertNotEqual(outcome(s), zmq.EVENT_HANDSHAKE_SUCCEEDED)
            id = self.insider.submit(b"cat", buffers=[b"a secret"])["id"]
            request = engine.take()
            self.assertIn(b"a secret", request.buffers)
            engine.reply(request)
            self.insider.wait(id, "ok")
            for s in stranger.sockets:
                self.assertFalse(s.poll(0))

    def knock(self, name="mux"):
        """A connection that is no peer of ZeroMQ's yet."""
        port = self.controller.info("client")[name]
        s = socket.create_connection(("127.0.0.1", port))
        self.addCleanup(s.close)
        return s

    def test_who_sends_more_than_a_handshake_is_shut_out(self):
        s = self.knock()
        s.sendall(GREETING)
        # A command of a gigabyte, and the first of it.
        s.sendall(b"\6" + (1 << 30).to_bytes(8, "big"))
        sent = 0
        with self.assertRaises(OSError):
            while sent < 1 << 30:
                sent += s.send(bytes(1 << 16))
        self.assertEqual(self.refused(), 1)
        self.assertEqual(self.insider.hello()["status"], "ok")

    def test_too_many_that_say_nothing_are_shut_out(self):
        """As many wait as LIMIT_STRANGERS says; who has a key gets in."""
        crowd = [self.knock() for _ in range(256)]
        crowd.append(self.knock("task"))
        first = crowd[0]
        while first.recv(100):
            pass
        self.client()
        self.assertGreater(self.refused(), 0)
        # It was among the last.
        self.assertEqual(crowd[-1].recv(1), GREETING[:1])

    def test_a_big_subscription_ends_the_connection(self):
        for name in "notification", "iopub":
            port = self.controller.info("client")[name]
            s = self.stranger(self.server_key(), self.insider.pair).connect(
                zmq.XSUB, port
            )
            self.assertEqual(outcome(s), zmq.EVENT_HANDSHAKE_SUCCEEDED)
            s.send(b"\1" + 2000 * b"a")
            self.assertEqual(outcome(s), zmq.EVENT_DISCONNECTED)

    def test_who_subscribes_to_too_much_is_shut_out(self):
        """It has the key; libzmq would keep all it asks for."""
        for port, (name, kind) in self.ports().items():
            if kind != zmq.SUB:
                continue
            s = self.stranger(self.server_key(), self.insider.pair).connect(
                zmq.XSUB, port
            )
            self.assertEqual(outcome(s), zmq.EVENT_HANDSHAKE_SUCCEEDED, name)
            before = self.refused()
            for i in range(100):
                s.send(b"\1" + b"%0900d" % i)
            self.assertEqual(outcome(s), zmq.EVENT_DISCONNECTED, name)
            self.assertGreater(self.refused(), before, name)
            self.strangers.pop().close()

    def test_who_subscribes_to_much_at_once_takes_no_room(self):
        """It is shut out before libzmq has read it all."""
        # A sanitizer keeps what was freed: memory tells nothing there.
        sanitized = "address" in PROGRAM
        n = 2000 if sanitized else 10000
        for port, (name, kind) in self.ports().items():
            if kind != zmq.SUB:
                continue
            s = self.let_in(port)
            with contextlib.suppress(zmq.Again):
                for _ in range(n):
                    topic = os.urandom(250).hex().encode()
                    s.send(b"\1" + topic, zmq.DONTWAIT)
            self.assertEqual(outcome(s), zmq.EVENT_DISCONNECTED, name)
            self.strangers.pop().close()
        if not sanitized:
            self.assertLess(self.controller_peak(), 100 << 10)

    def let_in(self, port):
        """With a key that is known. A controller that is slow, because it frees what
        the one before sent, may answer a handshake too late."""
        how = {zmq.SNDHWM: 0, zmq.RECONNECT_IVL: -1}
        while True:
            stranger = self.stranger(self.server_key(), self.insider.pair)
            s = stranger.connect(zmq.XSUB, port, how=how)
            end = outcome(s)
            if end != zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
                self.assertEqual(end, zmq.EVENT_HANDSHAKE_SUCCEEDED)
                return s
            self.strangers.pop().close()

    def controller_peak(self):
        """The most memory that it had, in KiB."""
        with open("/proc/%d/status" % self.controller.process.pid) as f:
            [line] = [x for x in f if x.startswith("VmHWM:")]
        return int(line.split()[1])


class Impostors(Outside):
    """The controller is gone, and a stranger stands where it was, before an engine of
    ours that has a result to tell."""

    def setUp(self):
        super().setUp()
        self.top = tempfile.mkdtemp(prefix="taskfs-wire-")
        self.log = self.top + "/log"
        r, w = os.pipe()
        command = [ENGINE, "--cluster-dir=" + self.controller.dir]
        command += ["--spool=" + self.top, "--ready-fd=%d" % w]
        with open(self.log, "wb") as err:
            self.program = subprocess.Popen(command, pass_fds=(w,), stderr=err)
        os.close(w)
        with os.fdopen(r) as f:
            self.assertEqual(f.readline(), "ready 0\n")
        with open(self.top + "/log") as f:
            said = [json.loads(line) for line in f]
        [self.uuid] = [x["uuid"].encode() for x in said if "uuid" in x]
        # Its lines.
        self.places = [*self.controller.info("engine")["taskfs"].values()]
        self.leave_a_secret()

    def leave_a_secret(self):
        """A task that ends when nobody is there to be told what it wrote."""
        pid, secret = self.top + "/pid", self.top + "/secret"
        os.mkfifo(pid)
        os.mkfifo(secret)
        code = "echo $$ > %s; cat %s" % (pid, secret)
        self.result = self.insider.submit(code.encode())["id"]
        with open(pid) as f:
            task = os.pidfd_open(int(f.read()))
        self.insider.wait(self.result, "running")
        self.controller.kill()
        with open(secret, "wb") as f:
            f.write(b"a secret")
        zmq.select([task], [], [])
        os.close(task)

    def tearDown(self):
        self.program.send_signal(signal.SIGTERM)
        self.assertEqual(self.program.wait(), 0)
        with open(self.log) as f:
            self.assertNotIn("Sanitizer", f.read())
        shutil.rmtree(self.top)
        super().tearDown()

    def bind(self, stranger, port, secret):
        s = stranger.ctx.socket(zmq.DEALER)
        if secret:
            s.curve_server = True
            s.curve_secretkey = secret
        monitor(s)
        # The one before may need a moment to be gone.
        wait_for(lambda: self.try_bind(s, port))
        stranger.sockets.append(s)

    @staticmethod
    def try_bind(s, port):
        try:
            s.bind("tcp://127.0.0.1:%d" % port)
            return True
        except zmq.ZMQError:
            return False

    def assert_nobody_speaks_with(self, secret=None):
        """And it has kept a message that the engine would believe."""
        stranger = self.stranger()
        for port in self.places:
            self.bind(stranger, port, secret)
        task = "touch %s/ran" % self.top
        content = {"code": task, "silent": True, "user_expressions": {}}
        _, frames = self.insider.frames("execute_request", content)
        for s in stranger.sockets:
            self.assertNotEqual(outcome(s), zmq.EVENT_HANDSHAKE_SUCCEEDED)
            with self.assertRaises(zmq.Again):
                s.send_multipart(frames, zmq.DONTWAIT)
            self.assertFalse(s.poll(0))
        stranger.close()

    def assert_it_goes_on(self):
        """With the controller that comes back: all is told, nothing else ran."""
        self.controller.start()
        self.insider = self.client()
        self.insider.follow()
        self.insider.wait(self.result, "ok")
        stdout = self.insider.fetch(self.result, "stdout").buffers
        self.assertEqual(stdout, [b"a secret"])
        self.insider.wait(self.insider.submit(b":")["id"], "ok")
        self.assertFalse(os.path.exists(self.top + "/ran"))

    def test_who_has_no_keys(self):
        self.assert_nobody_speaks_with()
        self.assert_it_goes_on()

    def test_who_has_another_pair(self):
        _, secret = zmq.curve_keypair()
        self.assert_nobody_speaks_with(secret)
        self.assert_it_goes_on()

    def test_what_it_says_first_names_nobody(self):
        """All that comes until it has seen who is there."""
        for port in self.places:
            with socket.create_server(("127.0.0.1", port)) as s:
                s, _ = s.accept()
            with s:
                # One that serves.
                s.sendall(GREETING[:32] + b"\1" + GREETING[33:])
                said = s.recv(FIRST_WORDS, socket.MSG_WAITALL)
                self.assertEqual(said[64:72], b"\4\xc8\5HELLO")
                s.sendall(WELCOME)
                self.assertEqual(s.recv(1), b"")
            self.assertNotIn(self.uuid, said)
        self.assert_it_goes_on()


class Unsigned(Outside):
    """Without a key, for one run: who can encrypt is in, as with ipyparallel."""

    options = (CALM, "--no-secure")

    def test_the_next_start_has_a_key_again(self):
        self.assertEqual(self.controller.info("client")["key"], "")
        stranger = self.stranger(self.server_key())
        self.assert_let_in(stranger)
        server = self.server_key()
        self.assertEqual(self.controller.stop(), 0)
        self.controller.start()
        self.assertEqual(self.server_key(), server)
        self.assertEqual(self.controller.stop(), 0)
        self.controller.options = (CALM,)
        self.controller.start()
        self.insider = self.client()
        self.assertNotEqual(self.controller.info("client")["key"], "")
        self.assert_refused(self.stranger(self.server_key()), ("task",))


class Unprotected(Case):
    options = (CALM, "--curve=no")

    def test_it_is_said_and_peers_need_no_keys(self):
        c, e = self.pair()
        self.assertIsNone(c.info["curve_serverkey"])
        id = c.submit(b"cat", buffers=[b"input"])["id"]
        request = e.take()
        self.assertEqual(request.header["taskfs_buffers"], peers.digest([b"input"]))
        e.reply(request)
        c.wait(id, "ok")
        with open(self.controller.log) as f:
            warned = [json.loads(line) for line in f if "--curve=no" in line]
        self.assertEqual([w["level"] for w in warned], ["warning"])


if __name__ == "__main__":
    sys.exit(tap.main(sys.modules[__name__]))
