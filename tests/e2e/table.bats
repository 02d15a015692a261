# The tables: a line for each task of a result, and one for each result.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 2; }
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() {
	second_down
	test_end
}

time_form='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{6}Z'
HEAD=$'task\tstatus\texit\tengine\tstart\tend\tseconds\tuser\tsystem\tmemory\ttries\titem'

# column N TABLE: that field of each line but the head.
column() {
	tail -n +2 "$2" | cut -f "$1"
}

# is_exact FILE: it is as long as it says, by whatever it is read.
is_exact() {
	local size
	size=$(stat -c %s "$1")
	cat "$1" >"$HOME_DIR/whole"
	equal "$(stat -c %s "$HOME_DIR/whole")" "$size"
	dd if="$1" of="$HOME_DIR/bytes" bs=977 status=none
	cmp "$HOME_DIR/whole" "$HOME_DIR/bytes"
	tail -n 3 "$1" | cmp - <(tail -n 3 "$HOME_DIR/whole")
	tar -cf - -C "${1%/*}" "${1##*/}" | tar -xOf - | cmp - "$HOME_DIR/whole"
}

@test "one task: a head, and what its files say" {
	local id table
	id=$(submit 'exit 3')
	done_with "$id" error
	table=$MNT/results/$id/table
	equal "$(head -n 1 "$table")" "$HEAD"
	equal "$(wc -l <"$table")" 2
	equal "$(column 1-7,11- "$table")" "0	error	3	$(get "$id" engine)	$(get "$id" \
		started)	$(get "$id" completed)	$(get "$id" serial_time)	1	"
	like "$(column 8 "$table")" '[0-9]+\.[0-9]{3}'
	like "$(column 9 "$table")" '[0-9]+\.[0-9]{3}'
	equal "$(column 10 "$table")" "$(sed -n 's/memory //p' "$MNT/results/$id/usage")"
	is_exact "$table"
}

