# bats file_tags=check
# inotify: what changes in the cluster, whoever did it, wakes who watches files.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 2; }
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() {
	local pid
	for pid in "${watchers[@]}"; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	second_down
	test_end
}

watchers=()

# watch NAME ARG...: inotifywait -m in the background, its events in the file
# $HOME_DIR/NAME.events as "EVENTS PATH"; returns when it watches.
watch() {
	local log=$HOME_DIR/$1.events
	shift
	rm -f "$log"
	inotifywait -m --format '%e %w%f' -o "$log" "$@" 2>"$log.err" 3>&- &
	watchers+=($!)
	wait_for grep -q 'Watches established' "$log.err"
}

# sees NAME PATTERN: such a line comes.
sees() {
	wait_for grep -qE "^$2\$" "$HOME_DIR/$1.events" || {
		echo "no line '$2' in:"
		cat "$HOME_DIR/$1.events"
		return 1
	}
}

# count NAME PATTERN
count() {
	grep -cE "^$2\$" "$HOME_DIR/$1.events" || true
}

# since ID NAME EVENTS DIR: so many such lines of entries of a directory whose
# number is ID or above. A new watch may be told of what was just before it.
since() {
	awk -v id="$1" -v events="$3" -v dir="$4/" '
		$1 == events && index($2, dir) == 1 &&
			substr($2, length(dir) + 1) + 0 >= id { n++ }
		END { print n + 0 }' "$HOME_DIR/$2.events"
}

@test "results: CREATE for a new one, DELETE for one that is purged" {
	local id
	watch all "$MNT/results"
	id=$(submit ':')
	sees all "CREATE,ISDIR $MNT/results/$id"
	done_with "$id"
	rmdir "$MNT/results/$id"
	sees all "DELETE,ISDIR $MNT/results/$id"
	# The next one comes after all that is to be told of that.
	id=$(submit ':')
	sees all "CREATE,ISDIR $MNT/results/$id"
	done_with "$id"
	equal "$(count all 'DELETE.*')" 1
}

@test "results: what comes and goes in another mount" {
	local id
	second_up
	watch all "$HOME_DIR/second/results"
	id=$(submit ':')
	sees all "CREATE,ISDIR $HOME_DIR/second/results/$id"
	done_with "$id"
	wait_for test -e "$HOME_DIR/second/results/$id/ok"
	watch self "$HOME_DIR/second/results/$id"
	rmdir "$MNT/results/$id"
	sees all "DELETE,ISDIR $HOME_DIR/second/results/$id"
	sees self "DELETE_SELF $HOME_DIR/second/results/$id/"
	fails_with ENOENT ls "$HOME_DIR/second/results/$id"
}

@test "results: CREATE also when somebody looked at it before" {
	local i id
	watch all "$MNT/results"
	for ((i = 0; i < 20; i++)); do
		id=$(submit ':')
		cat "$MNT/results/$id/wait" >/dev/null
		sees all "CREATE,ISDIR $MNT/results/$id"
		equal "$(get "$id" status)" ok
	done
	equal "$(since $((id - 19)) all CREATE,ISDIR "$MNT/results")" 20
}

@test "a result: MODIFY of what changes, CLOSE_WRITE of what is final" {
	local gate id
	gate=$(gate one)
	id=$(submit "echo a; echo b >&2; echo c >&4; cat $gate; echo d")
	watch one "$MNT/results/$id"
	open_gate one
	sees one "CLOSE_WRITE,CLOSE $MNT/results/$id/status"
	for file in stdout output progress status value; do
		sees one "MODIFY $MNT/results/$id/$file"
		sees one "CLOSE_WRITE,CLOSE $MNT/results/$id/$file"
	done
	sees one "CREATE $MNT/results/$id/ok"
	# It is final when that is told.
	equal "$(get "$id" status)" ok
	rmdir "$MNT/results/$id"
	sees one "DELETE_SELF $MNT/results/$id/"
}

@test "a single file: status, stdout, and one that few watch" {
	local gate id
	gate=$(gate single)
	id=$(submit "cat $gate; echo out")
	watch files "$MNT/results/$id/status" "$MNT/results/$id/stdout" \
		"$MNT/results/$id/exit_status"
	open_gate single
	sees files "CLOSE_WRITE,CLOSE $MNT/results/$id/status"
	sees files "MODIFY $MNT/results/$id/stdout"
	sees files "MODIFY $MNT/results/$id/exit_status"
	sees files "CLOSE_WRITE,CLOSE $MNT/results/$id/exit_status"
	run ! grep -v "/\(status\|stdout\|exit_status\)\$" "$HOME_DIR/files.events"
	equal "$(cat "$MNT/results/$id/exit_status")" 0
}

