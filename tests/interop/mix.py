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
What is waited for is a line of a log, a reply, the end of a process: nothing
sleeps. After a class: no process is left, and our programs logged no warning
or error but those the class names in `expected`. A test that hangs for longer
than mix.DEADLINE raises in the middle of what it waits for.
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

import tap  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(ROOT, "build")))
# A build with sanitizers takes its time, and so do ten Python processes. A test
# as a whole may take three times as long as one thing it waits for.
DEADLINE = 40 * (4 if os.environ.get("SAN") else 1)
OURS, STOCK = "ours", "stock"

# What nobody sets for a test.
for name in list(os.environ):
    if name.startswith(("IPP_", "XDG_", "TASKFS_")):
        del os.environ[name]
# Every process of a test has this in its environment.
MARK = "TASKFS_INTEROP"
os.environ[MARK] = "%d.%d" % (os.getpid(), time.time_ns())
os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
# Of the test alone: ~/.ipython, ~/.local.
HOME = tempfile.mkdtemp(prefix="taskfs-interop-")
os.environ["HOME"] = HOME
# What sanitizers find, in bridges and mounts too.
FOUND = os.path.join(HOME, "sanitizer")
for name in "ASAN_OPTIONS", "UBSAN_OPTIONS":
    os.environ[name] = "%s:log_path=%s" % (os.environ.get(name, ""), FOUND)

import ipyparallel as ipp  # noqa: E402  (reads HOME)

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


class Timeout(Exception):
    """Not an OSError: nothing in between takes it for one of its own."""


def _too_long(signo, frame):
    raise Timeout("the test took too long")


@contextlib.contextmanager
def deadline(seconds=3 * DEADLINE):
    """What is in it raises Timeout when it takes longer."""
    signal.signal(signal.SIGALRM, _too_long)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def within(what, seconds=DEADLINE):
    """Until what() is true; the last resort, where nothing can be waited for.
    Its value."""
    end = time.monotonic() + seconds
    never = threading.Event()
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise Timeout("it did not happen")
        never.wait(0.02)


_libc = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def _end_with_me():
    """In a child: when a test is killed, nothing of it stays."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Process:
    """A program and every line it writes."""

    def __init__(self, args, env=None, **how):
        self.args = args
        self.lines = []
        self.news = threading.Condition()
        self.ended = False
        self.popen = subprocess.Popen(
            args,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(os.environ, **(env or {})),
            start_new_session=True,
            preexec_fn=_end_with_me,
            text=True,
            errors="backslashreplace",
            **how,
        )
        self.pid = self.popen.pid
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.popen.stdout:
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

    def wait_line(self, pattern, seconds=DEADLINE):
        """The match of the first line like this."""
        end = time.monotonic() + seconds
        with self.news:
            while not self._find(pattern):
                left = end - time.monotonic()
                if self.ended or left <= 0:
                    raise Timeout(
                        "%s: no line like %s in:\n%s"
                        % (self.args[0], pattern, "".join(self.lines))
                    )
                self.news.wait(left)
            return self._find(pattern)

    def wait(self, seconds=DEADLINE):
        """Its exit code."""
        return self.popen.wait(seconds)

    def send(self, signo):
        self.popen.send_signal(signo)

    def stop(self, signo=signal.SIGTERM):
        """Ends it if it still runs; its exit code."""
        if self.popen.poll() is None:
            self.send(signo)
        try:
            return self.popen.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            raise

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
        ar.get(DEADLINE)
    except ipp.error.TaskAborted:
        return True
    return False


def processes():
    """{pid: command line} of what this file of tests started and still
    lives."""
    found = {}
    want = b"%s=%s" % (MARK.encode(), os.environ[MARK].encode())
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if int(pid) == os.getpid():
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
NANNY = "-m ipyparallel.engine.nanny"


def kill_left_overs():
    """Kills what a test left; the command lines of those that had to end.
    Stock nannies and schedulers get a moment to do so by themselves."""
    try:
        within(lambda: not processes(), 15)
        return []
    except Timeout:
        left = processes()
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return [line for line in left.values() if NANNY not in line]


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
        raise Timeout("all ports are in use")

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
            ipp.Client(self.path("client"), timeout=DEADLINE).close()

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
        p = Process([*PROGRAM[kind, what], *where, *args], self.env)
        p.ours = kind == OURS
        self.processes.append(p)
        p.ready = p.wait_line(READY[kind, what])
        return p

    def client(self, engines=None, **how):
        """A stock client that knows so many engines (all that were started)."""
        rc = ipp.Client(self.path("client"), timeout=DEADLINE, **how)
        n = len(self.engines) if engines is None else engines
        rc.wait_for_engines(n, timeout=DEADLINE, interactive=False)
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
                "--ready-fd=%d" % write,
                *args,
            ],
            pass_fds=[write],
            stdin=subprocess.DEVNULL,
        )
        os.close(write)
        with deadline(), open(read) as f:
            ready = f.read()
        self.mounts.append((at, p))
        assert ready, "the mount did not come up"
        return at

    def unmount(self, at, p):
        subprocess.run(["fusermount3", "-u", "-z", at], check=False)
        code = p.wait(DEADLINE)
        assert code == 0, "the mount ended with %d" % code

    def explain(self):
        """What its processes said last, for a test that failed."""
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
        bad = kill_left_overs()
        for p in self.processes:
            p.reader.join(DEADLINE)
        bad += [line for p in self.processes if p.ours for line in p.complaints()]
        bad += findings()
        for ports in self.ports:
            ports.close()
        shutil.rmtree(self.dir, ignore_errors=True)
        return bad


def wait_until_heard(rc):
    """Until a client hears outputs. A stock controller publishes them whether
    its subscription has come already or not; ours has its tasks wait for it. A
    comment of Python and of sh tells."""

    def heard():
        ar = rc[rc.ids[0]].execute("#", block=False)
        ar.get(DEADLINE)
        return ar.wait_for_output(0.5)

    within(heard)


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
        with deadline():
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
        limit = deadline()
        limit.__enter__()
        self.addCleanup(limit.__exit__, None, None, None)
        self.rc = self.cluster.client()
        self.addCleanup(self.rc.close)
        if self.hears and self.controller == STOCK:
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
        kill_left_overs()
        for line in findings():
            print("# " + line.rstrip("\n"))
            code = code or 1
        if not (code and os.environ.get("KEEP")):
            shutil.rmtree(HOME, ignore_errors=True)
    sys.stdout.flush()
    # Threads of stock clients may still hold the interpreter.
    os._exit(int(code or 0))
