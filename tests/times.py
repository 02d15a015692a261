"""The processor time of a file of tests: of all that it starts, also of what goes on
in the background and has other parents then.

The file has a cgroup (v2) of its own, whose kernel counts. Needs root.
"""

import contextlib
import os
import re


def _own():
    """The directory of our own cgroup."""
    with open("/proc/self/mountinfo") as f:
        at = re.search(r"^(?:\S+ ){4}(\S+) .* - cgroup2 ", f.read(), re.M)
    with open("/proc/self/cgroup") as f:
        path = re.search("^0::/(.*)", f.read(), re.M)
    if not at or not path:
        raise SystemExit("TIMES: there is no cgroup2 here")
    return os.path.join(at[1], path[1])


class Times:
    def __init__(self, name):
        self.group = os.path.join(_own(), name)
        os.mkdir(self.group)

    def join(self):
        """In a child, before it is a program."""
        with open(os.path.join(self.group, "cgroup.procs"), "w") as f:
            f.write("0")

    def end(self):
        """Seconds. What still runs counts until now, and keeps the group."""
        with open(os.path.join(self.group, "cpu.stat")) as f:
            used = int(re.search(r"usage_usec (\d+)", f.read())[1]) / 1e6
        for at, _, _ in os.walk(self.group, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(at)
        return used
