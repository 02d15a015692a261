#!/usr/bin/python3
"""What is stored, damaged in fifty ways: a start shows all of it, or refuses and
leaves it as it is; --check names the fault, --recover has back what can be.

A kind of damage is a function; a seeded program says where it strikes. DAMAGE=17
does number 17 alone.
"""

import contextlib
import hashlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

import tap
from peers import Client, Controller

TIER = "check"

PROGRAM = os.path.join(os.environ.get("BUILD", "build"), "taskfs-controller")
DAMAGED = 4
PAGE = 4096
BIG = 300000
# The numbers that come next, in meta.
NEXT = ("next_result", "next_engine", "next_launch")


# --- kinds of damage ----------------------------------------------------------


def database(directory):
    return contextlib.closing(
        sqlite3.connect(directory + "/tasks.db", isolation_level=None)
    )


def sql(directory, *statements):
    with database(directory) as db:
        for s in statements:
            db.execute(s)


def overwrite(path, offset, data):
    with open(path, "r+b") as f:
        f.seek(offset)
        f.write(data)


def some_page(directory, rng):
    """Not the first, which says what the others are."""
    pages = os.path.getsize(directory + "/tasks.db") // PAGE
    return rng.randrange(1, pages) * PAGE


def page_of_zeros(directory, rng):
    overwrite(directory + "/tasks.db", some_page(directory, rng), bytes(PAGE))


def page_of_noise(directory, rng):
    overwrite(directory + "/tasks.db", some_page(directory, rng), rng.randbytes(PAGE))


def page_of_another(directory, rng):
    path = directory + "/tasks.db"
    with open(path, "rb") as f:
        f.seek(some_page(directory, rng))
        page = f.read(PAGE)
    overwrite(path, some_page(directory, rng), page)


def header_of_noise(directory, rng):
    overwrite(directory + "/tasks.db", 0, rng.randbytes(100))


def cut_off(directory, rng):
    path = directory + "/tasks.db"
    os.truncate(path, rng.randrange(1, os.path.getsize(path)))


def no_database(directory, rng):
    os.unlink(directory + "/tasks.db")


def empty_database(directory, rng):
    os.truncate(directory + "/tasks.db", 0)


def other_database(directory, rng):
    os.unlink(directory + "/tasks.db")
    sql(directory, "CREATE TABLE songs(title)")


def no_table(directory, rng):
    table = rng.choice(["results", "tasks", "meta", "begun", "held_tasks", "records"])
    sql(directory, "DROP TABLE " + table)


def no_column(directory, rng):
    sql(directory, "ALTER TABLE tasks DROP COLUMN " + rng.choice(["state", "evalue"]))


def rows_of_tasks(directory, rng):
    ids = ",".join(map(str, rng.sample(range(1, 13), 3)))
    sql(directory, "DELETE FROM tasks WHERE (key>>24) IN (%s)" % ids)


def a_task_of_a_map(directory, rng):
    sql(
        directory,
        "DELETE FROM tasks WHERE key=(20<<24)+%d" % rng.randrange(30),
    )


def rows_of_results(directory, rng):
    ids = ",".join(map(str, rng.sample(range(1, 13), 3)))
    sql(directory, "DELETE FROM results WHERE id IN (%s)" % ids)


def number_of_tasks(directory, rng):
    n = rng.choice([-5, 2**40, "'many'", 7])
    sql(directory, "UPDATE results SET tasks=%s WHERE id=20" % n)


def state_of_a_task(directory, rng):
    n = rng.choice([0, 17, -1, "'ok'"])
    sql(directory, "UPDATE tasks SET state=%s WHERE key=3<<24" % n)


def options_of_a_result(directory, rng):
    n = rng.choice(["'{'", "NULL", "x'ff'", "'[1]'"])
    sql(directory, "UPDATE results SET options=%s WHERE id=21" % n)


