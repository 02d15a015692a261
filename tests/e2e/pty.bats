# The option pty: a terminal for what a task writes.
# shellcheck shell=bash
load lib

setup_file() {
	unset TERM COLUMNS LINES
	cluster_up 2 --slots 2
}
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() { test_end; }

# terminal CODE [MEMBER]: submits it, with more options.
terminal() {
	submit "{\"code\": $(json "$1"), \"pty\": 1${2:+, $2}}"
}
json() {
	/usr/bin/python3 -c 'import json, sys; print(json.dumps(sys.argv[1]))' "$1"
}

@test "standard output and error are one terminal, and nothing else is" {
	local id
	id=$(terminal '[ -t 1 ] && [ -t 2 ] && echo out; echo err >&2
		[ -t 0 ] || echo no stdin; [ -t 3 ] || [ -t 4 ] || echo no more
		[ "$(readlink /proc/self/fd/2)" = "$(tty <&2)" ] && echo one; cat; echo data >&4')
	equal "$(get "$id" value)" $'out\nerr\nno stdin\nno more\none'
	equal "$(get "$id" stderr)" ''
	equal "$(get "$id" data)" data
	equal "$(get "$id" output)" "$(get "$id" stdout)"
	equal "$(get "$id" pty)" 1
	id=$(submit '{"code": "[ -t 1 ] || echo pipe", "pty": 0}')
	equal "$(get "$id" value)" pipe
}

@test "stdin is as without it; the value may be another one; bytes are bytes" {
	local id
	head -c 300000 /dev/urandom >"$HOME_DIR/bytes"
	mkdir "$MNT/tasks/bytes"
	echo cat >"$MNT/tasks/bytes/code"
	echo 1 >"$MNT/tasks/bytes/pty"
	cat "$HOME_DIR/bytes" >"$MNT/tasks/bytes/stdin"
	echo 1 >"$MNT/tasks/bytes/submit"
	cmp "$MNT/results/bytes/value" "$HOME_DIR/bytes"
	id=$(terminal 'echo said; echo 42 >&3')
	equal "$(get "$id" value)" 42
	equal "$(get "$id" stdout)" said
}

@test "as large as COLUMNS and LINES, or 80 to 24; TERM is set" {
	local id
	id=$(terminal 'stty size <&1; echo $TERM')
	equal "$(get "$id" value)" $'24 80\nxterm'
	id=$(terminal 'stty size <&1; echo $TERM' '"env": {"COLUMNS": "132", "LINES": "50", "TERM": "dumb"}')
	equal "$(get "$id" value)" $'50 132\ndumb'
	id=$(submit 'echo "${TERM-none}"')
	equal "$(get "$id" value)" none
}

@test "a program that keeps what it writes into a pipe writes here at once" {
	local id gate
	gate=$(gate python)
	id=$(terminal "#!/usr/bin/python3
import subprocess
print('first')
subprocess.run(['cat', '$gate'])")
	equal "$(head -n 1 "$MNT/results/$id/output")" first
	open_gate python
	equal "$(get "$id" value)" first
}

@test "all that was written arrives before the end, however fast that comes" {
	local id want
	want=$(seq 20000)
	id=$(submit '{"code": "seq 20000", "pty": true, "map": ["a", "b", "c", "d", "e", "f"]}')
	equal "$(get "$id" value)" "$(for _ in 1 2 3 4 5 6; do echo "$want"; done)"
	id=$(terminal 'printf %7000s; kill -9 $$')
	done_with "$id" error
	equal "$(get "$id" stdout | wc -c)" 7000
}

@test "nobody types there: /dev/tty is none, and reading from it is an error or the end" {
	local id
	id=$(terminal 'echo x </dev/tty || echo none; exit 0')
	like "$(get "$id" value)" '.*/dev/tty.*none'
}

@test "who writes when it is gone is told so; what is left behind is killed" {
	local id pid
	id=$(terminal 'setsid sh -c "trap : HUP TERM; while :; do echo y; sleep 0.1; done" & echo $!')
	pid=$(get "$id" value | head -n 1)
	done_with "$id"
	[ ! -e "/proc/$pid" ]
	id=$(terminal 'while echo y; do :; done; trap "" TERM; while :; do :; done')
	wait_for has_output "$id"
	echo abort >"$MNT/results/$id/ctl"
	done_with "$id" aborted
	like "$(get "$id" exit_status)" '143|137'
}
has_output() {
	[ -s "$MNT/results/$1/stdout" ]
}

@test "an engine that ends takes the task with it; no terminal is left" {
	local id
	id=$(terminal 'tty <&1; exec sleep 100000')
	wait_for has_output "$id"
	tty=$(get "$id" stdout)
	[ -c "$tty" ]
	echo stop >"$MNT/engines/$(get "$id" engine)/ctl"
	done_with "$id" error
	wait_for gone "$tty"
	start >"$HOME_DIR/start.out"
}
gone() {
	[ ! -e "$1" ]
}

@test "what is no 0 and no 1 is refused" {
	mkdir "$MNT/tasks/wrong"
	fails_with EINVAL cp /dev/stdin "$MNT/tasks/wrong/pty" <<<2
	equal "$(cat "$MNT/tasks/error")" '"pty" must be 1 or 0'
	rmdir "$MNT/tasks/wrong"
}
