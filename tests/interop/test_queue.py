#!/usr/bin/python3
"""The task queue and broadcast, as the stock client uses them; the stock
controller is the measure."""

import os
import unittest

import ipyparallel as ipp
import mix
from ipyparallel import Dependency

TIER = "check"


def echo(x):
    return x


def fail():
    raise ZeroDivisionError("no")


def pid():
    import os

    return os.getpid()


def tries(path):
    """Fails the first time it is called with this path."""
    with open(path, "a+") as f:
        f.seek(0)
        n = len(f.readlines())
        f.write("x\n")
    if not n:
        raise ZeroDivisionError("the first time")
    return n


def die(path):
    """Kills its engine, the first time."""
    import os

    if not os.path.exists(path):
        open(path, "w").close()
        os._exit(1)
    return "alive"


class Queue(mix.Case):
    controller = mix.STOCK
    engines = (mix.STOCK, mix.STOCK)

    def setUp(self):
        super().setUp()
        self.lv = self.rc.load_balanced_view()
        self.one, self.two = self.rc.ids[:2]

    def later(self, f, *args, **flags):
        with self.lv.temp_flags(**flags):
            return self.lv.apply_async(f, *args)

    def get(self, ar):
        return ar.get()

    # --- where ---

    def test_targets(self):
        for e in (self.one, self.two):
            ars = [self.later(echo, i, targets=e) for i in range(5)]
            self.assertEqual([self.get(ar) for ar in ars], list(range(5)))
            self.assertEqual({ar.engine_id for ar in ars}, {e})

    def test_load_is_spread(self):
        for _ in range(4):
            gates = [self.gate() for _ in self.rc.ids]
            ars = [self.lv.apply_async(mix.wait_at, gate) for gate in gates]
            for there in [gate.reached() for gate in gates]:
                there.close()
            self.rc.wait(ars)
            self.assertEqual(sorted(ar.engine_id for ar in ars), self.rc.ids)

    def test_map(self):
        self.assertEqual(
            self.lv.map_sync(echo, range(50)), list(range(50))
        )
        got = self.lv.map_async(echo, range(20), ordered=False, chunksize=3)
        self.assertEqual(sorted(got), list(range(20)))

    def test_follow(self):
        a = self.later(echo, 1, targets=self.two)
        ars = [self.later(echo, i, follow=a) for i in range(4)]
        for ar in ars:
            self.get(ar)
        self.assertEqual({ar.engine_id for ar in ars}, {self.two})

    def test_follow_of_two_engines(self):
        a = self.later(echo, 1, targets=self.one)
        b = self.later(echo, 1, targets=self.two)
        self.rc.wait([a, b])
        self.fails("ImpossibleDependency", self.later(echo, 1, follow=[a, b]).get)
        any_of = Dependency([a, b], all=False)
        ars = [self.later(echo, 1, follow=any_of) for i in range(4)]
        for ar in ars:
            self.get(ar)

    def test_follow_of_any_that_ended(self):
        gate = self.gate()
        a = self.later(mix.wait_at, gate, targets=self.one)
        b = self.later(echo, 1, targets=self.two)
        self.get(b)
        ars = [
            self.later(echo, 1, follow=Dependency([a, b], all=False))
            for i in range(3)
        ]
        for ar in ars:
            self.get(ar)
        self.assertEqual({ar.engine_id for ar in ars}, {self.two})
        gate.open()
        self.get(a)

    def test_follow_of_one_that_failed(self):
        a = self.later(fail, targets=self.two)
        ok = Dependency([a], success=True, failure=False)
        bad = Dependency([a], success=False, failure=True)
        both = Dependency([a], success=True, failure=True)
        never = self.later(echo, 1, follow=ok)
        ars = [self.later(echo, i, follow=d) for d in (bad, both) for i in range(3)]
        self.fails("ZeroDivisionError", a.get)
        self.fails("ImpossibleDependency", never.get)
        self.assertEqual([self.get(ar) for ar in ars], [0, 1, 2] * 2)
        self.assertEqual({ar.engine_id for ar in ars}, {self.two})
        good = self.later(echo, 1, targets=self.two)
        self.get(good)
        bad = Dependency([good], success=False, failure=True)
        self.fails("ImpossibleDependency", self.later(echo, 1, follow=bad).get)

    # --- when ---

    def test_after(self):
        gate = self.gate()
        a = self.later(mix.wait_at, gate)
        b = self.later(echo, 1, after=a)
        c = self.later(echo, 1, after=[a, b])
        gate.reached().close()
        self.get(c)
        self.assertGreaterEqual(b.started, a.completed)
        self.assertGreaterEqual(c.started, b.completed)

    def test_after_one_that_failed(self):
        a = self.later(fail)
        ok = Dependency([a], success=True, failure=False)
        bad = Dependency([a], success=False, failure=True)
        both = Dependency([a], success=True, failure=True)
        waits = [self.later(echo, 1, after=d) for d in (ok, bad, both)]
        self.fails("ZeroDivisionError", a.get)
        self.fails("ImpossibleDependency", waits[0].get)
        self.assertEqual([self.get(w) for w in waits[1:]], [1, 1])
        # When it has ended already.
        self.fails("ImpossibleDependency", self.later(echo, 1, after=ok).get)
        self.assertEqual(self.get(self.later(echo, 2, after=bad)), 2)
        good = self.later(echo, 1)
        self.get(good)
        bad = Dependency([good], success=False, failure=True)
        self.fails("ImpossibleDependency", self.later(echo, 1, after=bad).get)

    def test_after_any(self):
        gate = self.gate()
        slow, quick = self.later(mix.wait_at, gate), self.later(echo, 1)
        b = self.later(echo, 1, after=Dependency([slow, quick], all=False))
        self.get(b)
        self.assertFalse(slow.ready())
        gate.open()
        self.get(slow)
        bad = [self.later(fail), self.later(fail)]
        b = self.later(echo, 1, after=Dependency(bad, all=False))
        self.fails("ImpossibleDependency", b.get)
        b = self.later(
            echo,
            1,
            after=Dependency([*bad, slow], all=False),
        )
        self.assertEqual(self.get(b), 1)

    def test_a_chain_falls(self):
        a = self.later(fail)
        b = self.later(echo, 1, after=a)
        c = self.later(echo, 1, after=b)
        for ar in (b, c):
            self.fails("ImpossibleDependency", ar.get)

    def test_after_what_nobody_submitted(self):
        self.fails("InvalidDependency", self.later(echo, 1, after="no").get)
        self.fails("InvalidDependency", self.later(echo, 1, follow=["no"]).get)
        a = self.later(echo, 1)
        self.fails("InvalidDependency", self.later(echo, 1, after=["no", a]).get)

    def test_timeout(self):
        gate = self.gate()
        busy = [self.later(mix.wait_at, gate) for i in range(2)]
        a = self.later(echo, 1, timeout=0.3)
        e = self.fails("TaskTimeout", a.get)
        self.assertFalse(e.engine_info)
        self.assertFalse(any(b.ready() for b in busy))
        gate.open()
        self.rc.wait(busy)
        self.assertEqual(self.get(self.later(echo, 1, timeout=mix.FOREVER)), 1)

    def test_abort(self):
        mix.wait_for(self.is_aborted)

    def is_aborted(self):
        gate = self.gate()
        busy = [self.later(mix.wait_at, gate) for i in range(2)]
        waits = [self.later(echo, i) for i in range(3)]
        mix.send_abort(self.rc, waits[1])
        gate.open()
        self.assertEqual([self.get(waits[0]), self.get(waits[2])], [0, 2])
        self.rc.wait(busy)
        return mix.was_aborted(waits[1])

    # --- again ---

    def test_retries(self):
        path = os.path.join(self.cluster.dir, "tries")
        self.assertEqual(self.get(self.later(tries, path, retries=1)), 1)
        self.fails("ZeroDivisionError", self.later(fail, retries=1).get)
        # Nowhere else to go.
        self.fails("TaskTimeout", self.later(fail, retries=2, timeout=0.2).get)
        self.fails(
            "ImpossibleDependency",
            self.later(fail, retries=1, targets=self.one).get,
        )

    def test_conditions_of_functions(self):
        @ipp.depend(lambda want: get_ipython().kernel.ident == want, self.rc._engines[self.two])  # noqa: E501,F821
        def there():
            return 7

        for _ in range(4):
            ar = self.later(there)
            self.assertEqual(self.get(ar), 7)
            self.assertEqual(ar.engine_id, self.two)
        self.fails(
            "ImpossibleDependency", self.later(there, targets=self.one).get
        )

        @ipp.require("no_such_module")
        def never():
            return 1

        self.fails("TaskTimeout", self.later(never, timeout=0.2).get)

        @ipp.require("json", echo)
        def works():
            return json.dumps(echo([1]))  # noqa: F821

        self.assertEqual(self.get(self.later(works)), "[1]")


