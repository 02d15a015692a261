#!/usr/bin/python3
"""The log of tasks.db, damaged; and --recover, killed at each of its steps, on a
disk that is full, for a directory of another user.

What is damaged is test_damage.py's; so is what has to hold of it afterwards.
"""

import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

import tap
import test_damage as damage
from test_damage import DAMAGED, FINAL, PAGE, files, overwrite, sql

TIER = "check"

HEADER = 32
FRAME = 24 + PAGE


# --- the log ------------------------------------------------------------------


def log_of(directory):
    return directory + "/tasks.db-wal"


def frames_of(directory):
    """(number, commit) of those since the log was begun anew."""
    with open(log_of(directory), "rb") as f:
        salts = f.read(HEADER)[16:24]
        number = 0
        while len(head := f.read(24)) == 24 and len(f.read(PAGE)) == PAGE:
            if head[8:16] != salts:
                return
            yield number, struct.unpack(">I", head[4:8])[0] != 0
            number += 1


def commits_of(directory):
    return [n for n, commit in frames_of(directory) if commit]


def place_of(number):
    return HEADER + number * FRAME


def some_frame(directory, rng):
    """One that is not of the last commit."""
    return rng.randrange(1, commits_of(directory)[-2])


def page_of_noise(directory, rng):
    at = place_of(some_frame(directory, rng)) + 24
    overwrite(log_of(directory), at, rng.randbytes(PAGE))


def one_bit(directory, rng):
    path = log_of(directory)
    at = place_of(some_frame(directory, rng)) + rng.randrange(FRAME)
    with open(path, "rb") as f:
        f.seek(at)
        byte = f.read(1)[0]
    overwrite(path, at, bytes([byte ^ 1 << rng.randrange(8)]))


def head_of_zeros(directory, rng):
    overwrite(log_of(directory), place_of(some_frame(directory, rng)), bytes(24))


def sector_of_zeros(directory, rng):
    """As a disk loses it: not where a page begins."""
    at = place_of(some_frame(directory, rng)) // 512 * 512
    overwrite(log_of(directory), at, bytes(512))


def some_pages(directory, rng):
    first = some_frame(directory, rng)
    last = min(first + rng.randrange(2, 9), commits_of(directory)[-2])
    overwrite(log_of(directory), place_of(first), bytes((last - first) * FRAME))


def header_of_noise(directory, rng):
    overwrite(log_of(directory), 0, rng.randbytes(HEADER))


def header_of_zeros(directory, rng):
    overwrite(log_of(directory), 0, bytes(HEADER))


def beginning_of_noise(directory, rng):
    overwrite(log_of(directory), 0, rng.randbytes(PAGE))


KINDS = (
    [page_of_noise] * 5
    + [one_bit] * 5
    + [head_of_zeros] * 3
    + [sector_of_zeros] * 3
    + [some_pages] * 4
    + [header_of_noise, header_of_zeros, beginning_of_noise]
)


