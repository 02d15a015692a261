#!/usr/bin/env bats
# Variables: values that stay on an engine, as files.

load lib

setup_file() { cluster_up 3; }
teardown_file() { cluster_down; }
setup() {
	test_begin
	V=$MNT/engines/0/vars
	ALL=$MNT/engines/all
}
teardown() {
	rm -f "$ALL"/vars/*
	second_down
	test_end
}

# rss PROGRAM-PID: KiB at its peak
peak() {
	sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$1/status"
}

peaks() {
	peak "$(pid_of taskfs)"
	peak "$(pid_of taskfs-controller)"
	peak "$(worker_of 0)"
}

is_shown() {
	[ -e "$1" ]
}

# killed_in CALL COMMAND...: starts it, and kills it when it waits there.
killed_in() {
	local pid rc=0
	"${@:2}" >/dev/null 3>&- &
	pid=$!
	wait_for "$1" "$pid"
	kill -INT "$pid" || true
	kill -TERM "$pid"
	wait "$pid" || rc=$?
	equal "$rc" 143
}

is_not_shown() {
	[ ! -e "$1" ]
}

@test "push, pull, list and remove" {
	local before now
	before=$(date +%s)
	echo 5 >"$V/a"
	equal "$(cat "$V/a")" 5
	equal "$(ls "$V")" a
	equal "$(stat -c '%s %a %F' "$V/a")" "2 600 regular file"
	now=$(date +%s)
	seq $((before - 1)) "$now" | grep -qx "$(stat -c %Y "$V/a")"
	echo another >"$V/a"
	equal "$(cat "$V/a")" another
	equal "$(stat -c %s "$V/a")" 8
	rm "$V/a"
	equal "$(ls "$V")" ""
	fails_with ENOENT cat "$V/a"
	fails_with ENOENT rm "$V/a"
	# Nothing came to the other engines.
	equal "$(ls "$MNT/engines/1/vars")" ""
}

@test "the same from dash and Python" {
	dash -c 'echo dash >"$1/a"; read -r x <"$1/a"; echo "$x"' sh "$V" >"$HOME_DIR/out"
	equal "$(cat "$HOME_DIR/out")" dash
	# shellcheck disable=SC2016
	dash -c 'cat /dev/stdin "$0/a" >"$0/b"' "$V" <<<"from cat"
	equal "$(cat "$V/b")" "$(printf 'from cat\ndash')"
	/usr/bin/python3 - "$V" <<-'EOF'
		import os, sys
		v = sys.argv[1]
		with open(v + "/p", "wb") as f:
		    f.write(bytes(range(256)) * 100)
		with open(v + "/p", "rb") as f:
		    assert f.read() == bytes(range(256)) * 100
		with open(v + "/p", "r+b") as f:
		    f.seek(10)
		    f.write(b"xyz")
		    f.seek(9)
		    assert f.read(5) == b"\x09xyz\x0d"
		    f.truncate(20)
		with open(v + "/p", "rb") as f:
		    assert f.read() == bytes(range(10)) + b"xyz" + bytes(range(13, 20))
		assert os.stat(v + "/p").st_size == 20
		with open(v + "/p", "ab") as f:
		    f.write(b"end")
		with open(v + "/p", "rb") as f:
		    f.seek(-3, 2)
		    assert f.read() == b"end"
		os.rename(v + "/p", v + "/q")
		assert not os.path.exists(v + "/p")
		try:
		    open(v + "/q", "x")
		    assert False
		except FileExistsError:
		    pass
		os.unlink(v + "/q")
	EOF
}

@test "cp, mv, touch, truncate, dd, sed -i, tar" {
	echo one >"$V/a"
	cp "$V/a" "$MNT/engines/1/vars/x"
	equal "$(cat "$MNT/engines/1/vars/x")" one
	mv "$V/a" "$V/b"
	equal "$(ls "$V")" b
	equal "$(cat "$V/b")" one
	mv "$V/b" "$MNT/engines/2/vars/"
	equal "$(ls "$V")" ""
	equal "$(cat "$MNT/engines/2/vars/b")" one
	printf 123456 >"$V/c"
	truncate -s 4 "$V/c"
	printf x | dd of="$V/c" bs=1 seek=1 conv=notrunc status=none
	equal "$(cat "$V/c")" 1x34
	sed -i s/x/2/ "$V/c"
	equal "$(cat "$V/c")" 1234
	touch -d "2001-02-03 04:05:06 UTC" "$V/c"
	equal "$(TZ=UTC stat -c %.16y "$V/c")" "2001-02-03 04:05"
	equal "$(cat "$V/c")" 1234
	touch "$V/new"
	equal "$(stat -c %s "$V/new")" 0
	: >"$V/c"
	equal "$(stat -c %s "$V/c")" 0
	equal "$(cat "$V/c")" ""
	echo 1 >"$V/t1"
	echo 22 >"$V/t2"
	tar -C "$V" -cf "$HOME_DIR/t.tar" t1 t2
	mkdir "$HOME_DIR/t"
	tar -C "$HOME_DIR/t" -xf "$HOME_DIR/t.tar"
	cp -p "$HOME_DIR/t/t2" "$V/t3"
	equal "$(stat -c %Y "$V/t3")" "$(stat -c %Y "$HOME_DIR/t/t2")"
	equal "$(cat "$V/t3")" 22
	fails_with EPERM chmod 644 "$V/c"
	fails_with EPERM mkdir "$V/dir"
	fails_with EPERM ln -s c "$V/link"
}

@test "a descriptor that stays open" {
	local fd
	exec {fd}>"$V/a"
	echo 1 >&"$fd"
	equal "$(cat "$V/a")" 1
	echo 2 >&"$fd"
	exec {fd}>&-
	equal "$(cat "$V/a")" "$(printf '1\n2')"
	{
		echo first
		cat /dev/null
		sh -c 'echo second'
	} >"$V/b"
	equal "$(cat "$V/b")" "$(printf 'first\nsecond')"
}

@test "a value is there when it is whole" {
	local pid
	gate new
	gate created
	echo old >"$V/a"
	{
		echo new
		: 5>"$HOME_DIR/new.written" # its own output stays as it is
		cat "$HOME_DIR/new"
	} >"$V/a" 3>&- &
	pid=$!
	{
		echo created
		: 5>"$HOME_DIR/created.written"
		cat "$HOME_DIR/created"
	} >"$V/b" 3>&- &
	wait_for test -e "$HOME_DIR/new.written"
	wait_for test -e "$HOME_DIR/created.written"
	equal "$(cat "$V/a")" old
	is_not_shown "$V/b"
	equal "$(ls "$V")" a
	open_gate new
	open_gate created
	wait "$pid" "$!"
	equal "$(cat "$V/a")" new
	equal "$(cat "$V/b")" created
}

@test "who is killed in the middle of it leaves the old value" {
	local to
	for to in "$V" "$ALL/vars" "$ALL/scatter"; do
		echo old >"$to/a"
		/usr/bin/python3 -c '
import os, signal, sys
f = open(sys.argv[1] + "/a", "wb", 0)
f.write(b"x" * 3000000)
os.kill(os.getpid(), signal.SIGKILL)' "$to" || equal "$?" 137
		equal "$(cat "$MNT/engines/0/vars/a")" old
		/usr/bin/python3 -c '
import os, signal, sys
f = open(sys.argv[1] + "/new", "xb", 0)
os.kill(os.getpid(), signal.SIGTERM)' "$to" || equal "$?" 143
		is_not_shown "$V/new"
	done
	# What was promised to it is free again.
	/usr/bin/python3 -c 'open(__import__("sys").argv[1], "x").write("1")' "$V/new"
	equal "$(cat "$V/new")" 1
}

@test "many append, and nothing is lost" {
	seq 40 | xargs -P 8 -I{} sh -c 'echo "line {}" >>"$1"' sh "$V/log"
	equal "$(wc -l <"$V/log")" 40
	equal "$(sort -u "$V/log" | wc -l)" 40
}

@test "the first to create has it" {
	local won
	won=$(seq 10 | xargs -P 5 -I{} sh -c \
		'set -C; { echo {} >"$1"; } 2>/dev/null && echo {}' sh "$V/lock" |
		wc -l)
	equal "$won" 1
	like "$(cat "$V/lock")" '[0-9]+'
}

# bats test_tags=check
@test "64 MiB, and no program gets large" {
	local sum before after
	before=$(peaks | sort -n | tail -n 1)
	head -c 64M /dev/urandom >"$HOME_DIR/big"
	sum=$(md5sum <"$HOME_DIR/big")
	cp "$HOME_DIR/big" "$V/big"
	equal "$(stat -c %s "$V/big")" $((64 << 20))
	equal "$(md5sum <"$V/big")" "$sum"
	# shellcheck disable=SC2016
	echo 'md5sum <$TASKFS_VARS/big; cp $TASKFS_VARS/big $TASKFS_VARS/copy' \
		>"$MNT/engines/0/new"
	equal "$(get latest value)" "$sum"
	cmp "$V/copy" "$HOME_DIR/big"
	cat "$V/big" >"$MNT/engines/1,2/vars/two"
	equal "$(cat "$MNT/engines/2/vars/two" | md5sum)" "$sum"
	after=$(peaks | sort -n | tail -n 1)
	echo "peaks: $before before, $after KiB after"
	[ -n "${SAN:-}" ] || [ "$after" -lt $((before + 40 * 1024)) ]
	rm "$HOME_DIR/big"
}

@test "tasks have them, both ways" {
	echo hello >"$V/a"
	# shellcheck disable=SC2016
	echo 'cat $TASKFS_VARS/a; echo 7 >$TASKFS_VARS/b' >"$MNT/engines/0/new"
	equal "$(get latest value)" hello
	# What a task has written is there when it has ended.
	equal "$(cat "$V/b")" 7
	# shellcheck disable=SC2016
	echo 'rm $TASKFS_VARS/a' >"$MNT/engines/0/new"
	done_with latest
	is_not_shown "$V/a"
	# ... and while it runs.
	gate go
	# shellcheck disable=SC2016
	echo "echo now >\$TASKFS_VARS/c; cat $HOME_DIR/go" >"$MNT/engines/0/new"
	wait_for is_shown "$V/c"
	equal "$(cat "$V/c")" now
	open_gate go
	done_with latest
}

# bats test_tags=check
@test "names and limits" {
	local long
	long=$(printf '%0128d' 0)
	for name in .hidden 'a b' a~ "${long}0" $'a\nb' 'a*'; do
		fails_with EINVAL dd if=/dev/null of="$V/$name" status=none
	done
	for name in "$long" größe a.b_c+d-e@f 7; do
		echo 1 >"$V/$name"
		equal "$(cat "$V/$name")" 1
	done
	echo 1 >"$V/a"
	fails_with EPERM mv "$V/a" "$V/.a"
	fails_with EFBIG truncate -s 2G "$V/a"
	fails_with EFBIG dd if=/dev/zero of="$V/a" bs=1 count=1 seek=1G status=none
	equal "$(cat "$V/a")" 1
	expect_log "too many variables"
	# shellcheck disable=SC2016
	echo 'cd $TASKFS_VARS; for i in $(seq 1100); do :; : >v$i; done' \
		>"$MNT/engines/1/new"
	done_with latest
	equal "$(find "$MNT/engines/1/vars" -type f | wc -l)" 1024
	fails_with ENOSPC dd if=/dev/null of="$MNT/engines/1/vars/more" \
		status=none oflag=append conv=notrunc,excl
	fails_with ENOSPC cp /etc/hostname "$MNT/engines/1/vars/more"
	# shellcheck disable=SC2016
	echo 'rm $TASKFS_VARS/v*' >"$MNT/engines/1/new"
	done_with latest
	equal "$(ls "$MNT/engines/1/vars")" ""
}

@test "engines/all: to all, from all" {
	echo v >"$ALL/vars/a"
	equal "$(cat "$MNT"/engines/[0-2]/vars/a)" "$(printf 'v\nv\nv')"
	for i in 0 1 2; do echo "on $i" >"$MNT/engines/$i/vars/a"; done
	equal "$(cat "$ALL/vars/a")" "$(printf 'on 0\non 1\non 2')"
	equal "$(cat "$MNT/engines/2,0/vars/a")" "$(printf 'on 2\non 0')"
	equal "$(stat -c %s "$ALL/vars/a")" 15
	equal "$(cat "$ALL/gather/a")" "$(cat "$ALL/vars/a")"
	equal "$(tail -c 5 "$ALL/vars/a")" "on 2"
	fails_with EACCES sh -c 'echo 1 >"$1"' sh "$ALL/gather/a"
	# Only some have it: who, can be seen.
	rm "$MNT/engines/1/vars/a"
	equal "$(ls "$ALL/vars")" a
	fails_with EREMOTEIO cat "$ALL/vars/a"
	equal "$(cd "$MNT/engines" && echo [0-9]*/vars/a)" "0/vars/a 2/vars/a"
	mv "$ALL/vars/a" "$ALL/vars/b"
	equal "$(cat "$MNT/engines/0,2/vars/b")" "$(printf 'on 0\non 2')"
	rm "$ALL/vars/b"
	equal "$(ls "$ALL/vars")" ""
	equal "$(ls "$MNT/engines/2/vars")" ""
	fails_with ENOENT rm "$ALL/vars/b"
	fails_with ENOENT cp /etc/hostname "$MNT/engines/0,9/vars/a"
}

