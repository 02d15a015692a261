#!/usr/bin/python3
"""Our programs where ipyparallel starts its own: its Cluster and ipcluster, the
options and the environment of ipcontroller and ipengine."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

import ipyparallel as ipp
import zmq
from traitlets.config import Config

import mix

TIER = "check"

CONTROLLER = mix.PROGRAM[mix.OURS, "controller"][0]
ENGINE = mix.PROGRAM[mix.OURS, "engine"][0]


class Case(unittest.TestCase):
    """With a directory of its own, and nothing left behind."""

    def setUp(self):
        self.addCleanup(mix.wait_for_the_end)
        self.dir = tempfile.mkdtemp(prefix="profile_", dir=mix.HOME)
        self.addCleanup(shutil.rmtree, self.dir, True)

    def ports(self):
        """Free ones, for the test alone."""
        ports = mix.Ports()
        self.addCleanup(ports.close)
        return ports

    def file(self, kind="client", cluster_id=""):
        infix = cluster_id + "-" if cluster_id else ""
        return "%s/security/ipcontroller-%s%s.json" % (self.dir, infix, kind)

    def info(self, kind="client", cluster_id=""):
        with open(self.file(kind, cluster_id)) as f:
            return json.load(f)

    def start(self, what, *args, **env):
        patient = mix.PATIENT[mix.OURS, what]
        p = mix.Process([*mix.PROGRAM[mix.OURS, what], *patient, *args], env)
        self.addCleanup(p.stop)
        p.wait_line(mix.READY[mix.OURS, what])
        return p

    def controller(self, *args, **env):
        return self.start("controller", "--profile-dir=" + self.dir, *args, **env)

    def engine(self, *args, **env):
        return self.start("engine", "--profile-dir=" + self.dir, *args, **env)

    def client(self, n=1, cluster_id=""):
        rc = mix.connect(self.file(cluster_id=cluster_id))
        self.addCleanup(rc.close)
        mix.wait_for_engines(rc, n)
        mix.wait_until_heard(rc)
        return rc


# --- their launchers ----------------------------------------------------------


class PatientCluster(ipp.Cluster):
    async def connect_client(self, **how):
        return await super().connect_client(timeout=mix.FOREVER, **how)


class StockCluster(Case):
    """One line of configuration for each of ours."""

    LINES = {
        "controller": ("ControllerLauncher", "controller_cmd", [CONTROLLER]),
        "engine": ("EngineLauncher", "engine_cmd", [ENGINE]),
    }
    # However long it takes; beginning with what older ones do not have.
    PATIENCE = (
        ("ControllerLauncher", "connection_info_timeout", mix.FOREVER),
        ("Cluster", "delay", 0),
        ("Cluster", "engine_timeout", mix.FOREVER),
        ("BaseLauncher", "stop_timeout", mix.FOREVER),
        ("LocalProcessLauncher", "stop_seconds_until_kill", mix.FOREVER),
    )
    if not hasattr(ipp.cluster.launcher.ControllerLauncher, PATIENCE[0][1]):
        PATIENCE = PATIENCE[1:]

    def cluster(self, *ours, n=2, controller_args=(), **how):
        kind = lambda what: mix.OURS if what in ours else mix.STOCK
        config = Config()
        config.EngineLauncher.engine_args = mix.PATIENT[kind("engine"), "engine"]
        lines = [self.LINES[what] for what in ours]
        for where, name, value in (*self.PATIENCE, *lines):
            config[where][name] = value
        patient = mix.PATIENT[kind("controller"), "controller"]
        return PatientCluster(
            n=n,
            profile_dir=self.dir,
            config=config,
            controller_args=[*patient, *controller_args],
            **how,
        )

    def check_python(self, rc):
        self.assertEqual(rc[:].apply_sync(lambda x: x * 2, 21), [42, 42])
        v = rc.load_balanced_view()
        self.assertEqual(v.map_sync(lambda x: x + 1, range(10)), list(range(1, 11)))

    def check_shell(self, rc):
        mix.wait_until_heard(rc)
        ar = rc[:].execute("echo $TASKFS_ENGINE", silent=False, block=False)
        ar.get()
        ar.wait_for_output()
        self.assertEqual(sorted(ar.stdout), ["0\n", "1\n"])

    def run_cluster(self, cluster, check):
        with cluster as rc:
            self.assertEqual(
                rc._config["registration"].rpartition(":")[2],
                str(self.info(cluster_id=cluster.cluster_id)["registration"]),
            )
            check(rc)
        mix.wait_for_the_end()
        left = os.listdir(self.dir + "/security")
        self.assertEqual([f for f in left if f.startswith("ip")], [])

    def test_our_controller(self):
        self.run_cluster(self.cluster("controller"), self.check_python)

    def test_our_engines(self):
        ports = self.ports().option()
        cluster = self.cluster("engine", controller_args=[ports])
        self.run_cluster(cluster, self.check_shell)

    def test_ours_altogether(self):
        self.run_cluster(self.cluster("controller", "engine"), self.check_shell)

    def test_arguments_of_a_controller(self):
        cluster = self.cluster(
            "controller",
            "engine",
            cluster_id="mine",
            controller_ip="*",
            controller_location="localhost",
            controller_args=["--ping=500", "--HeartMonitor.nope=1", "--nodb"],
        )
        self.run_cluster(cluster, self.check_shell)
        self.assertTrue(os.path.exists(self.dir + "/cluster-mine/tasks.db"))

    def test_engines_are_restarted(self):
        cluster = self.cluster("controller", "engine", n=1)
        with cluster as rc:
            (before,) = rc._engines.values()
            cluster.restart_engines_sync()
            mix.wait_for(lambda: rc.ids and before not in rc._engines.values())
            ar = rc[rc.ids[-1]].execute("echo again", silent=False, block=False)
            ar.get()

    def test_the_controller_is_restarted(self):
        cluster = self.cluster("controller", "engine", n=1, cluster_id="x")
        with cluster as rc:
            task = rc[0].execute("true", block=False)
            task.get()
            cluster.stop_controller_sync()
            cluster.start_controller_sync()
            again = cluster.connect_client_sync()
            self.addCleanup(again.close)
            mix.wait_for_engines(again, 1)
            # What was is still known: nothing was lost with the process.
            (msg_id,) = task.msg_ids
            self.assertTrue(again.result_status(msg_id)["completed"])

    def test_engines_are_interrupted(self):
        with self.cluster("controller", "engine", n=1) as rc:
            cluster = rc.cluster
            ar = rc[0].execute("echo on; exec sleep 1000", silent=False, block=False)
            mix.wait_for(lambda: ar.stdout == "on\n")
            cluster.signal_engines_sync(signal.SIGINT)
            with self.assertRaises(ipp.error.RemoteError) as caught:
                ar.get()
            self.assertEqual(caught.exception.ename, "KeyboardInterrupt")
            rc[0].execute("true", block=False).get()

    def test_ipcluster(self):
        with open(self.dir + "/ipcluster_config.py", "w") as f:
            # Engines that end so soon have not started.
            f.write("c = get_config()\nc.IPClusterEngines.early_shutdown = 1\n")
            for line in (*self.PATIENCE, *self.LINES.values()):
                f.write("c.%s.%s = %r\n" % line)
        run = [sys.executable, "-m", "ipyparallel.cluster"]
        where = "--profile-dir=" + self.dir
        p = mix.Process([*run, "start", where, "--n=2"])
        self.addCleanup(p.stop)
        p.wait_line("Engines appear to have started")
        self.check_shell(self.client(2))
        subprocess.run(
            [*run, "stop", where],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.assertEqual(p.wait(), 0, p.lines)
        self.assertFalse(os.path.exists(self.file()))


# --- options and environment ----------------------------------------------------


def ports_of(info):
    found = set()
    for key in (
        "registration control mux task iopub notification broadcast hb_ping hb_pong"
    ).split():
        port = info.get(key, [])
        found.update(port if isinstance(port, list) else [port])
    return found


class ControllerOptions(Case):
    def refused(self, *args, **env):
        p = mix.Process([CONTROLLER, "--profile-dir=" + self.dir, *args], env)
        code = p.wait()
        p.reader.join()
        return code, "".join(p.lines)

    def test_a_profile_as_ipcontroller_makes_it(self):
        c = self.controller("--cluster-id", "")
        for name, mode in (("security", 0o700), ("pid", 0o700), ("log", 0o755)):
            found = os.stat(os.path.join(self.dir, name)).st_mode & 0o777
            self.assertEqual(oct(found), oct(mode))
        for kind in ("client", "engine"):
            self.assertEqual(os.stat(self.file(kind)).st_mode & 0o777, 0o600)
        self.assertEqual(c.stop(signal.SIGINT), 0)
        self.assertFalse(os.path.exists(self.file("client")))
        self.assertFalse(os.path.exists(self.file("engine")))

    def test_the_files_have_what_theirs_have(self):
        stock = mix.Cluster(mix.STOCK)
        self.addCleanup(stock.stop)
        self.controller()
        for kind in ("client", "engine"):
            theirs, ours = stock.info(kind), self.info(kind)
            # For engines of ours: where their lines lead.
            lines = ours.pop("taskfs", None)
            self.assertEqual(lines is not None, kind == "engine")
            self.assertEqual(set(theirs), set(ours))
            # It encrypts when it is told to.
            self.assertIsNone(theirs.pop("curve_serverkey"))
            self.assertEqual(len(ours.pop("curve_serverkey")), 40)
            for key in theirs:
                self.assertIs(type(theirs[key]), type(ours[key]), key)
            for key in ("interface", "location", "ssh", "pack", "unpack"):
                self.assertEqual(theirs[key], ours[key])

    def test_every_option_of_ipcontroller(self):
        """What ipcontroller --help lists is at least no mistake."""
        from ipyparallel.controller.app import IPController

        values = {
            "ip": "127.0.0.1",
            "transport": "tcp",
            "ping": "500",
            "scheme": "lru",
            "hwm": "1",
            "port": str(self.ports()[0]),
            "ports": "",
            "log-level": "INFO",
            "work-dir": self.dir,
            "log-to-file": "False",
            "profile-dir": self.dir,
            "keyfile": None,
            "config": "x",
        }
        skip = {"show-config", "show-config-json", "no-secure", "log-to-file"}
        args = ["--" + f for f in IPController().flags if f not in skip]
        for name in IPController().aliases:
            value = values.get(name, "x")
            if value is not None:
                args.append("--%s=%s" % (name, value))
        c = self.controller(*args)
        self.assertIn("--mongodb is passed over", "".join(c.lines))
        self.assertEqual(c.stop(), 0)
        # --reuse was among them.
        self.assertTrue(os.path.exists(self.file(cluster_id="x")))

    def test_traits(self):
        port = self.ports()[0]
        c = self.controller(
            "--IPController.location=somewhere",
            "--IPController.engine_ports=%d" % port,
            "--IPController.cluster_id",
            "t",
            "--TaskScheduler.scheme_name=twobin",
            "--TaskScheduler.hwm=3",
            "--HeartMonitor.period=700",
            "--Session.key=abc",
            "--IPController.log_level=20",
            *("--log-to-file", "False", "--clean-logs", "False"),
            "--DictDB.record_limit=5",
        )
        info = self.info(cluster_id="t")
        self.assertEqual(info["location"], "somewhere")
        self.assertEqual(info["registration"], port)
        self.assertEqual(info["task_scheme"], "twobin")
        self.assertEqual(info["key"], "abc")
        self.assertEqual(
            [line for line in c.lines if "passed over" in line],
            [
                "taskfs-controller: warning: --DictDB.record_limit=5 is passed "
                "over: nothing here is called so\n"
            ],
        )

    def test_mistakes(self):
        for args in (["--pnig"], ["--pnig", "-v"], ["-z3"], ["--scheme=best"]):
            code, text = self.refused(*args)
            self.assertEqual(code, 2, text)
            self.assertIn("taskfs-controller --help", text)
        code, text = self.refused("--no-secure", "--curve=no")
        self.assertEqual(code, 1)
        self.assertIn("without a key", text)
        self.assertEqual(os.listdir(self.dir + "/security"), [])

    def test_unknown_options_are_passed_over(self):
        for program in "controller", "engine":
            given = "--unknown=3 --other 3 --Some.trait=3 --Some.flag".split()
            p = self.start(program, *given)
            for word in [x for x in given if x != "3"]:
                p.wait_line("warning: %s is passed over" % re.escape(word))

    def test_restore(self):
        first = self.controller("--restore")
        before = self.info()
        self.assertEqual(first.stop(), 0)
        self.assertTrue(os.path.exists(self.file("engine")))
        second = self.controller("--restore")
        self.assertEqual(self.info(), before)
        self.assertEqual(second.stop(), 0)

    def test_levels_as_stock_spells_them(self):
        for level in "WARN", "CRITICAL", "30":
            with tempfile.TemporaryDirectory(dir=mix.HOME) as at:
                program = mix.PROGRAM[mix.OURS, "controller"]
                args = ["--profile-dir=" + at, "--log-level=" + level]
                p = mix.Process([*program, *args])
                self.addCleanup(p.stop)
                path = at + "/security/ipcontroller-engine.json"
                mix.wait_for(lambda: os.path.exists(path))
                self.assertEqual(p.stop(), 0)
                p.reader.join()
                self.assertEqual(p.lines, [])

    def test_environment(self):
        c = self.start(
            "controller",
            IPP_PROFILE_DIR=self.dir,
            IPP_CLUSTER_ID="e",
            IPP_SESSION_KEY="sesame",
        )
        self.assertEqual(self.info(cluster_id="e")["key"], "sesame")
        self.start("engine", IPP_PROFILE_DIR=self.dir, IPP_CLUSTER_ID="e")
        self.assertEqual(self.client(cluster_id="e").ids, [0])
        self.assertEqual(c.stop(), 0)

    def test_a_profile_by_its_name(self):
        ipython = tempfile.mkdtemp(dir=mix.HOME)
        self.dir = ipython + "/profile_work"
        self.start("controller", "--profile=work", IPYTHONDIR=ipython)
        self.start("engine", "--profile=work", "--ipython-dir=" + ipython)
        self.assertEqual(self.client().ids, [0])

    def test_ports(self):
        # Ranges as a firewall would have them; two sockets are for clients.
        ports = self.ports()
        client, common = ports[:2], ports[2:]
        self.controller(
            "--client-ports=" + ",".join(map(str, client)),
            "--ports=" + ",".join(map(str, common)),
        )
        clients, engines = ports_of(self.info()), ports_of(self.info("engine"))
        self.assertLess(set(client), clients)
        self.assertLessEqual(clients | engines, set(ports))

    def test_reuse(self):
        key = tempfile.mktemp(dir=mix.HOME)
        with open(key, "w") as f:
            f.write("a key of our own\n")
        public, secret = (k.decode() for k in zmq.curve_keypair())
        pair = {"IPP_CURVE_PUBLICKEY": public, "IPP_CURVE_SECRETKEY": secret}
        first = self.controller(
            "--reuse", "--location=here", "--keyfile=" + key, **pair
        )
        before = self.info(), self.info("engine")
        self.assertEqual(before[0]["key"], "a key of our own")
        self.assertEqual(first.stop(), 0)
        # The files alone count: this is the first run of a new database.
        os.unlink(self.dir + "/tasks.db")
        second = self.controller("--reuse", **pair)
        self.assertEqual((self.info(), self.info("engine")), before)
        self.assertEqual(second.stop(), 0)
        third = self.controller("--port=0")
        self.assertEqual(third.stop(), 0)
        self.assertFalse(os.path.exists(self.file()))

    def test_the_files_of_a_stock_controller_are_reused(self):
        stock = mix.Cluster(mix.STOCK, controller_args=["--reuse"])
        self.addCleanup(stock.stop)
        before = stock.info(), stock.info("engine")
        stock.controller.stop()
        self.dir = stock.dir
        c = self.controller("--reuse")
        for old, new in zip(before, (self.info(), self.info("engine"))):
            for key in "registration", "mux", "task", "control", "iopub", "key":
                self.assertEqual(old[key], new[key], key)
        said = [line for line in c.lines if "who has copies of them" in line]
        self.assertEqual(len(said), 1, c.lines)

    def test_two_clusters_share_a_profile(self):
        for name in "a", "b":
            self.controller("--cluster-id=" + name)
            self.engine("--cluster-id", name)
        a, b = self.client(cluster_id="a"), self.client(cluster_id="b")
        self.assertEqual((a.ids, b.ids), ([0], [0]))
        a[0].execute("true", block=False).get()
        self.assertEqual(os.listdir(self.dir + "/cluster-a").count("tasks.db"), 1)
        self.assertEqual(os.listdir(self.dir + "/cluster-b").count("tasks.db"), 1)
        code, text = self.refused("--cluster-id=a")
        self.assertEqual(code, 3, text)

    def test_made_up_clusters_are_swept(self):
        made_up, fresh, named = (
            self.dir + "/cluster-" + name
            for name in ("1500000000-ab1c", "1500000001-ab1c", "1500000000-abcde")
        )
        for data in made_up, fresh, named:
            os.makedirs(data + "/outputs")
            for name in "tasks.db", "tasks.db-wal", "outputs/1":
                open(os.path.join(data, name), "w").close()
            if data != fresh:
                os.utime(data + "/tasks.db", (0, 0))
        self.controller()
        self.assertFalse(os.path.exists(made_up))
        self.assertTrue(os.path.exists(fresh + "/tasks.db"))
        self.assertTrue(os.path.exists(named + "/tasks.db"))

    def test_log_to_file(self):
        p = mix.Process(
            [CONTROLLER, "--profile-dir=" + self.dir, "--log-to-file"]
        )
        self.addCleanup(p.stop)
        mix.wait_for(lambda: os.path.exists(self.file("engine")))
        self.assertEqual(p.stop(), 0)
        path = "%s/log/ipcontroller--%d.log" % (self.dir, p.pid)
        with open(path) as f:
            self.assertIn('"started"', f.read())

    def test_python_is_not_read(self):
        path = self.dir + "/ipcontroller_config.py"
        with open(path, "w") as f:
            f.write("# c.IPController.ip = '*'\n")
        c = self.controller()
        self.assertEqual(c.stop(), 0)
        self.assertEqual(c.complaints(), [])

    def test_python_that_sets_something_is_told(self):
        path = self.dir + "/ipcontroller_config.py"
        with open(path, "w") as f:
            f.write("c = get_config()\nc.IPController.ip = '*'\n")
        c = self.controller()
        self.assertEqual(len(c.complaints()), 1)
        self.assertIn(path, c.complaints()[0])


class EngineOptions(Case):
    def test_every_option_of_ipengine(self):
        from ipyparallel.engine.app import IPEngine

        self.controller()
        values = {
            "file": self.file("engine"),
            "timeout": "0",
            "log-level": "INFO",
            "log-to-file": "False",
            "work-dir": self.dir,
            "profile-dir": self.dir,
        }
        skip = {"show-config", "show-config-json", "log-to-file"}
        args = ["--" + f for f in IPEngine().flags if f not in skip]
        for name in IPEngine().aliases:
            value = values.get(name, "x")
            if len(name) > 1:
                args.append("--%s=%s" % (name, value))
            else:
                args += ["-" + name, value]
        e = self.start("engine", *args, OMPI_COMM_WORLD_RANK="7")
        self.assertIn("--ssh=x is passed over", "".join(e.lines))
        self.assertEqual(self.client().ids, [7])

    def test_mpi(self):
        self.controller()
        for rank in "2", "1":
            self.engine("--mpi", PMI_RANK=rank)
        self.assertEqual(sorted(self.client(2).ids), [1, 2])
        p = mix.Process([ENGINE, "--profile-dir=" + self.dir, "--mpi"])
        self.assertEqual(p.wait(), 2)

    def test_the_connection_in_the_environment(self):
        self.controller()
        with open(self.file("engine")) as f:
            text = f.read()
        self.start("engine", IPP_CONNECTION_INFO=text)
        rc = self.client()
        # The key is not for the tasks.
        ar = rc[0].execute(
            "echo ${IPP_CONNECTION_INFO-none}", silent=False, block=False
        )
        ar.get()
        ar.wait_for_output()
        self.assertEqual(ar.stdout, "none\n")

    def test_the_command_line_counts_more(self):
        self.controller()
        self.engine(IPP_CONNECTION_INFO="{}", IPP_PROFILE_DIR="/nonexistent")
        self.assertEqual(self.client().ids, [0])

    def test_work_dir(self):
        self.controller()
        self.engine("--log-to-file", "False", "--work-dir", "/usr")
        rc = self.client()
        ar = rc[0].execute("pwd", silent=False, block=False)
        ar.get()
        ar.wait_for_output()
        self.assertEqual(ar.stdout, "/usr\n")

    def test_it_waits_for_the_controller(self):
        e = mix.Process([ENGINE, "--profile-dir=" + self.dir,
                         "--timeout=%d" % mix.FOREVER,
                         "--IPEngine.wait_for_url_file=%d" % mix.FOREVER])
        self.addCleanup(e.stop)
        self.controller()
        e.wait_line(mix.READY[mix.OURS, "engine"])

    def test_no_controller(self):
        e = mix.Process([ENGINE, "--profile-dir=" + self.dir, "--timeout=0.1"])
        self.assertNotEqual(e.wait(), 0)


if __name__ == "__main__":
    mix.main(__name__)
