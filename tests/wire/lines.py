"""The two lines of an engine of ours (lib/wire/line.h), once more and independent of the
programs: a switch that stands before a Boss, and a raw engine that has lines."""

import threading

import zmq

import tap
from peers import Message, Peer

tap.helpers.add(__file__)

CHANNELS = {
    "control": ("registration", "control", "hb_ping", "hb_pong"),
    "task": ("mux", "task", "broadcast", "iopub"),
}


class Switch(threading.Thread):
    """What engines send by lines it takes to the sockets of a Boss, and back: each
    engine has a connection there for each channel, as it has without lines."""

    def __init__(self, here, ports, boss):
        super().__init__(daemon=True)
        self.here = "tcp://%s:%d"
        self.address, self.ports, self.boss = here, ports, boss
        self.ctx = zmq.Context()
        self.poller = zmq.Poller()
        self.lines, self.peers, self.questions = {}, {}, 0
        self.orders = self.ctx.socket(zmq.PAIR)
        self.orders.bind("inproc://orders")
        self.told = self.ctx.socket(zmq.PAIR)
        self.told.connect("inproc://orders")
        self.poller.register(self.told, zmq.POLLIN)
        for name in CHANNELS:
            self.bind(name)
        self.start()

    def bind(self, name):
        s = self.ctx.socket(zmq.ROUTER)
        s.setsockopt(zmq.ROUTER_HANDOVER, 1)
        s.setsockopt(zmq.LINGER, 0)
        at = self.here % (self.address, self.ports[name])
        tap.wait_for(lambda: self.try_bind(s, at))
        self.lines[name] = s
        self.poller.register(s, zmq.POLLIN)

    @staticmethod
    def try_bind(s, at):
        try:
            s.bind(at)
            return True
        except zmq.ZMQError:
            return False

    def cut(self, name):
        """The connections of a line; returns when they are gone."""
        self.orders.send(name.encode())
        self.orders.recv()

    def close(self):
        self.orders.send(b"end")
        self.join()
        self.orders.close(0)
        self.ctx.term()

    def run(self):
        while self.turn():
            pass
        for s in [self.told, *self.lines.values(), *self.peers.values()]:
            s.close(0)

    def turn(self):
        for s, _ in self.poller.poll():
            if s is self.told:
                order = s.recv().decode()
                if order == "end":
                    return False
                self.poller.unregister(self.lines[order])
                self.lines[order].close(0)
                self.bind(order)
                s.send(b"done")
            elif s in self.lines.values():
                self.from_engine(s)
            else:
                self.to_engine(s)
        return True

    def from_engine(self, line):
        uuid, tag, *frames = line.recv_multipart()
        tag = tag.decode()
        (name,) = (n for n, s in self.lines.items() if s is line)
        assert tag in CHANNELS[name], tag
        if (uuid, "registration") not in self.peers:
            self.connect(uuid)
        if tag == "hb_ping":
            assert not frames, frames
            self.questions += 1
        else:
            self.peers[uuid, tag].send_multipart(frames)

    def connect(self, uuid):
        kinds = {"hb_ping": zmq.SUB, "iopub": zmq.XPUB}
        for tags in CHANNELS.values():
            for tag in tags:
                s = self.ctx.socket(kinds.get(tag, zmq.DEALER))
                s.setsockopt(zmq.IDENTITY, uuid)
                if tag == "hb_ping":
                    s.setsockopt(zmq.SUBSCRIBE, b"")
                s.connect(self.here % (self.address, self.boss[tag]))
                self.peers[uuid, tag] = s
                if tag == "iopub":
                    s.recv()  # the subscription
                else:
                    self.poller.register(s, zmq.POLLIN)

    def to_engine(self, s):
        found = [key for key, peer in self.peers.items() if peer is s]
        if not found:
            return  # another one has taken its place in this turn
        ((uuid, tag),) = found
        (name,) = (n for n, tags in CHANNELS.items() if tag in tags)
        self.lines[name].send_multipart([uuid, tag.encode(), *s.recv_multipart()])


class LineEngine(Peer):
    """An engine whose every word a test says, by two connections."""

    def __init__(self, info, uuid=None):
        super().__init__(info, uuid)
        self.uuid = self.session
        ports = info["taskfs"]
        self.line = {
            name: self.connect(zmq.DEALER, ports[name], self.uuid.encode())
            for name in CHANNELS
        }

    def send(self, line, tag, frames):
        self.line[line].send_multipart([tag.encode(), *frames])

    def say(self, line, tag, kind, content, metadata=None, parent=None, idents=()):
        header, frames = self.frames(kind, content, metadata, parent)
        self.send(line, tag, [*idents, *frames])
        return header

    def hear(self, line, tag):
        """The next message of that channel; a heartbeat is its text."""
        while True:
            got, *frames = self.line[line].recv_multipart()
            if got.decode() == tag:
                return frames[0] if tag == "hb_ping" else Message(frames)

    def beat(self):
        """Answers one heartbeat: its number."""
        text = self.hear("control", "hb_ping")
        self.send("control", "hb_pong", [text])
        return int(text.split(b":")[1])

    def register(self):
        content = {"uuid": self.uuid, "taskfs": {
            "version": 1, "host": "here", "pid": 1, "language": "test", "since": 1,
            "running": [], "finished": []}}
        self.say("control", "registration", "registration_request", content)
        return self.hear("control", "registration").content

    def reply(self, line, tag, request, kind, content=None):
        metadata = {"engine": self.uuid, "status": "ok", "dependencies_met": True,
                    "started": "2026-11-22T01:33:43.349713Z"}
        if not request.idents:
            metadata["taskfs"] = {"buffers": {}}
        self.say(line, tag, kind, content or {"status": "ok", "execution_count": 1},
                 metadata, request.header, request.idents)
