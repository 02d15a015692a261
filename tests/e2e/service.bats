# bats file_tags=check
# As services: what the programs tell systemd, and what its journal gets.
# shellcheck shell=bash
load lib

setup_file() { new_home; }
teardown_file() { rm -rf --one-file-system "$HOME_DIR"; }
setup() {
	DIR=$BATS_TEST_TMPDIR/cluster
	pids=()
	opened=()
}
teardown() {
	local pid
	for pid in "${opened[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
	for pid in "${pids[@]}"; do wait "$pid" || true; done
}

# managed NAME COMMAND...: as a service; its pid is in opened, that of its manager in
# pids. Returns when it is ready.
managed() {
	local to=$BATS_TEST_TMPDIR/$1
	shift
	mkdir "$to"
	unshare --mount --map-root-user /usr/bin/python3 "$ROOT/tests/e2e/manager.py" \
		"$to" sh -c 'echo $$ >"$1/pid"; shift; exec "$@"' sh "$to" "$@" 3>&- &
	pids+=($!)
	wait_for grep -qsx READY=1 "$to/told"
	opened+=("$(cat "$to/pid")")
}

# told NAME LINE
told() { grep -qsx "$2" "$BATS_TEST_TMPDIR/$1/told"; }
# entry NAME WORD...: one entry of the journal has all of these in it.
entry() {
	local file=$BATS_TEST_TMPDIR/$1/journal word text
	shift
	text=$(cat "$file")
	for word; do text=$(grep -F -- "$word" <<<"$text") || return; done
}

@test "ready, watched, and at its end" {
	managed controller "$BUILD/taskfs-controller" --cluster-dir="$DIR"
	managed engine "$BUILD/taskfs-engine" --cluster-dir="$DIR"
	told engine 'STATUS=it is engine 0'
	# More than the first one.
	wait_for eval '[ "$(grep -cx WATCHDOG=1 "$BATS_TEST_TMPDIR/controller/told")" -gt 2 ]'
	wait_for eval '[ "$(grep -cx WATCHDOG=1 "$BATS_TEST_TMPDIR/engine/told")" -gt 2 ]'
	kill -TERM "${opened[1]}"
	wait "${pids[1]}"
	told engine STOPPING=1
	kill -TERM "${opened[0]}"
	wait "${pids[0]}"
	told controller STOPPING=1
	pids=() opened=()
}

@test "the journal gets a field for each key, and the level as a priority" {
	managed controller "$BUILD/taskfs-controller" --cluster-dir="$DIR"
	entry controller '"PRIORITY": "6"' '"SYSLOG_IDENTIFIER": "taskfs-controller"' \
		"\"TASKFS_DIR\": \"$DIR\"" '"MESSAGE": "started dir='
	managed engine "$BUILD/taskfs-engine" --cluster-dir="$DIR"
	wait_for entry controller '"TASKFS_ENGINE": "0"' 'engine registered engine=0'
	# Its standard error is the journal's, and nothing else is written there.
	[ ! -s "$BATS_TEST_TMPDIR/controller/stream" ]
	kill -KILL "$(cat "$BATS_TEST_TMPDIR/engine/pid")"
	wait "${pids[1]}" || true
	wait_for entry controller '"MESSAGE": "engine'
}

@test "a mount is ready when it is mounted, and unmounted at its end" {
	mkdir "$BATS_TEST_TMPDIR/mnt"
	managed controller "$BUILD/taskfs-controller" --cluster-dir="$DIR"
	managed mount "$BUILD/taskfs" --foreground "$DIR" "$BATS_TEST_TMPDIR/mnt"
	grep -q "$BATS_TEST_TMPDIR/mnt" "/proc/${opened[1]}/mounts"
	entry mount '"SYSLOG_IDENTIFIER": "taskfs"' '"TASKFS_SOURCE"' '"MESSAGE": "mounted'
	kill -TERM "${opened[1]}"
	wait "${pids[1]}"
	told mount STOPPING=1
	unset 'pids[1]' 'opened[1]'
}
