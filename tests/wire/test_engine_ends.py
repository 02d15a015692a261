#!/usr/bin/python3
"""An engine that begins again when it has died, and one that ends by itself."""

import contextlib
import os
import signal
import sys

import tap
from engine_case import Case, Extended, gone


class Respawning:
    def die(self):
        """The worker is killed; what its guard says."""
        os.kill(self.worker(), signal.SIGKILL)
        return self.boss.hear("registration", "unregistration_request")

    def pauses(self):
        """In milliseconds, as the log has them."""
        return self.logged("the engine died; it is started again", "in_ms")

    def runs_well(self):
        h = self.boss.run("echo hi", taskfs=self.taskfs, silent=True)
        self.assertEqual(self.boss.reply(h).content["status"], "ok")

    def ends(self):
        """The engine ends, and no other begins."""
        self.process.send_signal(signal.SIGTERM)
        m = self.boss.hear("registration", "unregistration_request")
        self.assertNotIn("respawn", m.content)
        self.assertEqual(self.process.wait(), 0)


class Respawn(Respawning, Extended):
    options = ("--grace=100ms", "--respawn")

    def test_another_worker_under_its_id(self):
        was, guard = self.boss.uuid.decode(), self.process.pid
        first = self.worker()
        self.boss.run("trap '' TERM; echo $$; exec sleep 1001")
        task = int(self.boss.hear("task", "output").buffers[0])
        m = self.die()
        self.assertEqual((m.content["id"], m.content["uuid"]), (0, was))
        self.assertEqual(m.content["respawn"]["pid"], guard)
        self.assertRegex(m.content["respawn"]["process"], "^[0-9a-f]+:.*:[0-9]+$")
        # Dead is what it ran, when that is said.
        self.assertTrue(gone(task))
        m = self.boss.admit()
        self.assertEqual(m.content["id"], 0)
        self.assertNotEqual(m.content["uuid"], was)
        t = m.content["taskfs"]
        self.assertEqual((t["replaces"], t["respawned"]), (was, True))
        self.assertEqual((t["running"], t["finished"]), ([], []))
        self.assertEqual(t["pid"], self.worker())
        self.assertNotEqual(t["pid"], first)
        self.runs_well()
        self.assertEqual(self.pauses(), [200])

    def test_the_pauses_grow(self):
        for _ in range(3):
            self.die()
            self.boss.admit()
        self.assertEqual(self.pauses(), [200, 400, 800])
        self.runs_well()

    def test_a_restart_is_no_death(self):
        self.boss.say("control", "shutdown_request", {"restart": True})
        m = self.boss.admit()
        self.assertIn("replaces", m.content["taskfs"])
        self.assertNotIn("respawned", m.content["taskfs"])
        self.assertEqual(self.pauses(), [])
        # The one after it may die.
        self.die()
        self.assertTrue(self.boss.admit().content["taskfs"]["respawned"])
        self.assertEqual(self.pauses(), [200])

    def test_told_to_end_is_no_death(self):
        self.ends()
        self.assertEqual(self.pauses(), [])

    def test_a_shutdown_is_no_death(self):
        self.boss.say("control", "shutdown_request", {"restart": False})
        m = self.boss.hear("registration", "unregistration_request")
        self.assertNotIn("respawn", m.content)
        self.assertEqual(self.process.wait(), 0)

    def test_killed_while_it_ends_is_no_death(self):
        code = "trap 'echo > %s' TERM; echo on; while :; do sleep 1 & wait; done"
        self.boss.run(code % self.fifo())
        self.boss.hear("task", "output")
        worker = self.worker()
        self.boss.say("control", "shutdown_request", {"restart": False})
        # Its task is told to end; it waits for that, or has ended.
        open(self.fifo()).close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
        m = self.boss.hear("registration", "unregistration_request")
        self.assertNotIn("respawn", m.content)
        self.assertIn(self.process.wait(), (0, 128 + signal.SIGKILL))

    def test_told_to_end_while_it_is_dead(self):
        for _ in range(3):
            self.die()
            self.boss.admit()
        self.die()
        self.ends()


class RespawnUnderStock(Respawning, Case):
    """A controller of ipyparallel's hears that the engine is gone, and of another."""

    taskfs = False
    options = ("--grace=100ms", "--respawn")

    def test_another_worker_under_its_id(self):
        was = self.boss.uuid.decode()
        m = self.die()
        self.assertEqual(m.content, {"id": 0, "uuid": was})
        m = self.boss.admit()
        self.assertEqual(m.content["id"], 0)
        self.assertNotEqual(m.content["uuid"], was)
        self.runs_well()
        self.ends()


class NeverIn(Case):
    """It dies before the first answer of its controller."""

    options = ("--respawn",)

    def setUp(self):
        super().setUp()
        self.end()
        self.ready.close()
        self.start(*self.options)
        self.boss.hear("registration", "registration_request")

    def test_it_is_not_started_again(self):
        os.kill(self.worker(), signal.SIGKILL)
        self.assertEqual(self.process.wait(), 128 + signal.SIGKILL)
        self.assertEqual(self.ready.read(), "")


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
