#!/usr/bin/python3
"""Pools: what they launch, and when; engines that are let go; what fails."""

import contextlib
import fcntl
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import unittest

import zmq

import tap
from controller_case import PROGRAM
from engine_case import gone
from peers import Controller
from pool_case import CANCEL, CHECK, LAUNCH, LOCAL, PoolCase


def states(pool):
    return [l["state"] for l in pool["launches"]]


class Requests(PoolCase):
    def test_a_pool_is_made_set_and_removed(self):
        self.assertEqual(self.state()["pools"], [])
        p = self.done("short", make=True)
        self.assertEqual(p["pool"], "short")
        self.assertEqual(p["state"], "empty")
        self.assertEqual(p["options"], {})
        self.assertIn("launch", p["why"])
        self.refused("short", "EEXIST", make=True)
        p = self.done("short", set={"max": " 3\n", "launch": "true\n"})
        self.assertEqual(p["options"], {"max": "3", "launch": "true\n"})
        self.assertEqual(p["state"], "ready")
        # Nothing is set when one of them is wrong.
        why = self.refused("short", "EINVAL", set={"max": "5", "min": "some"})
        self.assertIn('"min"', why)
        why = self.refused("short", "EINVAL", set={"backlogs": "1"})
        self.assertIn('"backlog" meant', why)
        self.refused("short", "EFBIG", set={"launch": "x" * 65537})
        self.assertEqual(self.pools()["short"]["options"]["max"], "3")
        # An empty text is the standard.
        p = self.done("short", set={"max": "", "launch": "\n"})
        self.assertEqual(p["options"], {})
        self.assertEqual(p["state"], "empty")
        self.assertIsNone(self.done("short", remove=True))
        self.assertEqual(self.state()["pools"], [])
        self.refused("short", "ENOENT", remove=True)
        self.refused("short", "ENOENT", set={"max": "1"})
        self.done("short", make=True)

    def test_changes_are_told(self):
        def told(kind, holds):
            while True:
                m = self.c.receive(self.c.events)
                for change in m.content["changes"]:
                    if kind in change and holds(change[kind]):
                        return change[kind]

        self.done("short", make=True)
        p = told("pool", lambda p: p["pool"] == "short")
        self.assertEqual(p["options"], {})
        self.done("short", set={"max": "3"})
        p = told("pool", lambda p: p.get("options"))
        self.assertEqual(p["options"], {"max": "3"})
        # Options that did not change are not told again.
        self.assertEqual(self.verb("short", "pause")["pool"]["state"], "paused")
        p = told("pool", lambda p: p["state"] == "paused")
        self.assertNotIn("options", p)
        self.done("short", remove=True)
        told("pool_gone", lambda name: name == "short")

    def test_what_is_no_request_is_refused(self):
        self.make("a")
        hostile = [
            {},
            {"pool": None, "make": True},
            {"pool": 7, "make": True},
            {"pool": ["a"], "set": {"max": "1"}},
            {"pool": "a"},
            {"pool": "a", "make": True, "remove": True},
            {"pool": "a", "set": {"max": "1"}, "remove": True},
            {"pool": "a", "set": None},
            {"pool": "a", "set": "max"},
            {"pool": "a", "set": {}},
            {"pool": "a", "set": ["max"]},
            {"pool": "a", "set": {"max": 1}},
            {"pool": "a", "set": {"max": None}},
            {"pool": "a", "set": {"": ""}},
            {"pool": "a", "set": {"launch": "a\0b"}},
            {"pool": "a", "set": {"idle": "-1"}},
            {"pool": "a", "set": {"idle": "nan"}},
            {"pool": "a", "set": {"max": "99999999999999999999"}},
            {"pool": "a", "remove": "yes"},
            {"pool": "a", "make": "x"},
            *({"pool": n, "make": True} for n in (
                "", "12", ".x", "-x", "a/b", "../x", "a b", "a\n", "\0", "ä",
                "n" * 65, "n" * 100000)),
        ]
        for q in hostile:
            content = self.c.ask("pool_request", q).content
            self.assertEqual(content["status"], "error", q)
            self.assertIn(content["errno"], ("EINVAL", "EEXIST"), q)
            self.assertTrue(content["evalue"], q)
        self.assertEqual(list(self.pools()), ["a"])
        self.assertEqual(self.pools()["a"]["options"], {})
        for q in (
            {"pool": "b", "verb": "pause"},
            {"pool": 3, "verb": "pause"},
            {"pool": "a", "verb": "abort"},
            {"pool": "a", "verb": 3},
            {"pool": "a"},
            {"pool": "a", "verb": "cancel", "argument": 3},
            {"pool": "a", "verb": "cancel", "argument": "tfs-a-1-000000"},
            {"pool": "a", "verb": "cancel", "argument": "x" * 100000},
        ):
            content = self.c.ask("control_request", q).content
            self.assertEqual(content["status"], "error", q)
            self.assertIn(content["errno"], ("EINVAL", "ENOENT"), q)

    def test_there_are_not_too_many(self):
        names = ["p%d" % i for i in range(256)]
        for n in names:
            self.done(n, make=True)
        self.refused("more", "ENOSPC", make=True)
        self.assertEqual(list(self.pools()), sorted(names))

    def test_two_at_a_time(self):
        """Requests of which none waits for the answer to another."""
        sent = []
        for what in ({"make": True}, {"make": True}, {"set": {"max": "2"}}):
            header, frames = self.c.frames("pool_request", dict(pool="a", **what))
            self.c.query.send_multipart(frames)
            sent.append(header["msg_id"])
        got = {}
        while len(got) < 3:
            m = self.c.receive(self.c.query)
            got[m.parent["msg_id"]] = m.content
        self.assertEqual(got[sent[0]]["status"], "ok")
        self.assertEqual(got[sent[1]]["errno"], "EEXIST")


