#!/usr/bin/python3
"""An engine that runs several tasks at a time: what holds for one holds for each."""

import os
import re
import signal
import subprocess
import sys
from shlex import quote

import tap
from engine_case import ENGINE, Case, Several, gone


class Slots(Several):
    def test_registration(self):
        self.assertEqual(self.request.content["taskfs"]["slots"], 3)

    def test_as_many_as_there_are_slots(self):
        run = [self.hold() for i in range(3)]
        self.assertEqual([self.begun(h)[0] for h in run], [0, 1, 2])
        waits, too = self.hold(), self.hold()
        self.boss.arrived("task")
        # It has not begun: the one that waits is aborted, and used nothing.
        self.assertEqual(self.kill(waits, abort=True), "ok")
        m = self.reply(waits)
        self.assertEqual(m.content, {"status": "aborted"})
        self.assertIsNone(m.metadata["taskfs"]["usage"])
        self.end_all(run[1])
        # The lowest slot that is free.
        self.assertEqual(self.begun(too)[0], 1)
        self.end_all(run[2], run[0])
        more = [self.hold() for i in range(2)]
        self.assertEqual([self.begun(h)[0] for h in more], [0, 2])
        self.end_all(too, *more)

    def test_one_is_aborted_one_has_a_signal_one_a_limit(self):
        aborted = self.hold()
        signalled = self.boss.run(
            "trap 'exit 3' USR1; echo 1 $$; while :; do sleep 1; done")
        limited = self.hold(time_limit=0.3)
        pids = [self.begun(h)[1] for h in (aborted, signalled)]
        self.assertEqual(self.kill(aborted, abort=True), "ok")
        self.assertEqual(self.status(aborted), "aborted")
        self.assertTrue(gone(pids[0]))
        m = self.reply(limited)
        self.assertEqual(m.content["ename"], "TaskTimeLimit")
        self.assertFalse(gone(pids[1]))
        self.assertEqual(self.kill(signalled, signal="USR1"), "ok")
        self.assertEqual(self.reply(signalled).content["evalue"], "exit status 3")

    def test_what_one_leaves_behind(self):
        """Dies with it; what others have goes on."""
        left = "(setsid sh -c 'echo $$; exec sleep 1000' & ) ;"
        first = self.hold(before=left)
        second = self.hold(before=left)
        pids = [[n for n in self.begun(h, 3) if n > 2] for h in (first, second)]
        self.end_all(first)
        for pid in pids[0]:
            self.assertTrue(gone(pid))
        for pid in pids[1]:
            self.assertFalse(gone(pid))
        self.end_all(second)
        for pid in pids[1]:
            self.assertTrue(gone(pid))

    def test_a_launcher_is_killed(self):
        """With its task, and with no other; its slot is free then."""
        held = [self.hold() for i in range(2)]
        pids = [self.begun(h)[1] for h in held]
        with open("/proc/%d/stat" % pids[0]) as f:
            os.kill(int(f.read().rsplit(")", 1)[1].split()[1]), signal.SIGKILL)
        m = self.reply(held[0])
        self.assertEqual(m.content["evalue"], "killed by SIGKILL")
        self.assertEqual([gone(p) for p in pids], [True, False])
        again = self.hold()
        self.assertEqual(self.begun(again)[0], 0)
        self.end_all(again, held[1])

    def test_all_launchers_are_killed(self):
        held = [self.hold() for i in range(3)]
        pids = [self.begun(h)[1] for h in held]
        for pid in self.children("taskfs-launcher"):
            os.kill(pid, signal.SIGKILL)
        for h in held:
            self.assertEqual(self.reply(h).content["ename"], "Killed")
        self.assertEqual([gone(p) for p in pids], [True] * 3)
        self.assertEqual(self.reply(self.boss.run("true")).content["status"], "ok")

    def test_launchers_are_used_again(self):
        held = [self.hold() for i in range(3)]
        for h in held:
            self.begun(h)
        launchers = self.children("taskfs-launcher")
        self.assertEqual(len(launchers), 3)
        self.end_all(*held)
        held = [self.hold() for i in range(3)]
        for h in held:
            self.begun(h)
        self.assertEqual(sorted(self.children("taskfs-launcher")), sorted(launchers))
        self.end_all(*held)

    def test_interrupts_reach_all(self):
        held = [self.hold() for i in range(2)]
        for h in held:
            self.begun(h)
        self.boss.say("control", "interrupt_request", {})
        self.assertEqual(self.boss.hear("control").type, "interrupt_reply")
        for h in held:
            self.assertEqual(self.reply(h).content["evalue"], "killed by SIGINT")

    def killed(self, kill):
        pids = [*self.busy(), *self.children("taskfs-launcher"), self.mother()]
        kill()
        self.boss.hear("registration", "unregistration_request")
        return pids

    def busy(self):
        left = "(setsid sh -c 'trap \"\" TERM; sleep 1000; sleep 1000' &) ;"
        return [self.begun(self.hold(before=left))[1] for i in range(3)]

    def test_the_worker_is_killed(self):
        worker = self.worker()
        pids = self.killed(lambda: os.kill(worker, signal.SIGKILL))
        self.assertEqual(self.process.wait(), 128 + signal.SIGKILL)
        self.assertEqual([gone(p) for p in pids], [True] * 7)

    def test_the_guard_is_killed(self):
        worker = self.worker()
        for pid in worker, *self.killed(self.process.kill):
            tap.wait_for(lambda: gone(pid))
        self.process.wait()

    def test_restart(self):
        pids = self.busy()
        header, frames = self.boss.frames("shutdown_request", {"restart": True})
        self.boss.send("control", header, frames)
        m = self.boss.admit()
        self.assertEqual(m.content["taskfs"]["running"], [])
        self.assertEqual(m.content["taskfs"]["slots"], 3)
        self.assertEqual([gone(p) for p in pids], [True] * 3)

    def test_shutdown(self):
        """Also of those that do not end when they are told to."""
        pids = self.busy()
        pids.append(self.begun_stubborn())
        header, frames = self.boss.frames("shutdown_request", {})
        self.boss.send("control", header, frames)
        self.boss.hear("registration", "unregistration_request")
        self.assertEqual(self.process.wait(), 0)
        self.assertEqual([gone(p) for p in pids], [True] * 4)

    def begun_stubborn(self):
        """In a slot that another one leaves."""
        h = self.hold(before="trap '' TERM;")
        first = next(iter(self.gates))
        self.let_go({"msg_id": first})
        return self.begun(h)[1]

    def test_registered_again(self):
        """All that run are named, and told from the beginning."""
        held = [self.hold(then="echo end") for i in range(3)]
        said = [self.begun(h) for h in held]
        waits = self.boss.run("echo waited")
        self.boss.arrived("task")
        self.boss.restart()
        me = self.boss.admit().content["taskfs"]
        self.assertEqual(sorted(me["running"]),
                         sorted(h["msg_id"] for h in (*held, waits)))
        self.outputs = {}
        self.assertEqual([self.begun(h) for h in held], said)
        for h, (slot, pid) in zip(held, said):
            self.let_go(h)
            m = self.reply(h)
            self.assertEqual(m.metadata["taskfs"]["stdout"],
                             len("%d %d\nend\n" % (slot, pid)))
        self.assertEqual(self.status(waits), "ok")

    def test_dropped_while_several_run(self):
        held = [self.hold() for i in range(2)]
        pids = [self.begun(h)[1] for h in held]
        self.boss.restart()
        self.boss.admit(drop=[held[0]["msg_id"]])
        tap.wait_for(lambda: gone(pids[0]))
        self.assertFalse(gone(pids[1]))
        self.end_all(held[1])

    def test_direct_ones_run_in_order_beside_the_queue(self):
        log = quote(self.boss.dir + "/log")
        first = self.hold(before="echo 1 >> %s;" % log, name="mux", taskfs=False)
        second = self.boss.run("echo 2 >> %s" % log, "mux", taskfs=False)
        self.boss.arrived("mux")
        # Two slots are free: the second one may not have them, these may.
        held = [self.hold() for i in range(2)]
        for h in held:
            self.begun(h)
        late = self.boss.run("echo late >> %s" % log)
        self.boss.arrived("task")
        self.end_all(held[0])
        self.assertEqual(self.status(late), "ok")
        self.let_go(first)
        self.assertEqual(self.status(first, "mux"), "ok")
        self.assertEqual(self.status(second, "mux"), "ok")
        with open(self.boss.dir + "/log") as f:
            self.assertEqual(f.read(), "1\nlate\n2\n")
        self.end_all(held[1])

    def test_a_direct_one_counts(self):
        direct = self.hold(name="mux", taskfs=False)
        self.boss.arrived("mux")
        held = [self.hold() for i in range(2)]
        self.assertEqual([self.begun(h)[0] for h in held], [1, 2])
        waits = self.hold()
        self.boss.arrived("task")
        self.kill(waits, abort=True)
        self.assertIsNone(self.reply(waits).metadata["taskfs"]["usage"])
        self.let_go(direct)
        self.assertEqual(self.status(direct, "mux"), "ok")
        self.end_all(*held)

    def test_clients_hear_of_each_request_by_itself(self):
        """Busy, its output, idle, each under its own parent."""
        held = [self.hold(then="echo end", taskfs=False, silent=False)
                for i in range(2)]
        seen = self.watch(held, lambda said: any("\n" in s for s in said), {})
        for h in reversed(held):
            self.let_go(h)
        self.watch(held, lambda said: said[-1] == "idle", seen)
        for said in seen.values():
            self.assertEqual(said[0], "busy")
            self.assertEqual(said.count("busy"), 1)
            self.assertEqual(said.count("idle"), 1)
            text = "".join(s for s in said if s not in ("busy", "idle"))
            self.assertRegex(text, r"^\d \d+\nend\n$")
        for h in held:
            self.assertEqual(self.status(h), "ok")

    def test_a_failure_aborts_what_waits_and_not_what_runs(self):
        direct = self.hold(then="exit 1", name="mux", taskfs=False, silent=False)
        waits = self.boss.run("echo", "mux", taskfs=False)
        self.boss.arrived("mux")
        held = self.hold()
        self.begun(held)
        self.let_go(direct)
        self.assertEqual(self.status(direct, "mux"), "error")
        self.assertEqual(self.status(waits, "mux"), "aborted")
        self.end_all(held)

    def test_who_says_much_keeps_nobody_waiting(self):
        """The controller has read nothing yet: what was said first fills the way, and
        what others say does not have to wait until all of that is said."""
        loud = self.boss.run("head -c 100000000 /dev/zero; " + self.done("loud"))
        short = [self.boss.run("head -c 300000 /dev/zero; " + self.done(str(i)))
                 for i in range(3)]
        for name in "loud", "0", "1", "2":
            tap.wait_for(lambda: os.path.exists(self.boss.dir + "/" + name))
        size, order = {}, []
        while len(order) < 4:
            m = self.boss.hear("task")
            if m.type == "output":
                id = m.content["msg_id"]
                size[id] = size.get(id, 0) + len(m.buffers[0])
            else:
                order.append(m.parent["msg_id"])
        self.assertEqual(order[-1], loud["msg_id"])
        self.assertEqual(set(order[:3]), {h["msg_id"] for h in short})

    def done(self, name):
        return "touch " + quote(self.boss.dir + "/" + name)

    def test_variables_are_told_before_the_end_of_who_wrote_them(self):
        runs, told, ended = {}, {}, 0
        for i in range(60):
            text = 'echo %d > "$TASKFS_VARS/v%d"' % (i, i)
            runs[self.boss.run(text)["msg_id"]] = i
        while ended < 60:
            m = self.boss.receive(self.boss.task)
            if m.type == "vars":
                told.update({v[0]: v[1] for v in m.content["list"]})
            if m.type == "execute_reply":
                i = runs[m.parent["msg_id"]]
                self.assertEqual(told.get("v%d" % i), len("%d\n" % i))
                ended += 1

    def test_variables_while_several_run(self):
        held = [self.hold(then='cat "$TASKFS_VARS/a"') for i in range(3)]
        for h in held:
            self.begun(h)
        self.boss.say("control", "push_request", {
            "name": "a", "upload": "u", "begin": "empty", "commit": True},
            buffers=[b"x"])
        m = self.boss.hear("control", "push_reply")
        self.assertEqual(m.content["status"], "ok", m.content)
        self.boss.say("control", "pull_request", {"name": "a"})
        self.assertEqual(self.boss.hear("control", "pull_reply").buffers, [b"x"])
        for h in held:
            self.let_go(h)
            m = self.reply(h)
            self.assertEqual(m.content["status"], "ok")

    def test_many(self):
        """Twenty times as many as there are slots."""
        runs = [self.boss.run("echo $TASKFS_SLOT; exit %d" % (i % 3))
                for i in range(60)]
        for i, h in enumerate(runs):
            m = self.reply(h)
            self.assertEqual(m.metadata["taskfs"]["exit_status"], i % 3)
            # What was not said before comes with the reply.
            said = self.outputs.get(h["msg_id"], b"") + b"".join(m.buffers)
            self.assertIn(said, (b"0\n", b"1\n", b"2\n"))