# bats test_tags=check
@test "large values of several engines, one behind the other" {
	local i
	for i in 0 1 2; do
		head -c $((300000 * (i + 1) + i)) /dev/urandom >"$HOME_DIR/v$i"
		cp "$HOME_DIR/v$i" "$MNT/engines/$i/vars/a"
	done
	cat "$HOME_DIR"/v[0-2] | cmp - "$ALL/vars/a"
	cat "$HOME_DIR/v2" "$HOME_DIR/v1" | cmp - "$MNT/engines/2,1/vars/a"
	equal "$(tail -c 700000 "$ALL/vars/a" | md5sum)" \
		"$(cat "$HOME_DIR"/v[0-2] | tail -c 700000 | md5sum)"
	rm "$HOME_DIR"/v[0-2]
}

@test "scatter and gather" {
	local i
	seq 10 >"$ALL/scatter/s"
	equal "$(cat "$MNT/engines/0/vars/s")" "$(seq 4)"
	equal "$(cat "$MNT/engines/1/vars/s")" "$(seq 5 7)"
	equal "$(cat "$MNT/engines/2/vars/s")" "$(seq 8 10)"
	equal "$(cat "$ALL/gather/s")" "$(seq 10)"
	equal "$(cat "$ALL/scatter/s")" "$(seq 10)"
	# Other engines, another order.
	seq 3 >"$MNT/engines/2,0/scatter/s"
	equal "$(cat "$MNT/engines/2/vars/s")" "$(seq 2)"
	equal "$(cat "$MNT/engines/0/vars/s")" 3
	equal "$(cat "$MNT/engines/2,0/gather/s")" "$(seq 3)"
	# Fewer lines than engines, none, one that does not end.
	echo one >"$ALL/scatter/s"
	equal "$(cat "$MNT/engines/0/vars/s")" one
	equal "$(stat -c %s "$MNT"/engines/[12]/vars/s)" "$(printf '0\n0')"
	: >"$ALL/scatter/s"
	equal "$(stat -c %s "$MNT"/engines/[0-2]/vars/s)" "$(printf '0\n0\n0')"
	printf 'a\nb\nc\nd' >"$ALL/scatter/s"
	equal "$(cat "$MNT/engines/2/vars/s")" d
	equal "$(cat "$ALL/gather/s" | od -c)" "$(printf 'a\nb\nc\nd' | od -c)"
	printf '\n\n\0\n' >"$ALL/scatter/s"
	equal "$(od -An -c "$MNT/engines/2/vars/s" | tr -d ' ')" '\0\n'
	# Large, with lines longer than a piece.
	{
		head -c 2M /dev/zero
		echo
		head -c 9M /dev/urandom
		echo
		head -c 3M /dev/zero
		echo
	} >"$HOME_DIR/lines"
	cp "$HOME_DIR/lines" "$ALL/scatter/s"
	cmp "$HOME_DIR/lines" "$ALL/gather/s"
	for i in 0 1 2; do
		wc -l <"$MNT/engines/$i/vars/s"
	done | sort -n >"$HOME_DIR/out"
	[ $(($(tail -n 1 "$HOME_DIR/out") - $(head -n 1 "$HOME_DIR/out"))) -le 1 ]
	# Each works on its own.
	seq 100 >"$ALL/scatter/s"
	# shellcheck disable=SC2016
	echo 'awk "{ n += \$1 } END { print n }" $TASKFS_VARS/s >$TASKFS_VARS/sum' \
		>"$ALL/new"
	done_with latest
	equal "$(awk '{ n += $1 } END { print n }' "$ALL/gather/sum")" 5050
	fails_with EINVAL sh -c 'echo 1 >>"$1"' sh "$ALL/scatter/s"
	rm "$ALL/scatter/s"
	equal "$(ls "$ALL/gather")" sum
	rm "$HOME_DIR/lines"
}

