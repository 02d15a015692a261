"""Who submits, in processes of their own (mounted.py, client.py), and what was said of it.

Nothing here holds a file of a mount open: to start a program would wait for a mount that
is stopped.
"""

import json
import os
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))


class Submission:
    """A task (tasks.py), and what became of it."""

    def __init__(self, about):
        self.__dict__.update(about)
        self.id = None  # what was acknowledged: the id of its result
        self.msg_id = self.reply = None  # of ipyparallel's client: what it heard
        self.story = []  # (when, what)

    def hear(self, what, detail):
        self.story.append((time.monotonic(), "%s %s" % (what, detail)))
        if what == "acknowledged":
            self.id = detail
        elif what == "sent":
            self.msg_id = detail
        elif what == "replied":
            self.reply = detail


class Writer(threading.Thread):
    """A program, and the thread that hears what it says. tasks: by number."""

    def __init__(self, world, host, program, name, seed, *args):
        super().__init__(name=name)
        self.tasks = {}
        words = [os.path.join(HERE, program), name, str(seed), world.ran, *args]
        with open(os.path.join(world.logs, name + ".log"), "ab") as log:
            self.process = subprocess.Popen(
                host.within([sys.executable, *words]),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=dict(world.env, HOME=world.dir),
            )

    def run(self):
        for line in self.process.stdout:
            what, *more = json.loads(line)
            if what == "task":
                number, about = more
                self.tasks[number] = Submission(about)
                self.tasks[number].hear("submitted:", about["kind"])
            elif what != "ready":
                self.tasks[more[0]].hear(what, more[1])

    def stop(self):
        """Its exit code."""
        self.process.stdin.close()
        self.join()
        self.process.stdout.close()
        return self.process.wait()


def all_of(world, seed):
    """Two at mounts, one with ipyparallel's client; they have begun."""
    writers = [
        Writer(world, m.host, "mounted.py", m.host.name, seed, m.at) for m in world.mounts
    ]
    path = os.path.join(world.dir, "client.json")
    with open(path, "w") as f:
        json.dump(world.info(), f)
    writers.append(Writer(world, world.hosts[1], "client.py", "client", seed, path))
    for w in writers:
        if w.process.stdout.readline() != '["ready"]\n':
            raise RuntimeError("%s does not start" % w.name)
        w.start()
    return writers
