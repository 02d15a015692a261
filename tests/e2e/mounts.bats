# Mounting: a second mount, dead mounts, unmounting, mount(8).
# shellcheck shell=bash
load lib

setup_file() { cluster_up 2; }
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() {
	second_down
	test_end
}

@test "a second mount shows the same results, live, whoever submitted them" {
	local id gate fd line
	second_up
	gate=$(gate live)
	id=$(submit "echo first; cat $gate; echo second")
	# Known there at once: the mount has heard of it, or asks.
	wait_for test -e "$HOME_DIR/second/results/$id/status"
	exec {fd}<"$HOME_DIR/second/results/$id/output"
	read -r -u "$fd" line
	equal "$line" first
	open_gate live
	read -r -u "$fd" line
	equal "$line" second
	exec {fd}<&-
	equal "$(cat "$HOME_DIR/second/results/$id/wait")" ok
	equal "$(cat "$HOME_DIR/second/results/$id/value")" $'first\nsecond'
}

@test "submitted through the second, read through the first" {
	local id
	second_up
	echo 'echo from the other' >"$HOME_DIR/second/tasks/new"
	read -r id <"$HOME_DIR/second/tasks/last"
	wait_for test -e "$MNT/results/$id/value"
	equal "$(get "$id" value)" 'from the other'
}

@test "results from before a mount are in it, with the same ids" {
	local id
	id=$(submit 'echo old; echo err >&2; exit 7')
	done_with "$id" error
	second_up
	equal "$(cat "$HOME_DIR/second/results/$id/stdout")" old
	equal "$(cat "$HOME_DIR/second/results/$id/stderr")" err
	equal "$(cat "$HOME_DIR/second/results/$id/exit_status")" 7
	equal "$(ls "$HOME_DIR/second/results")" "$(ls "$MNT/results")"
}

@test "purged in one, gone in the other" {
	local id
	second_up
	id=$(submit ':')
	done_with "$id"
	wait_for test -e "$HOME_DIR/second/results/$id/ok"
	rmdir "$HOME_DIR/second/results/$id"
	wait_for eval '! test -e "$MNT/results/$id/status"'
}

@test "umount ends the program" {
	local pid
	second_up
	pid=$(second_pid)
	kill -0 "$pid"
	second_down
	wait_for is_gone "$pid"
}

@test "umount while readers are blocked: busy; detached, they end" {
	local id reader
	second_up
	id=$(submit 'sleep 1000')
	wait_for test -e "$HOME_DIR/second/results/$id/value"
	cat "$HOME_DIR/second/results/$id/value" 2>/dev/null 3>&- &
	reader=$!
	wait_for is_reading "$reader"
	run ! fusermount3 -u "$HOME_DIR/second"
	kill "$reader"
	wait "$reader" || true
	second_down
	echo abort >"$MNT/results/$id/ctl"
	done_with "$id" aborted
}

@test "a mount killed with -9 can be mounted over, same ids and results" {
	local id pid
	id=$(submit 'echo before')
	done_with "$id"
	second_up
	pid=$(second_pid)
	kill -9 "$pid"
	wait_for is_gone "$pid"
	run ! cat "$HOME_DIR/second/version"
	second_up
	equal "$(cat "$HOME_DIR/second/results/$id/value")" before
}

# mount(8) looks for its helper in /sbin alone, where nothing is installed; this is
# what it would call.
@test "options as of mount(8), umount(8)" {
	second_up -o rw,nosuid,nodev
	[[ $(grep " $HOME_DIR/second " /proc/self/mounts) == *nosuid* ]]
	equal "$(cat "$HOME_DIR/second/controller/state")" connected
	umount "$HOME_DIR/second"
	run ! is_mounted "$HOME_DIR/second"
}

@test "mistakes: no such cluster directory, no such mount point, no option" {
	run ! "$BUILD/taskfs" "$DIR" "$HOME_DIR/nowhere"
	[ -n "$output" ]
	mkdir -p "$HOME_DIR/second"
	run ! "$BUILD/taskfs" "$DIR" "$HOME_DIR/second" -o no_such_option
	[[ $output == *no_such_option* ]]
	run ! "$BUILD/taskfs" --wait 0.1 nowhere "$HOME_DIR/second"
	[[ $output == *"start the controller first"*"taskfs/nowhere"*profile_nowhere* ]]
	run ! "$BUILD/taskfs" --wait 0.1 "$DIR/security/ipcontroller-engine.json" \
		"$HOME_DIR/second"
	[[ $output == *"the file for clients (ipcontroller-client.json)"* ]]
	# Of a controller that died.
	sed 's/"registration": *[0-9]*/"registration": 1/' \
		"$DIR/security/ipcontroller-client.json" >"$HOME_DIR/dead.json"
	grep -q '"registration": 1\>' "$HOME_DIR/dead.json"
	run ! "$BUILD/taskfs" --wait 1 "$HOME_DIR/dead.json" "$HOME_DIR/second"
	[[ $output == *"no answer"*"$HOME_DIR/dead.json"*"may have died"* ]]
	run -2 "$BUILD/taskfs"
	run -2 "$BUILD/taskfs" --nonsense
	run ! "$BUILD/taskfs" "$DIR" "$HOME_DIR/start.out"
	run ! is_mounted "$HOME_DIR/second"
}

@test "--help and --version of the three programs" {
	local p
	for p in taskfs taskfs-controller taskfs-engine; do
		run -0 "$BUILD/$p" --help
		[[ $output == Usage:* ]]
		[[ $output == *Exit\ @(codes|status)* ]]
		run -0 "$BUILD/$p" --version
		like "$output" "$p [0-9.]+"
		run -2 "$BUILD/$p" --no-such-option
	done
	run -0 "$CLUSTER" --help
	run -0 "$CLUSTER" --version
}

# bats test_tags=check
@test "a controller that encrypts nothing: its log and the mount say so" {
	local at=$HOME_DIR/second pid
	exec 4< <(exec env "TASKFS_E2E=$MARK" "$BUILD/taskfs-controller" \
		--cluster-dir="$HOME_DIR/open" --curve=no --ready-fd=1 \
		2>"$HOME_DIR/open.log" 3>&-)
	pid=$!
	read -r -u 4 _
	exec 4<&-
	mkdir -p "$at"
	env "TASKFS_E2E=$MARK" "$BUILD/taskfs" "$HOME_DIR/open" "$at" --wait "$FOREVER" \
		--log-file "$HOME_DIR/open.log" 3>&-
	equal "$(cat "$at/controller/state")" \
		'connected; nothing is encrypted (--curve=no)'
	grep -q '"warning".*--curve=no: nothing is encrypted' "$HOME_DIR/open.log"
	second_down
	kill "$pid"
	wait_for eval "! kill -0 $pid 2>/dev/null"
	rm -r "$HOME_DIR/open" "$HOME_DIR/open.log"
}
