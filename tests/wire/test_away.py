#!/usr/bin/python3
"""Engines that are not heard any more: what is told of them, what waits for them, how
they come back. BUILD is the directory of the programs."""

import hashlib
import os
import subprocess
import sys
import threading
import time

import controller_case
import tap

AWAY = r"away since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"


class Heart:
    """Answers the heartbeats of an engine in a thread of its own, until it stops."""

    def __init__(self, e):
        self.engine = e
        self.stopped = False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.stopped:
            if self.engine.ping.poll(10):
                self.engine.beat()

    def stop(self):
        self.stopped = True
        self.thread.join()


class Case(controller_case.Case):
    options = ("--ping=50ms",)

    def setUp(self):
        super().setUp()
        self.hearts = {}

    def tearDown(self):
        for e in list(self.hearts):
            self.stop(e)
        super().tearDown()

    def beats(self, e):
        self.hearts[e] = Heart(e)

    def stop(self, e):
        self.hearts.pop(e).stop()

    def pair(self, process=None, pid=None, **how):
        c, e = self.client(), self.engine(**how)
        c.follow()
        e.join(c, process=process, pid=pid)
        self.beats(e)
        return c, e

    def lose(self, c, *engines):
        """They are not heard any more, and given up."""
        for e in engines:
            self.stop(e)
        left = {e.uuid for e in engines}
        while left:
            m = c.receive(c.notification)
            if m.type == "unregistration_notification":
                left.discard(m.content["uuid"])

    def lost_pair(self, **how):
        c, e = self.pair(**how)
        self.lose(c, e)
        return c, e

    def comes_back(self, c, e, **how):
        reply = e.join(c, **how)
        self.beats(e)
        return reply

    def engines(self, c):
        return {x["id"]: x for x in c.ask("state_request", {}).content["engines"]}

    def order(self, c, verb, *engines):
        content = {"verb": verb, "engines": list(engines)}
        return c.ask("engine_control_request", content).content

    def wait_why(self, c, id, why):
        c.wait_until(id, lambda r: r and r["why"] == why)


