#!/usr/bin/python3
"""What a Python session does with its views; the stock controller is the measure."""

import contextlib
import io
import os
import signal
import threading
from unittest import mock

import ipyparallel as ipp
import mix
from IPython.core.interactiveshell import InteractiveShell
from joblib import Parallel, delayed

TIER = "check"


def square(x):
    return x * x


def show(x):
    from IPython.display import display

    display({"a": x})
    return x


def publish(gate):
    from ipyparallel.datapub import publish_data

    publish_data({"step": 1})
    with open(gate) as f:
        f.read()
    publish_data({"step": 2})
    return 3


square.__module__ = show.__module__ = publish.__module__ = "__main__"


class Views(mix.Case):
    controller, engines, hears = mix.STOCK, (mix.STOCK, mix.STOCK), True

    def setUp(self):
        super().setUp()
        self.dv = self.rc[:]
        self.lv = self.rc.load_balanced_view()

    def test_executor(self):
        with self.rc.executor() as ex:
            self.assertEqual(ex.submit(square, 3).result(), 9)
            self.assertEqual(list(ex.map(square, range(6))), [0, 1, 4, 9, 16, 25])
            self.fails("ZeroDivisionError", ex.submit(lambda: 1 / 0).result)

    def test_imap(self):
        want = [i * i for i in range(20)]
        self.assertEqual(list(self.lv.imap(square, range(20), max_outstanding=3)), want)
        got = self.lv.imap(square, range(20), ordered=False, max_outstanding="auto")
        self.assertEqual(sorted(got), want)
        self.assertEqual(list(self.dv.imap(square, range(20))), want)

    def test_scatter_and_gather(self):
        self.dv.scatter("a", list(range(7)), block=True)
        self.assertEqual(self.dv["a"], [[0, 1, 2, 3], [4, 5, 6]])
        self.assertEqual(self.dv.gather("a", block=True), list(range(7)))

    def test_outputs_and_their_record(self):
        ar = self.rc[0].apply_async(show, 5)
        ar.get()
        ar.wait_for_output()
        self.assertEqual(len(ar.outputs), 1)
        where = {"msg_id": ar.msg_ids[0]}
        rec = mix.wait_for(
            lambda: (r := self.rc.db_query(where)) and r[0].get("display_data") and r[0]
        )
        self.assertEqual(rec["display_data"]["data"]["text/plain"], "{'a': 5}")

    def test_output_that_is_no_text(self):
        # As a file's name comes that is no UTF-8.
        ar = self.rc[0].execute("print('a \\udc80')", silent=False, block=False)
        ar.get()
        ar.wait_for_output()
        self.assertEqual(ar.stdout, "a \ufffd\n")
        ar = self.rc[0].execute("raise ValueError('b \\udc80')", block=False)
        ar.wait()
        where = {"msg_id": ar.msg_ids[0]}
        rec = mix.wait_for(lambda: (r := self.rc.db_query(where)) and r[0]["error"] and r[0])
        self.assertEqual(rec["error"]["evalue"], "b \ufffd")

    def test_what_is_an_async_result(self):
        ar = self.dv.apply_async(square, 3)
        self.assertEqual(ar.get_dict(), {0: 9, 1: 9})
        self.assertEqual((ar.r, ar.progress, len(ar)), ([9, 9], 2, 2))
        with contextlib.redirect_stdout(io.StringIO()):
            ar.wait_interactive(interval=0.01)
        gate = self.gate()
        ar = self.lv.apply_async(mix.wait_at, gate)
        with self.assertRaises(TimeoutError):
            ar.get(timeout=0.01)

    def test_times(self):
        gate = self.gate()
        ar = self.dv.apply_async(mix.wait_at, gate)
        mix.wait_for(lambda: all(self.rc.queue_status(e)["queue"] for e in self.rc.ids))
        self.assertEqual((ar.progress, len(ar)), (0, 2))
        for name in "wall_time", "serial_time":
            self.assertRaises((TimeoutError, AttributeError), getattr, ar, name)
        before = ar.elapsed
        self.assertGreater(before, 0)
        gate.open()
        ar.get()
        self.assertEqual(ar.progress, 2)
        self.assertEqual(ar.elapsed, ar.wall_time)
        self.assertGreaterEqual(ar.elapsed, before)
        ran = []
        for md in ar.metadata:
            times = [md[t] for t in ("submitted", "started", "completed", "received")]
            self.assertEqual(times, sorted(times))
            ran.append(ar.timedelta(md["started"], md["completed"]))
        self.assertAlmostEqual(ar.serial_time, sum(ran))
        self.assertGreater(min(ran), 0)
        self.assertGreaterEqual(ar.wall_time, max(ran))
        self.assertEqual(ar.wall_time, ar.timedelta(ar.submitted, ar.received))
        one = self.lv.apply_async(square, 3)
        one.get()
        self.assertGreaterEqual(one.wall_time, one.serial_time)
        self.assertGreaterEqual(one.serial_time, 0)
        # The hub tells others the same.
        where = {"msg_id": {"$in": ar.msg_ids}}
        ended = lambda: [r for r in self.rc.db_query(where) if r["completed"]]
        mix.wait_for(lambda: len(ended()) == 2)
        recs = ended()
        for rec in recs:
            md = ar.metadata[ar.msg_ids.index(rec["msg_id"])]
            for t in "submitted", "started", "completed":
                self.assertEqual(rec[t], md[t])

    def test_abort(self):
        """An engine may begin what waits before its nanny has passed it on."""
        mix.wait_for(self.is_aborted)

    def is_aborted(self):
        gate = self.gate()
        runs = self.dv.apply_async(mix.wait_at, gate)
        mix.wait_for(lambda: all(self.rc.queue_status(e)["queue"] for e in self.rc.ids))
        waits, goes = (self.dv.apply_async(square, i) for i in range(2))
        # Engines answer when they are free; that it got there their nannies do.
        sent, send = threading.Semaphore(0), self.rc._send

        def count(*args, **how):
            future = send(*args, **how)
            sent.release()
            return future

        with mock.patch.object(self.rc, "_send", count):
            aborts = threading.Thread(target=waits.abort, daemon=True)
            aborts.start()
            for _ in self.rc.ids:
                sent.acquire()
        self.rc.send_signal(0, block=True)
        gate.open()
        # Of several this is the result, and no exception.
        got = waits.get()
        aborts.join()
        self.assertEqual(goes.get(), [1, 1])
        self.assertEqual(runs.get(), [None] * 2)
        # Of what has ended; newer ones have another word for it.
        self.assertRaises((AssertionError, RuntimeError), waits.abort)
        return all(isinstance(x, ipp.error.TaskAborted) for x in got)

    OUTPUTS = (
        "import sys\n"
        "print('out', flush=True)\n"
        "open(%r).read()\n"
        "print('err', file=sys.stderr, flush=True)\n"
    )

    def test_display_outputs(self):
        ar = self.dv.execute(self.OUTPUTS % "/dev/null", silent=False, block=False)
        ar.get()
        for by in "type", "engine", "order":
            out, err = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                ar.display_outputs(by)
            self.assertEqual(out.getvalue(), "[stdout:0] \nout\n[stdout:1] \nout\n")
            self.assertEqual(err.getvalue(), "[stderr:0] \nerr\n[stderr:1] \nerr\n")

    def test_stream_output(self):
        """While it runs."""
        gate = self.gate()
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            # Its callbacks must be there when the first output comes.
            hold = self.gate()
            first = self.rc[1].apply_async(mix.wait_at, hold)
            ar = self.rc[[1]].execute(self.OUTPUTS % gate, silent=False, block=False)
            with ar.stream_output():
                hold.open()
                mix.wait_for(lambda: out.getvalue() == "[stdout:1] \nout\n")
                self.assertFalse(ar.ready())
                gate.reached().close()
                ar.get()
                ar.wait_for_output()
        first.get()
        self.assertEqual(out.getvalue(), "[stdout:1] \nout\n")
        self.assertEqual(err.getvalue(), "[stderr:1] \nerr\n")

    def test_published_data(self):
        """What a task tells while it runs; the last of it stays."""
        gate = self.gate()
        ar = self.rc[0].apply_async(publish, gate)
        mix.wait_for(lambda: ar.data == {"step": 1})
        self.assertFalse(ar.ready())
        gate.reached().close()
        self.assertEqual(ar.get(), 3)
        mix.wait_for(lambda: ar.data == {"step": 2})

    def test_purge_everything(self):
        ar = self.dv.apply_async(square, 3)
        ar.get()
        where = {"msg_id": {"$in": ar.msg_ids}}
        ended = lambda: [r for r in self.rc.db_query(where) if r["completed"]]
        mix.wait_for(lambda: len(ended()) == 2)
        self.rc.purge_everything()
        self.assertEqual(self.rc.db_query(where), [])

    def test_magics(self):
        shell = InteractiveShell.instance()
        self.dv.activate()
        with contextlib.redirect_stdout(io.StringIO()):
            shell.run_line_magic("px", "a = 5")
            self.assertEqual(self.dv["a"], [5, 5])
            shell.run_cell_magic("px", "--targets 0", "b = a + 1\nc = b * 2")
            self.assertEqual(self.rc[0]["c"], 12)
            self.assertRaises(ipp.error.RemoteError, self.rc[1].pull, "c", block=True)
            shell.run_line_magic("autopx", "")
            shell.run_cell("d = 7")
            shell.run_line_magic("autopx", "")
        self.assertEqual(self.dv["d"], [7, 7])
        self.assertNotIn("d", shell.user_ns)
        shell.run_line_magic("pxconfig", "--noblock")
        ar = shell.run_cell_magic("px", "", "e = a + d")
        ar.get()
        self.assertEqual(self.dv["e"], [12, 12])

    def test_joblib(self):
        self.lv.register_joblib_backend("views")
        got = Parallel(backend="views")(delayed(abs)(-i) for i in range(30))
        self.assertEqual(got, list(range(30)))

    def test_the_queue_beside_direct_tasks(self):
        gate = self.gate()
        busy = self.dv.apply_async(mix.wait_at, gate)
        mix.wait_for(lambda: all(self.rc.queue_status(e)["queue"] for e in self.rc.ids))
        ars = [self.lv.apply_async(square, i) for i in range(2)]
        mix.wait_for(self.are_queued)
        gate.open()
        self.assertEqual([ar.get() for ar in ars], [0, 1])
        busy.get()

    def are_queued(self):
        """Behind what a direct view runs."""
        return all(self.rc.queue_status(e)["tasks"] for e in self.rc.ids)