@test "the watch of a growing output: tail by hand" {
	local gate id
	gate=$(gate grow)
	id=$(submit "cat $gate; echo more; cat $gate; echo most")
	watch grow -e modify "$MNT/results/$id/stdout"
	open_gate grow
	sees grow "MODIFY $MNT/results/$id/stdout"
	equal "$(get "$id" stdout)" more
	open_gate grow
	done_with "$id"
	wait_for eval '[ "$(count grow "MODIFY .*")" -ge 2 ]'
	equal "$(get "$id" stdout)" $'more\nmost'
}

@test "a task of a map: its files, and those of the map" {
	local a b id
	a=$(gate member0) b=$(gate member1)
	id=$(submit "{\"code\": \"cat \$1; echo got\", \"map\": [\"$a\", \"$b\"]}")
	watch map "$MNT/results/$id" "$MNT/results/$id/1" \
		"$MNT/results/$id/0/status"
	open_gate member1
	sees map "CLOSE_WRITE,CLOSE $MNT/results/$id/1/status"
	sees map "MODIFY $MNT/results/$id/1/stdout"
	sees map "CREATE $MNT/results/$id/1/ok"
	sees map "MODIFY $MNT/results/$id/progress"
	equal "$(count map ".* $MNT/results/$id/0/stdout")" 0
	open_gate member0
	sees map "CLOSE_WRITE,CLOSE $MNT/results/$id/0/status"
	sees map "CLOSE_WRITE,CLOSE $MNT/results/$id/status"
	done_with "$id"
}

@test "inotifywait -r results: also what comes later" {
	local gate id
	gate=$(gate later)
	watch tree -r "$MNT/results"
	id=$(submit "cat $gate")
	sees tree "CREATE,ISDIR $MNT/results/$id"
	# Now it adds a watch there; that can be seen in what it watches.
	wait_for eval 'cat "$MNT/results/$id/status" >/dev/null;
		grep -q "ACCESS .*/$id/status" "$HOME_DIR/tree.events"'
	open_gate later
	sees tree "CLOSE_WRITE,CLOSE $MNT/results/$id/status"
	done_with "$id"
}

@test "tasks: CREATE for what is unfinished, DELETE at its end" {
	local gate id
	gate=$(gate tasks)
	watch tasks "$MNT/tasks"
	id=$(submit "cat $gate")
	sees tasks "CREATE $MNT/tasks/$id"
	[ -L "$MNT/tasks/$id" ]
	open_gate tasks
	sees tasks "DELETE $MNT/tasks/$id"
	[ ! -L "$MNT/tasks/$id" ]
}

@test "engines and the controller: state, and who comes and goes" {
	local gate id e
	gate=$(gate engines)
	watch engines "$MNT/engines" "$MNT/engines/0" "$MNT/engines/1" \
		"$MNT/controller"
	id=$(submit "cat $gate")
	wait_for test -s "$MNT/results/$id/engine"
	e=$(get "$id" engine)
	sees engines "MODIFY $MNT/engines/$e/state"
	sees engines "MODIFY $MNT/controller/running"
	open_gate engines
	done_with "$id"
	env "TASKFS_E2E=$MARK" "$BUILD/taskfs-engine" --cluster-dir "$DIR" 3>&- \
		>>"$DIR/log/third.log" 2>&1 &
	sees engines "CREATE,ISDIR $MNT/engines/2"
	kill $!
	wait $! || true
	sees engines "DELETE,ISDIR $MNT/engines/2"
	[ ! -e "$MNT/engines/2" ]
}

@test "a loop as with incron: each result is handled as it ends" {
	local i id handled=$HOME_DIR/handled fd file gates=()
	mkdir "$HOME_DIR/loop"
	for i in 1 2 3; do
		gate "gate$i" >/dev/null
		gates+=("$(submit "cat $HOME_DIR/gate$i; echo $i")")
	done
	exec {fd}< <(exec inotifywait -m -q -e close_write --format '%w%f' \
		"${gates[@]/#/$MNT/results/}" 3>&-)
	watchers+=($!)
	# Two engines: the first two run.
	for i in 2 1 3; do
		wait_for eval \
			'grep -qs "inotify wd" /proc/$!/fdinfo/*'
		open_gate "gate$i"
		while read -r -u "$fd" file; do
			case $file in */status)
				cat "${file%/status}/value" >>"$handled"
				break
				;;
			esac
		done
	done
	exec {fd}<&-
	equal "$(cat "$handled")" $'2\n1\n3'
}

