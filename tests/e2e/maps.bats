# Maps: one submission of many tasks.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 3; }
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() {
	second_down
	test_end
}

# map CODE ITEM...: submits, prints the id.
map() {
	local code=$1
	shift
	submit "$(/usr/bin/python3 -c 'import json, sys
print(json.dumps({"code": sys.argv[1], "map": sys.argv[2:]}))' "$code" "$@")"
}

@test "a task for each item, which finds it in \$1 and its number" {
	local id
	id=$(map 'echo "$1:$TASKFS_INDEX:$TASKFS_ITEM"' a 'b c' '' 'ü"\x')
	equal "$(get "$id" value)" $'a:0:a\nb c:1:b c\n:2:\nü"\\x:3:ü"\\x'
	equal "$(get "$id" wait)" ok
	equal "$(get "$id" progress)" 4/4
	equal "$(get "$id" map)" $'a\nb c\n\nü"\\x'
	equal "$(stat -c %s "$MNT/results/$id/map")" 13
	equal "$(get "$id" 1/value)" "b c:1:b c"
	equal "$(get "$id" 1/progress)" 1/1
	equal "$(get "$id" 3/stdout)" 'ü"\x:3:ü"\x'
	[ -e "$MNT/results/$id/ok" ] && [ -e "$MNT/results/$id/2/ok" ]
	fails_with ENOENT cat "$MNT/results/$id/4/value"
	fails_with ENOENT cat "$MNT/results/$id/01/value"
}

@test "items of any kind: a task has their JSON" {
	local id
	id=$(submit '{"code": "echo \"$1 $TASKFS_ITEM\"; [ \"$1\" != 1e3 ]", "map":
		[3, 2.50, 1e3, true, null, [1, "a b"], {"k" : "ü/"}, "3", ""]}')
	equal "$(get "$id" wait)" error
	equal "$(get "$id" stdout)" $'3 3\n2.50 2.50\n1e3 1e3\ntrue true\nnull null\n[1,"a b"] [1,"a b"]\n{"k":"ü/"} {"k":"ü/"}\n3 3\n '
	equal "$(get "$id" map)" $'3\n2.50\n1e3\ntrue\nnull\n[1,"a b"]\n{"k":"ü/"}\n3'
	equal "$(get "$id" json_items)" 0-6
	# Those that failed, again.
	echo retry >"$MNT/results/$id/ctl"
	id=$(cat "$MNT/tasks/last")
	equal "$(get "$id" wait)" error
	equal "$(get "$id" map)" 1e3
	equal "$(get "$id" json_items)" all
}

@test "items that cannot be kept as they are" {
	local what
	# json-c 0.18 refuses the first of them itself, before it is known whose it is.
	for what in '[1, 18446744073709551616]' '[[1e400]]' '["a\u0000"]'; do
		fails_with EINVAL bash -c 'printf "{\"code\": \":\", \"map\": %s}" "$2" >"$1/tasks/new"' \
			bash "$MNT" "$what"
		like "$(cat "$MNT/tasks/error")" '.*("map".*(number|NUL)|a number .*64 bits).*'
	done
	fails_with EINVAL bash -c 'echo "{\"code\": \":\", \"map\": [1], \"json_items\": \"all\"}" >"$1/tasks/new"' \
		bash "$MNT"
	like "$(cat "$MNT/tasks/error")" '.*json_items.*'
}

# items_are DIR TEXT...: each task below it has these, and says how long they are.
items_are() {
	local dir=$1 i=0 text
	shift
	for text in "$@"; do
		equal "$(cat "$dir/$i/items"; echo .)" "$text"$'\n.'
		equal "$(stat -c %s "$dir/$i/items")" "$(printf '%s\n' "$text" | wc -c)"
		i=$((i + 1))
	done
	fails_with ENOENT cat "$dir/$i/items"
	equal "$(cat "$dir"/[0-9]/items)" "$(cat "$dir/map")"
}

