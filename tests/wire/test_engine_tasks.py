#!/usr/bin/python3
"""What an engine makes of a task: its process, its outputs, its end."""

import json
import os
import signal
import sys
from shlex import quote

import tap
from engine_case import ENGINE, Case, Extended, gone
from peers import DELIMITER, sign


class Tasks(Extended):
    def test_a_short_task(self):
        h = self.boss.run("echo hi; echo 5 >&3", cwd="/usr")
        m, out = self.boss.all_of(h)
        self.assertEqual(m.parent, h)
        t = m.metadata["taskfs"]
        self.assertEqual(out["stdout"], b"hi\n")
        self.assertEqual(out["value"], b"5\n")
        self.assertEqual(
            (t["stdout"], t["stderr"], t["value"], t["data"]), (3, 0, 2, 0)
        )
        self.assertFalse(t["value_is_stdout"])
        self.assertEqual((t["exit_status"], t["signal"]), (0, None))
        self.assertEqual(t["cwd"], "/usr")
        self.assertGreater(t["usage"]["memory"], 0)
        # Nothing of it is on iopub, which has what comes behind it.
        h = self.boss.say("control", "kernel_info_request", {})
        self.assertEqual(self.boss.hear("iopub").parent, h)

    def memory(self, code, **more):
        """What a task took, in MB."""
        m, _ = self.boss.all_of(self.boss.run(code, **more))
        self.assertEqual(m.content["status"], "ok", m.content)
        return m.metadata["taskfs"]["usage"]["memory"] / 1e6

    def assert_small(self, memory):
        if "address" not in ENGINE:
            self.assertLess(memory, 12)

    def test_memory_is_the_tasks_own(self):
        """Whatever went through the engine before, or with it."""
        fresh = self.memory("true")
        self.assert_small(fresh)
        stdin = {"stdin": 0, "buffers": [bytes(50_000_000)]}
        for before in (
            {"code": "true", **stdin},
            {"code": "cat", **stdin},
            {"code": "true", "args": ["x" * 100_000] * 15},
            {"code": "true", "env": {"X%d" % i: "y" * 100_000 for i in range(15)}},
            {"code": "head -c 50000000 /dev/zero"},
        ):
            own = self.memory(**before)
            self.assertLess(own, fresh + 6, before["code"])
            self.assertLess(self.memory("true"), fresh + 1, before["code"])
        large = self.memory("exec python3 -c 'x = b\"x\" * 100_000_000'")
        self.assertGreater(large, 100)
        self.assertLess(self.memory("true"), fresh + 1)

    def test_too_many_arguments_for_any_system(self):
        for n in 60, 90:
            h = self.boss.run("true", args=["x" * 100_000] * n)
            m, _ = self.boss.all_of(h)
            self.assertEqual(m.content["ename"], "StartError")
            self.assertIn("too long for this system", m.content["evalue"])
        self.assert_small(self.memory("true"))

    def test_the_mother_of_launchers_is_killed(self):
        """By a task perhaps. No task notices."""
        first = self.mother()
        h = self.boss.run("kill -KILL %d; echo done; (setsid sleep 1000 &)" % first)
        out = self.boss.all_of(h)[1]
        self.assertEqual(bytes(out["stdout"]), b"done\n")
        tap.wait_for(lambda: self.said("makes launchers is gone") == 1)
        self.assertGreater(self.memory("true"), 0)
        # The launcher that is there needs none.
        self.assertEqual(self.children("taskfs-mother"), [])
        os.kill(self.launcher(), signal.SIGKILL)
        self.assertGreater(self.memory("true"), 0)
        self.assertNotEqual(self.mother(), first)

    def test_an_idle_launcher_is_killed(self):
        """The next task does not notice."""
        self.assertGreater(self.memory("true"), 0)
        first = self.launcher()
        os.kill(first, signal.SIGKILL)
        self.assertGreater(self.memory("true"), 0)
        self.assertNotEqual(self.launcher(), first)

    def test_a_task_kills_its_launcher(self):
        """And so itself; what it left behind, too."""
        h = self.boss.run(
            "setsid sh -c 'echo $$; exec sleep 1000' & cat %s; kill -KILL $PPID; "
            "sleep 1001" % self.fifo()
        )
        pid = int(self.boss.hear("task", "output").buffers[0])
        open(self.fifo(), "w").close()
        m = self.boss.reply(h)
        self.assertEqual(m.content["ename"], "Killed")
        self.assertEqual(m.content["evalue"], "killed by SIGKILL")
        self.assertTrue(gone(pid))
        self.assertEqual(self.said("the launcher of a task was killed"), 1)
        self.assertGreater(self.memory("true"), 0)

    def test_a_launcher_is_stopped(self):
        """By its task, which is heard of; and by another, before the next one."""
        out = self.boss.all_of(self.boss.run("kill -STOP $PPID; echo on"))[1]
        self.assertEqual(bytes(out["stdout"]), b"on\n")
        os.kill(self.launcher(), signal.SIGSTOP)
        self.assertGreater(self.memory("true"), 0)
        os.kill(self.mother(), signal.SIGSTOP)
        os.kill(self.launcher(), signal.SIGKILL)
        self.assertGreater(self.memory("true"), 0)

    def test_a_launcher_is_stopped_again_and_again(self):
        h = self.boss.run("while :; do kill -STOP $PPID; done")
        m = self.boss.reply(h)
        self.assertEqual(m.content["evalue"], "killed by SIGKILL")
        self.assertEqual(self.said("stopped again and again; it is killed"), 1)

    def test_what_a_task_sees(self):
        h = self.boss.run(
            "echo \"$TASKFS_ID/$TASKFS_INDEX $TASKFS_ENGINE $TASKFS_ITEM $X "
            '$*"; pwd; cat',
            result=12,
            index=3,
            items=1,
            args=["a", "b c"],
            env={"X": "y"},
            cwd="/usr",
            stdin=0,
            buffers=[b"\0\xff\n", b"it\0em\0"],
        )
        m, out = self.boss.all_of(h)
        self.assertEqual(out["stdout"], b"12/3 0 it y it em a b c\n/usr\n\0\xff\n")

    def directory_of(self, **options):
        m, out = self.boss.all_of(self.boss.run("pwd; echo $PWD; ls -a", **options))
        self.assertEqual(m.content["status"], "ok")
        where = m.metadata["taskfs"]["cwd"]
        self.assertEqual(out["stdout"].decode().split("\n")[:2], [where, where])
        return where, out["stdout"].decode().split("\n")[2:-1]

    def test_where_a_task_runs(self):
        """Where it says, where it was submitted from, in an empty directory; and
        when nobody says anything, where the engine does."""
        self.assertEqual(self.directory_of(cwd="/usr", submit_dir="/etc")[0], "/usr")
        self.assertEqual(self.directory_of(submit_dir="/usr")[0], "/usr")
        self.assertEqual(self.directory_of()[0], os.getcwd())
        for absent in "/no/where", "(not known)", ".", "/etc/passwd":
            where, files = self.directory_of(submit_dir=absent)
            self.assertEqual(files, [".", ".."], absent)
            tap.wait_for(lambda: not os.path.exists(where))

    def test_an_empty_directory_goes_with_what_is_in_it(self):
        h = self.boss.run(
            "mkdir -p a/b; ln -s / a/c; echo x > a/b/d; chmod 0 a/b a; pwd",
            submit_dir="/no/where",
        )
        where = self.boss.all_of(h)[1]["stdout"].decode()[:-1]
        tap.wait_for(lambda: not os.path.exists(where))

    def test_a_directory_that_is_not_there_is_an_error(self):
        for cwd, why in (
            ("/no/where", "No such file or directory"),
            ("/etc/passwd", "Not a directory"),
            (".", "Invalid argument"),
        ):
            h = self.boss.run("pwd", cwd=cwd, submit_dir="/usr")
            m, out = self.boss.all_of(h)
            self.assertEqual(m.content["ename"], "StartError")
            self.assertEqual(m.content["evalue"], "cwd: %s: %s" % (cwd, why))
            self.assertEqual(out.get("stdout", b""), b"")

    def test_code_of_any_bytes(self):
        code = b"#!/bin/cat\n\0\xff\xfe\n"
        h = self.boss.run("?", code=0, buffers=[code])
        self.assertEqual(self.boss.all_of(h)[1]["stdout"], code)

    def test_output_comes_while_it_runs(self):
        h = self.boss.run("echo one; read x < " + quote(self.fifo()) + "; echo two")
        m = self.boss.hear("task")
        self.assertEqual(m.type, "output")
        self.assertEqual(m.buffers, [b"one\n"])
        self.assertEqual(m.content["stream"], "stdout")
        with open(self.fifo(), "w") as f:
            f.write("\n")
        m, out = self.boss.all_of(h, stdout=b"one\n")
        self.assertEqual(out["stdout"], b"one\ntwo\n")

    def test_large_output(self):
        h = self.boss.run("head -c 5000000 /dev/zero; seq 1 30000 >&2")
        m, out = self.boss.all_of(h)
        self.assertEqual(out["stdout"], bytes(5000000))
        self.assertEqual(out["stderr"].count(b"\n"), 30000)
        self.assertTrue(m.metadata["taskfs"]["value_is_stdout"])

    def test_a_controller_that_does_not_read(self):
        """Its output goes to a file, memory stays flat, the heart beats."""
        h = self.boss.run("head -c 100000000 /dev/zero")
        tap.wait_for(lambda: self.spooled() >= 100000000)
        self.boss.ping_until_heard()
        with open("/proc/%d/status" % self.worker()) as f:
            peak = [x for x in f if x.startswith("VmHWM:")][0]
        if "address" not in ENGINE:
            self.assertLess(int(peak.split()[1]), 40000)
        m, out = self.boss.all_of(h)
        self.assertEqual(m.metadata["taskfs"]["stdout"], 100000000)

    def spooled(self):
        sizes = [0]
        fds = "/proc/%d/fd/" % self.worker()
        for fd in os.listdir(fds):
            try:
                if self.boss.dir in os.readlink(fds + fd):
                    sizes.append(os.stat(fds + fd).st_size)
            except OSError:
                pass
        return max(sizes)

    def test_kill_requests(self):
        run, wait = self.boss.run("echo; sleep 1000"), self.boss.run("echo")
        self.boss.hear("task", "output")
        self.assertEqual(self.kill(wait, abort=True), "ok")
        m = self.boss.reply(wait)
        self.assertEqual(m.content, {"status": "aborted"})
        self.assertIsNone(m.metadata["taskfs"]["exit_status"])
        self.assertEqual(self.kill(run, signal="USR1"), "ok")
        m = self.boss.reply(run)
        self.assertEqual(m.content["ename"], "Killed")
        self.assertEqual(m.content["evalue"], "killed by SIGUSR1")
        self.assertEqual(m.metadata["taskfs"]["exit_status"], 138)
        self.assertEqual(self.kill(run, signal="USR1"), "error")
        self.assertEqual(self.kill({"msg_id": "none"}, signal="INT"), "error")
        run = self.boss.run("trap '' TERM; echo; while :; do sleep 1; done")
        self.boss.hear("task", "output")
        self.assertEqual(self.kill(run, abort=True), "ok")
        m = self.boss.reply(run)
        self.assertEqual(m.content, {"status": "aborted"})
        self.assertEqual(m.metadata["taskfs"]["signal"], signal.SIGKILL)

    def test_abort_overtakes_its_task(self):
        """They come by different sockets."""
        header, frames = self.boss.frames(
            "execute_request", {"code": "echo"}, {"taskfs": {"result": 1}}
        )
        self.assertEqual(self.kill(header, abort=True), "ok")
        self.boss.send("task", header, frames)
        m = self.boss.reply(header)
        self.assertEqual(m.content, {"status": "aborted"})

    def test_a_task_runs_once(self):
        """The same msg_id again: its reply again."""
        path = self.boss.dir + "/runs"
        content = {"code": "echo x >> %s; echo hi" % quote(path)}
        header, frames = self.boss.frames(
            "execute_request", content, {"taskfs": {"result": 1}}
        )
        self.boss.send("task", header, frames)
        self.assertEqual(self.boss.all_of(header)[1]["stdout"], b"hi\n")
        parts = [json.dumps(header).encode() + b" ", *frames[3:6]]
        self.boss.send(
            "task", header, [DELIMITER, sign(self.boss.key, parts), *parts]
        )
        self.assertEqual(self.boss.reply(header).buffers, [b"hi\n"])
        with open(path) as f:
            self.assertEqual(f.read(), "x\n")

    def test_time_limit(self):
        m = self.boss.reply(self.boss.run("sleep 1000", time_limit=0.05))
        self.assertEqual(m.content["ename"], "TaskTimeLimit")
        self.assertEqual(m.content["evalue"], "ran longer than 0.05 s")

    def test_what_cannot_start(self):
        for code, ename, status in (
            ("#!/nonexistent/x\n", "StartError", 127),
            ("#!/etc/passwd\n", "StartError", 126),
            ("nonexistent-program", "ExitStatus", 127),
            ("/etc/passwd", "ExitStatus", 126),
            ("echo \0", "StartError", 126),
        ):
            m = self.boss.reply(self.boss.run(code))
            self.assertEqual(m.content["ename"], ename, code)
            self.assertEqual(
                m.metadata["taskfs"]["exit_status"], status, code
            )


class Limits(Case):
    options = ("--output-limit=100K", "--grace=50ms")

    def test_output_limit(self):
        h = self.boss.run("cat /dev/zero")
        m, out = self.boss.all_of(h)
        self.assertEqual(m.content["ename"], "OutputLimit")
        self.assertEqual(out["stdout"], bytes(100 * 1024))


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