class Launching(PoolCase):
    def test_what_a_command_is_told(self):
        self.make(
            "env",
            launch="env | grep ^TASKFS_ > e; pwd > where; cat > stdin; "
            "echo ' the job '; echo second",
            lifetime="90",
            min=3,
        )
        p = self.wait_launches("env", "queued")
        (launch,) = p["launches"]
        env = dict(l.split("=", 1) for l in self.lines("e"))
        directory = self.controller.dir
        cluster = self.c.hello()["taskfs"]["cluster"]
        token = "tfs-env-1-" + cluster[:6]
        self.assertEqual(
            {k: v for k, v in env.items() if k != "TASKFS_ENGINE_PROGRAM"},
            {
                "TASKFS_POOL": "env",
                "TASKFS_LAUNCH": token,
                "TASKFS_COUNT": "3",
                "TASKFS_CLUSTER_DIR": directory,
                "TASKFS_ENGINE_FILE": directory + "/security/ipcontroller-engine.json",
                "TASKFS_LIFETIME": "90",
            },
        )
        self.assertTrue(os.path.samefile(
            env["TASKFS_ENGINE_PROGRAM"],
            os.path.join(os.path.dirname(PROGRAM), "taskfs-engine")))
        self.assertTrue(os.path.samefile(self.lines("where")[0], directory))
        self.assertEqual(self.lines("stdin"), [])
        self.assertEqual(launch["launch"], token)
        self.assertEqual(launch["job"], "the job")
        self.assertEqual(launch["count"], 3)

    def test_tasks_that_wait_are_launched_for(self):
        """By max and backlog, as engines come."""
        self.make("a", launch=LAUNCH, cancel=CANCEL)
        self.c.submit_map(b":", [b"%d" % i for i in range(20)])
        p = self.wait_launches("a", "queued")
        (first, n), = self.asked()
        self.assertEqual(n, 4)
        self.assertEqual(p["launches"][0]["job"], "job-" + first)
        self.wait_pool("a", lambda p: p["why"] and "backlog is 4" in p["why"])
        engines, at = [], 0
        while len(engines) < 10:
            self.wait_lines("asked", at + 1)
            token, n = self.asked()[at]
            for _ in range(n):
                engines.append(self.member(token))
                self.assertLessEqual(
                    sum(n for _, n in self.asked()), min(10, len(engines) + 4)
                )
            at += 1
        p = self.wait_pool("a", lambda p: p["why"] and "max is 10" in p["why"])
        self.assertEqual(sorted(p["engines"]), sorted(e.id for e in engines))
        self.assertEqual(sum(n for _, n in self.asked()), 10)
        self.assertEqual(set(states(p)), {"running"})

    def test_as_many_as_the_tasks_need_and_no_more(self):
        self.make("a", launch=LAUNCH)
        self.c.submit(b":")
        self.c.submit(b":")
        self.wait_launches("a", "queued")
        # What is asked for already is not asked for again.
        (token, n), *more = self.asked()
        self.assertIn((n, len(more)), ((2, 0), (1, 1), (1, 0)))
        self.wait_pool("a", lambda p: sum(l["count"] for l in p["launches"]) == 2)

    def test_slots_that_are_known(self):
        self.make("a", launch=LAUNCH)
        self.c.submit(b"first")
        self.wait_launches("a", "queued")
        e = self.member(self.asked()[0][0], slots=4)
        e.take()
        # Four tasks fit an engine of that pool.
        self.c.submit_map(b":", [b"%d" % i for i in range(3 + 9)])
        self.wait_launches("a", "running", "queued")
        self.assertEqual(self.asked()[1][1], 3)

    def test_wanted_is_what_tasks_could_use(self):
        """Whatever the pool may have, and does."""
        self.make("a", launch=LAUNCH, cancel=CANCEL, max=0)
        self.c.submit_map(b":", [b"%d" % i for i in range(20)])
        p = self.wait_pool("a", lambda p: p["wanted"] == 20)
        self.assertIn("max is 0", p["why"])
        self.verb("a", "pause")
        p = self.wait_pool("a", lambda p: p["why"] and "paused" in p["why"])
        self.assertEqual(p["wanted"], 20)
        self.done("a", set={"max": "3"})
        self.verb("a", "resume")
        p = self.wait_pool("a", lambda p: p["why"] and "max is 3" in p["why"])
        self.assertEqual(p["wanted"], 20)
        r = self.c.wait_until(1, lambda r: "max" in r["why"])
        self.assertIn("(pool a has asked for 3 engines that are to come, and asks "
                      "for no more: max is 3)", r["why"])
        self.done("a", set={"max": "9", "backlog": "3"})
        r = self.c.wait_until(1, lambda r: "backlog" in r["why"])
        self.assertIn("no more: backlog is 3)", r["why"])
        self.done("a", set={"max": "3", "launch": "exit 3"})
        self.verb("a", "cancel")
        p = self.wait_state("a", "stopped")
        self.assertEqual(p["wanted"], 20)

    def test_min(self):
        self.make("a", launch=LAUNCH, min=2)
        self.wait_launches("a", "queued")
        self.assertEqual(self.asked()[0][1], 2)
        # More than max are never launched.
        self.make("b", launch=LAUNCH, min=5, max=1)
        p = self.wait_launches("b", "queued")
        self.assertEqual(p["launches"][0]["count"], 1)

    def test_not_for_tasks_that_do_not_wait_for_an_engine(self):
        """Held, behind others, for an engine by its id, in a time that no engine
        has."""
        e = self.engine()
        e.join(self.c)
        self.c.submit(b"runs")
        running = e.take()
        self.c.submit(b"named", targets=[e.id])
        self.c.submit(b"behind", after=[1])
        self.c.submit(b"long", min_time=7200)
        held = self.c.submit_map(b":", [b"1", b"2"])
        self.c.ask("control_request", {"result": held["id"], "verb": "hold", "uid": 0})
        self.make("a", lifetime="1h", max=4, launch=LAUNCH)
        # This pool is looked at together with the other, and behind it.
        self.make("b", min=1, launch=LAUNCH, lifetime=1)
        self.wait_launches("b", "queued")
        self.assertEqual(self.pools()["a"]["launches"], [])
        e.reply(running, exit_status=0)
        self.c.wait(1, "ok")
        e.reply(e.take(), exit_status=0)
        # What was behind the first is ready, and may wait for an engine.
        self.c.ask(
            "control_request", {"result": held["id"], "verb": "release", "uid": 0}
        )
        # One launch for all of them, or one for each.
        self.wait_pool("a", lambda p: p["launches"])

    def test_a_task_counts_for_one_pool(self):
        self.make("b", launch=LAUNCH)
        self.make("a", launch=LAUNCH, max=1)
        self.c.submit_map(b":", [b"1", b"2", b"3"])
        self.wait_launches("a", "queued")
        self.wait_launches("b", "queued")
        counts = {t.split("-")[1]: n for t, n in self.asked()}
        self.assertEqual(counts, {"a": 1, "b": 2})

    def test_what_a_pool_is_known_not_to_have(self):
        self.make("a", launch=LAUNCH)
        self.c.submit(b":", resources={"gpu": 1})
        self.wait_launches("a", "queued")
        r = self.c.result(1)
        self.assertEqual(
            r["why"], "an engine to register (pool a starts engines for it)"
        )
        self.member(self.asked()[0][0], resources={"memory": 1 << 30})
        r = self.c.wait_until(1, lambda r: "no pool" in r["why"])
        self.assertEqual(
            r["why"],
            "gpu: 1 wanted, no engine has it (no pool could run it)",
        )
        # Another pool, or another command, may have it.
        self.make("b")
        r = self.c.wait_until(1, lambda r: "pool b" in r["why"])
        self.assertIn("(pool b could start engines for it, and is empty)", r["why"])
        self.done("b", set={"launch": LAUNCH})
        self.wait_launches("b", "queued")
        r = self.c.wait_until(1, lambda r: "starts" in r["why"])
        self.assertEqual(len(self.asked()), 2)

    def test_engines_of_this_machine(self):
        self.make("a", launch=LOCAL, max=2, idle="100ms")
        r = self.c.submit_map(b"echo $1", [b"%d" % i for i in range(6)])
        self.c.wait(r["id"], "ok")
        # They have nothing to do, and are let go.
        self.wait_pool("a", lambda p: not p["launches"])
        tap.wait_for(lambda: not self.state()["engines"])
        self.assertEqual(self.pools()["a"]["state"], "ready")
        self.assertLessEqual(max(n for _, n in self.asked()), 2)
        r = self.c.submit(b"echo again")
        self.c.wait(r["id"], "ok")


