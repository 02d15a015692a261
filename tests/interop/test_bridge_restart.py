#!/usr/bin/python3
"""A bridge to ipyparallel's controller that starts anew, and what the hub tells it."""

import os
import re
import signal
import time

import mix
from mounted import Bridged

TIER = "check"

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


if __name__ == "__main__":
    mix.main(__name__)