@test "items: those of one task, before it begins, while it runs, and for ever" {
	local id gate one
	local -a has=($'a\nb c' $'\nü"\\x' '  blanks ')
	gate=$(gate items)
	id=$(submit '{"code": "cat '"$gate"'; printf \"%s\\n\" \"$@\"", "chunk": 2, "map":
		["a", "b c", "", "\u00fc\"\\x", "  blanks "], "max_running": 1}')
	equal "$(get "$id" 2/status)" pending
	items_are "$MNT/results/$id" "${has[@]}"
	ls -l "$MNT/results/$id/2" >"$HOME_DIR/ls"
	grep -Eq ' 10 .* items$' "$HOME_DIR/ls"
	[ ! -e "$MNT/results/$id/items" ]
	[ ! -e "$MNT/results/$id/2/map" ]
	equal "$(dd if="$MNT/results/$id/0/items" bs=1 skip=2 count=3 status=none)" 'b c'
	open_gate items
	equal "$(get "$id" 0/wait)" ok
	leave_gate_open items
	done_with "$id"
	items_are "$MNT/results/$id" "${has[@]}"
	equal "$(get "$id" stdout)" "$(get "$id" map)"
	sizes_are_exact "$MNT/results/$id/2"
	second_up
	items_are "$HOME_DIR/second/results/$id" "${has[@]}"
	expect_log 'controller'
	expect_log 'engine'
	kill_9 taskfs-controller
	wait_for controller_is_not connected
	items_are "$MNT/results/$id" "${has[@]}"
	start >/dev/null
	wait_for controller_is connected
	items_are "$MNT/results/$id" "${has[@]}"
	second_down
	second_up
	items_are "$HOME_DIR/second/results/$id" "${has[@]}"
	exec {one}<"$MNT/results/$id/1/items"
	rmdir "$MNT/results/$id"
	fails_with ENOENT cat "$MNT/results/$id/1/items"
	exec {one}<&-
}

@test "items: only a map's tasks have any, those that are tried again too" {
	local id again
	id=$(submit true)
	done_with "$id"
	[ ! -e "$MNT/results/$id/items" ]
	echo true >"$MNT/engines/all/new"
	read -r id <"$MNT/tasks/last"
	done_with "$id"
	[ -e "$MNT/results/$id/0/code" ]
	[ ! -e "$MNT/results/$id/0/items" ]
	fails_with ENOENT get "$id" 0/items
	id=$(submit '{"code": "exit $(($1 % 3))", "map": ["0", "1", "2", "3", "4"], "chunk": 2}')
	done_with "$id" error
	echo retry >"$MNT/results/$id/ctl"
	read -r again <"$MNT/tasks/last"
	[ "$again" != "$id" ]
	done_with "$again" error
	items_are "$MNT/results/$again" $'2\n3' 4
	id=$(submit '{"code": "true", "map": ["alone"]}')
	done_with "$id"
	items_are "$MNT/results/$id" alone
}

@test "values in the order of the items, each as soon as it can be" {
	local id i fd line
	for i in 0 1 2; do gate "order$i" >/dev/null; done
	id=$(map "cat $HOME_DIR/order\$1; echo v\$1" 0 1 2)
	exec {fd}<"$MNT/results/$id/value"
	open_gate order1
	equal "$(get "$id" 1/value)" v1
	fails_with EAGAIN dd if="$MNT/results/$id/value" iflag=nonblock
	equal "$(stat -c %s "$MNT/results/$id/value")" 0
	open_gate order0
	read -r -u "$fd" line && equal "$line" v0
	read -r -u "$fd" line && equal "$line" v1
	equal "$(get "$id" status)" running
	equal "$(stat -c %s "$MNT/results/$id/value")" 6
	open_gate order2
	read -r -u "$fd" line && equal "$line" v2
	run -1 read -r -u "$fd" line
	exec {fd}<&-
	done_with "$id"
}

@test "a loop over the values, with bash, dash and Python" {
	local id loop='n=0; while read -r v; do n=$((n + v)); done; echo $n'
	id=$(submit "{\"code\": \"echo \$1\", \"map\": $(numbers 60)}")
	equal "$(bash -c "$loop" <"$MNT/results/$id/value")" 1770
	equal "$(dash -c "$loop" <"$MNT/results/$id/value")" 1770
	equal "$(/usr/bin/python3 -c 'import sys
print(sum(int(v) for v in open(sys.argv[1])))' \
		"$MNT/results/$id/value")" 1770
	equal "$(sort -n "$MNT/results/$id/as_completed")" "$(seq 0 59)"
	equal "$(get "$id" stdout)" "$(seq 0 59)"
	equal "$(get "$id" output)" "$(seq 0 59)"
}