class LettingGo(PoolCase):
    def test_an_engine_that_is_idle_and_not_one_of_min(self):
        self.make("a", launch=LAUNCH, min=2, idle=0)
        self.wait_launches("a", "queued")
        token = self.asked()[0][0]
        engines = [self.member(token) for _ in range(2)]
        self.done("a", set={"min": "1"})
        (told,) = self.controls(engines)
        m = told.receive(told.control)
        self.assertEqual(m.type, "shutdown_request")
        self.assertEqual(m.content, {"restart": False})
        # A task that comes now goes to the other one.
        self.c.submit(b"x")
        (other,) = [e for e in engines if e is not told]
        running = other.take()
        self.leave(told)
        self.wait_pool("a", lambda p: p["engines"] == [other.id])
        other.reply(running, exit_status=0)
        self.c.wait(1, "ok")
        self.assertEqual(self.pools()["a"]["launches"][0]["state"], "running")

    def controls(self, engines):
        """Those that are told something."""
        ready, _, _ = zmq.select([e.control for e in engines], [], [])
        return [e for e in engines if e.control in ready]

    def leave(self, e):
        e.registration.send_multipart(
            e.frames("unregistration_request", {"id": e.id, "uuid": e.uuid})[1]
        )

    def test_more_than_max(self):
        self.make("a", launch=LAUNCH, min=2)
        self.wait_launches("a", "queued")
        engines = [self.member(self.asked()[0][0]) for _ in range(2)]
        self.done("a", set={"max": "0"})
        for e in engines:
            m = e.receive(e.control)
            self.assertEqual(m.type, "shutdown_request")
            self.leave(e)
        self.wait_pool("a", lambda p: not p["launches"])

    def test_a_launch_that_nobody_wants_is_cancelled(self):
        self.make("a", launch=LAUNCH, cancel=CANCEL, idle=0)
        r = self.c.submit(b"x")
        self.wait_launches("a", "queued")
        self.c.ask("control_request", {"result": r["id"], "verb": "abort", "uid": 0})
        self.wait_pool("a", lambda p: not p["launches"])
        (token, _), = self.asked()
        self.assertEqual(self.lines("cancelled"), ["job-" + token])

    def test_pause_keeps_all(self):
        self.make("a", launch=LAUNCH, cancel=CANCEL, min=1)
        self.wait_launches("a", "queued")
        e = self.member(self.asked()[0][0])
        self.assertEqual(self.verb("a", "pause")["pool"]["state"], "paused")
        self.done("a", set={"min": "0", "idle": "0"})
        self.c.submit(b"runs")
        running = e.take()
        self.c.submit(b"waits")
        r = self.c.wait_until(2, lambda r: "paused" in r["why"])
        self.assertEqual(
            r["why"],
            "an engine to be free (pool a could start engines for it, and is paused)",
        )
        e.reply(running, exit_status=0)
        running = e.take()
        e.reply(running, exit_status=0)
        self.c.wait(2, "ok")
        self.assertEqual(len(self.asked()), 1)
        self.assertEqual(self.verb("a", "resume")["status"], "ok")
        self.assertFalse(e.take(e.control, "shutdown_request").content["restart"])
        self.leave(e)
        self.wait_pool("a", lambda p: not p["launches"])


