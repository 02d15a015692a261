#!/usr/bin/python3
"""Tasks that an engine is given before a slot is free for them, as the controller has
them."""

import sys

import tap
from controller_case import CALM, Case

SHORT = {"exit_status": 0, "ran": 1000}
AHEAD = {"ahead": True}


class Ahead(Case):
    def joined(self, c, **about):
        e = self.engine()
        e.join(c, about={**AHEAD, **about})
        return e

    def quick(self, n):
        """A client, an engine where tasks were short of late, and n tasks there: one
        begins, the others are ahead."""
        c = self.client()
        c.follow()
        e = self.joined(c)
        c.submit(b"x")
        e.reply(e.take(), **SHORT)
        c.wait(1, "ok")
        for _ in range(n):
            c.submit(b"x")
        tasks = [e.take() for _ in range(n)]
        self.assertEqual([self.result_of(m) for m in tasks], list(range(2, 2 + n)))
        return c, e, tasks

    def result_of(self, m):
        return m.metadata["taskfs"]["result"]

    def states(self, c, *ids):
        return [c.result(id)["status"] for id in ids]

    def about(self, c, e):
        engines = c.ask("state_request", {}).content["engines"]
        return next(x for x in engines if x["id"] == e.id)

    def give_back(self, e, *tasks):
        content = {
            "msg_ids": [m.header["msg_id"] for m in tasks],
            "numbers": [m.metadata["taskfs"]["number"] for m in tasks],
        }
        e.task.send_multipart(e.frames("returned", content)[1])

    def goodbye(self, e, **more):
        content = dict(id=e.id, uuid=e.uuid, **more)
        e.registration.send_multipart(
            e.frames("unregistration_request", content)[1])

    def recalled(self, e, n):
        return [
            e.take(e.control, "recall").content["msg_ids"] for _ in range(n)
        ]

    def control(self, c, id, verb, **more):
        m = c.ask("control_request", dict(result=id, verb=verb, uid=0, **more))
        self.assertEqual(m.content["status"], "ok")

    def assert_no_more(self, c, e):
        self.assertEqual(self.passed_on(c, e), [])
        came = [m.type for m in e.drain(e.task)]
        self.assertNotIn("execute_request", came)

    def run_there(self, c, e, *ids):
        """These are given to e, in any order, and to nobody else."""
        found = []
        for _ in ids:
            m = e.take()
            found.append(self.result_of(m))
            e.reply(m, **SHORT)
        self.assertEqual(sorted(found), list(ids))
        for id in ids:
            r = c.wait(id, "ok")
            self.assertEqual(r["task"]["engine"], e.id)