def rows_in_the_log(directory, rng):
    """As rows_of_tasks(), and the log has not been written back."""
    path = directory + "/tasks.db"
    with database(directory) as db:
        db.execute("PRAGMA wal_autocheckpoint=0")
        db.execute("DELETE FROM tasks WHERE (key>>24)=%d" % rng.randrange(1, 13))
        for name in path, path + "-wal":
            shutil.copyfile(name, name + ".kept")
    for name in path, path + "-wal":
        os.rename(name + ".kept", name)


def what_a_result_waits_for(directory, rng):
    deps = rng.choice(["21:ok", "x:ok:after", "21:soon:after", "21:ok:after:met:x"])
    sql(directory, "UPDATE results SET deps='%s' WHERE id=22" % deps)


def no_row_of_meta(directory, rng):
    key = rng.choice(["cluster", *NEXT])
    sql(directory, "DELETE FROM meta WHERE key='%s'" % key)


def a_number_of_meta(directory, rng):
    key = rng.choice(NEXT)
    sql(directory, "UPDATE meta SET value='-' || value WHERE key='%s'" % key)


def newer(directory, rng):
    sql(directory, "PRAGMA user_version=99")


def counts(directory, rng):
    sql(directory, "UPDATE begun SET tasks=tasks+1 WHERE result=%d" % rng.randrange(1, 13))


def outputs(directory):
    return sorted(n for n in os.listdir(directory + "/outputs") if n[0] != ".")


def no_output(directory, rng):
    os.unlink(directory + "/outputs/" + rng.choice(outputs(directory)))


def short_output(directory, rng):
    path = directory + "/outputs/" + rng.choice(outputs(directory))
    os.truncate(path, rng.randrange(BIG))


def output_of_nobody(directory, rng):
    with open(directory + "/outputs/99.0.stdout", "w") as f:
        f.write("whose is this?")


KINDS = (
    [page_of_zeros] * 8
    + [page_of_noise] * 7
    + [page_of_another] * 4
    + [header_of_noise] * 2
    + [cut_off] * 4
    + [no_database, empty_database, other_database]
    + [no_table] * 4
    + [no_column]
    + [rows_of_tasks] * 3
    + [a_task_of_a_map] * 2
    + [rows_of_results] * 2
    + [rows_in_the_log] * 2
    + [number_of_tasks] * 3
    + [state_of_a_task] * 2
    + [options_of_a_result] * 3
    + [what_a_result_waits_for] * 3
    + [no_row_of_meta] * 3
    + [a_number_of_meta] * 2
    + [counts, no_output, short_output, output_of_nobody]
)


# --- what is damaged ----------------------------------------------------------


def files(directory):
    """{path: its bytes' digest} of the store; what SQLite keeps beside it aside."""
    found = {}
    for at, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(at, name)
            where = os.path.relpath(path, directory)
            if where.startswith(("tasks.db", "outputs", "lost+found")):
                # An empty log is no log.
                if where.endswith("-shm") or (
                    where.endswith("-wal") and not os.path.getsize(path)
                ):
                    continue
                with open(path, "rb") as f:
                    found[where] = hashlib.sha256(f.read()).hexdigest()
    return found


STATES = "none pending running ok error aborted".split()
FINAL = "ok error aborted".split()


def meta(directory):
    with database(directory) as db:
        return dict(db.execute("SELECT key, value FROM meta"))


