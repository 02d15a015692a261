# scripts/tfs, by dash and by bash.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 3; }
teardown_file() { cluster_down; }
setup() {
	test_begin
	export TASKFS=$MNT
}
teardown() {
	second_down
	test_end
}

TFS=$ROOT/scripts/tfs
# each COMMAND...: in both shells; the command calls tfs.
each() {
	local words shell
	for words in dash "bash --posix" bash; do
		read -ra shell <<<"$words"
		# shellcheck disable=SC2317 # the command calls it
		tfs() { "${shell[@]}" "$TFS" "$@"; }
		"$@" || {
			echo "that was $words"
			return 1
		}
	done
}
# fails_as STATUS COMMAND...: with that exit status.
fails_as() {
	local want=$1 rc=0
	shift
	"$@" || rc=$?
	equal "$rc" "$want"
}

args_arrive() {
	# shellcheck disable=SC1003,SC2016 # they are to stay so
	local -a args=('a b' '' ' ' "it's" '"' '$HOME' '`x`' '\' '\\n' $'two\nlines' $'end\n\n'
		$'\t' '*' -n -- -c '{}' a{}b ::: $'\xff\xfe' $'\x01' ü '#' '~' '!' ';' '&')
	printf '%s\0' "${args[@]}" >"$HOME_DIR/want"
	tfs run -n -- printf '%s\0' "${args[@]}" | cmp - "$HOME_DIR/want"
	tfs run -n printf '%s\0' "${args[@]}" | cmp - "$HOME_DIR/want"
}
@test "run: arguments arrive byte by byte" {
	each args_arrive
}

input_arrives() {
	head -c 300000 /dev/urandom >"$HOME_DIR/in"
	tfs run cat <"$HOME_DIR/in" >"$HOME_DIR/in.back"
	cmp "$HOME_DIR/in.back" "$HOME_DIR/in"
	equal "$(echo in | tfs run -n cat)" ''
	equal "$(echo 'echo "script $1"' | tfs run)" 'script '
	equal "$(echo in | tfs run -c 'tr i I')" In
	id=$(echo in | tfs submit cat)
	equal "$(get "$id" value)" ''
	id=$(echo in | tfs submit -i cat)
	equal "$(get "$id" value)" in
}
@test "run: standard input is that of the task; a script" {
	each input_arrives
}

output_is_live() {
	local out err pid gate
	gate=$(gate live)
	rm -f "$HOME_DIR/live.out" "$HOME_DIR/live.err"
	mkfifo "$HOME_DIR/live.out" "$HOME_DIR/live.err"
	tfs run -n -c "echo out; echo err >&2; cat $gate; echo end" \
		>"$HOME_DIR/live.out" 2>"$HOME_DIR/live.err" 3>&- &
	pid=$!
	exec {out}<"$HOME_DIR/live.out" {err}<"$HOME_DIR/live.err"
	read -r -u "$out" line && equal "$line" out
	read -r -u "$err" line && equal "$line" err
	open_gate live
	equal "$(cat <&"$out")" end
	equal "$(cat <&"$err")" ''
	exec {out}<&- {err}<&-
	wait "$pid"
}
@test "run: output as it comes, standard error apart" {
	each output_is_live
}

