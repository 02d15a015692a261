#!/usr/bin/python3
"""Our engines as a stock client sees them, under either controller: they answer
as a kernel does, in the language sh."""

import contextlib
import datetime
import itertools
import json
import os
import re
import signal
import socket
import threading

import ipyparallel as ipp
import zmq

import mix

TIER = "check"


class Engines:
    engines = (mix.OURS, mix.OURS)
    hears = True

    def setUp(self):
        super().setUp()
        # A test that fails in the middle leaves nothing for the next.
        self.addCleanup(self.rc.send_signal, "SIGKILL", block=True)

    def run_code(self, code, targets=0, silent=False, **how):
        """The AsyncResult, with all its output."""
        ar = self.rc[targets].execute(code, silent=silent, block=False, **how)
        ar.wait()
        ar.wait_for_output()
        self.assertTrue(ar.ready())
        return ar

    def ask(self, channel, kind, content, wait=True):
        """Any message to engine 0 on a socket of our own; the reply."""
        with Raw(self.rc, channel) as s:
            return s.ask(self.rc._engines[0], kind, content, wait)

    def works(self):
        self.assertEqual(self.run_code("echo works").stdout, "works\n")

    # --- execute ----------------------------------------------------------------

    def test_a_result(self):
        ar = self.run_code("echo hi; echo there >&2; echo value >&3")
        self.assertTrue(ar.successful())
        self.assertEqual(ar.stdout, "hi\n")
        self.assertEqual(ar.stderr, "there\n")
        reply = ar.get()
        md = ar.metadata
        self.assertEqual(md["execute_result"]["data"], {"text/plain": "value"})
        self.assertEqual(reply.execution_count, md["execute_result"]["execution_count"])
        self.assertEqual(md["execute_input"], "echo hi; echo there >&2; echo value >&3")
        self.assertEqual(md["status"], "ok")
        self.assertEqual(md["engine_id"], 0)
        self.assertEqual(md["engine_uuid"], self.rc._engines[0])
        self.assertEqual((md["after"], md["follow"], md["outputs"]), ([], [], []))
        self.assertIsNone(md["error"])
        times = [md[t] for t in ("submitted", "started", "completed", "received")]
        for t in times:
            self.assertIsInstance(t, datetime.datetime)
        self.assertEqual(times, sorted(times))
        self.assertGreaterEqual(ar.wall_time, ar.serial_time)

    def test_output_is_the_value(self):
        ar = self.run_code("echo 6 7")
        self.assertEqual(ar.metadata["execute_result"]["data"]["text/plain"], "6 7")
        self.assertEqual(str(ar.get()._plaintext()).endswith("6 7"), True)

    def test_silence(self):
        ar = self.run_code("echo hush", silent=True)
        self.assertEqual(ar.stdout, "hush\n")
        self.assertIsNone(ar.metadata["execute_result"])
        self.assertIsNone(ar.metadata["execute_input"])

    def test_an_error(self):
        ar = self.run_code("echo hi; echo no >&2; exit 3")
        self.assertFalse(ar.successful())
        e = self.fails("ExitStatus", ar.get)
        self.assertEqual(e.evalue, "exit status 3")
        self.assertIn("no", e.traceback)
        self.assertIn("ExitStatus: exit status 3", e.traceback)
        self.assertEqual(e.engine_info["engine_id"], 0)
        self.assertEqual(e.engine_info["method"], "execute")
        self.assertEqual(ar.stdout, "hi\n")
        self.assertEqual(ar.metadata["error"].ename, "ExitStatus")
        self.assertEqual(ar.metadata["status"], "error")
        e = self.fails("Killed", self.run_code("kill -9 $$").get)
        self.assertIn("SIGKILL", e.evalue)
        self.works()

    def test_errors_of_several(self):
        ar = self.run_code("exit $((TASKFS_ENGINE + 1))", slice(None))
        with self.assertRaises(ipp.error.CompositeError) as caught:
            ar.get()
        text = str(caught.exception)
        # Some have a colon in between.
        self.assertRegex(text, r"\[0:execute\](: )?ExitStatus: exit status 1")
        self.assertRegex(text, r"\[1:execute\](: )?ExitStatus: exit status 2")

    def test_output_while_it_runs(self):
        ar = self.rc[0].execute("echo begun; exec cat", silent=False, block=False)
        mix.wait_for(lambda: ar.stdout == "begun\n")
        ar.wait()
        self.assertTrue(ar.successful())

    def test_bytes_that_are_no_text(self):
        ar = self.run_code(r"printf '\377\303\244'")
        self.assertEqual(ar.stdout, "\ufffd\u00e4")

    def test_much_output(self):
        ar = self.run_code("head -c 3000000 /dev/zero | tr '\\0' x", silent=True)
        self.assertEqual(len(ar.stdout), 3000000)

    def test_errors_stop_what_waits(self):
        v = self.rc[0]
        v.block = False
        gate = self.gate()
        first = v.execute("read x <%s; exit 1" % gate, silent=False)
        second = v.execute("echo never", silent=False)
        mix.wait_for(lambda: self.rc.queue_status(0)["queue"] == 2)
        # Behind it on the same way: now it is there, too.
        self.ask("mux", "kernel_info_request", {})
        gate.open()
        first.wait()
        self.fails("ExitStatus", first.get)
        with self.assertRaises(ipp.error.TaskAborted):
            second.get()
        self.works()

    def test_the_queue(self):
        futures = [
            self.rc.send_execute_request(
                self.rc._task_stream, "echo %d" % i, silent=False
            )
            for i in range(8)
        ]
        self.assertTrue(self.rc.wait(futures))

    def test_broadcast(self):
        for coalescing in False, True:
            v = self.rc.broadcast_view(is_coalescing=coalescing)
            v.block = False
            ar = v.execute("echo $TASKFS_ENGINE", silent=False)
            ar.wait()
            self.assertTrue(ar.successful(), ar)

    # --- Python ---------------------------------------------------------------------

    def python(self, ename, what, *args):
        e = self.fails(ename, what, *args)
        self.assertIn("language: sh", e.evalue)
        self.assertEqual(e.engine_info["method"], "apply")

    def test_python_is_refused(self):
        v = self.rc[0]
        self.python("NotSupported", v.apply_sync, lambda: 1)
        self.python("NotSupported", lambda: v.push({"a": 1}, block=True))
        self.python("NotSupported", lambda: v.pull("a", block=True))
        with self.assertRaises(ipp.error.CompositeError):
            v.map_sync(len, [[1], [2]])
        lbv = self.rc.load_balanced_view()
        self.python("NotSupported", lbv.apply_sync, lambda: 1)
        ar = self.rc.broadcast_view().apply_async(lambda: 1)
        with self.assertRaises(ipp.error.CompositeError):
            ar.get()
        self.works()

    # --- control --------------------------------------------------------------------

    def test_abort(self):
        v = self.rc[0]
        v.block = False
        running = v.execute("exec sleep 1000", silent=True)
        waiting = [v.execute("echo never") for _ in range(3)]
        v.abort(waiting[:2], block=True)
        v.abort(block=True)
        self.rc.send_signal(signal.SIGKILL, targets=[0], block=True)
        running.wait()
        for ar in waiting:
            with self.assertRaises(ipp.error.TaskAborted):
                ar.get()
        self.works()

    def test_signals(self):
        ar = self.rc[0].execute(
            "trap 'echo caught; exit 0' USR1; echo on; while :; do sleep 0.01; done",
            silent=False,
            block=False,
        )
        mix.wait_for(lambda: ar.stdout == "on\n")
        self.rc.send_signal("SIGUSR1", targets=[0], block=True)
        ar.wait()
        ar.wait_for_output()
        self.assertEqual(ar.stdout, "on\ncaught\n")
        ar = self.rc[0].execute("echo on; exec sleep 1000", silent=False, block=False)
        mix.wait_for(lambda: ar.stdout == "on\n")
        self.rc.send_signal(0, targets=[0], block=True)
        self.assertFalse(ar.ready())
        self.rc.send_signal(signal.SIGINT, targets=[0], block=True)
        ar.wait()
        self.fails("KeyboardInterrupt", ar.get)
        self.works()

    def test_clear(self):
        self.rc.clear(targets=[0], block=True)
        self.works()

    def test_kernel_info(self):
        for channel in "control", "mux":
            info = self.ask(channel, "kernel_info_request", {})["content"]
            self.assertEqual(info["status"], "ok")
            self.assertEqual(info["language_info"]["name"], "sh")
            self.assertEqual(info["protocol_version"], "5.3")

    # --- as a kernel answers ----------------------------------------------------------

    ANSWERS = (
        ("complete_request", {"code": "ec", "cursor_pos": 2},
         {"matches": [], "cursor_start": 2, "cursor_end": 2, "metadata": {}}),
        ("inspect_request", {"code": "ls", "cursor_pos": 1, "detail_level": 0},
         {"found": False, "data": {}, "metadata": {}}),
        ("history_request", {"hist_access_type": "tail"}, {"history": []}),
        ("is_complete_request", {"code": "echo"}, {"status": "unknown"}),
        ("comm_info_request", {}, {"comms": {}}),
    )

    def test_what_a_kernel_answers(self):
        for kind, content, want in self.ANSWERS:
            reply = self.ask("mux", kind, content)
            self.assertEqual(reply["header"]["msg_type"], kind[:-7] + "reply")
            want = dict({"status": "ok"}, **want)
            self.assertEqual(reply["content"], want)

    def test_interrupt(self):
        ar = self.rc[0].execute("echo on; exec sleep 1000", silent=False, block=False)
        mix.wait_for(lambda: ar.stdout == "on\n")
        reply = self.ask("control", "interrupt_request", {})
        self.assertEqual(reply["header"]["msg_type"], "interrupt_reply")
        self.assertEqual(reply["content"]["status"], "ok")
        ar.wait()
        self.fails("KeyboardInterrupt", ar.get)
        self.works()

    def test_strangers(self):
        for channel in "mux", "control":
            for kind in "no_such_request", "debug_request", "usage_request":
                reply = self.ask(channel, kind, {"x": [1]})
                self.assertEqual(reply["header"]["msg_type"], kind[:-7] + "reply")
                self.assertEqual(reply["content"]["status"], "error")
                self.assertEqual(reply["content"]["ename"], "NotImplementedError")
                self.assertIn(kind, reply["content"]["evalue"])
        # What expects no answer gets none.
        for kind in "comm_open", "comm_msg", "comm_close", "input_reply", "x":
            self.ask("mux", kind, {"comm_id": "1"}, wait=False)
        self.works()

    def test_nonsense(self):
        for content in (
            {},
            {"code": 5, "silent": False},
            {"code": None, "silent": "x"},
            {"silent": True},
        ):
            reply = self.ask("mux", "execute_request", content)
            self.assertEqual(reply["content"]["status"], "error", content)
        for kind, content in (
            ("abort_request", {"msg_ids": None}),
            ("abort_request", {"msg_ids": 3}),
            ("signal_request", {"sig": "SIGNOTHING"}),
            ("signal_request", {}),
        ):
            reply = self.ask("control", kind, content)
            self.assertEqual(reply["content"]["status"], "error", kind)
        self.works()


