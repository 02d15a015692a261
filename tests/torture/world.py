"""A cluster on two hosts of a name and a network of their own, with a cable between
them, a small disk for the controller and a clock that can be set.

What runs there is a Program, which may die at any time and be started again. A program
that ends by itself, or says that a sanitizer found something, is a violation.
"""

import contextlib
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(1, os.path.join(os.path.dirname(HERE), "wire"))

import tap  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(ROOT, "build")))
MARK = "TASKFS_TORTURE"
DISK = "96m"
HOSTS = "alpha", "beta"
# Eleven of them missed, and an engine is lost.
PING = "100ms"
PRELOAD = os.path.join(BUILD, "tests/clock/setclock.so")


class Violation(Exception):
    """A promise was broken."""


class Host:
    def __init__(self, world, name):
        self.name = name
        script = 'hostname "$0" && ip link set lo up && echo up && exec sleep 1000000'
        self.process = subprocess.Popen(
            ["unshare", "--net", "--uts", "sh", "-c", script, name],
            stdout=subprocess.PIPE,
            text=True,
            env=world.env,
        )
        if self.process.stdout.readline() != "up\n":
            raise RuntimeError("there is no host " + name)

    def within(self, args):
        return ["nsenter", "-t", str(self.process.pid), "--net", "--uts", "--", *args]

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Cable:
    """See cable.py."""

    def __init__(self, hosts):
        pids = [str(h.process.pid) for h in hosts]
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "cable.py"), *pids],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self.process.stdout.readline() != "up\n":
            raise RuntimeError("there is no cable")

    def set(self, ways=(0, 1), **how):
        for way in ways:
            self.process.stdin.write(json.dumps({"way": way, **how}) + "\n")
        self.process.stdin.flush()

    def end(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


class Program:
    """waits: it says when it can be used, and start() waits for that."""

    waits = True

    def __init__(self, world, name, host, args, env=None, codes=(0,)):
        self.world, self.name, self.host, self.args = world, name, host, args
        self.env = dict(world.env, **(env or {}))
        self.codes = codes
        self.log = os.path.join(world.logs, name + ".log")
        self.process = None
        self.ended_by = []  # signals that we sent to it since its start
        self.killed = []  # when, of time.monotonic()

    def __str__(self):
        return self.name

    def start(self):
        """False: it would not, and ended."""
        if self.runs():
            return True
        self.ended_by = []
        read, write = os.pipe()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.host.within([*self.args, "--ready-fd=%d" % write]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(write,),
                env=self.env,
            )
        os.close(write)
        with os.fdopen(read) as f:
            return not self.waits or bool(f.readline())

    def runs(self):
        """What ended by itself is told."""
        if not self.process:
            return False
        code = self.process.poll()
        if code is None:
            return True
        if code not in self.codes and not self.ended_by:
            raise Violation("%s ended by itself, with code %d" % (self, code))
        return False

    def send(self, signo):
        if self.process and self.process.poll() is None:
            if signo in (signal.SIGKILL, signal.SIGTERM):
                self.ended_by.append(signo)
            if signo == signal.SIGKILL:
                self.killed.append(time.monotonic())
            self.process.send_signal(signo)

    def end(self, signo):
        """Its exit code, or None."""
        self.send(signal.SIGCONT)
        self.send(signo)
        return self.process.wait() if self.process else None

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.process.pid))

    def memory(self):
        with open("/proc/%d/status" % self.process.pid) as f:
            return next(int(s.split()[1]) for s in f if s.startswith("VmRSS:"))


class Engine(Program):
    """The guard is the program; its worker runs the tasks."""

    waits = False

    def worker(self):
        try:
            path = "/proc/%d/task/%d/children" % (self.process.pid, self.process.pid)
            with open(path) as f:
                return int(f.read().split()[0])
        except (OSError, IndexError, AttributeError):
            return None

    def kill_worker(self):
        pid = self.worker()
        if pid:
            self.ended_by.append(signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            self.send(signal.SIGCONT)
            self.process.wait()

    def send_both(self, signo):
        pid = self.worker()
        super().send(signo)
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signo)

    def send(self, signo):
        """A worker that is stopped cannot end with its guard before it is continued,
        which is not promised."""
        pid = self.worker() if signo == signal.SIGKILL else None
        super().send(signo)
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


class Mount(Program):
    """At self.at. A dead one is taken away before the next."""

    def __init__(self, world, name, host, args, at, **more):
        super().__init__(world, name, host, [*args, at], **more)
        self.at = at

    def start(self):
        if not self.runs():
            subprocess.run(["umount", "-l", self.at], stderr=subprocess.DEVNULL, check=False)
        return super().start()

    def path(self, *names):
        return os.path.join(self.at, *map(str, names))

    def read(self, *names):
        with open(self.path(*names)) as f:
            return f.read()

    def is_connected(self):
        try:
            return self.read("controller", "state") == "connected\n"
        except OSError:
            return False

    def has_nothing_to_do(self):
        return not [n for n in os.listdir(self.path("tasks")) if n.isdigit()]


