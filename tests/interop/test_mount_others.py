#!/usr/bin/python3
"""What other clients run, as a mount shows it."""

import contextlib
import errno
import json
import os
import pickle

import mix
from mounted import Bridged, Mounted

TIER = "check"

class Others:
    """What other clients run there."""

    def their(self, msg_id):
        """The id of the result that another client's task is."""
        def find():
            for id in os.listdir(self.mnt + "/results"):
                with contextlib.suppress(OSError):
                    if id.isdigit() and self.get(int(id), "msg_ids") == msg_id + "\n":
                        return int(id)
            return None

        return mix.wait_for(find)

    def test_what_others_execute(self):
        ar = self.rc[0].execute("print('theirs')\n6*7", silent=False)
        id = self.their(ar.msg_ids[0])
        self.done(id)
        self.assertEqual(self.get(id, "code"), "print('theirs')\n6*7")
        self.assertEqual(self.get(id, "stdout"), "theirs\n")
        self.assertEqual(self.get(id, "value"), "42\n")
        self.assertEqual(self.get(id, "engine"), "0\n")

    def test_what_fails_of_others(self):
        ar = self.rc[0].execute("1/0", silent=False)
        id = self.their(ar.msg_ids[0])
        self.done(id, "error")
        error = self.get(id, "error")
        self.assertTrue(error.startswith("ZeroDivisionError: "))
        self.assertIn("----> 1 1/0", error)
        self.assertNotIn("\033", error)

    def test_what_others_apply(self):
        ar = self.rc.load_balanced_view().apply_async(int, "42")
        id = self.their(ar.msg_ids[0])
        self.done(id)
        self.assertEqual(self.get(id, "code"), "apply_request")
        with open("%s/results/%d/value" % (self.mnt, id), "rb") as f:
            self.assertEqual(pickle.load(f), 42)
        metadata = json.loads(self.get(id, "metadata"))
        self.assertEqual(metadata["value_format"], "pickle")

    def test_output_of_others_while_it_comes(self):
        gate = self.gate()
        ar = self.rc[1].execute(
            "import time\nprint('a', flush=True)\nopen(%r).read()\nprint('b', flush=True)" % gate,
            silent=False,
            block=False,
        )
        id = self.their(ar.msg_ids[0])
        self.assertEqual(self.get(id, "status"), "running\n")
        gate.reached().close()
        self.done(id)
        self.assertEqual(self.get(id, "stdout"), "a\nb\n")

    def test_what_others_run_is_not_aborted_here(self):
        gate = self.gate()
        ar = self.rc[0].apply_async(mix.wait_at, gate)
        id = self.their(ar.msg_ids[0])
        self.running(id)
        self.refused(errno.EOPNOTSUPP, self.write, "results/%d/ctl" % id, "abort\n")
        gate.reached().close()
        self.done(id)
        self.assertIsNone(ar.get())

    def test_many_of_others(self):
        view = self.rc.load_balanced_view()
        msg_ids = [view.apply_async(int, str(i)).msg_ids[0] for i in range(120)]
        for msg_id in (msg_ids[0], msg_ids[-1]):
            self.done(self.their(msg_id))
        all = mix.wait_for(lambda: self.all_of(msg_ids))
        self.assertEqual(sorted(all), sorted(msg_ids))

    def all_of(self, msg_ids):
        """What msg_ids there are of these, when there are all."""
        found = []
        for id in os.listdir(self.mnt + "/results"):
            with contextlib.suppress(OSError):
                if id.isdigit():
                    found.append(self.get(int(id), "msg_ids").strip())
        found = [m for m in found if m in msg_ids]
        return found if len(found) >= len(msg_ids) else None


class OnOurController(Others, Mounted):
    controller, engines = mix.OURS, (mix.STOCK, mix.STOCK)


class OnStockController(Others, Bridged):
    pass


class BesideBroadcasts(Others, Bridged):
    """Of what is broadcast the hub keeps records without a date."""

    def setUp(self):
        super().setUp()
        self.rc.broadcast_view().apply_sync(print, "x")
        mix.wait_for(lambda: self.rc.db_query({"submitted": None}, keys=["msg_id"]))

    def tearDown(self):
        bad = [x for x in self.cluster.controller.lines if "DB query failed" in x]
        self.assertEqual(bad, [])


class BesideSqlite(Others, Bridged):
    """There values and errors in records are texts of JSON."""

    controller_args = ("--sqlitedb",)


if __name__ == "__main__":
    mix.main(__name__)
