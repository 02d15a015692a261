#!/usr/bin/python3
"""What only our controller does for the stock client: records that outlive it,
tasks of mounts among them, patience with nonsense."""

import os
import unittest

import ipyparallel as ipp
import mix
import peers
import zmq

TIER = "check"


class Records(mix.Case):
    engines = (mix.OURS, mix.OURS)

    def setUp(self):
        super().setUp()
        if not self.cluster.mounts:
            type(self).mnt = self.cluster.mount()

    def submit(self, text):
        return mix.submit(self.mnt, text)

    def read(self, id, name):
        return mix.read(self.mnt, id, name)

    def ids(self, id):
        self.read(id, "wait")
        return self.read(id, "msg_ids").split()

    def test_a_task_of_a_mount(self):
        id = self.submit("echo out; echo err >&2; echo val >&3")
        (m,) = self.ids(id)
        (rec,) = self.rc.db_query({"msg_id": m})
        self.assertEqual(rec["content"]["code"].strip()[:8], "echo out")
        self.assertEqual((rec["stdout"], rec["stderr"]), ("out\n", "err\n"))
        self.assertEqual(rec["result_content"]["status"], "ok")
        self.assertEqual(rec["queue"], "task")
        self.assertIn(rec["engine_uuid"], self.rc._engines.values())
        order = [
            rec[k] for k in ("submitted", "started", "completed", "received")
        ]
        self.assertEqual(order, sorted(order))
        for key in "stdout", "stderr", "execute_input":
            found = self.rc.db_query({"msg_id": m, key: rec[key]}, ["queue"])
            self.assertEqual(len(found), 1, key)
        self.assertIn(m, self.rc.hub_history())
        got = self.rc.get_result(m)
        reply = got.get()
        self.assertEqual(reply.execute_result["data"]["text/plain"], "val\n")
        self.assertEqual(got.metadata["stdout"], "out\n")
        self.assertEqual(got.engine_id, int(self.read(id, "engine")))
        self.assertEqual(got.metadata["status"], "ok")

    def test_a_task_of_a_mount_that_failed(self):
        (m,) = self.ids(self.submit("echo why >&2; exit 3"))
        e = self.fails("ExitStatus", self.rc.get_result(m).get)
        self.assertIn("3", e.evalue)

    def test_one_that_waits(self):
        id = self.submit('{"code": "echo 1", "targets": [0], "label": "lab"}\n')
        self.ids(id)
        (rec,) = self.rc.db_query({"label": "lab"}, ["label", "msg_id"])
        self.assertEqual(rec["msg_id"], self.ids(id)[0])
        gate = self.gate()
        busy = [self.rc[e].execute("read x <%s" % gate) for e in self.rc.ids]
        # They come by another socket than what a mount says.
        mix.wait_for(lambda: all(self.rc.queue_status(e)["queue"] for e in self.rc.ids))
        id = self.submit("echo 2")
        m = self.read(id, "msg_ids").strip()
        s = self.rc.result_status([m])
        self.assertEqual((s["pending"], s["completed"]), ([m], []))
        self.fails("IndexError", self.rc.purge_hub_results, m)
        gate.open()
        self.rc.wait(busy)
        self.assertEqual(
            self.rc.get_result(m).get()["status"], "ok"
        )

    def test_a_map_of_a_mount(self):
        raw = peers.Client(self.cluster.info())
        self.addCleanup(raw.close)
        cluster = raw.hello()["taskfs"]["cluster"]
        r = raw.submit_map(b"echo $1", [b"a", b"b", b"c", b"d", b"e"])
        ids = ["%s_%d_%d_1" % (cluster, r["id"], i) for i in range(5)]
        got = self.rc.get_result(ids).get()
        self.assertEqual(
            [x.execute_result["data"]["text/plain"] for x in got],
            [c + "\n" for c in "abcde"],
        )
        some = self.rc.db_query({"msg_id": {"$in": ids[1:3]}}, ["stdout"])
        self.assertEqual([x["stdout"] for x in some], ["b\n", "c\n"])
        # Of its tasks none is purged alone.
        self.rc.purge_hub_results(ids[:2])
        self.assertEqual(len(self.rc.result_status(ids)["completed"]), 5)
        self.rc.purge_hub_results(ids)
        for i in ids:
            self.fails("KeyError", self.fresh().result_status, [i])

    def fresh(self):
        """A client that remembers nothing."""
        rc = self.cluster.client()
        self.addCleanup(rc.close)
        return rc

    def test_large_output(self):
        (m,) = self.ids(self.submit("head -c 200000 /dev/zero | tr '\\0' x"))
        (rec,) = self.rc.db_query({"msg_id": m}, ["stdout"])
        self.assertEqual(rec["stdout"], "x" * 200000)

    def test_what_is_no_text(self):
        (m,) = self.ids(self.submit("printf 'a\\377\\000b\"'"))
        (rec,) = self.rc.db_query({"msg_id": m}, ["stdout"])
        self.assertEqual(rec["stdout"], 'a\ufffd\0b"')

    def test_a_dependency_on_a_task_of_a_mount(self):
        (m,) = self.ids(self.submit("echo first"))
        f = self.rc.send_execute_request(
            self.rc._task_stream, "echo second", metadata={"after": [m]}
        )
        self.rc.wait([f])
        self.assertEqual(f.result().metadata["status"], "ok")

    def test_a_label(self):
        f = self.rc.send_execute_request(
            self.rc._task_stream,
            "echo named",
            metadata={"label": "of-python", "retries": 2},
        )
        self.rc.wait([f])
        named = self.mnt + "/results/of-python"
        mix.wait_for(lambda: os.path.exists(named))
        with open(named + "/wait") as v:
            self.assertEqual(v.read(), "ok\n")
        with open(named + "/stdout") as v:
            self.assertEqual(v.read(), "named\n")
        (rec,) = self.rc.db_query({"label": "of-python"})
        self.assertEqual(rec["msg_id"], f.msg_id)

    def test_resubmit_is_refused(self):
        (m,) = self.ids(self.submit("echo mount"))
        self.fails("ValueError", self.rc.resubmit, m)


