# Watching: the progress bar, data as it is published, poll for a change,
# places in `events`.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 2; }
teardown_file() { cluster_down; }
setup() {
	test_begin
	# A task of its own for each test, that ends when the gate is opened.
	GATE=$(gate "watch.$BATS_TEST_NUMBER")
	ID=$(submit "cat $GATE; echo done")
	R=$MNT/results/$ID
}
teardown() {
	[ -z "${ID:-}" ] || [ ! -L "$MNT/tasks/$ID" ] ||
		leave_gate_open "${GATE##*/}"
	second_down
	test_end
}

# The gate is opened.
go() {
	open_gate "${GATE##*/}"
}

runs() {
	[ "$(cat "$R/status")" = running ]
}

@test "watch draws until the end, then says the outcome" {
	local fd text
	wait_for runs
	exec {fd}<"$R/watch"
	# It is drawn at once, and again as time passes.
	text=$(/usr/bin/python3 -c 'import os, sys
text = b""
while text.count(b"\r") < 2:
    text += os.read(int(sys.argv[1]), 4096)
sys.stdout.write(text.decode().replace("\r", "/"))' "$fd")
	like "$text" 'running for [0-9]+ s.*/running for [0-9]+ s *'
	go
	text=$(tr '\r' '/' <&"$fd")
	like "$text" '.*/ok in [0-9]+\.[0-9] s *'
	exec {fd}<&-
}

@test "watch after the end is one line, of the size it says" {
	go
	done_with "$ID"
	like "$(cat "$R/watch")" 'ok in [0-9]+\.[0-9] s'
	equal "$(wc -c <"$R/watch")" "$(stat -c %s "$R/watch")"
	equal "$(cat "$R/watch")" "$(dd if="$R/watch" bs=1 status=none)"
}

@test "watch through a pipe, and by several at a time" {
	local a b
	tee "$HOME_DIR/log" <"$R/watch" >/dev/null 3>&- &
	a=$!
	cat "$R/watch" >"$HOME_DIR/log2" 3>&- &
	b=$!
	wait_for is_reading "$a"
	wait_for is_reading "$b"
	go
	wait "$a"
	wait "$b"
	[[ $(tail -n 1 "$HOME_DIR/log") == *"ok in "* ]]
	[[ $(tail -n 1 "$HOME_DIR/log2") == *"ok in "* ]]
}

@test "watch of a failure names the error; of an abort, that" {
	local id
	id=$(submit 'echo no >&2; exit 7')
	done_with "$id" error
	like "$(get "$id" watch)" 'error: .*exit status 7.* \([0-9]+\.[0-9] s\)'
	echo abort >"$R/ctl"
	like "$(cat "$R/watch" | tr '\r' '\n' | tail -n 1)" \
		'aborted.*\([0-9]+\.[0-9] s\) *'
}

@test "watch of a map counts, of one of its tasks does not" {
	local id a text
	a=$(gate bar)
	id=$(submit "{\"code\": \"[ \$1 = 0 ] || cat \$1; echo \$1 >&4\", \"map\": [\"0\", \"$a\"]}")
	wait_for eval '[ "$(get "$id" progress)" = 1/2 ]'
	like "$(head -c 26 "$MNT/results/$id/watch")" '\[#{12}\.{12}\]'
	like "$(head -c 38 "$MNT/results/$id/watch")" '.*\]  50% 1/2.*'
	like "$(get "$id/0" watch)" 'ok in [0-9]+\.[0-9] s'
	open_gate bar
	done_with "$id"
	like "$(get "$id" watch)" '2/2 ok in [0-9]+\.[0-9] s'
	equal "$(get "$id/0" data)" 0
	equal "$(get "$id/1" data)" "$a"
	equal "$(get "$id" data)" "0"$'\n'"$a"
}

@test "watch: interrupted, O_NONBLOCK, poll" {
	local pid
	cat "$R/watch" >/dev/null 3>&- &
	pid=$!
	wait_for is_reading "$pid"
	kill "$pid"
	wait "$pid" || equal "$?" 143
	/usr/bin/python3 - "$R/watch" "$GATE" <<-'END'
		import os, select, sys
		fd = os.open(sys.argv[1], os.O_RDONLY | os.O_NONBLOCK)
		p = select.poll()
		p.register(fd, select.POLLIN)
		assert p.poll(0)            # the first line is there
		assert os.read(fd, 1000)
		def drain():                # another line comes every second
		    try:
		        while os.read(fd, 1000):
		            pass
		        assert False, "it has ended"
		    except BlockingIOError:
		        pass
		drain()
		while p.poll(0):
		    drain()
		assert p.poll()             # time passes
		assert os.read(fd, 1000)[:1] == b"\r"
		os.close(os.open(sys.argv[2], os.O_WRONLY))
		text = b""
		while not text.endswith(b"\n"):
		    assert p.poll()
		    try:
		        text += os.read(fd, 1000)
		    except BlockingIOError:
		        pass
		assert b"ok in" in text
		assert os.read(fd, 1000) == b""
	END
}

@test "watch that is read byte by byte, as dash does" {
	go
	done_with "$ID"
	like "$(dash -c 'read line <"$1"; echo "$line"' dash "$R/watch")" \
		'ok in [0-9]+\.[0-9] s'
}

@test "data grows while the task runs, and stays" {
	local gate id
	gate=$(gate data)
	id=$(submit "echo one >&4; echo out; cat $gate; printf two >&4")
	equal "$(head -n 1 "$MNT/results/$id/output")" out
	# Both went on their way together.
	wait_for test -s "$MNT/results/$id/data"
	equal "$(get "$id" data)" one
	equal "$(stat -c %s "$MNT/results/$id/data")" 4
	like "$(get "$id" status)" running
	open_gate data
	done_with "$id"
	equal "$(get "$id" data)" $'one\ntwo'
	equal "$(stat -c %s "$MNT/results/$id/data")" 7
	equal "$(get "$id" value)" out
}

@test "data: much of it, and none" {
	local id
	id=$(submit 'seq 1 200000 >&4')
	done_with "$id"
	equal "$(get "$id" data | md5sum)" "$(seq 1 200000 | md5sum)"
	equal "$(get "$id" value | wc -c)" 0
	equal "$(cat "$R/data" | wc -c)" 0
}

@test "tail -f data follows" {
	local id gate tail line
	gate=$(gate tail)
	id=$(submit "echo one >&4; cat $gate; echo two >&4")
	wait_for test -s "$MNT/results/$id/data"
	exec {tail}< <(exec tail -s 0.1 -n +1 -f "$MNT/results/$id/data" 2>&1)
	read -r -u "$tail" line
	equal "$line" one
	open_gate tail
	read -r -u "$tail" line
	equal "$line" two
	kill "$!"
	exec {tail}<&-
}

@test "status: after a read, poll for POLLPRI wakes at the next change" {
	/usr/bin/python3 - "$R/status" "$GATE" <<-'END'
		import os, select, sys
		fd = os.open(sys.argv[1], os.O_RDONLY)
		p = select.poll()
		p.register(fd, select.POLLPRI)
		e = select.epoll()
		e.register(fd, select.EPOLLPRI)
		edge = select.epoll()
		edge.register(fd, select.EPOLLPRI | select.EPOLLET)
		# Never read: as in sysfs, there is something to read.
		assert p.poll(0) and e.poll(0) and edge.poll(0)
		def read():
		    return os.pread(fd, 100, 0)
		while read() != b"running\n":
		    assert p.poll()
		assert p.poll(0) == [] and e.poll(0) == []
		assert select.select([], [], [fd], 0)[2] == []
		edge.poll(0)
		os.close(os.open(sys.argv[2], os.O_WRONLY))
		for got in p.poll(), e.poll(), edge.poll():
		    assert got and got[0][0] == fd, got
		    assert got[0][1] & select.POLLPRI, got
		assert select.select([], [], [fd])[2] == [fd]
		assert read() == b"ok\n"
		assert p.poll(0) == [] and e.poll(0) == []
	END
}

@test "poll for a change of an engine, and of what is purged" {
	wait_for runs
	/usr/bin/python3 - "$MNT" "$ID" "$GATE" <<-'END'
		import os, select, sys
		mnt, ident, gate = sys.argv[1:]
		r = f"{mnt}/results/{ident}"
		engine = os.open(f"{mnt}/engines/" + open(r + "/engine").read()
		                 .strip() + "/state", os.O_RDONLY)
		status = os.open(r + "/status", os.O_RDONLY)
		p = select.poll()
		p.register(engine, select.POLLPRI)
		while os.pread(engine, 100, 0) != b"busy\n":
		    assert p.poll()
		os.close(os.open(gate, os.O_WRONLY))
		while os.pread(engine, 100, 0) != b"idle\n":
		    assert p.poll()
		open(r + "/wait").read()
		assert os.pread(status, 100, 0) == b"ok\n"
		p.register(status, select.POLLPRI)
		p.unregister(engine)
		assert p.poll(0) == []
		os.rmdir(r)
		assert p.poll()[0][0] == status
	END
}

@test "edge-triggered epoll of output: each new piece is an edge" {
	local one two id
	one=$(gate edge1) two=$(gate edge2)
	id=$(submit "echo aaaa; cat $one; echo bbbb; cat $two")
	/usr/bin/python3 - "$MNT/results/$id/output" "$one" "$two" <<-'END'
		import os, select, sys
		fd = os.open(sys.argv[1], os.O_RDONLY | os.O_NONBLOCK)
		e = select.epoll()
		e.register(fd, select.EPOLLIN | select.EPOLLET)
		assert e.poll()
		assert os.read(fd, 2) == b"aa"    # not all of it
		os.close(os.open(sys.argv[2], os.O_WRONLY))
		got = b""
		while b"bbbb\n" not in got:
		    assert e.poll()
		    try:
		        got += os.read(fd, 100)
		    except BlockingIOError:
		        pass
		assert got == b"aa\nbbbb\n"
		os.close(os.open(sys.argv[3], os.O_WRONLY))
		while True:
		    assert e.poll()
		    try:
		        assert os.read(fd, 100) == b""
		        break
		    except BlockingIOError:
		        pass
	END
	done_with "$id"
}

@test "poll through a second mount" {
	second_up
	/usr/bin/python3 - "$HOME_DIR/second/results/$ID" "$GATE" <<-'END'
		import os, select, sys
		r, gate = sys.argv[1:]
		status = os.open(r + "/status", os.O_RDONLY)
		value = os.open(r + "/value", os.O_RDONLY)
		p = select.poll()
		p.register(status, select.POLLPRI)
		q = select.poll()
		q.register(value, select.POLLIN)
		while os.pread(status, 100, 0) != b"running\n":
		    assert p.poll()
		assert p.poll(0) == [] and q.poll(0) == []
		os.close(os.open(gate, os.O_WRONLY))
		assert p.poll() and q.poll()
		assert os.pread(status, 100, 0) == b"ok\n"
		assert os.read(value, 100) == b"done\n"
	END
	second_down
}