class World:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="taskfs-torture-")
        self.mark = "%s=%s" % (MARK, os.path.basename(self.dir))
        self.disk, self.logs, self.spool = (
            os.path.join(self.dir, n) for n in ("disk", "logs", "spool")
        )
        self.ran = os.path.join(self.dir, "ran")
        self.clock = os.path.join(self.dir, "clock")
        self.cluster = os.path.join(self.disk, "cluster")
        for path in self.disk, self.logs, self.spool:
            os.mkdir(path)
        open(self.ran, "w").close()
        with open(self.clock, "wb") as f:
            f.write(bytes(8))
        self.env = dict(os.environ, TMPDIR=self.spool)
        self.env[MARK] = os.path.basename(self.dir)
        mount = ["mount", "-t", "tmpfs", "-o", "mode=700,size=" + DISK, "none", self.disk]
        subprocess.run(mount, check=True)
        self.hosts = [Host(self, n) for n in HOSTS]
        self.cable = Cable(self.hosts)
        self.make_programs()

    def make_programs(self):
        asan = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        clock = {"LD_PRELOAD": PRELOAD, "SETCLOCK": self.clock, "ASAN_OPTIONS": asan}
        alpha, beta = self.hosts
        address = ["--ip=10.7.7.1", "--location=10.7.7.1", "--ping=" + PING]
        directory = "--cluster-dir=" + self.cluster
        self.controller = Program(
            self,
            "controller",
            alpha,
            [os.path.join(BUILD, "taskfs-controller"), directory, *address],
            env=clock,
            # 1: the disk is full, and it says so.
            codes=(0, 1),
        )
        self.engines = [
            Engine(
                self,
                "engine-%d" % i,
                host,
                [os.path.join(BUILD, "taskfs-engine"), directory, "--slots=2", "--timeout=0"],
            )
            for i, host in enumerate((alpha, alpha, beta, beta))
        ]
        self.mounts = []
        for host in self.hosts:
            at = os.path.join(self.dir, "mnt-" + host.name)
            os.mkdir(at)
            args = [os.path.join(BUILD, "taskfs"), "-f", "--wait=0", self.cluster]
            self.mounts.append(Mount(self, "mount-" + host.name, host, args, at))
        self.programs = [self.controller, *self.engines, *self.mounts]

    def info(self):
        with open(self.cluster + "/security/ipcontroller-client.json") as f:
            return json.load(f)

    # --- faults that are no program's -------------------------------------------

    def fill_disk(self):
        """To the last byte."""
        with open(self.disk + "/ballast", "ab", buffering=0) as f:
            with contextlib.suppress(OSError):
                while True:
                    f.write(bytes(4096))

    def free_disk(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.disk + "/ballast")

    def set_clock(self, seconds):
        with open(self.clock, "r+b") as f:
            f.write(struct.pack("q", seconds))

    # --- calm -------------------------------------------------------------------

    def heal(self):
        """No fault is left, and everything runs."""
        self.free_disk()
        self.cable.set()
        for p in self.programs:
            if isinstance(p, Engine):
                p.send_both(signal.SIGCONT)
            p.send(signal.SIGCONT)
            if not p.start():
                raise Violation("%s does not start, and nothing is wrong any more" % p)

    def is_calm(self):
        """All are connected, and nothing is left to do. What dies now is told."""
        for p in self.programs:
            if not p.runs():
                raise Violation("%s ended when nothing was wrong any more" % p)
        return all(m.is_connected() and m.has_nothing_to_do() for m in self.mounts)

    def calm(self):
        self.heal()
        tap.wait_for(self.is_calm)
        tap.wait_for(self.all_engines_there)

    def all_engines_there(self):
        m = self.mounts[0]
        states = []
        for n in os.listdir(m.path("engines")):
            if n.isdigit():
                with contextlib.suppress(OSError):
                    states.append(m.read("engines", n, "state"))
        return states.count("idle\n") == len(self.engines)

    # --- the end ----------------------------------------------------------------

    def processes(self):
        """{pid: command line} of what was started here, but for the hosts."""
        found, hosts = {}, {h.process.pid for h in self.hosts}
        for pid in set(map(int, filter(str.isdigit, os.listdir("/proc")))) - hosts:
            with contextlib.suppress(OSError):
                with open("/proc/%d/environ" % pid, "rb") as f:
                    if self.mark.encode() not in f.read().split(b"\0"):
                        continue
                with open("/proc/%d/stat" % pid) as f:
                    if f.read().rpartition(")")[2].split()[0] in "ZX":
                        continue
                with open("/proc/%d/cmdline" % pid) as f:
                    found[pid] = f.read().replace("\0", " ")
        return found

    def mounted(self):
        with open("/proc/self/mounts") as f:
            return [s.split()[1] for s in f if s.split()[1].startswith(self.dir + "/")]

    def end_all(self):
        """As asked; each says with code 0 that it is well."""
        for p in [*self.mounts, *self.engines, self.controller]:
            code = p.end(signal.SIGTERM)
            if code != 0:
                raise Violation("%s ended with code %s, and not as asked" % (p, code))

    def destroy(self):
        """Whatever has happened: nothing stays but the directory."""
        for p in self.programs:
            with contextlib.suppress(Violation):
                p.end(signal.SIGKILL)
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        tap.wait_for(lambda: not self.processes())
        self.cable.end()
        for host in self.hosts:
            host.end()
        for at in reversed(self.mounted()):
            subprocess.run(["umount", "-l", at], check=False)

    def remove(self):
        shutil.rmtree(self.dir)