def make_store(end="stop"):
    """Results that ended, of every kind, one that runs, some that have not begun.
    The directory, and {(result, task): (status, stdout)}. A controller that was
    killed leaves all in the log."""
    c = Controller(PROGRAM, "--ping=1h")
    client, engine = c.client(), c.engine()
    client.follow()
    engine.join(client)

    def answer(out, **content):
        m = engine.take()
        if len(out) == BIG:
            engine.output(m, "stdout", 0, out)
            engine.reply(m, exit_status=0, stdout=BIG)
        else:
            engine.reply(
                m,
                {"status": "ok", **content},
                buffers=[out],
                named={"stdout": 0},
                exit_status=0,
                stdout=len(out),
            )

    # Many pages of rows.
    pad = {"PAD": "x" * 1500}
    for i in range(1, 20):
        client.submit(b"echo %d" % i, env=pad)
        if i % 4 == 0:
            answer(bytes([65 + i]) * BIG)
        elif i % 3 == 0:
            answer(b"%d\n" % i, status="error", ename="E", evalue="e" * 1500)
        else:
            answer(b"%d\n" % i)
        client.wait(i, "ok", "error")
    client.submit_map(b"echo $1", [b"%d" % i for i in range(30)], env=pad)
    for i in range(30):
        answer(b"map %d\n" % i)
    client.wait(20, "ok")
    client.submit(b"runs")
    engine.take()
    client.wait(21, "running")
    client.submit(b"waits", after=[21], label="waits", env=pad)
    client.submit_map(b"waits, too", [b"%d" % i for i in range(5)], after=[21])
    known = read_all(client)
    engine.close()
    client.close()
    code = getattr(c, end)()
    assert not code, code
    # Its log is empty now: all is in the database.
    os.unlink(c.log)
    return c.dir, known


def read_all(client):
    """As make_store()'s. What cannot be read is None."""
    found = {}
    results = client.ask("results_request", {"after": 0, "limit": 100}).content
    for r in results["results"]:
        states = [r["status"]]
        if r.get("tasks", 1) > 1:
            tasks = client.tasks(r["id"], after=-1, limit=100)["tasks"]
            states = [STATES[t[1]] for t in tasks]
        for n, state in enumerate(states):
            out = client.ask(
                "fetch_request",
                {
                    "result": r["id"],
                    "task": n,
                    "stream": "stdout",
                    "offset": 0,
                    "length": 2 * BIG,
                },
            )
            good = out.content["status"] == "ok"
            found[r["id"], n] = (state, b"".join(out.buffers) if good else None)
    return found