class Log(damage.Store):
    """The controller was killed: all is in the log. The tests are made below."""

    ends_by = "kill"

    def strike_log(self, how, seed):
        self.copy_store()
        how(self.dir, random.Random(seed))
        self.before = files(self.dir)

    def damage_log(self, number):
        self.strike_log(KINDS[number], number)
        self.assertIsNone(self.try_to_start(), "it started without what is lost")
        self.assertIn("tasks.db-wal is damaged", self.said)
        code, said = self.run_program("--check")
        self.assertIn("tasks.db-wal is damaged", said)
        same = self.is_recovered()
        self.assertGreater(same, len(self.known) // 3)
        self.nothing_runs_again()

    def nothing_runs_again(self):
        """Who knows what was told behind the last row that can be read?"""
        with damage.database(self.dir) as db:
            states = [s for s, in db.execute("SELECT DISTINCT state FROM tasks")]
            rest = [s for s, in db.execute("SELECT DISTINCT rest_state FROM results"
                                           " WHERE id IN (22, 23)")]
        self.assertTrue(all(damage.STATES[s] in FINAL for s in states), states)
        self.assertTrue(all(rest), rest)

    def starts(self, known=None):
        process = self.try_to_start()
        self.assertIsNotNone(process, self.said)
        return self.read_of(process)

    def test_as_it_is(self):
        self.copy_store()
        self.before = files(self.dir)
        self.assertEqual(self.run_program("--check")[0], 0)
        self.assertEqual(self.starts(), self.known)

    def test_killed_in_the_middle_of_a_page(self):
        self.copy_store()
        path = log_of(self.dir)
        end = place_of(commits_of(self.dir)[-1] + 1)
        for more in b"x" * 10, b"x" * 100, b"x" * FRAME * 3:
            os.truncate(path, end)
            overwrite(path, end, more)
            self.assertEqual(self.run_program("--check")[0], 0)
        self.assertEqual(self.starts(), self.known)

    def test_the_last_commit_was_not_written_whole(self):
        """Nobody was told of it."""
        self.copy_store()
        last = commits_of(self.dir)[-1]
        overwrite(log_of(self.dir), place_of(last) + 24, bytes(PAGE))
        os.truncate(log_of(self.dir), place_of(last + 1))
        found = self.starts()
        self.assertLessEqual(found.keys(), self.known.keys())

    def test_what_is_left_over_from_before(self):
        """The log was begun anew: behind its end are pages with other salts."""
        self.copy_store()
        path = self.dir + "/tasks.db"
        with damage.database(self.dir) as db:
            db.execute("PRAGMA wal_checkpoint(RESTART)")
            db.execute("UPDATE meta SET value='30' WHERE key='next_result'")
            for name in path, path + "-wal":
                shutil.copyfile(name, name + ".kept")
        for name in path, path + "-wal":
            os.rename(name + ".kept", name)
        self.assertLess(len(list(frames_of(self.dir))), 10)
        self.assertGreater(os.path.getsize(path + "-wal"), 20 * FRAME)
        self.assertEqual(self.run_program("--check")[0], 0)
        self.assertEqual(self.starts(), self.known)

    def test_zeros_alone(self):
        """A file system made it longer, and the power was lost."""
        self.copy_store()
        with damage.database(self.dir) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with open(log_of(self.dir), "wb") as f:
            f.write(bytes(3 * FRAME))
        self.assertEqual(self.starts(), self.known)


# --- older stores -------------------------------------------------------------


def make_version_1(directory):
    sql(
        directory,
        "DROP TRIGGER begin",
        "DROP TABLE begun",
        "DELETE FROM meta WHERE key LIKE 'next%'",
        "ALTER TABLE results DROP COLUMN born",
        "ALTER TABLE results DROP COLUMN rest_elapsed",
        "ALTER TABLE tasks DROP COLUMN began",
        "ALTER TABLE tasks DROP COLUMN ran",
        "ALTER TABLE tasks DROP COLUMN elapsed",
        "ALTER TABLE engines DROP COLUMN process",
        "ALTER TABLE engines DROP COLUMN lost",
        "ALTER TABLE engines DROP COLUMN heard",
        "ALTER TABLE engines DROP COLUMN slots",
        "ALTER TABLE engines DROP COLUMN launch",
        "DROP TABLE pools",
        "DROP TABLE launches",
        "PRAGMA user_version=1",
    )


class Older(damage.Store):
    def test_it_is_brought_up_to_date(self):
        self.copy_store()
        make_version_1(self.dir)
        process = self.try_to_start()
        self.assertIsNotNone(process, self.said)
        self.assertEqual(self.read_of(process), self.known)
        self.assertEqual(damage.meta(self.dir)["next_result"], "24")
        self.assertEqual(damage.meta(self.dir)["next_engine"], "1")
        self.assertEqual(self.run_program("--check")[0], 0)

    def test_a_damaged_one_stays_as_it_is(self):
        self.copy_store()
        make_version_1(self.dir)
        damage.state_of_a_task(self.dir, random.Random(1))
        self.before = files(self.dir)
        self.assertIsNone(self.try_to_start())
        self.assertEqual(self.code, DAMAGED, self.said)
        self.assertEqual(files(self.dir), self.before)
        code, said = self.run_program("--recover")
        self.assertEqual(code, 0, said)
        process = self.try_to_start()
        self.assertIsNotNone(process, self.said)
        self.assertEqual(self.read_of(process).keys(), self.known.keys())


# --- outputs ------------------------------------------------------------------


class Outputs(damage.Store):
    def test_one_of_many_that_was_cut_is_an_error(self):
        """No answer has it shorter, or takes another's bytes for it."""
        self.copy_store()
        sql(self.dir, "UPDATE tasks SET stdout=x'6d' WHERE key=(20<<24)+7")
        process = self.try_to_start()
        self.assertIsNotNone(process, self.said)
        with self.client() as client:
            q = {"result": 20, "task": 0, "count": 30, "stream": "stdout"}
            out = client.ask("fetch_request", q)
            self.assertEqual(len(out.content["sizes"]), 7)
            self.assertEqual(
                b"".join(out.buffers), b"".join(b"map %d\n" % i for i in range(7))
            )
            out = client.ask("fetch_request", dict(q, task=7))
            self.assertEqual(out.content["sizes"], [])
            out = client.ask("fetch_request", dict(q, task=8, count=22))
            self.assertEqual(len(out.content["sizes"]), 22)
            out = client.ask(
                "fetch_request", {"result": 20, "task": 7, "stream": "stdout"}
            )
            self.assertEqual(out.content["errno"], "EIO")
        process.terminate()
        self.assertEqual(process.wait(), 0)
        code, said = self.run_program("--check")
        self.assertEqual(code, DAMAGED)
        self.assertIn("the stdout of task 7 of result 20 is cut short: 1 of 6", said)
        code, said = self.run_program("--recover")
        self.assertEqual(code, 0, said)
        process = self.try_to_start()
        self.assertIsNotNone(process, self.said)
        found = self.read_of(process)
        self.assertEqual(found.pop((20, 7)), ("error", b"m"))
        self.assertEqual(found, {k: v for k, v in self.known.items() if k in found})
        self.assertEqual(len(found), len(self.known) - 1)


# --- looking ------------------------------------------------------------------


class Looking(damage.Store):
    def test_check_makes_nothing(self):
        self.copy_store()
        for name in "security", "pid", "log", "startup":
            shutil.rmtree(os.path.join(self.dir, name))
        names = sorted(os.listdir(self.dir))
        code, said = self.run_program("--check")
        self.assertEqual(code, 0, said)
        self.assertEqual(sorted(os.listdir(self.dir)), names)

    def test_who_holds_the_directory_is_said(self):
        self.copy_store()
        process = self.try_to_start()
        self.assertIsNotNone(process, self.said)
        for option in "--check", "--recover":
            code, said = self.run_program(option, "--log-to-file")
            self.assertEqual(code, 3)
            self.assertIn("a controller runs on it", said)
            self.assertIn(self.dir, said)
        process.terminate()
        self.assertEqual(process.wait(), 0)


# --- recovering ---------------------------------------------------------------


def copies(directory):
    """The old databases that were kept."""
    lost = directory + "/lost+found"
    names = os.listdir(lost) if os.path.isdir(lost) else []
    return sorted(n for n in names if n.startswith("tasks.db"))


class Recover(damage.Store):
    lost = [damage.rows_of_results, damage.rows_of_tasks, damage.no_row_of_meta]

    def strike_hard(self):
        """So that there is something of everything to be done."""
        self.copy_store()
        for seed, how in enumerate(self.lost):
            how(self.dir, random.Random(seed))
        self.before = files(self.dir)

    def rows(self):
        """All of it but times and what is made up."""
        with damage.database(self.dir) as db:
            return {
                table: db.execute("SELECT * FROM %s ORDER BY 1" % table).fetchall()
                for table in ("results", "tasks", "engines", "begun", "held_tasks")
            } | {"meta": {k: v for k, v in damage.meta(self.dir).items()
                          if k not in ("cluster", "next_result")}}

    def is_clean(self):
        """No half copy and no half database."""
        names = os.listdir(self.dir)
        self.assertEqual([n for n in names if n.startswith("tasks.db.")], [])
        self.assertNotIn("tasks.db.part", copies(self.dir))

    def test_killed_at_each_step(self):
        self.strike_hard()
        self.assertEqual(self.run_program("--recover")[0], 0)
        wanted = self.rows()
        killer = build_killer(self)
        step, code = 0, -9
        while code == -9:
            step += 1
            self.strike_hard()
            code, said = self.run_program(
                "--recover", env=dict(killer, KILL_AT=str(step))
            )
            self.nothing_is_gone()
            originals = {self.before["tasks.db"], files(self.dir)["tasks.db"]}
            if code == -9:
                self.may_start_or_refuses()
                second, said = self.run_program("--recover")
                self.assertEqual(second, 0, said)
            self.assertEqual(self.rows(), wanted, step)
            self.is_clean()
            self.nothing_is_gone()
            now = files(self.dir)
            for name in copies(self.dir):
                self.assertIn(now["lost+found/%s/tasks.db" % name], originals)
        self.assertEqual(code, 0, said)
        # Making a copy, the new database, and the change of names.
        self.assertGreater(step, 30)

    def may_start_or_refuses(self):
        """Before the new one is in place nothing starts, and nothing changes."""
        was = files(self.dir)
        if was.get("tasks.db") not in (None, self.before["tasks.db"]):
            self.assertEqual(self.run_program("--check")[0], 0)
            return
        self.assertIsNone(self.try_to_start())
        self.assertEqual(self.code, DAMAGED, self.said)
        self.assertEqual(files(self.dir), was)

    def test_two_in_one_second(self):
        self.strike_hard()
        for n in 1, 2, 3:
            code, said = self.run_program("--recover")
            self.assertEqual(code, 0, said)
            self.assertEqual(len(copies(self.dir)), n)
        self.is_clean()
        self.nothing_is_gone()

    @unittest.skipUnless(tap.can_mount(), "it needs to mount")
    def test_a_disk_that_is_full(self):
        """It works, or it changes nothing and leaves nothing."""
        self.strike_hard()
        source, outcomes = self.dir, set()
        size = sum(
            os.path.getsize(os.path.join(at, n))
            for at, _, names in os.walk(source)
            for n in names
        )
        for more in range(64, 4096, 128):
            self.dir = self.small_disk(size // 1024 + more)
            shutil.copytree(source, self.dir, dirs_exist_ok=True)
            code, said = self.run_program("--recover")
            outcomes.add(code)
            if code == 0:
                self.assertIn("a new tasks.db is in place", said)
                process = self.try_to_start()
                self.assertIsNotNone(process, self.said)
                found = self.read_of(process)
                self.assertGreater(len(found), len(self.known) // 2)
            else:
                self.assertIn("No space left", said.replace("disk is full",
                                                           "No space left"))
                self.assertEqual(files(self.dir), self.before)
                self.is_clean()
            subprocess.run(["umount", self.dir], check=True)
            if code == 0:
                break
        self.assertEqual(outcomes, {0, 1})

    def small_disk(self, kilobytes):
        directory = tempfile.mkdtemp(prefix="taskfs-full-")
        self.addCleanup(shutil.rmtree, directory)
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "mode=700,size=%dk" % kilobytes, "none", directory],
            check=True,
        )
        return directory

    def test_it_belongs_to_the_owner_of_the_directory(self):
        self.copy_store()
        with damage.database(self.dir) as db:
            db.execute("UPDATE results SET uid=7, gid=8")
            db.execute("DELETE FROM results WHERE id=3")
        owner, by = (os.geteuid(), os.getegid()), []
        if os.geteuid() == 0:
            owner = (65534, 65533)
            # Directories above are closed to everybody else.
            may = "=+dac_override"
            by = ["setpriv", "--reuid=65534", "--regid=65533", "--clear-groups"]
            by += ["--inh-caps" + may, "--ambient-caps" + may]
        for at, _, names in os.walk(self.dir):
            for name in [".", *names]:
                os.chown(os.path.join(at, name), *owner)
        code, said = self.run_program("--recover", by=by)
        self.assertEqual(code, 0, said)
        with damage.database(self.dir) as db:
            owners = dict(
                (id, (uid, gid))
                for id, uid, gid in db.execute("SELECT id, uid, gid FROM results")
            )
        self.assertEqual(owners.pop(3), owner)
        self.assertEqual(set(owners.values()), {(7, 8)})

    def test_lost_numbers_are_not_given_again(self):
        self.copy_store()
        sql(self.dir, "DELETE FROM meta", "DELETE FROM engines")
        self.assertIsNone(self.try_to_start())
        self.assertEqual(self.code, DAMAGED)
        self.assertIn("of meta is missing", self.said)
        code, said = self.run_program("--recover")
        self.assertEqual(code, 0, said)
        self.assertIn("rows of meta are lost", said)
        self.assertIn("the cluster's id is lost", said)
        process = self.try_to_start()
        self.assertIsNotNone(process, self.said)
        with self.client() as client:
            self.assertGreater(client.submit(b"new")["id"], 1000)
        process.terminate()
        self.assertEqual(process.wait(), 0)
        self.assertGreaterEqual(int(damage.meta(self.dir)["next_engine"]), 1000)


# It is killed before the KILL_AT-th of these calls.
KILLER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void step(void)
{
	static long n;

	if (++n == atol(getenv("KILL_AT")))
		raise(SIGKILL);
}

/* Of many pages every 16th will do. */
static void page(void)
{
	static long n;

	if (n++ % 16 == 0)
		step();
}

#define CALL(type, name, parameters, arguments, how)                  \
	type name parameters                                          \
	{                                                             \
		static type (*real) parameters;                       \
		how();                                                \
		if (!real)                                            \
			*(void **)&real = dlsym(RTLD_NEXT, #name);    \
		return real arguments;                                \
	}
CALL(int, unlink, (const char *a), (a), step)
CALL(int, rmdir, (const char *a), (a), step)
CALL(int, mkdir, (const char *a, mode_t m), (a, m), step)
CALL(int, rename, (const char *a, const char *b), (a, b), step)
CALL(int, fsync, (int a), (a), step)
CALL(int, fdatasync, (int a), (a), step)
CALL(int, ftruncate, (int a, off_t n), (a, n), step)
CALL(int, ftruncate64, (int a, off_t n), (a, n), step)
CALL(ssize_t, pwrite, (int a, const void *b, size_t n, off_t o), (a, b, n, o), page)
CALL(ssize_t, pwrite64, (int a, const void *b, size_t n, off_t o), (a, b, n, o), page)
"""


def build_killer(test):
    """What the environment has to have for it."""
    directory = tempfile.mkdtemp(prefix="taskfs-killer-")
    test.addCleanup(shutil.rmtree, directory)
    source, library = directory + "/killer.c", directory + "/killer.so"
    with open(source, "w") as f:
        f.write(KILLER)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    asan = os.environ.get("ASAN_OPTIONS", "")
    return {
        "LD_PRELOAD": library,
        "ASAN_OPTIONS": asan + ":verify_asan_link_order=0",
    }


def make_test(number):
    return lambda self: self.damage_log(number)


for i, kind in enumerate(KINDS):
    setattr(Log, "test_%02d_%s" % (i, kind.__name__), make_test(i))

if __name__ == "__main__":
    tap.main(sys.modules[__name__])