class Restart(mix.Case):
    engines = (mix.STOCK,)

    def test_results_outlive_the_controller(self):
        v = self.rc[0]
        ar = v.apply_async(lambda x: x + 1, 41)
        self.assertEqual(ar.get(), 42)
        ar2 = v.execute("print('kept')", silent=False)
        ar2.get()
        ids = [*ar.msg_ids, *ar2.msg_ids]
        waits = self.rc.load_balanced_view().apply_async(lambda: 1)
        self.assertEqual(waits.get(), 1)
        history = mix.wait_for(
            lambda: len(h := self.rc.hub_history()) == 3 and h
        )
        mix.wait_for(
            lambda: not self.rc.queue_status(0)["queue"]
            and self.rc.db_query({"msg_id": ids[1]}, ["stdout"])[0]["stdout"]
        )
        self.rc.close()
        self.cluster.controller.send(9)
        self.cluster.controller.wait()
        self.cluster.start_controller()
        rc = self.cluster.client(engines=0)
        self.addCleanup(rc.close)
        self.assertEqual(rc.hub_history(), history)
        self.assertEqual(rc.get_result(ids[0]).get(), 42)
        got = rc.get_result(ids[1])
        got.get()
        self.assertEqual(got.metadata["stdout"], "kept\n")
        mix.wait_for_engines(rc, 1)
        self.assertEqual(rc.resubmit(ids[0]).get(), [42])
        rc.purge_hub_results("all")
        self.assertEqual(rc.hub_history(), [])


