# bats file_tags=check
# metrics.bats: the file metrics, read by Prometheus' own parser.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 2; }
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() { test_end; }

# value SAMPLE: its value, as the parser reads it: 'taskfs_tasks{state="ok"}'.
value() {
	/usr/bin/python3 - "$MNT/metrics" "$1" <<'PY'
import sys
from prometheus_client.parser import text_string_to_metric_families

with open(sys.argv[1]) as f:
    text = f.read()
for family in text_string_to_metric_families(text):
    for s in family.samples:
        labels = ",".join('%s="%s"' % x for x in s.labels.items())
        name = s.name + ("{%s}" % labels if labels else "")
        if name == sys.argv[2]:
            print("%.15g" % s.value)
PY
}

@test "the whole file parses; each metric has help, a type and its form" {
	/usr/bin/python3 - "$MNT/metrics" <<'PY'
import re
import sys
from prometheus_client.parser import text_string_to_metric_families

with open(sys.argv[1]) as f:
    text = f.read()
assert text.endswith("\n")
families = list(text_string_to_metric_families(text))
names = [f.name for f in families]
assert len(names) == len(set(names)) and len(names) > 30, names
lines = [x for x in text.splitlines() if not x.startswith("#")]
seen = set()
for family in families:
    assert family.documentation.endswith("."), family.name
    assert family.type in ("counter", "gauge"), family
    assert re.fullmatch("(taskfs|process)_[a-z_]+", family.name), family.name
    for s in family.samples:
        assert s.name.endswith("_total") == (family.type == "counter"), s
        assert s.value >= 0, s
        key = (s.name, tuple(sorted(s.labels.items())))
        assert key not in seen, key
        seen.add(key)
        # Base units only.
        assert not re.search("_(ms|usec|kb|mb|minutes)(_|$)", s.name), s
assert len(seen) == len(lines), "a line was not read"
PY
}

@test "tasks, results and engines are counted" {
	local ok a
	ok=$(value 'taskfs_controller_tasks_ended_total{outcome="ok"}')
	submit ':' >/dev/null
	a=$(submit '{"code": "exit 1", "retries": 2}')
	done_with "$a" error
	done_with "$((a - 1))"
	equal "$(value taskfs_up)" 1
	equal "$(value 'taskfs_controller_info{kind="taskfs",scheme="leastload"}')" 1
	wait_for eval '[ "$(value "taskfs_controller_tasks_ended_total{outcome=\"ok\"}")" = '$((ok + 1))' ]'
	equal "$(value 'taskfs_controller_tasks_ended_total{outcome="error"}')" 1
	equal "$(value taskfs_controller_tasks_retried_total)" 2
	equal "$(value taskfs_controller_tasks_begun_total)" "$((ok + 4))"
	equal "$(value 'taskfs_tasks{state="error"}')" 1
	equal "$(value 'taskfs_results{state="finished"}')" "$((ok + 2))"
	wait_for all_idle
	equal "$(value 'taskfs_engines{state="idle"}')" 2
	a=$(submit 'sleep 1000')
	wait_for eval '[ "$(value "taskfs_engines{state=\"busy\"}")" = 1 ]'
	equal "$(value 'taskfs_results{state="unfinished"}')" 1
	echo abort >"$MNT/results/$a/ctl"
	done_with "$a" aborted
}

@test "errors are counted by name, what is refused too" {
	local before
	before=$(value 'taskfs_mount_errors_total{errno="EFBIG"}')
	fails_with EFBIG dd if=/dev/zero of="$MNT/tasks/new" bs=1M count=17 \
		status=none
	equal "$(value 'taskfs_mount_errors_total{errno="EFBIG"}')" \
		"$((${before:-0} + 1))"
}

@test "numbers come from the controller at each read, once a second at most" {
	wait_for all_idle
	/usr/bin/python3 - "$MNT/metrics" <<'PY'
import re
import sys
import time


def received():
    with open(sys.argv[1]) as f:
        text = f.read()
    return int(re.search("(?m)^taskfs_controller_messages_received_total ([0-9]+)$", text)[1])


began = time.monotonic()
before = received()
for _ in range(500):
    after = received()
while after == before:
    after = received()
seconds = time.monotonic() - began
# One of each second, and what others of the cluster have to say now and then.
assert after - before <= seconds + 5, (after - before, seconds)
PY
}

@test "readers at the same time, byte by byte" {
	local i pids=()
	for i in 1 2 3 4 5; do
		dd if="$MNT/metrics" bs=1 status=none >"$HOME_DIR/m.$i" &
		pids+=("$!")
	done
	wait "${pids[@]}"
	for i in 1 2 3 4 5; do
		equal "$(grep -c '^taskfs_up 1$' "$HOME_DIR/m.$i")" 1
		equal "$(tail -n 1 "$HOME_DIR/m.$i" | cut -d ' ' -f 1)" \
			process_resident_memory_bytes
	done
	[ "$(stat -c %s "$MNT/metrics")" -gt 1000 ]
}

@test "without a controller it says so, with what is known" {
	local n connects
	n=$(value 'taskfs_tasks{state="ok"}')
	connects=$(value taskfs_mount_connects_total)
	kill_9 taskfs-controller
	wait_for eval '[ "$(value taskfs_up)" = 0 ]'
	equal "$(value 'taskfs_tasks{state="ok"}')" "$n"
	equal "$(value taskfs_controller_uptime_seconds)" ''
	start >/dev/null
	wait_for eval '[ "$(value taskfs_up)" = 1 ]'
	[ "$(value taskfs_mount_connects_total)" -gt "$connects" ]
}
