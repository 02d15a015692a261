#!/usr/bin/python3
"""Engines that run several tasks at a time, as the controller sees them."""

import sys

import tap
from controller_case import CALM, Case


class Slots(Case):
    def engine_of(self, c, e):
        """What mounts are told of it."""
        engines = c.ask("state_request", {}).content["engines"]
        return next(x for x in engines if x["id"] == e.id)

    def slots(self, c, e):
        about = self.engine_of(c, e)
        return about["slots"], about["free"], about["queue"]

    def joined(self, c, slots, **more):
        e = self.engine()
        e.join(c, slots=slots, **more)
        return e

    def followed(self):
        c = self.client()
        c.follow()
        return c

    def take_all(self, e, n):
        return [e.take() for _ in range(n)]

    def assert_no_more(self, c, e):
        """Whatever it was given was there before what the client sends it now."""
        self.assertEqual(self.passed_on(c, e), [])
        self.assertFalse(e.task.poll(0))

    def result_of(self, m):
        return m.metadata["taskfs"]["result"]


class Placing(Slots):
    def test_a_task_for_each(self):
        c = self.followed()
        e = self.joined(c, 3)
        self.assertEqual(self.slots(c, e), (3, 3, 0))
        for _ in range(5):
            c.submit(b"x")
        tasks = self.take_all(e, 3)
        self.assertEqual([self.result_of(m) for m in tasks], [1, 2, 3])
        self.assert_no_more(c, e)
        self.assertEqual(self.slots(c, e), (3, 0, 3))
        self.assertEqual(self.engine_of(c, e)["running"], ["1", "2", "3"])
        # In whatever order they end.
        e.reply(tasks[1], exit_status=0)
        self.assertEqual(self.result_of(e.take()), 4)
        e.reply(tasks[0], exit_status=0)
        self.assertEqual(self.result_of(e.take()), 5)
        e.reply(tasks[2], exit_status=0)
        c.wait(3, "ok")
        self.assertEqual(self.slots(c, e), (3, 1, 2))
        self.assertEqual(self.engine_of(c, e)["running"], ["4", "5"])

    def test_a_map(self):
        c = self.followed()
        e = self.joined(c, 2)
        c.submit_map(b"x", [b"a", b"b", b"c"])
        tasks = self.take_all(e, 2)
        self.assertEqual(self.engine_of(c, e)["running"], ["1/0", "1/1"])
        self.assert_no_more(c, e)
        for m in tasks:
            e.reply(m, exit_status=0)
        e.reply(e.take(), exit_status=0)
        c.wait(1, "ok")

    def test_the_engine_with_the_least_to_do_for_each(self):
        c = self.followed()
        small, large = self.joined(c, 1), self.joined(c, 4)
        for _ in range(5):
            c.submit(b"x")
        self.take_all(large, 4)
        small.take()
        self.assertEqual(self.slots(c, large), (4, 0, 4))
        self.assertEqual(self.slots(c, small), (1, 0, 1))

    def test_a_view_waits_for_one(self):
        c = self.followed()
        e = self.joined(c, 2)
        for _ in range(2):
            c.submit(b"x")
        first, second = self.take_all(e, 2)
        c.submit_view(b"v", [0])
        self.assertEqual(c.result(3)["why"], "engine 0 to be free")
        e.reply(second, exit_status=0)
        self.assertEqual(self.result_of(e.take()), 3)
        e.reply(first, exit_status=0)
        c.wait(1, "ok")

    def test_what_a_client_sends_it_counts(self):
        c = self.followed()
        e = self.joined(c, 2)
        header, frames = c.frames("execute_request", {"code": "x", "silent": False})
        c.mux.send_multipart([e.uuid.encode(), *frames])
        direct = e.take(e.mux)
        self.assertEqual(direct.header["msg_id"], header["msg_id"])
        for _ in range(2):
            c.submit(b"x")
        first = e.take()
        self.assert_no_more(c, e)
        e.reply(direct, socket=e.mux)
        self.assertEqual(self.result_of(e.take()), self.result_of(first) + 1)

    def test_those_of_a_client_are_queued_for_all(self):
        c = self.followed()
        e = self.joined(c, 2)
        for _ in range(3):
            c.task.send_multipart(
                c.frames("execute_request", {"code": "x", "silent": False})[1]
            )
        first, _ = self.take_all(e, 2)
        self.assert_no_more(c, e)
        e.reply(first)
        e.take()

    def test_its_end_ends_all(self):
        c = self.followed()
        e = self.joined(c, 2)
        for _ in range(2):
            c.submit(b"x")
        self.take_all(e, 2)
        e.registration.send_multipart(
            e.frames("unregistration_request", {"id": e.id, "uuid": e.uuid})[1]
        )
        for id in 1, 2:
            self.assertEqual(c.wait(id, "error")["task"]["ename"], "EngineError")


