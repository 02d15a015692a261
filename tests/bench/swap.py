#!/usr/bin/python3
"""swap.py: tasks per second of a stock client with stock engines, and the
memory of the controller, with the stock controller and with ours in its place:
medians of interleaved rounds."""

import os
import statistics
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(1, os.path.join(ROOT, "tests", "interop"))
import mix  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", 5))
TASKS = int(os.environ.get("SWAP_TASKS", 500))
ENGINES = os.cpu_count()


def tree(pid):
    """pid and every process below it."""
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        children = [int(p) for p in f.read().split()]
    return [pid] + [p for child in children for p in tree(child)]


def pss(pid):
    """MiB of memory of a process and those below it, shared pages shared out."""
    total = 0
    for p in tree(pid):
        try:
            with open("/proc/%d/smaps_rollup" % p) as f:
                total += sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
        except ProcessLookupError:
            pass  # a zombie
    return total / 1024


def measure(view):
    start = time.monotonic()
    view.map_async(lambda x: x, range(TASKS), chunksize=1).get()
    return TASKS / (time.monotonic() - start)


def main():
    mix.stock.MODULES.clear()  # the commands themselves, their memory shared with nobody
    rates, memory = {}, {}
    clusters = {
        kind: mix.Cluster(kind, [mix.STOCK] * ENGINES) for kind in (mix.STOCK, mix.OURS)
    }
    views = {kind: c.client().load_balanced_view() for kind, c in clusters.items()}
    for view in views.values():
        measure(view)  # not counted
    for _ in range(ROUNDS):
        for kind, view in views.items():
            rates.setdefault(kind, []).append(measure(view))
    for kind, c in clusters.items():
        memory[kind] = pss(c.controller.pid)
    for c in clusters.values():
        c.stop()  # and what is left of the others
    ratio = statistics.median(o / s for o, s in zip(rates[mix.OURS], rates[mix.STOCK]))
    row = "%-42s %9.0f %-4s %-22s %9.0f  %6.2f  %s"
    print(row % ("stock client and engines, our controller",
                 statistics.median(rates[mix.OURS]), "/s", "stock controller",
                 statistics.median(rates[mix.STOCK]), ratio, ">= 1.5"))
    print(row % ("memory of that controller", memory[mix.OURS], "MiB",
                 "stock controller", memory[mix.STOCK],
                 memory[mix.STOCK] / memory[mix.OURS], ">= 50"))


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    mix.kill(mix.processes())
    os._exit(0)
