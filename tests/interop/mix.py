"""Clusters mixed of ours and stock ipyparallel, driven by the stock client.

    class Views(mix.Case):
        controller = mix.STOCK            # or mix.OURS
        engines = (mix.OURS, mix.STOCK)   # one word per engine

        def test_something(self):
            ar = self.rc[0].execute("echo hello", silent=False)

    class ViewsOfOurs(Views):             # the same tests, another mix
        controller = mix.OURS

    if __name__ == "__main__":
        mix.main(__name__)

One cluster serves all tests of a class; self.rc is a client of the test's own.
What is waited for is a line of a log, a reply, the end of a process, however long
that takes: nothing sleeps, and nothing has a limit but the guard of tests/run. After
a class: no process is left, and our programs logged no warning or error but those
the class names in `expected`.
"""

import contextlib
import ctypes
import glob
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(1, os.path.join(ROOT, "tests", "wire"))

import stock  # noqa: E402
import tap  # noqa: E402
from tap import wait_for, waiting_for  # noqa: E402

tap.helpers.add(__file__)

BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(ROOT, "build")))
# Seconds, for what must have a limit: ipyparallel makes milliseconds of them, and an
# int.
FOREVER = 10**6
OURS, STOCK = "ours", "stock"

# Every process of a test has this in its environment; also what is forked, which has
# what this process had when it began.
MARK = "TASKFS_INTEROP"
if MARK not in os.environ:
    os.environ[MARK] = "%d.%d" % (os.getpid(), time.time_ns())
    os.execv(sys.executable, sys.orig_argv)
# What nobody sets for a test.
for name in set(os.environ) - {MARK}:
    if name.startswith(("IPP_", "XDG_", "TASKFS_")):
        del os.environ[name]
os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
# Of the test alone: ~/.ipython, ~/.local.
HOME = tempfile.mkdtemp(prefix="taskfs-interop-")
os.environ["HOME"] = HOME
# What sanitizers find, in bridges and mounts too.
FOUND = os.path.join(HOME, "sanitizer")
for name in "ASAN_OPTIONS", "UBSAN_OPTIONS":
    os.environ[name] = "%s:log_path=%s" % (os.environ.get(name, ""), FOUND)

import ipyparallel as ipp  # noqa: E402  (reads HOME)

stock.begin(os.path.join(HOME, "stock"))

PROGRAM = {
    (OURS, "controller"): [os.path.join(BUILD, "taskfs-controller")],
    (OURS, "engine"): [os.path.join(BUILD, "taskfs-engine")],
    (STOCK, "controller"): [sys.executable, "-m", "ipyparallel.controller"],
    (STOCK, "engine"): [sys.executable, "-m", "ipyparallel.engine"],
}
# The line each of them logs when it can be used.
READY = {
    (OURS, "controller"): '"started"',
    (OURS, "engine"): r'"registered","id":(\d+)',
    (STOCK, "controller"): "Heartmonitor beating every",
    (STOCK, "engine"): r"Completed registration with id (\d+)",
}


# What each of them is told, before all a test tells it. It has as much time as it
# needs to come up and to be heard, and is in use as soon as it is there: a stock
# controller takes an engine in when its heart has beaten twice.
PATIENT = {
    (OURS, "controller"): [],
    (OURS, "engine"): ["--timeout=0"],
    (STOCK, "controller"): [
        "--ping=1000",
        "--HeartMonitor.max_heartmonitor_misses=%d" % FOREVER,
        "--IPController.registration_timeout=%d" % FOREVER,
    ],
    (STOCK, "engine"): [
        "--IPEngine.timeout=%d" % FOREVER,
        "--IPEngine.max_heartbeat_misses=%d" % FOREVER,
    ],
}


class Failed(Exception):
    """Not an OSError: nothing in between takes it for one of its own."""


