#!/usr/bin/python3
"""The controller, with a disk that fails at one call (tests/faults/failcall.c): it is
killed there, or the call fails, at the first, the second ... until a run makes no such
call. After each of them: what was acknowledged is there, once; what was not may be
there, once; nothing else is, and the store is whole.

FAULT_STEP=1 is every call, 7 every seventh (otherwise 7; 31 with the sanitizers)."""

import contextlib
import copy
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

import peers
import tap
from controller_case import CALM, PROGRAM
from peers import Controller, Ended

TIER = "check"

BUILD = os.environ.get("BUILD", "build")
FAILCALL = os.path.join(BUILD, "tests/faults/failcall.so")
STEP = int(os.environ.get("FAULT_STEP") or (31 if os.environ.get("SAN") else 7))
PIECE = 100000
PAGE = 4096
FINAL = "ok", "error", "aborted"

# Which calls, and what comes of one.
HOWS = {
    "write": "KILL TORN SHORT ENOSPC EDQUOT EIO EINTR",
    "sync": "KILL EIO ENOSPC",
    "size": "KILL EIO ENOSPC",
    "name": "KILL EIO ENOSPC",
    "open": "KILL EMFILE EIO EINTR",
}


class Victim(Controller):
    """It may end at any time. facts: what it said, and may not take back."""

    may_end = True

    def __init__(self, *options):
        self.top = tempfile.mkdtemp(prefix="taskfs-faults-")
        self.told = self.top + "/told"
        self.library = shutil.copy(FAILCALL, self.top + "/failcall.so")
        self.env = {}
        self.peers = []
        super().__init__(PROGRAM, CALM, *options, directory=self.top + "/cluster")

    def start(self):
        """Not yet."""

    def begin(self, **how):
        """Whether it can be used. how: FAIL_... without that."""
        env = dict(os.environ)
        if how:
            asan = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
            env.update(LD_PRELOAD=self.library, ASAN_OPTIONS=asan)
            env.update(FAIL_DIR=self.dir + "/", FAIL_TOLD=self.told)
            env.update({"FAIL_" + k.upper(): str(v) for k, v in how.items()})
        return self.launch(env) == "ready\n"

    def peer(self, kind, which):
        one = type(kind.__name__, (kind,), {"program": self})(self.info(which))
        self.peers.append(one)
        return one

    def hang_up(self):
        for p in self.peers:
            p.close()
        self.peers = []

    def over(self):
        """It ends, or has ended: its exit code."""
        self.hang_up()
        code = self.process.wait()
        os.close(self.pidfd)
        return code

    def over_now(self):
        """Of a test that failed."""
        self.process.kill()
        self.over()

    def said(self, what):
        """Lines of the disk that fails."""
        with contextlib.suppress(FileNotFoundError):
            with open(self.told) as f:
                return [s.split()[1:] for s in f if s.startswith(what + " ")]
        return []

    def text(self):
        with open(self.log) as f:
            return f.read()

    def check(self):
        """Exit code and text of --check."""
        p = subprocess.run(
            [PROGRAM, "--cluster-dir=" + self.dir, "--check"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return p.returncode, p.stdout

    def remove(self):
        if self.process.poll() is None:
            self.over_now()
        text = self.text()
        assert "Sanitizer" not in text and "runtime error" not in text, text
        shutil.rmtree(self.top)


class Facts:
    """What was submitted (code: the id that was acknowledged, or None), which results
    are in a final state (id: status, stdout), which are purged."""

    def __init__(self):
        self.submitted, self.final, self.purged = {}, {}, set()

    def acknowledged(self):
        return {id: code for code, id in self.submitted.items() if id}


class Run:
    """What a cluster does for a while, against one that may die of it."""

    def __init__(self, victim, facts):
        self.victim, self.facts = victim, facts

    def begin(self):
        self.c = self.victim.peer(peers.Client, "client")
        self.e = self.victim.peer(peers.Engine, "engine")
        self.c.follow()
        self.e.join(self.c)

    def submit(self, code, items=()):
        """Its id; None: it was refused, loudly."""
        self.facts.submitted[code] = None
        r = self.c.submit_map(code, items) if items else self.c.submit(code)
        if r["status"] == "error":
            assert r["errno"] in ("ENOSPC", "EIO", "EMFILE"), r
            return None
        self.facts.submitted[code] = r["id"]
        return r["id"]

    def reply(self, m, out, **more):
        self.e.reply(m, buffers=[out], named={"stdout": 0}, exit_status=0,
                     stdout=len(out), **more)

    def ends(self, id, out):
        r = self.c.wait(id, *FINAL)
        self.facts.final[id] = r["status"], out

    def small(self, n):
        id = self.submit(b"small %d" % n)
        if id:
            out = b"out %d\n" % n
            self.reply(self.e.take(), out)
            self.ends(id, out)
        return id

    def large(self):
        id = self.submit(b"large")
        if id:
            m = self.e.take()
            for n in 0, 1:
                self.e.output(m, "stdout", n * PIECE, b"%d" % n * PIECE)
            self.e.reply(m, exit_status=0, stdout=2 * PIECE)
            self.ends(id, b"0" * PIECE + b"1" * PIECE)

    def map(self):
        id = self.submit(b"map", [b"a", b"b", b"c"])
        if id:
            for _ in range(3):
                self.reply(self.e.take(), b"item\n")
            self.c.wait(id, *FINAL)

    def purge(self, id):
        if id and self.c.ask(
            "control_request", {"verb": "purge", "result": id}
        ).content["status"] == "ok":
            self.facts.purged.add(id)

    def play(self):
        self.begin()
        first = self.small(1)
        self.large()
        self.map()
        self.small(2)
        self.purge(first)
        self.small(3)
        if self.submit(b"runs"):
            self.e.take()
        self.submit(b"waits")


class Case(unittest.TestCase):
    options = ("--durability=full",)

    def prepare(self):
        """Where the run begins, and what was said before."""
        return Victim(*self.options), Facts()

    def play(self, v, facts):
        """To the end of the program, which writes its log back."""
        Run(v, facts).play()
        v.hang_up()
        v.process.terminate()

    def run_with(self, **how):
        """A run with that fault; and what was said in it."""
        v, facts = self.prepare()
        with contextlib.suppress(Ended):
            if v.begin(**how):
                self.play(v, facts)
        code = v.over()
        if code not in (0, -9, 1):
            self.fail("it ended with code %s: %s" % (code, v.text()))
        # Who refuses to start says why.
        if code == 1:
            self.assertIn('"level":"error"', v.text())
        return v, facts

    def holds(self, v, facts):
        """All that it said, when it is started again on a disk that is well."""
        self.assertTrue(v.begin(), v.text())
        c = v.peer(peers.Client, "client")
        listed = c.ask("results_request", {"after": 0, "limit": 100}).content["results"]
        found = {r["id"]: r for r in listed}
        codes = {id: b"".join(c.fetch(id, "code").buffers) for id in found}
        self.assertEqual(len(set(codes.values())), len(codes), "one is there twice")
        self.assertLessEqual(set(codes.values()), set(facts.submitted), "invented")
        for id, code in facts.acknowledged().items():
            if id in facts.purged:
                self.assertNotIn(id, found)
            # A purge that was not answered may have been done.
            elif code != b"small 1":
                self.assertEqual(codes.get(id), code, "it was acknowledged")
        for id, (status, out) in facts.final.items():
            if id in found:
                self.assertEqual(found[id]["status"], status)
                if status == "ok":
                    got = b"".join(c.fetch(id, "stdout").buffers)
                    self.assertEqual(got, out)
        r = c.submit(b"a new one")
        self.assertGreater(r["id"], max([0, *found, *facts.acknowledged()]))
        v.hang_up()
        self.assertEqual(v.stop(), 0)
        code, text = v.check()
        self.assertEqual(code, 0, text)

    def at_each(self, calls, how, step=STEP):
        """How often it was done."""
        at, done = 1, 0
        while True:
            v, facts = self.run_with(calls=calls, at=at, how=how)
            if not v.said("failed"):
                break
            with self.subTest(calls=calls, how=how, at=at):
                self.holds(v, facts)
            v.remove()
            done += 1
            at += step
        # The last is as if nothing were wrong.
        self.assertEqual(len(facts.acknowledged()), len(facts.submitted))
        self.holds(v, facts)
        v.remove()
        print("# %s: %s at %d of %d calls" % (calls, how, done, at - 1), flush=True)
        self.assertGreater(done, 0)


class AtEachCall(Case):
    """The tests are made below."""


class AtEachCallOfAStart(Case):
    """Of a controller that was killed, so that all it has stored is in the log."""

    @classmethod
    def setUpClass(cls):
        cls.was, cls.facts = Victim(*cls.options), Facts()
        cls.addClassCleanup(cls.was.remove)
        assert cls.was.begin()
        Run(cls.was, cls.facts).play()
        cls.was.process.kill()
        cls.was.over()

    def prepare(self):
        v = Victim(*self.options)
        shutil.copytree(self.was.dir, v.dir)
        return v, copy.deepcopy(self.facts)

    def play(self, v, facts):
        v.process.terminate()


class PowerLoss(Case):
    """Killed before it synced: of the log, what was synced before is on the disk, and
    more of it or less."""

    def lose_power(self, at):
        """The log, how much of it was synced, and what was said by then."""
        v, facts = self.run_with(calls="sync", at=at, how="KILL")
        self.addCleanup(v.remove)
        log = v.dir + "/tasks.db-wal"
        sizes = [int(size) for name, size in v.said("synced") if name == log]
        return v, facts, log, sizes[-1] if sizes else 0

    def has_all(self, v, facts):
        """As SQLite reads a copy, which it may write to."""
        with tempfile.TemporaryDirectory(prefix="taskfs-faults-") as copied:
            for name in "tasks.db", "tasks.db-wal":
                shutil.copy(os.path.join(v.dir, name), copied)
            with contextlib.closing(sqlite3.connect(copied + "/tasks.db")) as db:
                found = dict(db.execute("SELECT id, code FROM results"))
                ended = dict(db.execute(
                    "SELECT key >> 24, stdout FROM tasks WHERE state > 2"
                ))
        for id, code in facts.acknowledged().items():
            if id not in facts.purged and code != b"small 1":
                self.assertEqual(found.get(id), code)
        self.assertLessEqual(set(found.values()), set(facts.submitted))
        for id, (_, out) in facts.final.items():
            if id in found:
                self.assertIn(ended.get(id), (out, None) if len(out) > PIECE else (out,))

    def cut(self, at, step):
        """At how many places."""
        v, facts, log, synced = self.lose_power(at)
        cuts = range(os.path.getsize(log), synced - 1, -step) if os.path.exists(log) else ()
        for size in cuts:
            os.truncate(log, size)
            with self.subTest(at=at, size=size):
                code, text = v.check()
                self.assertEqual(code, 0, text)
                self.has_all(v, facts)
        if cuts:
            os.truncate(log, synced)
        self.holds(v, facts)
        return len(cuts)

    def syncs(self):
        v, _ = self.run_with(calls="sync", at=10**6, how="KILL")
        self.addCleanup(v.remove)
        return len(v.said("synced"))

    def test_the_log_is_cut_at_a_byte_of_what_was_not_synced(self):
        n = self.syncs()
        places = sum(self.cut(at, min(331 * STEP, PAGE)) for at in range(2, n + 1, min(STEP, 4)))
        print("# cut at %d places before %d syncs" % (places, n), flush=True)
        self.assertGreater(places, 0)

    @unittest.skipUnless(STEP == 1, "it takes long: FAULT_STEP=1")
    def test_the_log_is_cut_at_every_byte(self):
        places = self.cut(self.syncs() // 2, 1)
        print("# cut at each of %d bytes" % places, flush=True)

    def test_without_full_nothing_is_synced(self):
        """So that the tests above can fail."""
        full = self.syncs()
        self.options = ()
        self.assertLess(self.syncs(), full)


FULL = "disk full: submissions are refused"


class Quota(Case):
    """A quota is used up: for SQLite that is some error, and for the file system there
    is room."""

    def trouble(self):
        return self.c.ask("state_request", {}).content["controller"]["trouble"]

    def test_it_is_a_disk_that_is_full(self):
        v = Victim()
        self.addCleanup(v.remove)
        used_up = v.top + "/used-up"
        how = {"calls": "write size", "at": 0, "how": "EDQUOT", "while": used_up}
        self.assertTrue(v.begin(**how))
        self.c = v.peer(peers.Client, "client")
        open(used_up, "w").close()
        self.assertEqual(self.c.submit(b"one")["errno"], "ENOSPC")
        self.assertEqual(self.trouble(), FULL)
        # What is refused is not even tried, and nothing is done to make room for it.
        before = len(v.said("synced") + v.said("failed"))
        for _ in range(20):
            self.assertEqual(self.c.submit(b"more")["errno"], "ENOSPC")
        tries = [name for name, _ in (v.said("synced") + v.said("failed"))[before:]]
        self.assertEqual([n for n in tries if "tasks.db" in n], [])
        os.unlink(used_up)
        tap.wait_for(lambda: self.trouble() is None)
        self.assertEqual(self.c.submit(b"two")["status"], "pending")
        v.hang_up()
        self.assertEqual(v.stop(), 0)
        self.assertNotIn("reserve.probe", os.listdir(v.dir))


NFS = "0x6969"


class NetworkFileSystem(Case):
    options = ()

    def test_the_database_is_the_controllers_alone(self):
        v, facts = Victim(), Facts()
        self.addCleanup(v.remove)
        for _ in range(2):
            self.assertTrue(v.begin(fstype=NFS))
            self.assertIn("network file system", v.text())
            self.assertNotIn("tasks.db-shm", os.listdir(v.dir))
            with contextlib.closing(sqlite3.connect(v.dir + "/tasks.db", 0)) as db:
                with self.assertRaisesRegex(sqlite3.OperationalError, "locked"):
                    db.execute("SELECT * FROM results").fetchall()
            if not facts.submitted:
                Run(v, facts).play()
                v.process.kill()
                v.over()
        v.hang_up()
        self.assertEqual(v.stop(), 0)
        # Elsewhere it is as any other.
        self.holds(v, facts)
        self.assertEqual(v.text().count("network file system"), 2)


def make_test(calls, how):
    return lambda self: self.at_each(calls, how)


for _case in AtEachCall, AtEachCallOfAStart:
    for _calls, _hows in HOWS.items():
        for _how in _hows.split():
            setattr(_case, "test_%s_%s" % (_calls, _how), make_test(_calls, _how))


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