class More(Slots):
    options = (CALM, "--hwm=2")

    def test_one_waits_at_the_engine(self):
        c = self.followed()
        e = self.joined(c, 2)
        for _ in range(4):
            c.submit(b"x")
        self.take_all(e, 3)
        self.assert_no_more(c, e)
        self.assertEqual(self.slots(c, e), (2, 0, 3))


class Resources(Slots):
    def has(self, c, e):
        return self.engine_of(c, e)["resources"]

    def test_free_and_in_all(self):
        c = self.followed()
        e = self.joined(c, 4, resources={"memory": 3 << 30, "gpu": 2, "none": 0})
        free = ["cpus 4/4", "gpu 2/2", "memory 3G/3G"]
        self.assertEqual(self.has(c, e), free)
        c.submit(b"x", cpus=2, memory="1G", resources={"gpu": 2})
        c.submit(b"x", resources={"gpu": 1})
        c.submit(b"x", memory=5 << 20)
        first, third = self.take_all(e, 2)
        self.assertEqual([self.result_of(m) for m in (first, third)], [1, 3])
        asked = first.metadata["taskfs"]
        self.assertEqual(
            [asked[x] for x in ("cpus", "memory", "resources")], [2, "1G", {"gpu": 2}]
        )
        self.assertEqual(
            self.has(c, e), ["cpus 1/4", "gpu 0/2", "memory 2043M/3G"]
        )
        self.assertEqual(self.slots(c, e), (4, 1, 2))
        e.reply(first, exit_status=0)
        second = e.take()
        self.assertEqual(self.result_of(second), 2)
        for m in second, third:
            e.reply(m, exit_status=0)
        c.wait(2, "ok")
        c.wait(3, "ok")
        self.assertEqual(self.has(c, e), free)

    def test_an_engine_of_ipyparallel_has_none(self):
        c = self.followed()
        e = self.engine(taskfs=False)
        e.join(c)
        self.assertEqual(self.has(c, e), ["cpus 1/1"])
        c.submit(b"x", resources={"gpu": 1})
        why = c.wait_until(1, lambda r: r["why"])["why"]
        # It has not said yet what it runs.
        self.assertEqual(why, "an engine with so much free: 1 cpu, 1 gpu")

    def test_it_comes_back_with_less(self):
        c = self.followed()
        e = self.joined(c, 2, resources={"gpu": 2})
        c.submit(b"x", resources={"gpu": 2})
        m = e.take()
        e.register(running=[m.header["msg_id"]], slots=2, resources={"gpu": 1})
        self.assertEqual(self.has(c, e), ["cpus 1/2", "gpu 0/1"])
        e.reply(m, exit_status=0)
        c.wait(1, "ok")
        self.assertEqual(self.has(c, e), ["cpus 2/2", "gpu 1/1"])

    def test_after_a_restart_of_the_controller(self):
        c = self.followed()
        e = self.joined(c, 2, resources={"gpu": 2})
        c.submit(b"x", resources={"gpu": 1})
        m = e.take()
        self.controller.kill()
        # Two of one uuid would both come back.
        self.peers.remove(e)
        e.close()
        self.controller.start()
        c = self.followed()
        again = self.engine(uuid=e.uuid)
        again.join(c, running=[m.header["msg_id"]], slots=2, resources={"gpu": 2})
        self.assertEqual(self.has(c, again), ["cpus 1/2", "gpu 1/2"])
        again.reply(m, exit_status=0)
        c.wait(1, "ok")

    def test_rubbish_is_none(self):
        c = self.followed()
        for rubbish in (
            [],
            "gpu",
            7,
            {"gpu": -1},
            {"gpu": "1"},
            {"a b": 1},
            {"gpu": 1, "x": 1.5},
            {"gpu": 1 << 60},
            {"r%d" % i: 1 for i in range(17)},
        ):
            e = self.joined(c, 1, resources=rubbish)
            self.assertEqual(self.has(c, e), ["cpus 1/1"], rubbish)
        with open(self.controller.log) as f:
            said = f.read()
        self.assertEqual(said.count("resources that it cannot have"), 9)


class Said(Slots):
    def test_rubbish_is_one(self):
        c = self.followed()
        for rubbish in 0, -1, 65537, 1.5, "2", None, [2], 1 << 70:
            e = self.engine()
            e.join(c, **({} if rubbish is None else {"slots": rubbish}))
            self.assertEqual(self.slots(c, e), (1, 1, 0), rubbish)
        with open(self.controller.log) as f:
            said = f.read()
        self.assertEqual(said.count("a number of slots that it cannot have"), 7)

    def test_it_is_known_after_a_restart(self):
        c = self.followed()
        e = self.joined(c, 7)
        # What was put before it is stored, too, when it is.
        c.submit(b":", hold=1)
        self.controller.kill()
        # Two of one uuid would both come back.
        self.peers.remove(e)
        e.close()
        self.controller.start()
        c = self.followed()
        self.assertEqual(self.slots(c, e)[0], 7)
        # It was started again with others.
        again = self.engine(uuid=e.uuid)
        again.join(c, slots=3)
        self.assertEqual(self.slots(c, again), (3, 3, 0))


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
