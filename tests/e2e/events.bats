# events: a line for each change; places in it, across opens and mounts.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 2; }
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() {
	end_reader
	second_down
	test_end
}

# Who still reads keeps a mount busy.
end_reader() {
	[ -n "${reader:-}" ] || return 0
	kill "$reader" 2>/dev/null || true
	wait_for is_gone "$reader"
}

# lines_until ID FILE: an open file's lines up to the end of result ID, as
# "NUMBER WHAT ID WORD" without blanks behind.
lines_until() {
	local n what id word fd=$2
	while read -r -u "$fd" n what id word; do
		word=${word%% *}
		echo "$n $what $id${word:+ $word}"
		[ "$what $id $word" != "result $1 ok" ] || return 0
	done
	return 1
}

@test "cat begins with the next change; its lines have 64 bytes" {
	local id
	done_with "$(submit ':')"
	cat "$MNT/events" >"$HOME_DIR/read" 3>&- &
	reader=$!
	wait_for is_reading "$reader"
	id=$(submit ':')
	done_with "$id"
	wait_for grep -q "result $id ok" "$HOME_DIR/read"
	run ! grep -vE '^[0-9]+ [a-z]+ .{0,60}$' "$HOME_DIR/read"
	run ! awk 'length($0) != 63 { exit 0 } END { exit 1 }' "$HOME_DIR/read"
	[[ $(head -n 1 "$HOME_DIR/read") == *"result $id "* ||
		$(head -n 1 "$HOME_DIR/read") == *engine* ]]
}

@test "numbers have no gap; a reader resumes behind the last it saw" {
	local fd a b n first rest
	exec {fd}<"$MNT/events"
	a=$(submit ':')
	done_with "$a"
	first=$(lines_until "$a" "$fd")
	exec {fd}<&-
	# Nobody reads now.
	b=$(submit ':')
	done_with "$b"
	n=$(tail -n 1 <<<"$first")
	n=${n%% *}
	exec {fd}< <(exec dd if="$MNT/events" bs=64 skip=$((n + 1)) \
		status=none 3>&-)
	reader=$!
	rest=$(lines_until "$b" "$fd")
	exec {fd}<&-
	equal "$(printf '%s\n' "$first" "$rest" | awk 'NR > 1 && $1 != last + 1
		{ last = $1 }')" ''
	equal "$(head -n 1 <<<"$rest" | cut -d' ' -f1)" $((n + 1))
	[[ $rest == *"result $b ok"* ]]
}

@test "Python: seek to a number, and poll there" {
	local id
	id=$(submit ':')
	done_with "$id"
	wait_for all_idle # nothing more is told of that one
	/usr/bin/python3 - "$MNT" <<-'END'
		import os, select, sys
		mnt = sys.argv[1]
		with open(mnt + "/events", "rb", buffering=0) as f:
		    f.seek(-64, os.SEEK_END)
		    last = int(f.read(64).split()[0])
		with open(mnt + "/events") as f:
		    f.seek((last + 1) * 64)
		    p = select.poll()
		    p.register(f, select.POLLIN)
		    assert p.poll(0) == []
		    with open(mnt + "/tasks/new", "w") as new:
		        new.write(":")
		    assert p.poll()
		    assert int(f.readline().split()[0]) == last + 1
	END
	done_with "$(readlink "$MNT/results/latest")"
}

@test "tail: the last lines; tail -f: and those that follow" {
	local id next
	id=$(submit ':')
	done_with "$id"
	wait_for eval 'tail -n 5 "$MNT/events" | grep -q "result $id ok"'
	tail -s 0.1 -n 5 -f "$MNT/events" >"$HOME_DIR/read" 2>&1 3>&- &
	reader=$!
	wait_for grep -q "result $id ok" "$HOME_DIR/read"
	next=$(submit ':')
	done_with "$next"
	wait_for grep -q "result $next ok" "$HOME_DIR/read"
	run ! grep -v '^[0-9]* [rec]' "$HOME_DIR/read"
}

@test "a number that was not given yet" {
	fails_with EINVAL dd if="$MNT/events" bs=64 skip=99999999999999 count=1
}

@test "what was missed while it was not mounted is said" {
	local n id fd rest
	second_up
	n=$(tail -n 1 "$HOME_DIR/second/events")
	n=${n%% *}
	second_down
	second_up
	id=$(submit ':')
	exec {fd}< <(exec dd if="$HOME_DIR/second/events" bs=64 skip=$((n + 1)) \
		status=none 3>&-)
	reader=$!
	rest=$(lines_until "$id" "$fd")
	exec {fd}<&-
	like "$(head -n 1 <<<"$rest")" '[0-9]+ missed unmounted'
	[ "$(head -n 1 <<<"$rest" | cut -d' ' -f1)" -gt "$n" ]
	done_with "$id"
}

@test "tar of it does not wait" {
	tar -cf - -C "$MNT" events version | tar -t
	equal "$(stat -c %s "$MNT/events")" 0
}
