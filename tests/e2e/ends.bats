# Engines that die and are started again, and engines that end by themselves.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 1 --engine-opt --respawn; }
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() { test_end; }

# is_another WORKER: the engine is there, with another process.
is_another() {
	[ "$(cat "$MNT/engines/0/state")" = idle ] && [ "$(worker_of 0)" != "$1" ]
}

died() {
	expect_log 'the engine was killed'
	expect_log 'the engine died; it is started again'
}

@test "a dead engine comes back under its id; what was lost runs again" {
	local a named guard worker
	died
	guard=$(guard_of 0)
	worker=$(worker_of 0)
	a=$(submit "{\"code\": \"test -e $HOME_DIR/tried && exit; touch $HOME_DIR/tried; exec cat $(gate never)\", \"retry_on\": [\"lost\"]}")
	wait_for test -e "$HOME_DIR/tried"
	named=$(submit '{"code": "echo here", "targets": [0]}')
	kill -KILL "$worker"
	done_with "$a"
	equal "$(get "$named" value) $(get "$named" engine)" 'here 0'
	wait_for is_another "$worker"
	equal "$(engine_ids) $(guard_of 0)" "0 $guard"
	equal "$(cat "$MNT/engines/0/why")" ''
}

@test "one that nobody tries again fails" {
	local a worker
	died
	worker=$(worker_of 0)
	a=$(submit "touch $HOME_DIR/runs; exec cat $(gate never)")
	wait_for test -e "$HOME_DIR/runs"
	kill -KILL "$worker"
	done_with "$a" error
	like "$(get "$a" error)" 'EngineError: .*ended while running the task'
	wait_for is_another "$worker"
}

# bats test_tags=check
@test "a lifetime: it drains, ends, and what it cut off runs elsewhere" {
	local a b c never
	never=$(gate never)
	expect_log 'the engine asks to be given no more tasks'
	expect_log 'an engine is given no more tasks'
	echo drain >"$MNT/engines/0/ctl"
	equal "$(cat "$MNT/engines/0/until")" ''
	run -0 cluster engines --local --slots 2 -- --lifetime=30
	wait_for test -e "$MNT/engines/1/until"
	like "$(cat "$MNT/engines/1/until")" '^20[0-9-]*T[0-9:.]*Z$'
	a=$(submit "{\"code\": \"test -e $HOME_DIR/cut && exit; touch $HOME_DIR/cut; exec cat $never\", \"retry_on\": [\"lost\"]}")
	b=$(submit "{\"code\": \"exec cat $never\", \"targets\": [1]}")
	# What needs longer is not begun there.
	c=$(submit '{"code": "echo long", "min_time": 3600, "targets": [1]}')
	like "$(get "$c" why)" 'min_time: 3600 s wanted, the last engine ends in [12]?[0-9] s'
	echo abort >"$MNT/results/$c/ctl"
	wait_for test -e "$HOME_DIR/cut"
	echo resume >"$MNT/engines/0/ctl"
	equal "$(get "$(submit '{"code": "echo $TASKFS_ENGINE", "min_time": 3600}')" value)" 0
	wait_for grep -q '^its lifetime ends at 20' "$MNT/engines/1/why"
	equal "$(cat "$MNT/engines/1/state")" draining
	done_with "$b" error
	like "$(get "$b" error)" 'EngineError: engine 1 .* ended while running the task: its lifetime is over'
	done_with "$a"
	equal "$(get "$a" engine) $(engine_ids)" '0 0'
}

@test "stop is no death" {
	local guard
	guard=$(guard_of 0)
	echo stop >"$MNT/engines/0/ctl"
	wait_for eval "! kill -0 $guard 2>/dev/null"
	equal "$(engine_ids)" ''
}