class Given(Ahead):
    def test_one_runs_and_others_wait_there(self):
        c, e, tasks = self.quick(3)
        said = [m.metadata["taskfs"] for m in tasks]
        self.assertEqual([t.get("ahead", False) for t in said], [False, True, True])
        self.assertLess(said[0]["number"], said[1]["number"])
        self.assertLess(said[1]["number"], said[2]["number"])
        self.assertEqual(self.states(c, 2, 3, 4), ["running", "pending", "pending"])
        self.assertEqual(c.result(3)["why"], "an engine to be free")
        about = self.about(c, e)
        self.assertEqual((about["queue"], about["free"]), (3, 0))
        self.assertEqual(about["running"], ["2"])
        e.reply(tasks[0], **SHORT)
        c.wait(3, "running")
        self.assertEqual(self.states(c, 2, 3, 4), ["ok", "running", "pending"])
        e.reply(tasks[1], **SHORT)
        e.reply(tasks[2], **SHORT)
        c.wait(4, "ok")

    def test_a_return_of_an_earlier_sending_is_late(self):
        c, e, tasks = self.quick(2)
        content = {
            "msg_ids": [m.header["msg_id"] for m in tasks],
            "numbers": [m.metadata["taskfs"]["number"] - 1 for m in tasks],
        }
        e.task.send_multipart(e.frames("returned", content)[1])
        self.assert_no_more(c, e)
        for m in tasks:
            e.reply(m, **SHORT)
        c.wait(3, "ok")
        self.assertEqual(self.states(c, 2, 3), ["ok", "ok"])

    def test_an_engine_without_them_says_nothing_of_what_it_began(self):
        c = self.client()
        c.follow()
        e = self.engine()
        e.join(c, about={"ahead": False})
        c.submit(b"x")
        self.assertNotIn("number", e.take().metadata["taskfs"])
        self.goodbye(e, begun=0)
        c.wait(1, "error")
        other = self.joined(c)
        self.assert_no_more(c, other)

    def test_none_for_an_engine_that_does_not_give_back(self):
        for about in None, {"ahead": False}:
            c = self.client()
            c.follow()
            e = self.engine()
            e.join(c, about=about)
            c.submit(b"x")
            m = e.take()
            self.assertNotIn("number", m.metadata["taskfs"])
            e.reply(m, **SHORT)
            c.wait(self.result_of(m), "ok")
            for _ in range(2):
                c.submit(b"x")
            m = e.take()
            self.assert_no_more(c, e)
            e.reply(m, **SHORT)
            e.reply(e.take(), **SHORT)
            c.wait(self.result_of(m) + 1, "ok")
            self.goodbye(e)
            tap.wait_for(lambda: not c.ask("state_request", {}).content["engines"])

    def test_a_map(self):
        c, e, _ = self.quick(0)
        c.submit_map(b"x", [b"a", b"b", b"c"])
        tasks = [e.take() for _ in range(3)]
        # Pending, running, ok.
        self.assertEqual(c.result(2)["count"][:3], [2, 1, 0])
        self.give_back(e, tasks[2])
        e.reply(tasks[0], **SHORT)
        c.wait_until(2, lambda r: r["count"][2] == 1)
        self.assertEqual(c.result(2)["count"][:3], [1, 1, 1])
        e.reply(tasks[1], **SHORT)
        again = e.take()
        self.assertEqual(again.metadata["taskfs"]["index"], 2)
        e.reply(again, **SHORT)
        c.wait(2, "ok")


class Back(Ahead):
    def test_a_long_one_and_another_engine_is_free(self):
        c, e, tasks = self.quick(3)
        other = self.joined(c)
        self.assert_no_more(c, other)
        self.give_back(e, *tasks[1:])
        self.run_there(c, other, 3, 4)
        # A late word of one that was given back changes nothing.
        e.reply(tasks[1], exit_status=9)
        e.reply(tasks[0], **SHORT)
        c.wait(2, "ok")
        self.assertEqual(c.result(3)["task"]["exit_status"], 0)

    def test_what_comes_back_is_not_given_to_it_again(self):
        """Until it is free."""
        c, e, tasks = self.quick(2)
        self.give_back(e, tasks[1])
        self.assert_no_more(c, e)
        e.reply(tasks[0], **SHORT)
        m = e.take()
        self.assertEqual(m.header["msg_id"], tasks[1].header["msg_id"])
        self.assertNotIn("ahead", m.metadata["taskfs"])
        e.reply(m, **SHORT)
        c.wait(3, "ok")

    def test_abort(self):
        c, e, tasks = self.quick(2)
        self.control(c, 3, "abort")
        m = e.take(e.control, "kill_request")
        self.assertEqual(m.content["msg_id"], tasks[1].header["msg_id"])
        self.assertIs(m.content["abort"], True)
        self.give_back(e, tasks[1])
        r = c.wait(3, "aborted")
        self.assertFalse(r["task"].get("attempts"))
        e.reply(tasks[0], **SHORT)
        c.wait(2, "ok")

    def test_abort_of_one_that_has_begun(self):
        c, e, tasks = self.quick(2)
        self.control(c, 3, "abort")
        e.take(e.control, "kill_request")
        e.reply(tasks[0], **SHORT)
        e.reply(tasks[1], {"status": "aborted"})
        c.wait(3, "aborted")

    def test_hold(self):
        c, e, tasks = self.quick(3)
        self.control(c, 3, "hold")
        self.assertEqual(self.recalled(e, 1), [[tasks[1].header["msg_id"]]])
        self.give_back(e, tasks[1])
        e.reply(tasks[0], **SHORT)
        e.reply(tasks[2], **SHORT)
        c.wait(4, "ok")
        self.assertEqual(c.result(3)["why"], "hold")
        self.assert_no_more(c, e)
        self.control(c, 3, "release")
        self.run_there(c, e, 3)

    def test_what_is_worth_more_goes_first(self):
        c, e, tasks = self.quick(3)
        c.submit(b"first", priority=5)
        self.assertEqual(self.recalled(e, 2),
                         [[m.header["msg_id"]] for m in tasks[1:]])
        self.give_back(e, *tasks[1:])
        e.reply(tasks[0], **SHORT)
        first = e.take()
        self.assertEqual(self.result_of(first), 5)
        c.wait(5, "running")
        self.assertEqual(self.states(c, 3, 4), ["pending", "pending"])
        e.reply(first, **SHORT)
        again = [e.take() for _ in range(2)]
        self.assertEqual([self.result_of(m) for m in again], [3, 4])
        for m in again:
            e.reply(m, **SHORT)
        c.wait(4, "ok")

    def test_it_drains(self):
        c, e, tasks = self.quick(2)
        m = c.ask("engine_control_request", {"engines": [e.id], "verb": "drain",
                                             "uid": 0})
        self.assertEqual(m.content["status"], "ok")
        self.assertEqual(self.recalled(e, 1), [[tasks[1].header["msg_id"]]])
        self.give_back(e, tasks[1])
        other = self.joined(c)
        self.run_there(c, other, 3)
        e.reply(tasks[0], **SHORT)
        c.wait(2, "ok")


