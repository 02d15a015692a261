# bats file_tags=check
# What happens when something dies: nothing accepted is lost, nobody hangs,
# everything comes back.
# shellcheck shell=bash
load lib

# An engine is lost here because its guard says so (hearts.bats has the others).
setup_file() { cluster_up 2; }
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() {
	# A test that failed may have left it stopped.
	kill -CONT "$(pid_of taskfs-controller)" 2>/dev/null || true
	test_end
}

abort() {
	echo abort 2>/dev/null >"$MNT/results/$1/ctl"
}

connected() {
	controller_is connected
}
lost() {
	! connected
}

# All engines are idle again, or new ones are there instead.
all_there() {
	[ "$(engine_ids | wc -l)" -ge "$ENGINES" ] && all_idle
}

@test "controller killed: known results readable, submissions EHOSTDOWN, it says why" {
	expect_log .
	local id
	id=$(submit 'echo known')
	done_with "$id"
	equal "$(get "$id" value)" known
	kill_9 taskfs-controller
	wait_for lost
	like "$(cat "$MNT/controller/state")" '.*[a-z]+ .*'
	equal "$(get "$id" value)" known
	equal "$(get "$id" status)" ok
	ls -l "$MNT/results/$id" >/dev/null
	fails_with EHOSTDOWN dash -c 'echo : > "$1/tasks/new"' dash "$MNT"
	start
	wait_for connected
	id=$(submit 'echo and on')
	equal "$(get "$id" value)" 'and on'
}

@test "controller killed while tasks wait and run: none is lost, same ids" {
	expect_log .
	local ids=() i id gate running
	gate=$(gate survive)
	running=$(submit "echo begun; cat $gate; echo survived")
	head -n 1 "$MNT/results/$running/output"
	for ((i = 0; i < 20; i++)); do
		ids+=("$(submit "echo number $i")")
	done
	kill_9 taskfs-controller
	start
	wait_for connected
	open_gate survive
	done_with "$running"
	equal "$(get "$running" value)" $'begun\nsurvived'
	for ((i = 0; i < 20; i++)); do
		equal "$(get "${ids[i]}" value)" "number $i"
	done
	id=$(submit ':')
	[ "$id" -gt "${ids[19]}" ]
	done_with "$id"
}

# is_engines_file ID: it has the name that its engine gave it, too.
is_engines_file() {
	[ "$(stat -c %h "$DIR/outputs/$1.0.stdout")" = 2 ]
}

# made_bytes ID N: so much of its output is known.
made_bytes() {
	[ "$(stat -c %s "$MNT/results/$1/stdout")" -ge "$2" ]
}

@test "controller killed while a large output is written: it is the file of its engine" {
	expect_log .
	local id gate
	gate=$(gate more)
	id=$(submit "seq 60000; cat $gate; seq 60000")
	wait_for made_bytes "$id" 300000
	wait_for is_engines_file "$id"
	kill_9 taskfs-controller
	start
	wait_for connected
	wait_for is_engines_file "$id"
	open_gate more
	done_with "$id"
	cmp "$MNT/results/$id/value" <(seq 60000; seq 60000)
	# It has a second name until the engine has heard that it is stored.
	cmp "$DIR/outputs/$id.0.stdout" <(seq 60000; seq 60000)
	for id in "$(submit :)" "$(submit :)"; do
		done_with "$id"
	done
}

@test "a reader that was blocked when the controller died gets the value" {
	expect_log .
	local id gate
	gate=$(gate blocked)
	id=$(submit "cat $gate; echo at last")
	cat "$MNT/results/$id/value" >"$HOME_DIR/read" 3>&- &
	local reader=$!
	wait_for is_reading "$reader"
	kill_9 taskfs-controller
	start
	open_gate blocked
	wait "$reader"
	equal "$(cat "$HOME_DIR/read")" 'at last'
}

@test "a reader can be interrupted while there is no controller" {
	expect_log .
	local id
	id=$(submit 'sleep 1000')
	kill_9 taskfs-controller
	wait_for lost
	still_waits "$MNT/results/$id/value"
	start
	wait_for connected
	# Its engine may still be on its way back.
	wait_for abort "$id"
	done_with "$id" aborted
}

@test "engine killed with its task: error in bounded time, no orphan" {
	expect_log .
	local id e pid
	id=$(submit 'echo $$; exec sleep 1000')
	read -r pid < <(head -n 1 "$MNT/results/$id/output")
	e=$(get "$id" engine)
	kill -9 "$(worker_of "$e")"
	done_with "$id" error
	[[ $(get "$id" error) == *EngineError* ]]
	fails_with EREMOTEIO cat "$MNT/results/$id/value"
	wait_for is_gone "$pid"
	id=$(submit 'echo the other goes on')
	equal "$(get "$id" value)" 'the other goes on'
	start
	wait_for all_there
}