class Failing(PoolCase):
    def test_back_off_and_stop(self):
        self.make("a", launch="echo x >> runs; echo out; echo 'it is bad' >&2; exit 3")
        self.c.submit(b"x")
        p = self.wait_state("a", "stopped")
        self.assertEqual(len(self.lines("runs")), 12)
        self.assertIn("resume", p["why"])
        self.assertIn("exit status 3", p["why"])
        self.assertIn("it is bad", p["why"])
        self.assertEqual(p["launches"], [])
        self.c.wait_until(1, lambda r: "is stopped" in r["why"])
        counters = self.state()["controller"]["counters"]
        self.assertEqual(counters["pool_failures"], 12)
        # It stays so after a restart.
        self.restart()
        p = self.pools()["a"]
        self.assertEqual(p["state"], "stopped")
        self.assertIn("it is bad", p["why"])
        self.assertEqual(self.verb("a", "resume")["status"], "ok")
        self.wait_state("a", "stopped")
        self.assertEqual(len(self.lines("runs")), 24)
        # Another command begins anew.
        self.done("a", set={"launch": LAUNCH})
        self.wait_launches("a", "queued")

    def test_what_cannot_be_stored_is_not_launched(self):
        def store(text):
            with contextlib.closing(sqlite3.connect(self.path("tasks.db"))) as db:
                db.execute("PRAGMA busy_timeout=60000")
                db.execute(text)
                db.commit()

        self.make("a", launch=LAUNCH)
        store(
            "CREATE TRIGGER refuse BEFORE INSERT ON launches BEGIN "
            "SELECT RAISE(ABORT, 'no'); END"
        )
        self.c.submit(b"x")
        p = self.wait_pool("a", lambda p: p["state"] == "waiting")
        self.assertIn("could not be stored", p["why"])
        self.assertEqual(self.asked(), [])
        store("DROP TRIGGER refuse")
        self.wait_launches("a", "queued")
        self.assertEqual(self.state()["controller"]["counters"]["pool_failures"], 0)

    def test_what_it_waits_for_is_told(self):
        self.controller.stop()
        self.start("--pool-pause=1h")
        self.make("a", launch="exit 3", min=1)
        p = self.wait_state("a", "waiting")
        self.assertRegex(p["why"], r"^tried again at 20[-0-9T:]+Z\n.*exit status 3")
        # What is told does not change as time goes on.
        for _ in range(5):
            self.assertEqual(self.pools()["a"]["why"], p["why"])
        self.restart()
        p = self.pools()["a"]
        self.assertEqual(p["state"], "waiting")
        self.verb("a", "resume")
        self.wait_pool("a", lambda p: p["state"] == "waiting" and "-2-" in p["why"])

    def test_failures_in_a_pause_are_one(self):
        """Jobs that all end at once, as a queue that goes away ends them."""
        self.controller.stop()
        self.start("--pool-pause=1h")
        self.make("a", launch=LAUNCH, max=20, backlog=20, min=14)
        self.wait_launches("a", "queued")
        token = self.asked()[0][0]
        for e in [self.member(token) for _ in range(14)]:
            e.registration.send_multipart(
                e.frames("unregistration_request", {"id": e.id, "uuid": e.uuid})[1]
            )
        p = self.wait_pool("a", lambda p: not p["engines"])
        self.assertEqual(p["state"], "waiting")
        counters = self.state()["controller"]["counters"]
        self.assertEqual(counters["pool_failures"], 14)

    def test_a_restart_does_not_begin_anew(self):
        # What was under way is cancelled.
        self.make("a", launch="echo x >> runs; exit 3", cancel="true", min=1)
        for _ in range(8):
            self.restart()
        self.wait_state("a", "stopped")
        # What was under way when it was killed is not known to have failed.
        self.assertLess(len(self.lines("runs")), 22)

    def test_a_command_that_takes_too_long(self):
        self.controller.stop()
        self.start("--pool-command-limit=200ms")
        self.make(
            "a",
            launch='echo $$ >> pids; sleep 1000 & echo $! >> pids; echo waiting; wait',
            min=1,
        )
        p = self.wait_pool("a", lambda p: p["why"] and "longer" in p["why"])
        self.assertIn("it took longer than 0.2 s", p["why"])
        self.assertIn("waiting", p["why"])
        self.verb("a", "pause")
        for pid in self.lines("pids"):
            tap.wait_for(lambda pid=pid: gone(int(pid)))

    def test_what_it_leaves_behind_is_not_waited_for(self):
        """Its pipe is open, and it writes there."""
        self.make(
            "a",
            launch="setsid sh -c 'echo $$ > left; while echo y; do :; done' & "
            "while [ ! -s left ]; do :; done; echo job",
            min=1,
        )
        p = self.wait_pool("a", lambda p: states(p) == ["queued"])
        self.assertEqual(len(p["launches"]), 1)
        # Nobody reads any more.
        tap.wait_for(lambda: gone(int(self.lines("left")[0])))

    def test_a_command_that_says_much(self):
        self.make(
            "a",
            launch="printf '\\377\\0\\033[31m'; yes 12345678 | head -c 3000000; "
            "echo the end; exit 1",
            min=1,
        )
        p = self.wait_state("a", "stopped")
        self.assertTrue(p["why"].endswith("the end"), p["why"][-100:])
        self.assertLess(len(p["why"]), 6000)

    def test_a_job_that_is_gone(self):
        self.make("a", launch=LAUNCH, check=CHECK, min=1)
        self.wait_launches("a", "queued")
        self.wait_lines("asked")
        os.unlink(self.path("queue." + self.asked()[0][0]))
        p = self.wait_pool("a", lambda p: p["why"] and "gone" in p["why"])
        self.assertIn("no engine has registered", p["why"])
        self.assertIn("more", p["why"])
        # It is launched again.
        self.wait_pool("a", lambda p: any("-2-" in l["launch"] for l in p["launches"]))

    def test_what_check_says(self):
        """Of a job that waits, and of one that is gone."""
        self.make("a", launch=LAUNCH, min=1,
                  check='[ ! -e gone ] || { echo the log; exit 1; }; '
                        'echo waits for; echo the moon >&2')
        p = self.wait_pool("a", lambda p: p["why"] and "moon" in p["why"])
        token = self.asked()[0][0]
        self.assertEqual(p["why"], token + ": waits for\nthe moon")
        self.assertEqual(p["state"], "ready")
        self.verb("a", "pause")
        with open(self.path("gone"), "w"):
            pass
        p = self.wait_launches("a")
        self.assertEqual(
            p["why"], token + ": its job is gone, and no engine has registered:\n"
            "the log")

    def test_some_jobs_of_a_launch_are_gone(self):
        """check says how many are there."""
        self.controller.stop()
        self.start("--ping=20ms")
        self.make("a", launch=LAUNCH, check="echo x >> checks; cat number", max=3,
                  min=3)
        with open(self.path("number"), "w") as f:
            f.write("3\nall is well\n")
        self.wait_pool("a", lambda p: p["why"] and "all is well" in p["why"])
        n = len(self.lines("checks"))
        self.wait_lines("checks", n + 2)
        self.assertEqual(self.pools()["a"]["launches"][0]["count"], 3)
        self.verb("a", "pause")
        with open(self.path("number.new"), "w") as f:
            f.write("2\nnobody comes\n")
        os.rename(self.path("number.new"), self.path("number"))
        p = self.wait_pool("a", lambda p: p["launches"][0]["count"] == 2)
        self.assertIn("1 of its jobs are gone, and no engine of them has registered:"
                      "\nnobody comes", p["why"])

    def test_the_job_of_a_lost_engine_is_gone(self):
        """It does not count any more."""
        self.controller.stop()
        self.start("--ping=50ms")
        self.make("a", launch=LAUNCH, check="echo x >> checks; echo 1", min=2)
        self.wait_launches("a", "queued")
        token = self.asked()[0][0]
        self.verb("a", "pause")
        # They are not heard any more, as they answer once and no more.
        for _ in range(2):
            self.member(token)
        self.wait_pool("a", lambda p: len(p["engines"]) == 1)
        n = len(self.lines("checks"))
        self.wait_lines("checks", n + 2)
        self.assertEqual(len(self.pools()["a"]["engines"]), 1)

    def test_a_check_that_does_not_know(self):
        """No exit status but 1 says that the job is gone."""
        self.make("a", launch=LAUNCH, check="echo x >> checks; exit 2", min=1)
        self.wait_launches("a", "queued")
        self.wait_lines("checks", 3)
        self.assertEqual(states(self.pools()["a"]), ["queued"])
        self.assertEqual(len(self.asked()), 1)

    def test_an_engine_that_ends_at_once(self):
        self.make("a", launch=LAUNCH, min=1)
        for i in range(12):
            self.wait_pool("a", lambda p, i=i: len(self.asked()) > i)
            e = self.member(self.asked()[i][0])
            e.registration.send_multipart(
                e.frames(
                    "unregistration_request",
                    {"id": e.id, "uuid": e.uuid, "why": "no disk"},
                )[1]
            )
        p = self.wait_state("a", "stopped")
        self.assertIn("ended as soon as it had registered: no disk", p["why"])
        self.assertEqual(len(self.asked()), 12)

    def test_an_engine_that_works_ends_the_failures(self):
        self.make("a", launch="[ -e fine ] || { : > fine; exit 1; }; " + LAUNCH)
        self.c.submit(b"x")
        self.wait_launches("a", "queued")
        e = self.member(self.asked()[0][0])
        e.reply(e.take(), exit_status=0)
        self.c.wait(1, "ok")
        self.wait_pool("a", lambda p: not p["why"])
        path = self.path("tasks.db")
        tap.wait_for(lambda: query(path, "SELECT failures FROM pools") == [(0,)])


