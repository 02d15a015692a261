#!/usr/bin/python3
"""count.py [--write]: how many system calls our programs make for a task, and how
often they allocate; by the kind of the call, and by the size. One task at a time, and
many at once. Both are compared with expected.json beside this file, or written there.

Counts and not times: they are nearly the same on any machine. What is more than
MARGIN above what is expected fails, and the message says what grew. Exits with 77
where processes cannot be traced.
"""

import json
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "bench"))
sys.dont_write_bytecode = True

import cluster  # noqa: E402

EXPECTED = os.path.join(HERE, "expected.json")
# How many more there may be: by chance, messages are taken one by one that come
# together at other times.
MARGIN = {"one at a time": 0.4, "many at once": 0.5}
TASKS = int(os.environ.get("TASKS", 500))


def allocations(c):
    """{program: [so many of each size]}: all of them until now."""
    found = {}
    names = {"taskfs": "mount", "taskfs-controller": "controller"}
    for name in os.listdir(c.counts):
        program = names.get(name.rsplit(".", 1)[0], "engine")
        with open(os.path.join(c.counts, name), "rb") as f:
            counts = struct.unpack("64Q", f.read(512))
        old = found.get(program, [0] * 64)
        found[program] = [a + b for a, b in zip(old, counts)]
    return found


def per_task(counts):
    return {k: round(v / TASKS, 2) for k, v in counts.items() if v / TASKS >= 0.01}


def size_name(n):
    return "of %d to %d bytes" % (1 << n, (2 << n) - 1)


def count(c, *args):
    """{program: {"system calls": {...}, "allocations": {...}}} for each task."""
    before = allocations(c)
    calls = cluster.measure_traced(c.programs(), *args)
    if calls is None:
        print("processes cannot be traced here")
        sys.exit(77)
    after = allocations(c)
    return {
        program: {
            "system calls": per_task(calls[program]),
            "allocations": per_task(
                {
                    size_name(n): a - b
                    for n, (a, b) in enumerate(zip(after[program], before[program]))
                }
            ),
        }
        for program in calls
    }


def measure():
    # What the clock asks for, and no task, is kept away: heartbeats, and looking for
    # watchers in all processes of the machine.
    options = ["--controller-opt", "--ping=10s", "--mount-opt", "-onoinotify"]
    c = cluster.Cluster(2, options, preload=True)
    try:
        # Not counted: the first ones find nothing ready.
        cluster.measure("submit", c.mnt, 100)
        return {
            "one at a time": count(c, "value", c.mnt, TASKS),
            "many at once": count(c, "submit", c.mnt, TASKS),
        }
    finally:
        c.stop()


def what_grew(got, want):
    """The kinds that grew most, as text."""
    grown = {k: got[k] - want.get(k, 0) for k in got if got[k] > want.get(k, 0)}
    most = sorted(grown, key=grown.get, reverse=True)[:6]
    return "; ".join("%s: %.2f, not %.2f" % (k, got[k], want.get(k, 0)) for k in most)


def compare(got, want):
    """A line for each sum; those that are too much say why. True: none is."""
    good = True
    for how, programs in got.items():
        for program, kinds in programs.items():
            for kind, counts in kinds.items():
                expected = want[how][program][kind]
                n, old = sum(counts.values()), sum(expected.values())
                most = old * (1 + MARGIN[how])
                print("%-14s %-11s %-13s %7.1f for a task, expected %7.1f, at most %7.1f"
                      % (how, program, kind, n, old, most))
                if n > most:
                    good = False
                    print("    TOO MANY %s. What grew: %s" % (kind, what_grew(counts, expected)))
    return good


def main():
    got = measure()
    if sys.argv[1:] == ["--write"]:
        with open(EXPECTED, "w") as f:
            json.dump(got, f, indent=1, sort_keys=True)
            f.write("\n")
        return 0
    with open(EXPECTED) as f:
        want = json.load(f)
    if compare(got, want):
        return 0
    print("If that must be: `make counts` writes what is expected anew.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
