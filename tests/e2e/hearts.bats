# bats file_tags=check
# Engines that are not heard any more: they ended without a word, or stand still. They
# may also be taken for lost because a machine is slow; they come back under their
# numbers.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 2 --controller-opt --ping=1s; }
teardown_file() { cluster_down .; }
setup() {
	test_begin
	expect_log .
	stopped=()
}
teardown() {
	# A test that failed may have left them stopped.
	[ "${#stopped[@]}" -eq 0 ] || kill -CONT "${stopped[@]}" 2>/dev/null || true
	test_end
}

# All engines are there, under the numbers that they had first.
has_all() {
	[ "$(engine_ids | tr '\n' ' ')" = '0 1 ' ] &&
		! grep -qx lost "$MNT"/engines/[01]/state
}

# stop_engine ID...: until the controller has given them up.
stop_engine() {
	local e all=$(($(engines_lost) + $#))
	for e; do stopped+=("$(guard_of "$e")" "$(worker_of "$e")"); done
	kill -STOP "${stopped[@]}"
	wait_for eval '[ "$(engines_lost)" -ge "$all" ]'
}
engines_lost() {
	grep -c '"what":"engine lost"' "$DIR/log/taskfs-controller.log" || true
}
continue_engines() {
	kill -CONT "${stopped[@]}"
	stopped=()
}

@test "engine and its guard killed together" {
	local id e pid
	id=$(submit 'echo $$; exec sleep 1000')
	read -r pid < <(head -n 1 "$MNT/results/$id/output")
	e=$(get "$id" engine)
	kill -9 "$(guard_of "$e")" "$(worker_of "$e")"
	done_with "$id" error
	[[ $(get "$id" error) == *EngineError* ]]
	wait_for is_gone "$pid"
	# Its host is the controller's, which sees that it has ended.
	wait_for eval '[ ! -d "$MNT/engines/$e" ]'
	start
	like "$(cluster status)" '.*running.*'
	wait_for has_all
}

@test "retries go to another engine when one is not heard any more" {
	local id e
	id=$(submit "{\"code\": \"[ -e $HOME_DIR/flag ] || { echo > $HOME_DIR/flag; exec sleep 1000; }\", \"retries\": 2}")
	wait_for test -s "$HOME_DIR/flag"
	e=$(get "$id" engine)
	kill -9 "$(guard_of "$e")" "$(worker_of "$e")"
	done_with "$id"
	start
}

@test "everything killed at once: accepted tasks are all there afterwards" {
	local ids=() pids=() i
	for ((i = 0; i < 30; i++)); do
		ids+=("$(submit "echo number $i")")
	done
	for i in $(engine_ids); do
		pids+=("$(guard_of "$i")" "$(worker_of "$i")")
	done
	kill -9 "$(pid_of taskfs-controller)" "$(pid_of taskfs)" "${pids[@]}"
	wait_for no_processes
	start
	descriptors_anew
	wait_for has_all
	for ((i = 0; i < 30; i++)); do
		case $(get "${ids[i]}" wait) in
		ok) equal "$(get "${ids[i]}" value)" "number $i" ;;
		# It ran when its engine was killed: told, not lost.
		error) [[ $(get "${ids[i]}" error) == *Engine* ]] ;;
		*) false ;;
		esac
	done
}

@test "an engine whose registration somebody took away comes back" {
	local e uuid
	e=$(engine_ids | tail -n 1)
	uuid=$(cat "$MNT/engines/$e/uuid")
	PYTHONPATH=$ROOT/tests/wire /usr/bin/python3 - \
		"$DIR/security/ipcontroller-client.json" "$e" <<-'END'
		import json, sys, peers
		c = peers.Client(json.load(open(sys.argv[1])))
		gone = {"id": int(sys.argv[2])}
		c.query.send_multipart(c.frames("unregistration_request", gone)[1])
		c.ask("connection_request", {})
		c.close()
	END
	wait_for eval 'new_log_lines "engine registered.*$uuid" | grep -q .'
	wait_for eval '[ "$(cat "$MNT/engines/$e/uuid")" = "$uuid" ]'
	echo 'echo again' >"$MNT/engines/$e/new"
	equal "$(get "$(cat "$MNT/tasks/last")" value)" again
}

@test "an engine that stands still keeps its number, and what is for it waits" {
	local id view away='away since [0-9-]{10}T[0-9:]{8}(\.[0-9]+)?Z'
	wait_for has_all
	stop_engine 1
	equal "$(cat "$MNT/engines/1/state")" lost
	[[ $(cat "$MNT/engines/1/why") =~ ^$away$ ]]
	equal "$(engine_ids | tr '\n' ' ')" '0 1 '
	echo 'echo on $TASKFS_ENGINE' >"$MNT/engines/1/new"
	id=$(cat "$MNT/tasks/last")
	echo 'echo on $TASKFS_ENGINE' >"$MNT/engines/0,1/new"
	view=$(cat "$MNT/tasks/last")
	wait_for eval '[[ $(get "$id" why) =~ ^engine\ 1\ is\ $away$ ]]'
	wait_for eval '[ "$(get "$view" 0/status)" = ok ]'
	wait_for eval '[[ $(get "$view/1" why) =~ ^engine\ 1\ is\ $away$ ]]'
	# Others do not wait for it, nor who means all that are there.
	echo 'echo on $TASKFS_ENGINE' >"$MNT/engines/all/new"
	equal "$(get "$(cat "$MNT/tasks/last")" value)" 'on 0'
	fails_with EHOSTDOWN bash -c 'echo restart >"$1"' bash "$MNT/engines/1/ctl"
	[[ $(bash -c 'echo interrupt >"$1/engines/1/ctl"
		cat "$1/tasks/error"' bash "$MNT") =~ ^interrupt:\ engine\ 1\ is\ $away$ ]]
	continue_engines
	equal "$(get "$id" value)" 'on 1'
	equal "$(get "$view" value)" $'on 0\non 1'
	wait_for has_all
}

@test "all of them stand still, and the controller is started again meanwhile" {
	local id
	wait_for has_all
	stop_engine 0 1
	fails_with ENXIO dash -c 'echo : >"$1"' dash "$MNT/engines/all/new"
	kill_9 taskfs-controller
	start
	wait_for controller_is connected
	equal "$(cat "$MNT"/engines/*/state)" $'lost\nlost'
	echo 'echo on $TASKFS_ENGINE' >"$MNT/engines/1/new"
	id=$(cat "$MNT/tasks/last")
	equal "$(get "$id" status)" pending
	continue_engines
	equal "$(get "$id" value)" 'on 1'
	wait_for has_all
}

@test "stop: a lost engine is forgotten" {
	local id
	wait_for has_all
	stop_engine 1
	echo 'echo never' >"$MNT/engines/1/new"
	id=$(cat "$MNT/tasks/last")
	echo stop >"$MNT/engines/1/ctl"
	wait_for eval '[ ! -d "$MNT/engines/1" ]'
	done_with "$id" error
	[[ $(get "$id" error) == ImpossibleDependency* ]]
	# It is not what was meant when it comes back after all; its number is free.
	continue_engines
	wait_for has_all
}