def query(path, text):
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute(text).fetchall()


class Cancelling(PoolCase):
    def test_one_or_all(self):
        self.make("a", launch=LAUNCH, cancel=CANCEL, check=CHECK, min=4, backlog=2)
        self.wait_launches("a", "queued")
        first = self.asked()[0][0]
        self.member(first)
        self.wait_launches("a", "running", "queued")
        self.verb("a", "pause")
        second = self.asked()[1][0]
        content = self.verb("a", "cancel", second)
        self.assertEqual(content["status"], "ok")
        self.assertEqual(content["pool"]["launches"][1]["state"], "ending")
        self.wait_launches("a", "running")
        self.assertEqual(self.lines("cancelled"), ["job-" + second])
        self.assertIn("write cancel", self.refused("a", "EBUSY", remove=True))
        self.verb("a", "cancel")
        e = self.peers[-1]
        self.assertEqual(e.receive(e.control).type, "shutdown_request")
        # It has not ended as long as its engine is there.
        self.wait_pool("a", lambda p: len(self.lines("cancelled")) == 2)
        self.assertEqual(states(self.pools()["a"]), ["ending"])
        self.assertIn("they are ending", self.refused("a", "EBUSY", remove=True))
        e.registration.send_multipart(
            e.frames("unregistration_request", {"id": e.id, "uuid": e.uuid})[1]
        )
        self.wait_launches("a")
        self.done("a", remove=True)

    def test_a_cancel_that_fails_is_tried_again(self):
        self.make("a", launch=LAUNCH, min=1,
                  cancel="echo x >> tries; [ -e now ] || { echo no such; exit 7; }")
        self.wait_launches("a", "queued")
        self.verb("a", "pause")
        self.verb("a", "cancel")
        p = self.wait_pool("a", lambda p: p["why"] and "cancel failed" in p["why"])
        self.assertIn("exit status 7:\nno such", p["why"])
        self.wait_lines("tries", 3)
        self.refused("a", "EBUSY", remove=True)
        open(self.path("now"), "w").close()
        self.wait_launches("a")
        self.assertIsNone(self.pools()["a"]["why"])

    def test_what_cannot_be_cancelled_may_be_gone(self):
        self.make("a", launch=LAUNCH, min=1, cancel="exit 1", check=CHECK)
        self.wait_launches("a", "queued")
        self.verb("a", "pause")
        self.verb("a", "cancel")
        self.wait_pool("a", lambda p: p["why"] and "cancel failed" in p["why"])
        os.unlink(self.path("queue." + self.asked()[0][0]))
        self.wait_launches("a")
        # The user has asked for its end.
        self.assertEqual(self.state()["controller"]["counters"]["pool_failures"], 0)

    def test_without_the_command_it_is_not_forgotten(self):
        self.make("a", launch=LAUNCH, min=1)
        self.wait_launches("a", "queued")
        token = self.asked()[0][0]
        self.verb("a", "pause")
        for argument in (None, token):
            content = self.verb("a", "cancel", argument)
            self.assertEqual(content["errno"], "EOPNOTSUPP")
            self.assertIn("no cancel command: engines of " + token,
                          content["evalue"])
        self.assertEqual(states(self.pools()["a"]), ["queued"])
        # It is, when somebody says so.
        self.done("a", set={"cancel": "true"})
        self.verb("a", "cancel", token)
        self.wait_launches("a")
        # Its engine comes though, and is an engine of the pool.
        e = self.member(token)
        p = self.wait_launches("a", "running")
        self.assertEqual(p["engines"], [e.id])
        self.assertEqual(p["launches"][0]["launch"], token)
        self.done("a", set={"idle": "0", "min": "0"})
        self.verb("a", "resume")
        self.assertFalse(e.take(e.control, "shutdown_request").content["restart"])

    def test_a_stranger(self):
        """Not every name that looks like one is a launch of ours."""
        self.make("a", launch=LAUNCH)
        mine = self.c.hello()["taskfs"]["cluster"][:6]
        for launch in ("tfs-a-7-000000", "tfs-b-7-" + mine, "tfs-a-x-" + mine,
                       "tfs-a--" + mine, "tfs--7-" + mine, "tfs-" + mine, "a", "-",
                       "tfs-a-0-" + mine, "tfs-a-99999999999999999999-" + mine):
            self.member(launch)
        self.member("tfs-a-7-" + mine)
        p = self.wait_launches("a", "running")
        self.assertEqual(p["engines"], [10])
        # A number is not given again.
        self.done("a", set={"min": "2"})
        self.wait_launches("a", "running", "queued")
        self.assertEqual(self.asked(), [("tfs-a-8-" + mine, 1)])

    def test_an_engine_that_says_what_is_no_launch(self):
        self.make("a", launch=LAUNCH)
        for launch in ("a b", "x" * 1000, "../a", "\0"):
            self.member(launch)
        self.assertEqual(self.pools()["a"]["launches"], [])
        warnings = [x for x in self.controller.log_lines() if x["level"] == "warning"]
        self.assertEqual(len(warnings), 4)

    def test_while_its_command_runs(self):
        os.mkfifo(self.path("go"))
        self.make("a", launch=LAUNCH + "; cat go", cancel=CANCEL, min=1)
        self.wait_lines("asked")
        token = self.asked()[0][0]
        self.verb("a", "pause")
        self.assertEqual(states(self.verb("a", "cancel")["pool"]), ["ending"])
        with open(self.path("go"), "w"):
            pass
        self.wait_launches("a")
        self.assertEqual(self.lines("cancelled"), ["job-" + token])

    def test_an_engine_that_comes_too_late(self):
        os.mkfifo(self.path("go"))
        self.make("a", launch=LAUNCH, cancel=CANCEL + "; cat go", min=1)
        self.wait_launches("a", "queued")
        token = self.asked()[0][0]
        self.verb("a", "pause")
        self.verb("a", "cancel")
        self.wait_lines("cancelled")
        e = self.member(token)
        self.assertFalse(e.take(e.control, "shutdown_request").content["restart"])
        with open(self.path("go"), "w"):
            pass
        e.registration.send_multipart(
            e.frames("unregistration_request", {"id": e.id, "uuid": e.uuid})[1]
        )
        self.wait_launches("a")