class Nonsense(mix.Case):
    """Metadata and queries that are none: the controller says so, or nothing,
    and goes on."""

    engines = (mix.OURS,)
    hears = True
    VALUES = (None, True, -1, 1e300, 10**30, "x", "", [], ["x"], [[]], [None],
              {}, {"dependencies": 5}, {"dependencies": [5]}, {"all": "x"},
              {"success": False, "failure": False}, [["a", 1], 5, {}])  # fmt: skip

    def test_metadata_of_the_task_queue(self):
        futures = []
        for key in ("targets", "after", "follow", "retries", "timeout", "label"):
            for v in self.VALUES:
                futures.append(
                    self.rc.send_execute_request(
                        self.rc._task_stream, ":", metadata={key: v}
                    )
                )
        self.assertTrue(self.rc.wait(futures))
        names = {
            f.result().ename
            for f in futures
            if isinstance(f.result(), ipp.error.RemoteError)
        }
        self.assertLessEqual(
            names,
            {"ValueError", "InvalidDependency", "ImpossibleDependency",
             "TaskTimeout"},
        )  # fmt: skip
        self.assertIn("ValueError", names)

    def test_metadata_of_broadcast(self):
        uuid = self.rc._engines[0]
        s = mix.raw_socket(self.rc, zmq.DEALER, self.rc._config["broadcast"])
        for v in (*self.VALUES, [[uuid]], [[uuid, "x"]], [[uuid, 0]] * 3):
            for coalescing in (*self.VALUES, True, False):
                self.rc.session.send(
                    s,
                    "execute_request",
                    content={"code": ":", "silent": True},
                    metadata={
                        "targets": v,
                        "is_broadcast": True,
                        "is_coalescing": coalescing,
                    },
                )
        s.close(1000)
        self.assertEqual(self.works(), "ok")

    def works(self):
        self.rc.queue_status()
        return self.rc[0].execute(":", block=True).get()["status"]

    def test_queries(self):
        kinds = ("queue", "load", "result", "db", "purge", "resubmit",
                 "become_dask", "stop_distributed", "connection")  # fmt: skip
        keys = ("targets", "verbose", "msg_ids", "status_only", "query", "keys",
                "engine_ids")  # fmt: skip
        for kind in kinds:
            for key in keys:
                for v in self.VALUES:
                    content = {key: v}
                    if key == "engine_ids":
                        content["msg_ids"] = []
                    r = self.rc._send_recv(
                        self.rc._query_stream, kind + "_request", content
                    )
                    self.assertIn(r["content"]["status"], ("ok", "error"))
        for op in ("$eq", "$ne", "$lt", "$gte", "$in", "$nin", "$all", "$mod",
                   "$exists", "$glob", "$or", "$and", "$nor", "$"):  # fmt: skip
            for v in self.VALUES:
                for key in ("msg_id", "submitted", "header", "buffers", "x", op):
                    r = self.rc._send_recv(
                        self.rc._query_stream,
                        "db_request",
                        {"query": {key: {op: v} if key != op else v}},
                    )
                    self.assertIn(r["content"]["status"], ("ok", "error"))
        self.assertEqual(self.works(), "ok")

    def test_iopub(self):
        """What a client would choke on goes to none."""
        info = self.cluster.info("engine")
        url = "%s:%d" % (info["interface"], info["iopub"])
        s = mix.raw_socket(self.rc, zmq.XPUB, url)
        # Before it is subscribed to it says nothing.
        self.assertEqual(s.recv(), b"\1")
        other = self.cluster.client()
        self.addCleanup(other.close)
        mix.wait_until_heard(other)
        parent = {"msg_id": "x", "session": other.session.session}
        self.rc[0].execute("echo before", silent=False, block=True)
        for kind in ("stream", "status", "error", "execute_input",
                     "execute_result", "display_data"):  # fmt: skip
            for v in self.VALUES:
                for content in ({}, {"name": v, "text": v}, {"data": v},
                                {"execution_state": v}, {"code": v}):  # fmt: skip
                    self.rc.session.send(
                        s, kind, content=content, parent=parent,
                        ident=b"topic")  # fmt: skip
        ar = other[0].execute("echo after", silent=False, block=True)
        self.assertEqual(ar.metadata["stdout"], "after\n")
        s.close(0)


class Crowd(mix.Case):
    engines = (mix.STOCK, mix.STOCK)
    controller_args = ("--client-tasks=4",)

    def test_more_tasks_than_are_taken_in_at_a_time(self):
        raw = peers.Client(self.cluster.info())
        self.addCleanup(raw.close)
        gate = self.gate()
        busy = self.rc[:].apply_async(mix.wait_at, gate)
        lv = self.rc.load_balanced_view()
        ars = [lv.apply_async(abs, -i) for i in range(50)]
        direct = [self.rc[i % 2].apply_async(abs, -i) for i in range(50)]
        # Those of the queue and those of direct views.
        mix.wait_for(lambda: raw.counters()["clients_paused"] > 1)
        gate.open()
        for each in ars, direct:
            got = [ar.get() for ar in each]
            self.assertEqual(got, list(range(50)))
        busy.get()


if __name__ == "__main__":
    mix.main(__name__)