class Broadcast(mix.Case):
    controller = mix.STOCK
    engines = (mix.STOCK, mix.STOCK, mix.STOCK)
    hears = True

    def views(self):
        for coalescing in (False, True):
            yield self.rc.broadcast_view(is_coalescing=coalescing)

    def test_apply(self):
        for v in self.views():
            self.assertEqual(v.apply_sync(echo, {"a": 1}), [{"a": 1}] * 3)

    def test_push_and_pull(self):
        self.rc[:].scatter("rank", self.rc.ids, flatten=True, block=True)
        for v in self.views():
            v.push({"x": b"y" * 100000}, block=True)
            self.assertEqual(v.pull("x", block=True), [b"y" * 100000] * 3)
            ar = v.pull("rank", block=False)
            self.assertEqual(ar.get(), ar.engine_id)
            self.assertEqual(sorted(ar.engine_id), self.rc.ids)

    def test_execute(self):
        for v in self.views():
            ar = v.execute("print('hi')", silent=False)
            ar.get()
            ar.wait_for_output()
            self.assertEqual(ar.stdout, ["hi\n"] * 3)

    def test_some(self):
        v = self.rc.broadcast_view([2, 0], is_coalescing=False)
        ar = v.apply_async(pid)
        self.assertEqual(len(set(ar.get())), 2)
        self.assertEqual(ar.engine_id, [2, 0])

    def test_failure(self):
        v = self.rc.broadcast_view(is_coalescing=False)
        with self.assertRaises(ipp.error.CompositeError):
            v.apply_sync(fail)
        v = self.rc.broadcast_view(is_coalescing=True)
        self.fails("ZeroDivisionError", v.apply_sync, fail)


