#!/usr/bin/python3
"""Every mix of {our, stock} controller and engines does what it is for."""

import json
import os

import mix
import tap


class Shell:
    """Of engines of ours: they run shell code."""

    hears = True

    def test_output_of_a_direct_view(self):
        ar = self.rc[:].execute(
            "echo hello; echo oops >&2", silent=False, block=False
        )
        ar.get()
        ar.wait_for_output()
        self.assertEqual(ar.stdout, ["hello\n"] * 2)
        self.assertEqual(ar.stderr, ["oops\n"] * 2)
        self.assertEqual(sorted(ar.engine_id), [0, 1])
        self.assertTrue(ar.successful())

    def test_the_task_queue(self):
        futures = [
            self.rc.send_execute_request(
                self.rc._task_stream, "echo %d" % i, silent=False
            )
            for i in range(20)
        ]
        self.assertTrue(self.rc.wait(futures))
        for f in futures:
            self.assertEqual(f.result().metadata["status"], "ok")


class Python:
    """Of stock engines."""

    def test_apply_push_pull_map(self):
        v = self.rc[:]
        self.assertEqual(v.apply_sync(lambda x: x + 1, 41), [42, 42])
        v.push({"a": [1, 2, 3]}, block=True)
        self.assertEqual(v.pull("a", block=True), [[1, 2, 3]] * 2)
        self.assertEqual(
            v.map_sync(lambda x: x * x, range(8)), [x * x for x in range(8)]
        )

    def test_load_balanced_map(self):
        v = self.rc.load_balanced_view()
        self.assertEqual(
            v.map_sync(lambda x: x + 1, range(20)), list(range(1, 21))
        )


class OurControllerOurEngines(Shell, mix.Case):
    controller, engines = mix.OURS, (mix.OURS, mix.OURS)


@tap.check
class StockControllerOurEngines(Shell, mix.Case):
    controller, engines = mix.STOCK, (mix.OURS, mix.OURS)


class OurControllerStockEngines(Python, mix.Case):
    controller, engines = mix.OURS, (mix.STOCK, mix.STOCK)


class Both(mix.Case):
    """Engines of both kinds on one controller."""

    controller, engines = mix.OURS, (mix.OURS, mix.STOCK)
    hears = True

    def test_each_in_its_language(self):
        ours, stock = self.rc[0], self.rc[1]
        ar = ours.execute("echo sh $TASKFS_ENGINE", silent=False, block=False)
        ar.get()
        ar.wait_for_output()
        self.assertEqual(ar.stdout, "sh 0\n")
        self.assertEqual(stock.apply_sync(lambda: 6 * 7), 42)

    def test_functions_go_to_python(self):
        view = self.rc.load_balanced_view()
        self.assertEqual(
            view.map_sync(lambda x: x * 6, range(8)), list(range(0, 48, 6))
        )

    def test_through_a_mount(self):
        at = self.cluster.mount()
        for engine, code, value in (0, "echo sh", "sh\n"), (1, "6*7", "42\n"):
            id = mix.submit(at, code, "engines/%d/new" % engine)
            self.assertEqual(mix.read(at, id, "value"), value)
        # A task that names no engine is a script, whichever of them is free.
        for _ in range(4):
            id = mix.submit(at, "echo $((6 * 7))")
            self.assertEqual(mix.read(at, id, "value"), "42\n")
        with open(at + "/engines/all/vars/v", "w") as f:
            f.write("[5]\n")
        code = "cat $TASKFS_VARS/v; echo more > $TASKFS_VARS/w"
        id = mix.submit(at, code, "engines/0/new")
        self.assertEqual(mix.read(at, id, "value"), "[5]\n")
        self.assertEqual(self.rc[1].pull("v", block=True), [5])
        self.assertEqual(sorted(os.listdir(at + "/engines/0/vars")), ["v", "w"])
        self.assertEqual(os.stat(at + "/engines/0/vars/w").st_size, 5)
        with open(at + "/engines/all/vars/v") as f:
            self.assertEqual(f.read(), "[5]\n[5]\n")
        os.remove(at + "/engines/0/vars/w")
        self.assertEqual(os.listdir(at + "/engines/0/vars"), ["v"])
        self.cluster.unmount(*self.cluster.mounts.pop())

    def test_a_map_and_an_error_through_a_mount(self):
        at = self.cluster.mount()
        task = {"code": "int(item) ** 2", "map": ["1", "2", "3"], "targets": [1]}
        id = mix.submit(at, json.dumps(task) + "\n")
        self.assertEqual(mix.read(at, id, "value"), "1\n4\n9\n")
        id = mix.submit(at, "print('so far')\n1/0\n", "engines/1/new")
        self.assertEqual(mix.read(at, id, "wait"), "error\n")
        self.assertEqual(mix.read(at, id, "stdout"), "so far\n")
        said = mix.read(at, id, "error").splitlines()
        self.assertEqual(said[0], "ZeroDivisionError: division by zero")
        self.assertIn("----> 2 1/0", said)
        self.cluster.unmount(*self.cluster.mounts.pop())


@tap.check
class BothUnderStock(Both):
    controller = mix.STOCK
    # It knows no languages.
    test_functions_go_to_python = None


if __name__ == "__main__":
    mix.main(__name__)