class Gone(Ahead):
    def test_what_it_had_not_begun_runs_elsewhere(self):
        c, e, tasks = self.quick(3)
        self.goodbye(e, begun=tasks[0].metadata["taskfs"]["number"])
        r = c.wait(2, "error")
        self.assertEqual(r["task"]["ename"], "EngineError")
        other = self.joined(c)
        self.run_there(c, other, 3, 4)
        self.assert_no_more(c, other)

    def test_what_it_had_begun_though_nobody_had_heard(self):
        c, e, tasks = self.quick(3)
        self.goodbye(e, begun=tasks[1].metadata["taskfs"]["number"])
        c.wait(2, "error")
        self.assertEqual(c.wait(3, "error")["task"]["ename"], "EngineError")
        other = self.joined(c)
        self.run_there(c, other, 4)

    def test_nobody_knows(self):
        c, e, tasks = self.quick(3)
        self.goodbye(e)
        for id in 2, 3, 4:
            self.assertEqual(c.wait(id, "error")["task"]["ename"], "EngineError")

    def test_it_dies_and_is_started_again(self):
        c, e, tasks = self.quick(2)
        begun = tasks[0].metadata["taskfs"]["number"]
        other = self.engine()
        other.join(c, replaces=e.uuid, id=e.id, about={"begun": begun, **AHEAD})
        c.wait(2, "error")
        self.run_there(c, other, 3)


class Restart(Ahead):
    def again(self):
        self.controller.kill()
        self.controller.start()
        c = self.client()
        c.follow()
        return c

    def test_what_it_has_not_begun_comes_back(self):
        c, e, tasks = self.quick(3)
        ids = [m.header["msg_id"] for m in tasks]
        c = self.again()
        drop = e.join(c, running=ids, about={"waiting": ids[1:], **AHEAD})
        self.assertEqual(drop["taskfs"]["drop"], ids[1:])
        other = self.joined(c)
        self.run_there(c, other, 3, 4)
        e.reply(tasks[0], **SHORT)
        c.wait(2, "ok")

    def test_a_connection_broke(self):
        """The controller knows which wait: they stay where they are."""
        c, e, tasks = self.quick(3)
        ids = [m.header["msg_id"] for m in tasks]
        drop = e.register(running=ids, about={"waiting": ids[1:], **AHEAD})
        self.assertEqual(drop["taskfs"]["drop"], [])
        self.assertEqual(self.states(c, 2, 3, 4), ["running", "pending", "pending"])
        for m in tasks:
            e.reply(m, **SHORT)
        c.wait(4, "ok")


class Waiting(Ahead):
    options = (CALM, "--hwm=2")

    def test_who_says_how_many_wait_has_them_there(self):
        c = self.client()
        c.follow()
        e = self.joined(c)
        for _ in range(4):
            c.submit(b"x")
        tasks = [e.take() for _ in range(2)]
        self.assert_no_more(c, e)
        for m in tasks:
            self.assertNotIn("ahead", m.metadata["taskfs"])
            e.reply(m, **SHORT)
        for _ in range(2):
            e.reply(e.take(), **SHORT)
        c.wait(4, "ok")


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
