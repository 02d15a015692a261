#!/usr/bin/python3
"""Total accounting: writers submit numbered tasks while a nemesis kills, stops, cuts and
fills; then everything is mended, and every submission is accounted for.

    SEED=17        of the first round; each has the next [1]
    TIME=3600      rounds for so many seconds; 0: one round [0]
    FAULTS=60      of a round [25; with TIME 60]

Prints TAP, a test for each round. When a promise was broken, the seed, the log of the
faults and the whole story of the task are told, and the directory stays.
"""

import os
import subprocess
import sys
import time
import traceback

import world  # isort: skip (it says where tap is)

import account
import nemesis
import tap
import writers
from world import Violation

# Descriptors that a program has only when it has had something to do (the launchers of
# tasks, say). A leak is one for each fault, or for each task.
LAZY = 8


class Round:
    def __init__(self, seed, faults):
        self.seed, self.faults = seed, faults
        self.began = time.monotonic()
        self.events = []
        self.accounts = None
        self.world = world.World()
        self.writers = []
        self.nemesis = nemesis.Nemesis(self.world, seed, self.note)

    def note(self, text):
        self.events.append((time.monotonic() - self.began, text))

    def run(self):
        w = self.world
        w.calm()
        before = {p.name: p.descriptors() for p in w.programs}
        self.writers = writers.all_of(w, self.seed)
        self.nemesis.run(self.faults)
        # Writers may wait for who is dead, so mending comes first.
        w.heal()
        for one in self.writers:
            if one.stop():
                raise Violation("the writer %s ended early: see its log" % one.name)
        self.note("everything is mended")
        w.calm()
        self.accounts = account.Accounts(w, self.writers)
        self.accounts.read()
        self.accounts.check()
        self.check_size(before)
        w.end_all()
        self.accounts.check_left_over()

    def check_size(self, before):
        """What is connected ends a little later than who was connected."""
        self.world.is_calm()
        tap.wait_for(lambda: not self.grown(before))
        for p in self.world.programs:
            # A sanitizer has memory of its own.
            if not os.environ.get("SAN") and p.memory() > 200000:
                raise Violation("%s has %d kB" % (p, p.memory()))

    def grown(self, before):
        return [
            p for p in self.world.programs if p.descriptors() > before[p.name] + LAZY
        ]

    def explain(self, why=None):
        """What a violation prints, and what hangs."""
        print("# seed %d; %s" % (self.seed, why or "this hangs"))
        for at, text in self.events:
            print("# %8.2f s %s" % (at, text))
        if self.accounts and isinstance(why, account.Broken):
            for line in self.accounts.story(why.task, why.id, self.began):
                print("# " + line)
        if not why:
            for p in self.world.programs:
                print("# %s runs: %s" % (p, p.process and p.process.poll() is None))
        print("# everything is in " + self.world.dir)
        sys.stdout.flush()

    def tell(self):
        tasks = sum(len(w.tasks) for w in self.writers)
        known = sum(bool(t.id or t.reply) and t.number in self.accounts.results
                    for w in self.writers for t in w.tasks.values())
        out = self.accounts.outcomes
        print("# seed %d: %d faults (%s); %d submissions, %d acknowledged, %d results: %s; %d s"
              % (self.seed, self.faults,
                 ", ".join("%s %d" % i for i in sorted(self.nemesis.counts.items())),
                 tasks, known, len(self.accounts.results),
                 ", ".join("%s %d" % i for i in out.most_common()),
                 time.monotonic() - self.began))


def play(seed, faults):
    """Whether all was well."""
    one = Round(seed, faults)
    good = False
    tap.explain.append(one.explain)
    try:
        one.run()
        one.tell()
        good = True
    except Violation as e:
        one.explain(e)
    except Exception:
        for line in traceback.format_exc().splitlines():
            print("# " + line)
        one.explain("the test itself is broken")
    finally:
        tap.explain.remove(one.explain)
        one.world.destroy()
    if good:
        one.world.remove()
    return good


def cannot():
    """Why not here, or None."""
    if os.geteuid() or not os.access("/dev/net/tun", os.W_OK):
        return "it needs root, and /dev/net/tun"
    hosts = ["unshare", "--net", "--uts", "true"]
    if not tap.can_mount() or subprocess.run(hosts, check=False).returncode:
        return "it may not mount, or make namespaces"
    return None


def main():
    def setting(name, otherwise):
        return int(os.environ.get(name) or otherwise)

    tap.register()
    if cannot():
        print("1..1\nok 1 - torture # skip " + cannot())
        return
    seed, limit = setting("SEED", 1), setting("TIME", 0)
    faults = setting("FAULTS", 60 if limit else 25)
    end = time.monotonic() + limit
    good = n = 0
    while not n or time.monotonic() < end:
        ok = play(seed + n, faults)
        n += 1
        good += ok
        print("%s %d - seed %d" % ("ok" if ok else "not ok", n, seed + n - 1), flush=True)
    print("1..%d" % n)
    sys.exit(good != n)


if __name__ == "__main__":
    main()