@test "another mount sees them, and its own writes at once" {
	local other=$HOME_DIR/second
	second_up
	echo 1 >"$V/a"
	wait_for is_shown "$other/engines/0/vars/a"
	equal "$(cat "$other/engines/0/vars/a")" 1
	for i in 1 2 3 4 5; do
		echo "$i" >"$other/engines/0/vars/a"
		equal "$(cat "$other/engines/0/vars/a")" "$i"
		equal "$(cat "$V/a")" "$i"
	done
	rm "$other/engines/0/vars/a"
	is_not_shown "$other/engines/0/vars/a"
	wait_for is_not_shown "$V/a"
	second_down
}

@test "they are there after a restart of the controller, and in a new mount" {
	echo kept >"$V/a"
	kill_9 taskfs-controller
	expect_log "no heartbeat|connection|lost|controller"
	# Known, but not to be had.
	wait_for grep -q answer "$MNT/controller/state"
	equal "$(ls "$V")" a
	fails_with EHOSTDOWN cat "$V/a"
	fails_with EHOSTDOWN dd if=/dev/null of="$V/b" status=none
	start >/dev/null
	wait_for controller_is connected
	wait_for all_idle
	equal "$(cat "$V/a")" kept
	fusermount3 -u "$MNT"
	start >/dev/null
	equal "$(cat "$V/a")" kept
	descriptors_anew
}

