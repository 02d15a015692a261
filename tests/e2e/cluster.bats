# bats file_tags=check
# taskfs-cluster: start, stop, status, remove; what it says and with which exit code.
# shellcheck shell=bash
load lib

setup() {
	new_home
	export ENGINES=2
}
teardown() {
	cluster stop >/dev/null 2>&1 || true
	[ -n "${BATS_TEST_COMPLETED:-}" ] || end_processes
	no_left_overs
	rm -rf --one-file-system "$HOME_DIR"
}

@test "start, status, use, stop" {
	run -3 cluster status
	run -0 start
	[[ $output == *controller*started* && $output == *'2 started'* ]]
	[[ $output == *tasks/new* ]]
	run -0 cluster status
	equal "$(grep -c running <<<"$output")" 3
	[[ $output == *mounted* ]]
	equal "$(ls "$MNT/engines" | grep -c '^[0-9]*$')" 2
	echo 'echo it works' >"$MNT/tasks/new"
	equal "$(cat "$MNT/results/latest/value")" 'it works'
	run -0 cluster stop
	no_processes
	run -3 cluster status
}

@test "start twice: says what runs, starts what is missing" {
	start >/dev/null
	local before
	before=$(processes | sort)
	run -0 start
	[[ $output == *runs* && $output == *'2 run'* && $output == *'is there'* ]]
	equal "$(processes | sort)" "$before"
	run -0 start --engines 4
	[[ $output == *'2 more'* ]]
	equal "$(ls "$MNT/engines" | grep -c '^[0-9]*$')" 4
}

@test "start after the controller died: the same results" {
	start >/dev/null
	echo 'echo kept' >"$MNT/tasks/new"
	equal "$(cat "$MNT/results/latest/value")" kept
	kill_9 taskfs-controller
	run -1 cluster status
	[[ $output == *'not running'* ]]
	run -0 start
	[[ $output == *controller*started* ]]
	equal "$(cat "$MNT/results/latest/value")" kept
}

@test "stop and start again: the same results, ids go on" {
	local id
	start >/dev/null
	id=$(submit 'echo one')
	equal "$(get "$id" value)" one
	cluster stop
	start >/dev/null
	equal "$(get "$id" value)" one
	[ "$(submit ':')" -gt "$id" ]
}

@test "stop twice, and of what never ran" {
	run -0 cluster stop
	start >/dev/null
	run -0 cluster stop
	run -0 cluster stop
	[[ $output == *'not run'* ]]
}

@test "stop while tasks run and readers wait" {
	local id
	start >/dev/null
	id=$(submit 'sleep 1000')
	cat "$MNT/results/$id/value" >/dev/null 2>&1 3>&- &
	local reader=$!
	wait_for is_reading "$reader"
	run -0 cluster stop
	wait "$reader" || true
	no_processes
}

@test "stop of a dead and of a stopped mount" {
	start >/dev/null
	kill_9 taskfs
	run -0 cluster stop
	run ! is_mounted "$MNT"
	start >/dev/null
	kill -STOP "$(pid_of taskfs)"
	# After that it is killed, and so is whatever else is slower.
	run -0 cluster stop --timeout 3
	run ! is_mounted "$MNT"
	wait_for no_processes
}

@test "a process that got the number of a dead one is left alone" {
	start >/dev/null
	cluster stop >/dev/null
	sleep 1000 3>&- &
	local other=$!
	echo "$other 12345" >"$DIR/pid/taskfs-controller.pid"
	run -3 cluster status
	run -0 cluster stop
	kill -0 "$other"
	kill "$other"
}

@test "what does not come up: exit code 1 and how its log ends" {
	mkdir -p "$DIR/security"
	run -1 start --controller-opt --no-such-option
	[[ $output == *controller* && $output == *no-such-option* ]]
	run -0 cluster stop
	: >"$HOME_DIR/file"
	run -1 cluster start --mount "$HOME_DIR/file" --engines 1
	run -0 cluster stop
	mkdir "$HOME_DIR/full"
	: >"$HOME_DIR/full/file"
	run -1 cluster start --mount "$HOME_DIR/full" --engines 1
	[[ $output == *'not empty'* ]]
	no_processes
}

@test "wrong usage: exit code 2" {
	run -2 "$CLUSTER"
	run -2 "$CLUSTER" explode
	run -2 "$CLUSTER" start --name ../x
	run -2 "$CLUSTER" start --engines many
	run -2 "$CLUSTER" start --nonsense 1
	run -2 "$CLUSTER" start --name
}

