"""Who submits: numbered tasks, through two mounts and by ipyparallel's client. What was
submitted, and what was said of it, is in a ledger.

Each run of a task appends its number to a file, so that it can be counted.
"""

import errno
import json
import os
import random
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
# What a mount may say when something is dead, or the disk full.
ALLOWED = {
    getattr(errno, name)
    for name in (
        "EHOSTDOWN ENOSPC ENOTCONN ENOENT ECONNABORTED EIO ETIMEDOUT ECONNRESET EINTR"
    ).split()
}
# Seconds between two submissions of one writer: it does not fill the disk by itself.
PAUSE = 0.02


class Task:
    """A submission. runs: how often it may run, at most, each of its tasks."""

    def __init__(self, number, kind, text, output, tasks=1, runs=1):
        self.number, self.kind, self.text, self.output = number, kind, text, output
        self.tasks, self.runs = tasks, runs
        self.id = None  # what was acknowledged: the id of its result
        self.msg_id = self.reply = None  # of ipyparallel's client: what it heard
        self.story = []  # (when, what)

    def note(self, what):
        self.story.append((time.monotonic(), what))


def plain(n, ran):
    return Task(n, "plain", "echo %s >>%s; echo %s" % (n, ran, n), "%s\n" % n)


def takes_time(n, ran):
    code = "echo %s >>%s; sleep 0.2; echo %s" % (n, ran, n)
    return Task(n, "takes time", code, "%s\n" % n)


def fails(n, ran):
    code = "echo %s >>%s; echo %s; exit 3" % (n, ran, n)
    return Task(n, "fails", code, None)


def large(n, ran):
    code = "echo %s >>%s; seq 3000" % (n, ran)
    output = "".join("%d\n" % i for i in range(1, 3001))
    return Task(n, "large", code, output)


def retried(n, ran):
    code = "echo %s >>%s; sleep 0.1; echo %s" % (n, ran, n)
    text = json.dumps({"code": code, "retries": 2})
    return Task(n, "retried", text, "%s\n" % n, runs=3)


def many(n, ran):
    code = "echo %s.$1 >>%s; echo %s.$1" % (n, ran, n)
    text = json.dumps({"code": code, "map": list("abcdef")})
    output = "".join("%s.%s\n" % (n, c) for c in "abcdef")
    return Task(n, "map", text, output, tasks=6)


KINDS = [(6, plain), (3, takes_time), (2, fails), (1, large), (3, retried), (1, many)]


class Writer(threading.Thread):
    """It submits until stop() is called. tasks: what it submitted, by number."""

    def __init__(self, name, seed, ran):
        super().__init__(name=name)
        self.rng = random.Random("%s %s" % (seed, name))
        self.ran = ran
        self.tasks = {}
        self.refused = {}  # what was said, how often
        self.stopped = threading.Event()
        self.broken = None

    def next_task(self, *kinds):
        kinds = kinds or KINDS
        (make,) = self.rng.choices([k for _, k in kinds], [n for n, _ in kinds])
        task = make("%s-%d" % (self.name, len(self.tasks)), self.ran)
        self.tasks[task.number] = task
        task.note("submitted: " + task.kind)
        return task

    def stop(self):
        self.stopped.set()
        self.join()

    def run(self):
        try:
            self.write()
        except Exception as e:
            self.broken = e


class MountWriter(Writer):
    def __init__(self, mount, seed, ran):
        super().__init__(mount.host.name, seed, ran)
        self.mount = mount

    def write(self):
        while not self.stopped.is_set():
            task = self.next_task()
            try:
                task.id = self.submit(task.text)
                task.note("acknowledged: result %d" % task.id)
            except OSError as e:
                self.note_refusal(task, e)
            self.stopped.wait(PAUSE)

    def submit(self, text):
        fd = os.open(self.mount.path("tasks", "new"), os.O_RDWR)
        try:
            os.write(fd, text.encode() + b"\n")
            return int(os.read(fd, 100))
        finally:
            try:
                os.close(fd)
            except OSError:
                pass

    def note_refusal(self, task, e):
        name = errno.errorcode.get(e.errno, e.errno)
        task.note("refused, or not answered: %s" % name)
        self.refused[name] = self.refused.get(name, 0) + 1
        if e.errno not in ALLOWED:
            raise e


class ClientWriter(Writer):
    """By ipyparallel's client, a process (client.py) on that host."""

    def __init__(self, world, host, seed):
        super().__init__("client", seed, world.ran)
        path = os.path.join(world.dir, "client.json")
        with open(path, "w") as f:
            json.dump(world.info(), f)
        with open(os.path.join(world.logs, "client.log"), "ab") as log:
            self.process = subprocess.Popen(
                host.within([sys.executable, os.path.join(HERE, "client.py"), path]),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                bufsize=1,
                env=dict(world.env, HOME=world.dir),
            )
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("ipyparallel's client does not start")

    def write(self):
        """Each answer of the process is a line; so is each task that it is given."""
        self.give()
        for line in self.process.stdout:
            what, number, *more = line.split()
            task = self.tasks[number]
            task.note(line.strip())
            if what == "sent":
                task.msg_id = more[0]
            elif what == "replied":
                task.reply = more[0]
            if what != "replied" and not self.stopped.wait(PAUSE):
                self.give()

    def give(self):
        task = self.next_task((6, plain), (1, fails))
        self.process.stdin.write(json.dumps([task.number, task.text]) + "\n")

    def stop(self):
        self.stopped.set()
        self.process.stdin.close()
        self.join()
        self.process.stdout.close()
        self.process.wait()