_libc = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def _end_with_me():
    """In a child: when a test is killed, nothing of it stays."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Process:
    """A program and every line it writes."""

    def __init__(self, args, env=None):
        self.args = args
        self.lines = []
        self.news = threading.Condition()
        self.ended = False
        read, write = os.pipe()
        self.out = open(read, errors="backslashreplace")
        env = dict(os.environ, **(env or {}))
        if args[:2] == [sys.executable, "-m"] and args[2] in stock.MODULES:
            with open(os.devnull) as null:
                self.popen = stock.Process(args[2:], env, null.fileno(), write, write)
        else:
            self.popen = subprocess.Popen(
                args,
                stdin=subprocess.DEVNULL,
                stdout=write,
                stderr=write,
                env=env,
                start_new_session=True,
                preexec_fn=_end_with_me,
            )
        os.close(write)
        self.pid = self.popen.pid
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.out:
            with self.news:
                self.lines.append(line)
                self.news.notify_all()
        with self.news:
            self.ended = True
            self.news.notify_all()

    def _find(self, pattern):
        for line in self.lines:
            m = re.search(pattern, line)
            if m:
                return m
        return None

    def wait_line(self, pattern):
        """The match of the first line like this."""
        with self.news:
            with waiting_for("a line like %s of %s" % (pattern, " ".join(self.args))):
                self.news.wait_for(lambda: self.ended or self._find(pattern))
            if not self._find(pattern):
                raise Failed(
                    "%s: no line like %s in:\n%s"
                    % (self.args[0], pattern, "".join(self.lines))
                )
            return self._find(pattern)

    def wait(self):
        """Its exit code."""
        with waiting_for("the end of %d, %s" % (self.pid, " ".join(self.args))):
            return self.popen.wait()

    def send(self, signo):
        self.popen.send_signal(signo)

    def stop(self, signo=signal.SIGTERM):
        """Ends it if it still runs; its exit code."""
        if self.popen.poll() is None:
            self.send(signo)
        # Python notes a signal that comes just before it waits when something else
        # wakes it, which nothing may ever do.
        while self.args[0] == sys.executable:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(1)
                break
            self.send(signo)
        return self.wait()

    def complaints(self):
        """Lines of ours that should not be there."""
        unwanted = r'"level":"(warning|error)"|Assertion'
        return [line for line in self.lines if re.search(unwanted, line)]


class Gate(str):
    """Where tasks wait until it is opened: the path of what they read, with the
    code "open(%r).read()" % gate, or wait_at(gate)."""

    def __new__(cls):
        self = super().__new__(cls, tempfile.mktemp(prefix="gate_", dir=HOME))
        os.mkfifo(self)
        return self

    def __reduce__(self):
        """Engines know no Gate."""
        return str, (str(self),)

    def reached(self):
        """A task is there; it goes on when what this returns is closed."""
        return open(self, "w")

    def open(self):
        """Who waits goes on; who comes later finds nothing there."""
        with contextlib.suppress(FileNotFoundError):
            fd = os.open(self, os.O_RDWR | os.O_NONBLOCK)
            os.unlink(self)
            os.close(fd)


def raw_socket(rc, kind, url):
    """A socket of our own on the context of a client, and with its keys."""
    s = rc._context.socket(kind)
    ipp.util.connect(
        s,
        url,
        curve_serverkey=rc.curve_serverkey,
        curve_publickey=rc.curve_publickey,
        curve_secretkey=rc.curve_secretkey,
    )
    return s


def submit(mnt, text, path="tasks/new"):
    """The id of the new result. `latest` may be a task of a client."""
    fd = os.open(os.path.join(mnt, path), os.O_RDWR)
    try:
        os.write(fd, text.encode())
        return int(os.read(fd, 100))
    finally:
        os.close(fd)


def read(mnt, id, name):
    with open("%s/results/%d/%s" % (mnt, id, name)) as f:
        return f.read()


def wait_at(gate):
    try:
        open(gate).read()
    except FileNotFoundError:
        pass


# Engines get the function itself, and not its name in here.
wait_at.__module__ = "__main__"


def send_abort(rc, ar, targets=None):
    """An engine that is busy answers an abort later. That it got as far as the
    nanny of one of ipyparallel, the nanny's own answer tells."""
    rc.abort(ar, targets=targets, block=False)
    rc.send_signal(0, targets=targets, block=True)


def was_aborted(ar):
    """Whether that is how it ends. An engine of ipyparallel may begin what it was
    told to abort: its nanny passes that on in its own time."""
    try:
        ar.get()
    except ipp.error.TaskAborted:
        return True
    return False


def processes():
    """{pid: command line (name)} of what this file of tests started and still
    lives."""
    found = {}
    want = b"%s=%s" % (MARK.encode(), os.environ[MARK].encode())
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if int(pid) in (os.getpid(), stock.parent):
            continue
        try:
            with open("/proc/%s/environ" % pid, "rb") as f:
                if want not in f.read().split(b"\0"):
                    continue
            with open("/proc/%s/stat" % pid) as f:
                if f.read().rsplit(")", 1)[1].split()[0] == "Z":
                    continue
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                found[int(pid)] = f.read().replace(b"\0", b" ").decode()
            # What was forked is told apart by that.
            with open("/proc/%s/comm" % pid) as f:
                found[int(pid)] += "(%s)" % f.read().rstrip()
        except OSError:
            continue
    return found


def bridges():
    """Those of processes() that are bridges."""
    return {pid: s for pid, s in processes().items() if "--upstream " in s}


def is_waiting(child, call):
    """That Popen waits in a system call of that name."""
    number = {"read": "0"}[call]
    assert child.poll() is None, "it has ended"
    with open("/proc/%d/syscall" % child.pid) as f:
        return f.read().split()[0] == number


