#!/usr/bin/python3
"""swap.py: tasks per second of a stock client with stock engines, and the
memory of the controller, with the stock controller and with ours in its place:
medians of interleaved rounds. And of one task at a time, the time from apply to its
value. Prints rows of tests/bench/run, and the same as JSON behind them."""

import json
import os
import shutil
import statistics
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(1, os.path.join(ROOT, "tests", "interop"))
import mix  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", 5))
TASKS = int(os.environ.get("SWAP_TASKS", 500))
ONCE = int(os.environ.get("ONCE", 200))
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


def latency(view):
    """us, median and 99th of 100: one task at a time."""
    times = []
    for _ in range(ONCE):
        start = time.monotonic()
        view.apply_sync(lambda: None)
        times.append((time.monotonic() - start) * 1e6)
    times.sort()
    return times[len(times) // 2], times[len(times) * 99 // 100]


def main():
    mix.stock.MODULES.clear()  # the commands themselves, their memory shared with nobody
    rates, memory = {}, {}
    clusters = {
        kind: mix.Cluster(kind, [mix.STOCK] * ENGINES) for kind in (mix.STOCK, mix.OURS)
    }
    views = {kind: c.client().load_balanced_view() for kind, c in clusters.items()}
    for view in views.values():
        measure(view)  # not counted
    delays = {}
    for _ in range(ROUNDS):
        for kind, view in views.items():
            rates.setdefault(kind, []).append(measure(view))
            delays.setdefault(kind, []).append(latency(view))
    for kind, c in clusters.items():
        memory[kind] = pss(c.controller.pid)
    rows = [
        row("stock client and engines, our controller", "/s", rates, ">= 2"),
        *(
            row("the same, apply -> value, " + p, "us",
                {k: [d[i] for d in each] for k, each in delays.items()}, "")
            for i, p in enumerate(["p50", "p99"])
        ),
        row("memory of that controller", "MiB", {k: [m] for k, m in memory.items()}, "<= 0.1"),
    ]
    print(json.dumps({"rows": rows}))


def row(what, unit, rounds, target):
    ours, theirs = rounds[mix.OURS], rounds[mix.STOCK]
    got = {
        "what": what,
        "value": statistics.median(ours),
        "unit": unit,
        "beside": "stock controller",
        "floor": statistics.median(theirs),
        "ratio": statistics.median(o / s for o, s in zip(ours, theirs)),
        "target": target,
    }
    text = "%(what)-40s %(value)9.0f %(unit)-5s %(beside)-22s %(floor)9.0f %(ratio)7.2f  %(target)s"
    print(text % got)
    return got


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    # Each stop() would wait for the end of the other one's engines.
    mix.kill(mix.processes())
    shutil.rmtree(mix.HOME, ignore_errors=True)
    os._exit(0)