@tap.check
class Away(Case):
    def test_it_keeps_its_id_and_comes_back(self):
        c, e = self.lost_pair()
        self.assertEqual(self.engines(c)[0]["state"], "lost")
        self.assertRegex(self.engines(c)[0]["why"], "^" + AWAY + "$")
        # For clients of ipyparallel it is gone.
        self.assertEqual(c.hello()["engines"], {})
        m = c.ask("queue_request", {"targets": 0, "verbose": False})
        self.assertEqual(m.content["ename"], "IndexError")
        m = c.ask("queue_request", {"targets": None, "verbose": False})
        self.assertNotIn("0", m.content)
        # Nobody else gets its id.
        self.assertEqual(self.engine().register(id=0)["id"], 1)
        self.assertEqual(self.engine().register()["id"], 2)
        # It beats on, and is asked to say what it has.
        e.pong.send_multipart([c.hello()["taskfs"]["instance"].encode() + b":1"])
        e.take(e.control, "register_request")
        self.assertEqual(self.comes_back(c, e)["id"], 0)
        self.assertEqual(c.hello()["engines"], {"0": e.uuid})
        engine = self.engines(c)[0]
        self.assertEqual((engine["state"], engine["why"]), ("idle", None))

    def test_one_that_knows_it_asks_itself(self):
        c, e = self.lost_pair()
        self.assertEqual(self.comes_back(c, e, id=0)["id"], 0)

    def test_what_names_it_waits(self):
        c, e = self.lost_pair()
        c.submit(b"target", targets=[0])
        c.submit_view(b"view", [0])
        c.submit(b"two", targets=[7, 0])
        why = "^engine 0 is " + AWAY + "$"
        for id in 1, 2, 3:
            self.assertRegex(c.wait(id, "pending")["why"], why)
        c.submit(b"any")
        self.assertEqual(c.result(4)["why"], "an engine to register")
        self.comes_back(c, e)
        for _ in range(4):
            e.reply(e.take(), exit_status=0)
        for id in 1, 2, 3, 4:
            c.wait(id, "ok")

    def test_what_follows_it_waits(self):
        c, e = self.pair()
        c.submit(b"first")
        e.reply(e.take(), exit_status=0)
        c.wait(1, "ok")
        other = self.engine()
        other.join(c)
        self.beats(other)
        self.lose(c, e)
        c.submit(b"second", follow=["1"])
        self.assertRegex(c.result(2)["why"], "engine 0 is " + AWAY)
        # Nobody but it has this; others do not wait for it.
        c.submit(b"any")
        other.reply(other.take(), exit_status=0)
        c.wait(3, "ok")
        self.comes_back(c, e)
        m = e.take()
        self.assertEqual(m.content["code"], "second")
        e.reply(m, exit_status=0)
        c.wait(2, "ok")

    def test_who_waits_is_told(self):
        c, e = self.pair()
        c.submit(b"busy")
        c.submit(b"next", targets=[0])
        c.submit(b"any")
        e.take()
        self.wait_why(c, 2, "engine 0 to be free")
        self.wait_why(c, 3, "an engine to be free")
        self.lose(c, e)
        c.wait(1, "error")
        c.wait_until(2, lambda r: r["why"].startswith("engine 0 is away since "))
        self.wait_why(c, 3, "an engine to register")

    def test_stop_forgets_it(self):
        c, e = self.lost_pair()
        c.submit(b"target", targets=[0])
        c.submit_view(b"view", [0])
        answer = self.order(c, "stop", 0)
        self.assertEqual((answer["status"], answer["gone"]), ("ok", [0]))
        task = c.wait(1, "error")["task"]
        self.assertEqual(task["ename"], "ImpossibleDependency")
        self.assertEqual(c.wait(2, "error")["task"]["ename"], "EngineError")
        self.assertEqual(self.engines(c), {})
        self.assertEqual(self.engine().register(id=0)["id"], 0)

    def test_what_cannot_be_done_with_it(self):
        c, e = self.lost_pair()
        for verb in "restart", "clear", "interrupt":
            answer = self.order(c, verb, 0)
            self.assertRegex(answer["evalue"], "^engine 0 is " + AWAY + "$")
        # Who orders all means those that are there.
        self.assertEqual(c.ask("engine_control_request", {"verb": "stop"}).content["gone"], [])
        self.assertEqual(self.engines(c)[0]["state"], "lost")
        # It comes back as what it was.
        self.assertEqual(self.order(c, "drain", 0)["status"], "ok")
        self.comes_back(c, e)
        self.assertEqual(self.engines(c)[0]["state"], "draining")

    def test_it_was_asked_before(self):
        c, e = self.pair()
        header, frames = c.frames(
            "engine_control_request", {"verb": "clear", "engines": [0]}
        )
        c.query.send_multipart(frames)
        e.take(e.control, "clear_request")
        self.stop(e)
        answer = c.receive(c.query, lambda m: m.parent == header).content
        # It may do it yet.
        self.assertEqual(answer["errno"], "ETIMEDOUT")
        self.assertIn("was asked, and is not heard any more", answer["evalue"])

    def test_its_goodbye(self):
        c, e = self.lost_pair()
        say = lambda content: c.query.send_multipart(
            c.frames("unregistration_request", content)[1]
        )
        # That of one that had its id before.
        say({"id": 0, "uuid": "another"})
        self.assertEqual(list(self.engines(c)), [0])
        say({"id": 0, "uuid": e.uuid})
        tap.wait_for(lambda: not self.engines(c))

    def test_after_a_restart_of_the_controller(self):
        c, e = self.lost_pair()
        was = self.engines(c)[0]["why"]
        other = self.engine()
        other.join(c)
        self.controller.kill()
        self.controller.options = ("--ping=1m",)
        self.controller.start()
        c = self.client()
        c.follow()
        c.submit(b"target", targets=[1])
        engines = self.engines(c)
        self.assertEqual([x["state"] for x in engines.values()], ["lost", "lost"])
        self.assertEqual(engines[0]["why"], was)
        self.assertRegex(engines[1]["why"], AWAY)
        self.assertRegex(c.result(1)["why"], "engine 1 is " + AWAY)
        self.assertEqual(self.engine().register()["id"], 2)
        self.assertEqual(e.join(c)["id"], 0)
        self.assertEqual(other.join(c)["id"], 1)
        other.reply(other.take(), exit_status=0)
        c.wait(1, "ok")

    def test_it_has_what_nobody_wants_any_more(self):
        c, e = self.pair()
        c.submit(b":")
        m = e.take()
        c.wait(1, "running")
        self.lose(c, e)
        c.wait(1, "error")
        id = m.header["msg_id"]
        reply = self.comes_back(c, e, running=[id])
        self.assertEqual(reply["taskfs"]["drop"], [id])

    def test_one_of_ipyparallel(self):
        c, e = self.lost_pair(taskfs=False)
        self.assertEqual(self.engines(c)[0]["state"], "lost")
        # It knows of nothing; its heart is heard again.
        self.beats(e)
        m = c.receive(c.notification)
        self.assertEqual(m.type, "registration_notification")
        self.assertEqual(m.content, {"id": 0, "uuid": e.uuid})
        self.assertEqual(c.hello()["engines"], {"0": e.uuid})
        # Or it registers, as nothing else has that uuid.
        self.lose(c, e)
        self.assertEqual(self.comes_back(c, e)["id"], 0)

    def test_all_of_them(self):
        c, *engines = self.client(), self.engine(), self.engine(), self.engine()
        for e in engines:
            e.join(c)
            self.beats(e)
        self.lose(c, *engines)
        for e in reversed(engines):
            self.assertEqual(self.comes_back(c, e)["id"], engines.index(e))


