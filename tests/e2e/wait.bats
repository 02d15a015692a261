# Files that wait: readers that block, are interrupted, do not want to block,
# or ask with poll.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 2; }
teardown_file() { cluster_down; }
setup() {
	test_begin
	# A task of its own for each test, that ends when the gate is opened.
	GATE=gate.$BATS_TEST_NUMBER
	gate "$GATE" >/dev/null
	ID=$(submit "cat $HOME_DIR/$GATE; echo the value")
	R=$MNT/results/$ID
}
teardown() {
	[ -z "${ID:-}" ] || [ ! -L "$MNT/tasks/$ID" ] ||
		leave_gate_open "$GATE"
	test_end
}

# A reader of FILE in the background, blocked: sets reader, its output in
# $HOME_DIR/read, its exit status by `wait $reader`.
block_on() {
	cat "$R/$1" >"$HOME_DIR/read" 2>&1 3>&- &
	reader=$!
	wait_for is_reading "$reader"
}

@test "value waits, and then is there" {
	block_on value
	open_gate "$GATE"
	wait "$reader"
	equal "$(cat "$HOME_DIR/read")" 'the value'
}

@test "wait waits, and then is the status" {
	block_on wait
	open_gate "$GATE"
	wait "$reader"
	equal "$(cat "$HOME_DIR/read")" ok
}

@test "output waits" {
	block_on output
	open_gate "$GATE"
	wait "$reader"
	equal "$(cat "$HOME_DIR/read")" 'the value'
}

@test "a blocked reader ends at Ctrl-C, TERM and KILL" {
	local file sig rc
	for file in value wait output; do
		for sig in INT TERM KILL; do
			# In the background SIGINT is ignored by a shell's children.
			/usr/bin/python3 -c '
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execlp("cat", "cat", sys.argv[1])' "$R/$file" >/dev/null 3>&- &
			reader=$!
			wait_for is_reading "$reader"
			kill "-$sig" "$reader"
			rc=0
			wait "$reader" || rc=$?
			equal "$file $sig $rc" \
				"$file $sig $((128 + $(kill -l "$sig")))"
		done
	done
	open_gate "$GATE"
	done_with "$ID"
}

@test "a signal with a handler interrupts the read, which goes on" {
	local i reader
	cat >"$HOME_DIR/reader.py" <<-'END'
		import os, signal, sys
		signal.signal(signal.SIGUSR1, lambda *_: os.write(1, b"got\n"))
		assert open(sys.argv[1]).read() == "the value\n"
	END
	/usr/bin/python3 "$HOME_DIR/reader.py" "$R/value" >"$HOME_DIR/got" 3>&- &
	reader=$!
	for i in 1 2 3; do
		wait_for is_reading "$reader"
		kill -USR1 "$reader"
		wait_for has_lines "$i" "$HOME_DIR/got"
	done
	wait_for is_reading "$reader"
	open_gate "$GATE"
	wait "$reader"
}

has_lines() {
	[ "$(wc -l <"$2")" -eq "$1" ]
}

@test "timeout 1 cat value" {
	run -124 timeout 1 cat "$R/value"
	equal "$output" ''
	open_gate "$GATE"
	equal "$(cat "$R/value")" 'the value'
}

@test "O_NONBLOCK: EAGAIN before the end, the value after, also by fcntl" {
	/usr/bin/python3 - "$R" "$HOME_DIR/$GATE" <<-'END'
		import errno, fcntl, os, sys
		r, gate = sys.argv[1:]
		def refused(fd):
		    try:
		        os.read(fd, 100)
		    except BlockingIOError:
		        return True
		fds = [os.open(r + "/" + f, os.O_RDONLY | os.O_NONBLOCK)
		       for f in ("value", "wait", "output")]
		late = os.open(r + "/value", os.O_RDONLY)
		fcntl.fcntl(late, fcntl.F_SETFL, os.O_NONBLOCK)
		for fd in fds + [late]:
		    assert refused(fd)
		os.close(os.open(gate, os.O_WRONLY))
		open(r + "/wait").read()
		assert os.read(fds[0], 100) == b"the value\n"
		assert os.read(fds[1], 100) == b"ok\n"
		assert os.read(fds[2], 100) == b"the value\n"
		assert os.read(fds[2], 100) == b""
		assert os.read(late, 100) == b"the value\n"
	END
}

