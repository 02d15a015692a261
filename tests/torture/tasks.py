"""The tasks that are submitted. Each has a number, and each run of it appends that to a
file, so that runs can be counted."""

import itertools
import json
import random
import select
import sys
import threading

# Seconds between two submissions of one writer: it does not fill the disk by itself.
PAUSE = 0.02


class Task:
    """text: what is written. output: what it prints, if it is ok (None: it fails).
    tasks: how many they are (a map); runs: how often each may run."""

    def __init__(self, number, kind, text, output, tasks=1, runs=1):
        self.number, self.kind, self.text, self.output = number, kind, text, output
        self.tasks, self.runs = tasks, runs


def plain(n, ran):
    return Task(n, "plain", "echo %s >>%s; echo %s" % (n, ran, n), "%s\n" % n)


def takes_time(n, ran):
    code = "echo %s >>%s; sleep 0.2; echo %s" % (n, ran, n)
    return Task(n, "takes time", code, "%s\n" % n)


def fails(n, ran):
    return Task(n, "fails", "echo %s >>%s; echo %s; exit 3" % (n, ran, n), None)


def large(n, ran):
    code = "echo %s >>%s; seq 3000" % (n, ran)
    return Task(n, "large", code, "".join("%d\n" % i for i in range(1, 3001)))


def retried(n, ran):
    code = "echo %s >>%s; sleep 0.1; echo %s" % (n, ran, n)
    text = json.dumps({"code": code, "retries": 2})
    return Task(n, "retried", text, "%s\n" % n, runs=3)


def many(n, ran):
    code = "echo %s.$1 >>%s; echo %s.$1" % (n, ran, n)
    text = json.dumps({"code": code, "map": list("abcdef")})
    output = "".join("%s.%s\n" % (n, c) for c in "abcdef")
    return Task(n, "map", text, output, tasks=6)


# How often, of so many.
OF_MOUNTS = [(6, plain), (3, takes_time), (2, fails), (1, large), (3, retried), (1, many)]
OF_CLIENTS = [(6, plain), (1, fails)]

_lock = threading.Lock()


def say(*words):
    """To who started this program (writers.py)."""
    with _lock:
        print(json.dumps(words), flush=True)


def each(name, seed, ran, kinds):
    """Tasks, until standard input ends. Each is told before it is submitted."""
    rng = random.Random("%s %s" % (seed, name))
    n = 0
    while not select.select([sys.stdin], [], [], PAUSE)[0]:
        (make,) = rng.choices([k for _, k in kinds], [n for n, _ in kinds])
        task = make("%s-%d" % (name, n), ran)
        n += 1
        say("task", task.number, vars(task))
        yield task


def more(name, ran):
    """One plain task after another."""
    for n in itertools.count():
        task = plain("%s-last%d" % (name, n), ran)
        say("task", task.number, vars(task))
        yield task