@tap.check
class Stopped(PoolCase):
    """SIGUSR1: the cluster is being stopped, as long as its lock is held."""

    def setUp(self):
        super().setUp()
        self.lock = open(self.path(".cluster.lock"), "w")
        self.addCleanup(self.lock.close)
        fcntl.flock(self.lock, fcntl.LOCK_EX)

    def stop(self):
        self.controller.process.send_signal(signal.SIGUSR1)
        self.wait_noted(lambda lines: ["stopped"] in lines)

    def noted(self):
        return [l.split("\t") for l in self.lines("pools.state")]

    def wait_noted(self, holds):
        return tap.wait_for(lambda: holds(self.noted()))

    def test_all_ends_and_nothing_begins(self):
        self.make("a", launch=LAUNCH, cancel=CANCEL, check=CHECK, min=2, backlog=2)
        self.make("b", launch=LAUNCH, cancel=CANCEL, min=1)
        self.verb("b", "pause")
        self.make("c", launch=LOCAL, min=1)
        self.wait_launches("a", "queued")
        self.wait_launches("c", "running")
        before = len(self.asked())
        self.stop()
        for name in "abc":
            p = self.wait_launches(name)
            self.assertEqual(p["state"], "paused")
        for name in "ac":
            self.assertIn("stopped", self.pools()[name]["why"])
        self.wait_noted(lambda lines: not [l for l in lines if l[0] == "launch"])
        # Nor for tasks, nor when somebody says resume.
        r = self.c.submit(b"x")
        self.assertEqual(self.verb("a", "resume")["pool"]["state"], "paused")
        self.verb("c", "cancel")
        self.assertEqual(len(self.asked()), before)
        # The next start has them as they were.
        self.restart()
        self.wait_launches("a", "queued")
        self.assertEqual(self.pools()["b"]["state"], "paused")
        self.assertEqual(self.pools()["b"]["launches"], [])
        self.c.ask("control_request", {"result": r["id"], "verb": "abort", "uid": 0})
        # Its engine would outlive the test.
        self.wait_launches("c", "running")
        self.stop()
        self.wait_launches("c")

    def test_whoever_stops_it_is_gone(self):
        self.make("a", launch=LAUNCH, cancel=CANCEL, min=1)
        self.wait_launches("a", "queued")
        self.stop()
        self.wait_launches("a")
        self.assertEqual(len(self.asked()), 1)
        self.lock.close()
        self.wait_launches("a", "queued")
        self.assertEqual(self.pools()["a"]["state"], "ready")
        self.assertNotIn(["stopped"], self.noted())

    def test_nobody_has_the_lock(self):
        self.lock.close()
        self.make("a", launch=LAUNCH, cancel=CANCEL, min=1)
        self.wait_launches("a", "queued")
        self.controller.process.send_signal(signal.SIGUSR1)
        # What there was ends, and the pool goes on.
        self.wait_lines("asked", 2)
        self.wait_lines("cancelled")
        self.wait_launches("a", "queued")

    def test_what_cannot_be_cancelled_is_waited_for(self):
        self.make("a", launch=LAUNCH, min=1)
        self.wait_launches("a", "queued")
        token = self.asked()[0][0]
        self.stop()
        self.wait_launches("a", "ending")
        e = self.member(token)
        self.assertFalse(e.take(e.control, "shutdown_request").content["restart"])
        self.leave(e)
        self.wait_launches("a")

    def test_what_cannot_be_cancelled_may_be_gone(self):
        self.make("a", launch=LAUNCH, check=CHECK, min=1)
        self.wait_launches("a", "queued")
        self.stop()
        self.wait_launches("a", "ending")
        os.unlink(self.path("queue." + self.asked()[0][0]))
        self.stop()
        self.wait_launches("a")

    def test_while_its_command_runs(self):
        os.mkfifo(self.path("go"))
        self.make("a", launch=LAUNCH + "; cat go; exit 1", min=1)
        self.wait_lines("asked")
        self.stop()
        self.wait_launches("a", "ending")
        with open(self.path("go"), "w"):
            pass
        # It says itself that nothing comes of it.
        self.wait_launches("a")
        self.assertEqual(self.state()["controller"]["counters"]["pool_failures"], 0)

    def test_a_cancel_that_fails_is_tried_at_once(self):
        self.make("a", launch=LAUNCH, min=1,
                  cancel="echo no queue; [ -e let ]")
        self.wait_launches("a", "queued")
        self.stop()
        (line,) = self.wait_noted(
            lambda lines: [l for l in lines if l[0] == "launch" and "no queue" in l[-1]])
        token = self.asked()[0][0]
        self.assertEqual(line[1:5], ["a", token, "ending", "job-" + token])
        open(self.path("let"), "w").close()
        self.stop()
        self.wait_launches("a")

    def test_what_is_noted(self):
        self.assertFalse(os.path.exists(self.path("pools.state")))
        self.make("a", launch="printf 'a\\tb\\033\\n'", min=1)
        (pool, launch) = self.wait_noted(
            lambda lines: len(lines) == 2 and lines[1][3] == "queued" and lines)
        self.assertEqual(pool, ["pool", "a", "ready", "0", "1"])
        self.assertEqual(launch[4:], ["a\\x09b\\x1b", "its pool has no cancel command"])
        self.done("a", set={"min": "0", "cancel": "true"})
        self.verb("a", "cancel")
        self.wait_noted(lambda lines: lines == [["pool", "a", "ready", "0", "0"]])
        self.done("a", remove=True)
        self.wait_noted(lambda lines: not lines)
        self.assertFalse(os.path.exists(self.path("pools.state")))


