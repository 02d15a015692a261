# open.bats: maps that are open: items are added, until somebody says close.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 2; }
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() { test_end; }

# opened [OPTION]...: the id of an open map of one item, a, whose tasks say it.
opened() {
	local more=''
	[ $# -eq 0 ] || more=", $*"
	submit "{\"code\": \"echo got \$1\", \"map\": [\"a\"], \"open\": 1$more}"
}
close_map() {
	echo close >"$MNT/results/$1/ctl"
}
progress_is() {
	[ "$(get "$1" progress)" = "$2" ]
}

@test "items are added while it is open; close ends it" {
	local id
	id=$(opened)
	wait_for progress_is "$id" 1/1
	equal "$(get "$id" status)" running
	equal "$(get "$id" why)" 'more items (>> map), or close (> ctl)'
	equal "$(get "$id" ready)" 0
	echo b >>"$MNT/results/$id/map"
	like "$(get "$id" progress)" '[12]/2'
	printf 'c d\ne' >>"$MNT/results/$id/map"
	wait_for progress_is "$id" 4/4
	equal "$(get "$id" map)" $'a\nb\nc d\ne'
	equal "$(get "$id" 2/stdout)" 'got c d'
	equal "$(get "$id" 2/item)" 'c d'
	equal "$(get "$id" exit_status | tr '\n' ' ')" '0 0 0 0 '
	equal "$(cut -f 1,2,12 "$MNT/results/$id/table" | tail -n +2)" \
		$'0\tok\ta\n1\tok\tb\n2\tok\tc d\n3\tok\te'
	[ -L "$MNT/tasks/$id" ]
	close_map "$id"
	done_with "$id"
	equal "$(get "$id" value)" $'got a\ngot b\ngot c d\ngot e'
	equal "$(get "$id" as_completed | sort -n | tr '\n' ' ')" '0 1 2 3 '
	equal "$(get "$id" open)" 0
	equal "$(get "$id" why)" ''
	run ! test -e "$MNT/tasks/$id"
}

@test "value, output, as_completed and watch wait for more" {
	local id fd ends out line
	id=$(opened)
	exec {fd}<"$MNT/results/$id/value" {ends}<"$MNT/results/$id/as_completed" \
		{out}<"$MNT/results/$id/output"
	read -r line <&"$fd"
	equal "$line" 'got a'
	read -r line <&"$ends"
	equal "$line" 0
	echo b >>"$MNT/results/$id/map"
	read -r line <&"$fd"
	equal "$line" 'got b'
	read -r line <&"$ends"
	equal "$line" 1
	close_map "$id"
	equal "$(cat <&"$fd")" ''
	equal "$(cat <&"$ends")" ''
	equal "$(cat <&"$out")" $'got a\ngot b'
	exec {fd}<&- {ends}<&- {out}<&-
	done_with "$id"
	like "$(get "$id" watch)" '.*2/2.*'
}

# refused ID TEXT: what comes of adding it.
refused() {
	# shellcheck disable=SC2016 # of the inner shell
	bash -c 'echo "$3" >> "$1/results/$2/map" || cat "$1/tasks/error"' bash \
		"$MNT" "$1" "$2" 2>&1
}

@test "what is not open, not appended, or no item, is refused" {
	local id
	id=$(submit '{"code": "sleep 100000", "map": ["a"]}')
	like "$(refused "$id" b)" \
		'.*Operation not permitted.*the map was submitted without the option open'
	fails_with EINVAL bash -c "echo close >$MNT/results/$id/ctl" ||
		like "$(cat "$MNT/tasks/error")" 'close: .*'
	echo abort >"$MNT/results/$id/ctl"
	done_with "$id" aborted
	id=$(opened)
	fails_with EPERM bash -c "echo b >$MNT/results/$id/map"
	like "$(cat "$MNT/tasks/error")" 'items can only be added: write with >>'
	fails_with EINVAL bash -c "printf 'a\\0b\\n' >>$MNT/results/$id/map"
	equal "$(get "$id" map)" a
	close_map "$id"
	done_with "$id"
	like "$(refused "$id" b)" '.*Operation not permitted.*the result has ended'
	like "$(bash -c "echo close >$MNT/results/$id/ctl" 2>&1)" '.*No such process'
	fails_with EINVAL bash -c "echo '{\"code\": \"echo\", \"open\": 1}' >$MNT/tasks/new"
	id=$(opened '"hold": 1')
	close_map "$id"
	like "$(refused "$id" b)" '.*Operation not permitted.*the map is closed'
	echo abort >"$MNT/results/$id/ctl"
	done_with "$id" aborted
}

@test "abort, halt, max_running, a failure, retry" {
	local id new
	id=$(opened)
	wait_for progress_is "$id" 1/1
	echo abort >"$MNT/results/$id/ctl"
	done_with "$id"
	id=$(submit '{"code": "exit $1", "map": [0], "open": 1, "halt": 1, "max_running": 1, "hold": 1}')
	printf '0\n3\n0\n0\n' >>"$MNT/results/$id/map"
	echo release >"$MNT/results/$id/ctl"
	done_with "$id" error
	equal "$(get "$id" exit_status | tr '\n' ' ')" '0 0 3   '
	equal "$(get "$id" open)" 0
	echo retry >"$MNT/results/$id/ctl"
	read -r new <"$MNT/tasks/last"
	[ "$new" != "$id" ]
	equal "$(get "$new" wait)" error
	equal "$(get "$new" map)" $'3\n0\n0'
	id=$(opened '"hold": 1')
	echo b >>"$MNT/results/$id/map"
	echo abort >"$MNT/results/$id/ctl"
	done_with "$id" aborted
	equal "$(get "$id" progress)" 2/2
}

@test "many items, in pieces and over the blocks of a mount; a second mount" {
	local id
	second_up
	id=$(submit '{"code": ":", "map": ["0"], "open": 1, "hold": 1}')
	seq 1 20000 >>"$MNT/results/$id/map"
	equal "$(get "$id" progress)" 0/20001
	equal "$(get "$id" 20000/item)" 20000
	equal "$(get "$id" 8191/item)" 8191
	seq 20001 20100 >>"$MNT/results/$id/map"
	equal "$(get "$id" 20000/item)" 20000
	equal "$(get "$id" 20100/item)" 20100
	equal "$(get "$id" table | tail -n 1 | cut -f 1,2,12)" $'20100\tpending\t20100'
	wait_for second_is "$id" progress 0/20101
	equal "$(tail -n 1 "$HOME_DIR/second/results/$id/map")" 20100
	equal "$(cat "$HOME_DIR/second/results/$id/20100/item")" 20100
	second_down
	second_up
	echo last >>"$MNT/results/$id/map"
	wait_for second_is "$id" progress 0/20102
	equal "$(cat "$HOME_DIR/second/results/$id/20101/item")" last
	echo abort >"$MNT/results/$id/ctl"
	done_with "$id" aborted
	second_down
}
second_is() {
	[ "$(cat "$HOME_DIR/second/results/$1/$2" 2>/dev/null)" = "$3" ]
}

@test "it is open after kill -9 of the controller, with all that was added" {
	local id
	id=$(opened)
	echo b >>"$MNT/results/$id/map"
	wait_for progress_is "$id" 2/2
	kill_9 taskfs-controller
	wait_for controller_is_not connected
	fails_with EHOSTDOWN bash -c "echo c >>$MNT/results/$id/map"
	start >/dev/null
	wait_for controller_is connected
	equal "$(get "$id" status)" running
	echo c >>"$MNT/results/$id/map"
	wait_for progress_is "$id" 3/3
	close_map "$id"
	done_with "$id"
	equal "$(get "$id" value)" $'got a\ngot b\ngot c'
	kill_9 taskfs-controller
	start >/dev/null
	wait_for controller_is connected
	equal "$(get "$id" status)" ok
	equal "$(get "$id" map)" $'a\nb\nc'
}