@test "poll, select and epoll (edge-triggered too)" {
	/usr/bin/python3 - "$R" "$HOME_DIR/$GATE" <<-'END'
		import os, select, sys
		r, gate = sys.argv[1:]
		fd = os.open(r + "/value", os.O_RDONLY)
		p = select.poll()
		p.register(fd, select.POLLIN)
		assert p.poll(0) == []
		assert select.select([fd], [], [], 0)[0] == []
		e = select.epoll()
		e.register(fd, select.EPOLLIN)
		edge = select.epoll()
		edge.register(fd, select.EPOLLIN | select.EPOLLET)
		assert e.poll(0) == [] and edge.poll(0) == []
		os.close(os.open(gate, os.O_WRONLY))
		for what in p.poll(), e.poll(), edge.poll():
		    assert [w[0] for w in what] == [fd], what
		assert select.select([fd], [], [])[0] == [fd]
		assert os.read(fd, 100) == b"the value\n"
		os.close(fd)
	END
}

@test "poll of two results: the one that ends is ready" {
	local other gate
	gate=$(gate "other.$BATS_TEST_NUMBER")
	other=$(submit "cat $gate; echo other")
	open_gate "other.$BATS_TEST_NUMBER"
	/usr/bin/python3 - "$R/value" "$MNT/results/$other/value" <<-'END'
		import os, select, sys
		a, b = (os.open(p, os.O_RDONLY) for p in sys.argv[1:])
		p = select.poll()
		p.register(a, select.POLLIN)
		p.register(b, select.POLLIN)
		assert [w[0] for w in p.poll()] == [b]
		assert os.read(b, 100) == b"other\n"
	END
	open_gate "$GATE"
	done_with "$ID"
}

@test "closed while polled: nothing is left, nothing breaks" {
	/usr/bin/python3 - "$R/value" <<-'END'
		import os, select, sys
		for i in range(200):
		    fd = os.open(sys.argv[1], os.O_RDONLY)
		    p = select.poll()
		    p.register(fd, select.POLLIN)
		    assert p.poll(0) == []
		    os.close(fd)
	END
	open_gate "$GATE"
	done_with "$ID"
}

@test "20 blocked readers, some of them killed" {
	local i pids=() n=0
	for ((i = 0; i < 20; i++)); do
		cat "$R/value" >"$HOME_DIR/reader.$i" 2>/dev/null 3>&- &
		pids+=($!)
	done
	for ((i = 0; i < 20; i++)); do
		wait_for is_reading "${pids[i]}"
	done
	for ((i = 0; i < 20; i += 2)); do
		kill -9 "${pids[i]}"
	done
	open_gate "$GATE"
	for ((i = 0; i < 20; i++)); do
		wait "${pids[i]}" || continue
		equal "$(cat "$HOME_DIR/reader.$i")" 'the value'
		n=$((n + 1))
	done
	[ "$n" -eq 10 ]
}

@test "looking never waits: ls, stat, find while readers are blocked" {
	block_on value
	ls -l "$R" >/dev/null
	stat "$R/value" "$R/output" "$R/wait" >/dev/null
	find "$MNT" -maxdepth 3 >/dev/null
	cat "$R/status" "$R/elapsed" "$R/stdout" >/dev/null
	kill "$reader"
	wait "$reader" || true
	open_gate "$GATE"
	done_with "$ID"
}

@test "a reader of an aborted task gets ECANCELED" {
	block_on value
	echo abort >"$R/ctl"
	local rc=0
	wait "$reader" || rc=$?
	equal "$rc" 1
	[[ $(cat "$HOME_DIR/read") == *'canceled'* ]]
	done_with "$ID" aborted
}

@test "events: a line for each change, and the next read waits" {
	local fd line seen=''
	exec {fd}<"$MNT/events"
	open_gate "$GATE"
	done_with "$ID"
	while [[ $seen != *"$ID"*ok* ]]; do
		read -r -u "$fd" line
		seen+=" $line"
	done
	exec {fd}<&-
}

@test "cat events ends at Ctrl-C" {
	cat "$MNT/events" >/dev/null 3>&- &
	reader=$!
	wait_for is_reading "$reader"
	kill "$reader"
	wait "$reader" || equal "$?" 143
	open_gate "$GATE"
	done_with "$ID"
}
