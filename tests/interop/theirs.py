#!/usr/bin/python3
"""ipyparallel's own tests of a client, as Debian installs them, with our
controller in place of theirs and their engines: theirs.py client lbview ...

Told as TAP. What they expect to fail, or skip, counts as passed.
"""

import os
import sys
import time

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(ROOT, "build")))
os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"

from ipyparallel.cluster import launcher  # noqa: E402

launcher.ipcontroller_cmd_argv[:] = [os.path.join(BUILD, "taskfs-controller")]

import ipyparallel.tests  # noqa: E402  (takes the command from there)


class Patient:
    """Their engines have 15 s to come up; on a busy machine that is short."""

    sleep = staticmethod(time.sleep)

    @staticmethod
    def time():
        return time.time() / 8


ipyparallel.tests.time = Patient


class Tap:
    """One line for each test, whichever of its three phases failed."""

    def __init__(self):
        self.n = 0
        self.bad = {}

    def pytest_collection_finish(self, session):
        print("1..%d" % len(session.items))

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.bad[report.nodeid] = report.longreprtext
        if report.when != "teardown":
            return
        self.n += 1
        why = self.bad.get(report.nodeid)
        name = report.nodeid.split("::", 1)[1]
        print("%s %d - %s" % ("not ok" if why else "ok", self.n, name))
        for line in (why or "").splitlines():
            print("# " + line)
        sys.stdout.flush()


def main():
    where = os.path.dirname(ipyparallel.tests.__file__)
    files = ["%s/test_%s.py" % (where, m) for m in sys.argv[1:]]
    code = pytest.main(
        ["-p", "no:cacheprovider", "-p", "no:terminal", "--rootdir", where, *files],
        plugins=[Tap()],
    )
    sys.stdout.flush()
    os._exit(int(code))


if __name__ == "__main__":
    main()
