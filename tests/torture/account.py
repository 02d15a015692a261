"""After all faults: what became of every submission.

The books are what the writers noted, the file to which each run of a task has added its
number, and what both mounts show now.
"""

import collections
import fcntl
import json
import os
import subprocess

import tap
from world import BUILD, Violation

FINAL = "ok", "error", "aborted"
# Why a task that was accepted may end without having run to its end.
REASONS = {
    "EngineError",  # its engine died, or was not heard for too long
    "StoreError",  # the disk was full
    "ExitStatus",
}
# What ipyparallel's client hears of a task that was not accepted.
REFUSALS = {"StoreError"}


class Broken(Violation):
    """What was broken, and of which submission."""

    def __init__(self, text, task=None, id=None):
        super().__init__(text)
        self.task, self.id = task, id


class Result:
    """As a mount shows it."""

    def __init__(self, mount, id):
        self.id = id
        self.code = mount.read("results", id, "code")
        self.metadata = json.loads(mount.read("results", id, "metadata"))
        states = self.metadata["status"]
        self.states = states if isinstance(states, list) else [states]
        self.status = mount.read("results", id, "status").strip()
        self.error = mount.read("results", id, "error")
        self.attempts = mount.read("results", id, "attempts")
        # As far as it is one: an error is an error of reading, too.
        self.value = mount.read("results", id, "value") if self.status == "ok" else None

    def engine_errors(self):
        error = self.metadata.get("error")
        return [error["ename"]] if error else []


