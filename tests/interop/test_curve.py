#!/usr/bin/python3
"""CURVE in every mix of controller, engines, client and mount: the public key
stands in the connection files, and who has none gets in nowhere."""

import json
import os
import tempfile
import unittest
from unittest import mock

import zmq

import mix

TIER = "check"

CURVE = ("--IPController.enable_curve=True",)


class Curve:
    """With engine 0 ours and engine 1 stock."""

    engines = (mix.OURS, mix.STOCK)
    controller_args = CURVE
    hears = True
    # Of the mute.
    expected = ("a peer is not let in: it does not encrypt",)

    def test_files(self):
        client, engine = self.cluster.info("client"), self.cluster.info("engine")
        self.assertEqual(len(client["curve_serverkey"]), 40)
        self.assertEqual(client["curve_serverkey"], engine["curve_serverkey"])
        self.assertEqual(client["key"], engine["key"])
        # Ours signs all the same.
        self.assertEqual(bool(client["key"]), self.controller == mix.OURS)

    def test_engines(self):
        ar = self.rc[0].execute("echo secret", silent=False, block=False)
        ar.get()
        ar.wait_for_output()
        self.assertEqual(ar.stdout, "secret\n")
        self.assertEqual(self.rc[1].apply_sync(lambda: 6 * 7), 42)

    def test_the_queue(self):
        f = self.rc.send_execute_request(
            self.rc._task_stream,
            "echo secret >&3",
            silent=False,
            metadata={"targets": [self.rc._engines[0]]},
        )
        self.assertTrue(self.rc.wait([f]))
        f.output.result()
        result = f.result().execute_result["data"]["text/plain"]
        self.assertEqual(result, "secret")
        lv = self.rc.load_balanced_view(targets=[1])
        self.assertEqual(lv.map_sync(lambda x: 6 * x, range(5)), [0, 6, 12, 18, 24])

    def test_broadcast(self):
        for coalescing in False, True:
            view = lambda *e: self.rc.broadcast_view(e, is_coalescing=coalescing)
            self.assertEqual(view(1).apply_sync(lambda: 6 * 7), [42])
            # Python as well as sh.
            ar = view(0, 1).execute("a=7", silent=False, block=False)
            ar.get()
            self.assertEqual(self.rc[1]["a"], 7)
            self.rc[1].execute("del a", block=True)
            ar = view(0).execute("echo secret", silent=False, block=False)
            ar.get()
            ar.wait_for_output()
            self.assertEqual(ar.stdout, ["secret\n"])

    def test_abort(self):
        for e, code in (0, "cat %s"), (1, "open('%s').read()"):
            mix.wait_for(lambda: self.is_aborted(e, code))

    def is_aborted(self, e, code):
        gate = self.gate()
        runs = self.rc[e].execute(code % gate, silent=True, block=False)
        there = gate.reached()
        waits = self.rc[e].execute("a=8", silent=True, block=False)
        mix.wait_for(lambda: self.rc.queue_status(e)["queue"] == 2)
        mix.send_abort(self.rc, waits, e)
        there.close()
        runs.get()
        return mix.was_aborted(waits)

    def test_send_signal(self):
        for e, code in (0, "echo on; exec cat %s"), (1, "print('on'); open('%s').read()"):
            ar = self.rc[e].execute(code % self.gate(), silent=False, block=False)
            mix.wait_for(lambda: ar.stdout == "on\n")
            self.rc.send_signal("SIGINT", targets=e, block=True)
            self.fails("KeyboardInterrupt", ar.get)

    def test_mount(self):
        self.look(self.cluster.mount())

    def test_mount_with_the_environment_of_a_client(self):
        """A bridge is none of what that is about."""
        mix.wait_for(lambda: not mix.bridges())
        env = {
            "IPP_CURVE_SERVERKEY": self.cluster.info()["curve_serverkey"],
            "IPP_CLUSTER_ID": "another",
        }
        with mock.patch.dict(os.environ, env):
            at = self.cluster.mount()
        self.look(at)

    def test_the_key_in_the_environment(self):
        """Of a file without it."""
        info = dict(self.cluster.info("engine"), curve_serverkey=None)
        path = tempfile.mktemp(suffix=".json", dir=mix.HOME)
        with open(path, "w") as f:
            json.dump(info, f)
        key = self.cluster.info()["curve_serverkey"]
        for kind in mix.OURS, mix.STOCK:
            program = [*mix.PROGRAM[kind, "engine"], *mix.PATIENT[kind, "engine"]]
            p = mix.Process([*program, "--file=" + path], {"IPP_CURVE_SERVERKEY": key})
            self.addCleanup(p.stop)
            p.wait_line(mix.READY[kind, "engine"])

    def look(self, at):
        for engine, code, value in (0, "echo sh", "sh\n"), (1, "6*7", "42\n"):
            id = mix.submit(at, code, "engines/%d/new" % engine)
            self.assertEqual(mix.read(at, id, "value"), value)
        self.cluster.unmount(*self.cluster.mounts.pop())

    def test_the_mute(self):
        """Without the key there is no answer."""
        info = self.cluster.info()
        with self.rc._context.socket(zmq.DEALER) as s:
            s.LINGER = 0
            monitor = s.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED
                                           | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
                                           | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
                                           | zmq.EVENT_DISCONNECTED)
            # It tries once.
            s.connect("%s:%d" % (interface(info), info["registration"]))
            monitor.poll()
            event = int.from_bytes(monitor.recv_multipart()[0][:2], "little")
            self.assertNotEqual(event, zmq.EVENT_HANDSHAKE_SUCCEEDED)
            s.disable_monitor()