def findings():
    """What sanitizers found since this was asked last; lines."""
    found = []
    for path in glob.glob(FOUND + ".*"):
        with open(path, errors="backslashreplace") as f:
            found += f
        os.unlink(path)
    return found


# It waits for ever to say its last word to a controller that is gone already.
NANNY = r"-m ipyparallel\.engine\.nanny|\(nanny\)$"


def wait_for_the_end():
    """Until nothing that a test started is left. Who ought to end and does not keeps
    it waiting, and is told by the guard."""

    def left():
        return {
            pid: line
            for pid, line in processes().items()
            if not re.search(NANNY, line)
        }

    wait_for(lambda: not left())
    kill(processes())


def kill(pids):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not set(pids) & set(processes()))


class Ports(list):
    """Ports that no other test has until close(), below those that the system
    and our controller give out. ipyparallel looks for some that are free, and
    binds them a second later: by then they may be another's, and one of its
    schedulers ends without a word. And a nanny has its last word for whoever
    listens where its controller did."""

    SIZE = 32
    FIRST, END = 5000, 10000

    def __init__(self):
        blocks = range(self.FIRST, self.END - self.SIZE, self.SIZE)
        for first in random.sample(blocks, len(blocks)):
            self[:] = range(first, first + self.SIZE)
            self.holder = socket.socket(socket.AF_UNIX)
            try:
                # One test, of all that run on this machine.
                self.holder.bind("\0taskfs-interop-ports-%d" % first)
                self._bind_all()
                return
            except OSError:
                self.holder.close()
        raise Failed("all ports are in use")

    def _bind_all(self):
        for port in self:
            with socket.socket() as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind(("", port))

    def option(self):
        """For a controller."""
        return "--ports=%d-%d" % (self[0], self[-1])

    def close(self):
        self.holder.close()


class Cluster:
    """A controller and engines, each ours or stock."""

    def __init__(
        self,
        controller=OURS,
        engines=(),
        controller_args=(),
        engine_args=(),
        env=None,
    ):
        self.dir = tempfile.mkdtemp(prefix="profile_", dir=HOME)
        self.kind = controller
        self.env = env
        self.engine_args = list(engine_args)
        self.controller_args = list(controller_args)
        self.processes = []
        self.engines = []
        self.mounts = []
        self.ports = []
        tap.explain.append(self.explain)
        try:
            self.start_controller()
            for kind in engines:
                self._start_engine(kind)
            for engine in self.engines:
                self._wait_for_hub(engine)
        except BaseException:
            self.explain()
            self.stop()
            raise

    def path(self, kind, cluster_id=""):
        """Of the connection file of a kind, "client" or "engine"."""
        infix = cluster_id + "-" if cluster_id else ""
        return "%s/security/ipcontroller-%s%s.json" % (self.dir, infix, kind)

    def info(self, kind="client"):
        with open(self.path(kind)) as f:
            return json.load(f)

    def start_controller(self):
        # Ours comes back where it was.
        if self.kind == STOCK or not self.ports:
            self.ports.append(Ports())
        args = [*self.controller_args, self.ports[-1].option()]
        self.controller = self._start(self.kind, "controller", args)
        if self.kind == STOCK:
            self.controller.wait_line("Task scheduler started")
            # It says that it is ready before it watches signals; when it
            # answers, it does, and its children are not left behind.
            connect(self.path("client")).close()

    def start_engine(self, kind, *args):
        """One more; ids count up in the order of these calls."""
        engine = self._start_engine(kind, *args)
        self._wait_for_hub(engine)
        return engine

    def _start_engine(self, kind, *args):
        engine = self._start(kind, "engine", [*self.engine_args, *args])
        self.engines.append(engine)
        return engine

    def _wait_for_hub(self, engine):
        """The stock hub has an engine when its heart has beaten, a moment after
        the engine itself is ready. A client that connects in between may
        miss the notification: the hub's answer comes before it, and the
        client's subscription after it."""
        if self.kind == STOCK:
            self.controller.wait_line("Engine Connected: %s$" % engine.ready[1])

    def _start(self, kind, what, args):
        where = ["--profile-dir=" + self.dir]
        # ipyparallel's take no option twice.
        given = [arg.partition("=")[0] for arg in args]
        patient = [s for s in PATIENT[kind, what] if s.partition("=")[0] not in given]
        p = Process([*PROGRAM[kind, what], *where, *patient, *args], self.env)
        p.ours = kind == OURS
        self.processes.append(p)
        p.ready = p.wait_line(READY[kind, what])
        return p

    def client(self, engines=None, **how):
        """A stock client that knows so many engines (all that were started)."""
        rc = connect(self.path("client"), **how)
        wait_for_engines(rc, len(self.engines) if engines is None else engines)
        return rc

    def mount(self, *args, source=None):
        """Mounts the cluster (as this names it); the directory."""
        at = tempfile.mkdtemp(prefix="mnt_", dir=HOME)
        read, write = os.pipe()
        p = subprocess.Popen(
            [
                os.path.join(BUILD, "taskfs"),
                source or self.dir,
                at,
                "--foreground",
                "--wait=%d" % FOREVER,
                "--ready-fd=%d" % write,
                *args,
            ],
            pass_fds=[write],
            stdin=subprocess.DEVNULL,
        )
        os.close(write)
        with waiting_for("the mount of " + self.dir), open(read) as f:
            ready = f.read()
        self.mounts.append((at, p))
        assert ready, "the mount did not come up"
        return at

    def unmount(self, at, p):
        subprocess.run(["fusermount3", "-u", "-z", at], check=False)
        with waiting_for("the end of the mount %d" % p.pid):
            code = p.wait()
        assert code == 0, "the mount ended with %d" % code

    def explain(self):
        """What its processes said last, for a test that failed or hangs."""
        for p in self.processes:
            for line in p.lines[-50:]:
                print("# %d: %s" % (p.pid, line.rstrip("\n")))
        sys.stdout.flush()

    def stop(self):
        """Ends everything, engines first. What complaints there were."""
        for at, p in self.mounts:
            self.unmount(at, p)
        for p in reversed(self.processes):
            p.stop()
        # A nanny that stays holds the pipe of its engine's lines.
        wait_for_the_end()
        for p in self.processes:
            p.reader.join()
        bad = [line for p in self.processes if p.ours for line in p.complaints()]
        bad += findings()
        for ports in self.ports:
            ports.close()
        shutil.rmtree(self.dir, ignore_errors=True)
        tap.explain.remove(self.explain)
        return bad


