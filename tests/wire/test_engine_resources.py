#!/usr/bin/python3
"""What an engine has for tasks, and which of it each task gets."""

import os
import subprocess
import sys
import unittest

import tap
from engine_case import ENGINE, Extended, Several

SAID = ("--resource=gpu=0-3", "--resource=licence=2", "--resource=memory=1G")


def refused(case, *options):
    done = subprocess.run(
        [ENGINE, "--wait=no", "--file=/nowhere", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    case.assertEqual(done.returncode, 2, done.stderr)
    return done.stderr


class Resources(Several):
    options = ("--grace=100ms", "--slots=4", *SAID)

    def environment(self, h):
        """What a task said with SHOW, as a dict."""
        lines = []
        while b"end\n" not in self.outputs.get(h["msg_id"], b""):
            self.hear()
        for line in self.outputs[h["msg_id"]].decode().splitlines():
            lines.append(line.partition("=")[::2])
        return dict(lines)

    show = "env; echo end;"

    def need(self, cpus=1, memory=None, then="", **resources):
        options = {"resources": resources} if resources else {}
        if memory:
            options["memory"] = memory
        if cpus != 1:
            options["cpus"] = cpus
        return self.hold(then, self.show, **options)

    def test_registration(self):
        self.assertEqual(
            self.request.content["taskfs"]["resources"],
            {"gpu": 4, "licence": 2, "memory": 1 << 30},
        )

    def test_what_a_task_is_told(self):
        h = self.need(cpus=2, memory="512M", gpu=2, licence=1)
        env = self.environment(h)
        self.assertEqual(env["TASKFS_CPUS"], "2")
        self.assertEqual(env["OMP_NUM_THREADS"], "2")
        self.assertEqual(env["TASKFS_RESOURCE_gpu"], "0,1")
        self.assertEqual(env["CUDA_VISIBLE_DEVICES"], "0,1")
        self.assertEqual(env["TASKFS_RESOURCE_licence"], "1")
        self.assertEqual(env["TASKFS_RESOURCE_memory"], str(512 << 20))
        self.assertNotIn("TASKFS_RESOURCE_cpus", env)
        plain = self.need()
        env = self.environment(plain)
        self.assertEqual(env["TASKFS_CPUS"], "1")
        self.assertEqual(env["TASKFS_SLOT"], "2")
        for name in env:
            self.assertNotIn("TASKFS_RESOURCE", name)
        self.assertNotIn("CUDA_VISIBLE_DEVICES", env)
        self.end_all(h, plain)

    def test_its_own_number_of_threads(self):
        h = self.hold("", self.show, cpus=3, env={"OMP_NUM_THREADS": "1"})
        self.assertEqual(self.environment(h)["OMP_NUM_THREADS"], "1")
        self.end_all(h)

    def gpus(self, h):
        return self.environment(h)["TASKFS_RESOURCE_gpu"]

    def test_nobody_else_has_it(self):
        a, b = self.need(gpu=1), self.need(gpu=3)
        self.assertEqual([self.gpus(a), self.gpus(b)], ["0", "1,2,3"])
        # There are slots, and no GPU.
        waits = self.need(gpu=2)
        self.boss.arrived("task")
        self.assertEqual(self.outputs.get(waits["msg_id"]), None)
        self.end_all(a)
        self.boss.arrived("task")
        self.assertEqual(self.outputs.get(waits["msg_id"]), None)
        self.end_all(b)
        self.assertEqual(self.gpus(waits), "0,1")
        last = self.need(gpu=1)
        self.assertEqual(self.gpus(last), "2")
        self.end_all(waits, last)

    def test_slots(self):
        wide = self.need(cpus=3)
        self.environment(wide)
        one, waits = self.need(), self.need(cpus=2)
        self.environment(one)
        self.boss.arrived("task")
        self.assertEqual(self.outputs.get(waits["msg_id"]), None)
        self.end_all(wide)
        self.assertEqual(self.environment(waits)["TASKFS_SLOT"], "0")
        self.end_all(waits, one)

    def test_what_it_has_not_got(self):
        for options in (
            {"cpus": 5},
            {"resources": {"gpu": 5}},
            {"resources": {"fpga": 1}},
            {"memory": "2G"},
        ):
            m = self.reply(self.boss.run("true", **options))
            self.assertEqual(m.content["ename"], "StartError", options)
            self.assertIn("has not got", m.content["evalue"])

    def test_a_task_of_a_client(self):
        """One slot, and nothing else, whatever its metadata say."""
        h = self.hold(name="mux", before=self.show)
        self.watch([h], lambda said: "end\n" in "".join(said), seen := {})
        text = "".join(seen[h["msg_id"]])
        self.assertIn("TASKFS_CPUS=1\n", text)
        self.assertNotIn("TASKFS_RESOURCE", text)
        self.let_go(h)
        self.assertEqual(self.status(h, "mux"), "ok")


class Memory(Several):
    options = ("--grace=100ms", "--slots=3", "--resource=memory=1G")

    def test_more_than_it_may_have(self):
        small = self.hold(memory="64M")
        self.begun(small)
        large = self.boss.run(
            "head -c 800M /dev/zero | tail; sleep 1000", memory="48M", env={"A": "b"}
        )
        m = self.reply(large)
        self.assertEqual(m.content["ename"], "OutOfMemory")
        self.assertEqual(m.content["evalue"], "needed more than 48M")
        self.assertEqual(m.metadata["taskfs"]["exit_status"], 137)
        # Those that have enough go on.
        self.end_all(small)

    def test_no_limit_no_look(self):
        h = self.boss.run("head -c 100M /dev/zero | tail | wc -c")
        self.assertEqual(self.reply(h).content["status"], "ok")


class Alone(Extended):
    options = ("--resource=memory=0", "--resource=gpu=0")

    def run_text(self, text, **options):
        reply, out = self.boss.all_of(self.boss.run(text, **options))
        self.assertEqual(reply.content["status"], "ok", reply.content)
        return out["stdout"].decode()

    def test_one_task_at_a_time_has_all_processors(self):
        self.assertEqual(
            self.run_text("echo ${OMP_NUM_THREADS-unset} $TASKFS_CPUS"), "unset 1\n"
        )
        self.assertEqual(self.run_text("echo $OMP_NUM_THREADS", cpus=1), "1\n")


class Bound(Several):
    """As many slots as there are processors here, and at most two."""

    n = min(2, len(os.sched_getaffinity(0)))
    options = ("--bind", "--slots=%d" % n)

    def allowed(self, h):
        while b"end\n" not in self.outputs.get(h["msg_id"], b""):
            self.hear()
        said = self.outputs[h["msg_id"]].decode().splitlines()
        return [x.split()[-1] for x in said if x.startswith(("Cpus", "bound"))]

    def test_processors_of_their_own(self):
        ask = (
            "grep Cpus_allowed_list /proc/self/status; "
            "echo bound $TASKFS_RESOURCE_cpus; echo end;"
        )
        held = [self.hold("", ask) for i in range(self.n)]
        seen = [self.allowed(h) for h in held]
        for allowed, told in seen:
            self.assertEqual(allowed, told)
        self.assertEqual(len({allowed for allowed, _ in seen}), self.n)
        self.end_all(*held)
        if self.n == 2:
            both = self.hold("", ask, cpus=2)
            _, told = self.allowed(both)
            self.assertEqual(told.split(","), [x[1] for x in seen])
            made = [os.sched_getaffinity(p) for p in self.children("taskfs-launcher")]
            self.assertEqual(max(map(len, made)), 2)
            self.end_all(both)

    def test_as_many_processors_as_slots(self):
        done = subprocess.run(
            [ENGINE, "--wait=no", "--file=/nowhere", "--bind",
             "--slots=%d" % (len(os.sched_getaffinity(0)) + 1)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn("a processor of its own", done.stderr)


class Found(Extended):
    """What nobody says, and what whoever starts the engine leaves it."""

    within = ("env", "CUDA_VISIBLE_DEVICES=2,5")

    def test_memory_and_gpus(self):
        has = self.request.content["taskfs"]["resources"]
        with open("/proc/meminfo") as f:
            total = int(f.readline().split()[1]) * 1024
        self.assertTrue(0 < has["memory"] <= total)
        self.assertEqual(has["gpu"], 2)
        for resources, want in (({}, b"2,5\n"), ({"gpu": 1}, b"2\n")):
            h = self.boss.run("echo $CUDA_VISIBLE_DEVICES", resources=resources)
            self.assertEqual(self.boss.all_of(h)[1]["stdout"], want)


class Words(unittest.TestCase):
    def test_what_is_no_resource(self):
        for bad in "gpu", "gpu=", "cpus=3", "gpu=-1", "a b=1", "gpu=1,1", "gpu=3-1":
            self.assertIn("--resource", refused(self, "--resource=" + bad))
        self.assertIn("out of range", refused(self, "--resource=gpu=0-9999"))


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
