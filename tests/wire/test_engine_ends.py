#!/usr/bin/python3
"""An engine that begins again when it has died, and one that ends by itself."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import unittest.mock

import tap
from engine_case import ENGINE, Case, Extended, gone


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
        self.assertRegex(m.content["respawn"]["process"], "^[0-9a-f]*:.*:[0-9]+$")
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


# A life is long enough for a slow machine.
@tap.check
class Lifetime(Extended):
    options = ("--grace=100ms", "--lifetime=10")

    def test_it_drains_and_ends(self):
        self.assertIn(self.request.content["taskfs"]["ends_in"], range(10000001))
        self.boss.run("echo $$; exec sleep 1001")
        task = int(self.boss.hear("task", "output").buffers[0])
        m = self.boss.hear("task", "drain")
        self.assertRegex(m.content["why"], r"^its lifetime ends at [-0-9T:.Z]+$")
        # What it ran has no end but that of the engine.
        m = self.boss.hear("registration", "unregistration_request")
        self.assertEqual(m.content["why"], "its lifetime is over")
        self.assertTrue(gone(task))
        self.assertEqual(self.process.wait(), 0)

    def test_told_to_end_before(self):
        self.process.send_signal(signal.SIGTERM)
        m = self.boss.hear("registration", "unregistration_request")
        self.assertNotIn("why", m.content)
        self.assertEqual(self.process.wait(), 0)


@tap.check
class LifetimeRespawned(Respawning, Extended):
    """The second worker has what the first one left."""

    options = ("--grace=100ms", "--lifetime=10", "--respawn")

    def test_it_is_not_longer(self):
        first = self.request.content["taskfs"]["ends_in"]
        self.die()
        second = self.boss.admit().content["taskfs"]["ends_in"]
        self.assertLess(second, first - 200000)
        m = self.boss.hear("registration", "unregistration_request")
        self.assertEqual(m.content["why"], "its lifetime is over")
        self.assertEqual(self.process.wait(), 0)


@tap.check
class LifetimeUnderStock(Case):
    taskfs = False
    options = ("--grace=100ms", "--lifetime=10")

    def test_it_ends(self):
        self.boss.hear("registration", "unregistration_request")
        self.assertEqual(self.process.wait(), 0)


class LifetimeOfJob(Case):
    """A batch system says when the job ends."""

    HOUR = 3600 * 1000000

    def ends_in(self, *options, **env):
        self.end()
        self.ready.close()
        with unittest.mock.patch.dict(os.environ, env):
            self.start(*options)
        ends_in = self.boss.admit().content["taskfs"].get("ends_in")
        self.assertEqual(self.ready.readline(), "ready 0\n")
        return ends_in

    def test_none(self):
        self.assertNotIn("ends_in", self.request.content["taskfs"])

    def test_of_slurm(self):
        in_an_hour = str(int(time.time()) + 3600)
        got = self.ends_in(SLURM_JOB_END_TIME=in_an_hour)
        # What came of the last tasks has to be sent before the job ends.
        self.assertIn(got, range(self.HOUR // 2, self.HOUR - 10000000 + 1))
        got = self.ends_in("--lifetime=2h", SLURM_JOB_END_TIME=in_an_hour)
        self.assertIn(got, range(self.HOUR, 2 * self.HOUR + 1))
        got = self.ends_in("--lifetime=0", SLURM_JOB_END_TIME=in_an_hour)
        self.assertIsNone(got)

    def test_of_pbs(self):
        got = self.ends_in(PBS_WALLTIME="3600")
        self.assertIn(got, range(self.HOUR // 2, self.HOUR - 10000000 + 1))

    def test_a_job_that_is_over(self):
        self.end()
        self.ready.close()
        with unittest.mock.patch.dict(os.environ, SLURM_JOB_END_TIME="1"):
            self.start()
        self.assertEqual(self.process.wait(), 0)
        self.assertEqual(self.ready.read(), "")

    def test_no_number(self):
        for text in ("", "soon", "-1", "1e9", "99999999999999999999"):
            env = dict(os.environ, SLURM_JOB_END_TIME=text)
            done = subprocess.run(
                [ENGINE, "--cluster-dir=/nowhere", "--wait=no"],
                env=env, capture_output=True, text=True,
            )
            self.assertEqual(done.returncode, 2 if text else 3)
            self.assertEqual("SLURM_JOB_END_TIME is '%s'" % text in done.stderr, bool(text))


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