def connect(*where, **how):
    """A stock client."""
    with waiting_for("an answer of a controller"):
        return ipp.Client(*where, timeout=FOREVER, **how)


def wait_for_engines(rc, n):
    """Until a stock client knows n engines. Its own wait_for_engines() counts
    them, and listens for more only then: one that its thread heard of in between
    is waited for for ever."""
    wait_for(lambda: len(rc.ids) >= n)


def wait_until_heard(rc):
    """Until a client hears outputs. A stock controller publishes them whether
    its subscription has come already or not; ours has its tasks wait for it, but not
    for ever. A comment of Python and of sh tells."""
    tried = []

    def heard():
        ar = rc[rc.ids[0]].execute("#", block=False)
        tried.append(ar)
        ar.get()
        # Those of the last one may be on their way.
        return any(ar.wait_for_output(0) for ar in tried)

    wait_for(heard)


class Case(unittest.TestCase):
    """A class of tests with a cluster for all of them."""

    controller = OURS
    engines = ()
    controller_args = ()
    engine_args = ()
    env = None
    # Patterns of what our programs may complain about.
    expected = ()
    # Tests look at outputs: wait until the client hears them.
    hears = False

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(
            cls.controller,
            cls.engines,
            cls.controller_args,
            cls.engine_args,
            cls.env,
        )

    @classmethod
    def tearDownClass(cls):
        bad = cls.cluster.stop()
        for pattern in cls.expected:
            bad = [line for line in bad if not re.search(pattern, line)]
        if bad:
            raise AssertionError("left or complained:\n" + "".join(bad))

    @classmethod
    def explain(cls):
        """Told after a test that failed."""
        cls.cluster.explain()

    def run(self, result=None):
        failed = lambda: len(result.failures) + len(result.errors)
        before = failed()
        super().run(result)
        if failed() > before:
            self.explain()

    def setUp(self):
        self.rc = self.cluster.client()
        self.addCleanup(self.rc.close)
        if self.hears:
            wait_until_heard(self.rc)

    def gate(self):
        """A Gate; at the latest it is open when the test ends."""
        gate = Gate()
        self.addCleanup(gate.open)
        return gate

    def fails(self, ename, what, *args):
        """what(*args) raises a RemoteError of that name; the error."""
        with self.assertRaises(ipp.error.RemoteError) as caught:
            what(*args)
        self.assertEqual(caught.exception.ename, ename)
        return caught.exception


def main(name):
    code = 1
    try:
        tap.main(sys.modules[name])
    except SystemExit as e:
        code = e.code
    finally:
        kill(processes())
        for line in findings():
            print("# " + line.rstrip("\n"))
            code = code or 1
        if not (code and os.environ.get("KEEP")):
            shutil.rmtree(HOME, ignore_errors=True)
    sys.stdout.flush()
    # Threads of stock clients may still hold the interpreter.
    os._exit(int(code or 0))
