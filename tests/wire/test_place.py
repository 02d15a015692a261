#!/usr/bin/python3
"""Where the three programs write and whom they believe: files and directories that
somebody else has put there. BUILD is the directory of the programs."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

import tap
from peers import Controller

BUILD = os.environ.get("BUILD", "build")
CONTROLLER = os.path.join(BUILD, "taskfs-controller")
NOBODY = 65534


class Case(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="taskfs-wire-")
        self.addCleanup(shutil.rmtree, self.top)
        self.dir = self.top + "/cluster"
        self.mnt = self.top + "/mnt"
        os.mkdir(self.dir, 0o700)
        os.mkdir(self.mnt)

    def commands(self):
        yield [CONTROLLER, "--cluster-dir=" + self.dir]
        yield [
            BUILD + "/taskfs-engine",
            "--cluster-dir=" + self.dir,
            "--spool=" + self.top,
            "--wait=no",
        ]
        yield [BUILD + "/taskfs", self.dir, self.mnt]

    def refused(self, why, *options):
        for command in self.commands():
            p = subprocess.run(
                [*command, *options], stderr=subprocess.PIPE, text=True
            )
            self.assertNotIn(p.returncode, (0, 99), command)
            self.assertIn(why, p.stderr)


class Logs(Case):
    def setUp(self):
        super().setUp()
        self.log = self.top + "/log"

    def no_log(self, why):
        why = "cannot write the log %s: %s" % (self.log, why)
        self.refused(why, "--log-file=" + self.log)

    def test_a_link_is_not_followed(self):
        target = self.top + "/target"
        os.symlink(target, self.log)
        self.no_log("it is a link")
        self.assertFalse(os.path.exists(target))
        with open(target, "w"):
            pass
        self.no_log("it is a link")
        self.assertEqual(os.path.getsize(target), 0)

    def test_another_name_of_a_file(self):
        with open(self.top + "/precious", "w") as f:
            f.write("mine\n")
        os.link(self.top + "/precious", self.log)
        self.no_log("the file has another name")
        with open(self.top + "/precious") as f:
            self.assertEqual(f.read(), "mine\n")

    def test_a_pipe_is_not_waited_for(self):
        os.mkfifo(self.log)
        self.no_log("it is no plain file")
        with open(os.open(self.log, os.O_RDONLY | os.O_NONBLOCK), "rb") as f:
            self.no_log("it is no plain file")
            self.assertEqual(f.read(), b"")

    def test_a_file_of_another_user(self):
        with open(self.log, "w"):
            pass
        # Who is not root cannot make one.
        if os.geteuid() == 0:
            os.chown(self.log, NOBODY, NOBODY)
            self.no_log("it belongs to another user")
        self.assertEqual(os.path.getsize(self.log), 0)

    def test_a_log_is_private(self):
        """Also below a directory that others may look into."""
        mask = os.umask(0o022)
        self.addCleanup(os.umask, mask)
        c = Controller(CONTROLLER, "--log-file=" + self.log, "--log-to-file")
        self.assertEqual(c.stop(), 0)
        c.remove()
        mode = stat.S_IMODE(os.stat(self.log).st_mode)
        self.assertEqual(mode, 0o600)
        with open(self.log) as f:
            self.assertIn('"started"', f.read())


class Directories(Case):
    WHY = "belongs to another user, or anybody may write there"

    def each(self, path):
        os.chmod(path, 0o1777)
        self.refused(self.WHY)
        os.chmod(path, 0o700)
        # Who is not root cannot make one of another user.
        if os.geteuid() == 0:
            os.chown(path, NOBODY, NOBODY)
            self.refused(self.WHY)
            os.chown(path, 0, 0)

    def test_the_cluster_s(self):
        self.each(self.dir)
        self.assertEqual(os.listdir(self.dir), [])

    def test_a_part_of_it(self):
        security = self.dir + "/security"
        os.mkdir(security, 0o700)
        self.each(security)
        self.assertEqual(os.listdir(security), [])


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