def interface(info):
    return info["interface"].replace("*", "127.0.0.1").replace("0.0.0.0", "127.0.0.1")


class OurController(Curve, mix.Case):
    controller = mix.OURS


class StockController(Curve, mix.Case):
    controller = mix.STOCK


class Public(Curve, mix.Case):
    """Beyond loopback ours needs nobody to say so."""

    controller = mix.OURS
    controller_args = ("--ip=*", "--location=127.0.0.1")


class Environment(Curve, mix.Case):
    """A pair of keys that somebody else made."""

    controller = mix.OURS
    controller_args = ()
    pair = [key.decode() for key in zmq.curve_keypair()]
    env = {
        "IPP_ENABLE_CURVE": "1",
        "IPP_CURVE_PUBLICKEY": pair[0],
        "IPP_CURVE_SECRETKEY": pair[1],
    }

    def test_the_key_is_theirs(self):
        self.assertEqual(self.cluster.info()["curve_serverkey"], self.pair[0])


class Keys(unittest.TestCase):
    def run_controller(self, *args, **env):
        directory = tempfile.mkdtemp(dir=mix.HOME)
        program = mix.PROGRAM[mix.OURS, "controller"]
        p = mix.Process([*program, "--profile-dir=" + directory, *args], env)
        self.addCleanup(p.stop)
        return p

    def test_no_pair_of_keys(self):
        public, secret = (key.decode() for key in zmq.curve_keypair())
        for pair in (
            {"IPP_CURVE_SECRETKEY": secret},
            {"IPP_CURVE_PUBLICKEY": public},
            {"IPP_CURVE_PUBLICKEY": public, "IPP_CURVE_SECRETKEY": public},
            {"IPP_CURVE_PUBLICKEY": public, "IPP_CURVE_SECRETKEY": "short"},
        ):
            p = self.run_controller("--curve=yes", **pair)
            self.assertEqual(p.wait(), 1)
            p.wait_line("no pair of keys")

    def test_no_wish(self):
        """--curve=no beyond loopback: signed, as ipcontroller does."""
        p = self.run_controller("--ip=*", "--curve=no", IPP_ENABLE_CURVE="1")
        p.wait_line(mix.READY[mix.OURS, "controller"])
        directory = p.args[1].partition("=")[2]
        with open(directory + "/security/ipcontroller-client.json") as f:
            info = json.load(f)
        self.assertIsNone(info["curve_serverkey"])
        self.assertNotEqual(info["key"], "")

    def test_the_pair_survives(self):
        directory = tempfile.mkdtemp(dir=mix.HOME)
        keys = set()
        for _ in range(2):
            p = mix.Process(
                [
                    *mix.PROGRAM[mix.OURS, "controller"],
                    "--profile-dir=" + directory,
                    "--curve=yes",
                ]
            )
            self.addCleanup(p.stop)
            p.wait_line(mix.READY[mix.OURS, "controller"])
            with open(directory + "/security/ipcontroller-client.json") as f:
                keys.add(json.load(f)["curve_serverkey"])
            self.assertEqual(p.stop(), 0)
        self.assertEqual(len(keys), 1)


if __name__ == "__main__":
    mix.main(__name__)