class Raw:
    """A socket of our own on the client's context, that reads any reply."""

    def __init__(self, rc, channel):
        self.rc = rc
        self.socket = mix.raw_socket(rc, zmq.DEALER, rc._config[channel])
        self.socket.LINGER = 0
        self.session = type(rc.session)(
            key=rc.session.key, signature_scheme=rc.session.signature_scheme
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def ask(self, uuid, kind, content, wait=True):
        sent = self.session.send(self.socket, kind, content, ident=uuid.encode())
        while wait:
            _, reply = self.session.recv(self.socket, mode=0)
            if reply["parent_header"]["msg_id"] == sent["header"]["msg_id"]:
                return reply
        # Whatever follows it on the same socket is behind it.
        self.ask(uuid, "kernel_info_request", {})


class UnderOurs(Engines, mix.Case):
    controller = mix.OURS


class UnderStock(Engines, mix.Case):
    controller = mix.STOCK


class Death(mix.Case):
    """An engine of ours is killed with the task it runs."""

    controller, engines = mix.OURS, (mix.OURS, mix.OURS)
    expected = ("the engine was killed",)
    hears = True

    def check(self, die):
        """die(the engine's process) ends one that runs a task."""
        self.cluster.start_engine(mix.OURS)
        mix.wait_for_engines(self.rc, 3)
        last = self.rc.ids[-1]
        code = "echo on $$; exec sleep 1000"
        ar = self.rc[last].execute(code, silent=False, block=False)
        pid = int(mix.wait_for(lambda: re.fullmatch("on (.*)\n", ar.stdout))[1])
        self.assertIn(pid, mix.processes())
        engine = self.cluster.engines.pop()
        die(engine)
        e = self.fails("EngineError", ar.get)
        self.assertIn(ar.msg_ids[0], e.evalue)
        mix.wait_for(lambda: self.rc.ids == [0, 1])
        # Nothing of it is left.
        engine.wait()
        mix.wait_for(lambda: pid not in mix.processes())
        ar = self.rc[:].execute("echo works", silent=False, block=False)
        ar.get()
        ar.wait_for_output()
        self.assertEqual(ar.stdout, ["works\n"] * 2)

    def test_killed(self):
        self.check(lambda engine: os.kill(worker(engine), signal.SIGKILL))

    def test_its_guard_killed(self):
        self.check(lambda engine: engine.send(signal.SIGKILL))


class Respawn(mix.Case):
    """An engine of ours dies, and its guard begins another process."""

    controller, engines = mix.OURS, (mix.OURS,)
    expected = ("the engine was killed", "the engine died; it is started again")
    hears = True

    def test_killed(self):
        engine = self.cluster.start_engine(mix.OURS, "--respawn")
        mix.wait_for_engines(self.rc, 2)
        was = self.rc._engines[1]
        code = "echo on; exec sleep 1000"
        ar = self.rc[1].execute(code, silent=False, block=False)
        mix.wait_for(lambda: ar.stdout == "on\n")
        os.kill(worker(engine), signal.SIGKILL)
        e = self.fails("EngineError", ar.get)
        self.assertIn(ar.msg_ids[0], e.evalue)
        # The client knows it by another uuid.
        mix.wait_for(lambda: was not in self.rc._engines.values())
        mix.wait_for_engines(self.rc, 2)
        [last] = [id for id in self.rc.ids if id != 0]
        ar = self.rc[last].execute("echo works", silent=False, block=False)
        ar.wait()
        self.assertTrue(ar.successful())
        self.rc.shutdown(targets=[last], block=True)
        self.assertEqual(engine.wait(), 0)


class RespawnUnderStock(Respawn):
    controller = mix.STOCK


def worker(engine):
    """The process that its guard guards."""
    with open("/proc/%d/task/%d/children" % ((engine.pid,) * 2)) as f:
        (pid,) = f.read().split()
    return int(pid)


class DeathUnderStock(Death):
    controller = mix.STOCK


class Proxy:
    """Between an engine and a port of its controller's."""

    def __init__(self, port):
        self.port = port
        self.pairs = []
        self.swallows = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                engine = self.listener.accept()[0]
                controller = socket.create_connection(("127.0.0.1", self.port))
                self.pairs.append((engine, controller))
                for way in (engine, controller, False), (controller, engine, True):
                    threading.Thread(target=self._pass, args=way, daemon=True).start()

    def _pass(self, source, to, down):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if down or not self.swallows:
                    to.sendall(data)
        for s in source, to:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def cut(self):
        """What there was is lost; new connections are let through."""
        pairs, self.pairs = self.pairs, []
        for s in itertools.chain(*pairs):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
        self.swallows = False

    def close(self):
        self.listener.close()
        self.cut()


class Cut(mix.Case):
    """The connection of an engine of ours breaks."""

    expected = ("a task did not reach its engine",)

    def setUp(self):
        super().setUp()
        info = self.cluster.info("engine")
        self.proxy = Proxy(info["mux"])
        self.addCleanup(self.proxy.close)
        info["mux"] = self.proxy.listener.getsockname()[1]
        # By a line, what is published would not be heard either.
        del info["taskfs"]
        path = self.cluster.dir + "/behind-a-proxy.json"
        with open(path, "w") as f:
            json.dump(info, f)
        self.engine = self.cluster.start_engine(mix.OURS, "--file=" + path)
        mix.wait_for_engines(self.rc, 1)
        mix.wait_until_heard(self.rc)

    def answers(self):
        try:
            ar = self.rc[0].execute("echo later", block=False)
            return ar.get().stdout == "later\n"
        except ipp.error.RemoteError as e:
            self.assertIn("cannot be reached", e.evalue)
            return False

    def test_a_reply_that_was_lost(self):
        view = self.rc[0]
        self.assertEqual(view.execute("echo hi", block=True).stdout, "hi\n")
        gate = self.gate()
        lost = view.execute("read x < " + gate, block=False)
        runs = gate.reached()
        self.proxy.swallows = True
        runs.close()
        mix.wait_for(lambda: self.rc.queue_status(0)["queue"] == 1)
        kept = view.execute("echo kept", block=False)
        # It has begun when the one before has sent its reply.
        mix.wait_for(lambda: kept.stdout == "kept\n")
        self.proxy.cut()
        self.engine.wait_line("registered again")
        # The controller may know it a moment later.
        mix.wait_for(self.answers)
        for ar in lost, kept:
            e = self.fails("EngineError", ar.get)
            self.assertIn("the connection to its engine broke", e.evalue)
        self.assertEqual(self.rc.queue_status(0)["queue"], 0)


class Shutdown(mix.Case):
    """The end of engines, told by a client."""

    controller = mix.OURS

    def test_engines(self):
        one, two = (self.cluster.start_engine(mix.OURS) for _ in range(2))
        mix.wait_for_engines(self.rc, 2)
        self.rc.shutdown(targets=[self.rc.ids[0]], block=True)
        self.assertEqual(one.wait(), 0)
        mix.wait_for(lambda: len(self.rc.ids) == 1)
        self.rc.shutdown(hub=True, block=True)
        self.assertEqual(two.wait(), 0)
        self.assertEqual(self.cluster.controller.wait(), 0)


class ShutdownUnderStock(Shutdown):
    controller = mix.STOCK


if __name__ == "__main__":
    mix.main(__name__)