class Stock(Several):
    """Of a controller of ipyparallel."""

    taskfs = False
    options = ("--slots=2",)

    def test_its_queue_runs_side_by_side(self):
        held = [self.hold(silent=False) for i in range(2)]
        self.watch(held, lambda said: any("\n" in s for s in said), {})
        for h in held:
            self.let_go(h)
            self.assertEqual(self.status(h), "ok")


class Thousand(Several):
    """Its limit of open files is raised; that of its tasks is not."""

    options = ("--slots=1000", "--grace=100ms")
    within = ("prlimit", "--nofile=1024:16000")

    def test_a_hundred_at_a_time(self):
        held = [self.hold() for i in range(100)]
        self.assertEqual([self.begun(h)[0] for h in held], list(range(100)))
        m, out = self.boss.all_of(self.boss.run("ulimit -n; ulimit -Hn"))
        self.assertEqual(out["stdout"], b"1024\n16000\n")
        self.end_all(*held)


class Auto(Case):
    options = ("--slots=auto",)
    within = ("taskset", "-c", str(min(os.sched_getaffinity(0))))

    def test_the_cores_it_may_use(self):
        self.assertEqual(self.request.content["taskfs"]["slots"], 1)


class CommandLine(Case):
    def test_refused(self):
        for slots in "0", "65537", "-1", "x", "", "1.5":
            p = subprocess.run([ENGINE, "--slots=" + slots], stderr=subprocess.PIPE)
            self.assertEqual(p.returncode, 2, slots)
            self.assertIn(b"--slots", p.stderr)

    def test_too_few_descriptors(self):
        p = subprocess.run(
            ["prlimit", "--nofile=1024:2000", ENGINE, "--slots=1000", "--wait=no",
             "--cluster-dir=" + self.boss.dir],
            stderr=subprocess.PIPE, text=True)
        self.assertEqual(p.returncode, 1)
        self.assertIn("the limit of open files is too low for so many slots", p.stderr)
        self.assertIn('"possible":135', p.stderr)


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
