#!/usr/bin/python3
"""cable.py PID PID: a cable between the hosts (network namespaces) of two processes,
with the addresses 10.7.7.1 and 10.7.7.2. Says "up" when packets can pass, and ends with
its standard input. Each line there is an order, a JSON object:

    {"way": 0, "lost": 1.0}             from the first to the second: nothing passes
    {"way": 1, "delay": 0.1, "jitter": 0.05}
                                        packets take 100 to 150 ms, and overtake
    {"way": 0, "rate": 100000}          bytes a second; of what waits, 1 MB is kept
    {"way": 0}                          as at first

Of lost packets the kernels of both hosts know nothing: TCP sends them again.
"""

import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import struct
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x1001
ADDRESSES = "10.7.7.1", "10.7.7.2"
PACKET = 1 << 16
KEPT = 1 << 20

libc = ctypes.CDLL(None, use_errno=True)


def enter(net):
    if libc.setns(net, CLONE_NEWNET) < 0:
        raise OSError(ctypes.get_errno(), "setns")


def make_end(pid, address):
    """A device "cable" on the host of that process; a descriptor of its packets."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open("/proc/%d/ns/net" % pid, os.O_RDONLY)
    enter(there)
    # It belongs to the host where it is opened.
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"cable", IFF_TUN_NO_PI))
    for words in "addr add %s/24 dev cable" % address, "link set cable up":
        subprocess.run(["ip", *words.split()], check=True)
    enter(home)
    os.close(there)
    os.close(home)
    return fd


class Way:
    """Packets in one direction."""

    def __init__(self, source, target, rng):
        self.source, self.target, self.rng = source, target, rng
        self.under_way = []  # (when it is there, its number, the packet)
        self.number = self.bytes = 0
        self.free_at = 0.0  # when what was sent before is through
        self.set({})

    def set(self, order):
        self.lost = order.get("lost", 0)
        self.delay = order.get("delay", 0)
        self.jitter = order.get("jitter", 0)
        self.rate = order.get("rate", 0)

    def take(self, packet, now):
        if self.rng.random() < self.lost or self.bytes > KEPT:
            return
        at = now
        if self.rate:
            self.free_at = max(self.free_at, now) + len(packet) / self.rate
            at = self.free_at
        at += self.delay + self.rng.random() * self.jitter
        self.number += 1
        self.bytes += len(packet)
        heapq.heappush(self.under_way, (at, self.number, packet))

    def read(self, now):
        try:
            while True:
                self.take(os.read(self.source, PACKET), now)
        except BlockingIOError:
            pass

    def write(self, now):
        while self.under_way and self.under_way[0][0] <= now:
            _, _, packet = heapq.heappop(self.under_way)
            self.bytes -= len(packet)
            try:
                os.write(self.target, packet)
            except OSError:
                pass  # a full device loses packets, too

    def next(self):
        return self.under_way[0][0] if self.under_way else None


def main(first, second):
    ends = [make_end(int(p), a) for p, a in zip((first, second), ADDRESSES)]
    rng = random.Random(1)
    ways = [Way(ends[0], ends[1], rng), Way(ends[1], ends[0], rng)]
    poll = select.poll()
    for fd in 0, *ends:
        poll.register(fd, select.POLLIN)
    print("up", flush=True)
    while True:
        due = [w.next() for w in ways if w.next()]
        wait = max(0, min(due) - time.monotonic()) * 1000 + 1 if due else None
        ready = dict(poll.poll(wait))
        if 0 in ready:
            line = sys.stdin.readline()
            if not line:
                return
            order = json.loads(line)
            ways[order["way"]].set(order)
        for way in ways:
            if way.source in ready:
                way.read(time.monotonic())
            way.write(time.monotonic())


if __name__ == "__main__":
    # Of each line one order: nothing is read ahead of poll().
    sys.stdin = os.fdopen(0, "rb", buffering=0)
    main(*sys.argv[1:])