# Short tasks are at an engine before it is free for them.
@test "engine killed with tasks that wait there: none runs twice, the others run elsewhere" {
	expect_log .
	local runs=$HOME_DIR/runs last status n
	wait_for all_there
	# From these the controller learns that they are short.
	for n in {1..20}; do echo '{"code": ":"}'; done >"$MNT/tasks/new"
	last=$(cat "$MNT/tasks/last")
	done_with "$last"
	for n in {1..300}; do
		echo "{\"code\": \"echo $n >>$runs\"}"
	done >"$MNT/tasks/new" &
	wait_for test -s "$runs"
	kill -9 "$(worker_of "$(engine_ids | head -n 1)")"
	wait $!
	for n in {1..300}; do
		status=$(get $((last + n)) wait)
		if [ "$status" = ok ]; then
			equal "$(grep -cx "$n" "$runs")" 1
		else
			like "$(get $((last + n)) error)" 'EngineError.*'
		fi
	done
	equal "$(sort "$runs" | uniq -d)" ''
	start
	wait_for all_there
}

@test "all engines killed: tasks wait until there is one" {
	expect_log .
	local id workers=()
	for id in $(engine_ids); do workers+=("$(worker_of "$id")"); done
	equal "${#workers[@]}" 2
	kill -9 "${workers[@]}"
	wait_for eval '[ -z "$(cat "$MNT"/engines/*/state 2>/dev/null | grep -v lost)" ]'
	fails_with ENXIO dash -c 'echo : >"$1"' dash "$MNT/engines/all/new"
	equal "$(cat "$MNT/tasks/error")" 'there is no engine'
	id=$(submit 'echo waited')
	equal "$(get "$id" status)" pending
	still_waits "$MNT/results/$id/value"
	equal "$(get "$id" status)" pending
	start
	equal "$(get "$id" value)" waited
}

@test "retries go to another engine when one dies" {
	expect_log .
	local e
	echo "{\"code\": \"echo begun; [ -e $HOME_DIR/flag ] || { touch $HOME_DIR/flag; sleep 1000; }\", \"retries\": 2, \"label\": \"retried\"}" \
		>"$MNT/tasks/new"
	wait_for test -e "$HOME_DIR/flag"
	e=$(get retried engine)
	kill -9 "$(worker_of "$e")"
	done_with retried
	start
}

@test "mount killed: mounted again over the dead one, same ids and results" {
	expect_log .
	local id gate running
	gate=$(gate mountkill)
	id=$(submit 'echo stays')
	done_with "$id"
	running=$(submit "cat $gate; echo ran on")
	kill_9 taskfs
	run ! cat "$MNT/version"
	start
	descriptors_anew
	equal "$(get "$id" value)" stays
	open_gate mountkill
	equal "$(get "$running" value)" 'ran on'
}

@test "mount killed while a reader is blocked: the reader ends" {
	expect_log .
	local id reader rc=0
	id=$(submit 'sleep 1000')
	cat "$MNT/results/$id/value" >/dev/null 2>&1 3>&- &
	reader=$!
	wait_for is_reading "$reader"
	kill_9 taskfs
	wait "$reader" || rc=$?
	[ "$rc" -ne 0 ]
	start
	descriptors_anew
	echo abort >"$MNT/results/$id/ctl"
	done_with "$id" aborted
}

@test "no controller at the start of a mount: it waits, and connects" {
	expect_log .
	local id
	id=$(submit 'echo kept')
	done_with "$id"
	kill_9 taskfs-controller
	kill_9 taskfs
	fusermount3 -u -z "$MNT"
	env "TASKFS_E2E=$MARK" "$BUILD/taskfs" "$DIR" "$MNT" -o bg 3>&- \
		>>"$DIR/log/second.log" 2>&1
	fails_with EHOSTDOWN dash -c 'echo : > "$1/tasks/new"' dash "$MNT"
	cluster start --mount none --engines 2
	wait_for connected
	equal "$(get "$id" value)" kept
	fusermount3 -u "$MNT"
	start
	descriptors_anew
}

