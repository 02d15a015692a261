#!/usr/bin/python3
"""Tasks written into a mount, on stock Python engines."""

import contextlib
import errno
import json
import os
import pickle
import re
import select
import signal
import socket
import subprocess
import tempfile
import time

import mix
import tap

TIER = "check"


class Mounted(mix.Case):
    """With a mount for all tests of the class."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        try:
            cls.mnt = cls.cluster.mount(*cls.mount_args())
            cls.wait_for_engines(len(cls.engines))
        except BaseException:
            cls.explain()
            cls.cluster.stop()
            raise

    @classmethod
    def mount_args(cls):
        return ()

    @classmethod
    def wait_for_engines(cls, n):
        """The hook runs on so many: its engine says where it is."""
        mix.wait_for(lambda: len([e for e in cls.ids() if cls.ready(e)]) >= n)

    @classmethod
    def ids(cls):
        return [e for e in os.listdir(cls.mnt + "/engines") if e.isdigit()]

    @classmethod
    def ready(cls, e):
        with contextlib.suppress(OSError):
            return cls.read("engines/%s/pid" % e).strip() not in ("", "0")
        return False

    @classmethod
    def read(cls, path):
        with open(os.path.join(cls.mnt, path)) as f:
            return f.read()

    def setUp(self):
        super().setUp()
        self.submitted = []
        self.addCleanup(self.abort_all)
        tap.explain.append(self.tell)
        self.addCleanup(tap.explain.remove, self.tell)

    def abort_all(self):
        """What a test that failed left behind is not in the way of the next."""
        for id in self.submitted:
            with contextlib.suppress(OSError):
                if self.get(id, "status") in ("pending\n", "running\n"):
                    self.write("results/%d/ctl" % id, "abort\n")

    def write(self, path, text):
        with open(os.path.join(self.mnt, path), "w") as f:
            f.write(text)

    def submit(self, text, path="tasks/new", **options):
        """The id of the new result."""
        if options:
            text = json.dumps(dict(options, code=text)) + "\n"
        self.submitted.append(mix.submit(self.mnt, text, path))
        return self.submitted[-1]

    def get(self, id, name):
        return self.read("results/%d/%s" % (id, name))

    def done(self, id, status="ok"):
        got = self.get(id, "wait").strip()
        self.assertEqual(got, status, self.get(id, "error"))

    def tell(self):
        """What there is to say when a result does not end."""
        for id in self.submitted:
            for name in "status", "why":
                print("# result %d %s: %s" % (id, name, self.get(id, name).strip()))
        for e in self.ids():
            for name in "state", "queue", "running":
                said = self.read("engines/%s/%s" % (e, name)).strip()
                print("# engine %s %s: %s" % (e, name, said))

    def value(self, text, path="tasks/new", **how):
        id = self.submit(text, path, **how)
        self.done(id)
        return self.get(id, "value")

    def start(self, text, path="tasks/new"):
        """The id of a task whose code runs. Between the message that says so and
        the code an engine may still answer what it is asked."""
        return self.goes(self.submit("print('go', flush=True)\n" + text, path=path))

    def goes(self, id):
        """The same id, when its task has said so."""
        with open("%s/results/%d/output" % (self.mnt, id)) as f:
            self.assertEqual(f.readline(), "go\n")
        return id

    def running(self, id):
        mix.wait_for(lambda: self.get(id, "status") == "running\n")

    def refused(self, code, what, *args):
        with self.assertRaises(OSError) as e:
            what(*args)
        self.assertEqual(e.exception.errno, code)

    def occupy(self, engine, text):
        """A task of another client's on an engine that was idle; it runs."""
        state = lambda: self.read("engines/%d/state" % engine)
        mix.wait_for(lambda: state() == "idle\n")
        theirs = self.rc[engine].execute(text, block=False)
        mix.wait_for(lambda: state() == "busy\n")
        return theirs


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