@test "files and directories of a cluster are private" {
	start >/dev/null
	equal "$(stat -c %a "$DIR")" 700
	equal "$(stat -c %a "$DIR/security")" 700
	equal "$(stat -c %a "$DIR/security/ipcontroller-client.json")" 600
	equal "$(stat -c %a "$DIR/security/ipcontroller-engine.json")" 600
	equal "$(stat -c %a "$DIR/tasks.db")" 600
}

@test "remove: only what does not run, and nothing of somebody else" {
	local held
	run -1 cluster remove
	[[ $output == *"there is no cluster"* ]]
	mkdir -p "$DIR"
	run -1 cluster remove
	[[ $output == *"is not a cluster's directory"* ]]
	start >/dev/null
	echo 'seq 300000' >"$MNT/tasks/new"
	cat "$MNT/results/latest/wait"
	run -1 cluster remove
	[[ $output == *"stop"* ]]
	cluster stop
	[ -n "$(ls "$DIR/outputs")" ]
	exec {held}>>"$DIR/pid/controller.lock"
	flock "$held"
	run -1 cluster remove
	[[ $output == *"a controller runs on"* ]]
	exec {held}>&-
	[ -f "$DIR/tasks.db" ]
	echo mine >"$DIR/notes"
	run -1 cluster remove
	[[ $output == *"stays"* ]]
	equal "$(ls -A "$DIR")" notes
	rm "$DIR/notes"
	start >/dev/null
	cluster stop
	run -0 cluster remove
	[ ! -e "$DIR" ]
}

@test "remove: the directory of the mount, if start made it and nothing is in it" {
	local mine=$HOME_DIR/mine kept=$HOME_DIR/kept again=$HOME_DIR/again at
	mkdir "$mine"
	for at in "$mine" "$kept" "$again" "$MNT"; do
		cluster start --mount "$at" --engines 1 >/dev/null
		cluster stop
	done
	: >"$kept/file"
	rmdir "$again"
	ln -s "$mine" "$again"
	run -0 cluster remove
	[[ $output == *"$MNT removed"* ]]
	[ ! -e "$MNT" ]
	[ -d "$mine" ]
	[ -f "$kept/file" ]
	[ -L "$again" ]
}

@test "make status: what there is, and nothing of make's own" {
	export XDG_STATE_HOME=$HOME_DIR/state
	run -0 make -s -C "$ROOT" status NAME=none
	like "$output" 'cluster +none .*'
	[[ $output == *'not running'* && $output != *Error* ]]
	run -2 make -s -C "$ROOT" status NAME=../x
}

@test "two clusters beside each other" {
	start >/dev/null
	cluster start --dir "$HOME_DIR/two" --name two \
		--mount "$HOME_DIR/mnt2" --engines 1 >/dev/null
	echo 'echo one' >"$MNT/tasks/new"
	echo 'echo two' >"$HOME_DIR/mnt2/tasks/new"
	equal "$(cat "$MNT/results/latest/value")" one
	equal "$(cat "$HOME_DIR/mnt2/results/latest/value")" two
	cluster stop --dir "$HOME_DIR/two" --name two
	equal "$(cat "$MNT/controller/state")" connected
}

@test "installed: make install, the programs found beside the script" {
	make -C "$ROOT" --no-print-directory install BUILD="$MAKE_BUILD" \
		DESTDIR="$HOME_DIR/root" PREFIX=/usr SAN="${SAN:-}" 3>&- >/dev/null
	[ -x "$HOME_DIR/root/usr/bin/taskfs" ]
	# README.md and its links are there, with the picture.
	(cd "$HOME_DIR/root/usr/share/doc/taskfs" &&
		ls README.md doc/README.md doc/guide/tasks.md doc/examples/Makefile \
			doc/images/timeline.svg)
	[ -L "$HOME_DIR/root/usr/sbin/mount.fuse.taskfs" ]
	[ -e "$HOME_DIR/root/usr/share/man/man1/taskfs-cluster.1" ]
	env "TASKFS_E2E=$MARK" "$HOME_DIR/root/usr/bin/taskfs-cluster" start \
		--dir "$DIR" --mount "$MNT" --engines 1 --timeout "$FOREVER" \
		3>&- >/dev/null
	equal "$(readlink "/proc/$(pid_of taskfs)/exe")" \
		"$HOME_DIR/root/usr/bin/taskfs"
	env "TASKFS_E2E=$MARK" "$HOME_DIR/root/usr/bin/taskfs-cluster" stop \
		--dir "$DIR" --timeout "$FOREVER"
	make -C "$ROOT" --no-print-directory uninstall \
		BUILD="$MAKE_BUILD" DESTDIR="$HOME_DIR/root" PREFIX=/usr 3>&- >/dev/null
	equal "$(find "$HOME_DIR/root" -type f -o -type l)" ''
}
