# bats file_tags=check
# Engines that end without a word: their hearts stop, and that is all that is told.
# They may also be taken for dead because a machine is slow; so nothing here counts
# on their numbers.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 2 --controller-opt --ping=1s; }
teardown_file() { cluster_down .; }
setup() {
	test_begin
	expect_log .
}
teardown() { test_end; }

@test "engine and its guard killed together" {
	local id e pid
	id=$(submit 'echo $$; exec sleep 1000')
	read -r pid < <(head -n 1 "$MNT/results/$id/output")
	e=$(get "$id" engine)
	kill -9 "$(guard_of "$e")" "$(worker_of "$e")"
	done_with "$id" error
	[[ $(get "$id" error) == *EngineError* ]]
	wait_for is_gone "$pid"
	start
	like "$(cluster status)" '.*running.*'
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