@test "who reads keeps the value he began with" {
	head -c 3M /dev/urandom >"$HOME_DIR/old"
	cp "$HOME_DIR/old" "$V/a"
	local fd
	exec {fd}<"$V/a"
	head -c 1M <&"$fd" >"$HOME_DIR/got"
	echo new >"$V/a"
	cat <&"$fd" >>"$HOME_DIR/got"
	exec {fd}<&-
	cmp "$HOME_DIR/old" "$HOME_DIR/got"
	equal "$(cat "$V/a")" new
	rm "$HOME_DIR/old" "$HOME_DIR/got"
}

@test "an engine that stands still: interrupts, and its death" {
	local pid worker guard
	wait_for all_idle
	worker=$(worker_of 2)
	guard=$(guard_of 2)
	echo 1 >"$MNT/engines/2/vars/a"
	# Its guard would let it go on.
	kill -STOP "$guard" "$worker"
	killed_in is_reading cat "$MNT/engines/2/vars/a"
	# shellcheck disable=SC2016
	killed_in is_writing dash -c 'echo 2 >"$1"' dash "$MNT/engines/2/vars/a"
	cat "$MNT/engines/2/vars/a" >"$HOME_DIR/out" 2>"$HOME_DIR/err" 3>&- &
	pid=$!
	wait_for is_reading "$pid"
	expect_log "killed|engine"
	kill -9 "$worker"
	kill -CONT "$guard"
	if wait "$pid"; then return 1; fi
	like "$(cat "$HOME_DIR/err")" ".*(Host is down|No such file).*"
	wait_for is_not_shown "$MNT/engines/2"
	# A new one begins with nothing.
	start >/dev/null
	equal "$(cat "$MNT"/engines/*/state | wc -l)" 3
	equal "$(cat "$ALL/vars/a" 2>&1 || true)" \
		"cat: $ALL/vars/a: No such file or directory"
}