class Deaths(mix.Case):
    """Each test takes an engine."""

    controller = mix.STOCK
    engines = (mix.STOCK,) * 3
    # A nanny that does not get through for some seconds says nothing.
    controller_args = ("--HeartMonitor.max_heartmonitor_misses=60",)

    def setUp(self):
        super().setUp()
        self.lv = self.rc.load_balanced_view()
        self.addCleanup(self.replace, self.rc.ids)

    def replace(self, were):
        mix.wait_for(lambda: len(self.rc.ids) < len(were))
        self.cluster.start_engine(mix.STOCK)
        self.cluster.engines.pop()

    def test_retries(self):
        path = os.path.join(self.cluster.dir, "died")
        with self.lv.temp_flags(retries=1):
            ar = self.lv.apply_async(die, path)
        self.assertEqual(ar.get(), "alive")

    def test_none(self):
        ar = self.lv.apply_async(die, os.path.join(self.cluster.dir, "gone"))
        e = self.fails("EngineError", ar.get)
        self.assertIn("died", e.evalue)
        self.assertIn(ar.msg_ids[0], e.evalue)
        self.assertIn(ar.metadata.engine_uuid, e.evalue)
        where = {"msg_id": {"$eq": ar.msg_ids[0]}, "completed": {"$ne": None}}
        (record,) = mix.wait_for(lambda: self.rc.db_query(where))
        metadata = record["result_metadata"]
        self.assertEqual(set(metadata), {"status", "engine", "date"})
        self.assertEqual(metadata["status"], "error")

    def test_direct(self):
        e = self.rc.ids[-1]
        v = self.rc[e]
        v.apply_sync(echo, 1)
        ar = v.apply_async(die, os.path.join(self.cluster.dir, "direct"))
        self.fails("EngineError", ar.get)
        mix.wait_for(lambda: e not in self.rc.ids)

    def test_shutdown(self):
        e = self.rc.ids[0]
        self.rc.shutdown(targets=e, block=True)
        mix.wait_for(lambda: e not in self.rc.ids)


