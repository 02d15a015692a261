# The tree itself: every file is there, says what it should, and behaves as a
# file does.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 2; }
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() { test_end; }

@test "the top" {
	equal "$(ls "$MNT" | sort | tr '\n' ' ')" \
		'README controller engines events metrics pools queues results status.html tasks top version '
}

@test "README says how to use it" {
	[[ $(cat "$MNT/README") == *tasks/new* ]]
	[[ $(cat "$MNT/README") == *value* ]]
	[ "$(wc -l <"$MNT/README")" -gt 10 ]
}

@test "version" {
	like "$(cat "$MNT/version")" '.*[0-9]+\.[0-9]+\.[0-9]+.*'
	[[ $("$BUILD/taskfs" --version) == *"$(grep -oE '[0-9.]+' "$MNT/version" | head -n 1)"* ]]
}

@test "controller/" {
	equal "$(cat "$MNT/controller/state")" connected
	equal "$(cat "$MNT/controller/kind")" taskfs
	like "$(cat "$MNT/controller/url")" 'tcp://127\.0\.0\.1:[0-9]+'
	like "$(cat "$MNT/controller/id")" '.+'
	like "$(cat "$MNT/controller/uptime")" '[0-9]+\.[0-9]+'
	equal "$(cat "$MNT/controller/scheme")" leastload
	local f
	for f in waiting running completed; do
		like "$(cat "$MNT/controller/$f")" '[0-9]+'
	done
}

@test "controller/completed counts" {
	local before id
	before=$(cat "$MNT/controller/completed")
	id=$(submit ':')
	done_with "$id"
	wait_for eval '[ "$(cat "$MNT/controller/completed")" -gt "$before" ]'
}

@test "engines/ID/" {
	local e f
	equal "$(ls "$MNT/engines" | grep -c '^[0-9]*$')" 2
	for e in 0 1; do
		like "$(cat "$MNT/engines/$e/state")" 'idle|busy'
		equal "$(cat "$MNT/engines/$e/why")" ''
		equal "$(cat "$MNT/engines/$e/host")" "$(hostname)"
		[ -d "/proc/$(cat "$MNT/engines/$e/pid")" ]
		like "$(cat "$MNT/engines/$e/uuid")" '[0-9a-f]{8}-[0-9a-f]{24}'
		like "$(cat "$MNT/engines/$e/language")" '.+'
		like "$(cat "$MNT/engines/$e/since")" '[0-9-]+T[0-9:.]+Z'
		like "$(cat "$MNT/engines/$e/heartbeat")" '.+'
		like "$(cat "$MNT/engines/$e/queue")" '[0-9]+'
		like "$(cat "$MNT/engines/$e/completed")" '[0-9]+'
		cat "$MNT/engines/$e/running"
	done
	[ "$(cat "$MNT/engines/0/uuid")" != "$(cat "$MNT/engines/1/uuid")" ]
}

@test "a busy engine says what it runs" {
	local id gate e
	gate=$(gate busy)
	id=$(submit "echo begun; cat $gate")
	head -n 1 "$MNT/results/$id/output"
	e=$(get "$id" engine)
	wait_for eval '[ "$(cat "$MNT/engines/$e/state")" = busy ]'
	wait_for eval '[ "$(cat "$MNT/engines/$e/running")" = "$id" ]'
	open_gate busy
	done_with "$id"
	wait_for all_idle
}

@test "every file of the tree can be read, and ends with a newline" {
	local id
	id=$(submit 'echo x; echo y >&2')
	done_with "$id"
	/usr/bin/python3 - "$MNT" <<-'END'
		import os, sys
		n = 0
		for at, _, files in os.walk(sys.argv[1]):
		    for name in set(files) - {"events"}:
		        name = os.path.join(at, name)
		        if os.path.islink(name) or os.stat(name).st_mode & 0o222:
		            continue
		        n += 1
		        text = open(name, "rb").read()
		        assert text[-1:] in (b"", b"\n"), (name, text)
		assert n > 50, n
	END
}

