"""What is forked is what the command would have been: processes of ipyparallel in
these tests (stock.py)."""

import os
import re
import signal
import subprocess
import sys

import mix
import stock

TIER = "check"


def facts():
    import os
    import random
    import sys

    # ipyparallel imports it where it is.
    numpy = [sys.modules[name] for name in ("numpy",) if name in sys.modules]
    return {
        "pid": os.getpid(),
        "session": os.getsid(0),
        "directory": os.getcwd(),
        "path": sys.path,
        "arguments": sys.argv[1:],
        "environment": dict(os.environ),
        "files": {s: os.readlink("/proc/self/fd/%d" % s) for s in range(3)},
        "tests": [name for name in ("mix", "stock", "tap") if name in sys.modules],
        "numbers": [random.random(), *(n.random.random() for n in numpy)],
    }


facts.__module__ = "__main__"


class Engines(mix.Case):
    controller, engines = mix.STOCK, (mix.STOCK, mix.STOCK)
    env = {"ITS_OWN": "yes"}

    def setUp(self):
        super().setUp()
        self.each = [self.rc[i].apply_sync(facts) for i in (0, 1)]

    def test_a_process_and_a_session_of_its_own(self):
        for engine, its in zip(self.cluster.engines, self.each):
            self.assertEqual(its["pid"], engine.pid)
            self.assertEqual(its["session"], engine.pid)

    def test_nothing_of_the_tests(self):
        for its in self.each:
            self.assertEqual(its["tests"], [])
            self.assertFalse([s for s in its["path"] if s.startswith(stock.TESTS)])

    def test_where_and_with_what(self):
        for engine, its in zip(self.cluster.engines, self.each):
            self.assertEqual(its["directory"], os.getcwd())
            self.assertIn(os.getcwd(), its["path"])
            self.assertEqual(its["arguments"], engine.args[3:])
            self.assertEqual(its["environment"]["ITS_OWN"], "yes")
        self.assertNotIn("ITS_OWN", os.environ)

    def test_inputs_and_outputs(self):
        outputs = [its["files"][s] for its in self.each for s in (1, 2)]
        for its in self.each:
            self.assertEqual(its["files"][0], "/dev/null")
        # The engine itself reads what is written there, as the command does.
        for output in outputs:
            self.assertRegex(output, "^pipe:")
        self.assertEqual(len(set(outputs)), 4)

    def test_other_random_numbers(self):
        for one, other in zip(*(its["numbers"] for its in self.each)):
            self.assertNotEqual(one, other)

    def test_a_nanny_each(self):
        found = [s for s in mix.processes().values() if re.search(mix.NANNY, s)]
        self.assertEqual(len(found), 2)
        for p in self.cluster.processes:
            self.assertNotIn("RuntimeWarning", "".join(p.lines))


class Commands(mix.unittest.TestCase):
    """Beside the command itself."""

    def both(self, *args):
        """(exit code, what it says) of the command and of what is forked."""
        command = [sys.executable, "-m", *args]
        p = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            text=True,
        )
        forked = mix.Process(command)
        code = forked.wait()
        forked.reader.join()
        return (p.returncode, p.stdout), (code, "".join(forked.lines))

    def test_help(self):
        for what in "controller", "engine":
            both = self.both("ipyparallel." + what, "--help")
            # But for times, and a key that is made when it is imported.
            command, forked = (
                (code, re.sub(r"^20.*? \[|b'[0-9a-f-]*'", "", text, flags=re.M))
                for code, text in both
            )
            self.assertIn("--profile-dir=", command[1])
            self.assertEqual(forked, command)

    def test_a_wrong_option(self):
        command, forked = self.both("ipyparallel.controller", "--ping=often")
        self.assertEqual(forked[0], command[0])
        self.assertNotEqual(forked[0], 0)
        self.assertIn("often", forked[1])

    def test_a_nanny_that_is_told_nothing(self):
        (code, command), (forked_code, forked) = self.both("ipyparallel.engine.nanny")
        self.assertEqual(forked_code, code)
        last = "EOFError: Ran out of input\n"
        self.assertIn(last, command)
        # Of the lines before it, more are of how it came to run.
        self.assertEqual(forked.partition(last)[2], command.partition(last)[2])
        self.assertNotIn("Warning", forked)


def waits():
    """It waits for a connection file that never comes."""
    p = mix.Process([*mix.PROGRAM[mix.STOCK, "engine"], "--file=/nowhere"])
    p.wait_line("/nowhere")
    return p


class Ends(mix.unittest.TestCase):
    def test_killed(self):
        p = waits()
        p.send(signal.SIGKILL)
        self.assertEqual(p.wait(), -signal.SIGKILL)


class ZTheOneThatForks(mix.unittest.TestCase):
    """The last class: nothing is forked after it."""

    def test_gone(self):
        p = waits()
        os.kill(stock.parent, signal.SIGKILL)
        with self.assertRaisesRegex(stock.Gone, "has ended, of which those of"):
            p.wait()
        p.reader.join()
        with self.assertRaises(stock.Gone):
            waits()


if __name__ == "__main__":
    mix.main(__name__)