statuses() {
	tfs run -n true
	fails_as 7 tfs run -n -- sh -c 'exit 7'
	fails_as 137 tfs run -n -c 'kill -9 $$'
	fails_as 127 tfs run -n nothing-like-that 2>"$HOME_DIR/err"
	grep 'not found' "$HOME_DIR/err"
	fails_as 125 tfs run -n -o time_limit=0.01 -c 'trap "exit 0" TERM; while :; do sleep 0.01; done' \
		2>"$HOME_DIR/err"
	grep 'TaskTimeLimit' "$HOME_DIR/err"
	fails_as 125 tfs run -n -o retry=1 true 2>"$HOME_DIR/err"
	grep 'is "retries" meant' "$HOME_DIR/err"
	fails_as 125 tfs run -n -o retries=x true 2>"$HOME_DIR/err"
	grep '"retries" must be' "$HOME_DIR/err"
	equal "$(find "$MNT/tasks" -mindepth 1 -type d)" ''
	equal "$(tfs run -n -o env=A=1 -o env=B=2 -c 'echo $A$B')" 12
	fails_as 125 tfs run -n -o retries=1 -o retries=2 true 2>/dev/null
	fails_as 2 tfs run 'echo a; echo b' 2>"$HOME_DIR/err"
	grep 'script goes behind -c' "$HOME_DIR/err"
	fails_as 2 tfs nothing
	fails_as 2 tfs run -z
	fails_as 2 tfs run -o
	fails_as 2 tfs map
	fails_as 2 tfs map echo :::
	fails_as 2 tfs log
	equal "$(find "$MNT/tasks" -mindepth 1 -type d)" ''
	tfs --help | grep -q '^Usage'
}
@test "run: the exit status is that of the task; what cannot be is said" {
	each statuses 2>"$HOME_DIR/all" || {
		cat "$HOME_DIR/all"
		return 1
	}
}

# signal NAME STATUS: to all of it, as a terminal does, while the task runs; with
# HOW=kill to tfs alone. Nothing complains.
signal() {
	local gate
	gate=$(gate signal)
	/usr/bin/python3 - "$MNT" "$1" "$2" "${shell[@]}" "$TFS" run -n -o label=stopped cat "$gate" <<-'END'
		import os, signal, subprocess, sys
		mnt, name, status = sys.argv[1:4]
		number = getattr(signal, name)
		events = open(mnt + "/events")
		p = subprocess.Popen(sys.argv[4:], start_new_session=True, stderr=subprocess.PIPE,
		                     preexec_fn=lambda: signal.signal(number, signal.SIG_DFL))
		while "running" not in events.readline():
		    pass
		getattr(os, os.environ.get("HOW", "killpg"))(p.pid, number)
		assert p.wait() == int(status), p.returncode
		assert p.stderr.read() == b""
	END
	equal "$(cat "$MNT/results/stopped/wait")" aborted
	leave_gate_open signal
}
signals() {
	signal SIGINT 130
	signal SIGTERM 143
	signal SIGHUP 129
	HOW='kill' signal SIGTERM 143
}
@test "run: Ctrl-C aborts the task" {
	each signals
}

nobody_reads() {
	tfs run -n -o label=unread -c 'while echo y; do :; done' 2>/dev/null | head -n 1 | grep -x y
	equal "$(cat "$MNT/results/unread/wait")" aborted
}
@test "run: the task is aborted when nobody wants its output" {
	each nobody_reads
}