class Accounts:
    def __init__(self, world, writers):
        self.world = world
        self.tasks = {}
        for w in writers:
            self.tasks.update(w.tasks)
        self.by_code = {self.code_of(t): t for t in self.tasks.values()}
        with open(world.ran) as f:
            self.ran = collections.Counter(f.read().split())
        self.results = {}
        self.outcomes = collections.Counter()
        self.not_stored = self.count_not_stored()
        self.unstored = set()

    @staticmethod
    def code_of(task):
        text = task.text
        return (json.loads(text)["code"] if text.startswith("{") else text).strip()

    def read(self):
        """Nothing was invented, nothing is there twice; both mounts show the same."""
        first, second = self.world.mounts
        ids = [sorted(int(n) for n in os.listdir(m.path("results")) if n.isdigit())
               for m in (first, second)]
        if ids[0] != ids[1]:
            raise Broken("the mounts show other results: %s" % (set(ids[0]) ^ set(ids[1])))
        for id in ids[0]:
            r = Result(first, id)
            status = second.read("results", id, "status").strip()
            task = self.by_code.get(r.code.strip())
            if not task:
                raise Broken("result %d was submitted by nobody: %r" % (id, r.code), id=id)
            if status != r.status:
                raise Broken("one mount says %s, one %s" % (r.status, status), task, id)
            if task.number in self.results:
                raise Broken("it is there twice, as result %d and result %d"
                             % (self.results[task.number].id, id), task, id)
            self.results[task.number] = r

    def check(self):
        for number in self.ran:
            number = number.partition(".")[0]
            if number not in self.tasks:
                raise Broken("%s ran, and nobody submitted it" % number)
            if number not in self.results and not self.was_not_stored(self.tasks[number]):
                raise Broken("it ran, and there is no result", self.tasks[number])
        for task in self.tasks.values():
            self.check_acknowledged(task)
            if task.number in self.results:
                self.check_result(task, self.results[task.number])

    def was_not_stored(self, task):
        """A message of ipyparallel's client is with an engine before it is stored. When
        that fails the controller says so, and client and engine go on without it. Who
        kills the controller may be faster, too."""
        sent = task.story[0][0]
        killed = any(at > sent for at in self.world.controller.killed)
        if not task.msg_id or not (self.not_stored or killed):
            return False
        self.not_stored -= not killed
        self.outcomes["not stored"] += 1
        self.unstored.add(task.number)
        return True

    def count_not_stored(self):
        with open(self.world.controller.log, errors="replace") as f:
            return sum("a client's task was not stored" in line for line in f)

    def check_acknowledged(self, task):
        r = self.results.get(task.number)
        if task.id is not None and (not r or r.id != task.id):
            raise Broken("it was acknowledged as result %d, which is not there" % task.id,
                         task, task.id)
        if task.reply and not r:
            refused = task.reply in REFUSALS or task.number in self.unstored
            if refused or self.was_not_stored(task):
                return
            raise Broken("its client had an answer, and there is no result", task)
        # A reply is passed on before it is stored: who kills the controller in between
        # makes an error of it.
        lost = r and r.error.startswith("EngineError: the controller ended")
        if task.reply and lost:
            self.outcomes["reply not stored"] += 1
        elif task.reply and (task.reply == "ok") != (r.status == "ok"):
            raise Broken("its client heard %s, and it is %s" % (task.reply, r.status),
                         task, r.id)

    def check_result(self, task, r):
        self.outcomes[r.status] += 1
        if len(r.states) != task.tasks or not all(s in FINAL for s in r.states):
            raise Broken("it is not in a final state: %s" % r.states, task, r.id)
        if r.status != "ok":
            self.check_reason(task, r)
        elif r.value != task.output and task.msg_id is None:
            raise Broken("its value is %.80r" % r.value, task, r.id)
        for n in [task.number] if task.tasks == 1 else [
            "%s.%s" % (task.number, c) for c in "abcdef"[: task.tasks]
        ]:
            if self.ran[n] > task.runs:
                raise Broken("it ran %d times" % self.ran[n], task, r.id)
            if r.status == "ok" and not self.ran[n]:
                raise Broken("it is ok, and never ran", task, r.id)

    def check_reason(self, task, r):
        names = {line.partition(":")[0] for line in r.error.splitlines()[:1]}
        if not r.error.strip():
            raise Broken("it is %s, without a reason" % r.status, task, r.id)
        for name in names:
            self.outcomes[name] += 1
        if task.tasks == 1 and not names & REASONS:
            raise Broken("it is %s for another reason: %s" % (r.status, r.error), task, r.id)
        if task.kind == "fails" and r.status == "ok":
            raise Broken("it should have failed", task, r.id)
        if "ExitStatus" in names and task.kind != "fails" and task.tasks == 1:
            raise Broken("it failed, and should not have", task, r.id)

    # --- nothing is left over ---------------------------------------------------

    def check_left_over(self):
        """After the end of all."""
        w = self.world
        if w.mounted() != [w.disk]:
            raise Broken("mounts are left: %s" % w.mounted())
        tap.wait_for(lambda: not w.processes())
        left = os.listdir(w.spool) + os.listdir(w.cluster + "/outputs/.engines")
        left = [n for n in left if not n.startswith("here-") and not self.is_swept(n)]
        if left:
            raise Broken("files are left: %s" % left)
        self.check_files()
        self.check_logs()
        self.check_database()

    def is_swept(self, name):
        """The directory of an engine whose guard was killed, too, goes when the next
        engine starts. That it may go its lock says."""
        try:
            fd = os.open(os.path.join(self.world.spool, name), os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            return False
        finally:
            os.close(fd)

    def check_files(self):
        """An output is that of a result."""
        ids = {r.id for r in self.results.values()}
        for name in os.listdir(self.world.cluster + "/outputs"):
            if name[0] != "." and int(name.partition(".")[0]) not in ids:
                raise Broken("%s is the output of nothing" % name)
        if os.path.exists(self.world.cluster + "/lost+found"):
            raise Broken("something was put aside into lost+found")

    def check_logs(self):
        for name in os.listdir(self.world.logs):
            with open(os.path.join(self.world.logs, name), errors="replace") as f:
                for line in f:
                    if any(w in line for w in ("Sanitizer", "runtime error", "Assertion")):
                        raise Broken("%s: %s" % (name, line))

    def check_database(self):
        p = subprocess.run(
            [os.path.join(BUILD, "taskfs-controller"), "--check",
             "--cluster-dir=" + self.world.cluster],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )
        if p.returncode:
            raise Broken("--check: " + p.stdout)

    # --- the whole story of one -------------------------------------------------

    def story(self, task, id, began):
        """Lines."""
        if task:
            yield "%s, %s: %s" % (task.number, task.kind, task.text)
            for at, what in task.story:
                yield "%8.2f s %s" % (at - began, what)
            for n, times in self.ran.items():
                if n.partition(".")[0] == task.number:
                    yield "%s ran %d times" % (n, times)
        r = self.results.get(task.number) if task else None
        if id is None and r:
            id = r.id
        if id is None:
            return
        for name in "status", "metadata", "attempts", "error", "why":
            try:
                text = self.world.mounts[0].read("results", id, name)
            except OSError as e:
                text = str(e)
            yield "results/%d/%s: %s" % (id, name, text.strip())
        msg = r and r.metadata.get("msg_id")
        words = ['"result":%d,' % id, '"result":%d}' % id] + ([msg] if msg else [])
        for log in sorted(os.listdir(self.world.logs)):
            with open(os.path.join(self.world.logs, log), errors="replace") as f:
                for line in f:
                    if any(w in line for w in words):
                        yield "%s: %s" % (log, line.strip())
