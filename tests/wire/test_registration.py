#!/usr/bin/python3
"""Connection files; engines that register, and the beats they answer."""

import os
import stat
import subprocess
import sys
from datetime import datetime

import tap
from controller_case import PROGRAM, Case


class Files(Case):
    def test_connection_files_are_private_and_complete(self):
        for kind in "client", "engine":
            path = "%s/security/ipcontroller-%s.json" % (
                self.controller.dir,
                kind,
            )
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            info = self.controller.info(kind)
            for key in (
                "ssh interface registration control mux task iopub key "
                "curve_serverkey location pack unpack signature_scheme broadcast"
            ).split():
                self.assertIn(key, info)
        self.assertIsInstance(info["broadcast"], list)
        self.assertTrue(info["key"])

    def test_they_go_at_the_end_and_come_back_the_same(self):
        before = self.controller.info("client")
        self.assertEqual(self.controller.stop(), 0)
        self.assertEqual(os.listdir(self.controller.dir + "/security"), [])
        self.controller.start()
        self.assertEqual(self.controller.info("client"), before)

    def test_a_second_controller_is_refused(self):
        second = subprocess.run(
            [PROGRAM, "--cluster-dir=" + self.controller.dir],
            stderr=subprocess.PIPE,
            text=True,
        )
        self.assertEqual(second.returncode, 3)
        self.assertIn("another controller", second.stderr)


class Registration(Case):
    def test_an_engine_registers_is_announced_and_leaves(self):
        c, e = self.client(), self.engine()
        reply = e.join(c)
        self.assertEqual(reply["id"], 0)
        self.assertEqual(reply["hb_period"], 60000)
        self.assertEqual(
            reply["taskfs"]["instance"], c.hello()["taskfs"]["instance"]
        )
        self.assertEqual(c.hello()["engines"], {"0": e.uuid})
        c.query.send_multipart(c.frames("unregistration_request", {"id": 0})[1])
        m = c.receive(c.notification)
        self.assertEqual(m.type, "unregistration_notification")
        self.assertEqual(m.content, {"id": 0, "uuid": e.uuid})
        self.assertEqual(m.parent, {})
        self.assertEqual(c.hello()["engines"], {})

    def test_who_subscribes_late_hears_what_is_new(self):
        def leave(e):
            c.query.send_multipart(
                c.frames("unregistration_request", {"id": e.id})[1]
            )
            c.receive(
                c.notification,
                lambda m: m.type == "unregistration_notification",
            )

        def heard(n):
            late = self.client()
            all = [late.receive(late.notification) for _ in range(n)]
            return [(m.type, m.content["uuid"]) for m in all]

        c, stays = self.client(), self.engine()
        before, between = self.engine(), self.engine()
        for e in stays, before, between:
            e.join(c)
        leave(before)
        c.query.send_multipart(c.frames("connection_request", {})[1])
        c.receive(c.query, lambda m: m.type == "connection_reply")
        leave(between)
        stayed = ("registration_notification", stays.uuid)
        left = ("unregistration_notification", between.uuid)
        # One that asked before the second went, one that asked for nothing.
        self.assertEqual(heard(2), [stayed, left])
        self.engine().join(c)
        self.assertEqual(heard(2)[0], stayed)
        self.assertEqual(heard(2)[1][0], "registration_notification")

    def test_ids_are_granted_as_stock_does(self):
        c = self.client()
        wants = [(None, 0), (5, 5), (5, 6), (None, 7), (2, 2), (None, 8)]
        for want, got in wants:
            e = self.engine()
            more = {} if want is None else {"id": want}
            self.assertEqual(e.register(**more)["id"], got)

    def ping(self, c):
        """One that the controller may have sent."""
        return [c.hello()["taskfs"]["instance"].encode() + b":1"]

    def test_who_lost_its_registration_is_told(self):
        """Somebody else said goodbye for it, or took its place; it beats on."""
        c, e = self.pair()

        def comes_back():
            e.pong.send_multipart(self.ping(c))
            e.take(e.control, "register_request")
            e.join(c)

        c.query.send_multipart(c.frames("unregistration_request", {"id": e.id})[1])
        c.receive(c.notification, lambda m: m.type == "unregistration_notification")
        comes_back()
        other = self.engine()
        other.join(c, replaces=e.uuid)
        comes_back()
        m = c.ask("state_request", {})
        uuids = [x["uuid"] for x in m.content["engines"]]
        self.assertEqual(sorted(uuids), sorted([e.uuid, other.uuid]))

    def test_a_stock_engine_is_told_nothing(self):
        c, e = self.pair(taskfs=False)
        c.query.send_multipart(c.frames("unregistration_request", {"id": e.id})[1])
        c.receive(c.notification, lambda m: m.type == "unregistration_notification")
        e.pong.send_multipart(self.ping(c))
        # What comes first is what it is told when it has registered again.
        e.join(c)
        told = [m.type for m in self.passed_on(c, e)]
        self.assertNotIn("register_request", told)

    def test_a_uuid_in_use_is_refused(self):
        c, e = self.pair(taskfs=False)
        twin = self.engine(taskfs=False)
        twin.uuid = e.uuid
        reply = twin.register()
        self.assertEqual(reply["status"], "error")
        self.assertEqual(reply["ename"], "KeyError")


