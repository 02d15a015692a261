#!/usr/bin/python3
"""An engine and its controller: registration, and what follows a break."""

import os
import shutil
import sys
from shlex import quote

import tap
from engine_case import Boss, Extended, gone
from peers import Peer


class Member(Extended):
    @tap.check
    def test_cut_off_it_registers_again_and_once_more(self):
        """What was sent just before is missing for certain after a while."""
        run = self.boss.run("echo; exec sleep 1000")
        self.boss.hear("task", "output")
        self.boss.cut("task")
        for _ in range(2):
            m = self.boss.admit()
            self.assertEqual(m.content["taskfs"]["running"], [run["msg_id"]])
        self.assertEqual(self.kill(run, abort=True), "ok")

    @tap.check
    def test_cut_off_from_clients_it_says_what_it_has_of_them(self):
        b = self.boss
        b.reply(b.run("echo", "mux", taskfs=False), "mux")
        here = [b.run("exec sleep 1000", "mux", taskfs=False)]
        for _ in range(2):
            b.hear("iopub", "execute_input")
        here.append(b.run("echo", "broadcast", taskfs=False))
        b.arrived("broadcast")
        b.cut("mux")
        # One that is answered late is said again.
        rounds = []
        while not rounds or "relayed" not in rounds[-1]:
            rounds.append(b.admit().content["taskfs"])
        self.assertGreaterEqual(len(rounds), 3)
        me = rounds[-1]
        self.assertEqual(me["relayed"], [h["msg_id"] for h in here])
        self.assertEqual((me["running"], me["finished"]), ([], []))

    def test_registration(self):
        me = self.request.content["taskfs"]
        self.assertEqual(me["version"], 1)
        self.assertEqual(me["pid"], self.worker())
        self.assertEqual(me["language"], "sh")
        self.assertEqual((me["running"], me["finished"]), ([], []))

    def test_tasks_before_it_is_registered(self):
        """By a connection that broke somebody else may speak, with words that were
        ours once. It is asked first whose they are."""
        self.boss.cut("task")
        self.boss.cut("mux")
        mine, theirs = (self.boss.run("echo " + x) for x in ("mine", "theirs"))
        old = self.boss.run("echo client", "mux", client=[b"c"], taskfs=False)
        # All of that is there before a registration is granted.
        tap.wait_for(lambda: self.said("a task came by a connection"))
        self.boss.say("task", "kernel_info_request", {})
        Peer.receive(
            self.boss, self.boss.task, lambda m: m.type == "kernel_info_reply"
        )
        named = []
        while mine["msg_id"] not in named:
            m = self.boss.admit(drop=[theirs["msg_id"]])
            named += m.content["taskfs"]["running"]
            self.assertNotIn(old["msg_id"], m.content["taskfs"].get("relayed", []))
        self.assertEqual(bytes(self.boss.all_of(mine)[1]["stdout"]), b"mine\n")
        last = self.boss.run("echo last")
        m = self.boss.hear("task", "execute_reply")
        self.assertEqual(m.parent["msg_id"], last["msg_id"])

    def test_told_that_it_is_not_registered(self):
        h = self.boss.run("cat " + self.fifo())
        self.boss.arrived("task")
        self.boss.say("control", "register_request", {})
        m = self.boss.admit(id=3)
        self.assertEqual(m.content["uuid"].encode(), self.boss.uuid)
        self.assertEqual(m.content["taskfs"]["running"], [h["msg_id"]])
        open(self.fifo(), "w").close()
        self.assertEqual(self.boss.reply(h).content["status"], "ok")

    def test_controller_comes_back(self):
        """What runs, waits and has ended is told; drop is obeyed."""
        b = self.boss
        pid = b.dir + "/pid"
        ended = b.run("echo ended; exit 4")
        b.reply(ended)
        unwanted = b.run("echo $$ > %s; echo; sleep 1000" % quote(pid))
        waits = b.run("echo waited; cat " + quote(self.fifo()))
        b.hear("task", "output")
        b.arrived("task")
        b.restart()
        m = b.admit(drop=[unwanted["msg_id"]])
        me = m.content["taskfs"]
        self.assertEqual(m.content["id"], 0)
        self.assertEqual(m.content["uuid"], self.request.content["uuid"])
        self.assertEqual(me["finished"], [ended["msg_id"]])
        self.assertEqual(
            me["running"], [unwanted["msg_id"], waits["msg_id"]]
        )
        m = b.hear("task")
        self.assertEqual(m.parent["msg_id"], ended["msg_id"])
        self.assertEqual(m.buffers, [b"ended\n"])
        self.assertEqual(m.content["evalue"], "exit status 4")
        m = b.hear("task", "output")
        self.assertEqual(m.content["msg_id"], waits["msg_id"])
        with open(pid) as f:
            self.assertTrue(gone(int(f.read())))
        b.say("task", "stored", {"msg_ids": [ended["msg_id"], "unknown"]})
        b.arrived("task")
        # Again, while one runs: its output comes from the beginning.
        b.restart()
        me = b.admit().content["taskfs"]
        self.assertEqual(me["finished"], [])
        self.assertEqual(me["running"], [waits["msg_id"]])
        with open(self.fifo(), "w") as f:
            f.write("end\n")
        m, out = b.all_of(waits)
        self.assertEqual(out["stdout"], b"waited\nend\n")

    def test_a_reply_while_nobody_is_there(self):
        b = self.boss
        h = b.run("echo; cat " + quote(self.fifo()))
        b.hear("task", "output")
        for s in b.sockets:
            s.close(0)
        b.sockets = []
        with open(self.fifo(), "w") as f:
            f.write("x" * 300000)
        b.bind()
        b.admit()
        m, out = b.all_of(h)
        self.assertEqual(out["stdout"], b"\n" + b"x" * 300000)

    def test_a_new_controller_with_another_key(self):
        """Found through the file when the old one is silent."""
        self.end()
        self.start()
        self.boss.admit(period=1)
        old = self.boss
        h = old.run("echo; sleep 1000")
        old.hear("task", "output")
        self.boss = Boss(True)
        self.boss.program = self
        shutil.copy(
            self.boss.dir + "/security/ipcontroller-engine.json",
            old.dir + "/security/ipcontroller-engine.json.new",
        )
        os.rename(
            old.dir + "/security/ipcontroller-engine.json.new",
            old.dir + "/security/ipcontroller-engine.json",
        )
        m = self.boss.admit(drop=[h["msg_id"]])
        self.assertEqual(m.content["taskfs"]["running"], [h["msg_id"]])
        self.assertEqual(self.boss.all_of(self.boss.run("echo hi"))[1][
            "stdout"], b"hi\n")
        self.end()
        self.check_log()
        old.close()
        shutil.rmtree(old.dir)
        self.log = os.devnull


if __name__ == "__main__":
    tap.main(sys.modules["__main__"])
