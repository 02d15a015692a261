#!/usr/bin/python3
"""What the stock client asks the hub; the stock controller is the measure."""

import datetime
import unittest

import ipyparallel as ipp
import mix

TIER = "check"

UTC = datetime.timezone.utc


def echo(x):
    return x


def fail():
    raise ZeroDivisionError("no")


class Hub(mix.Case):
    controller = mix.STOCK
    engines = (mix.STOCK, mix.STOCK)
    hears = True

    def setUp(self):
        super().setUp()
        self.lv = self.rc.load_balanced_view()
        self.other = self.cluster.client()
        self.addCleanup(self.other.close)

    def record(self, msg_id, *keys):
        """As the hub has it when the task has ended. (With more than one key,
        stock compares plain values with that of the last one.)"""
        query = {"msg_id": {"$eq": msg_id}, "completed": {"$ne": None}}
        return mix.wait_for(
            lambda: self.rc.db_query(query, list(keys) or None)
        )[0]

    # --- queue_status ---

    def test_queue_status(self):
        self.rc[:].apply_sync(echo, 1)
        status = mix.wait_for(self.status_when_idle)
        self.assertEqual(set(status), {*self.rc.ids, "unassigned"})
        self.assertEqual(status["unassigned"], 0)
        for e in self.rc.ids:
            self.assertEqual(set(status[e]), {"queue", "completed", "tasks"})
            self.assertGreater(status[e]["completed"], 0)
        self.assertEqual(
            self.rc.queue_status(self.rc.ids[0]), status[self.rc.ids[0]]
        )
        verbose = self.rc.queue_status(self.rc.ids[0], verbose=1)
        self.assertEqual((verbose["queue"], verbose["tasks"]), ([], []))

    def status_when_idle(self):
        status = self.rc.queue_status()
        n = status["unassigned"]
        for e in self.rc.ids:
            n += status[e]["queue"] + status[e]["tasks"]
        return None if n else status

    def test_queue_status_verbose(self):
        one, two = self.rc.ids
        gate = self.gate()
        a = self.rc[one].apply_async(mix.wait_at, gate)
        b = self.rc[one].apply_async(echo, 1)
        mix.wait_for(lambda: self.other.queue_status(one)["queue"] == 2)
        v = self.other.queue_status(one, verbose=True)
        self.assertEqual(v["queue"], [*a.msg_ids, *b.msg_ids])
        self.assertEqual(v["tasks"], [])
        gate.open()
        b.get()
        mix.wait_for(lambda: self.other.queue_status(one)["queue"] == 0)
        v = self.other.queue_status(verbose=True)
        self.assertEqual(v["unassigned"], [])
        self.assertLessEqual({*a.msg_ids, *b.msg_ids}, set(v[one]["completed"]))
        self.assertNotIn(a.msg_ids[0], v[two]["completed"])

    def test_tasks_without_an_engine(self):
        gate = self.gate()
        ars = [self.lv.apply_async(mix.wait_at, gate) for i in range(4)]
        mix.wait_for(lambda: self.other.queue_status()["unassigned"] == 2)
        v = self.other.queue_status(verbose=True)
        waits = set(v["unassigned"])
        has = {i for e in self.rc.ids for i in v[e]["tasks"]}
        self.assertEqual(waits | has, {ar.msg_ids[0] for ar in ars})
        self.assertFalse(waits & has)
        gate.open()
        self.rc.wait(ars)

    def ask(self, kind, content):
        return self.rc._send_recv(self.rc._query_stream, kind, content)["content"]

    def refused(self, kind, content, ename, evalue):
        r = self.ask(kind, content)
        self.assertEqual(r["status"], "error")
        self.assertEqual((r["ename"], r["evalue"]), (ename, evalue))

    def test_bad_queries(self):
        # A key that is not there is missed in a record.
        self.rc[0].apply_sync(echo, 1)
        r = self.refused
        r("queue_request", {"targets": 99}, "IndexError", "No Such Engine: [99]")
        r(
            "queue_request",
            {"targets": [0, 98, "x"]},
            "IndexError",
            "No Such Engine: [98, 'x']",
        )
        r("queue_request", {"targets": []}, "IndexError", "No Engines Registered")
        r("queue_request", {}, "KeyError", "'targets'")
        r("nonsense", {}, "KeyError", "\"Bad Message Type: 'nonsense'\"")
        r(
            "result_request",
            {"msg_ids": ["no"]},
            "KeyError",
            "'No such message: no'",
        )
        r(
            "resubmit_request",
            {"msg_ids": ["no", "nor"]},
            "KeyError",
            "\"No such msg(s): ['no', 'nor']\"",
        )
        r(
            "purge_request",
            {"msg_ids": [], "engine_ids": [99]},
            "IndexError",
            "No such engine: 99",
        )
        r("db_request", {"query": {}, "keys": ["no"]}, "KeyError", "'no'")
        r("db_request", {"query": {"msg_id": {"$no": 1}}}, "KeyError", "'$no'")

    def test_what_ipython_shows_of_an_error(self):
        """Of a RemoteError that is its traceback alone."""
        for ename, says, what, *args in (
            ("KeyError", "No such message: no", self.rc.get_result("no").get),
            ("KeyError", "'no'", self.rc.db_query, {}, ["no"]),
            ("InvalidDependency", "", self.depends_on_nothing().get),
        ):
            shown = self.fails(ename, what, *args).render_traceback()
            self.assertIn(ename, shown[-1])
            self.assertIn(says, shown[-1])

    def depends_on_nothing(self):
        with self.lv.temp_flags(after="no"):
            return self.lv.apply_async(echo, 1)

    # --- get_result ---

    def recorded(self, ar):
        """A stock hub hears of a result later than its client may."""
        where = {"msg_id": {"$in": ar.msg_ids}}
        found = self.rc.db_query(where, keys=["msg_id", "completed"])
        return len(found) == len(ar.msg_ids) and all(r["completed"] for r in found)

    def test_get_result_of_another_client(self):
        ar = self.rc[:].apply_async(echo, [1, "two"])
        self.assertEqual(ar.get(), [[1, "two"]] * 2)
        mix.wait_for(lambda: self.recorded(ar))
        got = self.other.get_result(ar.msg_ids)
        self.assertEqual(got.get(), [[1, "two"]] * 2)
        self.assertEqual(got.engine_id, ar.engine_id)
        for m, n in zip(ar.metadata, got.metadata):
            self.assertEqual(m["started"], n["started"])
            self.assertEqual(m["completed"], n["completed"])
            self.assertEqual(m["submitted"], n["submitted"])

    def test_get_result_waits(self):
        gate = self.gate()
        ar = self.lv.apply_async(mix.wait_at, gate)
        mix.wait_for(lambda: self.rc.db_query({"msg_id": ar.msg_ids[0]}))
        got = self.other.get_result(ar.msg_ids[0])
        self.assertFalse(got.ready())
        gate.open()
        self.assertIsNone(got.get())
        self.assertTrue(got.successful())

    def test_get_result_with_large_buffers(self):
        data = bytes(range(256)) * 8192
        ar = self.lv.apply_async(echo, data)
        self.assertEqual(ar.get(), data)
        mix.wait_for(lambda: self.recorded(ar))
        got = self.other.get_result(ar.msg_ids[0]).get()
        self.assertEqual(got, data)

    def test_get_result_that_failed(self):
        ar = self.rc[0].apply_async(fail)
        self.fails("ZeroDivisionError", ar.get)
        mix.wait_for(lambda: self.recorded(ar))
        got = self.other.get_result(ar.msg_ids[0])
        self.fails("ZeroDivisionError", got.get)

    def test_get_result_with_output(self):
        ar = self.rc[0].execute(
            "import sys; print('out'); sys.stderr.write('err'); 6 * 7",
            silent=False,
            block=True,
        )
        # A stock hub hears of outputs later than of the end.
        for key in "stdout", "stderr", "execute_result":
            mix.wait_for(lambda: self.record(ar.msg_ids[0], key)[key])
        got = self.other.get_result(ar.msg_ids[0])
        reply = got.get()
        self.mine = ar.msg_ids
        self.assertEqual(self.find(stdout="out\n"), self.mine)
        self.assertEqual(self.find(stderr={"$in": ["err"]}), self.mine)
        self.assertEqual(self.find(stdout={"$lt": "out"}), [])
        self.assertEqual(got.metadata["stdout"], "out\n")
        self.assertEqual(got.metadata["stderr"], "err")
        self.assertIn("6 * 7", got.metadata["execute_input"])
        self.assertEqual(reply.execute_result["data"]["text/plain"], "42")

    def test_get_result_with_much_output(self):
        ar = self.rc[0].execute("print('x' * 3000000)", silent=False, block=True)
        size = lambda: len(self.record(ar.msg_ids[0], "stdout")["stdout"])
        mix.wait_for(lambda: size() == 3000001)
        got = self.other.get_result(ar.msg_ids[0])
        got.get()
        self.assertEqual(got.metadata["stdout"], "x" * 3000000 + "\n")

    def test_result_status(self):
        gate = self.gate()
        a, b = self.rc[0].apply_async(echo, 1), self.rc[0].apply_async(mix.wait_at, gate)
        a.get()
        ids = [*a.msg_ids, *b.msg_ids]

        def status():
            try:
                s = self.other.result_status(ids)
            except ipp.error.RemoteError:
                return None  # the second is on its way by another socket
            return s["completed"] and s

        s = mix.wait_for(status)
        self.assertEqual(s["completed"], a.msg_ids)
        self.assertEqual(s["pending"], b.msg_ids)
        gate.open()
        b.get()
        self.fails("KeyError", self.other.result_status, ["no such"])

    # --- history and records ---

    def test_hub_history(self):
        ars = [self.rc[0].apply_async(echo, 1), self.lv.apply_async(echo, 2)]
        self.rc.wait(ars)
        mine = [ar.msg_ids[0] for ar in ars]
        mix.wait_for(lambda: self.other.hub_history()[-2:] == mine)

    def test_a_record(self):
        before = datetime.datetime.now(UTC)
        ar = self.rc[1].apply_async(echo, 5)
        ar.get()
        rec = self.record(ar.msg_ids[0])
        self.assertLessEqual(
            {
                "msg_id",
                "header",
                "metadata",
                "content",
                "submitted",
                "client_uuid",
                "engine_uuid",
                "started",
                "completed",
                "resubmitted",
                "received",
                "result_header",
                "result_metadata",
                "result_content",
                "queue",
                "execute_input",
                "execute_result",
                "error",
                "stdout",
                "stderr",
            },
            set(rec),
        )
        self.assertEqual(rec["msg_id"], ar.msg_ids[0])
        self.assertEqual(rec["header"]["msg_type"], "apply_request")
        self.assertEqual(rec["client_uuid"], self.rc.session.session)
        self.assertEqual(rec["engine_uuid"], self.rc._engines[1])
        self.assertEqual(rec["queue"], "mux")
        self.assertEqual(rec["content"], {})
        self.assertEqual(rec["result_header"]["msg_type"], "apply_reply")
        self.assertEqual(rec["result_content"]["status"], "ok")
        self.assertEqual(rec["result_metadata"]["engine"], rec["engine_uuid"])
        self.assertEqual((rec["stdout"], rec["stderr"]), ("", ""))
        for key in ("resubmitted", "execute_input", "execute_result", "error"):
            self.assertIsNone(rec[key], key)
        order = [before] + [
            rec[k] for k in ("submitted", "started", "completed", "received")
        ]
        self.assertEqual(order, sorted(order))
        ar = self.lv.apply_async(fail)
        self.fails("ZeroDivisionError", ar.get)
        rec = self.record(ar.msg_ids[0])
        self.assertEqual(rec["queue"], "task")
        self.assertEqual(rec["result_content"]["ename"], "ZeroDivisionError")

    def test_keys_and_buffers(self):
        ar = self.rc[0].apply_async(echo, b"x" * 5000)
        ar.get()
        rec = self.record(ar.msg_ids[0], "buffers", "result_buffers", "queue")
        self.assertEqual(
            set(rec), {"msg_id", "buffers", "result_buffers", "queue"}
        )
        self.assertGreater(len(rec["buffers"]), 1)
        value, rest = ipp.serialize.deserialize_object(rec["result_buffers"])
        self.assertEqual((value, rest), (b"x" * 5000, []))
        self.assertEqual(
            set(self.record(ar.msg_ids[0], "started")), {"msg_id", "started"}
        )

    def find(self, *tests, **query):
        """msg_ids of those of self.mine that match."""
        for t in tests:
            query.update(t)
        found = self.rc.db_query(query, ["msg_id"])
        return [r["msg_id"] for r in found if r["msg_id"] in self.mine]

    def test_operators(self):
        ars = [self.rc[i % 2].apply_async(echo, i) for i in range(6)]
        self.rc.wait(ars)
        self.mine = mine = [ar.msg_ids[0] for ar in ars]
        recs = [self.record(m) for m in mine]
        find = self.find
        e0, e1 = self.rc._engines[0], self.rc._engines[1]
        self.assertEqual(find(), mine)
        self.assertEqual(find(engine_uuid=e0), mine[::2])
        self.assertEqual(find(engine_uuid={"$eq": e1}), mine[1::2])
        self.assertEqual(find(engine_uuid={"$ne": e0}), mine[1::2])
        self.assertEqual(
            find(engine_uuid={"$eq": e0}, queue={"$eq": "task"}), []
        )
        self.assertEqual(find(msg_id={"$in": mine[:2]}), mine[:2])
        self.assertEqual(find(msg_id={"$nin": mine[:2]}), mine[2:])
        self.assertEqual(find(msg_id={"$in": []}), [])
        self.assertEqual(find(completed=None), [])
        self.assertEqual(find(completed={"$ne": None}), mine)
        self.assertEqual(find(resubmitted=None), mine)
        self.assertEqual(find(resubmitted={"$exists": True}), [])
        self.assertEqual(find(engine_uuid={"$exists": True}), mine)
        self.assertEqual(find(execute_input={"$exists": False}), mine)
        self.assertEqual(find(msg_id={"$lt": ""}), [])
        self.assertEqual(find(queue={"$all": [["mux", "x"], ["mux"]]}), mine)
        self.assertEqual(find(queue={"$all": [["mux"], ["task"]]}), [])
        self.assertEqual(find(buffers={"$exists": True}), mine)
        self.assertEqual(find(result_buffers={"$ne": None}), mine)
        self.assertEqual(find(msg_id={"$exists": "yes"}), mine)
        self.assertEqual(find(msg_id={"$exists": []}), [])
        self.assertEqual(find(nothing=None), mine)
        self.assertEqual(find(nothing="x"), [])
        when = recs[2]["submitted"]
        self.assertEqual(find(submitted=when), [mine[2]])
        self.assertEqual(find(submitted={"$lt": when}), mine[:2])
        self.assertEqual(find(submitted={"$lte": when}), mine[:3])
        self.assertEqual(find(submitted={"$gte": when}), mine[2:])
        self.assertEqual(
            find(submitted={"$gte": when, "$lt": recs[4]["submitted"]}),
            mine[2:4],
        )
        east = when.astimezone(datetime.timezone(datetime.timedelta(hours=5)))
        self.assertEqual(find(submitted={"$lt": east.isoformat()}), mine[:2])

    # --- purge ---

    def test_purge(self):
        ars = [self.rc[i % 2].apply_async(echo, i) for i in range(4)]
        for ar in ars:
            ar.get()
        ids = [ar.msg_ids[0] for ar in ars]
        for i in ids:
            self.record(i)
        self.rc.purge_hub_results(ids[0])
        left = self.other.hub_history()
        self.assertNotIn(ids[0], left)
        self.assertLessEqual(set(ids[1:]), set(left))
        self.purge_target(ids)
        # What the hub has not heard the end of is not purged.
        mix.wait_for(lambda: not self.rc.db_query({"completed": None}, ["msg_id"]))
        self.rc.purge_hub_results("all")
        self.assertEqual(self.other.hub_history(), [])
        self.assertEqual(self.other.db_query({}), [])

    def purge_target(self, ids):
        """Stock says yes, and purges nothing."""
        self.rc.purge_hub_results(targets=1)

    def test_purge_of_what_is_not_done(self):
        gate = self.gate()
        ar = self.rc[0].apply_async(mix.wait_at, gate)
        mix.wait_for(lambda: self.rc.queue_status(0)["queue"])
        e = self.fails("IndexError", self.rc.purge_hub_results, ar.msg_ids)
        self.assertEqual(e.evalue, "msg pending: %r" % ar.msg_ids[0])
        gate.open()
        ar.get()
        self.rc.purge_hub_results("no such id")

    # --- resubmit ---

    def test_resubmit(self):
        ar = self.rc[0].apply_async(echo, 11)
        ar.get()
        self.record(ar.msg_ids[0])
        again = self.other.resubmit(ar.msg_ids)
        self.assertEqual(again.get(), [11])
        new = again.msg_ids[0]
        self.assertNotEqual(new, ar.msg_ids[0])
        self.assertEqual(self.record(ar.msg_ids[0])["resubmitted"], new)
        rec = self.record(new)
        self.assertEqual(rec["queue"], "task")
        self.assertEqual(rec["header"]["session"], self.rc.session.session)
        self.assertEqual(rec["metadata"], {})
        # Again, and one that fails.
        self.assertEqual(self.rc.resubmit(new).get(), [11])
        bad = self.lv.apply_async(fail)
        self.fails("ZeroDivisionError", bad.get)
        self.record(bad.msg_ids[0])
        self.fails("ZeroDivisionError", self.rc.resubmit(bad.msg_ids[0]).get)