class Store(unittest.TestCase):
    """One store, of which each test damages a copy."""

    @classmethod
    def setUpClass(cls):
        cls.store, cls.known = make_store(cls.ends_by)
        cls.addClassCleanup(shutil.rmtree, cls.store)
        # Who only looks at a database writes its log back.
        with tempfile.TemporaryDirectory(prefix="taskfs-damage-") as copy:
            shutil.copytree(cls.store, copy, dirs_exist_ok=True)
            cls.meta = meta(copy)

    ends_by = "stop"

    def strike(self, number):
        self.copy_store()
        KINDS[number](self.dir, random.Random(number))
        self.before = files(self.dir)

    def copy_store(self):
        self.dir = tempfile.mkdtemp(prefix="taskfs-damage-") + "/cluster"
        self.addCleanup(shutil.rmtree, os.path.dirname(self.dir))
        shutil.copytree(self.store, self.dir)

    def run_program(self, *options, env=None, by=()):
        """Its exit code, and what it says. by: words before the program."""
        p = subprocess.run(
            [*by, PROGRAM, "--cluster-dir=" + self.dir, *options],
            env=dict(os.environ, **(env or {})),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.assertNotIn("Sanitizer", p.stdout)
        return p.returncode, p.stdout

    def try_to_start(self):
        """A controller; None: it refused, and said why."""
        read, write = os.pipe()
        args = [PROGRAM, "--cluster-dir=" + self.dir, "--ping=1h"]
        with open(self.dir + ".log", "wb") as log:
            p = subprocess.Popen(
                [*args, "--ready-fd=%d" % write], pass_fds=(write,), stderr=log
            )
        os.close(write)
        with os.fdopen(read) as f:
            ready = f.read()
        with open(self.dir + ".log") as f:
            self.said = f.read()
        if not ready:
            self.code = p.wait()
            return None
        self.addCleanup(self.end, p)
        return p

    def end(self, process):
        if process.poll() is None:
            process.kill()
            process.wait()

    def read_of(self, process):
        """read_all() of a controller that runs, which is ended."""
        with self.client() as client:
            found = read_all(client)
        process.terminate()
        self.assertEqual(process.wait(), 0)
        return found

    def client(self):
        with open(self.dir + "/security/ipcontroller-client.json") as f:
            return contextlib.closing(Client(json.load(f)))

    def nothing_is_gone(self, but=()):
        """What was in a file is in one."""
        now = set(files(self.dir).values())
        for path, digest in self.before.items():
            if path not in but:
                self.assertIn(digest, now, path)

    def is_whole(self, process):
        """It started: nothing is missing, and nothing is wrong."""
        found = self.read_of(process)
        self.assertEqual(found.keys(), self.known.keys())
        for at, (state, out) in found.items():
            self.assertEqual(state, self.known[at][0], at)
            # An output that is lost is an error, and not a shorter one.
            self.assertIn(out, (self.known[at][1], None), at)
        self.nothing_is_gone(but=("tasks.db", "tasks.db-wal"))

    def is_recovered(self):
        """It refused: it changed nothing, and --recover has back what can be."""
        self.assertEqual(self.code, DAMAGED, self.said)
        self.assertIn("--recover", self.said)
        self.assertNotIn("Input/output error", self.said)
        self.assertEqual(files(self.dir), self.before)
        code, said = self.run_program("--check")
        self.assertEqual(code, DAMAGED, said)
        self.assertEqual(files(self.dir), self.before)
        code, said = self.run_program("--recover")
        self.assertEqual(code, 0, said)
        self.nothing_is_gone()
        self.meta_is_whole(said)
        process = self.try_to_start()
        self.assertIsNotNone(process, self.said + said)
        found = self.read_of(process)
        same = 0
        for at, (state, out) in self.known.items():
            if at not in found:
                continue
            same += found[at] == (state, out)
            if state in FINAL:
                # What ended does not run again.
                self.assertIn(found[at][0], FINAL, at)
            if found[at][0] == "ok":
                self.assertEqual(found[at], (state, out), at)
        return same

    def meta_is_whole(self, said):
        """What was read is as it was, what was not is told and is made anew."""
        old, new = self.meta, meta(self.dir)
        self.assertLessEqual(new.keys(), old.keys())
        for key in new.keys() - {"cluster", *NEXT}:
            self.assertEqual(new[key], old[key], key)
        if new["cluster"] != old["cluster"]:
            self.assertIn("the cluster's id is lost", said)
        self.assertGreater(int(new["next_result"]), 23)
        for key in ("next_engine", "next_launch"):
            self.assertGreaterEqual(int(new[key]), int(old[key]))
        if new.keys() != old.keys():
            self.assertRegex(said, "(meta|tasks.db-wal) .*cannot be read")

    def damage(self, number):
        self.strike(number)
        process = self.try_to_start()
        if process:
            self.is_whole(process)
            return
        same = self.is_recovered()
        if KINDS[number] in LITTLE_IS_LEFT:
            return
        # One table or page is lost, and not all.
        self.assertGreater(same, len(self.known) // 3)


class Damaged(Store):
    """The tests are made below, one for each of KINDS."""


class Others(Store):
    def test_a_newer_database_is_left_to_a_newer_program(self):
        self.strike(KINDS.index(counts))
        newer(self.dir, None)
        self.before = files(self.dir)
        self.assertIsNone(self.try_to_start())
        self.assertEqual(self.code, 1)
        self.assertIn("newer", self.said)
        code, said = self.run_program("--recover")
        self.assertEqual(code, 1)
        self.assertIn("newer", said)
        self.nothing_is_gone()

    def test_a_recovery_that_was_interrupted_goes_on(self):
        self.strike(KINDS.index(rows_in_the_log))
        code, said = self.run_program("--recover")
        self.assertEqual(code, 0, said)
        path = self.dir + "/tasks.db"
        os.rename(path, path + ".recovered")
        # What was there before.
        KINDS[0](self.store_again(), random.Random(1))
        self.assertIsNone(self.try_to_start())
        self.assertEqual(self.code, DAMAGED)
        self.assertIn("--recover again", self.said)
        code, said = self.run_program("--recover")
        self.assertEqual(code, 0, said)
        self.assertFalse(os.path.exists(path + ".recovered"))
        process = self.try_to_start()
        self.assertIsNotNone(process, self.said)
        self.assertEqual(self.read_of(process).keys(), self.known.keys())

    def store_again(self):
        shutil.copyfile(self.store + "/tasks.db", self.dir + "/tasks.db")
        return self.dir

    def test_nothing_to_check_and_to_recover(self):
        self.dir = tempfile.mkdtemp(prefix="taskfs-damage-")
        self.addCleanup(shutil.rmtree, self.dir)
        code, said = self.run_program("--recover")
        self.assertEqual(code, 1)
        self.assertIn("nothing to recover", said)
        self.assertEqual(self.run_program("--check")[0], 1)


LITTLE_IS_LEFT = (
    header_of_noise,
    cut_off,
    no_database,
    empty_database,
    other_database,
    no_table,
    no_column,
    page_of_zeros,
    page_of_noise,
    page_of_another,
)


def make_test(number):
    return lambda self: self.damage(number)


only = os.environ.get("DAMAGE")
for i, kind in enumerate(KINDS):
    if only is None or int(only) == i:
        setattr(Damaged, "test_%02d_%s" % (i, kind.__name__), make_test(i))

# --- rows that somebody changed -------------------------------------------------

ODD = [
    "NULL", "''", "'x'", "x'00'", "x'ff00fe'", "'{'", "'[]'", "'{}'", "'[[[[]]]]'", "'1:ok:after'",
    "0", "1", "-1", "17", "255", "65536", "16777216", "2147483648", "-9223372036854775808",
    "9223372036854775807", "1e308", "-1e308", "0.5", "zeroblob(70000)",
    "printf('%.*c', 70000, 'a')", "printf('%.*c', 3000, '[')",
]
# DAMAGE_ROWS=1000 makes so many changes.
ROWS = int(os.environ.get("DAMAGE_ROWS") or 40)


class Rows(Store):
    """A controller starts and can be used, or refuses and changes nothing; whatever
    stands in one column of one row."""

    def change(self, rng):
        """What was changed."""
        with database(self.dir) as db:
            tables = "results tasks engines records begun meta held_tasks pools launches"
            table = rng.choice(tables.split())
            columns = [r[1] for r in db.execute("PRAGMA table_info(%s)" % table)]
            column, value = rng.choice(columns), rng.choice(ODD)
            # Who has another key cannot say a word.
            keys = "WHERE key NOT IN ('cluster', 'key') AND key NOT LIKE 'curve%'"
            where = keys if table == "meta" else ""
            rows = db.execute("SELECT count(*) FROM %s %s" % (table, where)).fetchone()[0]
            if not rows:
                text = "INSERT INTO %s(%s) VALUES(%s)" % (table, column, value)
            else:
                at = "SELECT %s FROM %s %s LIMIT 1 OFFSET %d" % (
                    columns[0], table, where, rng.randrange(rows))
                text = "UPDATE OR IGNORE %s SET %s=%s WHERE %s IN (%s)" % (
                    table, column, value, columns[0], at)
            with contextlib.suppress(sqlite3.IntegrityError, sqlite3.DataError):
                db.execute(text)
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return text

    def one(self, seed):
        self.copy_store()
        said = self.change(random.Random(seed))
        before = files(self.dir)
        process = self.try_to_start()
        self.assertNotIn("Sanitizer", self.said, said)
        self.assertNotIn("Assertion", self.said, said)
        if not process:
            self.assertIn(self.code, (1, DAMAGED), said + self.said)
            self.assertEqual(files(self.dir), before, said)
            return "refused"
        with self.client() as client:
            read_all(client)
            self.assertEqual(client.submit(b"and on")["status"], "pending", said)
            client.ask("db_request", {"query": {}})
        process.terminate()
        self.assertEqual(process.wait(), 0, said)
        return "started"

    def test_one_column_of_one_row(self):
        outcomes = []
        for seed in range(ROWS):
            with self.subTest(seed=seed):
                outcomes.append(self.one(seed))
        print("# %d started, %d refused" % tuple(map(outcomes.count, ("started", "refused"))))


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
