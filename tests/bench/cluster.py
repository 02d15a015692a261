"""A cluster of our programs to be measured: its processes, their processor time and
memory, and what it is asked through its mount."""

import os
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.path.join(ROOT, os.environ.get("BUILD", "build")))
MEASURE = os.path.join(BUILD, "tests/bench/measure")
SYSCALLS = os.path.join(BUILD, "tests/count/syscalls")
ALLOCATIONS = os.path.join(BUILD, "tests/count/allocations.so")
TICK = os.sysconf("SC_CLK_TCK")
# How long the programs wait for one another when they start: longer than it takes.
LONG = "100000"


def read(path):
    with open(path) as f:
        return f.read()


def children(pid):
    """Of all its threads."""
    try:
        threads = os.listdir("/proc/%d/task" % pid)
        return [
            int(p)
            for t in threads
            for p in read("/proc/%d/task/%s/children" % (pid, t)).split()
        ]
    except FileNotFoundError:
        return []


def tree(pid):
    """A process and every one below it."""
    return [pid] + [p for child in children(pid) for p in tree(child)]


def stat(pid):
    """The fields of proc(5), from the third on."""
    return read("/proc/%d/stat" % pid).rsplit(")", 1)[1].split()


def own_seconds(pids):
    """Processor time of their own threads."""
    total = 0
    for pid in pids:
        for thread in os.listdir("/proc/%d/task" % pid):
            path = "/proc/%d/task/%s/schedstat" % (pid, thread)
            total += int(read(path).split()[0])
    return total / 1e9


def all_seconds(pids):
    """And of their children that they have waited for."""
    return sum(sum(int(t) for t in stat(pid)[11:15]) for pid in pids) / TICK


def pss(pids):
    """MiB of memory, shared pages shared out."""
    total = 0
    for pid in pids:
        try:
            lines = read("/proc/%d/smaps_rollup" % pid).splitlines()
            total += sum(int(s.split()[1]) for s in lines if s.startswith("Pss:"))
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has gone, or is a zombie
    return total / 1024


class Cluster:
    """Runs from begin to stop(). preload: counts allocations, in self.counts."""

    def __init__(self, engines=1, options=(), preload=False):
        self.engines = engines
        self.home = tempfile.mkdtemp(prefix="taskfs-bench.")
        self.mnt = os.path.join(self.home, "mnt")
        self.dir = os.path.join(self.home, "cluster")
        self.counts = os.path.join(self.home, "counts")
        os.mkdir(self.counts)
        more = {}
        if preload:
            more = {"LD_PRELOAD": ALLOCATIONS, "ALLOCATIONS": self.counts}
        self.env = {**os.environ, **more}
        self.call("start", "--engines", str(engines), "--mount", self.mnt, *options)

    def call(self, verb, *options):
        command = [os.path.join(ROOT, "scripts/taskfs-cluster"), verb, "--dir", self.dir]
        command += ["--name", "bench", "--bin", BUILD, "--timeout", LONG, *options]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit("taskfs-cluster %s: %s" % (verb, done.stdout + done.stderr))

    def stop(self):
        self.call("stop")
        subprocess.run(["rm", "-rf", "--one-file-system", self.home])

    # --- its processes ---

    def pid_of(self, name):
        return int(read(os.path.join(self.dir, "pid", name + ".pid")).split()[0])

    def programs(self):
        """The pids of each of our programs; those of engines are many."""
        names = os.listdir(os.path.join(self.dir, "pid"))
        guards = [self.pid_of(n[:-4]) for n in names if n.startswith("taskfs-engine-")]
        return {
            "mount": [self.pid_of("taskfs")],
            "controller": [self.pid_of("taskfs-controller")],
            "engine": [p for guard in guards for p in tree(guard) if is_ours(p)],
        }

    # --- what it is asked ---

    def path(self, name):
        return os.path.join(self.mnt, name)

    def submit(self, text):
        """Its id."""
        fd = os.open(self.path("tasks/new"), os.O_RDWR)
        try:
            os.write(fd, text.encode())
            return os.read(fd, 64).decode().strip()
        finally:
            os.close(fd)

    def get(self, id, name):
        return read(self.path("results/%s/%s" % (id, name))).strip()


def is_ours(pid):
    try:
        return read("/proc/%d/comm" % pid).startswith("taskfs")
    except FileNotFoundError:
        return False


def measure(*args):
    """What tests/bench/measure prints: numbers."""
    done = subprocess.run([MEASURE, *map(str, args)], stdout=subprocess.PIPE, check=True)
    numbers = [float(x) for x in done.stdout.split()]
    return numbers[0] if len(numbers) == 1 else numbers


def measure_traced(programs, *args):
    """The same, and each program's system calls meanwhile: {program: {call: n}}. None
    where processes cannot be traced."""
    import json

    who = ["%s=%s" % (name, ",".join(map(str, p))) for name, p in programs.items()]
    command = [SYSCALLS, *who, "--", MEASURE, *map(str, args)]
    done = subprocess.run(command, stdout=subprocess.PIPE)
    if done.returncode == 77:
        return None
    done.check_returncode()
    return json.loads(done.stdout)
