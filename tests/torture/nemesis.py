"""What goes wrong: a table of faults, and a seeded program that chooses from it.

A fault is a function that does it, yields what it did, and mends it when it is resumed.
Several may be there at once. Which faults come, upon whom, and how long each lasts
(counted in faults), follows from the seed alone. What they hit does not: that is a
matter of time.
"""

import random
import signal
import threading
import time


def kill(w, rng):
    p = rng.choice(w.programs)
    p.end(signal.SIGKILL)
    yield "kill -9 %s" % p
    p.start()


def kill_worker(w, rng):
    e = rng.choice(w.engines)
    e.kill_worker()
    yield "kill -9 the worker of %s" % e
    e.start()


def kill_several(w, rng):
    victims = rng.sample(w.programs, 3)
    for p in victims:
        p.send(signal.SIGKILL)
    for p in victims:
        p.end(signal.SIGKILL)
    yield "kill -9 " + ", ".join(map(str, victims))
    for p in victims:
        p.start()


def kill_at_once(w, rng):
    """Again and again: it dies while it starts."""
    p = rng.choice([w.controller, *w.mounts])
    n = rng.randint(2, 4)
    for _ in range(n):
        p.end(signal.SIGKILL)
        p.start()
    yield "kill -9 %s, %d times" % (p, n)


def stop(w, rng):
    p = rng.choice(w.programs)
    p.send(signal.SIGSTOP)
    yield "stop %s" % p
    p.send(signal.SIGCONT)


def stop_worker(w, rng):
    e = rng.choice(w.engines)
    e.send_both(signal.SIGSTOP)
    yield "stop %s and its worker" % e
    e.send_both(signal.SIGCONT)


def restart(w, rng):
    p = rng.choice(w.programs)
    p.end(signal.SIGTERM)
    p.start()
    yield "restart %s" % p


def fill(w, rng):
    w.fill_disk()
    yield "the disk is full"
    w.free_disk()


def set_clock(w, rng):
    seconds = rng.choice([1, -1, 60, -60, 3600, -3600, 40 * 10**6, -40 * 10**6])
    w.set_clock(seconds)
    yield "the clock is %+d s off" % seconds


def cut(w, rng):
    w.cable.set(lost=1)
    yield "the cable is cut"
    w.cable.set()


def one_way(w, rng):
    way = rng.randint(0, 1)
    w.cable.set([way], lost=1)
    yield "nothing passes from host %d" % way
    w.cable.set()


def slow(w, rng):
    w.cable.set(delay=0.2, rate=200000)
    yield "the cable is slow"
    w.cable.set()


def reorder(w, rng):
    w.cable.set(delay=0.001, jitter=0.02, lost=0.02)
    yield "packets overtake, and some are lost"
    w.cable.set()


# How often, of so many.
FAULTS = [
    (6, kill),
    (2, kill_worker),
    (1, kill_several),
    (1, kill_at_once),
    (3, stop),
    (2, stop_worker),
    (2, restart),
    (2, fill),
    (2, set_clock),
    (2, cut),
    (2, one_way),
    (1, slow),
    (1, reorder),
]
# At a time, and how long at most, in faults.
TOGETHER, LASTS = 3, 8


class Nemesis:
    """log(text) is told all that it does."""

    def __init__(self, world, seed, log):
        self.world, self.log = world, log
        self.rng = random.Random(seed)
        self.under_way = []  # (when it is mended, its name, the fault)
        self.counts = {}

    def pause(self):
        """The only pauses here, and in tasks.py, are those between faults, and
        between submissions. They are how hard the cluster is treated; that it has
        done something by then, nothing relies on."""
        threading.Event().wait(self.rng.uniform(0.02, 0.5))

    def mend(self, fault):
        self.under_way.remove(fault)
        _, text, steps = fault
        self.log("no more: " + text)
        next(steps, None)

    def step(self, n):
        for fault in [f for f in self.under_way if f[0] <= n]:
            self.mend(fault)
        if len(self.under_way) == TOGETHER:
            self.mend(self.under_way[0])
        weights = [weight for weight, _ in FAULTS]
        (kind,) = self.rng.choices([f for _, f in FAULTS], weights)
        # A number each, however much of it is used.
        steps = kind(self.world, random.Random(self.rng.random()))
        lasts = self.rng.randint(1, LASTS)
        began = time.monotonic()
        text = next(steps)
        self.log("%s (%.2f s)" % (text, time.monotonic() - began))
        self.counts[kind.__name__] = self.counts.get(kind.__name__, 0) + 1
        self.under_way.append((n + lasts, text, steps))

    def run(self, faults):
        for n in range(faults):
            self.step(n)
            self.pause()
            self.revive()
        for fault in list(self.under_way):
            self.mend(fault)

    def revive(self):
        """Who would not start when it was mended (the disk was full) does now, unless
        it is dead by a fault that lasts."""
        dead = " ".join(text for _, text, _ in self.under_way)
        for p in self.world.programs:
            if not p.runs() and str(p) not in dead:
                p.start()
