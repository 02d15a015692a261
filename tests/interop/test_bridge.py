#!/usr/bin/python3
"""A mount of a cluster of ipyparallel: its bridge to the controller."""

import contextlib
import errno
import os
import signal
import subprocess

import mix
from mounted import Bridged

TIER = "check"

class OnStockController(Bridged):
    def test_what_it_says_of_itself(self):
        port = self.cluster.info()["registration"]
        self.assertEqual(self.read("controller/kind"), "ipyparallel\n")
        self.assertEqual(self.read("controller/state"), "connected\n")
        self.assertEqual(
            self.read("controller/url"), "tcp://127.0.0.1:%d\n" % port
        )
        self.assertEqual(sorted(map(int, self.ids())), self.rc.ids)

    def test_it_has_no_pools(self):
        at = os.path.join(self.mnt, "pools")
        self.assertEqual(os.listdir(at), [])
        self.refused(errno.EOPNOTSUPP, os.mkdir, at + "/short")
        self.assertEqual(os.listdir(at), [])
        self.assertIn("has no pools", self.read("tasks/error"))

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


if __name__ == "__main__":
    mix.main(__name__)