@test "Python's watchdog" {
	/usr/bin/python3 - "$MNT" "$(gate watchdog)" <<-'END'
		import queue, sys
		from watchdog.events import FileSystemEventHandler
		from watchdog.observers import Observer
		mnt, gate = sys.argv[1:]
		events = queue.Queue()
		class Handler(FileSystemEventHandler):
		    def on_any_event(self, event):
		        events.put((event.event_type, event.src_path))
		def wait(*wanted):
		    while events.get() != wanted:
		        pass
		def submit(text):
		    with open(f"{mnt}/tasks/new", "r+b", buffering=0) as f:
		        f.write(text)
		        return int(f.read())
		observer = Observer()
		observer.schedule(Handler(), f"{mnt}/results")
		observer.start()
		n = submit(b"echo watched")
		wait("created", f"{mnt}/results/{n}")
		assert open(f"{mnt}/results/{n}/value").read() == "watched\n"
		m = submit(b"cat " + gate.encode())
		observer.schedule(Handler(), f"{mnt}/results/{m}")
		open(gate, "w").close()
		wait("closed", f"{mnt}/results/{m}/status")
		assert open(f"{mnt}/results/{m}/status").read() == "ok\n"
		observer.stop()
		observer.join()
	END
}

@test "thousands: each is told, and the last end" {
	local i n=400 id first
	watch many -e create -e delete "$MNT/results" "$MNT/tasks"
	for ((i = 0; i < n; i++)); do
		echo '{"code": ":"}'
	done >"$MNT/tasks/new"
	read -r id <"$MNT/tasks/last"
	done_with "$id"
	first=$((id - n + 1))
	wait_for eval \
		'[ "$(since $first many CREATE,ISDIR "$MNT/results")" = "$n" ]'
	wait_for nothing_unfinished
	id=$(submit ':')
	sees many "CREATE,ISDIR $MNT/results/$id"
	done_with "$id"
	# What was created in tasks/ was deleted there.
	wait_for eval '[ "$(since $first many CREATE "$MNT/tasks")" = \
		"$(since $first many DELETE "$MNT/tasks")" ]'
}

@test "a watch does not keep the mount busy; unmounting in the midst of it" {
	local i id
	second_up
	watch busy -r "$HOME_DIR/second/results" "$HOME_DIR/second/tasks"
	for ((i = 0; i < 100; i++)); do
		echo '{"code": "echo x"}'
	done >"$MNT/tasks/new"
	read -r id <"$MNT/tasks/last"
	wait_for grep -q CREATE "$HOME_DIR/busy.events"
	second_down
	wait_for nothing_unfinished
}

@test "SIGTERM to the mount in the midst of it" {
	local i pid
	second_up
	pid=$(second_pid)
	watch term -r "$HOME_DIR/second"
	for ((i = 0; i < 100; i++)); do
		echo '{"code": "echo x"}'
	done >"$MNT/tasks/new"
	wait_for grep -q CREATE "$HOME_DIR/term.events"
	kill "$pid"
	wait_for is_gone "$pid"
	run ! is_mounted "$HOME_DIR/second"
	wait_for nothing_unfinished
}

@test "the mount hidden below another: nothing is done there" {
	local id
	[ "$(id -u)" -eq 0 ] || skip "needs root to mount"
	second_up
	watch hidden "$HOME_DIR/second/results"
	mount -t tmpfs none "$HOME_DIR/second"
	mkdir "$HOME_DIR/second/results"
	done_with "$(submit ':')"
	wait_for grep -q 'cannot raise inotify' "$DIR/log/second.log"
	equal "$(ls "$HOME_DIR/second/results")" ''
	umount "$HOME_DIR/second"
	id=$(submit ':')
	sees hidden "CREATE,ISDIR $HOME_DIR/second/results/$id"
	done_with "$id"
}

@test "-o noinotify: nothing of others is told" {
	local id
	second_up -o noinotify
	watch none "$HOME_DIR/second/results"
	id=$(submit ':')
	done_with "$id"
	wait_for test -e "$HOME_DIR/second/results/$id/ok"
	rmdir "$HOME_DIR/second/results/$id"
	# The kernel tells of this itself, and of nothing before it.
	sees none "DELETE,ISDIR $HOME_DIR/second/results/$id"
	equal "$(count none '(CREATE|MODIFY|CLOSE_WRITE).*')" 0
}
