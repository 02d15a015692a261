#!/usr/bin/python3
"""Variables of stock Python engines, as files of a mount."""

import errno
import json
import os
import signal
import subprocess
import time

import mix
from mounted import Bridged, Mounted

TIER = "check"

class Variables:
    """vars/, scatter/, gather/: what is in the namespace of a Python engine."""

    def raw(self, path, data=None):
        with open(os.path.join(self.mnt, path), "rb" if data is None else "wb") as f:
            return f.read() if data is None else f.write(data)

    def listed(self, engine):
        return sorted(os.listdir("%s/engines/%s/vars" % (self.mnt, engine)))

    def setUp(self):
        super().setUp()
        self.rc[:].clear(block=True)

    def sees(self, want, what, *args):
        """what(*args) is that. Who looks is told what was known before when an
        engine runs something, as it may seem to for a while when another client
        had something done, or while it does not answer for a second or two: then
        again."""
        late = False

        def is_told():
            nonlocal late
            began = time.monotonic()
            got = what(*args)
            if got == want:
                return True
            states = {self.read("engines/%s/state" % e) for e in self.ids()}
            late |= time.monotonic() - began >= 1 or states != {"idle\n"}
            self.assertTrue(late, (got, want))
            return False

        mix.wait_for(is_told)

    def lists(self, engine, *names):
        self.sees([*names], self.listed, engine)

    def size(self, path):
        return os.stat(os.path.join(self.mnt, path)).st_size

    def at_once(self, what, *args):
        """what(*args), which does not wait for an engine that runs something. One
        that is free may seem to for a while."""

        def is_done():
            try:
                what(*args)
            except OSError as e:
                if e.errno != errno.EBUSY:
                    raise
                return False
            return True

        mix.wait_for(is_done)

    def test_push_and_pull(self):
        self.write("engines/0/vars/a", "5\n")
        self.assertEqual(self.value("a + 1", path="engines/0/new"), "6\n")
        self.assertEqual(self.read("engines/0/vars/a"), "5\n")
        self.value("a = [1, {'x': None, 'y': 'é'}, 2.5, True]", path="engines/0/new")
        self.assertEqual(
            self.read("engines/0/vars/a"), '[1, {"x": null, "y": "é"}, 2.5, true]\n'
        )
        self.lists(1)

    def test_the_same_as_clients_see(self):
        self.rc[0].push({"theirs": {"n": 3}}, block=True)
        self.assertEqual(self.read("engines/0/vars/theirs"), '{"n": 3}\n')
        self.write("engines/0/vars/ours", '{"n": [1, 2]}\n')
        self.assertEqual(self.rc[0]["ours"], {"n": [1, 2]})
        self.rc[0].execute("del theirs", block=True)
        self.lists(0, "ours")

    def test_what_json_cannot_say(self):
        self.rc[0].push({"bytes": b"\0\xff\n"}, block=True)
        self.assertEqual(self.raw("engines/0/vars/bytes"), b"\0\xff\n")
        self.value("s = {3}; c = 1j; r = range(3); t = (1, 'a')", path="engines/0/new")
        for name, text in ("s", "{3}"), ("c", "1j"), ("r", "[0, 1, 2]"), ("t", '[1, "a"]'):
            self.assertEqual(self.read("engines/0/vars/" + name), text + "\n")
        self.refused(errno.EINVAL, self.append, "engines/0/vars/s", b"x")

    def append(self, path, data):
        how = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        fd = os.open(os.path.join(self.mnt, path), how, 0o666)
        try:
            os.write(fd, data)
        finally:
            os.close(fd)

    def test_what_is_no_json_is_a_text_or_bytes(self):
        self.write("engines/0/vars/t", "hello\n")
        self.assertEqual(self.rc[0]["t"], "hello")
        self.assertEqual(self.read("engines/0/vars/t"), '"hello"\n')
        self.append("engines/0/vars/t", b"world\n")
        self.assertEqual(self.rc[0]["t"], "hello\nworld")
        for piece in b"!", b" again\n", b"and again":
            self.append("engines/0/vars/t", piece)
        self.assertEqual(self.rc[0]["t"], "hello\nworld\n! again\nand again")
        for piece in b"1", b"2\n":
            self.append("engines/0/vars/n", piece)
        self.assertEqual(self.rc[0]["n"], 12)
        self.append("engines/0/vars/n", b"3\n")
        self.assertEqual(self.rc[0]["n"], "12\n3")
        self.rc[0]["theirs"] = "a"
        self.append("engines/0/vars/theirs", b"b\n")
        self.assertEqual(self.rc[0]["theirs"], "ab")
        for piece in b"[1,", b" 2]\n":
            self.append("engines/0/vars/l", piece)
        self.assertEqual(self.rc[0]["l"], [1, 2])
        self.raw("engines/0/vars/b", b"\xff\xfe\0")
        self.assertEqual(self.rc[0]["b"], b"\xff\xfe\0")
        self.raw("engines/0/vars/zeros", b"a\0b")
        self.assertEqual(self.rc[0]["zeros"], b"a\0b")
        self.raw("engines/0/vars/e", b"")
        self.assertEqual(self.read("engines/0/vars/e"), '""\n')

    def test_only_data_is_listed_with_its_size(self):
        self.value(
            "import os\nclass C: pass\ndef f(): pass\n_hidden = 1\nn = 1234\nl = list(range(1000))",
            path="engines/0/new",
        )
        self.lists(0, "l", "n")
        for name in "l", "n":
            path = "engines/0/vars/" + name
            self.sees(len(self.read(path)), self.size, path)

    def test_a_value_that_changes_in_place(self):
        self.value("l = []", path="engines/0/new")
        self.sees(3, self.size, "engines/0/vars/l")
        self.value("l.append(10)", path="engines/0/new")
        self.sees(5, self.size, "engines/0/vars/l")
        self.assertEqual(self.read("engines/0/vars/l"), "[10]\n")

    def test_remove_and_rename(self):
        at = os.path.join(self.mnt, "engines/0/vars/")
        self.write("engines/0/vars/a", "1\n")
        self.at_once(os.rename, at + "a", at + "b")
        self.assertEqual(self.rc[0]["b"], 1)
        self.lists(0, "b")
        self.at_once(os.remove, at + "b")
        self.lists(0)
        self.refused(errno.ENOENT, self.read, "engines/0/vars/b")
        self.refused(errno.ENOENT, self.at_once, os.remove, at + "b")

    def test_names_that_python_does_not_have(self):
        for name in "a-b", "class", "_a", "1a", "In":
            self.refused(errno.EINVAL, self.write, "engines/0/vars/" + name, "1\n")
        self.lists(0)

    def test_new_ones_only(self):
        path = os.path.join(self.mnt, "engines/0/vars/x")
        how = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        fd = os.open(path, how)
        os.write(fd, b"1\n")
        self.refused(errno.EEXIST, os.open, path, how)
        os.close(fd)
        self.refused(errno.EEXIST, os.open, path, how)
        self.assertEqual(self.rc[0]["x"], 1)

    def test_truncate_and_times(self):
        self.write("engines/0/vars/x", "1234\n")
        path = os.path.join(self.mnt, "engines/0/vars/x")
        self.at_once(os.utime, path, (1e9, 1e9))
        self.sees(1e9, lambda: os.stat(path).st_mtime)
        self.assertEqual(self.rc[0]["x"], 1234)
        self.at_once(os.truncate, path, 2)
        self.assertEqual(self.rc[0]["x"], 12)

    def test_views(self):
        self.write("engines/all/vars/v", "[1]\n")
        self.assertEqual(self.rc[:]["v"], [[1], [1]])
        self.assertEqual(self.read("engines/0,1/vars/v"), "[1]\n[1]\n")
        self.at_once(os.remove, os.path.join(self.mnt, "engines/1/vars/v"))
        self.refused(errno.EREMOTEIO, self.read, "engines/all/vars/v")

    def test_scatter_and_gather(self):
        lines = 'apple\n2\n"3"\n[4]\n5.5\n'
        self.write("engines/all/scatter/s", lines)
        self.assertEqual(self.rc[:]["s"], [["apple", 2, "3"], [[4], 5.5]])
        self.assertEqual(self.read("engines/all/gather/s"), lines)
        self.sees(len(lines), self.size, "engines/all/gather/s")
        self.rc[:].scatter("theirs", list(range(5)), block=True)
        self.assertEqual(self.read("engines/all/gather/theirs"), "0\n1\n2\n3\n4\n")
        self.assertEqual(self.rc[:].gather("s", block=True), ["apple", 2, "3", [4], 5.5])

    def test_much(self):
        data = bytes(range(256)) * 40000
        self.raw("engines/0/vars/big", data)
        self.assertEqual(self.raw("engines/0/vars/big"), data)
        text = json.dumps(list(range(500000))) + "\n"
        self.write("engines/1/vars/big", text)
        self.assertEqual(self.value("len(big)", path="engines/1/new"), "500000\n")
        self.assertEqual(self.read("engines/1/vars/big"), text)

    def test_while_a_task_runs(self):
        self.write("engines/0/vars/a", "1\n")
        gate = self.gate()
        id = self.start("open(%r).read()\nb = a" % gate, "engines/0/new")
        at = os.path.join(self.mnt, "engines/0/vars/")
        # Nothing that holds a lock of the kernel's waits for the task.
        self.assertEqual(self.listed(0), ["a"])
        self.refused(errno.EBUSY, os.remove, at + "a")
        self.refused(errno.EBUSY, os.truncate, at + "a", 0)
        fd = os.open(at + "new", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        os.write(fd, b"[2")
        os.write(fd, b", 3]\n")
        self.assertEqual(self.get(id, "status"), "running\n")
        gate.reached().close()
        os.close(fd)
        self.done(id)
        self.lists(0, "a", "b", "new")
        self.assertEqual(self.read("engines/0/vars/new"), "[2, 3]\n")

    def test_a_reader_that_waits_can_be_interrupted(self):
        self.write("engines/0/vars/a", "1\n")
        gate = self.gate()
        id = self.start("open(%r).read()" % gate, "engines/0/new")
        cat = subprocess.Popen(
            ["cat", self.mnt + "/engines/0/vars/a"],
            stdout=subprocess.PIPE,
            # Beside a shell's "&" this one is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        mix.wait_for(lambda: mix.is_waiting(cat, "read"))
        cat.send_signal(signal.SIGINT)
        self.assertEqual(cat.communicate()[0], b"")
        self.assertEqual(self.get(id, "status"), "running\n")
        gate.reached().close()
        self.done(id)

    def test_objects_that_do_what_they_like(self):
        self.value(
            "class Proxy: __class__ = property(lambda self: 1 / 0)\n"
            "class Pairs(dict):\n"
            "    def values(self): raise RuntimeError('no \\ud800')\n"
            "    items = values\n"
            "class Silent:\n"
            "    def __repr__(self): raise KeyError\n"
            "a, b, c, d = Proxy(), Pairs(x=1), Silent(), 4\n"
            "e = []; e.append(e)\n",
            path="engines/0/new",
        )
        self.lists(0, "a", "b", "c", "d", "e")
        self.assertEqual(self.read("engines/0/vars/d"), "4\n")
        self.assertEqual(self.read("engines/0/vars/e"), "[[...]]\n")
        self.refused(errno.EREMOTEIO, self.read, "engines/0/vars/b")

    def test_sizes(self):
        values = {
            "texts": ["a", "1", "b\nc", "\u00e9", "", '"q"'],
            "none": [],
            "mixed": [1, "x", [2, "y"], None, {"k": 1.5}],
            "raw": [b"x", 1],
            "bytes": b"1234",
        }
        self.rc[:].push(values, block=True)
        for name in values:
            for dir in "vars", "gather":
                path = "engines/all/%s/%s" % (dir, name)
                self.sees(len(self.raw(path)), self.size, path)

    def test_a_large_value_has_its_size_when_it_was_read(self):
        self.rc[0].execute("large = range(1000001)", block=True)
        path = os.path.join(self.mnt, "engines/0/vars/large")
        self.sees(True, os.path.exists, path)
        before = os.stat(path)
        self.assertEqual(before.st_size, 0)
        n = len(self.raw(path))
        self.sees(n, lambda: os.stat(path).st_size)
        self.sees(before.st_mtime, lambda: os.stat(path).st_mtime)

    def test_a_writer_does_not_wait_for_an_engine_that_stands_still(self):
        """It holds the file's lock; to close it is to wait."""
        pid = int(self.read("engines/0/pid"))
        path = os.path.join(self.mnt, "engines/0/vars/a")
        os.kill(pid, signal.SIGSTOP)
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT)
            os.write(fd, b"[1")
            os.write(fd, b", 2]\n")
        finally:
            os.kill(pid, signal.SIGCONT)
        os.close(fd)
        self.assertEqual(self.rc[0]["a"], [1, 2])

    def test_what_was_there_before_a_task_is_known(self):
        gate = self.gate()
        self.rc[0].push({"before": 1}, block=True)

        def seen_while_a_task_runs():
            id = self.start("open(%r).read()" % gate, "engines/0/new")
            names = self.listed(0)
            gate.reached().close()
            self.done(id)
            return names == ["before"]

        # Nobody looks while the engine is free: it is asked now and then.
        mix.wait_for(seen_while_a_task_runs)

    def test_names_of_a_task_are_put_back(self):
        self.rc[:].push({"args": "mine", "item": "mine"}, block=True)
        self.value("(item, items, args)", map=["a"], args=["x"])
        self.assertEqual(self.rc[:].pull(("args", "item"), block=True), [["mine", "mine"]] * 2)
        self.lists(0, "args", "item")
        self.lists(1, "args", "item")
        self.value("args = 5", args=["x"], path="engines/0/new")
        self.assertEqual(self.rc[0].pull("args", block=True), 5)

    def test_clear(self):
        self.write("engines/all/vars/a", "1\n")
        self.write("engines/0/ctl", "clear\n")
        self.lists(0)
        self.lists(1, "a")


class OnOurController(Variables, Mounted):
    controller, engines = mix.OURS, (mix.STOCK, mix.STOCK)


class OnStockController(Variables, Bridged):
    pass


if __name__ == "__main__":
    mix.main(__name__)
