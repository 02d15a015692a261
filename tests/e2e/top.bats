# top: the cluster as one screen of text. shellcheck shell=bash
load lib

setup_file() { cluster_up 2; }
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() { test_end; }

# has PATTERN: top has such a line.
has() {
	grep -qE "$1" "$MNT/top"
}

# Whatever it says, it is one screen.
is_a_screen() {
	local text
	text=$(cat "$MNT/top")
	[ "$(wc -l <<<"$text")" -le 22 ]
	[ "$(wc -L <<<"$text")" -le 80 ]
}

@test "engines, what runs where and how far it is, what waits for what" {
	local a b c gate
	gate=$(gate runs)
	a=$(submit "{\"code\": \"cat $gate\", \"label\": \"first\", \"targets\": [1]}")
	wait_for has "^$a +1 +first +running for "
	b=$(submit "{\"code\": \":\", \"label\": \"second\", \"after\": [$a]}")
	wait_for has "^$b +[0-9]+ s +second +after $a$"
	c=$(submit '{"code": "[ $1 != 2 ]", "map": ["1", "2", "3"], "label": "third"}')
	done_with "$c" error
	wait_for has "^$c +[0-9-]+T[0-9:]+ +third +2/3 ok, 1 failed in "
	wait_for has "^1 +busy +1/1 +[0-9.]+/s +[0-9]+ +$(hostname)$"
	wait_for has '^1 tasks run, 1 wait, [0-9]+ ended; in the last minute [0-9.]+/s, 1 failed$'
	wait_for has '^2 engines: 1 busy, 1 idle, 0 lost; 1 of 2 slots are free$'
	is_a_screen
	open_gate runs
	done_with "$b"
}

@test "queues: how many tasks run in each, and how many wait" {
	local a b
	mkdir "$MNT/queues/disk"
	echo 1 >"$MNT/queues/disk/limit"
	a=$(submit "{\"code\": \"cat $(gate queue)\", \"queue\": \"disk\"}")
	b=$(submit '{"code": ":", "queue": "disk"}')
	wait_for has '^disk +open +1 +1 +1 at a time$'
	is_a_screen
	open_gate queue
	done_with "$a"
	done_with "$b"
	wait_for has '^disk +open +0 +0 +1 at a time$'
	rmdir "$MNT/queues/disk"
	wait_for eval '! has "^QUEUE"'
}

@test "its size is that of what is read then" {
	local size
	submit ':' >/dev/null
	exec {fd}<"$MNT/top"
	size=$(stat -Lc %s "/proc/$BASHPID/fd/$fd")
	equal "$(cat <&"$fd" | wc -c)" "$size"
	exec {fd}<&-
}

@test "read again from its beginning it is what it is then" {
	local id
	id=$(submit "{\"code\": \"cat $(gate again)\", \"label\": \"again\"}")
	sees() {
		/usr/bin/python3 -c 'import sys
with open(sys.argv[1], "rb", buffering=0) as f:
    while sys.argv[2].encode() not in f.read(65536):
        f.seek(0)' "$MNT/top" "$1"
	}
	sees again
	open_gate again
	done_with "$id"
}

@test "more than a screen: lists are cut and say so" {
	local i gate
	gate=$(gate many)
	# shellcheck disable=SC2034 # i
	for i in {1..30}; do
		echo "cat $gate" >"$MNT/tasks/new"
	done
	wait_for has '^and [0-9]+ more$'
	is_a_screen
	leave_gate_open many
	abort_all
}

@test "a controller that is away: what is known, and why there is no more" {
	kill_9 taskfs-controller
	wait_for eval '! has ": connected$"'
	has '^2 engines: '
	is_a_screen
	start >"$HOME_DIR/start.out" 2>&1
	wait_for has ': connected$'
	wait_for eval '[ "$(engine_ids | wc -l)" = 2 ]'
}