class Off(PoolCase):
    """--pools=no"""

    def test_nothing_is_done(self):
        self.make("a", launch=LAUNCH, cancel=CANCEL, check=CHECK, min=1, idle="0")
        self.wait_launches("a", "queued")
        token = self.asked()[0][0]
        self.restart("--pools=no")
        p = self.pools()["a"]
        self.assertEqual(p["state"], "off")
        self.assertIn("--pools=no", p["why"])
        self.assertEqual(states(p), ["queued"])
        for what in ({"make": True}, {"set": {"min": "3"}}, {"remove": True}):
            for name in ("a", "b"):
                self.assertIn("--pools=no", self.refused(name, "EPERM", **what))
        for verb in ("pause", "resume", "cancel"):
            content = self.verb("a", verb)
            self.assertEqual(content["errno"], "EPERM")
            self.assertIn("--pools=no", content["evalue"])
        # An engine of it that comes is one of it all the same.
        e = self.member(token)
        r = self.c.submit(b"x")
        e.reply(e.take(), exit_status=0)
        self.c.wait(r["id"], "ok")
        self.wait_launches("a", "running")
        self.leave(e)
        self.wait_launches("a")
        self.c.submit(b"x")
        self.assertEqual(len(self.asked()), 1)
        self.assertEqual(self.lines("cancelled"), [])
        self.restart("--pools=yes")
        self.wait_lines("asked", 2)


