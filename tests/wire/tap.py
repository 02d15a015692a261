"""unittest, told as TAP.

    @tap.check                  # a test or a class that `make test` leaves out
    def test_a_million(self):

Tests have no limits of time: they wait for events. When one hangs, tests/run sends
SIGUSR1, upon which it is told where every thread is, and what those in `explain`
say.
"""

import contextlib
import faulthandler
import linecache
import os
import signal
import subprocess
import sys
import threading
import unittest

# Files whose functions wait for the tests that call them.
helpers = {__file__, contextlib.__file__}


@contextlib.contextmanager
def waiting_for(what):
    """Tells the guard of tests/run."""
    path = os.environ.get("WAITS", os.devnull)
    with open(path, "w") as f:
        f.write(what + "\n")
    try:
        yield
    finally:
        open(path, "w").close()


def _caller():
    """The line of a test that calls what calls this, and its text."""
    frame = sys._getframe(2)
    while frame.f_code.co_filename in helpers:
        frame = frame.f_back
    path, n = frame.f_code.co_filename, frame.f_lineno
    line = linecache.getline(path, n).strip()
    return "%s:%d: %s" % (os.path.basename(path), n, line)


def wait_for(what):
    """Until what() is true; the last resort, where nothing can be waited for.
    Its value."""
    value = what()
    if value:
        return value
    never = threading.Event()
    pause = 0.005
    with waiting_for(_caller()):
        while not value:
            never.wait(pause)
            # Who is asked is not to be kept busy by that.
            pause = min(pause * 1.5, 0.2)
            value = what()
    return value


# Called without arguments when a test hangs; they print.
explain = []


def _say_where(signo, frame):
    for one in explain:
        one()
    sys.stdout.flush()


def can_mount():
    """Whether file systems may be mounted, which root may not everywhere."""
    command = "mount -t tmpfs none /mnt && umount /mnt"
    command = ["unshare", "-m", "sh", "-c", command]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.run(command, check=False, **quiet).returncode == 0


def check(test):
    """Only `make check` runs it, and not `make test`."""
    test.tier = "check"
    return test


def _in_tier(suite):
    """The tests that this run is for, one suite a class as before."""
    if os.environ.get("TIER") != "test":
        return suite
    found = unittest.TestSuite()
    for of_class in suite:
        tests = [
            t
            for t in of_class
            if not hasattr(t, "tier")
            and not hasattr(getattr(t, t._testMethodName), "tier")
        ]
        if tests:
            found.addTest(unittest.TestSuite(tests))
    return found


class Tap(unittest.TestResult):
    def say(self, word, test, why=""):
        name = test.id().removeprefix("__main__.")
        print("%s %d - %s" % (word, self.testsRun, name))
        for line in why.splitlines():
            print("# " + line)
        sys.stdout.flush()

    def addSuccess(self, test):
        self.say("ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        name = test.id().removeprefix("__main__.")
        print("ok %d - %s # skip %s" % (self.testsRun, name, reason))
        sys.stdout.flush()

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.say("not ok", test, self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.say("not ok", test, self.errors[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            bad = self.failures if issubclass(err[0], test.failureException) else self.errors
            self.say("not ok", subtest, bad[-1][1])


def part(suite, which):
    """Of the classes of a file the which = "1/3"rd part, by how many tests they
    have."""
    n, of = map(int, which.split("/"))
    parts = [unittest.TestSuite() for _ in range(of)]
    for of_class in sorted(suite, key=lambda s: -s.countTestCases()):
        min(parts, key=lambda s: s.countTestCases()).addTest(of_class)
    return parts[n - 1]


def register():
    """The guard of tests/run asks with this signal where a test hangs."""
    signal.signal(signal.SIGUSR1, _say_where)
    faulthandler.register(signal.SIGUSR1, sys.stdout, chain=True)


def main(module):
    register()
    loader = unittest.defaultTestLoader
    if len(sys.argv) > 1:
        suite = loader.loadTestsFromNames(sys.argv[1:], module)
    else:
        suite = _in_tier(loader.loadTestsFromModule(module))
    if "PART" in os.environ:
        suite = part(suite, os.environ.pop("PART"))
    print("1..%d" % suite.countTestCases())
    sys.stdout.flush()
    outcome = Tap()
    suite.run(outcome)
    sys.exit(not outcome.wasSuccessful())