maps() {
	local id
	equal "$(tfs map -k echo 'x{}y' {} z ::: 'a b' "it's" $'two\nlines' '' '$x')" \
		$'xa by a b z\nxit\'sy it\'s z\nxtwo\nlinesy two\nlines z\nxy  z\nx$xy $x z'
	equal "$(printf '%s\n' 1 '2 3' '"' | tfs map -k printf '<%s>')" '<1><2 3><">'
	equal "$(printf 'a\nb\0c' | tfs map -0 -k printf '<%s>')" $'<a\nb><c>'
	equal "$(seq 5 | tfs map -N 2 -k -- printf '<%s>' {} -)" '<1><2><-><3><4><-><5><->'
	equal "$(tfs map -k -c 'echo "$1$1"' ::: a b)" $'aa\nbb'
	equal "$(tfs map -k printf '<%s>' {} "{/}" "{//}" "{.}" "{/.}" "{#}" ::: a/b.c/d.tar.gz x ./.y "it's /\"\$x.z")" \
		'<a/b.c/d.tar.gz><d.tar.gz><a/b.c><a/b.c/d.tar><d.tar><1><x><x><.><x><x><2><./.y><.y><.><./><><3>'\
"<it's /\"\$x.z><\"\$x.z><it's ><it's /\"\$x><\"\$x><4>"
	equal "$(tfs map -k -N 2 echo '{2}-{1} {}' {} ::: a b c d)" $'b-a a a b\nd-c c c d'
	equal "$(printf 'a,b\nc d,e\n' | tfs map -k -o columns=, echo 'x{2}' '{1}')" $'xb a\nxe c d'
	equal "$(tfs map -k echo '{x} ${_b} $_b {0}' ::: a)" '{x} ${_b} $_b {0} a'
	fails_as 2 tfs map echo "{1}" "{2}" ::: a ::: b 2>"$HOME_DIR/err"
	grep 'one :::' "$HOME_DIR/err"
	fails_as 2 tfs map echo :::: file 2>"$HOME_DIR/err"
	grep '::::' "$HOME_DIR/err"
	fails_as 2 tfs map 'gzip {}' ::: a 2>"$HOME_DIR/err"
	grep "'gzip {}' is no program" "$HOME_DIR/err"
	equal "$(seq 3 | tfs map -o label=three -j 2 true 2>&1)" ''
	equal "$(get three max_running)" 2
	equal "$(readlink "$MNT/results/true" || true)" ''
	fails_as 2 tfs map -c 'exit $1' ::: 0 1 2 2>"$HOME_DIR/err"
	id=$(cat "$MNT/tasks/last")
	equal "$(<"$HOME_DIR/err")" "tfs: $id: CompositeError: 2 of 3 tasks failed
tfs: $id/1: ExitStatus: exit status 1
tfs: $id/2: ExitStatus: exit status 2"
	seq 3 | tfs map --bar true 2>"$HOME_DIR/err"
	grep '3/3 ok' "$HOME_DIR/err"
}
@test "map: items behind :::, or lines, or bytes up to zero; -j, -N, -k, -c, --bar" {
	each maps
}

# ordered WANT OPTION...: of two tasks the second ends first.
ordered() {
	local want=$1 gate pid
	shift
	gate=$(gate first)
	tfs map -o label=ordered "$@" -c "[ \"\$1\" = b ] || cat $gate; echo \$1; echo \$1 >&2" ::: a b \
		>"$HOME_DIR/out" 2>"$HOME_DIR/err" 3>&- &
	pid=$!
	wait_for second_ended
	open_gate first
	wait "$pid"
	equal "$(<"$HOME_DIR/out")" "$want"
	equal "$(<"$HOME_DIR/err")" "$want"
	rmdir "$MNT/results/$(readlink "$MNT/results/ordered")"
}
second_ended() {
	[ "$(cat "$MNT/results/ordered/1/status" 2>/dev/null)" = ok ]
}
orders() {
	ordered $'b\na'
	ordered $'a\nb' -k
}
scripts() {
	local id
	id=$(printf '%s\n' '#!/bin/sh' '#TASKFS time_limit=60 label=named' 'echo "in it"' | tfs submit)
	equal "$(cat "$MNT/results/$id/wait")" ok
	equal "$(cat "$MNT/results/$id/label")" named
	equal "$(cat "$MNT/results/$id/time_limit")" 60
	equal "$(cat "$MNT/results/named/value")" 'in it'
	equal "$(printf 'echo "$0 and more"\n' | tfs run -olabel=plain)" '/bin/sh and more'
	equal "$(tfs map -k -j1 -N2 printf '<%s>' ::: 1 2 3)" '<1><2><3>'
	equal "$(cat "$MNT/results/latest/max_running" "$MNT/results/latest/chunk" | tr '\n' ' ')" '1 2 '
}
@test "a script says its label; options with their values in one word" {
	each scripts
}

@test "map: outputs when a task ends, or with -k in the order of the items" {
	each orders
}

the_rest() {
	local gate id other
	gate=$(gate rest)
	id=$(tfs submit -o label=slow -- cat "$gate")
	other=$(tfs submit -o after="$id" -- true)
	wait_for runs "$id"
	tfs ps | grep -E "^$id +running +0/1 +20.* slow$"
	tfs ps | grep -E "^$other +pending +0/1 +- +true \(after $id\)$"
	tfs top | grep -E "^$id +[0-2] +slow +running"
	tfs top | grep -E "^2 +(idle|busy) .* $(uname -n)$"
	equal "$(tfs status slow "$other")" "$id"$'\trunning\n'"$other"$'\tpending'
	fails_as 125 tfs status nothing
	cmp <(tfs status) "$MNT/results/table"
	open_gate rest
	tfs wait "$id" "$other"
	tfs wait
	id=$(tfs submit -c 'echo said; echo more >&2; exit 4')
	fails_as 4 tfs wait "$id"
	fails_as 4 tfs wait "$id" "$other"
	equal "$(tfs log "$id" 2>/dev/null)" said
	equal "$(tfs log "$id" 2>&1 >/dev/null)" more
	equal "$(tfs log -f "$id" 2>/dev/null)" said
	id=$(tfs submit cat "$(gate cancelled)")
	wait_for runs "$id"
	tfs cancel "$id"
	fails_as 143 tfs wait "$id"
	equal "$(tfs status "$id")" "$id"$'\taborted'
	fails_as 125 tfs cancel "$id" 2>"$HOME_DIR/err"
	grep "$id" "$HOME_DIR/err"
	# One of several that has ended, and one that is none.
	other=$(tfs submit cat "$(gate cancelled)")
	wait_for runs "$other"
	fails_as 125 tfs cancel "$id" nothing "$other" 2>"$HOME_DIR/err"
	equal "$(wc -l <"$HOME_DIR/err")" 2
	fails_as 143 tfs wait "$other" 2>/dev/null
	leave_gate_open cancelled
	# A task of a map; and once more what has failed.
	id=$(tfs submit -o map=a -o map=b -c 'echo "is $1"; [ -e "$HOME_DIR/mended" ] || [ "$1" = a ]')
	fails_as 1 tfs wait "$id" 2>/dev/null
	equal "$(tfs status "$id/0" "$id/1")" "$id/0"$'\tok\n'"$id/1"$'\terror'
	equal "$(tfs log "$id/1")" 'is b'
	fails_as 1 tfs wait "$id/1"
	: >"$HOME_DIR/mended"
	other=$(tfs retry "$id")
	tfs wait "$other"
	equal "$(tfs log "$other")" 'is b'
	rm "$HOME_DIR/mended"
	fails_as 125 tfs retry nothing "$other" 2>"$HOME_DIR/err"
	equal "$(wc -l <"$HOME_DIR/err")" 2
}
runs() {
	[ "$(get "$1" status)" = running ]
}
@test "submit, wait, status, log, ps, cancel, top" {
	each the_rest
}

finds() {
	equal "$(unset TASKFS && cd "$MNT/results" && tfs run -n echo here)" here
	equal "$(cd "$HOME_DIR" && TASKFS=mnt tfs run -n pwd)" "$HOME_DIR"
	fails_as 125 env TASKFS="$HOME_DIR" "${shell[@]}" "$TFS" ps
	(unset TASKFS && cd / && fails_as 125 tfs ps 2>"$HOME_DIR/err")
	grep 'there are several mounts' "$HOME_DIR/err"
}
@test "the mount: TASKFS, or where one is, and none of several" {
	second_up
	each finds
	second_down
}

finds_only() {
	unset TASKFS
	export MNT
	equal "$(cd / && unshare -m bash -c 'mapfile -t mounts </proc/self/mounts
	for line in "${mounts[@]}"; do
		read -r _ at type _ <<<"$line"
		[ "$type" != fuse.taskfs ] || [ "$at" = "$MNT" ] || umount -l "$(printf %b "${at//\\/\\0}")"
	done; exec "$@"' bash "${shell[@]}" "$TFS" run -n echo only)" only
}
@test "the only mount there is" {
	unshare -m true || skip "needs root, for mounts of its own"
	each finds_only
}

@test "it is short enough to be read" {
	[ "$(wc -l <"$TFS")" -le 250 ]
}
