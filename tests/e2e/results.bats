# What the files of a result say, of tasks that end well, badly, or not at all.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 2; }
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() { test_end; }

time_form='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{6}Z'
seconds_form='[0-9]+\.[0-9]+'

@test "every file of a result of a task that succeeded" {
	local id
	id=$(submit 'echo out; echo err >&2')
	done_with "$id"
	equal "$(get "$id" status)" ok
	equal "$(get "$id" progress)" 1/1
	like "$(get "$id" elapsed)" "$seconds_form"
	equal "$(get "$id" stdout)" out
	equal "$(get "$id" stderr)" err
	equal "$(get "$id" value)" out
	equal "$(get "$id" wait)" ok
	equal "$(get "$id" output | sort)" $'err\nout'
	equal "$(get "$id" ready)" 1
	equal "$(get "$id" successful)" 1
	[ -e "$MNT/results/$id/ok" ]
	for f in submitted started completed received; do
		like "$(get "$id" "$f")" "$time_form"
	done
	like "$(get "$id" wall_time)" "$seconds_form"
	like "$(get "$id" serial_time)" "$seconds_form"
	like "$(get "$id" speedup)" "$seconds_form"
	like "$(get "$id" engine)" '[0-9]+'
	like "$(get "$id" msg_ids)" "[0-9a-f]{8}-[0-9a-f]{24}_${id}_0_1"
	equal "$(get "$id" error)" ''
	equal "$(get "$id" exit_status)" 0
	like "$(get "$id" usage | cut -d' ' -f1 | tr '\n' ' ')" '.*user .*|.*system .*'
	equal "$(get "$id" code)" 'echo out; echo err >&2'
}

@test "metadata is one JSON object with ipyparallel's keys" {
	local id
	id=$(submit 'echo meta')
	done_with "$id"
	/usr/bin/python3 - "$MNT/results/$id/metadata" <<-'END'
		import json, sys
		m = json.load(open(sys.argv[1]))
		for key in ("submitted started completed received engine_id status "
			    "msg_id exit_status error usage").split():
		    assert key in m, (key, sorted(m))
		assert m["status"] == "ok", m["status"]
	END
}

@test "times are in order" {
	local id
	id=$(submit ':')
	done_with "$id"
	sort -c <<<"$(get "$id" submitted; get "$id" started; get "$id" completed; get "$id" received)"
}

@test "a task that fails: status, error, exit status, no ok" {
	local id
	id=$(submit 'echo partial; echo the reason >&2; exit 3')
	done_with "$id" error
	equal "$(get "$id" exit_status)" 3
	equal "$(get "$id" stdout)" partial
	[[ $(get "$id" error) == *'the reason'* ]]
	[[ $(get "$id" error) == *3* ]]
	fails_with EREMOTEIO cat "$MNT/results/$id/value"
	equal "$(get "$id" successful)" 0
	equal "$(get "$id" ready)" 1
	run ! test -e "$MNT/results/$id/ok"
	run ! ls "$MNT/results/$id/ok"
	[[ $(ls "$MNT/results/$id") != *$'\nok\n'* ]]
}

@test "v=\$(cat value) || cat error" {
	local id
	id=$(submit 'echo why >&2; false')
	run -0 bash -c 'v=$(cat "$1/value" 2>/dev/null) || cat "$1/error"' bash \
		"$MNT/results/$id"
	[[ $output == *why* ]]
}

@test "a task killed by a signal: 128 + its number" {
	local id
	id=$(submit 'kill -9 $$')
	done_with "$id" error
	equal "$(get "$id" exit_status)" 137
	[[ $(get "$id" error) == *KILL* || $(get "$id" error) == *9* ]]
}

@test "a program that is not there" {
	local id
	id=$(submit '/no/such/program')
	done_with "$id" error
	[[ $(get "$id" error) == *'/no/such/program'* ]]
	equal "$(get "$id" exit_status)" 127
}

