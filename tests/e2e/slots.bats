# An engine with several slots: what users see of it, and what holds for each task.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 1 --slots 3; }
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() { test_end; }

engine() { cat "$MNT/engines/0/$1"; }

# runs N: so many tasks run on the engine, and the mount knows it.
runs() {
	local lines
	mapfile -t lines <"$MNT/engines/0/running"
	[ "${#lines[@]}" -eq "$1" ]
}

@test "slots, free, running: a line for each task; one more waits" {
	local nap=
	equal "$(engine slots) $(engine free) $(engine queue)" '3 3 0'
	gate go
	nap=$(submit "{\"code\": \"cat $HOME_DIR/go\", \"map\": [\"a\", \"b\", \"c\", \"d\"]}")
	wait_for runs 3
	equal "$(engine running)" "$nap/0"$'\n'"$nap/1"$'\n'"$nap/2"
	equal "$(engine free) $(engine queue) $(engine state)" '0 3 busy'
	equal "$(get "$nap/3" status)" pending
	equal "$(get "$nap/3" why)" 'an engine to be free'
	leave_gate_open go
	done_with "$nap"
	wait_for runs 0
	equal "$(engine slots) $(engine free) $(engine queue)" '3 3 0'
}

@test "TASKFS_SLOT: tasks at the same time have different ones, and the lowest" {
	local a
	gate all
	a=$(submit "{\"code\": \"cat $HOME_DIR/all; echo \$TASKFS_SLOT\", \"map\": [\"a\", \"b\", \"c\"]}")
	wait_for runs 3
	leave_gate_open all
	equal "$(sort "$MNT/results/$a/value")" $'0\n1\n2'
	equal "$(get "$(submit 'echo $TASKFS_SLOT')" value)" 0
}

@test "each has its own outputs, exit status, usage and signals" {
	local a
	a=$(submit '{"code": "trap \"echo got it; exit $1\" USR1; echo out $1; echo err $1 >&2; while :; do sleep 0.05; done", "map": ["1", "2", "3"]}')
	wait_for runs 3
	wait_for eval '[ "$(cat "$MNT"/results/'"$a"'/[012]/stdout | wc -l)" = 3 ]'
	echo 'signal USR1' >"$MNT/results/$a/1/ctl"
	done_with "$a/1" error
	equal "$(get "$a/1" stdout)" $'out 2\ngot it'
	equal "$(get "$a/0" status) $(get "$a/2" status)" 'running running'
	echo abort >"$MNT/results/$a/0/ctl"
	done_with "$a/0" aborted
	equal "$(get "$a/2" status) $(get "$a/2" stderr)" 'running err 3'
	echo 'signal USR1' >"$MNT/results/$a/2/ctl"
	done_with "$a/2" error
	equal "$(get "$a/1" exit_status) $(get "$a/2" exit_status)" '2 3'
}

# is_there FILE: the process whose pid is in the file.
is_there() { [ -s "$1" ] && ! is_gone "$(cat "$1")"; }
is_away() { is_gone "$(cat "$1")"; }

@test "what a task leaves behind ends with it, and not with another" {
	local a b
	a=$(submit "setsid sh -c 'echo \$\$ > $HOME_DIR/left.a; exec sleep 1000' & sleep 1000")
	b=$(submit "setsid sh -c 'echo \$\$ > $HOME_DIR/left.b; exec sleep 1000' & sleep 1000")
	wait_for is_there "$HOME_DIR/left.a"
	wait_for is_there "$HOME_DIR/left.b"
	echo abort >"$MNT/results/$a/ctl"
	done_with "$a" aborted
	is_away "$HOME_DIR/left.a"
	is_there "$HOME_DIR/left.b"
	equal "$(get "$(submit 'true')" value)" ''
	is_there "$HOME_DIR/left.b"
	echo abort >"$MNT/results/$b/ctl"
	done_with "$b" aborted
	is_away "$HOME_DIR/left.b"
}

@test "a view names engines, and not slots" {
	local a
	echo 'echo once' >"$MNT/engines/all/new"
	a=$(cat "$MNT/tasks/last")
	equal "$(get "$a" value)" once
	equal "$(get "$a" progress)" 1/1
}

@test "variables of an engine are those of all of its slots" {
	local a
	done_with "$(submit 'echo 7 > $TASKFS_VARS/v')"
	a=$(submit '{"code": "cat $TASKFS_VARS/v", "map": ["1", "2", "3"]}')
	equal "$(get "$a" value)" $'7\n7\n7'
	equal "$(engine vars/v)" 7
	echo clear >"$MNT/engines/0/ctl"
}

@test "drain: all that runs goes on, and nothing more begins" {
	local a b
	gate drained
	a=$(submit "{\"code\": \"cat $HOME_DIR/drained\", \"map\": [\"1\", \"2\"]}")
	wait_for runs 2
	echo drain >"$MNT/engines/0/ctl"
	b=$(submit 'echo later')
	equal "$(get "$b" status)" pending
	leave_gate_open drained
	done_with "$a"
	equal "$(get "$b" status)" pending
	echo resume >"$MNT/engines/0/ctl"
	equal "$(get "$b" value)" later
}

@test "the engine is killed: each of its tasks ends, or is tried again" {
	local a b pid
	expect_log 'engine'
	a=$(submit '{"code": "sleep 1000", "map": ["1", "2"]}')
	b=$(submit "{\"code\": \"[ -e $HOME_DIR/again ] && exec echo again; : > $HOME_DIR/again; sleep 1000\", \"retry_on\": [\"lost\"]}")
	wait_for runs 3
	wait_for test -e "$HOME_DIR/again"
	pid=$(worker_of 0)
	kill -9 "$pid"
	done_with "$a" error
	like "$(get "$a/0" error)" 'EngineError: .*'
	like "$(get "$a/1" error)" 'EngineError: .*'
	wait_for no_engine
	start >/dev/null
	equal "$(get "$b" value)" again
	equal "$(cut -d ' ' -f 5 "$MNT/results/$b/attempts")" $'EngineError\nok'
	equal "$(cat "$MNT"/engines/[0-9]*/slots)" 3
}
no_engine() { [ -z "$(engine_ids)" ]; }

@test "--slots: what is no number of tasks is refused" {
	local bad
	for bad in 0 -1 x 65537 ''; do
		run -2 "$BUILD/taskfs-engine" --slots "$bad" --wait=no --file=/nowhere
		[[ $output == *slots* ]]
	done
	for bad in 0 x; do
		run -2 cluster status --slots "$bad"
		[[ $output == *'--slots'* ]]
	done
}
