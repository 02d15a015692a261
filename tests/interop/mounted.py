"""What tests of mounts with Python engines begin with: a cluster, and a mount of it."""

import contextlib
import json
import os
import re
import signal

import mix
import tap

tap.helpers.add(__file__)


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