class Hearts(Case):
    options = ("--ping=50ms",)

    def when(self, what):
        """In seconds, when the controller logged that."""
        [line] = [x for x in self.controller.log_lines() if x["what"] == what]
        return datetime.fromisoformat(line["time"])

    def test_one_that_stops_is_noticed_at_the_eleventh_beat(self):
        c, e = self.client(), self.engine()
        e.join(c)
        m = c.receive(c.notification)
        self.assertEqual(m.type, "unregistration_notification")
        self.assertEqual(m.content["uuid"], e.uuid)
        self.assertEqual(c.counters()["engines_lost"], 1)
        # Beats come late when the machine is slow, and never early.
        lived = self.when("engine lost") - self.when("engine registered")
        self.assertGreaterEqual(lived.total_seconds(), 11 * 0.05 - 0.002)

    def take_alive(self, e):
        """What it is given next; it beats until then, and never again."""
        while e.task not in e.ready(e.ping, e.task):
            e.beat()
        return e.take()

    def test_what_it_ran_may_go_on(self):
        c, e, other = self.client(), self.engine(), self.engine()
        c.follow()
        c.submit(b":", retries=1)
        e.join(c)
        self.take_alive(e)
        why = r"engine %d \(pid .*\) was given up .* may go on there: its heart stopped"
        c.wait(1, "pending")
        attempts = c.result(1)["task"]["attempts"]
        self.assertRegex(attempts, r"^1 0 \S+ \S+ lost [0-9.]+ [0-9.]+\n$")
        [line] = [x for x in self.controller.log_lines() if x.get("attempt") == 1]
        self.assertRegex(line["why"], why % 0)
        other.join(c)
        self.take_alive(other)
        task = c.wait(1, "error")["task"]
        self.assertEqual(task["ename"], "EngineError")
        self.assertRegex(task["evalue"], why % 1)

    def test_what_its_guard_could_not_kill(self):
        c, e = self.client(), self.engine()
        c.follow()
        c.submit(b":")
        e.join(c)
        self.take_alive(e)
        gone = {"id": e.id, "left": True}
        c.query.send_multipart(c.frames("unregistration_request", gone)[1])
        task = c.wait(1, "error")["task"]
        self.assertRegex(task["evalue"], "may go on there: it ended and could not kill")


@tap.check
class SlowHearts(Case):
    options = ("--ping=1s",)

    def test_one_that_beats_lives(self):
        c, e = self.client(), self.engine()
        e.join(c)
        first = last = self.number(e.beat())
        while last < first + 13:
            last = self.number(e.beat())
        self.assertEqual(c.counters()["engines_lost"], 0)

    def number(self, ping):
        return int(ping[0].rpartition(b":")[2])


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