@test "messages that are no messages are dropped, counted and logged" {
	expect_log 'dropped|malformed|unsigned|forged|signature'
	local before id
	id=$(submit ':')
	done_with "$id"
	PYTHONPATH=tests/wire /usr/bin/python3 - \
		"$DIR/security/ipcontroller-client.json" <<-'END'
		import json, sys, zmq
		import peers
		info = json.load(open(sys.argv[1]))
		peer = peers.Peer(info)
		junk = [
		    [b"junk"], [b""], [b"<IDS|MSG>"],
		    [b"<IDS|MSG>", b"", b"{}", b"{}", b"{}", b"{}"],
		    [b"<IDS|MSG>", b"0" * 64,
		     b'{"msg_id":"1","msg_type":"shutdown_request"}',
		     b"{}", b"{}", b"{}"],
		    [b"<IDS|MSG>", b"\xff" * 64, b"\xff", b"", b"[", b"nan"],
		]
		for port in ("registration", "mux", "task", "control"):
		    s = peer.connect(zmq.DEALER, info[port])
		    for frames in junk:
		        s.send_multipart(frames)
		    # Not before they are gone.
		    s.close(-1)
		peer.ctx.term()
	END
	connected
	id=$(submit 'echo unharmed')
	equal "$(get "$id" value)" unharmed
	# Counted, and told.
	wait_for eval 'new_log_lines | grep -qE "taskfs-controller.*(malformed|unsigned|forged|dropped)"'
}

@test "a draft without a controller: EHOSTDOWN, kept, and submitted later" {
	expect_log .
	kill_9 taskfs-controller
	wait_for lost
	mkdir "$MNT/tasks/kept"
	echo 'echo kept' >"$MNT/tasks/kept/code"
	fails_with EHOSTDOWN dash -c 'echo 1 >"$1"' dash \
		"$MNT/tasks/kept/submit"
	fails_with EHOSTDOWN dash -c 'echo : >"$1"' dash "$MNT/tasks/named"
	run ! dash -c 'echo : >"$1"' dash "$MNT/engines/all/new"
	equal "$(cat "$MNT/tasks/kept/code")" 'echo kept'
	# tasks/error of a shell: by whatever it was refused.
	local no='no controller: controller/state says why' file
	for file in tasks/new tasks/kept/submit tasks/named; do
		equal "$(bash -c '! echo 1 >"$1/$2" && cat "$1/tasks/error"' \
			bash "$MNT" $file 2>/dev/null)" "$no"
	done
	equal "$(bash -c '! echo purge >"$1/controller/ctl" &&
		cat "$1/tasks/error"' bash "$MNT" 2>/dev/null)" "purge: $no"
	start
	wait_for connected
	echo 1 >"$MNT/tasks/kept/submit"
	equal "$(get kept value)" kept
	[ ! -e "$MNT/tasks/kept" ]
}

@test "who submits a draft is interrupted: it is submitted once" {
	expect_log .
	local pid writer rc=0
	pid=$(pid_of taskfs-controller)
	mkdir "$MNT/tasks/once"
	echo 'echo once' >"$MNT/tasks/once/code"
	kill -STOP "$pid"
	dash -c 'echo 1 >"$1"' dash "$MNT/tasks/once/submit" 3>&- &
	writer=$!
	# The mount has it: who opens the code to write is refused.
	is_sent() { ! dash -c ': >>"$1"' dash "$MNT/tasks/once/code" 2>/dev/null; }
	wait_for is_sent
	kill "$writer"
	wait "$writer" || rc=$?
	equal "$rc" 143
	# It does not change meanwhile.
	fails_with EBUSY rmdir "$MNT/tasks/once"
	fails_with EBUSY dash -c 'echo : >"$1"' dash "$MNT/tasks/once/code"
	fails_with EBUSY rm "$MNT/tasks/once/code"
	kill -CONT "$pid"
	wait_for eval '[ ! -e "$MNT/tasks/once" ]'
	equal "$(get once value)" once
	equal "$(grep -lx once "$MNT"/results/[0-9]*/label | wc -l)" 1
}

@test "an engine goes while something is written for it: a result says so" {
	expect_log .
	local id a b ids
	wait_for all_there
	mapfile -t ids < <(engine_ids)
	a=${ids[0]} b=${ids[1]}
	exec 4>"$MNT/engines/$b/new" 5>"$MNT/engines/$a,$b/new"
	kill -9 "$(worker_of "$b")"
	wait_for eval '[ ! -d "$MNT/engines/$b" ]'
	echo 'echo $TASKFS_ENGINE' >&4
	id=$(cat "$MNT/tasks/last")
	echo 'echo $TASKFS_ENGINE' >&5
	[ "$(cat "$MNT/tasks/last")" -gt "$id" ]
	exec 4>&- 5>&-
	done_with "$id" error
	done_with "$(cat "$MNT/tasks/last")" error
	start
}
