#!/usr/bin/python3
"""An engine of ipyparallel, our controller, and a network between them that is cut."""

import json
import os

import mix
from cable import Cable

TIER = "check"


class Cut(mix.Case):
    controller = mix.OURS
    controller_args = ("--ping=1s",)

    def setUp(self):
        self.cable = Cable(self.cluster.info("engine"))
        self.addCleanup(self.cable.close)
        self.at = self.cluster.mount()
        self.addCleanup(lambda: self.cluster.unmount(*self.cluster.mounts.pop()))

    def start(self, *args):
        """An engine behind the cable; it is the test's own. Its id is self.number."""
        path = os.path.join(self.cluster.dir, "cable.json")
        with open(path, "w") as f:
            json.dump(self.cable.info, f)
        self.engine = self.cluster.start_engine(
            mix.STOCK, "--IPEngine.url_file=" + path, *args
        )
        self.addCleanup(self.engine.stop)
        self.number = int(self.engine.ready[1])
        mix.wait_for(lambda: self.state() == "idle")

    def file(self, name):
        return "%s/engines/%d/%s" % (self.at, self.number, name)

    def state(self):
        try:
            with open(self.file("state")) as f:
                return f.read().strip()
        except FileNotFoundError:
            return None

    def submit(self, code):
        return mix.submit(self.at, code, "engines/%d/new" % self.number)

    def lose(self):
        """Nothing passes until it is given up."""
        self.cable.pull()
        self.cluster.controller.wait_line('"engine lost","engine":%d' % self.number)
        self.assertEqual(self.state(), "lost")

    def works(self):
        self.assertEqual(mix.read(self.at, self.submit("6*7"), "value"), "42\n")

    def test_it_is_given_up_and_comes_back(self):
        self.start()
        self.submit("a = 1")
        gate = self.gate()
        running = self.submit("open(%r).read()" % str(gate))
        with gate.reached():
            self.lose()
            self.assertEqual(mix.read(self.at, running, "wait"), "error\n")
            waiting = self.submit("a + 1")
            why = mix.read(self.at, waiting, "why")
            self.assertRegex(why, "^engine %d is away since " % self.number)
            self.cable.plug()
        # It is the one that it was, with what it had.
        self.assertEqual(mix.read(self.at, waiting, "value"), "2\n")
        self.assertIn("may go on there", mix.read(self.at, running, "error"))
        self.works()

    def test_new_connections(self):
        self.start()
        self.lose()
        waiting = self.submit("6*7")
        self.cable.reset()
        self.cable.plug()
        self.assertEqual(mix.read(self.at, waiting, "value"), "42\n")

    def test_reset_while_a_task_runs(self):
        self.start()
        gate = self.gate()
        running = self.submit("open(%r).read(); 6*7" % str(gate))
        with gate.reached():
            self.cable.reset()
        self.assertEqual(mix.read(self.at, running, "value"), "42\n")
        self.works()

    def test_what_was_connected_stays_deaf(self):
        """It does not see that, and ends when its patience does."""
        self.start("--IPEngine.max_heartbeat_misses=20")
        self.lose()
        self.cable.forget()
        self.cable.plug()
        self.engine.wait_line("Maximum number of heartbeats misses")
        self.engine.wait()
        # Its nanny says so, by a connection of its own.
        mix.wait_for(lambda: self.state() is None)


if __name__ == "__main__":
    mix.main(__name__)