class Respawned(Case):
    """An engine dies, and its guard begins another process."""

    def dies(self, c, e, pid=None, **respawn):
        self.stop(e)
        content = {"id": e.id, "uuid": e.uuid}
        content["respawn"] = dict(respawn, pid=pid or os.getpid())
        e.registration.send_multipart(e.frames("unregistration_request", content)[1])
        tap.wait_for(lambda: self.engines(c).get(0, {}).get("state") != "idle")

    def begins_anew(self, c, e, **how):
        other = self.engine()
        reply = other.join(c, id=0, replaces=e.uuid, **how)
        self.beats(other)
        self.assertEqual(reply["id"], 0)
        return other

    def test_it_keeps_its_id_and_what_names_it_waits(self):
        c, e = self.pair()
        c.submit(b"runs", retries=0)
        e.take()
        c.submit(b"named", targets=[0])
        self.dies(c, e, pid=4711)
        task = c.wait(1, "error")["task"]
        self.assertEqual(task["ename"], "EngineError")
        # Nobody has to say that it may go on.
        self.assertIn("(pid %d on here) ended while running" % os.getpid(), task["evalue"])
        self.assertRegex(task["attempts"], "^1 0 [^ ]* [^ ]* EngineError ")
        engine = self.engines(c)[0]
        why = AWAY + ": it died, and is started again"
        self.assertEqual((engine["state"], engine["pid"]), ("lost", 4711))
        self.assertRegex(engine["why"], "^%s$" % why)
        self.assertRegex(c.result(2)["why"], "^engine 0 is %s$" % why)
        self.assertEqual(self.engine().register(id=0)["id"], 1)
        other = self.begins_anew(c, e, respawned=True)
        other.reply(other.take(), exit_status=0)
        c.wait(2, "ok")
        self.assertEqual((self.engines(c)[0]["state"], self.engines(c)[0]["why"]), ("idle", None))

    def test_lost_may_be_tried_again(self):
        c, e = self.pair()
        c.submit(b"again", retry_on=["lost"])
        e.take()
        self.dies(c, e)
        other = self.begins_anew(c, e)
        other.reply(other.take(), exit_status=0)
        self.assertEqual(c.wait(1, "ok")["task"]["attempt"], 2)

    def test_it_drains_when_it_did(self):
        c, e = self.pair()
        self.order(c, "drain", 0)
        self.dies(c, e)
        other = self.begins_anew(c, e, respawned=True)
        self.assertEqual(self.engines(c)[0]["state"], "draining")
        # Who was told to begin anew does not.
        self.stop(other)
        self.begins_anew(c, other)
        self.assertEqual(self.engines(c)[0]["state"], "idle")

    def test_its_guard_has_ended(self):
        c, e = self.pair()
        guard = subprocess.Popen(["sleep", "1000"])
        self.dies(c, e, pid=guard.pid, process=process_text(guard.pid))
        self.assertEqual(self.engines(c)[0]["state"], "lost")
        guard.kill()
        guard.wait()
        tap.wait_for(lambda: not self.engines(c))

    def test_its_guard_says_goodbye(self):
        c, e = self.pair()
        self.dies(c, e)
        content = {"id": 0, "uuid": e.uuid}
        c.query.send_multipart(c.frames("unregistration_request", content)[1])
        tap.wait_for(lambda: not self.engines(c))

    def test_stop_forgets_it(self):
        c, e = self.pair()
        self.dies(c, e)
        self.assertEqual(self.order(c, "stop", 0)["gone"], [0])
        self.assertEqual(self.engines(c), {})
        # Who is started again hears of it.
        other = self.engine()
        reply = other.register(id=0, replaces=e.uuid, respawned=True)
        self.assertEqual(reply["evalue"], "it was told to stop while it was dead")
        self.assertEqual(self.engines(c), {})

    def test_one_of_ipyparallel_is_gone(self):
        c, e = self.pair(taskfs=False)
        self.dies(c, e)
        self.assertEqual(self.engines(c), {})


