"""Processes of ipyparallel, forked from one that has imported it.

To import it takes more than a second of a processor, and a test of interop starts it
many times: a controller, and for each engine two processes. begin() leaves a process
behind that has imported it, and waits. A Process is a child of that one: with a
session, an environment, a directory, an input and outputs of its own, it goes on as
`python3 -m MODULE ARGUMENT...` does when it has imported the same. So do the nannies
of its engines. That all is as if the command had been typed, test_stock.py shows;
test_launch.py, test_guide.py and tests/e2e type it.

What can tell one from the other: ps, where a command line is that of the test. The
name of the process is controller, engine or nanny.
"""

import contextlib
import ctypes
import gc
import importlib
import io
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys

# What can be asked for, and what it imports when it runs.
MODULES = {
    "ipyparallel.controller": "ipyparallel.controller.app",
    "ipyparallel.engine": "ipyparallel.engine.app",
    "ipyparallel.engine.nanny": "ipyparallel.engine.nanny",
}
TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
_libc = ctypes.CDLL(None)

# The process that waits, and where it does so.
parent = 0
_address = None


class Gone(Exception):
    """The process that waits has ended."""

    def __init__(self):
        super().__init__(
            "process %d has ended, of which those of ipyparallel are forked:"
            " what it said before tells why" % parent
        )


def begin(address):
    """Before there is a thread or a socket: a child begins with what is there now.
    In a child of the process that waits, this raises SystemExit when it has run."""
    global parent, _address
    _address = address
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(address)
        listener.listen(100)
        sys.stdout.flush()
        parent = os.fork()
        if parent:
            return
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        _libc.prctl(PR_SET_NAME, b"forks")
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        parent = os.getpid()
        how, fds = _wait_to_be_asked(listener)
    _become(how, fds)


# --- in the process that waits, and its children -------------------------------


def _wait_to_be_asked(listener):
    """Returns in a child, with what it is asked to be."""
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    children = {}
    while True:
        for fd, _ in poll.poll():
            if fd in children:
                poll.unregister(fd)
                _tell_the_end(fd, *children.pop(fd))
                continue
            line, _ = listener.accept()
            text, fds, _, _ = socket.recv_fds(line, 1 << 20, 3)
            how = json.loads(text)
            importlib.import_module(MODULES[how["args"][0]])
            # What is there stays: no child need look through it for garbage.
            gc.freeze()
            pid = os.fork()
            if not pid:
                _let_go(children)
                line.close()
                return how, fds
            for given in fds:
                os.close(given)
            line.send(b"%d" % pid)
            pidfd = os.pidfd_open(pid)
            children[pidfd] = pid, line
            poll.register(pidfd, select.POLLIN)


def _let_go(children):
    """In a child. What was opened when ipyparallel was imported stays."""
    for pidfd, (_, line) in children.items():
        os.close(pidfd)
        line.close()


def _tell_the_end(pidfd, pid, line):
    os.close(pidfd)
    _, status = os.waitpid(pid, 0)
    with line, contextlib.suppress(OSError):
        line.send(b"%d" % os.waitstatus_to_exitcode(status))


def _become(how, fds):
    module, *args = how["args"]
    os.setsid()
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    _libc.prctl(PR_SET_NAME, module.rpartition(".")[2].encode())
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(how["cwd"])
    for fd, given in enumerate(fds):
        os.dup2(given, fd)
        os.close(given)
    os.environ.clear()
    os.environ.update(how["env"])
    unbuffered = "PYTHONUNBUFFERED" in os.environ
    # As Python opens them: these descriptors are not theirs to close.
    sys.stdin = open(0, closefd=False)
    sys.stdout = io.TextIOWrapper(open(1, "wb", 0 if unbuffered else -1, closefd=False))
    sys.stdout.reconfigure(write_through=unbuffered)
    sys.stderr = open(2, "w", 1, errors="backslashreplace", closefd=False)
    # It knows nothing of the tests.
    for name, one in list(sys.modules.items()):
        if (getattr(one, "__file__", None) or "").startswith(TESTS + os.sep):
            del sys.modules[name]
    sys.path[:] = [os.getcwd(), *(p for p in sys.path if not p.startswith(TESTS))]
    sys.argv = ["-m", *args]
    # Nobody else's numbers.
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    if module == "ipyparallel.engine":
        sys.modules["ipyparallel.engine.nanny"].Popen = _nanny
    # What runs as __main__ was not imported before (a package may have been).
    if MODULES[module] == module:
        del sys.modules[module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    sys.exit()


def _nanny(args, stdin, stdout, env, start_new_session):
    """Popen(), as an engine starts its nanny."""
    read, p_stdin = os.pipe()
    p_stdout, write = os.pipe()
    p = Process(args[2:], env, read, write, 2)
    os.close(read)
    os.close(write)
    p.stdin = open(p_stdin, "wb")
    p.stdout = open(p_stdout, "rb")
    return p


# --- in a test ------------------------------------------------------------------


class Process:
    """`python3 -m MODULE ARGUMENT...`, like a Popen. Its input and output are
    these descriptors."""

    def __init__(self, args, env, stdin, stdout, stderr):
        self.returncode = None
        self.line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        how = json.dumps({"args": args, "env": dict(env), "cwd": os.getcwd()})
        try:
            self.line.connect(_address)
            socket.send_fds(self.line, [how.encode()], [stdin, stdout, stderr])
            self.pid = self._hear()
        except ConnectionError:
            raise Gone from None

    def _hear(self):
        text = self.line.recv(100)
        if not text:
            raise Gone
        return int(text)

    def wait(self, timeout=None):
        if self.returncode is None:
            self.line.settimeout(timeout)
            try:
                self.returncode = self._hear()
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(self.pid, timeout) from None
            self.line.close()
        return self.returncode

    def poll(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0)

    def send_signal(self, signo):
        if self.poll() is None:
            # It may just have ended.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signo)

    def terminate(self):
        self.send_signal(signal.SIGTERM)
