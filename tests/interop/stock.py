"""Processes of ipyparallel, forked from one that has imported it.

To import it takes more than a second of a processor, and an engine of ipyparallel
is two processes that do. begin() leaves a process behind, with all of it imported,
which waits; a Process is a child of that one, and goes on as `python3 -m MODULE
ARGUMENT...` does when it has imported the same. So do the nannies of its engines.
That the commands themselves do, test_launch.py, test_guide.py and the tests of e2e
show.
"""

import contextlib
import ctypes
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

MODULES = (
    "ipyparallel.controller",
    "ipyparallel.engine",
    "ipyparallel.engine.nanny",
)
# What each of them imports when it runs.
LATER = {
    "ipyparallel.controller": ["ipyparallel.controller.app"],
    "ipyparallel.engine": ["ipyparallel.engine.app"],
    "ipyparallel.engine.nanny": ["ipyparallel.engine.nanny"],
}
TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
_libc = ctypes.CDLL(None)

# The process that waits, and where it does so.
parent = 0
_address = None


def begin(address):
    """Before there is a thread or a socket: a child begins with what is there now.
    In a child of the process that waits, this raises SystemExit when it has run."""
    global parent, _address
    _address = address
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(address)
        listener.listen(100)
        parent = os.fork()
        if parent:
            return
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
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
            for name in LATER[how["args"][0]]:
                importlib.import_module(name)
            pid = os.fork()
            if not pid:
                return how, fds
            for given in fds:
                os.close(given)
            line.send(b"%d" % pid)
            pidfd = os.pidfd_open(pid)
            children[pidfd] = pid, line
            poll.register(pidfd, select.POLLIN)


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
    for fd in range(3):
        os.dup2(fds[fd], fd)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()
    os.environ.update(how["env"])
    unbuffered = "PYTHONUNBUFFERED" in os.environ
    sys.stdin = open(0)
    sys.stdout = io.TextIOWrapper(open(1, "wb", 0 if unbuffered else -1))
    sys.stdout.reconfigure(write_through=unbuffered)
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace")
    # It knows nothing of the tests.
    for name, one in list(sys.modules.items()):
        if (getattr(one, "__file__", None) or "").startswith(TESTS + os.sep):
            del sys.modules[name]
    sys.path[:] = [os.getcwd(), *(p for p in sys.path if not p.startswith(TESTS))]
    sys.argv = ["-m", *args]
    if "ipyparallel.engine.nanny" in sys.modules:
        sys.modules["ipyparallel.engine.nanny"].Popen = _nanny
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
        self.line.connect(_address)
        how = json.dumps({"args": args, "env": dict(env)}).encode()
        socket.send_fds(self.line, [how], [stdin, stdout, stderr])
        self.pid = int(self.line.recv(100))

    def wait(self, timeout=None):
        if self.returncode is None:
            self.line.settimeout(timeout)
            try:
                self.returncode = int(self.line.recv(100))
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(self.pid, timeout) from None
            self.line.close()
        return self.returncode

    def poll(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0)

    def send_signal(self, signo):
        if self.poll() is None:
            os.kill(self.pid, signo)

    def terminate(self):
        self.send_signal(signal.SIGTERM)