@test "a failure in the middle is an error where its value would begin" {
	local id
	id=$(map 'echo "v$1"; echo "e$1" >&2; exit $(($1 == 2))' 0 1 2 3)
	done_with "$id" error
	/usr/bin/python3 - "$MNT/results/$id" <<'END'
import errno, os, sys
fd = os.open(sys.argv[1] + "/value", os.O_RDONLY)
assert os.read(fd, 3) == b"v0\n"
assert os.read(fd, 100) == b"v1\n"
for _ in range(2):
    try:
        os.read(fd, 100)
        assert False
    except OSError as e:
        assert e.errno == errno.EREMOTEIO
assert os.fstat(fd).st_size == 6
assert os.pread(fd, 2, 3) == b"v1"
END
	equal "$(get "$id" 3/value)" v3
	fails_with EREMOTEIO get "$id" 2/value
	equal "$(get "$id" successful)" 0
	[ ! -e "$MNT/results/$id/ok" ]
	equal "$(get "$id" stdout)" $'v0\nv1\nv2\nv3'
	equal "$(get "$id" stderr)" $'e0\ne1\ne2\ne3'
	equal "$(get "$id" output)" $'v0\ne0\nv1\ne1\nv2\ne2\nv3\ne3'
	equal "$(get "$id" exit_status)" $'0\n0\n1\n0'
	equal "$(get "$id" 2/exit_status)" 1
	equal "$(get "$id" error | head -n 2)" \
		$'CompositeError: 1 of 4 tasks failed\n2: ExitStatus: exit status 1'
	like "$(get "$id" 2/error)" $'ExitStatus: exit status 1\n.*e2'
	equal "$(get "$id" 1/error)" ""
}

@test "many failures: how many, and the first four" {
	local id
	id=$(map 'exit $1' 0 1 2 3 4 5 6)
	done_with "$id" error
	equal "$(get "$id" error)" "CompositeError: 6 of 7 tasks failed
1: ExitStatus: exit status 1
2: ExitStatus: exit status 2
3: ExitStatus: exit status 3
4: ExitStatus: exit status 4
... 2 more"
	equal "$(get "$id" attempts)" 7
	like "$(get "$id" 3/attempts)" '1 [0-2] .* ExitStatus [0-9.]+ [0-9.]+'
}

@test "a limit of time and an abort have errors of their own" {
	local id gate
	id=$(submit '{"code": "[ $1 = 0 ] || exec sleep 1000", "map": ["0", "1"], "time_limit": 0.2}')
	fails_with ETIMEDOUT get "$id" value
	fails_with ETIMEDOUT get "$id" 1/value
	gate=$(gate held)
	id=$(map "[ \$1 = 0 ] || cat $gate; echo \$1" 0 1 2 3 4 5 6 7 8 9)
	equal "$(get "$id" 0/value)" 0
	echo abort >"$MNT/results/$id/ctl"
	done_with "$id" aborted
	fails_with ECANCELED get "$id" value
	equal "$(get "$id" stdout)" 0
	equal "$(get "$id" 9/status)" aborted
	equal "$(get "$id" 9/error)" "TaskAborted: it was aborted"
	like "$(get "$id" error)" 'TaskAborted: 9 of 10 tasks were aborted'
	equal "$(sort -n "$MNT/results/$id/as_completed")" "$(seq 0 9)"
}

