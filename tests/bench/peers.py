#!/usr/bin/python3
"""peers.py NAME TASKS AT_ONCE: how fast another program runs tasks `/bin/sh -c :`.
Prints JSON: tasks per second, and microseconds of processor time for each, those of
the task itself included. Exits with 77 when it is not installed, and says so.

Each runs in a process of its own, which waits for all that it started: what a peer
leaves behind (the server of task-spooler) counts, too.
"""

import contextlib
import ctypes
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PR_SET_CHILD_SUBREAPER = 36
QUIET = {"stdout": subprocess.DEVNULL}


def numbers(tasks):
    return {"input": "".join("%d\n" % n for n in range(tasks)).encode(), **QUIET}


def xargs(tasks, at_once, home):
    subprocess.run(["xargs", "-P", str(at_once), "-n", "1", "/bin/sh", "-c", ":"],
                   check=True, **numbers(tasks))


def parallel(tasks, at_once, home):
    subprocess.run(["parallel", "--will-cite", "-j", str(at_once), "/bin/sh -c : {}"],
                   check=True, env={**os.environ, "HOME": home}, **numbers(tasks))


def make(tasks, at_once, home):
    path = os.path.join(home, "Makefile")
    with open(path, "w") as f:
        f.write("all: %s\n" % " ".join("t%d" % n for n in range(tasks)))
        # One word more: of /bin/sh -c : alone make knows that it does nothing.
        f.write("t%:\n\t@/bin/sh -c : 1\n")
    subprocess.run(["make", "-r", "-s", "-j", str(at_once), "-f", path], check=True,
                   env={"PATH": os.environ["PATH"]}, **QUIET)


def tsp(tasks, at_once, home):
    env = {
        **os.environ,
        "TS_SOCKET": os.path.join(home, "socket"),
        "TS_SLOTS": str(at_once),
        "TS_MAXFINISHED": "10",
        "TMPDIR": home,
    }
    for _ in range(tasks):
        subprocess.run(["tsp", "/bin/sh", "-c", ":"], check=True, env=env, **QUIET)
    # The last one queued is begun last; two slots may end in another order.
    for _ in range(at_once):
        subprocess.run(["tsp", "-w"], env=env, **QUIET)
    subprocess.run(["tsp", "-K"], check=True, env=env, **QUIET)


def floor(tasks, at_once, home):
    build = os.path.join(HERE, "../..", os.environ.get("BUILD", "build"))
    subprocess.run([os.path.join(build, "tests/bench/measure"), "spawn", str(tasks),
                    str(at_once)], check=True, **QUIET)


# name: (what runs it, its program, Debian's package)
PEERS = {
    "spawn+pipe+wait": (floor, "sh", "dash"),
    "xargs -P": (xargs, "xargs", "findutils"),
    "make -j": (make, "make", "make"),
    "GNU parallel": (parallel, "parallel", "parallel"),
    "task-spooler": (tsp, "tsp", "task-spooler"),
}


def wait_for_all():
    """Those that came to us, too."""
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


def main():
    name, tasks, at_once = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    run, program, package = PEERS[name]
    if not shutil.which(program):
        print("%s is left out: there is no %s here (Debian: %s)" % (name, program, package),
              file=sys.stderr)
        return 77
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory(prefix="taskfs-bench.") as home:
        start = time.monotonic()
        run(tasks, at_once, home)
        seconds = time.monotonic() - start
        wait_for_all()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    usec = (used.ru_utime + used.ru_stime) * 1e6 / tasks
    print(json.dumps({"rate": tasks / seconds, "usec": usec}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
