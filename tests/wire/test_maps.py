#!/usr/bin/python3
"""Results of several tasks: maps and views."""

import os
import signal
import sys

import tap
from controller_case import Case


class Maps(Case):
    bad = {"status": "error", "ename": "E", "evalue": "", "traceback": []}

    def item(self, m):
        return m.buffers[m.metadata["taskfs"]["items"]]

    def test_one_task_for_each_item(self):
        c, e = self.pair()
        r = c.submit_map(b"echo $1", [b"a", b"", b"\xff"], retries=1)
        self.assertEqual((r["kind"], r["tasks"]), ("map", 3))
        self.assertIsNone(r["task"])
        for i, item in enumerate([b"a\0", b"\0", b"\xff\0"]):
            m = e.take()
            self.assertEqual(self.item(m), item)
            self.assertEqual(m.metadata["taskfs"]["index"], i)
            out = b"%d" % i
            e.reply(
                m,
                buffers=[out],
                exit_status=0,
                stdout=1,
                value_is_stdout=True,
                usage={"user": 1, "system": 0, "memory": 5},
                named={"stdout": 0},
            )
        r = c.wait(1, "ok")
        self.assertEqual(r["count"], [0, 0, 3, 0, 0])
        tasks = c.tasks(1)["tasks"]
        self.assertEqual([t[:2] for t in tasks], [[0, 3], [1, 3], [2, 3]])
        self.assertEqual([t[9] for t in tasks], [1, 1, 1])
        one = c.tasks(1, task=1)["task"]
        self.assertEqual(one["usage"]["memory"], 5)
        self.assertTrue(one["msg_id"].endswith("_1_1_1"))
        m = c.ask(
            "fetch_request",
            {"result": 1, "task": 0, "stream": "value", "count": 9},
        )
        self.assertEqual(m.content["sizes"], [1, 1, 1])
        self.assertEqual(m.buffers, [b"012"])
        usage = {"user": 3, "system": 0, "memory": 5}
        self.assertEqual(c.result(1)["usage"], usage)

    def test_the_items_can_be_fetched(self):
        c, e = self.pair()
        r = c.submit_map(b":", [b"a", b"", b"\xff"])
        self.assertEqual(r["map"], 5)
        ask = {"result": 1, "task": 0, "stream": "map"}
        self.assertEqual(c.ask("fetch_request", ask).buffers, [b"a\0\0\xff\0"])
        for _ in range(3):
            e.reply(e.take(), exit_status=0)
        c.wait(1, "ok")
        self.assertEqual(c.ask("fetch_request", ask).buffers, [b"a\0\0\xff\0"])

    def test_errors_and_limits_of_time(self):
        c, e = self.pair()
        c.submit_map(b":", [b"a", b"b"])
        limit = dict(self.bad, ename="TaskTimeLimit", evalue="1 s")
        for content in self.bad, limit:
            e.reply(e.take(), content, exit_status=1)
        c.wait(1, "error")
        self.assertEqual([t[14] for t in c.tasks(1)["tasks"]], [0, 1])
        one = c.tasks(1, task=1)["task"]
        self.assertEqual((one["ename"], one["evalue"]), ("TaskTimeLimit", "1 s"))

    def test_chunks(self):
        c, e = self.pair()
        r = c.submit_map(b":", [b"%d" % i for i in range(5)], chunk=2)
        self.assertEqual(r["tasks"], 3)
        got = []
        for _ in range(3):
            m = e.take()
            got.append(self.item(m))
            e.reply(m, exit_status=0)
        self.assertEqual(got, [b"0\x001\0", b"2\x003\0", b"4\0"])

    def items(self, c, task, n):
        return c.tasks(1, task=task, items=n)

    def items_are_known(self, c):
        """Of 5 items `01234` with a chunk of 2."""
        self.assertEqual(self.items(c, 0, 3)["items"], [0, 4, 8, 10])
        self.assertEqual(self.items(c, 0, 2)["items"], [0, 4, 8])
        self.assertEqual(self.items(c, 1, 1)["items"], [4, 8])
        self.assertEqual(self.items(c, 2, 8192)["items"], [8, 10])
        for task, n, errno in ((3, 1, "ENOENT"), (-1, 1, "ENOENT"), (0, 0, "EINVAL")):
            self.assertEqual(self.items(c, task, n)["errno"], errno)
        # Of a task it is told what it is, not which items it has.
        self.assertNotIn("items", c.tasks(1, task=1))

    def test_which_items_a_task_has(self):
        c, e = self.pair()
        c.submit_map(b":", [b"%d" % i for i in range(5)], chunk=2)
        self.items_are_known(c)
        for _ in range(3):
            e.reply(e.take(), exit_status=0)
        c.wait(1, "ok")
        self.items_are_known(c)
        c.submit(b":")
        e.reply(e.take(), exit_status=0)
        c.wait(2, "ok")
        self.assertEqual(c.tasks(2, task=0, items=1)["errno"], "EINVAL")
        self.controller.kill()
        self.controller.start()
        c = self.client()
        self.items_are_known(c)
        c.ask("control_request", {"result": 1, "verb": "purge"})
        self.assertEqual(self.items(c, 0, 1)["errno"], "ENOENT")

    def test_how_long_items_are_in_a_line(self):
        c, e = self.pair()
        c.submit_map(b":", [b"plain", b"tab\there", b"", b"\\\n", b"\x01", b"\xff"], chunk=2)
        def rows(stride, task=0, n=8):
            m = c.tasks(1, task=task, items=n, stride=stride)
            return m["items"], m["growth"]

        # The zero byte behind each item counts, too.
        self.assertEqual(rows(2), ([0, 19, 23], [7, 6]))
        self.assertEqual(rows(2, n=1), ([0, 19], [7]))
        self.assertEqual(rows(2, task=2), ([19, 23], [6]))
        for stride in (0, -1, 1 << 40):
            self.assertEqual(c.tasks(1, task=0, items=1, stride=stride)["errno"], "EINVAL")
        self.assertEqual(c.tasks(1, task=1, items=1, stride=2)["errno"], "EINVAL")

    def test_items_of_all_lengths_are_found_in_the_store(self):
        c, e = self.pair()
        items = [b"x" * n for n in (0, 1 << 18, (1 << 18) - 2, 0, 3, 700000, 0, 0)]
        c.submit_map(b":", items)
        begins = [sum(len(i) + 1 for i in items[:n]) for n in range(9)]
        block = b"".join(i + b"\0" for i in items)
        self.assertEqual(self.items(c, 0, 8)["items"], begins)
        for _ in items:
            e.reply(e.take(), exit_status=0)
        c.wait(1, "ok")
        self.assertEqual(self.items(c, 0, 8)["items"], begins)
        self.assertEqual(self.items(c, 5, 1)["items"], begins[5:7])
        self.assertEqual(self.items(c, 7, 1)["items"], begins[7:])
        for at in 0, 1 << 18, len(block) - 3, len(block), len(block) + 1:
            m = c.fetch(1, "map", at, 1 << 19)
            self.assertEqual(m.buffers, [block[at : at + (1 << 19)]])
            self.assertEqual(m.content["size"], len(block))

    def test_a_list_in_the_options(self):
        c, e = self.pair()
        r = c.submit(b":", map=["x", "y"])
        self.assertEqual((r["kind"], r["tasks"]), ("map", 2))
        self.assertNotIn("map", r["options"])
        self.assertEqual(self.item(e.take()), b"x\0")

    def test_changes_name_the_tasks(self):
        c, e = self.pair()
        c.submit_map(b":", [b"a", b"b"])
        for _ in range(2):
            e.reply(e.take(), exit_status=0)
        state = {}
        while state.get(0) != 3 or state.get(1) != 3:
            for change in c.receive(c.events).content["changes"]:
                for t in change.get("result", {}).get("changed", []):
                    state[t[0]] = t[1]

    def test_halt_and_max_running(self):
        c, e = self.pair()
        other = self.engine()
        other.join(c)
        c.submit_map(b":", [b"x"] * 10, halt=2, max_running=1)
        for i in range(2):
            one, m = self.take_any(e, other)
            self.assertEqual(m.metadata["taskfs"]["index"], i)
            one.reply(m, self.bad, exit_status=1)
        rest = None
        while not rest:
            for change in c.receive(c.events).content["changes"]:
                r = change.get("result", {})
                if "count" in r:
                    self.assertLessEqual(r["count"][1], 1)
                if "rest" in r:
                    rest = r
        self.assertEqual((rest["rest"], rest["rest_from"]), ("aborted", 2))
        r = c.wait(1, "error")
        self.assertEqual(r["count"], [0, 0, 0, 2, 8])

    def abort_of(self, n):
        """Survives a restart. Gives what memory the controller had at most."""
        c = self.client()
        c.follow()
        c.submit_map(b":", [b"%d" % i for i in range(n)])
        ask = {"result": 1, "verb": "abort"}
        self.assertEqual(c.ask("control_request", ask).content["status"], "ok")
        c.wait(1, "aborted")
        with open("/proc/%d/status" % self.controller.process.pid) as f:
            peak = [x for x in f if x.startswith("VmHWM")][0].split()[1]
        self.controller.kill()
        self.controller.start()
        c = self.client()
        self.assertEqual(c.result(1)["count"], [0, 0, 0, 0, n])
        answer = c.tasks(1, **{"from": n - 10})
        self.assertEqual(len(answer["tasks"]), 10)
        ask = {"result": 1, "verb": "purge"}
        self.assertEqual(c.ask("control_request", ask).content["status"], "ok")
        return int(peak)

    def test_abort_of_many_survives_a_restart(self):
        self.abort_of(10000)

    @tap.check
    def test_abort_of_a_million_survives_a_restart(self):
        peak = self.abort_of(1000000)
        if not os.environ.get("SAN"):
            self.assertLess(peak, 400000)

    def test_a_map_goes_on_after_a_restart(self):
        c, e = self.pair()
        c.submit_map(b":", [b"a", b"b", b"c"])
        e.reply(e.take(), exit_status=0)
        m = e.take()
        self.controller.kill()
        self.controller.start()
        c = self.client()
        c.follow()
        e.join(c, running=[m.header["msg_id"]])
        e.reply(m, exit_status=0)
        m = e.take()
        self.assertEqual(self.item(m), b"c\0")
        e.reply(m, exit_status=0)
        self.assertEqual(c.wait(1, "ok")["count"], [0, 0, 3, 0, 0])

    def test_retry_takes_the_failed_items(self):
        c, e = self.pair()
        c.submit_map(b":", [b"a", b"b", b"c"])
        for i in range(3):
            m = e.take()
            e.reply(m, None if i == 0 else self.bad, exit_status=i)
        c.wait(1, "error")
        ask = {"result": 1, "verb": "retry"}
        answer = c.ask("control_request", ask).content
        self.assertEqual(answer["result"]["id"], 2)
        got = []
        for _ in range(2):
            m = e.take()
            got.append(self.item(m))
            e.reply(m, exit_status=0)
        self.assertEqual(got, [b"b\0", b"c\0"])

    def control(self, c, verb, **more):
        ask = {"result": 1, "verb": verb, **more}
        return c.ask("control_request", ask).content

    def test_retry_takes_those_that_were_not_begun_too(self):
        c, e = self.pair()
        c.submit_map(b":", [b"%d" % i for i in range(6)], halt=1, max_running=1)
        e.reply(e.take(), exit_status=0)
        self.control(c, "abort", task=4)
        e.reply(e.take(), self.bad, exit_status=1)
        c.wait(1, "error")
        answer = self.control(c, "retry")
        got = []
        for _ in range(answer["result"]["tasks"]):
            m = e.take()
            got.append(self.item(m))
            e.reply(m, exit_status=0)
        self.assertEqual(got, [b"%d\0" % i for i in range(1, 6)])
        answer = self.control(c, "retry", task=3)
        self.assertEqual(answer["result"]["tasks"], 1)
        self.assertEqual(self.item(e.take()), b"3\0")

    def purge(self, c, *msg_ids):
        answer = c.ask("purge_request", {"msg_ids": msg_ids}).content
        self.assertEqual(answer["status"], "ok")
        return c.result(1)

    def test_purge_of_all_of_them_by_name(self):
        c, e = self.pair()
        c.submit_map(b":", [b"a", b"b"], retries=1)
        ids = []
        for content in self.bad, None, None:
            m = e.take()
            ids.append(m.header["msg_id"])
            e.reply(m, content, exit_status=0)
        c.wait(1, "ok")
        first = [i for i in ids if "_1_0_" in i]
        other = [i for i in ids if "_1_1_" in i]
        # The two names of one task are not two tasks.
        if len(first) < len(other):
            first, other = other, first
        self.assertEqual(len(first), 2)
        self.assertIsNotNone(self.purge(c, *first))
        self.assertIsNone(self.purge(c, first[0], *other))

    @tap.check
    def test_purge_of_very_many_by_name(self):
        c = self.client()
        c.follow()
        cluster = c.hello()["taskfs"]["cluster"]
        n = 300000
        c.submit_map(b":", [b"x"] * n)
        self.assertEqual(self.control(c, "abort")["status"], "ok")
        c.wait(1, "aborted")
        ids = ["%s_1_%d_1" % (cluster, i) for i in range(n)]
        self.assertIsNotNone(self.purge(c, *ids[1:]))
        self.assertIsNone(self.purge(c, *ids))

    def test_one_task_of_many_is_aborted(self):
        c, e = self.pair()
        c.submit_map(b":", [b"a", b"b", b"c"], retries=1)
        m = e.take()
        answer = self.control(c, "abort", task=1)
        self.assertEqual(answer["result"]["count"][4], 1)
        self.assertEqual(answer["result"]["changed"][0][:2], [1, 5])
        self.assertEqual(self.control(c, "abort", task=1)["errno"], "ESRCH")
        self.assertEqual(self.control(c, "abort", task=3)["errno"], "ENOENT")
        self.assertEqual(self.control(c, "abort", task=0)["status"], "ok")
        kill = e.take(e.control, "kill_request")
        self.assertEqual(kill.content["msg_id"], m.header["msg_id"])
        # That it fails now is no reason to try it again.
        e.reply(m, self.bad, exit_status=1)
        m = e.take()
        self.assertEqual(self.item(m), b"c\0")
        e.reply(m, exit_status=0)
        r = c.wait(1, "error")
        self.assertEqual(r["count"], [0, 0, 1, 1, 1])

    def test_one_that_waits_for_its_next_try_is_aborted(self):
        c, e = self.pair()
        c.submit_map(b":", [b"a", b"b"], retries=5)
        m = e.take()
        for _ in range(3):
            # It fails, and the other runs meanwhile.
            e.reply(m, self.bad, exit_status=1)
            last, m = m, e.take()
        first = last.metadata["taskfs"]["index"]
        self.assertNotEqual(m.metadata["taskfs"]["index"], first)
        tap.wait_for(lambda: c.tasks(1)["tasks"][first][1] == 1)
        self.assertEqual(self.control(c, "abort", task=first)["status"], "ok")
        e.reply(m, exit_status=0)
        self.assertEqual(c.wait(1, "aborted")["count"], [0, 0, 1, 0, 1])

    def test_one_task_of_many_gets_a_signal(self):
        c, e = self.pair()
        c.submit_map(b":", [b"a", b"b"])
        m = e.take()
        tap.wait_for(lambda: c.result(1)["count"][1] == 1)
        answer = self.control(c, "signal", task=1, argument="USR1")
        self.assertEqual(answer["errno"], "EAGAIN")
        answer = self.control(c, "signal", task=0, argument="USR1")
        self.assertEqual(answer["status"], "ok")
        kill = e.take(e.control, "kill_request").content
        self.assertEqual(
            (kill["msg_id"], kill["signal"]),
            (m.header["msg_id"], signal.SIGUSR1),
        )
        for verb in "priority", "purge":
            answer = self.control(c, verb, task=0, argument="1")
            self.assertEqual(answer["errno"], "EINVAL")
            self.assertIn("whole result", answer["evalue"])
        e.reply(m, exit_status=0)
        e.reply(e.take(), exit_status=0)
        c.wait(1, "ok")

    def test_one_task_is_held(self):
        c, e = self.pair()
        c.submit_map(b":", [b"a", b"b", b"c", b"d"])
        first = e.take()
        for task in 1, 3:
            answer = self.control(c, "hold", task=task)
            self.assertEqual(answer["status"], "ok")
            self.assertEqual(answer["result"]["changed"][0][15], 1)
        e.reply(first, exit_status=0)
        m = e.take()
        self.assertEqual(m.metadata["taskfs"]["index"], 2)
        e.reply(m, exit_status=0)
        tap.wait_for(lambda: c.result(1)["count"] == [2, 0, 2, 0, 0])
        answer = self.control(c, "hold", task=0)
        self.assertEqual(answer["errno"], "ESRCH")
        answer = self.control(c, "release", task=1)
        self.assertEqual(answer["result"]["changed"][0][15], 0)
        m = e.take()
        self.assertEqual(m.metadata["taskfs"]["index"], 1)
        e.reply(m, exit_status=0)
        self.assertEqual(self.control(c, "abort", task=3)["status"], "ok")
        self.assertEqual(c.wait(1, "aborted")["count"], [0, 0, 3, 0, 1])

    def test_one_task_that_failed_is_tried_while_the_others_run(self):
        c, e = self.pair()
        c.submit_map(b":", [b"a", b"b", b"c", b"d", b"e"], chunk=2)
        self.assertEqual(self.control(c, "retry", task=0)["errno"], "EBUSY")
        e.reply(e.take(), exit_status=0)
        e.reply(e.take(), self.bad, exit_status=1)
        m = e.take()
        self.assertEqual(self.control(c, "retry")["errno"], "EBUSY")
        self.assertEqual(self.control(c, "retry", task=0)["errno"], "EINVAL")
        answer = self.control(c, "retry", task=1)["result"]
        self.assertEqual((answer["id"], answer["tasks"]), (2, 1))
        e.reply(m, exit_status=0)
        m = e.take()
        self.assertEqual(m.metadata["taskfs"]["result"], 2)
        self.assertEqual(self.item(m), b"c\0d\0")
        e.reply(m, exit_status=0)
        c.wait(2, "ok")
        self.assertEqual(c.wait(1, "error")["count"], [0, 0, 2, 1, 0])

    def test_maps_that_are_wrong(self):
        c = self.client()
        for items, options in (([], {}), ([b"a"], {"chunk": 0})):
            answer = c.submit_map(b":", items, **options)
            self.assertEqual(answer["errno"], "EINVAL")


class Views(Case):
    def test_each_engine_gets_its_task(self):
        c, e = self.pair()
        other = self.engine()
        other.join(c)
        r = c.submit_view(b":", [1, 0])
        self.assertEqual((r["kind"], r["tasks"]), ("view", 2))
        m = other.take()
        self.assertEqual(m.metadata["taskfs"]["index"], 0)
        other.reply(m, exit_status=0)
        m = e.take()
        self.assertEqual(m.metadata["taskfs"]["index"], 1)
        e.reply(m, exit_status=0)
        c.wait(1, "ok")
        self.assertEqual([t[2] for t in c.tasks(1)["tasks"]], [1, 0])

    def test_an_engine_that_is_not_there(self):
        c, e = self.pair()
        c.submit_view(b":", [0, 7])
        e.reply(e.take(), exit_status=0)
        r = c.wait(1, "error")
        self.assertEqual(r["count"], [0, 0, 1, 1, 0])
        self.assertEqual(c.tasks(1, task=1)["task"]["ename"], "EngineError")


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