@test "every entry has its line in the documentation of the tree" {
	local id f name tree
	id=$(submit ':')
	done_with "$id"
	tree=$("$BUILD/taskfs" --print-tree=md)
	for f in "$MNT"/* "$MNT"/controller/* "$MNT"/engines/0/* \
		"$MNT/tasks"/* "$MNT/results/$id"/*; do
		name=${f##*/}
		[[ $name =~ ^[0-9]+$ ]] && continue
		[[ $tree == *"$name"* ]] || {
			echo "$name is not in the documentation"
			false
		}
	done
}

@test "what is not there: ENOENT" {
	fails_with ENOENT cat "$MNT/results/999999999/value"
	fails_with ENOENT cat "$MNT/results/999999999999999999999/value"
	fails_with ENOENT cat "$MNT/results/01/value"
	fails_with ENOENT cat "$MNT/results/-1/value"
	fails_with ENOENT cat "$MNT/engines/77/state"
	fails_with ENOENT cat "$MNT/nonsense"
	fails_with ENOENT cat "$MNT/controller/nonsense"
}

@test "what may not be written, made, removed or renamed" {
	local id
	id=$(submit ':')
	done_with "$id"
	run ! dash -c 'echo x > "$1"' dash "$MNT/results/$id/status"
	run ! dash -c 'echo x > "$1"' dash "$MNT/version"
	run ! touch "$MNT/file"
	run ! mkdir "$MNT/results/dir"
	run ! rm "$MNT/version"
	run ! rmdir "$MNT/results"
	run ! mv "$MNT/version" "$MNT/v"
	run ! ln -s x "$MNT/link"
	run ! ln "$MNT/version" "$MNT/hard"
	run ! chmod 777 "$MNT/version"
	run ! chown 1 "$MNT/version"
	run ! mknod "$MNT/fifo" p
	equal "$(get "$id" status)" ok
}

@test "ls -l, df, stat and du behave" {
	local id
	id=$(submit 'echo x')
	done_with "$id"
	ls -lR "$MNT" >/dev/null
	df "$MNT" >/dev/null
	stat -f "$MNT" >/dev/null
	du -s "$MNT/results/$id" >/dev/null
	equal "$(stat -c %U "$MNT/results/$id")" "$(id -un)"
	grep -q " $MNT fuse.taskfs " /proc/self/mounts
}

# bats test_tags=check
@test "a listing of many results is complete" {
	local i
	yes '{"code":"true"}' | head -n 300 >"$HOME_DIR/lines"
	cp "$HOME_DIR/lines" "$MNT/tasks/new"
	local last
	last=$(readlink "$MNT/results/latest")
	equal "$(ls "$MNT/results" | grep -c '^[0-9]*$')" \
		"$(ls "$MNT/results" | grep '^[0-9]*$' | sort -u | wc -l)"
	for ((i = last - 299; i <= last; i++)); do
		[ -d "$MNT/results/$i" ]
	done
	equal "$(cd "$MNT/results" && cat $(seq -f %.0f/wait $((last - 299)) "$last") |
		sort | uniq -c | tr -s ' ')" ' 300 ok'
}

@test "touching and seeking where programs do" {
	local id
	id=$(submit 'seq 1 100')
	done_with "$id"
	equal "$(tail -n 1 "$MNT/results/$id/value")" 100
	equal "$(head -c 5 "$MNT/results/$id/value")" $'1\n2\n3'
	[ -s "$MNT/results/$id/value" ]
	equal "$(wc -l <"$MNT/results/$id/value")" 100
	equal "$(sort -n "$MNT/results/$id/value" | tail -n 1)" 100
	equal "$(grep -c 9 "$MNT/results/$id/value")" 19
	diff "$MNT/results/$id/value" <(seq 1 100)
}

@test "the first lines of README, typed beside the mount" {
	local first
	cd "$HOME_DIR"
	equal "$(basename "$MNT")" mnt
	run -1 grep -E '[ (](tasks|results|engines)/' <(sed '/^Files:/q' mnt/README)
	first=$(sed -n '/^    /p;/stderr$/q' mnt/README)
	equal "$(wc -l <<<"$first")" 5
	run -0 bash -c "${first/sleep 1/:}" bash
	[[ $output == *"$(hostname)"* && ${lines[-1]} == oops ]]
	like "$(get latest submit_dir)" "$HOME_DIR"
}
