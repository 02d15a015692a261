#!/usr/bin/python3
"""Tasks in Python, written into a mount, on stock engines."""

import errno
import os
import select
import tempfile

import mix
from mounted import Bridged, Mounted

TIER = "check"

class Python:
    """What a task written in Python is and gives."""

    def test_a_value(self):
        self.assertEqual(self.value("6*7\n"), "42\n")
        self.assertEqual(self.value("x = 20\ny = 22\nx + y\n"), "42\n")

    def test_what_only_prints_has_no_value(self):
        id = self.submit("import sys\nprint('out')\nprint('err', file=sys.stderr)\n")
        self.done(id)
        self.assertEqual(self.get(id, "value"), "")
        self.assertEqual(self.get(id, "stdout"), "out\n")
        self.assertEqual(self.get(id, "stderr"), "err\n")

    def test_output_comes_while_it_runs(self):
        gate = self.gate()
        id = self.submit("print('first', flush=True); open(%r).read()" % gate)
        with open("%s/results/%d/output" % (self.mnt, id)) as f:
            self.assertEqual(f.readline(), "first\n")
            self.assertEqual(self.get(id, "status"), "running\n")
            gate.reached().close()
            self.assertEqual(f.read(), "")
        self.done(id)

    def test_a_traceback_names_the_line(self):
        id = self.submit("def f():\n    1/0\n\nf()\n")
        with self.assertRaises(OSError) as e:
            self.get(id, "value")
        self.assertEqual(e.exception.errno, errno.EREMOTEIO)
        lines = self.get(id, "error").splitlines()
        self.assertEqual(lines[0], "ZeroDivisionError: division by zero")
        self.assertIn("----> 2     1/0", lines)
        self.assertNotIn("\033", "".join(lines))

    def test_a_syntax_error(self):
        id = self.submit("1 +\n")
        self.done(id, "error")
        self.assertTrue(self.get(id, "error").startswith("SyntaxError: "))

    def test_args_env_stdin_and_directory(self):
        text = "import os, sys\nargs, sys.argv[1:], os.environ['A'], input(), sys.stdin.read(), os.getcwd()"
        got = self.value(
            text,
            args=["x", "y"],
            env={"A": "1"},
            stdin="line\nrest\n",
            cwd="/usr",
        )
        self.assertEqual(
            eval(got), (["x", "y"], ["x", "y"], "1", "line", "rest\n", "/usr")
        )

    def test_a_directory_that_is_not_there(self):
        """Nothing of the task is executed."""
        engine = self.ids()[0]
        here = self.value("import os\nos.getcwd()", "engines/%s/new" % engine)
        for cwd, why in ("/no/where", "No such file"), ("/etc/passwd", "Not a dir"):
            id = self.submit("executed = 1", "engines/%s/new" % engine, cwd=cwd)
            self.done(id, "error")
            self.assertIn("StartError: cwd: %s: %s" % (cwd, why), self.get(id, "error"))
        code = "import os\nos.getcwd(), os.listdir('.'), 'executed' in globals()"
        for absent in "/no/where", "(not known)":
            got = self.value(code, "engines/%s/new" % engine, submit_dir=absent)
            where, files, executed = eval(got)
            self.assertNotEqual(where, here)
            self.assertEqual((files, executed), ([], False))
            self.assertIn(
                "submit_dir: %s:" % absent, self.get(self.submitted[-1], "error")
            )
            mix.wait_for(lambda: not os.path.exists(where))
        got = self.value("import os\nos.getcwd()", "engines/%s/new" % engine, cwd="/usr")
        self.assertEqual(eval(got), "/usr")

    def test_nothing_of_that_is_left_behind(self):
        self.value("pass", env={"LEFT": "1"}, cwd="/usr", stdin="x", args=["x"])
        for e in self.ids():
            got = self.value(
                "import os, sys\n'LEFT' in os.environ, sys.stdin.read(), sys.argv[1:]",
                path="engines/%s/new" % e,
            )
            self.assertEqual(eval(got), (False, "", []))

    def test_it_knows_its_result(self):
        id = self.submit("import os\n[os.environ['TASKFS_' + x] for x in ('ID', 'INDEX', 'ENGINE')]")
        self.done(id)
        engine = self.get(id, "engine").strip()
        self.assertEqual(eval(self.get(id, "value")), [str(id), "0", engine])

    def test_usage(self):
        id = self.submit("sum(range(10))")
        self.done(id)
        usage = dict(line.split() for line in self.get(id, "usage").splitlines())
        self.assertGreater(int(usage["memory"]), 1 << 20)

    def test_memory_is_that_of_the_task(self):
        """Of the whole interpreter, but not from tasks that were before."""
        def memory(code):
            id = self.submit(code)
            self.done(id)
            usage = self.get(id, "usage").split()
            return int(usage[usage.index("memory") + 1])

        self.assertGreater(memory("len(b'x' * 300_000_000)"), 300_000_000)
        self.assertLess(memory("1"), 250_000_000)

    def test_a_time_limit(self):
        id = self.submit("while True: pass", time_limit=0.3)
        self.done(id, "error")
        self.assertTrue(
            self.get(id, "error").startswith("TaskTimeLimit: ran longer than 0.3 s\n")
        )
        self.assertEqual(self.value("1"), "1\n")

    def test_outputs_in_files(self):
        id = self.submit("print(1)", stdout="/tmp/nobody-writes-that")
        self.done(id, "error")
        self.assertTrue(self.get(id, "error").startswith(
            "UnsupportedOption: its engine writes no outputs into files"))

    def test_a_time_limit_for_what_runs(self):
        id = self.start("while True: pass")
        self.write("results/%d/time_limit" % id, "0.3\n")
        self.done(id, "error")
        self.assertTrue(
            self.get(id, "error").startswith("TaskTimeLimit: ran longer than 0.3 s\n")
        )

    def test_abort_of_a_running_task(self):
        id = self.submit("import time\ntime.sleep(1000)")
        self.running(id)
        self.write("results/%d/ctl" % id, "abort\n")
        self.done(id, "aborted")
        self.assertEqual(self.value("1"), "1\n")

    def test_signals(self):
        id = self.start("import time\ntime.sleep(1000)")
        with self.assertRaises(OSError) as e:
            self.write("results/%d/ctl" % id, "signal TERM\n")
        self.assertEqual(e.exception.errno, errno.EOPNOTSUPP)
        self.write("results/%d/ctl" % id, "signal INT\n")
        self.done(id, "error")
        self.assertTrue(self.get(id, "error").startswith("KeyboardInterrupt"))

    # An interrupt between a task's code and its reply: ipykernel sends none.
    NO_REPLY = (
        "kernel = get_ipython().kernel\n"
        "def lose(*args):\n"
        "    del kernel.finish_metadata\n"
        "    raise KeyboardInterrupt\n"
        "kernel.finish_metadata = lose\n"
        "print('go', flush=True)\n"
        "while True: pass\n"
    )

    def test_an_interrupt_that_costs_the_reply(self):
        for end, status in (("abort\n", "aborted"), ("signal INT\n", "error")):
            id = self.goes(self.submit(self.NO_REPLY))
            self.write("results/%d/ctl" % id, end)
            self.done(id, status)
        self.assertTrue(self.get(id, "error").startswith("KeyboardInterrupt: "))
        id = self.submit(self.NO_REPLY, time_limit=0.3)
        self.done(id, "error")
        self.assertTrue(self.get(id, "error").startswith("TaskTimeLimit: "))
        self.done(self.submit("1", path="engines/all/new"))

    def test_abort_of_a_task_that_waits(self):
        ids = [self.submit("import time\ntime.sleep(1000)") for _ in range(4)]
        self.write("results/%d/ctl" % ids[3], "abort\n")
        self.done(ids[3], "aborted")
        for id in ids[:3]:
            self.write("results/%d/ctl" % id, "abort\n")
            self.done(id, "aborted")

    def test_dependencies(self):
        a = self.submit("print('a')")
        b = self.submit("print('b')", after=[a], follow=[a])
        self.done(b)
        self.assertEqual(self.get(a, "engine"), self.get(b, "engine"))
        bad = self.submit("1/0")
        never = self.submit("1", after=[bad])
        self.done(never, "aborted")
        self.assertTrue(self.get(never, "error").startswith("Skipped: after "))

    def test_hold_and_priority(self):
        busy = [self.submit("import time\ntime.sleep(1000)") for _ in self.ids()]
        for id in busy:
            self.running(id)
        low, high = self.submit("1"), self.submit("2", priority=5)
        self.write("results/%d/ctl" % low, "hold\n")
        for id in busy:
            self.write("results/%d/ctl" % id, "abort\n")
        self.done(high)
        self.assertEqual(self.get(low, "status"), "pending\n")
        self.write("results/%d/ctl" % low, "release\n")
        self.done(low)

    def test_retries(self):
        id = self.submit("1/0", retries=2)
        self.done(id, "error")
        self.assertEqual(len(self.get(id, "attempts").splitlines()), 3)

    def test_a_view(self):
        id = self.submit("1/0", path="engines/all/new")
        self.done(id, "error")
        id = self.submit("6*7", path="engines/all/new")
        self.done(id)
        self.assertEqual(self.get(id, "value"), "42\n" * len(self.ids()))

    def test_a_map(self):
        id = self.submit("print(item)\nint(item) ** 2", map=["1", "2", "3"])
        self.done(id)
        self.assertEqual(self.get(id, "value"), "1\n4\n9\n")
        self.assertEqual(self.get(id, "1/stdout"), "2\n")
        self.assertEqual(self.value("items", map=["a", "b"], chunk=2), "['a', 'b']\n")

    def test_columns_and_bytes(self):
        self.assertEqual(
            self.value("(item, columns)", map=["a,b", "c"], columns=","),
            "('a,b', ['a', 'b'])\n('c', ['c'])\n",
        )
        octets = {"base64": "Yf8="}
        self.assertEqual(
            self.value(
                "import os, sys\n(sys.argv[1:], args, os.environb[b'E'])",
                args=[octets, "x"],
                env={"E": octets},
            ),
            "(['a\\udcff', 'x'], ['a\\udcff', 'x'], b'a\\xff')\n",
        )

    def test_a_terminal_is_for_processes_only(self):
        code = "import sys\nprint('said', file=sys.stderr)\nsys.stdout.isatty()"
        id = self.submit(code, pty=1)
        self.done(id)
        self.assertEqual(self.get(id, "value"), "False\n")
        self.assertEqual(self.get(id, "stderr"), "said\n")

    def test_items_are_values(self):
        self.assertEqual(self.value("item**2", map=[1, 2, 3]), "1\n4\n9\n")
        mixed = ["1", 1, 2.5, None, True, [1, "a"], {"k": "ü"}]
        self.assertEqual(
            self.value("[item]", map=mixed), "".join(f"[{x!r}]\n" for x in mixed)
        )
        self.assertEqual(
            self.value("items", map=mixed, chunk=4), f"{mixed[:4]}\n{mixed[4:]}\n"
        )
        draft = self.mnt + "/tasks/draft"
        os.mkdir(draft)
        for name, text in ("code", "item"), ("map", "[1]\nx\n"), ("json_items", "all"):
            with open(f"{draft}/{name}", "w") as f:
                f.write(text)
        with open(draft + "/submit", "w") as f:
            f.write("1")
        with open(self.mnt + "/results/draft/wait") as f:
            self.assertEqual(f.read(), "error\n")
        with open(self.mnt + "/results/draft/0/value") as f:
            self.assertEqual(f.read(), "[1]\n")
        with open(self.mnt + "/results/draft/1/error") as f:
            self.assertIn("json_items: item 1 is not JSON: x", f.read())

    def test_a_view_by_engine(self):
        id = self.submit("import os\nint(os.environ['TASKFS_ENGINE'])", path="engines/all/new")
        self.done(id)
        at = "%s/results/%d/by_engine" % (self.mnt, id)
        self.assertEqual(sorted(os.listdir(at)), sorted(self.ids()))
        for e in self.ids():
            for name in "engine", "value":
                self.assertEqual(self.get(id, "by_engine/%s/%s" % (e, name)), e + "\n")

    def test_a_map_by_engine(self):
        id = self.submit("import os\nitem, os.environ['TASKFS_ENGINE']", map=list("abcdef"))
        self.done(id)
        at = "%s/results/%d/by_engine" % (self.mnt, id)
        ran = {}
        for e in os.listdir(at):
            for n in os.listdir(at + "/" + e):
                ran[int(n)] = eval(self.get(id, "by_engine/%s/%s/value" % (e, n)))
                self.assertEqual(ran[int(n)], ("abcdef"[int(n)], e))
        self.assertEqual(sorted(ran), list(range(6)))

    def keep_busy(self, *engines):
        """Each runs a task; it ends when its gate is closed."""
        gates = {}
        for e in engines:
            gate = self.gate()
            id = self.submit("open(%r).read()" % gate, path="engines/%s/new" % e)
            gates[e] = id, gate.reached()
        return gates

    def test_a_timeout(self):
        busy = self.keep_busy(*self.ids())
        id = self.submit("1", timeout=0.2)
        self.done(id, "error")
        self.assertTrue(self.get(id, "error").startswith("TaskTimeout: "))
        self.refused(errno.ETIMEDOUT, self.get, id, "value")
        self.assertEqual(self.get(id, "engine"), "")
        for runs, gate in busy.values():
            self.assertEqual(self.get(runs, "status"), "running\n")
            gate.close()
            self.done(runs)
        # It is about the queue, and not about how long a task runs.
        gate = self.gate()
        id = self.submit("open(%r).read()\n6*7" % gate, timeout=1000)
        gate.reached().close()
        self.done(id)

    def test_priority(self):
        """Of what waits for an engine, not what came first."""
        busy = self.keep_busy("0")
        told = "print(%r, file=open(%r, 'a'))"
        order = tempfile.mktemp(dir=mix.HOME)
        low, middle, high = (
            self.submit(told % (name, order), path="engines/0/new", priority=n)
            for name, n in (("low", -1), ("middle", 0), ("high", 5))
        )
        last = self.submit(told % ("last", order), path="engines/0/new")
        self.write("results/%d/ctl" % last, "priority -2\n")
        for id in low, middle, high, last:
            self.assertEqual(self.get(id, "status"), "pending\n")
        busy["0"][1].close()
        for id in low, middle, high, last:
            self.done(id)
        with open(order) as f:
            self.assertEqual(f.read().split(), ["high", "middle", "low", "last"])

    def test_retry(self):
        """Of what failed, and as a new result."""
        path = tempfile.mktemp(dir=mix.HOME)
        text = "print(item)\n'a' in item or open(%r).read()" % path
        id = self.submit(text, map=["a", "b", "c"])
        self.done(id, "error")
        open(path, "w").close()
        self.write("results/%d/ctl" % id, "retry\n")
        again = int(os.readlink(self.mnt + "/results/latest"))
        self.assertNotEqual(again, id)
        self.done(again)
        self.assertEqual(self.get(again, "map"), "b\nc\n")
        self.assertEqual(self.get(again, "stdout"), "b\nc\n")
        self.assertEqual(self.get(id, "status"), "error\n")

    def test_as_completed(self):
        gate = self.gate()
        id = self.submit("open(item).read()", map=[gate, "/dev/null", "/dev/null"])
        with open("%s/results/%d/as_completed" % (self.mnt, id)) as f:
            self.assertEqual([f.readline(), f.readline()], ["1\n", "2\n"])
            self.assertEqual(self.get(id, "progress"), "2/3\n")
            gate.reached().close()
            self.assertEqual(f.read(), "0\n")
        self.done(id)

    def test_max_running(self):
        gates = [self.gate() for _ in range(3)]
        id = self.submit("open(item).read()", map=gates, max_running=1)
        for n in range(3):
            there = gates[n].reached()
            # An engine is free, and has something else to do.
            self.assertEqual(self.value("6*7"), "42\n")
            for later in range(n + 1, 3):
                self.assertEqual(self.get(id, "%d/status" % later), "pending\n")
            there.close()
        self.done(id)

    def test_halt(self):
        id = self.submit("1/0", map=list("abcdef"), halt=2, max_running=1)
        self.done(id, "error")
        got = [self.get(id, "%d/status" % n).strip() for n in range(6)]
        self.assertEqual(got, ["error"] * 2 + ["aborted"] * 4)
        self.assertIn("2 of 6 tasks failed", self.get(id, "error").splitlines()[0])

    def test_much_output(self):
        id = self.submit("for i in range(2000): print('x' * 999)")
        self.done(id)
        self.assertEqual(len(self.get(id, "stdout")), 2000000)

    def test_the_language(self):
        for e in self.ids():
            self.assertEqual(self.read("engines/%s/language" % e), "python\n")

    def test_poll(self):
        id = self.submit("6*7")
        with open("%s/results/%d/wait" % (self.mnt, id)) as f:
            p = select.poll()
            p.register(f, select.POLLIN)
            self.assertTrue(p.poll())
            self.assertEqual(f.read(), "ok\n")


class OnOurController(Python, Mounted):
    controller, engines = mix.OURS, (mix.STOCK, mix.STOCK)


class OnStockController(Python, Bridged):
    pass


class NotHeeded:
    """An interrupt that the task does not heed."""

    expected = (r"an engine does not heed interrupts",)

    def test_its_engine_is_free_when_it_ends(self):
        gate = self.gate()
        id = self.submit(
            "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
            "print('go', flush=True)\nopen(%r).read()\n" % gate
        )
        self.goes(id)
        self.write("results/%d/ctl" % id, "abort\n")
        self.done(id, "aborted")
        self.assertEqual(self.read("engines/0/state"), "busy\n")
        next = self.submit("6*7")
        gate.reached().close()
        self.done(next)


class NotHeededOnOurController(NotHeeded, Mounted):
    controller, engines = mix.OURS, (mix.STOCK,)


class NotHeededOnStockController(NotHeeded, Bridged):
    engines = (mix.STOCK,)


if __name__ == "__main__":
    mix.main(__name__)