@test "a script for another interpreter" {
	equal "$(get "$(submit '#!/usr/bin/python3
print(6 * 7)')" value)" 42
}

@test "a simple command and one with shell syntax" {
	equal "$(get "$(submit 'printf %s-%s "a b" c')" value)" 'a b-c'
	equal "$(get "$(submit 'echo a | tr a b')" value)" b
}

@test "successful is EAGAIN, ok is not there, before the end" {
	local id gate
	gate=$(gate one)
	id=$(submit "cat $gate")
	fails_with EAGAIN cat "$MNT/results/$id/successful"
	equal "$(get "$id" ready)" 0
	run ! test -e "$MNT/results/$id/ok"
	like "$(get "$id" status)" 'pending|running'
	equal "$(get "$id" progress)" 0/1
	open_gate one
	done_with "$id"
	equal "$(get "$id" successful)" 1
	[ -e "$MNT/results/$id/ok" ]
}

@test "ok has the time of completion, for make" {
	local id t
	id=$(submit ':')
	done_with "$id"
	t=$(date -u -d "$(get "$id" completed)" +%s)
	equal "$(stat -c %Y "$MNT/results/$id/ok")" "$t"
}

@test "sizes are exact" {
	local id
	id=$(submit 'echo 12345678')
	done_with "$id"
	equal "$(stat -c %s "$MNT/results/$id/stdout")" 9
	equal "$(stat -c %s "$MNT/results/$id/value")" 9
	sizes_are_exact "$MNT/results/$id"
}

@test "latest, and results in the listing" {
	local id
	id=$(submit 'echo newest')
	equal "$(readlink "$MNT/results/latest")" "$id"
	[[ " $(ls "$MNT/results" | tr '\n' ' ') " == *" $id "* ]]
	done_with "$id"
}

@test "tasks/ID leads to an unfinished result, and to no finished one" {
	local id gate
	gate=$(gate two)
	id=$(submit "cat $gate")
	[ -L "$MNT/tasks/$id" ]
	equal "$(cat "$MNT/tasks/$id/code")" "cat $gate"
	open_gate two
	done_with "$id"
	wait_for eval '! test -L "$MNT/tasks/$id"'
}

@test "rm tasks/ID aborts" {
	local id
	id=$(submit 'sleep 1000')
	rm "$MNT/tasks/$id"
	done_with "$id" aborted
	fails_with ECANCELED cat "$MNT/results/$id/value"
}

@test "echo abort > ctl, of a running and of a pending one" {
	local a b c
	a=$(submit 'sleep 1000')
	b=$(submit 'sleep 1000')
	c=$(submit 'sleep 1000')
	echo abort >"$MNT/results/$c/ctl"
	done_with "$c" aborted
	echo abort >"$MNT/results/$a/ctl"
	echo abort >"$MNT/results/$b/ctl"
	done_with "$a" aborted
	done_with "$b" aborted
}

@test "echo signal > ctl reaches grandchildren" {
	local id
	id=$(submit 'trap "echo got it; exit 0" USR1; echo ready >&2; while :; do sleep 1000 & wait; done')
	head -c 5 "$MNT/results/$id/output"
	echo 'signal USR1' >"$MNT/results/$id/ctl"
	equal "$(get "$id" value)" 'got it'
}

@test "ctl refuses what it does not know, and a finished result" {
	local id
	id=$(submit ':')
	done_with "$id"
	fails_with EINVAL bash -c 'echo explode > "$1"' bash "$MNT/results/$id/ctl"
	fails_with EINVAL bash -c 'echo signal NONSENSE > "$1"' bash \
		"$MNT/results/$id/ctl"
	run ! bash -c 'echo abort > "$1"' bash "$MNT/results/$id/ctl"
}

@test "time_limit: ETIMEDOUT" {
	local id
	echo '{"code": "sleep 1000", "time_limit": 0.2, "label": "limited"}' \
		>"$MNT/tasks/new"
	done_with limited error
	fails_with ETIMEDOUT cat "$MNT/results/limited/value"
	like "$(get limited error | head -n 1)" '.*[Ll]imit.*'
}

@test "retries: run again after a failure" {
	echo "{\"code\": \"echo x >> $HOME_DIR/tries; [ \$(wc -l < $HOME_DIR/tries) = 3 ]\", \"retries\": 5, \"label\": \"again\"}" \
		>"$MNT/tasks/new"
	done_with again
	equal "$(wc -l <"$HOME_DIR/tries")" 3
}

@test "attempts: one line for each try" {
	local id
	id=$(submit '{"code": "false", "retries": 2}')
	done_with "$id" error
	equal "$(cut -d ' ' -f 1,5 "$MNT/results/$id/attempts")" \
		$'1 ExitStatus\n2 ExitStatus\n3 ExitStatus'
}

@test "hold, release and why; priority" {
	local a b held low high
	a=$(submit 'sleep 1000')
	b=$(submit 'sleep 1000')
	held=$(submit "{\"code\": \"echo held >> $HOME_DIR/order\"}")
	echo hold >"$MNT/results/$held/ctl"
	equal "$(get "$held" why)" hold
	low=$(submit "{\"code\": \"echo low >> $HOME_DIR/order\"}")
	high=$(submit "{\"code\": \"echo high >> $HOME_DIR/order\", \"priority\": 5}")
	echo abort >"$MNT/results/$a/ctl"
	done_with "$low"
	done_with "$high"
	equal "$(get "$held" status)" pending
	echo release >"$MNT/results/$held/ctl"
	done_with "$held"
	equal "$(tr '\n' ' ' <"$HOME_DIR/order")" 'high low held '
	echo abort >"$MNT/results/$b/ctl"
	done_with "$b" aborted
}

@test "after: waits for another, by id and by name; is skipped at once when it cannot" {
	local a b c
	a=$(submit "{\"code\": \"cat $(gate first); echo a\", \"label\": \"first\"}")
	b=$(submit "{\"code\": \"echo b\", \"after\": [$a]}")
	c=$(submit '{"code": "echo c", "after": ["first:error"]}')
	equal "$(get "$b" why)" "after $a"
	open_gate first
	done_with "$b"
	done_with "$c" aborted
	like "$(get "$c" error)" "Skipped: after $a: it ended with status ok"
	fails_with ECANCELED cat "$MNT/results/$c/value"
	# And so is what waits for that one.
	a=$(submit "{\"code\": \"echo d\", \"after\": [$c]}")
	done_with "$a" aborted
	like "$(get "$a" error)" "Skipped: after $c: it ended with status aborted"
	a=$(submit "{\"code\": \"echo e\", \"after\": [\"$c:any\"]}")
	done_with "$a"
}

@test "after what is not there is refused where it is written" {
	local before text
	before=$(readlink "$MNT/results/latest")
	for text in '{"code": ":", "after": ["nosuch"]}' '{"code": ":", "follow": [999999]}'; do
		run bash -c "echo '$text' >$MNT/tasks/new"
		[ "$status" -ne 0 ]
		run bash -c "echo '$text' >$MNT/tasks/new 2>/dev/null; cat $MNT/tasks/error"
		like "$output" '.*"(after|follow)": there is no result (nosuch|999999).*'
	done
	equal "$(readlink "$MNT/results/latest")" "$before"
	# The good ones before it are taken.
	text='{"code": "echo 1", "label": "good"} {"code": "echo 2", "after": ["good"]}'
	run bash -c "echo '$text {\"code\": \":\", \"after\": [\"bad\"]}' >$MNT/tasks/new; cat $MNT/tasks/error"
	[[ $output == *'Invalid argument'* ]]
	[[ $output == *"object 3: \"after\": there is no result bad of user $(id -u); objects 1 to 2 are results $((before + 1)) to $((before + 2))"* ]]
	equal "$(readlink "$MNT/results/latest")" "$((before + 2))"
	done_with latest
}

@test "retry: the failed task again, as a new result" {
	local id long
	id=$(submit "{\"code\": \"cat $HOME_DIR/there\", \"label\": \"tried\"}")
	long=$(submit 'sleep 1000')
	fails_with EBUSY bash -c 'echo retry > "$1"' bash "$MNT/results/$long/ctl"
	rm "$MNT/tasks/$long"
	done_with "$long" aborted
	done_with "$id" error
	echo now >"$HOME_DIR/there"
	echo retry >"$MNT/results/$id/ctl"
	equal "$(cat "$MNT/tasks/last")" "$(readlink "$MNT/results/tried")"
	[ "$(cat "$MNT/tasks/last")" -gt "$id" ]
	done_with tried
	equal "$(get tried value)" now
	equal "$(get "$id" status)" error
}

@test "rmdir purges a finished result" {
	local id
	id=$(submit 'echo gone soon')
	done_with "$id"
	rmdir "$MNT/results/$id"
	run ! test -e "$MNT/results/$id"
	run ! cat "$MNT/results/$id/value"
	[[ " $(ls "$MNT/results" | tr '\n' ' ') " != *" $id "* ]]
}

@test "rm -r purges, and several at a time" {
	local a b
	a=$(submit ':')
	b=$(submit ':')
	done_with "$a"
	done_with "$b"
	rm -r "$MNT/results/$a" "$MNT/results/$b"
	run ! test -e "$MNT/results/$a"
	run ! test -e "$MNT/results/$b"
}

@test "an unfinished result cannot be removed" {
	local id gate
	gate=$(gate three)
	id=$(submit "cat $gate")
	fails_with EBUSY rmdir "$MNT/results/$id"
	open_gate three
	done_with "$id"
}

@test "targets: runs on the engines named" {
	local e
	for e in 0 1; do
		echo "{\"code\": \"echo \$TASKFS_ENGINE\", \"targets\": [$e], \"label\": \"on$e\"}" \
			>"$MNT/tasks/new"
	done
	equal "$(get on0 value) $(get on0 engine)" '0 0'
	equal "$(get on1 value) $(get on1 engine)" '1 1'
}

@test "the task's environment" {
	local id
	id=$(submit 'echo $TASKFS_ID')
	equal "$(get "$id" value)" "$id"
	id=$(submit 'cat; echo end')
	equal "$(get "$id" value)" end # stdin is empty
}

@test "descriptor 3 is the value" {
	local id
	id=$(submit 'echo talk; echo 42 >&3')
	equal "$(get "$id" value)" 42
	equal "$(get "$id" stdout)" talk
}

@test "a task that leaves a daemon behind ends, and so does the daemon" {
	local id pid
	id=$(submit "setsid sleep 1000 >/dev/null 2>&1 </dev/null & echo \$!")
	pid=$(cat "$MNT/results/$id/value")
	like "$pid" '[0-9]+'
	wait_for eval '! grep -qs sleep "/proc/$pid/comm"'
}

@test "a daemon that keeps stdout open does not keep the task" {
	local id
	id=$(submit 'sleep 1000 & echo done')
	equal "$(cat "$MNT/results/$id/value")" 'done'
	done_with "$id"
}
