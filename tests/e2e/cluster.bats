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
		ls README.md doc/README.md doc/guide/tasks.md doc/examples/make/Makefile \
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

# --- pools ----------------------------------------------------------------------

# pool NAME [OPTION=TEXT]...: engines here, by the example.
pool() {
	local p=$MNT/pools/$1 option
	mkdir "$p"
	for option in cancel check launch; do
		cp "$ROOT/doc/examples/pools/local.$option" "$p/$option"
	done
	for option in "${@:2}"; do
		echo "${option#*=}" >"$p/${option%%=*}"
	done
}
# pool_has NAME N: engines.
pool_has() {
	[ "$(wc -l <"$MNT/pools/$1/engines")" -eq "$2" ]
}
# noted PATTERN: in what the controller writes down of its pools.
noted() {
	grep -qE -- "$1" "$DIR/pools.state"
}
none_launched() {
	! noted '^launch'
}

@test "stop ends the engines of pools; the next start has the pools as they were" {
	start --engines 0 >/dev/null
	run ! test -e "$DIR/pools.state"
	pool on min=2
	pool off min=1
	wait_for pool_has on 2
	wait_for pool_has off 1
	echo pause >"$MNT/pools/off/ctl"
	wait_for noted "^pool.off.paused"
	run -0 cluster status
	[[ $output =~ pool\ on\ +ready\ +engines:\ 2,\ jobs:\ [12] ]]
	[[ $output =~ pool\ off\ +paused\ +engines:\ 1,\ jobs:\ 1 ]]
	run -0 cluster stop
	[[ $output == *jobs\ ended* ]]
	no_processes
	run -3 cluster status
	[[ $output != *pool\ * ]]
	run -0 cluster stop
	[[ $output == *'does not run'* ]]
	start --engines 0 >/dev/null
	wait_for pool_has on 2
	equal "$(cat "$MNT/pools/off/state") $(cat "$MNT/pools/off/engines")" 'paused '
	run -0 cluster stop
	no_processes
}

@test "stop without a mount; engines of a pool that come while it stops" {
	start --engines 0 --mount none >/dev/null
	second_up
	MNT=$HOME_DIR/second
	# Nobody can cancel them, and they come late.
	gate go >/dev/null
	mkdir "$MNT/pools/late"
	echo 2 >"$MNT/pools/late/min"
	cat >"$MNT/pools/late/launch" <<-END
		for i in \$(seq \$TASKFS_COUNT); do
			(cat "$HOME_DIR/go"; exec setsid "\$TASKFS_ENGINE_PROGRAM" \\
				--file "\$TASKFS_ENGINE_FILE") >/dev/null 2>&1 &
		done
	END
	wait_for noted '^launch.*queued'
	second_down
	cluster stop >"$HOME_DIR/stop.out" 3>&- &
	local stop=$!
	wait_for noted '^stopped'
	noted '^launch.*ending.*its pool has no cancel command'
	leave_gate_open go
	wait "$stop"
	grep -q 'ended' "$HOME_DIR/stop.out"
	no_processes
}

@test "stop that is interrupted: the pools go on" {
	start --engines 0 >/dev/null
	mkdir "$HOME_DIR/queue"
	local p=$MNT/pools/held
	mkdir "$p"
	echo 1 >"$p/min"
	# As long as nobody lets it, cancel fails.
	echo "rm -f '$HOME_DIR'/queue/\$TASKFS_LAUNCH && [ -e '$HOME_DIR/let' ]" >"$p/cancel"
	echo ": >'$HOME_DIR'/queue/\$TASKFS_LAUNCH" >"$p/launch"
	wait_for noted '^launch.*queued'
	cluster stop >"$HOME_DIR/stop.out" 2>&1 3>&- &
	wait_for noted '^launch.*ending.*cancel failed'
	noted '^stopped'
	local pid words
	while read -r pid words; do
		case $words in *taskfs-cluster*) kill "$pid" ;; esac
	done < <(processes)
	wait "$!" || true
	wait_for run ! noted '^stopped'
	start --engines 0 >/dev/null
	equal "$(cat "$p/state")" ready
	: >"$HOME_DIR/let"
	: >"$p/launch"
	echo cancel >"$p/ctl"
	wait_for none_launched
}

@test "stop with a dead controller, and when a cancel fails: says what is left" {
	start --engines 0 >/dev/null
	local p=$MNT/pools/held
	mkdir "$p"
	echo 1 >"$p/min"
	echo "echo no such queue; [ -e '$HOME_DIR/let' ]" >"$p/cancel"
	echo "echo 4711" >"$p/launch"
	wait_for noted '^launch.*queued.4711'
	kill_9 taskfs-controller
	local i
	for i in 1 2; do
		run -1 cluster stop
		[[ $output =~ 'pool held, tfs-held-1-'[0-9a-f]+': job 4711, queued' ]]
		[[ $output == *"rm $DIR/pools.state"* ]]
		run -1 cluster remove
		[[ $output == *'pools have launched'* ]]
		run -3 cluster status
		[[ $output =~ 'pool held '.*'not running '.*'jobs: 1' ]]
	done
	start --engines 0 >/dev/null
	run -1 cluster stop --timeout 3
	[[ $output =~ 'job 4711, ending (tfs-held-1-'[0-9a-f]+': cancel failed: exit status 1' ]]
	: >"$HOME_DIR/let"
	start --engines 0 >/dev/null
	# The one that was left has gone, another has come, as before.
	wait_for noted 'tfs-held-2-.*queued'
	run -0 cluster stop
	no_processes
	run -0 cluster remove
}

@test "--pools=no: there is no making and changing them, and nothing is launched" {
	start --engines 0 >/dev/null
	pool here min=1
	wait_for pool_has here 1
	cluster stop >/dev/null
	start --engines 0 --controller-opt --pools=no >/dev/null
	local p=$MNT/pools
	equal "$(cat "$p/here/state")" off
	[[ $(cat "$p/here/why") == *--pools=no* ]]
	fails_with EPERM mkdir "$p/other"
	fails_with EPERM rmdir "$p/here"
	fails_with EPERM tee "$p/here/max" <<<3
	fails_with EPERM tee "$p/here/ctl" <<<resume
	[[ $(cat "$MNT/tasks/error") == *--pools=no* ]]
	run -0 cluster status
	[[ $output =~ 'pool here '.*'off '.*'engines: 0, jobs: 0' ]]
	local id
	id=$(submit true)
	[[ $(get "$id" why) == *'pool here could start engines for it, and is off'* ]]
	rm "$MNT/tasks/$id"
	cluster stop >/dev/null
	start --engines 0 >/dev/null
	wait_for pool_has here 1
	run -2 "$BUILD/taskfs-controller" --pools=perhaps
}