@test "a map: in the order of its tasks, whole lines for odd items, and printf reads them" {
	local id table field i
	local -a items=($'tab\there' $'two\nlines' '' 'back\slash' $'\r\x01\x7f' 'ü' '\t')
	id=$(submit "$(/usr/bin/python3 -c 'import json, sys
print(json.dumps({"code": "[ \"$TASKFS_INDEX\" != 1 ]", "map": sys.argv[1:]}))' \
		"${items[@]}")")
	done_with "$id" error
	table=$MNT/results/$id/table
	equal "$(column 1 "$table" | tr '\n' ' ')" '0 1 2 3 4 5 6 '
	equal "$(column 2 "$table" | tr '\n' ' ')" 'ok error ok ok ok ok ok '
	equal "$(column 3 "$table" | tr '\n' ' ')" '0 1 0 0 0 0 0 '
	equal "$(column 4 "$table")" "$(get "$id" engine)"
	i=0
	while IFS= read -r field; do
		equal "$(printf '%b.' "$field")" "${items[i]}."
		equal "$(dash -c 'printf "%b." "$1"' dash "$field")" "${items[i]}."
		i=$((i + 1))
	done < <(column 12- "$table")
	equal "$i" 7
	is_exact "$table"
}

@test "a chunk: its items in one field" {
	local id
	id=$(submit '{"code": ":", "map": ["a b", "c", "d\\e"], "chunk": 2}')
	done_with "$id"
	equal "$(column 12 "$MNT/results/$id/table")" $'a b\\nc\nd\\\\e'
	is_exact "$MNT/results/$id/table"
}

@test "it waits for nothing: what has not ended has its state, and - for the rest" {
	local id gate
	gate=$(gate table)
	id=$(submit '{"code": "[ \"$1\" = a ] || cat '"$gate"'", "map": ["a", "b", "c"],
		"max_running": 1}')
	equal "$(get "$id" 0/wait)" ok
	wait_for is_running "$id" 1
	equal "$(column 2 "$MNT/results/$id/table" | tr '\n' ' ')" 'ok running pending '
	like "$(column 3- "$MNT/results/$id/table" | sed -n 2p)" \
		$'-\t[01]\t'"$time_form"$'\t-\t-\t-\t-\t-\t1\tb'
	equal "$(column 3- "$MNT/results/$id/table" | sed -n 3p)" \
		$'-\t-\t-\t-\t-\t-\t-\t-\t0\tc'
	is_exact "$MNT/results/$id/table"
	like "$(grep "^$id	" "$MNT/results/table")" \
		"$id"$'\trunning\t-\t-\t'"$time_form"$'\t-\t-\t.*\t-\t3\t1\t0\t-'
	is_exact "$MNT/results/table"
	echo abort >"$MNT/results/$id/ctl"
	done_with "$id" aborted
	equal "$(column 2 "$MNT/results/$id/table" | tr '\n' ' ')" 'ok aborted aborted '
	is_exact "$MNT/results/$id/table"
}
is_running() {
	[ "$(get "$1" "$2/status")" = running ]
}

@test "who reads it while tasks end gets each task once, in whole lines" {
	local id gate n fd
	gate=$(gate slowly)
	id=$(submit '{"code": "cat '"$gate"'", "max_running": 1, "map": '"$(numbers 40)"'}')
	exec {fd}<"$MNT/results/$id/table"
	for ((n = 0; n < 40; n++)); do
		IFS= read -r -u "$fd" line
		printf '%s\n' "$line" >>"$HOME_DIR/read"
		[ "$n" -ne 3 ] || leave_gate_open slowly
		[ "$n" -ne 20 ] || done_with "$id"
	done
	cat <&"$fd" >>"$HOME_DIR/read"
	exec {fd}<&-
	equal "$(column 1 "$HOME_DIR/read")" "$(seq 0 39)"
	equal "$(column 12 "$HOME_DIR/read")" "$(seq 0 39)"
	equal "$(cut -f3- "$HOME_DIR/read" | awk -F'\t' '{print NF}' | sort -u)" 10
}

@test "tries, and the engines of a view" {
	local id
	id=$(submit '{"code": "exit 1", "retries": 2}')
	done_with "$id" error
	equal "$(column 11 "$MNT/results/$id/table")" 3
	exec {fd}<>"$MNT/engines/all/new"
	echo 'true' >&"$fd"
	read -r id <&"$fd"
	exec {fd}>&-
	done_with "$id"
	equal "$(column 4,12 "$MNT/results/$id/table")" $'0\t\n1\t'
	is_exact "$MNT/results/$id/table"
	[ ! -e "$MNT/results/$id/0/table" ]
}

# Three blocks of the mirror; the items with escapes are in the second.
big() {
	/usr/bin/python3 -c 'import json
print(json.dumps({"code": "true", "map":
    [str(i) if i % 9001 else "\t%d\n" % i for i in range(20000)]}))'
}

@test "many: by whole and by pieces, from the middle, in another mount, after a restart" {
	local id table
	id=$(submit "$(big)")
	echo abort >"$MNT/results/$id/ctl"
	equal "$(get "$id" wait)" aborted
	table=$MNT/results/$id/table
	equal "$(column 1 "$table" | cksum)" "$(seq 0 19999 | cksum)"
	equal "$(column 12 "$table" | sed -n '9002p;18003p')" $'\\t9001\\n\n\\t18002\\n'
	is_exact "$table"
	cp "$HOME_DIR/whole" "$HOME_DIR/first"
	for at in 1 999999 400000 900000 60; do
		dd if="$table" bs=1 skip="$at" count=300 status=none |
			cmp - <(dd if="$HOME_DIR/first" bs=1 skip="$at" count=300 status=none)
	done
	second_up
	cmp "$HOME_DIR/second/results/$id/table" "$HOME_DIR/first"
	expect_log 'controller'
	expect_log 'engine'
	kill_9 taskfs-controller
	wait_for controller_is_not connected
	start >/dev/null
	wait_for controller_is connected
	second_down
	second_up
	cmp "$HOME_DIR/second/results/$id/table" "$HOME_DIR/first"
	cmp "$table" "$HOME_DIR/first"
}

@test "results/table: a line for each result, by name, and gone with it" {
	local id
	echo 'exit 4' >"$MNT/tasks/told.table"
	read -r id <"$MNT/tasks/last"
	done_with "$id" error
	equal "$(head -n 1 "$MNT/results/table")" \
		"result"$'\tstatus\texit\tengine\tstart\tend\tseconds\tuser\tsystem\tmemory\ttries\ttasks\tended\tfailed\tname'
	equal "$(column 1 "$MNT/results/table")" "$(ls "$MNT/results" | grep -x '[0-9]*' | sort -n)"
	equal "$(grep "^$id	" "$MNT/results/table" | cut -f2-7,11-)" \
		"error	4	$(get "$id" engine)	$(get "$id" started)	$(get "$id" \
		completed)	$(get "$id" serial_time)	1	1	1	1	told.table"
	is_exact "$MNT/results/table"
	fails_with EINVAL bash -c 'echo : | cat >"$1"' bash "$MNT/tasks/table"
	rmdir "$MNT/results/$id"
	equal "$(grep -c "^$id	" "$MNT/results/table" || true)" 0
	is_exact "$MNT/results/table"
}
