# queues.bats: how many tasks of a queue run at a time.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 2 --slots 3; }
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() { test_end; }

Q() {
	cat "$MNT/queues/$1/$2"
}
queue_is() {
	[ "$(Q "$1" waiting) $(Q "$1" running)" = "$2" ]
}
has_status() {
	[ "$(get "$1" status)" = "$2" ]
}

@test "mkdir, its files, rmdir" {
	equal "$(ls "$MNT/queues")" ''
	mkdir "$MNT/queues/gpu" "$MNT/queues/a"
	equal "$(ls "$MNT/queues" | tr '\n' ' ')" 'a gpu '
	equal "$(ls "$MNT/queues/gpu" | tr '\n' ' ')" 'ctl limit running state waiting '
	equal "$(Q gpu limit)$(Q gpu state)" open
	echo 3 >"$MNT/queues/gpu/limit"
	equal "$(Q gpu limit)" 3
	echo >"$MNT/queues/gpu/limit"
	equal "$(Q gpu limit)" ''
	equal "$(Q gpu ctl | tr '\n' ' ')" 'pause resume '
	rmdir "$MNT/queues/a"
	fails_with ENOENT rmdir "$MNT/queues/a"
	fails_with EEXIST mkdir "$MNT/queues/gpu"
	fails_with EINVAL mkdir "$MNT/queues/a b"
	like "$(cat "$MNT/tasks/error")" '"a b" is no name of a queue: .*'
	fails_with EINVAL bash -c "echo many >$MNT/queues/gpu/limit"
	like "$(cat "$MNT/tasks/error")" 'the limit is a whole number.*'
	fails_with EINVAL bash -c "echo drain >$MNT/queues/gpu/ctl"
	rmdir "$MNT/queues/gpu"
	equal "$(ls "$MNT/queues")" ''
}

@test "the limit holds across results; more run when it is raised" {
	local a b c id
	mkdir "$MNT/queues/two"
	echo 2 >"$MNT/queues/two/limit"
	gate go >/dev/null
	a=$(submit "{\"code\": \"cat $HOME_DIR/go\", \"map\": [1, 2, 3], \"queue\": \"two\"}")
	b=$(submit "{\"code\": \"cat $HOME_DIR/go\", \"queue\": \"two\"}")
	wait_for queue_is two '2 2'
	equal "$(get "$b" queue)" two
	equal "$(get "$b" status)" pending
	equal "$(get "$b" why)" 'room in the queue two, whose limit is 2'
	c=$(submit 'echo not in it')
	done_with "$c"
	fails_with EBUSY rmdir "$MNT/queues/two"
	like "$(cat "$MNT/tasks/error")" 'remove: results that have not ended are in it'
	echo 3 >"$MNT/queues/two/limit"
	wait_for queue_is two '1 3'
	equal "$(get "$b" status)" pending
	echo >"$MNT/queues/two/limit"
	wait_for has_status "$b" running
	queue_is two '0 4'
	leave_gate_open go
	done_with "$a"
	done_with "$b"
	wait_for queue_is two '0 0'
	b=$(submit '{"code": "exit 1", "queue": "two"}')
	done_with "$b" error
	for id in $(seq 20); do submit '{"code": "true", "queue": "two"}'; done >/dev/null
	wait_for queue_is two '0 0'
	rmdir "$MNT/queues/two"
	fails_with EINVAL bash -c "echo retry >$MNT/results/$b/ctl"
	like "$(cat "$MNT/tasks/error")" 'retry: "queue": there is no queue "two".*'
}

@test "pause and resume; a view; the option in a draft" {
	local id view
	mkdir "$MNT/queues/slow" "$MNT/tasks/d"
	echo pause >"$MNT/queues/slow/ctl"
	equal "$(Q slow state)" paused
	echo 'echo done' >"$MNT/tasks/d/code"
	echo slow >"$MNT/tasks/d/queue"
	echo 1 >"$MNT/tasks/d/submit"
	read -r id <"$MNT/tasks/last"
	echo '{"code": "echo on $TASKFS_ENGINE", "queue": "slow"}' >"$MNT/engines/all/new"
	read -r view <"$MNT/tasks/last"
	wait_for queue_is slow '3 0'
	equal "$(get "$id" why)" 'the queue slow to be resumed: it is paused'
	done_with "$(submit true)"
	equal "$(get "$view" status)" pending
	echo resume >"$MNT/queues/slow/ctl"
	done_with "$id"
	done_with "$view"
	rmdir "$MNT/queues/slow"
}

@test "a queue that is not there is refused" {
	# shellcheck disable=SC2016 # of the inner shell
	like "$(bash -c 'echo "{\"code\": \"true\", \"queue\": \"nosuch\"}" > "$1/tasks/new"; cat "$1/tasks/error"' \
		bash "$MNT" 2>/dev/null)" \
		'"queue": there is no queue "nosuch": mkdir queues/NAME makes one'
}

@test "it is there after kill -9, with its limit and what is in it; other mounts show it" {
	local a
	mkdir "$MNT/queues/kept" "$MNT/queues/gone"
	rmdir "$MNT/queues/gone"
	echo 1 >"$MNT/queues/kept/limit"
	gate go >/dev/null
	a=$(submit "{\"code\": \"cat $HOME_DIR/go\", \"map\": [1, 2], \"queue\": \"kept\"}")
	wait_for queue_is kept '1 1'
	kill_9 taskfs-controller
	wait_for controller_is_not connected
	fails_with EHOSTDOWN mkdir "$MNT/queues/late"
	start >/dev/null
	wait_for controller_is connected
	second_up
	equal "$(ls "$HOME_DIR/second/queues")" kept
	equal "$(cat "$HOME_DIR/second/queues/kept/limit")" 1
	wait_for queue_is kept '1 1'
	fails_with EBUSY rmdir "$HOME_DIR/second/queues/kept"
	echo pause >"$HOME_DIR/second/queues/kept/ctl"
	wait_for state_is kept paused
	leave_gate_open go
	wait_for queue_is kept '1 0'
	echo resume >"$MNT/queues/kept/ctl"
	done_with "$a"
	rmdir "$HOME_DIR/second/queues/kept"
	wait_for no_queues
	second_down
}
state_is() {
	[ "$(Q "$1" state)" = "$2" ]
}
no_queues() {
	[ -z "$(ls "$MNT/queues")" ]
}
