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

# A second mount of the cluster, in the background as by hand; ready when
# the program returns.
second_up() {
	mkdir "$HOME_DIR/second" 2>/dev/null || true # or a dead mount is there
	env "TASKFS_E2E=$MARK" "$BUILD/taskfs" "$DIR" "$HOME_DIR/second" "$@" \
		3>&- >>"$DIR/log/second.log" 2>&1
}
second_down() {
	grep -q " $HOME_DIR/second " /proc/self/mounts || return 0
	fusermount3 -u "$HOME_DIR/second"
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
	pid=$(pgrep -f "^$BUILD/taskfs $DIR $HOME_DIR/second")
	second_down
	wait_for eval '! test -d "/proc/$pid" || grep -q "State:.Z" "/proc/$pid/status"'
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
	pid=$(pgrep -f "^$BUILD/taskfs $DIR $HOME_DIR/second")
	kill -9 "$pid"
	wait_for eval '! cat "$HOME_DIR/second/version" 2>/dev/null'
	second_up
	equal "$(cat "$HOME_DIR/second/results/$id/value")" before
}

@test "mount(8): mount -t fuse.taskfs, options, umount" {
	local path=$HOME_DIR/sbin
	if [ ! -e /usr/sbin/mount.fuse.taskfs ]; then
		# mount(8) looks nowhere else; the helper it would call:
		mkdir -p "$HOME_DIR/second"
		env "TASKFS_E2E=$MARK" "$BUILD/taskfs" "$DIR" "$HOME_DIR/second" \
			-o rw,nosuid,nodev 3>&- >>"$DIR/log/second.log" 2>&1
	else
		skip "an installed helper is in the way"
	fi
	[[ $(grep " $HOME_DIR/second " /proc/self/mounts) == *nosuid* ]]
	equal "$(cat "$HOME_DIR/second/controller/state")" connected
	umount "$HOME_DIR/second"
	run ! grep -q " $HOME_DIR/second " /proc/self/mounts
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
	jq '.registration = 1' "$DIR/security/ipcontroller-client.json" \
		>"$HOME_DIR/dead.json"
	run ! "$BUILD/taskfs" --wait 1 "$HOME_DIR/dead.json" "$HOME_DIR/second"
	[[ $output == *"no answer"*"$HOME_DIR/dead.json"*"may have died"* ]]
	run -2 "$BUILD/taskfs"
	run -2 "$BUILD/taskfs" --nonsense
	run ! "$BUILD/taskfs" "$DIR" "$HOME_DIR/start.out"
	run ! grep -q " $HOME_DIR/second " /proc/self/mounts
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
