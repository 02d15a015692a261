# settings.bats: options of a result that are changed before it has ended.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 2; }
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() { test_end; }

# set_to ID OPTION VALUE
set_to() {
	printf '%s\n' "$3" >"$MNT/results/$1/$2"
}

# refused ID OPTION VALUE: the error, and what tasks/error says.
refused() {
	# shellcheck disable=SC2016 # of the inner shell
	bash -c 'echo "$4" > "$1/results/$2/$3" || cat "$1/tasks/error"' bash \
		"$MNT" "$1" "$2" "$3" 2>&1
}

running_are() {
	[ "$(grep -c running < <(tail -n +2 "$MNT/results/$1/table"))" = "$2" ]
}

@test "max_running: more of a map run when it is raised, or taken back" {
	local id
	gate go
	id=$(submit "{\"code\": \"cat $HOME_DIR/go\", \"map\": [1, 2, 3], \"max_running\": 1, \"targets\": [0]}")
	wait_for running_are "$id" 1
	set_to "$id" targets all
	set_to "$id" max_running 2
	equal "$(get "$id" max_running)" 2
	equal "$(get "$id" targets)" all
	wait_for running_are "$id" 2
	set_to "$id" max_running ''
	run ! test -e "$MNT/results/$id/max_running"
	leave_gate_open go
	done_with "$id"
	equal "$(get "$id" targets)" all
}

@test "targets: what waits goes to another engine" {
	local a b
	gate go
	a=$(submit "{\"code\": \"cat $HOME_DIR/go\", \"targets\": [0]}")
	b=$(submit '{"code": "echo $TASKFS_ENGINE", "targets": [0]}')
	wait_for has_status "$a" running
	set_to "$b" targets 1
	done_with "$b"
	equal "$(get "$b" value)" 1
	equal "$(get "$b" engine)" 1
	leave_gate_open go
	done_with "$a"
}

@test "time_limit: a task that runs ends by it" {
	local id
	id=$(submit 'echo begun; sleep 100000')
	wait_for has_output "$id" begun
	set_to "$id" time_limit 3000
	equal "$(get "$id" time_limit)" 3000
	set_to "$id" time_limit 0.01
	done_with "$id" error
	like "$(get "$id" error | head -n 1)" 'TaskTimeLimit: ran longer than 0.01 s'
}

has_output() {
	[ "$(get "$1" stdout)" = "$2" ]
}

has_status() {
	[ "$(get "$1" status)" = "$2" ]
}

@test "retries: given when the first try has begun" {
	local id
	gate go
	id=$(submit "cat $HOME_DIR/go; exit 3")
	wait_for has_status "$id" running
	run ! test -e "$MNT/results/$id/retries"
	set_to "$id" retries 2
	equal "$(get "$id" retries)" 2
	leave_gate_open go
	done_with "$id" error
	equal "$(get "$id" attempts | wc -l)" 3
}

@test "what is no value is refused, and the reason told; the value stays" {
	local id
	id=$(submit '{"code": "true", "map": [1], "hold": 1, "max_running": 4, "label": "held"}')
	like "$(refused "$id" max_running many)" \
		'.*Invalid argument.*"max_running" must be a whole number'
	like "$(refused "$id" max_running 0)" \
		'.*Invalid argument.*"max_running" must be from 1 to [0-9]+'
	like "$(refused "$id" targets 77)" \
		'.*Invalid argument.*set: "targets": none of these engines is there'
	like "$(refused "$id" halt 3)" \
		'.*Operation not permitted.*"halt" cannot be changed'
	like "$(refused "$id" label x)" '.*Permission denied.*'
	like "$(refused "$id" max_runing 3)" \
		'.*Operation not permitted.*is "max_running" meant\?'
	equal "$(get "$id" max_running)" 4
	echo abort >"$MNT/results/$id/ctl"
	done_with "$id" aborted
	like "$(refused "$id" max_running 5)" \
		".*Operation not permitted.*max_running of result $id: it has ended"
	like "$(refused "$id" retries 5)" \
		".*Operation not permitted.*retries of result $id: it has ended"
	equal "$(get "$id" max_running)" 4
	id=$(submit 'sleep 100000')
	like "$(refused "$id" max_running 3)" \
		'.*Invalid argument.*set: "max_running" is for a map'
	echo abort >"$MNT/results/$id/ctl"
	done_with "$id" aborted
}

@test "a change is an event, is seen by others, and is there after kill -9" {
	local id line fd
	second_up
	id=$(submit '{"code": "true", "hold": 1}')
	wait_for second_shows "$id" status pending
	exec {fd}<"$HOME_DIR/second/events"
	set_to "$id" priority 7
	set_to "$id" retries 1
	while read -r _ line <&"$fd" && [ "$line" != "result $id changed" ]; do :; done
	exec {fd}<&-
	wait_for second_shows "$id" retries 1
	equal "$(cat "$HOME_DIR/second/results/$id/priority")" 7
	kill_9 taskfs-controller
	start
	wait_for controller_is connected
	equal "$(get "$id" retries)" 1
	equal "$(get "$id" priority)" 7
	echo release >"$MNT/results/$id/ctl"
	done_with "$id"
	second_down
}

second_shows() {
	[ "$(cat "$HOME_DIR/second/results/$1/$2" 2>/dev/null)" = "$3" ]
}

@test "a draft: targets all" {
	local id
	mkdir "$MNT/tasks/anywhere"
	echo hostname >"$MNT/tasks/anywhere/code"
	echo all >"$MNT/tasks/anywhere/targets"
	equal "$(cat "$MNT/tasks/anywhere/targets")" all
	fails_with EINVAL bash -c "echo most > $MNT/tasks/anywhere/targets"
	equal "$(cat "$MNT/tasks/anywhere/targets")" all
	echo 1 >"$MNT/tasks/anywhere/submit"
	read -r id <"$MNT/tasks/last"
	done_with "$id"
	equal "$(get "$id" targets)" all
}

@test "what follows another stays with its engine when an option changes" {
	local a b
	a=$(submit '{"code": ":", "targets": [1]}')
	done_with "$a"
	b=$(submit "{\"code\": \"echo \$TASKFS_ENGINE\", \"follow\": [$a], \"hold\": 1}")
	echo 3 >"$MNT/results/$b/priority"
	echo release >"$MNT/results/$b/ctl"
	equal "$(get "$b" value)" 1
}