class HubOfOurs(Hub):
    controller = mix.OURS

    def test_operators(self):
        """$gt of stock is $lt, and null fails where it is compared."""
        super().test_operators()
        when = self.record(self.mine[2])["submitted"]
        self.assertEqual(self.find(submitted={"$gt": when}), self.mine[3:])
        self.assertEqual(
            self.find({"$or": [{"msg_id": m} for m in self.mine[:2]]}),
            self.mine[:2],
        )
        self.assertEqual(
            self.find({"$nor": [{"msg_id": m} for m in self.mine[:2]]}),
            self.mine[2:],
        )
        self.assertEqual(self.find({"$nor": [{"resubmitted": "x"}]}), self.mine)
        self.assertEqual(
            self.find(msg_id={"$glob": self.mine[0][:-1] + "?"})[:1],
            self.mine[:1],
        )

    def purge_target(self, ids):
        super().purge_target(ids)
        left = self.other.hub_history()
        self.assertIn(ids[2], left)
        self.assertFalse({ids[1], ids[3]} & set(left))

    def test_queries_that_cannot_be(self):
        for query in (
            {"completed": {"$lt": None}},
            {"completed": {"$lt": 5}},
            {"msg_id": {"$in": 5}},
            {"msg_id": {"$in": [[]]}},
            {"msg_id": {"$mod": [0, 1]}},
            {"msg_id": {"$all": [1]}},
            {"$or": 5},
            {"$or": [5]},
            {"msg_id": {"$eq": {}}},
        ):
            r = self.ask("db_request", {"query": query})
            self.assertEqual(r["status"], "error", query)
        deep = {"msg_id": None}
        for _ in range(20):
            deep = {"$or": [deep]}
        r = self.ask("db_request", {"query": deep})
        self.assertEqual(r["status"], "error")
        self.assertEqual(self.rc.db_query({"msg_id": '"; DROP TABLE x'}), [])

    def test_a_uuid_in_use(self):
        """In their words; stock names no request in its reply."""
        uuid = self.rc._engines[0]
        self.refused(
            "registration_request",
            {"uuid": uuid},
            "KeyError",
            "\"uuid '%s' in use\"" % uuid,
        )

    def test_what_was_broadcast(self):
        """Each engine's part is a task that the hub knows."""
        view = self.rc.broadcast_view(is_coalescing=False)
        before = mix.wait_for(self.status_when_idle)
        ar = view.apply_async(echo, "all")
        self.assertEqual(ar.get(), ["all"] * 2)
        self.assertEqual(len(set(ar.msg_ids)), 2)
        mix.wait_for(lambda: self.recorded(ar))
        self.assertEqual(set(self.other.result_status(ar.msg_ids)["completed"]), set(ar.msg_ids))
        got = self.other.get_result(ar.msg_ids)
        self.assertEqual(got.get(), ["all"] * 2)
        self.assertEqual(got.engine_id, ar.engine_id)
        self.assertEqual(set(self.other.hub_history()[-2:]), set(ar.msg_ids))
        for msg_id, e in zip(ar.msg_ids, ar.engine_id):
            rec = self.record(msg_id)
            self.assertEqual(rec["queue"], "broadcast")
            self.assertEqual(rec["engine_uuid"], self.rc._engines[e])
            self.assertEqual(rec["client_uuid"], self.rc.session.session)
            self.assertEqual(rec["result_content"]["status"], "ok")
            order = [rec[k] for k in ("submitted", "started", "completed", "received")]
            self.assertEqual(order, sorted(order))
        status = mix.wait_for(self.status_when_idle)
        for e in self.rc.ids:
            self.assertEqual(status[e]["completed"], before[e]["completed"] + 1)
        again = self.other.resubmit(ar.msg_ids)
        self.assertEqual(again.get(), ["all"] * 2)
        new = {self.record(msg_id)["resubmitted"] for msg_id in ar.msg_ids}
        self.assertEqual(new, set(again.msg_ids))
        self.rc.purge_hub_results(ar.msg_ids)
        self.assertFalse(set(ar.msg_ids) & set(self.other.hub_history()))

    def test_what_is_being_broadcast(self):
        gate = self.gate()
        view = self.rc.broadcast_view(is_coalescing=False)
        ar = view.apply_async(mix.wait_at, gate)
        mix.wait_for(lambda: all(self.rc.queue_status(e)["queue"] for e in self.rc.ids))
        status = self.other.result_status(ar.msg_ids)
        self.assertEqual(set(status["pending"]), set(ar.msg_ids))
        got = self.other.get_result(ar.msg_ids)
        self.assertFalse(got.ready())
        gate.open()
        self.assertEqual(got.get(), [None] * 2)

    def test_what_was_broadcast_and_failed(self):
        view = self.rc.broadcast_view(is_coalescing=False)
        ar = view.apply_async(fail)
        ar.wait()
        mix.wait_for(lambda: self.recorded(ar))
        for msg_id in ar.msg_ids:
            got = self.cluster.client()
            self.addCleanup(got.close)
            self.fails("ZeroDivisionError", got.get_result(msg_id).get)
            content = self.record(msg_id)["result_content"]
            self.assertEqual(content["ename"], "ZeroDivisionError")

    def test_what_was_broadcast_and_coalesced(self):
        """It is counted, and nothing else is known of it."""
        before = mix.wait_for(self.status_when_idle)
        ar = self.rc.broadcast_view(is_coalescing=True).apply_async(echo, "all")
        self.assertEqual(ar.get(), ["all"] * 2)
        status = mix.wait_for(self.status_when_idle)
        for e in self.rc.ids:
            self.assertEqual(status[e]["completed"], before[e]["completed"] + 1)
        self.fails("KeyError", self.other.result_status, ar.msg_ids)
        self.fails("KeyError", self.other.get_result(ar.msg_ids).get)
        self.fails("KeyError", self.other.resubmit, ar.msg_ids)
        self.assertEqual(self.other.db_query({"msg_id": {"$in": ar.msg_ids}}), [])

    def test_what_is_aborted_is_counted(self):
        mix.wait_for(self.is_aborted_and_counted)

    def is_aborted_and_counted(self):
        before = mix.wait_for(self.status_when_idle)
        gate = self.gate()
        with self.lv.temp_flags(targets=0):
            runs = self.lv.apply_async(mix.wait_at, gate)
            waits = self.lv.apply_async(echo, 1)
        there = gate.reached()
        mix.send_abort(self.rc, waits, 0)
        there.close()
        runs.get()
        aborted = mix.was_aborted(waits)
        status = mix.wait_for(self.status_when_idle)
        self.assertEqual(status[0]["completed"], before[0]["completed"] + 2)
        self.assertEqual(status[1], before[1])
        return aborted

    def test_dask_is_not_here(self):
        self.assertEqual(self.ask("become_dask_request", {})["status"], "error")
        r = self.ask("stop_distributed_request", {})
        self.assertEqual(r["status"], "ok")

    def test_load(self):
        r = self.ask("load_request", {"targets": None})
        self.assertEqual(r, {"status": "ok", "0": 0, "1": 0})


if __name__ == "__main__":
    mix.main(__name__)