class Variables:
    """vars/, scatter/, gather/: what is in the namespace of a Python engine."""

    def raw(self, path, data=None):
        with open(os.path.join(self.mnt, path), "rb" if data is None else "wb") as f:
            return f.read() if data is None else f.write(data)

    def listed(self, engine):
        return sorted(os.listdir("%s/engines/%s/vars" % (self.mnt, engine)))

    def setUp(self):
        super().setUp()
        self.rc[:].clear(block=True)

    def sees(self, want, what, *args):
        """what(*args) is that. Who looks is told what was known before when an
        engine runs something, as it may seem to for a while when another client
        had something done, or while it does not answer for a second or two: then
        again."""
        late = False

        def is_told():
            nonlocal late
            began = time.monotonic()
            got = what(*args)
            if got == want:
                return True
            states = {self.read("engines/%s/state" % e) for e in self.ids()}
            late |= time.monotonic() - began >= 1 or states != {"idle\n"}
            self.assertTrue(late, (got, want))
            return False

        mix.wait_for(is_told)

    def lists(self, engine, *names):
        self.sees([*names], self.listed, engine)

    def size(self, path):
        return os.stat(os.path.join(self.mnt, path)).st_size

    def at_once(self, what, *args):
        """what(*args), which does not wait for an engine that runs something. One
        that is free may seem to for a while."""

        def is_done():
            try:
                what(*args)
            except OSError as e:
                if e.errno != errno.EBUSY:
                    raise
                return False
            return True

        mix.wait_for(is_done)

    def test_push_and_pull(self):
        self.write("engines/0/vars/a", "5\n")
        self.assertEqual(self.value("a + 1", path="engines/0/new"), "6\n")
        self.assertEqual(self.read("engines/0/vars/a"), "5\n")
        self.value("a = [1, {'x': None, 'y': 'é'}, 2.5, True]", path="engines/0/new")
        self.assertEqual(
            self.read("engines/0/vars/a"), '[1, {"x": null, "y": "é"}, 2.5, true]\n'
        )
        self.lists(1)

    def test_the_same_as_clients_see(self):
        self.rc[0].push({"theirs": {"n": 3}}, block=True)
        self.assertEqual(self.read("engines/0/vars/theirs"), '{"n": 3}\n')
        self.write("engines/0/vars/ours", '{"n": [1, 2]}\n')
        self.assertEqual(self.rc[0]["ours"], {"n": [1, 2]})
        self.rc[0].execute("del theirs", block=True)
        self.lists(0, "ours")

    def test_what_json_cannot_say(self):
        self.rc[0].push({"bytes": b"\0\xff\n"}, block=True)
        self.assertEqual(self.raw("engines/0/vars/bytes"), b"\0\xff\n")
        self.value("s = {3}; c = 1j; r = range(3); t = (1, 'a')", path="engines/0/new")
        for name, text in ("s", "{3}"), ("c", "1j"), ("r", "[0, 1, 2]"), ("t", '[1, "a"]'):
            self.assertEqual(self.read("engines/0/vars/" + name), text + "\n")
        self.refused(errno.EINVAL, self.append, "engines/0/vars/s", b"x")

    def append(self, path, data):
        how = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        fd = os.open(os.path.join(self.mnt, path), how, 0o666)
        try:
            os.write(fd, data)
        finally:
            os.close(fd)

    def test_what_is_no_json_is_a_text_or_bytes(self):
        self.write("engines/0/vars/t", "hello\n")
        self.assertEqual(self.rc[0]["t"], "hello")
        self.assertEqual(self.read("engines/0/vars/t"), '"hello"\n')
        self.append("engines/0/vars/t", b"world\n")
        self.assertEqual(self.rc[0]["t"], "hello\nworld")
        for piece in b"!", b" again\n", b"and again":
            self.append("engines/0/vars/t", piece)
        self.assertEqual(self.rc[0]["t"], "hello\nworld\n! again\nand again")
        for piece in b"1", b"2\n":
            self.append("engines/0/vars/n", piece)
        self.assertEqual(self.rc[0]["n"], 12)
        self.append("engines/0/vars/n", b"3\n")
        self.assertEqual(self.rc[0]["n"], "12\n3")
        self.rc[0]["theirs"] = "a"
        self.append("engines/0/vars/theirs", b"b\n")
        self.assertEqual(self.rc[0]["theirs"], "ab")
        for piece in b"[1,", b" 2]\n":
            self.append("engines/0/vars/l", piece)
        self.assertEqual(self.rc[0]["l"], [1, 2])
        self.raw("engines/0/vars/b", b"\xff\xfe\0")
        self.assertEqual(self.rc[0]["b"], b"\xff\xfe\0")
        self.raw("engines/0/vars/zeros", b"a\0b")
        self.assertEqual(self.rc[0]["zeros"], b"a\0b")
        self.raw("engines/0/vars/e", b"")
        self.assertEqual(self.read("engines/0/vars/e"), '""\n')

    def test_only_data_is_listed_with_its_size(self):
        self.value(
            "import os\nclass C: pass\ndef f(): pass\n_hidden = 1\nn = 1234\nl = list(range(1000))",
            path="engines/0/new",
        )
        self.lists(0, "l", "n")
        for name in "l", "n":
            path = "engines/0/vars/" + name
            self.sees(len(self.read(path)), self.size, path)

    def test_a_value_that_changes_in_place(self):
        self.value("l = []", path="engines/0/new")
        self.sees(3, self.size, "engines/0/vars/l")
        self.value("l.append(10)", path="engines/0/new")
        self.sees(5, self.size, "engines/0/vars/l")
        self.assertEqual(self.read("engines/0/vars/l"), "[10]\n")

    def test_remove_and_rename(self):
        at = os.path.join(self.mnt, "engines/0/vars/")
        self.write("engines/0/vars/a", "1\n")
        self.at_once(os.rename, at + "a", at + "b")
        self.assertEqual(self.rc[0]["b"], 1)
        self.lists(0, "b")
        self.at_once(os.remove, at + "b")
        self.lists(0)
        self.refused(errno.ENOENT, self.read, "engines/0/vars/b")
        self.refused(errno.ENOENT, self.at_once, os.remove, at + "b")

    def test_names_that_python_does_not_have(self):
        for name in "a-b", "class", "_a", "1a", "In":
            self.refused(errno.EINVAL, self.write, "engines/0/vars/" + name, "1\n")
        self.lists(0)

    def test_new_ones_only(self):
        path = os.path.join(self.mnt, "engines/0/vars/x")
        how = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        fd = os.open(path, how)
        os.write(fd, b"1\n")
        self.refused(errno.EEXIST, os.open, path, how)
        os.close(fd)
        self.refused(errno.EEXIST, os.open, path, how)
        self.assertEqual(self.rc[0]["x"], 1)

    def test_truncate_and_times(self):
        self.write("engines/0/vars/x", "1234\n")
        path = os.path.join(self.mnt, "engines/0/vars/x")
        self.at_once(os.utime, path, (1e9, 1e9))
        self.sees(1e9, lambda: os.stat(path).st_mtime)
        self.assertEqual(self.rc[0]["x"], 1234)
        self.at_once(os.truncate, path, 2)
        self.assertEqual(self.rc[0]["x"], 12)

    def test_views(self):
        self.write("engines/all/vars/v", "[1]\n")
        self.assertEqual(self.rc[:]["v"], [[1], [1]])
        self.assertEqual(self.read("engines/0,1/vars/v"), "[1]\n[1]\n")
        self.at_once(os.remove, os.path.join(self.mnt, "engines/1/vars/v"))
        self.refused(errno.EREMOTEIO, self.read, "engines/all/vars/v")

    def test_scatter_and_gather(self):
        lines = 'apple\n2\n"3"\n[4]\n5.5\n'
        self.write("engines/all/scatter/s", lines)
        self.assertEqual(self.rc[:]["s"], [["apple", 2, "3"], [[4], 5.5]])
        self.assertEqual(self.read("engines/all/gather/s"), lines)
        self.sees(len(lines), self.size, "engines/all/gather/s")
        self.rc[:].scatter("theirs", list(range(5)), block=True)
        self.assertEqual(self.read("engines/all/gather/theirs"), "0\n1\n2\n3\n4\n")
        self.assertEqual(self.rc[:].gather("s", block=True), ["apple", 2, "3", [4], 5.5])

    def test_much(self):
        data = bytes(range(256)) * 40000
        self.raw("engines/0/vars/big", data)
        self.assertEqual(self.raw("engines/0/vars/big"), data)
        text = json.dumps(list(range(500000))) + "\n"
        self.write("engines/1/vars/big", text)
        self.assertEqual(self.value("len(big)", path="engines/1/new"), "500000\n")
        self.assertEqual(self.read("engines/1/vars/big"), text)

    def test_while_a_task_runs(self):
        self.write("engines/0/vars/a", "1\n")
        gate = self.gate()
        id = self.start("open(%r).read()\nb = a" % gate, "engines/0/new")
        at = os.path.join(self.mnt, "engines/0/vars/")
        # Nothing that holds a lock of the kernel's waits for the task.
        self.assertEqual(self.listed(0), ["a"])
        self.refused(errno.EBUSY, os.remove, at + "a")
        self.refused(errno.EBUSY, os.truncate, at + "a", 0)
        fd = os.open(at + "new", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        os.write(fd, b"[2")
        os.write(fd, b", 3]\n")
        self.assertEqual(self.get(id, "status"), "running\n")
        gate.reached().close()
        os.close(fd)
        self.done(id)
        self.lists(0, "a", "b", "new")
        self.assertEqual(self.read("engines/0/vars/new"), "[2, 3]\n")

    def test_a_reader_that_waits_can_be_interrupted(self):
        self.write("engines/0/vars/a", "1\n")
        gate = self.gate()
        id = self.start("open(%r).read()" % gate, "engines/0/new")
        cat = subprocess.Popen(
            ["cat", self.mnt + "/engines/0/vars/a"],
            stdout=subprocess.PIPE,
            # Beside a shell's "&" this one is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        mix.wait_for(lambda: mix.is_waiting(cat, "read"))
        cat.send_signal(signal.SIGINT)
        self.assertEqual(cat.communicate()[0], b"")
        self.assertEqual(self.get(id, "status"), "running\n")
        gate.reached().close()
        self.done(id)

    def test_objects_that_do_what_they_like(self):
        self.value(
            "class Proxy: __class__ = property(lambda self: 1 / 0)\n"
            "class Pairs(dict):\n"
            "    def values(self): raise RuntimeError('no \\ud800')\n"
            "    items = values\n"
            "class Silent:\n"
            "    def __repr__(self): raise KeyError\n"
            "a, b, c, d = Proxy(), Pairs(x=1), Silent(), 4\n"
            "e = []; e.append(e)\n",
            path="engines/0/new",
        )
        self.lists(0, "a", "b", "c", "d", "e")
        self.assertEqual(self.read("engines/0/vars/d"), "4\n")
        self.assertEqual(self.read("engines/0/vars/e"), "[[...]]\n")
        self.refused(errno.EREMOTEIO, self.read, "engines/0/vars/b")

    def test_sizes(self):
        values = {
            "texts": ["a", "1", "b\nc", "\u00e9", "", '"q"'],
            "none": [],
            "mixed": [1, "x", [2, "y"], None, {"k": 1.5}],
            "raw": [b"x", 1],
            "bytes": b"1234",
        }
        self.rc[:].push(values, block=True)
        for name in values:
            for dir in "vars", "gather":
                path = "engines/all/%s/%s" % (dir, name)
                self.sees(len(self.raw(path)), self.size, path)

    def test_a_large_value_has_its_size_when_it_was_read(self):
        self.rc[0].execute("large = range(1000001)", block=True)
        path = os.path.join(self.mnt, "engines/0/vars/large")
        self.sees(True, os.path.exists, path)
        before = os.stat(path)
        self.assertEqual(before.st_size, 0)
        n = len(self.raw(path))
        self.sees(n, lambda: os.stat(path).st_size)
        self.sees(before.st_mtime, lambda: os.stat(path).st_mtime)

    def test_a_writer_does_not_wait_for_an_engine_that_stands_still(self):
        """It holds the file's lock; to close it is to wait."""
        pid = int(self.read("engines/0/pid"))
        path = os.path.join(self.mnt, "engines/0/vars/a")
        os.kill(pid, signal.SIGSTOP)
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT)
            os.write(fd, b"[1")
            os.write(fd, b", 2]\n")
        finally:
            os.kill(pid, signal.SIGCONT)
        os.close(fd)
        self.assertEqual(self.rc[0]["a"], [1, 2])

    def test_what_was_there_before_a_task_is_known(self):
        gate = self.gate()
        self.rc[0].push({"before": 1}, block=True)

        def seen_while_a_task_runs():
            id = self.start("open(%r).read()" % gate, "engines/0/new")
            names = self.listed(0)
            gate.reached().close()
            self.done(id)
            return names == ["before"]

        # Nobody looks while the engine is free: it is asked now and then.
        mix.wait_for(seen_while_a_task_runs)

    def test_names_of_a_task_are_put_back(self):
        self.rc[:].push({"args": "mine", "item": "mine"}, block=True)
        self.value("(item, items, args)", map=["a"], args=["x"])
        self.assertEqual(self.rc[:].pull(("args", "item"), block=True), [["mine", "mine"]] * 2)
        self.lists(0, "args", "item")
        self.lists(1, "args", "item")
        self.value("args = 5", args=["x"], path="engines/0/new")
        self.assertEqual(self.rc[0].pull("args", block=True), 5)

    def test_clear(self):
        self.write("engines/all/vars/a", "1\n")
        self.write("engines/0/ctl", "clear\n")
        self.lists(0)
        self.lists(1, "a")


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


class Others:
    """What other clients run there."""

    def their(self, msg_id):
        """The id of the result that another client's task is."""
        def find():
            for id in os.listdir(self.mnt + "/results"):
                with contextlib.suppress(OSError):
                    if id.isdigit() and self.get(int(id), "msg_ids") == msg_id + "\n":
                        return int(id)
            return None

        return mix.wait_for(find)

    def test_what_others_execute(self):
        ar = self.rc[0].execute("print('theirs')\n6*7", silent=False)
        id = self.their(ar.msg_ids[0])
        self.done(id)
        self.assertEqual(self.get(id, "code"), "print('theirs')\n6*7")
        self.assertEqual(self.get(id, "stdout"), "theirs\n")
        self.assertEqual(self.get(id, "value"), "42\n")
        self.assertEqual(self.get(id, "engine"), "0\n")

    def test_what_fails_of_others(self):
        ar = self.rc[0].execute("1/0", silent=False)
        id = self.their(ar.msg_ids[0])
        self.done(id, "error")
        error = self.get(id, "error")
        self.assertTrue(error.startswith("ZeroDivisionError: "))
        self.assertIn("----> 1 1/0", error)
        self.assertNotIn("\033", error)

    def test_what_others_apply(self):
        ar = self.rc.load_balanced_view().apply_async(int, "42")
        id = self.their(ar.msg_ids[0])
        self.done(id)
        self.assertEqual(self.get(id, "code"), "apply_request")
        with open("%s/results/%d/value" % (self.mnt, id), "rb") as f:
            self.assertEqual(pickle.load(f), 42)
        metadata = json.loads(self.get(id, "metadata"))
        self.assertEqual(metadata["value_format"], "pickle")

    def test_output_of_others_while_it_comes(self):
        gate = self.gate()
        ar = self.rc[1].execute(
            "import time\nprint('a', flush=True)\nopen(%r).read()\nprint('b', flush=True)" % gate,
            silent=False,
            block=False,
        )
        id = self.their(ar.msg_ids[0])
        self.assertEqual(self.get(id, "status"), "running\n")
        gate.reached().close()
        self.done(id)
        self.assertEqual(self.get(id, "stdout"), "a\nb\n")

    def test_what_others_run_is_not_aborted_here(self):
        gate = self.gate()
        ar = self.rc[0].apply_async(mix.wait_at, gate)
        id = self.their(ar.msg_ids[0])
        self.running(id)
        self.refused(errno.EOPNOTSUPP, self.write, "results/%d/ctl" % id, "abort\n")
        gate.reached().close()
        self.done(id)
        self.assertIsNone(ar.get())

    def test_many_of_others(self):
        view = self.rc.load_balanced_view()
        msg_ids = [view.apply_async(int, str(i)).msg_ids[0] for i in range(120)]
        for msg_id in (msg_ids[0], msg_ids[-1]):
            self.done(self.their(msg_id))
        all = mix.wait_for(lambda: self.all_of(msg_ids))
        self.assertEqual(sorted(all), sorted(msg_ids))

    def all_of(self, msg_ids):
        """What msg_ids there are of these, when there are all."""
        found = []
        for id in os.listdir(self.mnt + "/results"):
            with contextlib.suppress(OSError):
                if id.isdigit():
                    found.append(self.get(int(id), "msg_ids").strip())
        found = [m for m in found if m in msg_ids]
        return found if len(found) >= len(msg_ids) else None


class OnOurController(Python, Variables, Others, Mounted):
    controller, engines = mix.OURS, (mix.STOCK, mix.STOCK)


class Bridged(Mounted):
    """On a stock controller: through a bridge."""

    controller, engines = mix.STOCK, (mix.STOCK, mix.STOCK)
    # A new bridge has the ports of one that was killed, and another key: what
    # the mount said last to the dead one can reach it.
    RESTARTED = (r'"a message was dropped","socket":"registration"',)

    @classmethod
    def bridge_dir(cls):
        all = os.path.join(mix.HOME, ".local/state/taskfs/.bridges")
        name = os.path.basename(cls.cluster.dir) + "-"
        (found,) = [d for d in os.listdir(all) if d.startswith(name)]
        return os.path.join(all, found)

    @classmethod
    def explain(cls):
        super().explain()
        with contextlib.suppress(OSError, ValueError):
            with open(cls.bridge_dir() + "/bridge.log") as f:
                print("".join("# " + line for line in f), flush=True)

    @classmethod
    def bridge_pids(cls):
        want = "--upstream %s/" % cls.cluster.dir
        return [pid for pid, line in mix.bridges().items() if want in line]

    def kill_bridge(self):
        """Until another is there."""
        (pid,) = self.bridge_pids()
        os.kill(pid, signal.SIGKILL)
        mix.wait_for(lambda: [p for p in self.bridge_pids() if p != pid])
        mix.wait_for(lambda: self.read("controller/state") == "connected\n")

    @classmethod
    def tearDownClass(cls):
        with open(cls.bridge_dir() + "/bridge.log") as f:
            bad = [
                line
                for line in f
                if '"level":"info"' not in line
                and not any(re.search(p, line) for p in cls.expected)
            ]
        super().tearDownClass()
        assert not bad, "the bridge complained:\n" + "".join(bad)


class OnStockController(Python, Variables, Others, Bridged):
    def test_what_it_says_of_itself(self):
        port = self.cluster.info()["registration"]
        self.assertEqual(self.read("controller/kind"), "ipyparallel\n")
        self.assertEqual(self.read("controller/state"), "connected\n")
        self.assertEqual(
            self.read("controller/url"), "tcp://127.0.0.1:%d\n" % port
        )
        self.assertEqual(sorted(map(int, self.ids())), self.rc.ids)

    def test_the_ways_to_name_it(self):
        ipython = os.path.join(mix.HOME, ".ipython")
        os.makedirs(ipython, exist_ok=True)
        os.symlink(self.cluster.dir, ipython + "/profile_byname")
        id = self.submit("6*7")
        self.done(id)
        bridge = self.bridge_pids()
        for source in "byname", ipython + "/profile_byname", self.cluster.path("client"):
            at = self.cluster.mount(source=source)
            with open("%s/results/%d/value" % (at, id)) as f:
                self.assertEqual(f.read(), "42\n", source)
            # It is the same bridge; what the mount started beside it ends.
            mix.wait_for(lambda: list(mix.bridges()) == bridge)
            self.cluster.unmount(*self.cluster.mounts.pop())

    def test_the_hub_knows_whose_tasks_they_are(self):
        id = self.submit("6*7")
        self.done(id)
        msg_id = self.get(id, "msg_ids").strip()
        (record,) = self.rc.db_query({"msg_id": msg_id}, keys=["metadata"])
        self.assertEqual(record["metadata"]["taskfs"]["result"], id)

    def test_others_tasks_are_neither_disturbed_nor_disturbing(self):
        v = self.rc[:]
        theirs = v.apply_async(os.getenv, "TASKFS_ID")
        id = self.submit("6*7", path="engines/all/new")
        self.done(id)
        self.assertEqual(theirs.get(), [None, None])

    def test_abort_while_others_keep_the_engine_busy(self):
        gate = self.gate()
        theirs = self.occupy(0, "open(%r).read()" % gate)
        id = self.submit("1", path="engines/0/new")
        self.assertEqual(self.get(id, "status"), "pending\n")
        self.write("results/%d/ctl" % id, "abort\n")
        self.done(id, "aborted")
        gate.reached().close()
        theirs.get()
        self.assertEqual(self.value("6*7", path="engines/0/new"), "42\n")

    def test_an_engine_that_dies(self):
        engine = self.cluster.start_engine(mix.STOCK)
        self.wait_for_engines(3)
        last = max(self.ids(), key=int)
        id = self.submit("import os\nos._exit(3)", path="engines/%s/new" % last)
        self.done(id, "error")
        self.assertTrue(self.get(id, "error").startswith("EngineError: "))
        mix.wait_for(lambda: last not in self.ids())
        engine.wait()
        self.cluster.engines.remove(engine)


class BesideBroadcasts(Others, Bridged):
    """Of what is broadcast the hub keeps records without a date."""

    def setUp(self):
        super().setUp()
        self.rc.broadcast_view().apply_sync(print, "x")
        mix.wait_for(lambda: self.rc.db_query({"submitted": None}, keys=["msg_id"]))

    def tearDown(self):
        bad = [x for x in self.cluster.controller.lines if "DB query failed" in x]
        self.assertEqual(bad, [])


class BesideSqlite(Others, Bridged):
    """There values and errors in records are texts of JSON."""

    controller_args = ("--sqlitedb",)


class WithoutRecords(Bridged):
    """What needs none works, and what needs them comes to an end."""

    controller_args = ("--nodb",)
    expected = Bridged.RESTARTED

    @classmethod
    def setUpClass(cls):
        cls.began = time.monotonic()
        super().setUpClass()

    def tearDown(self):
        pattern = r"DB query failed|Failed to get results"
        bad = [x for x in self.cluster.controller.lines if re.search(pattern, x)]
        # A few for each bridge; no bridge asks in vain more often than that.
        self.assertLess(len(bad), 10 + (time.monotonic() - self.began) / 10)

    def lost(self, id):
        self.done(id, "error")
        self.assertEqual(
            self.get(id, "error").splitlines()[0],
            "EngineError: it ended while nobody listened, and ipyparallel's "
            "hub keeps no results",
        )
        self.assertEqual(self.get(id, "attempts").count("\n"), 1)
        self.done(self.submit("1", path="engines/all/new"))

    def test_tasks(self):
        self.assertEqual(self.value("6*7"), "42\n")
        self.assertEqual(self.value("int(item)", map=["1", "2"]), "1\n2\n")
        self.done(self.submit("1/0", path="engines/all/new"), "error")
        id = self.start("import time\ntime.sleep(1000)")
        self.write("results/%d/ctl" % id, "abort\n")
        self.done(id, "aborted")

    def test_tasks_of_others(self):
        gate = self.gate()
        theirs = self.occupy(0, "open(%r).read()" % gate)
        gate.reached().close()
        theirs.get()
        self.assertEqual(self.value("6*7", path="engines/0/new"), "42\n")

    def test_what_an_engine_answers_during_a_task_of_others(self):
        """Newer ones do, in a thread of their own; busy it is all the same."""
        gates = tuple(self.gate() for i in range(3))
        theirs = self.occupy(
            0,
            "k = get_ipython().kernel\n"
            "open(%r).read()\n"
            "k.session.send(k.iopub_socket, 'status', {'execution_state': 'idle'},\n"
            "    parent=k.session.msg('pull_request'), ident=k._topic('status'))\n"
            "open(%r, 'w').close()\n"
            "open(%r).read()" % gates,
        )
        gates[0].reached().close()
        with open(gates[1]) as f:
            f.read()
        self.assertEqual(self.value("1", path="engines/1/new"), "1\n")
        id = self.submit("2", path="engines/0/new")
        self.assertEqual(self.get(id, "status"), "pending\n")
        gates[2].reached().close()
        theirs.get()
        self.done(id)

    def test_a_task_of_others_that_is_aborted(self):
        """Its engine may begin it before its nanny has passed that on."""
        mix.wait_for(self.is_aborted)
        self.assertEqual(self.value("6*7", path="engines/0/new"), "42\n")

    def is_aborted(self):
        gate = self.gate()
        runs = self.occupy(0, "open(%r).read()" % gate)
        waits = self.rc[0].execute("1", block=False)
        mix.send_abort(self.rc, waits, 0)
        gate.reached().close()
        runs.get()
        return mix.was_aborted(waits)

    def test_what_ends_after_a_restart(self):
        gate = self.gate()
        id = self.start("open(%r).read()" % gate)
        waits = self.submit("1", after=["%d:any" % id])
        self.kill_bridge()
        self.assertEqual(self.get(id, "status"), "running\n")
        gate.reached().close()
        self.lost(id)
        self.done(waits)

    def is_completed(self, msg_id):
        try:
            status = self.rc.result_status([msg_id], status_only=True)
        except mix.ipp.error.RemoteError:
            return False  # the hub hears of it by another socket
        return bool(status["completed"])

    def test_what_ended_during_a_restart(self):
        gate = self.gate()
        id = self.submit("open(%r).read()" % gate)
        self.running(id)
        msg_id = self.get(id, "msg_ids").strip()
        (pid,) = self.bridge_pids()
        os.kill(pid, signal.SIGSTOP)
        gate.reached().close()
        mix.wait_for(lambda: self.is_completed(msg_id))
        os.kill(pid, signal.SIGKILL)
        self.lost(id)

    def test_abort_of_what_ran_before(self):
        id = self.submit("import time\ntime.sleep(1000)")
        self.running(id)
        self.kill_bridge()
        self.write("results/%d/ctl" % id, "abort\n")
        self.done(id, "aborted")
        self.done(self.submit("6*7", path="engines/all/new"))

    def test_what_ran_on_an_engine_that_went(self):
        engine = self.cluster.start_engine(mix.STOCK)
        self.wait_for_engines(3)
        last = max(self.ids(), key=int)
        id = self.submit("import os\nos._exit(3)", path="engines/%s/new" % last)
        self.done(id, "error")
        self.assertEqual(
            self.get(id, "error").splitlines()[0],
            "EngineError: engine %s ended while running the task" % last,
        )
        engine.wait()
        self.cluster.engines.remove(engine)


class NotHeededOnStockController(NotHeeded, Bridged):
    engines = (mix.STOCK,)


class BridgeDies(Bridged):
    expected = Bridged.RESTARTED

    def test_tasks_go_on(self):
        gate = self.gate()
        before = self.submit("'before'")
        self.done(before)
        runs = self.submit(
            "print('a', flush=True)\nopen(%r).read()\nprint('b')\n'value'" % gate,
            path="engines/0/new",
        )
        waits = self.submit("'waited'", after=[runs])
        held = self.submit("'held'")
        with open("%s/results/%d/output" % (self.mnt, runs)) as f:
            f.readline()
        self.kill_bridge()
        self.assertEqual(self.get(before, "value"), "'before'\n")
        self.assertEqual(self.get(runs, "status"), "running\n")
        gate.reached().close()
        self.done(runs)
        self.assertEqual(self.get(runs, "stdout"), "a\nb\n")
        self.assertEqual(self.get(runs, "value"), "'value'\n")
        self.assertEqual(self.get(runs, "attempts").count("\n"), 1)
        self.done(waits)
        self.assertEqual(self.get(waits, "value"), "'waited'\n")
        self.done(held)

    def test_what_ended_meanwhile(self):
        gate = self.gate()
        id = self.submit("open(%r).read()\n1/0" % gate)
        self.running(id)
        (pid,) = self.bridge_pids()
        os.kill(pid, signal.SIGSTOP)
        gate.reached().close()
        # The hub has it before the next one asks.
        record = lambda: self.rc.hub_history() and self.rc.db_query(
            {"completed": {"$ne": None}}, keys=["msg_id", "metadata"]
        )
        mix.wait_for(
            lambda: any(
                r["metadata"].get("taskfs", {}).get("result") == id
                for r in record()
            )
        )
        os.kill(pid, signal.SIGKILL)
        self.done(id, "error")
        self.assertTrue(self.get(id, "error").startswith("ZeroDivisionError: "))

    def test_abort_of_what_ran_before(self):
        id = self.submit("import time\ntime.sleep(1000)")
        self.running(id)
        self.kill_bridge()
        self.write("results/%d/ctl" % id, "abort\n")
        self.done(id, "aborted")
        self.done(self.submit("6*7", path="engines/all/new"))


class BridgeDiesBesideSqlite(BridgeDies):
    controller_args = ("--sqlitedb",)


class LineBreaks(Bridged):
    """Between bridge and hub, for a while."""

    @contextlib.contextmanager
    def broken(self):
        (bridge,) = self.bridge_pids()
        hub = self.cluster.controller.pid
        os.kill(hub, signal.SIGSTOP)
        try:
            mix.wait_for(lambda: self.read("controller/state") != "connected\n")
            os.kill(bridge, signal.SIGSTOP)
        finally:
            os.kill(hub, signal.SIGCONT)
        try:
            yield
        finally:
            os.kill(bridge, signal.SIGCONT)

    def ended(self, id):
        """The hub knows the end of it."""
        records = self.rc.db_query(
            {"completed": {"$ne": None}}, keys=["msg_id", "metadata"]
        )
        return any(
            r["metadata"].get("taskfs", {}).get("result") == id for r in records
        )

    def stop_engine(self, id, signo):
        engine = self.cluster.engines[id]
        engine.send(signo)
        engine.wait()
        mix.wait_for(lambda: id not in self.rc.ids)

    def test_a_reader_of_a_variable(self):
        """Its answer is lost, and it is told so."""
        self.write("engines/0/vars/a", "1\n")
        gate = self.gate()
        id = self.start("open(%r).read()" % gate, "engines/0/new")
        cat = subprocess.Popen(
            ["cat", self.mnt + "/engines/0/vars/a"], stderr=subprocess.PIPE, text=True
        )
        mix.wait_for(lambda: mix.is_waiting(cat, "read"))
        with self.broken():
            pass
        said = cat.communicate()[1]
        self.assertIn(os.strerror(errno.EHOSTDOWN), said)
        gate.reached().close()
        self.done(id)
        self.assertEqual(self.read("engines/0/vars/a"), "1\n")

    def test_a_broadcast_of_others(self):
        """The hub has no record of it, and nobody hears its end here."""
        gate = self.gate()
        ar = self.rc.broadcast_view([0]).apply_async(mix.wait_at, gate)
        there = gate.reached()
        mix.wait_for(lambda: self.read("engines/0/state") == "busy\n")
        with self.broken():
            there.close()
            ar.get()
        self.done(self.submit("1", path="engines/0/new"))

    def test_an_engine_that_went_when_its_task_had_ended(self):
        gate = self.gate()
        ends = self.start("open(%r).read()\n6*7" % gate, "engines/0/new")
        runs = self.start("import time\ntime.sleep(1000)", "engines/1/new")
        with self.broken():
            gate.reached().close()
            mix.wait_for(lambda: self.ended(ends))
            self.stop_engine(0, signal.SIGTERM)
            self.stop_engine(1, signal.SIGKILL)
        self.done(ends)
        self.assertEqual(self.get(ends, "value"), "42\n")
        self.assertEqual(self.get(ends, "stdout"), "go\n")
        self.done(runs, "error")
        self.assertEqual(
            self.get(runs, "error").splitlines()[0],
            "EngineError: engine 1 ended while running the task",
        )
        mix.wait_for(lambda: not self.ids())
        self.cluster.engines.clear()


class Remount(Bridged):
    def test_the_same_results_again(self):
        id = self.submit("print('out')\n6*7")
        self.done(id)
        at, p = self.cluster.mounts.pop()
        self.cluster.unmount(at, p)
        mix.wait_for(lambda: not self.bridge_pids())
        type(self).mnt = self.cluster.mount()
        # Now, and not in a moment.
        self.assertEqual(sorted(self.ids()), ["0", "1"])
        self.assertEqual(self.get(id, "value"), "42\n")
        self.assertEqual(self.get(id, "stdout"), "out\n")
        self.wait_for_engines(2)
        self.assertGreater(self.submit("1"), id)

    def test_two_mounts_have_one_bridge(self):
        id = self.submit("6*7")
        second = self.cluster.mount()
        self.assertEqual(len(self.bridge_pids()), 1)
        with open("%s/results/%d/value" % (second, id)) as f:
            self.assertEqual(f.read(), "42\n")
        self.cluster.unmount(*self.cluster.mounts.pop())
        self.assertEqual(self.value("1"), "1\n")


class UpstreamEnds(Bridged):
    expected = (r"upstream", r"engine gone")

    def test_what_is_known_stays(self):
        id = self.submit("6*7")
        self.done(id)
        gate = self.gate()
        runs = self.start("open(%r).read()" % gate, "engines/0/new")
        self.cluster.controller.stop()
        mix.wait_for(lambda: self.read("controller/state") != "connected\n")
        mix.wait_for(lambda: not self.ids())
        self.done(runs, "error")
        self.assertIn(
            "ipyparallel's controller ended while engine 0 ran the task",
            self.get(runs, "error"),
        )
        gate.open()
        self.assertEqual(self.get(id, "value"), "42\n")
        waits = self.submit("'later'")
        self.assertEqual(self.get(waits, "status"), "pending\n")
        self.assertIn("ipyparallel controller: it is away", self.get(waits, "why"))
        for e in self.cluster.engines:
            e.stop()
        self.cluster.start_controller()
        self.cluster.start_engine(mix.STOCK)
        self.done(waits)
        self.assertEqual(self.get(waits, "value"), "'later'\n")


class NobodyThere(Bridged):
    expected = UpstreamEnds.expected

    def test_what_waits_keeps_no_bridge(self):
        self.cluster.controller.stop()
        mix.wait_for(lambda: self.read("controller/state") != "connected\n")
        waits = self.submit("'later'")
        self.cluster.unmount(*self.cluster.mounts.pop())
        mix.wait_for(lambda: not self.bridge_pids())
        for e in self.cluster.engines:
            e.stop()
        self.cluster.start_controller()
        self.cluster.start_engine(mix.STOCK)
        type(self).mnt = self.cluster.mount()
        self.done(waits)
        self.assertEqual(self.get(waits, "value"), "'later'\n")


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


class Shutdown(Bridged):
    def test_it_is_that_of_the_cluster(self):
        self.write("engines/all/ctl", "stop\n")
        for engine in self.cluster.engines:
            self.assertEqual(engine.wait(), 0)
        self.cluster.engines.clear()
        self.write("controller/ctl", "shutdown\n")
        self.assertEqual(self.cluster.controller.wait(), 0)
        mix.wait_for(lambda: self.read("controller/state") != "connected\n")
        mix.wait_for(lambda: not self.ids())


class BesideOurEngines(Mounted):
    """A task goes to engines of the shell unless it names one of Python."""

    controller, engines = mix.OURS, (mix.STOCK, mix.OURS)

    def test_each_in_its_language(self):
        for _ in range(4):
            self.assertEqual(self.value("echo $TASKFS_ENGINE\n"), "1\n")
        self.assertEqual(self.value("6*7", path="engines/0/new"), "42\n")


if __name__ == "__main__":
    mix.main(__name__)