class QueueOfOurs(Queue):
    controller = mix.OURS


class BroadcastOfOurs(Broadcast):
    controller = mix.OURS


class DeathsOfOurs(Deaths):
    controller = mix.OURS

    def test_direct(self):
        """Stock goes on to tell of the dead."""
        super().test_direct()
        self.assertEqual({*self.rc.ids, "unassigned"}, set(self.rc.queue_status()))

    def test_direct_as_others_hear_of_it(self):
        """Of that stock keeps a record that its own client chokes on."""
        other = self.cluster.client()
        self.addCleanup(other.close)
        e = self.rc.ids[-1]
        uuid = self.rc._engines[e]
        gate, end = self.gate(), self.gate()
        runs = self.rc[e].apply_async(mix.wait_at, gate)
        # Who dies at once may take its last reply with it.
        waits = self.rc[e].apply_async(exec, "open(%r).read()\nimport os\nos._exit(1)" % end)
        mix.wait_for(lambda: self.rc.queue_status(e)["queue"] == 2)
        (msg_id,) = waits.msg_ids
        got = other.get_result(msg_id)
        self.assertFalse(got.ready())
        gate.open()
        runs.get()
        end.reached().close()
        error = self.fails("EngineError", got.get)
        self.assertIn("died while running task %r" % msg_id, error.evalue)
        where = {"msg_id": {"$eq": msg_id}, "completed": {"$ne": None}}
        (record,) = mix.wait_for(lambda: self.rc.db_query(where))
        self.assertEqual(record["queue"], "mux")
        self.assertEqual(record["engine_uuid"], uuid)
        self.assertEqual(record["result_content"]["status"], "error")
        self.assertEqual(record["result_content"]["ename"], "EngineError")
        self.assertEqual(record["result_content"]["evalue"], error.evalue)
        self.assertIn(msg_id, other.result_status([msg_id])["completed"])
        self.fails("EngineError", waits.get)


class Lru(mix.Case):
    """In turns; with the least load it may be the same one again and again."""

    controller = mix.STOCK
    engines = (mix.STOCK, mix.STOCK)
    controller_args = ("--scheme=lru",)

    def test_in_turns(self):
        lv = self.rc.load_balanced_view()
        ran = []
        for i in range(8):
            ar = lv.apply_async(echo, i)
            ar.get()
            ran.append(ar.engine_id)
        self.assertEqual(ran, ran[:2] * 4)
        self.assertEqual(sorted(ran[:2]), self.rc.ids)


class LruOfOurs(Lru):
    controller = mix.OURS


class Schemes(unittest.TestCase):
    """All tasks end, on all engines, whatever the scheme."""

    def check(self, scheme):
        cluster = mix.Cluster(
            mix.OURS,
            (mix.OURS, mix.OURS),
            controller_args=("--scheme=" + scheme,),
        )
        try:
            rc = cluster.client()
            f = [
                rc.send_execute_request(
                    rc._task_stream, "echo", metadata={"retries": 1}
                )
                for i in range(40)
            ]
            self.assertTrue(rc.wait(f))
            ran = [x.result().metadata["engine_id"] for x in f]
            self.assertEqual(set(ran), {0, 1})
            rc.close()
        finally:
            self.assertEqual(cluster.stop(), [])

    def test_lru(self):
        self.check("lru")

    def test_plainrandom(self):
        self.check("plainrandom")

    def test_twobin(self):
        self.check("twobin")

    def test_weighted(self):
        self.check("weighted")

    def test_pure(self):
        self.check("pure")


if __name__ == "__main__":
    mix.main(__name__)
