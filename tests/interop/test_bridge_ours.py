#!/usr/bin/python3
"""Engines of ours at ipyparallel's controller, and stock ones beside ours."""

import errno
import os
import signal
import socket
import tempfile

import mix
from mounted import Bridged, Mounted

TIER = "check"

class OurEngines(Bridged):
    """They have all they have on our own controller."""

    engines = (mix.OURS, mix.OURS)
    expected = Bridged.RESTARTED

    def test_args_env_stdin_and_directory(self):
        got = self.value(
            'echo "$1 $A $(cat) $PWD $TASKFS_ID $TASKFS_ENGINE"',
            args=["x"],
            env={"A": "1"},
            stdin="in",
            cwd="/usr",
            targets=[1],
        )
        id = self.submitted[-1]
        self.assertEqual(got, "x 1 in /usr %d 1\n" % id)
        self.assertEqual(self.get(id, "error"), "")

    def test_a_directory_that_is_not_there(self):
        id = self.submit("echo $PWD", cwd="/no/where")
        self.assertEqual(self.get(id, "wait"), "error\n")
        self.assertIn(
            "StartError: cwd: /no/where: No such file", self.get(id, "error")
        )
        where = self.value("echo $PWD; ls", submit_dir="/no/where")[:-1]
        self.assertNotEqual(where, os.getcwd())
        self.assertNotIn("\n", where)
        self.assertIn("submit_dir: /no/where:", self.get(self.submitted[-1], "error"))
        mix.wait_for(lambda: not os.path.exists(where))

    def test_a_map(self):
        id = self.submit("echo $1.; echo $1 >&2", map=["a", "b", "c"])
        self.done(id)
        self.assertEqual(self.get(id, "value"), "a.\nb.\nc.\n")
        self.assertEqual(self.get(id, "1/stderr"), "b\n")
        chunks = self.value("echo $#; echo $*", map=["a", "b", "c"], chunk=2)
        self.assertEqual(chunks, "2\na b\n1\nc\n")

    def test_a_failure(self):
        id = self.submit("echo out; echo why >&2; exit 3")
        self.done(id, "error")
        self.assertEqual(self.get(id, "exit_status"), "3\n")
        self.assertEqual(self.get(id, "stdout"), "out\n")
        self.assertEqual(self.get(id, "error"), "ExitStatus: exit status 3\nwhy\n")
        self.assertIn("memory", self.get(id, "usage"))

    def test_signals(self):
        id = self.goes(self.submit("trap 'echo caught; exit 4' USR1; echo go; while :; do sleep 0.01; done"))
        self.write("results/%d/ctl" % id, "signal USR1\n")
        self.done(id, "error")
        self.assertEqual(self.get(id, "stdout"), "go\ncaught\n")
        id = self.goes(self.submit("echo go; exec sleep 1000"))
        self.write("results/%d/ctl" % id, "signal TERM\n")
        self.done(id, "error")
        self.assertTrue(self.get(id, "error").startswith("Killed: "))

    def test_abort_and_time_limit(self):
        id = self.goes(self.submit("echo go; exec sleep 1000"))
        self.write("results/%d/ctl" % id, "abort\n")
        self.done(id, "aborted")
        id = self.goes(self.submit("echo go; exec sleep 1000"))
        with self.assertRaises(OSError) as e:
            self.write("results/%d/time_limit" % id, "0.2\n")
        self.assertEqual(e.exception.errno, errno.EOPNOTSUPP)
        self.write("results/%d/ctl" % id, "abort\n")
        self.done(id, "aborted")
        id = self.submit("exec sleep 1000", time_limit=0.2)
        self.done(id, "error")
        self.assertTrue(
            self.get(id, "error").startswith("TaskTimeLimit: ran longer than 0.2 s\n")
        )
        self.done(self.submit("echo", path="engines/all/new"))

    def test_dependencies(self):
        a = self.submit("echo a")
        b = self.submit("echo b", after=[a], follow=[a])
        self.done(b)
        self.assertEqual(self.get(a, "engine"), self.get(b, "engine"))
        never = self.submit("echo c", after=[self.submit("exit 1")])
        self.done(never, "aborted")
        self.assertTrue(self.get(never, "error").startswith("Skipped: after "))

    def test_retries(self):
        id = self.submit("exit 3", retries=2)
        self.done(id, "error")
        self.assertEqual(len(self.get(id, "attempts").splitlines()), 3)

    def test_priority(self):
        """Of what waits for an engine the more urgent goes first."""
        gate = self.gate()
        busy = self.goes(self.submit("echo go; cat %s" % gate, path="engines/0/new"))
        order = tempfile.mktemp(dir=mix.HOME)
        ids = [
            self.submit("echo %d >>%s" % (n, order), priority=n, targets=[0])
            for n in (1, 3, 2)
        ]
        gate.reached().close()
        for id in [busy, *ids]:
            self.done(id)
        with open(order) as f:
            self.assertEqual(f.read(), "3\n2\n1\n")

    def test_variables(self):
        lines = "a\nb\nc\n"
        self.write("engines/all/scatter/s", lines)
        self.assertEqual(self.read("engines/0/vars/s"), "a\nb\n")
        self.assertEqual(self.read("engines/all/gather/s"), lines)
        got = self.value('cat "$TASKFS_VARS/s"', path="engines/1/new")
        self.assertEqual(got, "c\n")

    def asked(self):
        """So often the bridge asked about results."""
        lines = self.cluster.controller.lines
        return sum("requested 'result_request'" in line for line in lines)

    def test_a_task_that_runs_on_over_a_restart_of_the_bridge(self):
        """The hub says again and again that it is not done."""
        gate = self.gate()
        id = self.goes(self.submit("echo go; cat %s; echo end" % gate))
        self.kill_bridge()
        before = self.asked()
        mix.wait_for(lambda: self.asked() > before + 15)
        self.assertEqual(self.get(id, "status"), "running\n")
        gate.reached().close()
        self.done(id)
        self.assertEqual(self.get(id, "stdout"), "go\nend\n")

    def test_abort_and_signal_of_what_ran_before_a_restart_of_the_bridge(self):
        for end, status in ("abort\n", "aborted"), ("signal TERM\n", "error"):
            id = self.goes(self.submit("echo go; exec sleep 1000"))
            self.kill_bridge()
            self.write("results/%d/ctl" % id, end)
            self.done(id, status)
            # It does not run any more.
            self.done(self.submit("echo", path="engines/all/new"))

    def test_which_processes_they_are(self):
        for e, engine in enumerate(self.cluster.engines):
            self.assertEqual(self.read("engines/%d/language" % e), "sh\n")
            self.assertEqual(self.read("engines/%d/host" % e), socket.gethostname() + "\n")
            pid = int(self.read("engines/%d/pid" % e))
            with open("/proc/%d/stat" % pid) as f:
                parent = int(f.read().rsplit(")", 1)[1].split()[1])
            # Its guard's.
            self.assertEqual(parent, engine.pid)


class AnEngineOfOursDies(Bridged):
    engines = (mix.OURS, mix.OURS)
    expected = ('"the engine was killed"',)

    def test_its_task_and_the_others(self):
        id = self.goes(self.submit("echo go; exec sleep 1000", path="engines/1/new"))
        os.kill(int(self.read("engines/1/pid")), signal.SIGKILL)
        self.done(id, "error")
        self.assertEqual(
            self.get(id, "error"), "EngineError: engine 1 ended while running the task\n"
        )
        self.assertEqual(self.get(id, "stdout"), "go\n")
        mix.wait_for(lambda: self.ids() == ["0"])
        self.done(self.submit("echo"))


class BesideOurEngines(Mounted):
    """A task goes to engines of the shell unless it names one of Python."""

    controller, engines = mix.OURS, (mix.STOCK, mix.OURS)

    def test_each_in_its_language(self):
        for _ in range(4):
            self.assertEqual(self.value("echo $TASKFS_ENGINE\n"), "1\n")
        self.assertEqual(self.value("6*7", path="engines/0/new"), "42\n")


if __name__ == "__main__":
    mix.main(__name__)