@tap.check
class NotHeard(Case):
    """Shown as lost, and not given up yet."""

    options = ("--ping=2s",)

    def test_what_cannot_be_done_with_it(self):
        c, e = self.pair()
        c.submit(b"busy")
        e.take()
        self.stop(e)
        tap.wait_for(lambda: self.engines(c)[0]["state"] == "lost")
        why = "^engine 0 is %s$" % AWAY
        for verb in "interrupt", "clear", "restart":
            answer = self.order(c, verb, 0)
            self.assertEqual(answer["errno"], "EHOSTDOWN")
            self.assertRegex(answer["evalue"], why)
        for kind in "vars_request", "pull_request":
            content = {"verb": "list", "engines": [0], "name": "a", "offset": 0}
            answer = c.ask(kind, dict(content, length=10)).content
            self.assertEqual(answer["errno"], "EHOSTDOWN")
            self.assertRegex(answer["evalue"], why)
        # Nobody has told it.
        self.assertEqual(self.passed_on(c, e), [])


@tap.check
class Forgotten(Case):
    options = ("--ping=50ms", "--keep-id=100ms")

    def test_when_its_time_is_over(self):
        c, e = self.pair()
        c.follow()
        c.submit(b"busy")
        e.take()
        c.submit(b"target", targets=[0])
        self.lose(c, e)
        task = c.wait(2, "error")["task"]
        self.assertEqual(task["ename"], "ImpossibleDependency")
        self.assertEqual(self.engines(c), {})


@tap.check
class AtOnce(Case):
    options = ("--ping=50ms", "--keep-id=0")

    def test_nobody_waits(self):
        c, e = self.lost_pair()
        self.assertEqual(self.engines(c), {})
        self.assertEqual(self.engine().register(id=0)["id"], 0)


def text(path):
    with open(path) as f:
        return f.read()


def process_text(pid):
    """As a program of ours says it of itself."""
    # A minimal system has none.
    named = os.path.exists("/etc/machine-id")
    machine = text("/etc/machine-id").strip().encode() if named else b""
    purpose = b"taskfs machine 1\0"
    digest = hashlib.blake2b(machine, digest_size=16, key=purpose).hexdigest()
    boot = text("/proc/sys/kernel/random/boot_id").strip()
    space = os.stat("/proc/self/ns/pid").st_ino
    start = text("/proc/%d/stat" % pid).rpartition(")")[2].split()[19]
    return "%s:%s:%d:%s" % (digest[:16] if machine else "", boot, space, start)


