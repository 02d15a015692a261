#!/usr/bin/python3
"""Tasks that a mount submits, and what they depend on."""

import os
import sys

import tap
from controller_case import ERROR, Case
from peers import new_id


class Tasks(Case):
    def test_the_life_of_a_task(self):
        c, e = self.pair()
        r = c.submit(b"echo", args=["a"], cwd="/tmp", label="build")
        self.assertEqual((r["id"], r["name"]), (1, "build"))
        m = e.take()
        t = m.metadata["taskfs"]
        self.assertEqual(m.content["code"], "echo")
        self.assertEqual((t["result"], t["index"], t["attempt"]), (1, 0, 1))
        self.assertEqual((t["args"], t["cwd"]), (["a"], "/tmp"))
        self.assertEqual(c.wait(1, "running")["task"]["engine"], 0)
        e.output(m, "stdout", 0, b"one\n\xff")
        e.output(m, "stdout", 5, b"two")
        tap.wait_for(lambda: c.result(1)["task"]["stdout"] == 8)
        self.assertEqual(c.fetch(1, "stdout").buffers, [b"one\n\xfftwo"])
        self.assertEqual(c.fetch(1, "stdout", 4, 2).buffers, [b"\xfft"])
        e.reply(
            m,
            buffers=[b"!"],
            exit_status=0,
            stdout=9,
            stderr=7,
            value_is_stdout=True,
            usage={"user": 0.5, "system": 0.25, "memory": 4096},
            named={"stdout": 0},
        )
        # Of stderr nothing came: that is counted and logged, not invented.
        r = c.wait(1, "error")
        self.assertEqual(r["task"]["ename"], "OutputError")
        self.assertEqual((r["task"]["stdout"], r["task"]["stderr"]), (9, 0))
        self.assertEqual(c.counters()["outputs_bad"], 1)
        self.assertEqual(r["task"]["usage"]["memory"], 4096)
        self.assertEqual(c.fetch(1, "stdout").buffers, [b"one\n\xfftwo!"])
        m = e.take(kind="stored")
        self.assertEqual(len(m.content["msg_ids"]), 1)

    def test_the_ids_of_its_messages_are_known_before(self):
        c, e = self.pair()
        cluster = c.hello()["taskfs"]["cluster"]
        for index in (1, 2):
            r = c.submit(b"x", retries=1)
            self.assertEqual(r["task"]["msg_id"], "%s_%d_0_1" % (cluster, index))
        m = e.take()
        self.assertEqual(m.header["msg_id"], cluster + "_1_0_1")
        self.controller.kill()
        # Two of one uuid would both come back.
        self.peers.remove(e)
        e.close()
        self.controller.start()
        c = self.client()
        self.assertEqual(c.hello()["taskfs"]["cluster"], cluster)
        # It says that it never came: the same try again.
        again = self.engine(uuid=e.uuid)
        again.join(c)

        def take():
            """The next of the first; in between the other has its turn."""
            m = again.take()
            if m.header["msg_id"] == cluster + "_2_0_1":
                again.reply(m, exit_status=0)
                m = again.take()
            return m

        m = take()
        self.assertEqual(m.header["msg_id"], cluster + "_1_0_1")
        again.reply(m, {"status": "error", "ename": "E", "evalue": ""})
        self.assertEqual(take().header["msg_id"], cluster + "_1_0_2")
        tap.wait_for(lambda: c.result(1)["task"]["attempt"] == 2)
        self.assertEqual(c.result(1)["task"]["msg_id"], cluster + "_1_0_2")

    def test_small_outputs_come_with_the_change(self):
        c, e = self.pair()
        c.submit(b":")
        e.reply(
            e.take(),
            buffers=[b"hello\n"],
            exit_status=0,
            stdout=6,
            value_is_stdout=True,
            named={"stdout": 0},
        )

        def ended(m):
            return any(
                x.get("result", {}).get("status") == "ok"
                for x in m.content["changes"]
            )

        m = c.receive(c.events, ended)
        (r,) = [x["result"] for x in m.content["changes"] if "result" in x]
        at = r["task"]["buffers"]["stdout"]
        self.assertEqual(m.buffers[at], b"hello\n")

    def test_code_and_stdin_are_bytes(self):
        c, e = self.pair()
        c.submit(b"\xff\xfe", buffers=[b"\x00\x01"])
        m = e.take()
        t = m.metadata["taskfs"]
        self.assertEqual(m.buffers[t["code"]], b"\xff\xfe")
        self.assertEqual(m.buffers[t["stdin"]], b"\x00\x01")

    def test_the_same_token_is_the_same_result(self):
        c = self.client()
        token = new_id()
        first = c.submit(b":", token)
        again = c.submit(b":", token)
        self.assertEqual(first["id"], again["id"])
        self.controller.kill()
        self.controller.start()
        c = self.client()
        self.assertEqual(c.submit(b":", token)["id"], first["id"])
        self.assertEqual(c.submit(b":")["id"], first["id"] + 1)

    def test_priority_then_order(self):
        c = self.client()
        c.follow()
        for code, p in (b"low", -1), (b"a", 0), (b"b", 0), (b"high", 5):
            c.submit(code, priority=p)
        e = self.engine()
        e.join(c)
        order = []
        for _ in range(4):
            m = e.take()
            order.append(m.content["code"])
            e.reply(m, exit_status=0)
        self.assertEqual(order, ["high", "a", "b", "low"])

    def test_targets(self):
        c, e = self.pair()
        other = self.engine()
        other.join(c)
        c.submit(b":", targets=[1])
        other.reply(other.take(), exit_status=0)
        c.submit(b"first", targets=[0])
        self.assertEqual(e.take().content["code"], "first")

    def test_retries_are_numbered_and_end(self):
        c, e = self.pair()
        c.submit(b"false", retries=2)
        bad = {"status": "error", "ename": "ExitStatus", "evalue": "1"}
        for attempt in 1, 2, 3:
            m = e.take()
            self.assertEqual(m.metadata["taskfs"]["attempt"], attempt)
            e.reply(m, dict(bad, traceback=["x"]), exit_status=1)
        r = c.wait(1, "error")
        self.assertEqual(r["task"]["attempt"], 3)
        self.assertEqual(r["task"]["traceback"], "x\n")

    def ends_with(self, e, status):
        """The next task of the engine; which try it is."""
        m = e.take()
        bad = dict(ERROR, ename="ExitStatus")
        e.reply(m, bad if status else None, exit_status=status)
        return m.metadata["taskfs"]["attempt"]

    def loses(self, e, c):
        """The engine is gone while it has a task; which try it is, and another one."""
        m = e.take()
        e.registration.send_multipart(
            e.frames("unregistration_request", {"id": e.id, "uuid": e.uuid})[1]
        )
        other = self.engine()
        other.join(c)
        return m.metadata["taskfs"]["attempt"], other

    def test_retry_on_an_exit_status(self):
        c, e = self.pair()
        c.submit(b":", retries=2, retry_on=["exit 75", "exit 7"])
        self.assertEqual([self.ends_with(e, x) for x in (75, 7, 75)], [1, 2, 3])
        self.assertEqual(c.wait(1, "error")["task"]["exit_status"], 75)
        c.submit(b":", retries=2, retry_on=["exit 75"])
        self.assertEqual([self.ends_with(e, x) for x in (75, 1)], [1, 2])
        self.assertEqual(c.wait(2, "error")["task"]["exit_status"], 1)
        c.submit(b":", retries=2, retry_on=["exit 75"])
        self.loses(e, c)
        self.assertEqual(c.wait(3, "error")["task"]["ename"], "EngineError")

    def test_retry_on_a_lost_engine_is_no_retry(self):
        c, e = self.pair()
        c.submit(b":", retries=1, retry_on=["lost", "error"])
        attempt, e = self.loses(e, c)
        self.assertEqual(attempt, 1)
        self.assertEqual(self.ends_with(e, 1), 2)
        attempt, e = self.loses(e, c)
        self.assertEqual(attempt, 3)
        # It is the first retry of an error still, whoever asks.
        self.controller.kill()
        self.controller.start()
        c = self.client()
        c.follow()
        self.peers.remove(e)
        e.close()
        e = self.engine(uuid=e.uuid)
        e.join(c)
        self.assertEqual(self.ends_with(e, 1), 4)
        r = c.wait(1, "error")
        self.assertEqual(r["task"]["attempt"], 4)
        said = [x.split()[4] for x in r["task"]["attempts"].splitlines()]
        self.assertEqual(said, ["EngineError", "ExitStatus"] * 2)

    def test_retry_on_a_lost_engine_alone(self):
        c, e = self.pair()
        c.submit(b":", retry_on=["lost"])
        # It may be the task that ends them.
        for n in range(1, 7):
            attempt, e = self.loses(e, c)
            self.assertEqual(attempt, n)
        self.assertEqual(c.wait(1, "error")["task"]["ename"], "EngineError")
        c.submit(b":", retry_on=["lost"])
        self.assertEqual(self.ends_with(e, 1), 1)
        self.assertEqual(c.wait(2, "error")["task"]["ename"], "ExitStatus")

    def test_timeout_ends_what_finds_no_engine(self):
        c = self.client()
        c.follow()
        c.submit(b":", timeout=0.05)
        self.assertEqual(c.wait(1, "error")["task"]["ename"], "TaskTimeout")

    def control(self, c, verb, **more):
        return c.ask(
            "control_request", {"result": 1, "verb": verb, **more}
        ).content

    def test_abort_while_pending_and_while_running(self):
        c = self.client()
        c.follow()
        c.submit(b":")
        self.assertEqual(self.control(c, "purge")["errno"], "EBUSY")
        self.assertEqual(self.control(c, "abort")["status"], "ok")
        c.wait(1, "aborted")
        self.assertEqual(self.control(c, "abort")["errno"], "ESRCH")
        e = self.engine()
        e.join(c)
        c.submit(b":")
        m = e.take()
        c.wait(2, "running")
        c.ask("control_request", {"result": 2, "verb": "abort"})
        kill = e.take(e.control, "kill_request")
        self.assertEqual(kill.content["msg_id"], m.header["msg_id"])
        self.assertTrue(kill.content["abort"])
        e.reply(m, {"status": "aborted"})
        c.wait(2, "aborted")

    def test_hold_and_release(self):
        c, e = self.pair()
        c.submit(b"first")
        m = e.take()
        c.submit(b"held")
        c.submit(b"next")
        ask = {"result": 2, "verb": "hold"}
        self.assertEqual(c.ask("control_request", ask).content["status"], "ok")
        self.assertEqual(c.result(2)["why"], "hold")
        e.reply(m, exit_status=0)
        m = e.take()
        self.assertEqual(m.content["code"], "next")
        self.controller.kill()
        self.controller.start()
        c = self.client()
        c.follow()
        e.join(c, running=[m.header["msg_id"]])
        self.assertTrue(c.result(2)["held"])
        c.ask("control_request", {"result": 2, "verb": "release"})
        e.reply(m, exit_status=0)
        self.assertEqual(e.take().content["code"], "held")

    def test_priority_of_what_waits(self):
        c, e = self.pair()
        for code in b"runs", b"second", b"first":
            c.submit(code)
        m = e.take()
        for n in "", "x", "1.5", "1000001", "-1000001":
            ask = {"result": 3, "verb": "priority", "argument": n}
            answer = c.ask("control_request", ask).content
            self.assertEqual(answer["errno"], "EINVAL")
        ask["argument"] = "7"
        answer = c.ask("control_request", ask).content
        self.assertEqual(answer["result"]["options"], {"priority": 7})
        self.controller.kill()
        self.controller.start()
        c = self.client()
        c.follow()
        self.assertEqual(c.result(3)["options"], {"priority": 7})
        e.join(c, running=[m.header["msg_id"]])
        e.reply(m, exit_status=0)
        for code in "first", "second":
            m = e.take()
            self.assertEqual(m.content["code"], code)
            e.reply(m, exit_status=0)
        c.wait(2, "ok")
        answer = c.ask("control_request", dict(ask, argument="8")).content
        self.assertEqual(answer["errno"], "ESRCH")

    def test_retry_is_a_new_result(self):
        c, e = self.pair()
        c.submit(b"code", label="name", buffers=[b"in"])
        self.assertEqual(self.control(c, "retry")["errno"], "EBUSY")
        bad = {"status": "error", "ename": "E", "evalue": "", "traceback": []}
        e.reply(e.take(), bad, exit_status=1)
        c.wait(1, "error")
        answer = self.control(c, "retry")
        self.assertEqual(answer["result"]["id"], 2)
        m = e.take()
        self.assertEqual(m.content["code"], "code")
        self.assertEqual(m.buffers, [b"in"])
        e.reply(m, exit_status=0)
        self.assertEqual(c.wait(2, "ok")["name"], "name")
        self.assertEqual(c.result(1)["status"], "error")

    def test_retry_of_what_is_ok_aborted_or_waited(self):
        c, e = self.pair()
        c.submit(b"one", label="name")
        e.reply(e.take(), exit_status=0)
        c.wait(1, "ok")
        self.assertEqual(self.control(c, "retry")["errno"], "EINVAL")
        c.submit(b"two", label="name", after=["1:error"])
        self.assertEqual(c.wait(2, "aborted")["task"]["ename"], "Skipped")
        answer = self.control(c, "retry", result=2)
        self.assertNotIn("after", answer["result"]["options"])
        m = e.take()
        self.assertEqual(m.content["code"], "two")
        self.assertEqual(self.control(c, "abort", result=3)["status"], "ok")
        e.reply(m, {"status": "aborted"})
        c.wait(3, "aborted")
        self.control(c, "retry", result=3)
        # From now on it is what the name means.
        c.submit(b"last", after=["name"])
        e.reply(e.take(), exit_status=0)
        c.wait(4, "ok")
        self.assertEqual(e.take().content["code"], "last")

    def test_attempts(self):
        c, e = self.pair()
        c.submit(b":", retries=1)
        bad = {"status": "error", "ename": "E", "evalue": "", "traceback": []}
        e.reply(e.take(), bad, exit_status=1)
        e.reply(e.take(), exit_status=0)
        lines = c.wait(1, "ok")["task"]["attempts"].splitlines()
        self.assertEqual([x.split()[0] for x in lines], ["1", "2"])
        self.assertEqual([x.split()[4] for x in lines], ["E", "ok"])

    def test_targets_that_are_gone(self):
        c, e = self.pair()
        c.query.send_multipart(c.frames("unregistration_request", {"id": 0})[1])
        c.receive(c.notification)
        e = self.engine()
        e.join(c)
        c.submit(b":", targets=[0])
        r = c.wait(1, "error")
        self.assertEqual(r["task"]["ename"], "ImpossibleDependency")

    def test_purge_forgets_and_ids_do_not_come_back(self):
        c, e = self.pair()
        c.submit(b":")
        e.reply(e.take(), exit_status=0)
        c.wait(1, "ok")
        self.assertEqual(self.control(c, "purge")["status"], "ok")
        self.assertEqual(self.control(c, "purge")["errno"], "ENOENT")
        self.assertEqual(c.ask("results_request", {}).content["results"], [])
        self.controller.kill()
        self.controller.start()
        c = self.client()
        self.assertEqual(c.submit(b":")["id"], 2)

    def test_a_name_is_the_newest_s_that_is_left(self):
        c, e = self.pair()
        bad = {"status": "error", "ename": "E", "evalue": "", "traceback": []}
        for i, content in enumerate((bad, None, None, None)):
            c.submit(b":", label="name")
            e.reply(e.take(), content, exit_status=0)
            c.wait(i + 1, "error" if content else "ok")
        for i in 3, 2:
            ask = {"result": i, "verb": "purge"}
            c.ask("control_request", ask)
        c.submit(b":", after=["name:error"])
        c.wait(5, "aborted")
        c.ask("control_request", {"result": 4, "verb": "purge"})
        c.submit(b":", after=["name:error"])
        e.reply(e.take(), exit_status=0)
        c.wait(6, "ok")

    def test_the_database_is_smaller_after_a_purge(self):
        c = self.client()
        c.follow()
        size = lambda: os.stat(self.controller.dir + "/tasks.db").st_size
        for i in range(60):
            id = c.submit(b"%d %s" % (i, b"x" * 100000))["id"]
            c.ask("control_request", {"result": id, "verb": "abort"})
            c.wait(id, "aborted")
        self.controller.stop()
        self.assertGreater(size(), 6000000)
        self.controller.start()
        c = self.client()
        c.ask("control_request", {"verb": "purge"})
        tap.wait_for(lambda: size() < 3000000)

    def test_purge_of_all_that_is_finished(self):
        c = self.client()
        c.follow()
        n = 1100
        one = {"options": {"timeout": 0.001}, "code": 0, "uid": 0, "gid": 0}
        asked = [dict(one, token=new_id()) for _ in range(n)]
        answer = c.ask("submit_request", {"results": asked}, [b":"]).content
        self.assertEqual([r["id"] for r in answer["results"]], [*range(1, n + 1)])
        tap.wait_for(
            lambda: c.ask("state_request", {}).content["controller"]["tasks"]
            == [0, 0, 0, n, 0]
        )
        e = self.engine()
        e.join(c)
        c.submit(b"stays")
        m = e.take()
        answer = c.ask("control_request", {"verb": "purge"}).content
        self.assertEqual(sorted(answer["purged"]), list(range(1, n + 1)))
        r = c.ask("results_request", {}).content["results"]
        self.assertEqual([x["id"] for x in r], [1101])
        answer = c.ask("control_request", {"verb": "purge"}).content
        self.assertEqual(answer["purged"], [])
        for ask in ({"verb": "abort"}, {"verb": "purge", "result": 7}, {}):
            answer = c.ask("control_request", ask).content
            self.assertEqual(answer["errno"], "ENOENT")
        e.reply(m, exit_status=0)
        c.wait(1101, "ok")

    def test_signal_is_passed_on(self):
        c, e = self.pair()
        c.submit(b":")
        e.take()
        c.wait(1, "running")
        self.assertEqual(
            self.control(c, "signal", argument="NOPE")["errno"], "EINVAL"
        )
        self.control(c, "signal", argument="USR1")
        self.assertEqual(
            e.take(e.control, "kill_request").content["signal"], 10
        )

    def test_big_outputs_are_files_and_go_with_the_result(self):
        c, e = self.pair()
        c.submit(b":")
        m = e.take()
        piece = os.urandom(256 << 10)
        for i in range(8):
            e.output(m, "stdout", i * len(piece), piece)
        e.reply(m, exit_status=0, stdout=8 * len(piece), value_is_stdout=True)
        c.wait(1, "ok")
        def files():
            return set(os.listdir(self.controller.dir + "/outputs")) - {".engines"}

        self.assertEqual(files(), {"1.0.stdout"})
        got = c.fetch(1, "stdout", 7 * len(piece) - 10, 20)
        self.assertEqual(got.buffers, [piece[-10:] + piece[:10]])
        self.assertEqual(got.content["size"], 8 * len(piece))
        self.control(c, "purge")
        tap.wait_for(lambda: not files())


