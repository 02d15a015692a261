"""A network between an engine and its controller, which can be cut.

    cable = Cable(controller.info("engine"))
    cable.info                  what the engine's connection file has to say
    cable.pull()                nothing passes, and nobody is told: a cable pulled
    cable.plug()                everything passes again, also what was under way
    cable.forget()              what is connected stays deaf for ever, and nobody is
                                told: a firewall lost its memory
    cable.reset()               every connection ends at once
    cable.close()
"""

import contextlib
import os
import queue
import select
import socket
import struct
import threading

import tap

PIECE = 1 << 16
# For both ends of a connection that is reset: no goodbye.
ABRUPT = struct.pack("ii", 1, 0)


class Line:
    """A connection of an engine, and that to the controller behind it."""

    def __init__(self, near, far):
        self.ends = near, far
        # What was read at one end and not yet written at the other.
        self.pending = {near: b"", far: b""}
        self.deaf = False
        for end in self.ends:
            end.setblocking(False)

    def other(self, end):
        return self.ends[end is self.ends[0]]

    def wants(self):
        """What to wait for at which end."""
        for end in self.ends:
            events = 0 if self.pending[end] else select.POLLIN
            if self.pending[self.other(end)]:
                events |= select.POLLOUT
            if events:
                yield end, events

    def move(self, end):
        """What can be read at that end, and written there. False: it has ended."""
        with contextlib.suppress(BlockingIOError):
            if not self.pending[end]:
                self.pending[end] = end.recv(PIECE)
                if not self.pending[end]:
                    return False
        with contextlib.suppress(BlockingIOError):
            source = self.other(end)
            if self.pending[source]:
                sent = end.send(self.pending[source])
                self.pending[source] = self.pending[source][sent:]
        return True

    def close(self, abrupt=False):
        for end in self.ends:
            if abrupt:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABRUPT)
            end.close()


class Cable:
    def __init__(self, info):
        self.host = info["interface"].partition("://")[2]
        self.info = dict(info)
        self.listeners = {}
        self.lines = []
        self.pulled = False
        for name, port in info.items():
            if name == "broadcast":
                self.info[name] = [self.listen(p) for p in port]
            elif name == "taskfs":
                self.info[name] = {n: self.listen(p) for n, p in port.items()}
            elif isinstance(port, int):
                self.info[name] = self.listen(port)
        self.orders = queue.SimpleQueue()
        self.wake, self.waker = os.pipe()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def listen(self, port):
        """The port here of what is passed on to that port of the controller."""
        s = socket.create_server((self.host, 0))
        s.setblocking(False)
        self.listeners[s] = port
        return s.getsockname()[1]

    # --- the thread -------------------------------------------------------------

    def run(self):
        while not self.obey():
            poll = select.poll()
            poll.register(self.wake, select.POLLIN)
            at = {}
            if not self.pulled:
                at = {s.fileno(): (None, s) for s in self.listeners}
                for fd in at:
                    poll.register(fd, select.POLLIN)
                for line in self.lines:
                    for end, events in () if line.deaf else line.wants():
                        at[end.fileno()] = line, end
                        poll.register(end, events)
            for fd, _ in poll.poll():
                if fd == self.wake:
                    os.read(self.wake, PIECE)
                elif fd in at:
                    self.serve(*at[fd])

    def serve(self, line, s):
        if not line:
            self.accept(s)
        elif line in self.lines and not self.moves(line, s):
            self.lines.remove(line)
            line.close()

    @staticmethod
    def moves(line, end):
        try:
            return line.move(end)
        except OSError:
            return False

    def accept(self, listener):
        near, _ = listener.accept()
        try:
            far = socket.create_connection((self.host, self.listeners[listener]))
        except OSError:
            near.close()
            return
        self.lines.append(Line(near, far))

    def obey(self):
        """Does what it was told. True: that was to end."""
        while not self.orders.empty():
            order, done = self.orders.get()
            ends = order()
            done.set()
            if ends:
                return True
        return False

    # --- orders -----------------------------------------------------------------

    def tell(self, order):
        """Returns when it has been done."""
        done = threading.Event()
        self.orders.put((order, done))
        os.write(self.waker, b"x")
        with tap.waiting_for("the cable"):
            done.wait()

    def set_pulled(self, pulled):
        self.pulled = pulled

    def pull(self):
        self.tell(lambda: self.set_pulled(True))

    def plug(self):
        self.tell(lambda: self.set_pulled(False))

    def forget(self):
        def order():
            for line in self.lines:
                line.deaf = True

        self.tell(order)

    def drop(self):
        while self.lines:
            self.lines.pop().close(abrupt=True)

    def reset(self):
        self.tell(self.drop)

    def end(self):
        self.drop()
        for s in self.listeners:
            s.close()
        return True

    def close(self):
        self.tell(self.end)
        self.thread.join()
        os.close(self.wake)
        os.close(self.waker)
