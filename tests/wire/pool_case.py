"""What tests of pools begin with: a queue that is a directory, with commands of the
shell."""

import os

import tap
from controller_case import CALM, Case

tap.helpers.add(__file__)

# What is asked for is written down, and stands in the queue, by its name.
ASK = 'echo "$TASKFS_LAUNCH $TASKFS_COUNT" >> asked; : > "queue.$TASKFS_LAUNCH"; '
LAUNCH = ASK + 'echo "job-$TASKFS_LAUNCH"; echo more'
CANCEL = 'rm "queue.$TASKFS_LAUNCH" && echo "${TASKFS_JOB:-none}" >> cancelled'
CHECK = '[ -e "queue.$TASKFS_LAUNCH" ] && exit 0; exit 1'
# Engines of this machine.
LOCAL = (
    ASK + "i=0; while [ $i -lt $TASKFS_COUNT ]; do i=$((i + 1)); "
    'setsid "$TASKFS_ENGINE_PROGRAM" --file "$TASKFS_ENGINE_FILE" '
    '--log-file "engine.$TASKFS_LAUNCH.$i" & done'
)


class PoolCase(Case):
    # Pauses are short: a test waits for what comes after them.
    options = (CALM, "--pool-pause=1ms", "--pool-proof=1h")

    def setUp(self):
        super().setUp()
        self.c = self.client()
        self.c.follow()

    def tearDown(self):
        if self.controller.process.poll() is None:
            self.end_engines()
        super().tearDown()

    def end_engines(self):
        """No program of a test stays."""
        for pool in self.pools().values():
            self.verb(pool["pool"], "pause")
        for e in self.state()["engines"]:
            if e["language"] == "sh" and e["pid"] != os.getpid():
                self.c.ask(
                    "engine_control_request",
                    {"engines": [e["id"]], "verb": "stop", "uid": 0},
                )

    def restart(self, *more):
        """The controller is killed, and starts again."""
        self.controller.kill()
        self.start(*more)

    def start(self, *more):
        self.controller.options = self.controller.options + more
        self.controller.start()
        self.c = self.client()
        self.c.follow()

    # What is asked and told.

    def state(self):
        return self.c.ask("state_request", {}).content

    def pools(self):
        return {p["pool"]: p for p in self.state()["pools"]}

    def wait_pool(self, name, holds):
        """Until it holds of the pool; of None when there is none."""
        p = self.pools().get(name)
        while not holds(p):
            # One comes every second, whatever happens.
            self.c.receive(self.c.events)
            p = self.pools().get(name)
        return p

    def wait_state(self, name, state):
        return self.wait_pool(name, lambda p: p["state"] == state)

    def wait_launches(self, name, *states):
        """Until its launches are in these states."""
        return self.wait_pool(
            name, lambda p: [l["state"] for l in p["launches"]] == list(states)
        )

    def ask(self, pool, **what):
        return self.c.ask("pool_request", dict(pool=pool, uid=0, **what)).content

    def done(self, pool, **what):
        content = self.ask(pool, **what)
        self.assertEqual(content["status"], "ok", content)
        return content["pool"] if "pool" in content else None

    def refused(self, pool, errno, **what):
        content = self.ask(pool, **what)
        self.assertEqual(content["status"], "error", content)
        self.assertEqual(content["errno"], errno, content)
        return content["evalue"]

    def make(self, name, **options):
        self.done(name, make=True)
        if options:
            self.done(name, set={k: str(v) for k, v in options.items()})

    def verb(self, pool, verb, argument=None):
        q = {"pool": pool, "verb": verb, "uid": 0}
        if argument is not None:
            q["argument"] = argument
        return self.c.ask("control_request", q).content

    # What the commands have done.

    def path(self, name):
        return os.path.join(self.controller.dir, name)

    def lines(self, name):
        try:
            with open(self.path(name)) as f:
                return f.read().splitlines()
        except FileNotFoundError:
            return []

    def asked(self):
        """[(launch, count)], in order."""
        return [(l.split()[0], int(l.split()[1])) for l in self.lines("asked")]

    def wait_lines(self, name, n=1):
        return tap.wait_for(lambda: len(self.lines(name)) >= n and self.lines(name))

    def member(self, launch, **how):
        """An engine whose words a test says, of this launch."""
        e = self.engine()
        e.join(self.c, launch=launch, **how)
        return e

    def leave(self, engine):
        """It ends as it was told; nobody answers that."""
        content = {"id": engine.id, "exit": 0}
        engine.registration.send_multipart(
            engine.frames("unregistration_request", content)[1]
        )