def kill(pid):
    """It may have ended by itself."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


class Killed(PoolCase):
    """kill -9 of the controller, at each step of a launch."""

    def store(self, *statements):
        with contextlib.closing(sqlite3.connect(self.path("tasks.db"))) as db:
            for s in statements:
                db.execute(s)
            db.commit()

    def between(self, **options):
        """It is stored, and its command did not run."""
        self.make("a", launch=LAUNCH, **options)
        self.controller.kill()
        self.store(
            "INSERT INTO launches VALUES(1,(SELECT id FROM pools),'tfs-a-1-aaaaaa',"
            "1,0,1,1,NULL)",
            "UPDATE meta SET value='2' WHERE key='next_launch'",
        )

    def test_stored_and_not_begun(self):
        self.between(check=CHECK)
        self.start()
        # Nobody knows whether it was; its check does.
        p = self.wait_pool("a", lambda p: not p["launches"])
        self.assertIn("its job is gone", p["why"])
        self.assertEqual(self.asked(), [])

    def test_stored_and_not_begun_and_nobody_can_check(self):
        self.between()
        self.start()
        self.assertEqual(states(self.pools()["a"]), ["queued"])
        # It counts.
        self.c.submit(b"x")
        self.make("b", launch=LAUNCH, min=1)
        self.wait_launches("b", "queued")
        self.assertEqual(states(self.pools()["a"]), ["queued"])
        self.assertEqual(len(self.asked()), 1)

    def test_stored_and_not_begun_and_it_can_be_cancelled(self):
        self.between(cancel="echo $TASKFS_LAUNCH $TASKFS_JOB >> cancelled")
        self.start()
        self.wait_pool("a", lambda p: not p["launches"])
        self.assertEqual(self.lines("cancelled"), ["tfs-a-1-aaaaaa"])
        # The next has another name.
        self.done("a", set={"min": "1"})
        self.wait_launches("a", "queued")
        self.assertIn("-2-", self.asked()[0][0])

    def test_while_its_command_runs(self):
        os.mkfifo(self.path("go"))
        self.make("a", launch=LAUNCH + "; cat go", min=1,
                  cancel='rm "queue.$TASKFS_LAUNCH"; '
                         'echo "$TASKFS_LAUNCH" >> cancelled')
        self.wait_lines("asked")
        first = self.asked()[0][0]
        self.restart()
        # The old command is there; what it has asked for is cancelled.
        self.wait_lines("cancelled")
        self.wait_lines("asked", 2)
        with open(self.path("go"), "w"):
            pass
        self.assertEqual(self.lines("cancelled"), [first])
        p = self.wait_pool("a", lambda p: states(p) == ["queued"] or
                           self.let_go_on())
        self.assertEqual(len(p["launches"]), 1)

    def let_go_on(self):
        """Whoever waits to read gets an end."""
        with contextlib.suppress(OSError):
            os.close(os.open(self.path("go"), os.O_WRONLY | os.O_NONBLOCK))
        return False

    def test_while_it_is_queued(self):
        self.make("a", launch=LAUNCH, cancel=CANCEL, check=CHECK)
        r = self.c.submit(b"x")
        p = self.wait_launches("a", "queued")
        for _ in range(3):
            self.restart()
            self.assertEqual(self.pools()["a"]["launches"], p["launches"])
        token = self.asked()[0][0]
        e = self.member(token)
        e.reply(e.take(), exit_status=0)
        self.c.wait(r["id"], "ok")
        p = self.wait_launches("a", "running")
        self.assertEqual(p["engines"], [e.id])
        # One launch was enough.
        self.assertEqual(self.asked(), [(token, 1)])

    def test_while_its_engines_run(self):
        self.make("a", launch=LOCAL, idle="100ms", max=1)
        os.mkfifo(self.path("go"))
        r = self.c.submit(b"cat %s" % self.path("go").encode())
        self.c.wait(r["id"], "running")
        before = self.pools()["a"]
        self.restart()
        # Its engine is known before it is heard.
        self.assertEqual(self.pools()["a"]["engines"], before["engines"])
        self.assertEqual(states(self.pools()["a"]), ["running"])
        more = self.c.submit(b":")
        with open(self.path("go"), "w"):
            pass
        self.c.wait(r["id"], "ok")
        self.c.wait(more["id"], "ok")
        self.wait_pool("a", lambda p: not p["launches"])
        self.assertEqual(len(self.asked()), 1)

    def test_while_its_engines_run_and_these_die_too(self):
        self.make("a", launch=LOCAL, max=1)
        code = b"echo $$ >> %s; exec sleep 1000" % self.path("left").encode()
        r = self.c.submit(code, retries=1)
        self.c.wait(r["id"], "running")
        # Nobody is left to end what an engine ran that was killed with its guard.
        (task,) = self.wait_lines("left")
        self.addCleanup(kill, int(task))
        (e,) = self.state()["engines"]
        self.controller.kill()
        # The engine and its guard.
        with open("/proc/%d/stat" % e["pid"]) as f:
            guard = int(f.read().rsplit(")", 1)[1].split()[1])
        for pid in (guard, e["pid"]):
            os.kill(pid, signal.SIGKILL)
        for pid in (guard, e["pid"]):
            tap.wait_for(lambda pid=pid: gone(pid))
        self.start("--ping=50ms")
        # It is seen to be gone, and another one is started for the task.
        self.wait_lines("asked", 2)
        self.c.wait(r["id"], "running")
        self.c.ask("control_request", {"result": r["id"], "verb": "abort", "uid": 0})
        self.c.wait(r["id"], "aborted")

    def test_while_it_is_cancelled(self):
        os.mkfifo(self.path("go"))
        self.make("a", launch=LAUNCH, min=1,
                  cancel="echo $TASKFS_JOB >> cancelled; cat go")
        self.wait_launches("a", "queued")
        self.verb("a", "pause")
        self.verb("a", "cancel")
        self.wait_lines("cancelled")
        self.restart()
        self.assertEqual(states(self.pools()["a"]), ["ending"])
        job = "job-" + self.asked()[0][0]
        self.assertEqual(self.wait_lines("cancelled", 2), [job, job])
        self.wait_pool("a", lambda p: not p["launches"] or self.let_go_on())

    def test_again_and_again(self):
        """It never launches more than it may."""
        self.make("a", launch=LAUNCH, cancel=CANCEL, check=CHECK, max=3)
        self.c.submit_map(b":", [b"%d" % i for i in range(50)])
        self.wait_lines("asked")
        for _ in range(20):
            self.restart()
            there = [f for f in os.listdir(self.controller.dir)
                     if f.startswith("queue.")]
            counts = dict(self.asked())
            self.assertLessEqual(sum(counts[f[6:]] for f in there), 3)
        self.wait_pool("a", lambda p: states(p) == ["queued"])

    def test_check_and_recover(self):
        self.make("a", launch=LAUNCH, min=2)
        self.wait_launches("a", "queued")
        token = self.asked()[0][0]
        self.assertEqual(self.controller.stop(), 0)

        def program(*options):
            p = subprocess.run(
                [PROGRAM, "--cluster-dir=" + self.controller.dir, *options],
                stdout=subprocess.PIPE, check=False, text=True)
            return p.returncode, p.stdout

        self.assertEqual(program("--check")[0], 0)
        self.store("UPDATE launches SET pool=7")
        code, said = program("--check")
        self.assertEqual(code, 4)
        self.assertIn("a launch is of no pool", said)
        self.store("UPDATE launches SET pool=(SELECT id FROM pools)",
                   "UPDATE pools SET options='{\"max\": \"many\"}'")
        code, said = program("--check")
        self.assertEqual(code, 4)
        self.assertIn("options", said)
        self.store("UPDATE pools SET options='{\"launch\": \"true\"}'",
                   "INSERT INTO launches VALUES(9,1,'x y',1,0,2,1,NULL)",
                   "INSERT INTO launches VALUES(10,1,'t-10',-1,0,17,1,NULL)",
                   "INSERT INTO pools VALUES(2,'no name',"
                   "'{}',0,0,0,NULL,0,NULL)",
                   "UPDATE pools SET failures=-3 WHERE id=1")
        self.assertEqual(program("--check")[0], 4)
        code, said = program("--recover")
        self.assertEqual(code, 0, said)
        self.assertIn("paused", said)
        self.assertIn("launches", said)
        self.start()
        # Nothing is launched until somebody has looked at it.
        p = self.pools()["a"]
        self.assertEqual(list(self.pools()), ["a"])
        self.assertEqual(p["state"], "paused")
        self.assertEqual([l["launch"] for l in p["launches"]], [token, "t-10"])
        self.done("a", set={"cancel": "true"})
        self.verb("a", "cancel")
        self.wait_launches("a")
        self.done("a", set={"min": "1", "launch": LAUNCH})
        self.verb("a", "resume")
        self.wait_launches("a", "queued")
        number = int(self.asked()[-1][0].split("-")[2])
        self.assertGreater(number, 10)

    def test_a_store_of_version_5(self):
        self.c.submit(b"x")
        self.assertEqual(self.controller.stop(), 0)
        self.store(
            "ALTER TABLE engines DROP COLUMN launch", "DROP TABLE pools",
            "DROP TABLE launches", "DELETE FROM meta WHERE key='next_launch'",
            "PRAGMA user_version=5")
        self.start()
        self.make("a", launch=LAUNCH)
        self.wait_launches("a", "queued")


@unittest.skipUnless(tap.can_mount(), "it needs to mount")
@tap.check
class FullDisk(PoolCase):
    """On a file system of a few megabytes."""

    def setUp(self):
        self.peers = []
        directory = tempfile.mkdtemp(prefix="taskfs-full-")
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "none", directory],
            check=True,
        )
        self.addCleanup(shutil.rmtree, directory)
        self.addCleanup(subprocess.run, ["umount", directory], check=True)
        self.controller = Controller(PROGRAM, *self.options, directory=directory)
        self.c = self.client()
        self.c.follow()

    def tearDown(self):
        for p in self.peers:
            p.close()
        self.assertEqual(self.controller.stop(), 0)
        os.unlink(self.controller.log)

    def fill(self):
        path = self.path("ballast")
        with contextlib.suppress(OSError), open(path, "wb", buffering=0) as f:
            while True:
                f.write(b"x" * 4096)
        return path

    def test_what_is_not_stored_is_as_it_was(self):
        self.make("a", launch="echo job")
        self.c.submit(b"x" * 100, label="first")
        self.wait_launches("a", "queued")
        self.make("b", launch="exit 0")
        ballast = self.fill()
        why = self.refused("a", "ENOSPC", set={"max": "9", "check": "y" * 60000})
        self.assertIn("stored", why)
        self.assertEqual(set(self.pools()["a"]["options"]), {"launch"})
        os.unlink(ballast)
        self.done("b", set={"min": "1"})
        self.wait_launches("b", "queued")
        self.assertEqual(self.state()["controller"]["counters"]["pool_failures"], 0)


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