class ViewsOfOurs(Views):
    controller = mix.OURS

    def are_queued(self):
        """The first engine that is free has them."""
        return self.rc.queue_status()["unassigned"] == 2


# An engine that does not answer for 11 s.
HEART = ("--ping=1000", "--HeartMonitor.max_heartmonitor_misses=10")


class Heart(mix.Case):
    controller, engines = mix.STOCK, (mix.STOCK, mix.STOCK)
    controller_args = HEART

    def test_a_heart_that_stops(self):
        pid = self.rc[1].apply_sync(os.getpid)
        gate = self.gate()
        ar = self.rc[1].apply_async(mix.wait_at, gate)
        os.kill(pid, signal.SIGSTOP)
        try:
            mix.wait_for(lambda: 1 not in self.rc.ids)
            e = self.fails("EngineError", ar.get)
            self.assertEqual(e.evalue, "Engine 1 died while running task %r" % ar.msg_ids[0])
        finally:
            os.kill(pid, signal.SIGKILL)
        self.cluster.engines.pop()


class HeartOfOurs(Heart):
    controller = mix.OURS


class StillOfTheirs(mix.Case):
    """An engine of ipyparallel that is stopped until it is given up, and goes on."""

    controller, engines = mix.OURS, (mix.STOCK, mix.STOCK)
    controller_args = HEART

    def test_it_comes_back_under_its_number(self):
        pid = self.rc[1].apply_sync(os.getpid)
        os.kill(pid, signal.SIGSTOP)
        try:
            mix.wait_for(lambda: self.rc.ids == [0])
            self.assertEqual(set(self.rc.queue_status()), {0, "unassigned"})
            self.assertEqual(self.rc[:].apply_sync(int), [0])
        finally:
            os.kill(pid, signal.SIGCONT)
        mix.wait_for(lambda: self.rc.ids == [0, 1])
        self.assertEqual(self.rc[1].apply_sync(os.getpid), pid)