class Dependencies(Case):
    bad = {"status": "error", "ename": "E", "evalue": "", "traceback": []}

    def test_after_waits_for_ok(self):
        c, e = self.pair()
        c.submit(b"one", label="build")
        c.submit(b"two", after=["build"])
        c.submit(b"three", after=[1, "2"])
        c.submit(b"free")
        self.assertEqual(c.result(3)["why"], "after 1, after 2")
        order = []
        for _ in range(4):
            m = e.take()
            order.append(m.content["code"])
            e.reply(m, exit_status=0)
        # The engine was free before it was stored that "one" is ok.
        self.assertEqual(order, ["one", "free", "two", "three"])

    def test_what_cannot_be_met_fails_at_once(self):
        c, e = self.pair()
        c.submit(b"one")
        c.submit(b"two", after=[1])
        c.submit(b"any", after=["1:any"])
        c.submit(b"bad", after=["1:error"])
        e.reply(e.take(), self.bad, exit_status=1)
        r = c.wait(2, "aborted")
        self.assertEqual(r["task"]["ename"], "Skipped")
        self.assertEqual(
            r["task"]["evalue"], "after 1: it ended with status error"
        )
        for code in "any", "bad":
            m = e.take()
            self.assertEqual(m.content["code"], code)
            e.reply(m, exit_status=0)
        c.submit(b"late", after=[1])
        self.assertEqual(c.wait(5, "aborted")["task"]["ename"], "Skipped")

    def submit_of(self, c, uid, code, **options):
        """As a mount does for one of its users."""
        one = {
            "token": new_id(),
            "options": options,
            "code": 0,
            "uid": uid,
            "gid": uid,
        }
        m = c.ask("submit_request", {"results": [one]}, [code])
        return m.content["results"][0]

    def names_are_their_users(self, c, first):
        """The first results are 7's and 8's, both named build."""
        self.submit_of(c, 7, b"of 7", after=["build"])
        self.submit_of(c, 8, b"of 8", follow=["build:any"])
        self.assertEqual(c.result(first)["why"], "after 1")
        self.assertEqual(c.result(first + 1)["why"], "follow 2")
        for uid in 9, 0:
            refused = self.submit_of(c, uid, b"of %d" % uid, after=["build"])
            self.assertEqual(
                refused["evalue"],
                '"after": there is no result build of user %d' % uid,
            )

    def test_a_name_is_its_users(self):
        c = self.client()
        c.follow()
        self.submit_of(c, 7, b"one", label="build")
        self.submit_of(c, 8, b"two", label="build")
        self.names_are_their_users(c, 3)
        self.controller.kill()
        self.controller.start()
        c = self.client()
        c.follow()
        self.names_are_their_users(c, 5)

    def test_who_purges_a_name_uncovers_his_older_one(self):
        c, e = self.pair()
        for uid in 7, 8, 7:
            self.submit_of(c, uid, b":", label="build")
            e.reply(e.take(), exit_status=0)
        c.wait(3, "ok")
        for uid, leads in ((7, 3), (7, 1), (8, 2)):
            r = self.submit_of(c, uid, b":", follow=["build"], targets=[7])
            task = c.wait(r["id"], "error")["task"]
            self.assertIn("follow %d" % leads, task["evalue"])
            if leads == 3:
                c.ask("control_request", {"verb": "purge", "result": 3})

    def test_what_is_not_there_is_invalid(self):
        c = self.client()
        c.follow()
        for wrong in [7], ["nobody"], [1], ["nobody:any"]:
            for option in "after", "follow":
                r = c.submit(b":", **{option: wrong})
                self.assertEqual((r["status"], r["errno"]), ("error", "EINVAL"))
                self.assertIn('"%s": there is no result' % option, r["evalue"])
        self.assertEqual(c.ask("results_request", {}).content["results"], [])

    def test_follow_runs_on_the_same_engine(self):
        c, e = self.pair()
        other = self.engine()
        other.join(c)
        c.submit(b"one", targets=[1])
        c.submit(b"two", follow=[1])
        other.reply(other.take(), exit_status=0)
        m = other.take()
        self.assertEqual(m.content["code"], "two")
        c.submit(b"three", follow=[1], targets=[0])
        self.assertEqual(
            c.wait(3, "error")["task"]["ename"], "ImpossibleDependency"
        )
        c.submit(b"four", targets=[0])
        self.assertEqual(e.take().content["code"], "four")

    def test_they_survive_a_restart(self):
        c, e = self.pair()
        c.submit(b"one")
        m = e.take()
        c.submit(b"two", after=[1])
        self.controller.kill()
        self.controller.start()
        c = self.client()
        c.follow()
        e.join(c, running=[m.header["msg_id"]])
        self.assertEqual(c.result(2)["why"], "after 1")
        e.reply(m, exit_status=0)
        self.assertEqual(e.take().content["code"], "two")


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