@tap.check
class Ended(Case):
    """Who was killed with its guard has said nothing."""

    def setUp(self):
        super().setUp()
        self.child = subprocess.Popen(["sleep", "1000"])
        self.addCleanup(self.end)
        self.pid = self.child.pid

    def end(self):
        self.child.kill()
        self.child.wait()

    def test_its_process_is_not_there(self):
        c, e = self.pair(process=process_text(self.pid), pid=self.pid)
        self.end()
        self.lose(c, e)
        tap.wait_for(lambda: not self.engines(c))

    def test_it_ends_while_it_is_away(self):
        c, e = self.lost_pair(process=process_text(self.pid), pid=self.pid)
        self.assertEqual(self.engines(c)[0]["state"], "lost")
        self.end()
        tap.wait_for(lambda: not self.engines(c))

    def test_another_is_started_in_its_place(self):
        """Everything was killed at once, and is started again."""
        c, e = self.pair(process=process_text(self.pid), pid=self.pid)
        self.controller.kill()
        self.end()
        self.controller.options = ("--ping=1m",)
        self.controller.start()
        self.assertEqual(self.engine().register(id=0)["id"], 0)

    def test_its_machine_was_started_again(self):
        c, e = self.lost_pair(process="here:monday:1:5")
        other = self.engine()
        self.assertEqual(other.register(id=0, process="there:tuesday:1:5")["id"], 1)
        other = self.engine()
        self.assertEqual(other.register(id=0, process="here:monday:1:7")["id"], 2)
        other = self.engine()
        self.assertEqual(other.register(id=0, process="here:tuesday:1:5")["id"], 0)
        self.assertEqual(e.register(id=0)["id"], 3)


@tap.check
class Why(controller_case.Case):
    """One answer, whoever is busy."""

    def test_nobody_it_could_wait_for(self):
        c, e = self.pair()
        c.submit(b"busy")
        m = e.take()
        c.submit(b"nowhere", targets=[7])
        c.submit_view(b"half", [7, 0])
        c.submit(b"here", targets=[0, 7])
        task = c.wait(2, "error")["task"]
        self.assertEqual(task["ename"], "ImpossibleDependency")
        c.wait_until(3, lambda r: r["count"][3] == 1)
        self.assertEqual(c.tasks(3, task=0)["task"]["ename"], "EngineError")
        self.assertEqual(c.result(3)["why"], "engine 0 to be free")
        self.assertEqual(c.result(4)["why"], "engine 0 to be free")
        for _ in range(3):
            e.reply(m, exit_status=0)
            m = e.take() if _ < 2 else None
        c.wait(4, "ok")

    def test_who_goes_while_others_are_busy(self):
        c, e = self.pair()
        other = self.engine()
        other.join(c)
        for i in 0, 1:
            c.submit(b"busy", targets=[i])
        c.submit(b"waits", targets=[1])
        e.take(), other.take()
        c.query.send_multipart(c.frames("unregistration_request", {"id": 1})[1])
        task = c.wait(3, "error")["task"]
        self.assertEqual(task["ename"], "ImpossibleDependency")
        self.assertEqual(c.result(1)["status"], "running")

    def test_as_many_as_it_may_run(self):
        c, e = self.pair()
        other = self.engine()
        other.join(c)
        c.submit_map(b":", [b"a", b"b"], max_running=1)
        one, m = self.take_any(e, other)
        r = c.wait(1, "running")
        why = "one of its own tasks to end: max_running is 1"
        self.wait_why(c, 1, why)
        one.reply(m, exit_status=0)
        one, m = self.take_any(e, other)
        one.reply(m, exit_status=0)
        self.assertIsNone(c.wait(1, "ok")["why"])

    def wait_why(self, c, id, why):
        c.wait_until(id, lambda r: r and r["why"] == why)

    def test_several_reasons(self):
        c, e = self.pair()
        other = self.engine()
        other.join(c)
        for i in 0, 1:
            c.submit(b"busy", targets=[i])
        c.submit(b"both", targets=[0, 1])
        c.submit_view(b"view", [0, 1])
        c.ask("engine_control_request", {"verb": "drain", "engines": [1]})
        draining = "engine 1 to take tasks again: it is draining"
        both = "engine 0 to be free, " + draining
        self.wait_why(c, 3, "one of the engines: " + both)
        self.wait_why(c, 4, both)


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