@test "one task of many is aborted, signalled, tried again" {
	local id
	id=$(map 'trap "echo caught; exit 3" USR1
		[ $1 = 0 ] && exit 0
		sleep 1000 & echo ready; wait' 0 1 2)
	equal "$(get "$id" 0/wait)" ok
	equal "$(head -n 1 "$MNT/results/$id/1/output")" ready
	equal "$(head -n 1 "$MNT/results/$id/2/output")" ready
	fails_with ESRCH bash -c "echo abort >$MNT/results/$id/0/ctl"
	fails_with EINVAL bash -c "echo priority 3 >$MNT/results/$id/1/ctl"
	echo signal USR1 >"$MNT/results/$id/1/ctl"
	equal "$(get "$id" 1/wait)" error
	equal "$(get "$id" status)" running
	echo abort >"$MNT/results/$id/2/ctl"
	equal "$(get "$id" 2/wait)" aborted
	done_with "$id" error
	equal "$(get "$id" exit_status | sed -n 2p)" 3
}

@test "retry makes a new result of the failed tasks" {
	local id new
	id=$(map "[ -e $HOME_DIR/mended ] || [ \$1 = b ] || exit 1; echo \$1" a b c)
	done_with "$id" error
	touch "$HOME_DIR/mended"
	echo retry >"$MNT/results/$id/ctl"
	new=$(readlink "$MNT/results/latest")
	[ "$new" != "$id" ]
	equal "$(get "$new" value)" $'a\nc'
	equal "$(get "$new" map)" $'a\nc'
	equal "$(get "$new" progress)" 2/2
	equal "$(get "$id" progress)" 3/3
}

@test "a map whose dependency came out otherwise is skipped, each of its tasks" {
	local first id
	first=$(submit :)
	done_with "$first"
	id=$(submit '{"code": ":", "map": ["a", "b"], "after": ["'"$first"':error"]}')
	done_with "$id" aborted
	equal "$(get "$id" 1/status)" aborted
	equal "$(get "$id" 1/error)" "Skipped: after $first: it ended with status ok"
}

@test "halt: nothing begins behind the last failure" {
	local id n
	for n in 1 2 3; do
		id=$(submit '{"code": "exit 1", "map": ["1","2","3","4","5","6"], "targets": [0], "halt": '$n'}')
		done_with "$id" error
		equal "$(get "$id" exit_status | grep -c 1)" "$n"
		like "$(get "$id" error | head -n 1)" ".*: $n of 6 tasks failed"
	done
}

@test "halt, max_running and chunk" {
	local id
	id=$(submit '{"code": "exit 1", "map": ["1","2","3","4","5","6","7","8"], "halt": 2, "max_running": 1}')
	done_with "$id" error
	equal "$(get "$id" halt) $(get "$id" max_running)" "2 1"
	equal "$(tr '\n' , <"$MNT/results/$id/exit_status")" 1,1,,,,,,,
	equal "$(get "$id" 2/status)" aborted
	equal "$(get "$id" 2/error)" 'Halted: 2 tasks failed, and halt is 2'
	like "$(tr '\n' , <"$MNT/results/$id/engine")" '[0-9],[0-9],,,,,,,'
	equal "$(stat -c %s "$MNT/results/$id/engine")" 10
	like "$(get "$id" error | head -n 1)" '.*2 of 8 tasks failed'
	id=$(submit '{"code": "echo $*", "map": ["1","2","3","4","5"], "chunk": 2}')
	equal "$(get "$id" value)" $'1 2\n3 4\n5'
	equal "$(get "$id" chunk)" 2
	equal "$(get "$id" progress)" 3/3
}

@test "a map that is wrong is refused with a reason" {
	local text
	for text in '{"code": ":", "map": []}' '{"code": ":", "map": "a"}' \
		'{"code": ":", "map": ["a", 1e400]}' '{"code": ":", "chunk": 2}' \
		'{"code": ":", "map": ["a\u0000"]}' \
		'{"code": ":", "halt": 1}' '{"code": ":", "max_running": 1}' \
		'{"code": ":", "map": ["a"], "chunk": 0}'; do
		run bash -c "printf '%s' '$text' >$MNT/tasks/new"
		[ "$status" -ne 0 ]
		like "$(bash -c "printf '%s' '$text' >$MNT/tasks/new 2>/dev/null
			cat $MNT/tasks/error")" '.*"(map|chunk|halt|max_running)".*'
	done
}

@test "empty and binary values" {
	local id
	id=$(map 'case $1 in 1) head -c 70000 /dev/zero ;; 2) printf "\377\n" ;; 4) printf x ;; esac' 0 1 2 3 4)
	done_with "$id"
	equal "$(stat -c %s "$MNT/results/$id/value")" 70003
	{ head -c 70000 /dev/zero; printf '\377\nx'; } |
		cmp - "$MNT/results/$id/value"
	equal "$(stat -c %s "$MNT/results/$id/3/value")" 0
	equal "$(tail -c 1 "$MNT/results/$id/value")" x
	equal "$(tail -c +70001 "$MNT/results/$id/value" | od -An -tx1)" " ff 0a 78"
}

# bats test_tags=check
@test "values of all sizes are one behind the other, also by pieces" {
	local id n=40
	id=$(submit "{\"code\": \"seq \$((\$1 * \$1 * 7))\", \"map\": $(numbers $n)}")
	done_with "$id"
	for ((i = 0; i < n; i++)); do seq $((i * i * 7)); done \
		>"$HOME_DIR/want"
	cmp "$HOME_DIR/want" "$MNT/results/$id/value"
	cmp "$HOME_DIR/want" "$MNT/results/$id/stdout"
	cmp "$HOME_DIR/want" "$MNT/results/$id/output"
	cmp <(tail -c 100000 "$HOME_DIR/want") \
		<(tail -c 100000 "$MNT/results/$id/value")
	cmp <(dd if="$HOME_DIR/want" bs=1000 skip=33 count=5 2>/dev/null) \
		<(dd if="$MNT/results/$id/output" bs=1000 skip=33 count=5 2>/dev/null)
}

@test "stdout grows with the first that has not ended; output with each that has" {
	local id i fd line
	for i in 0 1; do gate "grow$i" >/dev/null; done
	id=$(map "echo first\$1; cat $HOME_DIR/grow\$1; echo last\$1" 0 1)
	exec {fd}<"$MNT/results/$id/output"
	equal "$(head -n 1 "$MNT/results/$id/0/output")" first0
	wait_for test "$(get "$id" stdout)" = first0
	open_gate grow1
	read -r -u "$fd" line && equal "$line" first1
	read -r -u "$fd" line && equal "$line" last1
	equal "$(get "$id" stdout)" first0
	open_gate grow0
	read -r -u "$fd" line && equal "$line" first0
	read -r -u "$fd" line && equal "$line" last0
	run -1 read -r -u "$fd" line
	exec {fd}<&-
	equal "$(get "$id" stdout)" $'first0\nlast0\nfirst1\nlast1'
	equal "$(get "$id" output)" $'first0\nlast0\nfirst1\nlast1'
	equal "$(get "$id" as_completed)" $'1\n0'
}

@test "as_completed gives each number when its task ends; 0 of a single task" {
	local id i fd line
	for i in 0 1; do gate "done$i" >/dev/null; done
	id=$(map "cat $HOME_DIR/done\$1" 0 1)
	exec {fd}<"$MNT/results/$id/as_completed"
	open_gate done1
	read -r -u "$fd" line && equal "$line" 1
	open_gate done0
	read -r -u "$fd" line && equal "$line" 0
	run -1 read -r -u "$fd" line
	exec {fd}<&-
	id=$(submit 'echo one')
	equal "$(get "$id" as_completed)" 0
	equal "$(get "$id" "by_engine/$(get "$id" engine)/value")" one
}

@test "tasks by engine, in the order of the numbers, and the ids of messages" {
	local id e n
	id=$(map 'echo $TASKFS_ENGINE' 0 1 2 3 4 5 6 7 8)
	done_with "$id"
	equal "$(get "$id" engine)" "$(get "$id" value)"
	n=0
	for e in "$MNT/results/$id/by_engine"/*; do
		equal "$(cat "$e"/*/value | sort -u)" "${e##*/}"
		n=$((n + $(ls "$e" | wc -l)))
	done
	equal "$n" 9
	equal "$(wc -l <"$MNT/results/$id/msg_ids")" 9
	equal "$(sed -n 4p "$MNT/results/$id/msg_ids")" "$(get "$id" 3/msg_ids)"
	like "$(get "$id" 3/msg_ids)" ".*_${id}_3_1"
	equal "$(stat -c %s "$MNT/results/$id/msg_ids")" \
		"$(wc -c <"$MNT/results/$id/msg_ids")"
	/usr/bin/python3 - "$MNT/results/$id" <<-'END'
		import json, sys
		m = json.load(open(sys.argv[1] + "/metadata"))
		assert len(m["engine_id"]) == 9 and m["listed"] == 9, m
		assert m["kind"] == "map" and set(m["status"]) == {"ok"}, m
		assert m["usage"]["memory"] > 0, m
		m = json.load(open(sys.argv[1] + "/3/metadata"))
		assert m["msg_id"] == open(sys.argv[1] + "/3/msg_ids").read().strip(), m
		assert m["task"] == 3 and m["status"] == "ok", m
		assert m["usage"]["memory"] > 0, m
	END
}

# walks DIR: whoever follows links gets to an end, and finds the same each time.
walks() {
	local name=${1##*/}
	rm -rf "$HOME_DIR/copies"
	mkdir "$HOME_DIR/copies"
	cp -rL "$1" "$HOME_DIR/copies/cp"
	tar -chf - -C "${1%/*}" "$name" | tar -xf - -C "$HOME_DIR/copies"
	/usr/bin/python3 -c 'import shutil, sys
shutil.copytree(sys.argv[1], sys.argv[2])' "$1" "$HOME_DIR/copies/py"
	find -L "$1" -name stdout -printf '%P\n' | sort >"$HOME_DIR/found"
	(cd "$HOME_DIR/copies/cp" && find . -name stdout -printf '%P\n') | sort |
		cmp - "$HOME_DIR/found"
	diff -r "$HOME_DIR/copies/cp" "$HOME_DIR/copies/py"
	diff -r "$HOME_DIR/copies/cp" "$HOME_DIR/copies/$name"
}

@test "a walk that follows links ends: one task, a map, a view" {
	local id e
	id=$(submit 'echo one')
	done_with "$id"
	walks "$MNT/results/$id"
	e=$(get "$id" engine)
	equal "$(cat "$HOME_DIR/found")" "by_engine/$e/stdout"$'\nstdout'
	equal "$(ls "$MNT/results/$id/by_engine")" "$e"
	[ ! -e "$MNT/results/$id/by_engine/$e/by_engine" ]
	[ ! -e "$MNT/results/$id/by_engine/$((e + 1))" ]
	id=$(map 'echo "$1"' a b)
	done_with "$id"
	walks "$MNT/results/$id"
	equal "$(wc -l <"$HOME_DIR/found")" 5
	echo 'echo "$TASKFS_ENGINE"' >"$MNT/engines/all/new"
	read -r id <"$MNT/tasks/last"
	done_with "$id"
	walks "$MNT/results/$id"
	equal "$(wc -l <"$HOME_DIR/found")" 7
	id=$(submit 'exit 1')
	done_with "$id" error
	find -L "$MNT/results/$id" >/dev/null
	fails_with EREMOTEIO get "$id" "by_engine/$(get "$id" engine)/value"
	rm -r "${MNT:?}/results/$id"
}

@test "by_engine of one task: its files, while it runs and at its end" {
	local id gate e
	gate=$(gate only)
	id=$(submit "cat $gate; echo end")
	wait_for is_begun "$id"
	e=$(get "$id" engine)
	equal "$(get "$id" "by_engine/$e/status")" running
	equal "$(stat -c %i "$MNT/results/$id/by_engine/$e/status")" \
		"$(stat -c %i "$MNT/results/$id/status")"
	open_gate only
	equal "$(get "$id" "by_engine/$e/value")" end
}
is_begun() {
	[ -n "$(get "$1" engine)" ]
}

@test "a view: a task for each engine, by its engine" {
	local id e
	echo 'echo $TASKFS_ENGINE; exit $((TASKFS_ENGINE == 1))' \
		>"$MNT/engines/2,0-1/new"
	read -r id <"$MNT/tasks/last"
	done_with "$id" error
	equal "$(get "$id" stdout)" $'2\n0\n1'
	equal "$(get "$id" engine)" $'2\n0\n1'
	for e in 0 1 2; do
		equal "$(get "$id" "by_engine/$e/stdout")" "$e"
	done
	equal "$(readlink "$MNT/results/$id/by_engine/1")" ../2
	fails_with EREMOTEIO get "$id" by_engine/1/value
	[ ! -e "$MNT/results/$id/map" ]
	fails_with ENOENT get "$id" by_engine/3/value
}

@test "an image of what ran when has every task" {
	local id
	id=$(map : 0 1 2 3)
	done_with "$id"
	[ "$(grep -o '<title>' "$MNT/results/$id/timeline.svg" | wc -l)" -ge 4 ]
	grep -q '</svg>' "$MNT/results/$id/2/timeline.svg"
}

@test "sizes are exact, everything can be read, nothing of it changes" {
	local id
	id=$(map 'echo $1; echo e >&2; exit $(($1 == 1))' 0 1 2)
	done_with "$id" error
	sizes_are_exact "$MNT/results/$id"
	tar -C "$MNT/results" --exclude value -cf - "$id" >"$HOME_DIR/a.tar"
	tar -C "$MNT/results" --exclude value -cf - "$id" |
		cmp - "$HOME_DIR/a.tar"
	rm -r "$MNT/results/$id"
	[ ! -e "$MNT/results/$id" ]
}

@test "a mount that is started again and a second one show the same" {
	local id gate
	gate=$(gate again)
	id=$(map "[ \$1 = 3 ] && cat $gate; echo v\$1; exit \$((\$1 == 1))" 0 1 2 3 4 5)
	# All that can end have ended; the engines take them in any order.
	equal "$(cd "$MNT/results/$id" && cat {0,1,2,4,5}/wait | tr '\n' ' ')" \
		'ok error ok ok ok '
	second_up
	equal "$(cat "$HOME_DIR/second/results/$id/2/value")" v2
	like "$(cat "$HOME_DIR/second/results/$id/1/error")" 'ExitStatus: exit status 1'
	equal "$(cat "$HOME_DIR/second/results/$id/status")" running
	equal "$(cat "$HOME_DIR/second/results/$id/stdout")" $'v0\nv1\nv2'
	open_gate again
	equal "$(cat "$HOME_DIR/second/results/$id/wait")" error
	diff -r --exclude=value --exclude=ctl "$MNT/results/$id" \
		"$HOME_DIR/second/results/$id"
	second_down
	second_up
	diff -r --exclude=value --exclude=ctl "$MNT/results/$id" \
		"$HOME_DIR/second/results/$id"
}

@test "a map goes on when the controller is started again" {
	local id gate before
	gate=$(gate restart)
	id=$(map "[ \$1 = 1 ] && cat $gate; echo v\$1; exit \$((\$1 == 0))" 0 1 2 3 4 5)
	equal "$(cd "$MNT/results/$id" && cat {0,2,3,4,5}/wait | tr '\n' ' ')" \
		'error ok ok ok ok '
	before=$(get "$id" 0/error)
	expect_log 'controller'
	expect_log 'engine'
	kill_9 taskfs-controller
	wait_for controller_is_not connected
	# What is known stays readable.
	equal "$(get "$id" 5/status)" ok
	start >/dev/null
	wait_for controller_is connected
	open_gate restart
	done_with "$id" error
	equal "$(get "$id" 0/error)" "$before"
	equal "$(get "$id" 1/value)" v1
	equal "$(get "$id" stdout)" $'v0\nv1\nv2\nv3\nv4\nv5'
	equal "$(sort "$MNT/results/$id/as_completed")" "$(seq 0 5)"
}

# bats test_tags=check
@test "one task of many is held, over a restart of the controller too, and released" {
	local id gate
	gate=$(gate held)
	id=$(map "[ \$1 = a ] && cat $gate; echo \$1" a b c d e)
	submit '{"code": "true", "label": "none", "map": ["a", "b"],
		"after": ["'"$id"'"]}' >/dev/null
	echo hold >"$MNT/results/none/1/ctl"
	equal "$(get none 1/why)" hold
	fails_with EINVAL bash -c "echo priority 3 >$MNT/results/none/1/ctl"
	open_gate held
	done_with "$id"
	equal "$(get none 0/wait)" ok
	equal "$(get none progress)" 1/2
	expect_log 'controller'
	expect_log 'engine'
	kill_9 taskfs-controller
	wait_for controller_is_not connected
	start >/dev/null
	wait_for controller_is connected
	done_with "$(submit 'true')"
	equal "$(get none 1/status)" pending
	equal "$(get none 1/why)" hold
	echo release >"$MNT/results/none/1/ctl"
	done_with "$(basename "$(readlink "$MNT/results/none")")"
	fails_with ESRCH bash -c "echo hold >$MNT/results/none/1/ctl"
}

# bats test_tags=check
@test "a task whose texts must be asked for: without a controller that fails" {
	local id
	id=$(map 'exit 1' 0 1)
	done_with "$id" error
	second_up
	equal "$(cat "$HOME_DIR/second/results/$id/0/exit_status")" 1
	expect_log 'controller'
	expect_log 'engine'
	kill_9 taskfs-controller
	wait_for eval '! grep -q connected "$HOME_DIR/second/controller/state"'
	fails_with EHOSTDOWN cat "$HOME_DIR/second/results/$id/1/error"
	equal "$(cat "$HOME_DIR/second/results/$id/1/exit_status")" 1
	start >/dev/null
	wait_for grep -q connected "$HOME_DIR/second/controller/state"
	wait_for controller_is connected
	like "$(cat "$HOME_DIR/second/results/$id/1/error")" 'ExitStatus: exit status 1'
}

@test "poll and O_NONBLOCK on the value of a map" {
	local id
	gate poll >/dev/null
	id=$(map "[ \$1 = 0 ] || cat $HOME_DIR/poll; echo \$1" 0 1)
	equal "$(get "$id" 0/value)" 0
	/usr/bin/python3 - "$MNT/results/$id/value" "$HOME_DIR/poll" <<'END'
import os, select, sys
fd = os.open(sys.argv[1], os.O_RDONLY | os.O_NONBLOCK)
p = select.poll()
p.register(fd, select.POLLIN)
assert p.poll()
assert os.read(fd, 100) == b"0\n"
assert not p.poll(0)
try:
    os.read(fd, 100)
    assert False
except BlockingIOError:
    pass
open(sys.argv[2], "w").close()
assert p.poll()
assert os.read(fd, 100) == b"1\n"
END
	done_with "$id"
}

@test "events say what becomes of the map, not of each of its tasks" {
	local id fd line n=0
	exec {fd}<"$MNT/events"
	id=$(map : 0 1 2 3 4 5 6 7 8 9)
	until [[ $line == *" result $id ok" ]]; do
		read -r -u "$fd" line
		[[ $line != *" result $id/"* ]]
		[[ $line != *" result $id "* ]] || n=$((n + 1))
	done
	exec {fd}<&-
	[ "$n" -le 3 ]
}

# bats test_tags=check
@test "a hundred thousand items: submitted, listed, aborted, purged" {
	local id
	printf '{"code": ":", "label": "many", "max_running": 1, "map": %s}\n' \
		"$(numbers 100000)" >"$HOME_DIR/many.json"
	cat "$HOME_DIR/many.json" >"$MNT/tasks/new"
	read -r id <"$MNT/tasks/last"
	like "$(get "$id" progress)" '[0-9]+/100000'
	equal "$(ls -f "$MNT/results/$id" | grep -c '^[0-9]')" 100000
	# Those of 8192 tasks are asked for at once.
	equal "$(cd "$MNT/results/$id" && cat {0,8191,8192,99999}/items)" \
		$'0\n8191\n8192\n99999'
	echo abort >"$MNT/results/$id/ctl"
	done_with "$id" aborted
	equal "$(get "$id" 99999/status)" aborted
	equal "$(get "$id" as_completed | sort -nu | wc -l)" 100000
	second_up
	equal "$(cat "$HOME_DIR/second/results/$id/as_completed" | sort -nu | wc -l)" 100000
	equal "$(cat "$HOME_DIR/second/results/$id/exit_status" | wc -l)" 100000
	equal "$(cd "$HOME_DIR/second/results/$id" && cat {8191,0,99999,8192}/items)" \
		$'8191\n0\n99999\n8192'
	rmdir "$MNT/results/$id"
	[ ! -e "$MNT/results/$id" ]
}
