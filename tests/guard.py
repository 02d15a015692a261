"""The guard: the only limit of time that tests have.

Tests wait for events, however long these take. When a file of tests has said
nothing for a long time (it says a line a test), it hangs: explain() tells what was
waited for, which processes there are and how their logs end; end() ends them.

Every process of a file of tests has MARK in its environment, and everything it
makes is below a directory of its own, $TMPDIR. What is waited for is the text of
the file $WAITS. A file of tests in Python is sent SIGUSR1 before, upon which it
says where it is (wire/tap.py).
"""

import contextlib
import os
import re
import signal
import subprocess

MARK = "TEST_FILE"


def read(path):
    """What a file of /proc or a log says; "" when it is not there."""
    try:
        with open(path, errors="backslashreplace") as f:
            return f.read()
    except OSError:
        return ""


def processes(mark):
    """The pids of those that have the mark in their environment."""
    found = []
    want = "%s=%s" % (MARK, mark)
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        if want in read("/proc/%d/environ" % pid).split("\0"):
            found.append(pid)
    return found


def mounts(below):
    """(directory, number of its FUSE connection), the innermost first."""
    found = []
    for line in read("/proc/self/mountinfo").splitlines():
        _, _, device, _, at, *_ = line.split(" ")
        at = re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), at)
        if at.startswith(below + "/"):
            found.append((at, device.split(":")[1]))
    return found[::-1]


def logs(below):
    """Files that are logs by their name. Nothing below a mount, which may hang."""
    no = {at for at, _ in mounts(below)}
    for at, dirs, files in os.walk(below):
        dirs[:] = [d for d in dirs if os.path.join(at, d) not in no]
        for name in sorted(files):
            if name.endswith(".log") or name in ("log", "stderr"):
                yield os.path.join(at, name)


def describe(pid):
    """A line: pid, parent, state, what it waits for in the kernel, command."""
    stat = read("/proc/%d/stat" % pid).rpartition(") ")[2].split()
    if not stat:
        return "%d has ended" % pid
    where = read("/proc/%d/wchan" % pid) or "-"
    words = read("/proc/%d/cmdline" % pid).replace("\0", " ").strip()
    return "%d, child of %s, %s, in %s: %s" % (pid, stat[1], stat[0], where, words)


def explain(mark, directory, waits):
    """Lines."""
    yield "waited for: " + (read(waits).strip() or "(it did not say)")
    yield "processes:"
    for pid in processes(mark):
        yield "  " + describe(pid)
    for path in logs(directory):
        yield "%s ends so:" % path
        for line in read(path).splitlines()[-20:]:
            yield "  " + line


def end(mark, directory):
    """Ends all processes and takes the mounts away."""
    for at, number in mounts(directory):
        with contextlib.suppress(OSError):
            with open("/sys/fs/fuse/connections/%s/abort" % number, "w") as f:
                f.write("1")
        for command in ["fusermount3", "-uz", at], ["umount", "-l", at]:
            if at in (m for m, _ in mounts(directory)):
                subprocess.run(command, stderr=subprocess.DEVNULL, check=False)
    for pid in processes(mark):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