class Still(mix.Case):
    """An engine of ours that is stopped until it is given up, and goes on."""

    controller, engines, hears = mix.OURS, (mix.OURS,), True
    controller_args = HEART
    expected = ("stood still", "does not know the engine any more")

    def setUp(self):
        super().setUp()
        self.engine = self.cluster.engines[0]
        with open("/proc/%d/task/%d/children" % ((self.engine.pid,) * 2)) as f:
            self.worker = int(f.read().split()[0])

    def stop_and_go(self):
        # Its guard would let it go on.
        os.kill(self.engine.pid, signal.SIGSTOP)
        os.kill(self.worker, signal.SIGSTOP)
        try:
            mix.wait_for(lambda: not self.rc.ids)
        finally:
            os.kill(self.worker, signal.SIGCONT)
            os.kill(self.engine.pid, signal.SIGCONT)

    def test_it_comes_back(self):
        self.stop_and_go()
        mix.wait_for(lambda: self.rc.ids == [0])
        ar = self.rc[0].execute("echo again", silent=False, block=True)
        self.assertEqual(ar.execute_result["data"]["text/plain"], "again")


class StillOnStock(Still):
    controller = mix.STOCK

    def test_it_comes_back(self):
        """Stock takes nobody back; it ends, and says why."""
        self.stop_and_go()
        self.assertNotEqual(self.engine.wait(), 0)
        self.engine.wait_line("stood still until the controller gave it up")
        self.cluster.engines.clear()


class HighWaterMark(mix.Case):
    controller, engines = mix.STOCK, (mix.STOCK, mix.STOCK)
    controller_args = ("--hwm=3",)

    def test_hwm(self):
        gate = self.gate()
        lv = self.rc.load_balanced_view()
        ars = [lv.apply_async(mix.wait_at, gate) for _ in range(8)]
        mix.wait_for(lambda: self.rc.queue_status()["unassigned"] == 2)
        status = self.rc.queue_status()
        self.assertEqual([status[e]["tasks"] for e in self.rc.ids], [3, 3])
        gate.open()
        self.rc.wait(ars)


class HighWaterMarkOfOurs(HighWaterMark):
    controller = mix.OURS


class Requested(mix.Case):
    controller = mix.STOCK

    def test_ids(self):
        for _ in range(2):
            self.cluster.start_engine(mix.STOCK, "--IPEngine.id=5")
        self.cluster.start_engine(mix.STOCK)
        mix.wait_for_engines(self.rc, 3)
        self.assertEqual(self.rc.ids, [5, 6, 7])


class RequestedOfOurs(Requested):
    controller = mix.OURS


if __name__ == "__main__":
    mix.main(__name__)
