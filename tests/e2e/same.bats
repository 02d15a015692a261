# bats file_tags=check
# What is finished reads the same by everybody, everywhere, always: each file
# below results/ of results of every kind, with its size, mode and time; by
# bash, dash and Python; on a second mount; after a remount; after a restart of
# the controller, and of everything.
# shellcheck shell=bash
load lib

setup_file() {
	cluster_up 2
	local id
	# One of every kind of result, each of which has ended.
	submit 'echo out; echo err >&2; echo value >&3; echo data >&4' >/dev/null
	submit 'exit 3' >/dev/null
	submit 'kill -9 $$' >/dev/null
	submit '{"code": "cat; printf \"\\0\\377\"", "stdin": "in", "args": ["a b"],
		"env": {"A": "b"}, "label": "named", "retries": 1, "priority": 3,
		"time_limit": 100000, "timeout": 100000, "cwd": "/"}' >/dev/null
	submit '{"code": "exit 4", "retries": 2}' >/dev/null
	submit '{"code": "sleep 1000", "time_limit": 0.1}' >/dev/null
	id=$(submit '{"code": "true", "after": [2]}')
	done_with "$id" aborted
	id=$(submit 'sleep 1000')
	echo abort >"$MNT/results/$id/ctl"
	submit '{"code": "echo $1; echo to err $1 >&2; exit $(($1 == 2))",
		"map": ["0", "1", "2", "3"]}' >/dev/null
	submit '{"code": "echo $TASKFS_INDEX $*", "map": ["a", "b", "c"],
		"chunk": 2, "label": "chunks"}' >/dev/null
	submit '{"code": "exit 1", "map": ["a", "b", "c", "d", "e", "f"],
		"halt": 1, "max_running": 1}' >/dev/null
	echo 'echo $TASKFS_ENGINE' >"$MNT/engines/all/new"
	for id in "$MNT"/results/[0-9]*; do
		cat "$id/wait" >/dev/null
	done
}
teardown_file() { cluster_down; }
setup() {
	test_begin
	cd "$MNT/results" || return
	# Rendered once; each test compares with it.
	[ -e "$HOME_DIR/all" ] || everything . >"$HOME_DIR/all"
}
teardown() {
	second_down
	test_end
}

# everything DIR: a line for each entry: name, type, mode, size, time, and what
# a read of it gives.
everything() {
	/usr/bin/python3 -c '
import os, sys

def read(name):
    pieces = []
    try:
        with open(name, "rb", buffering=0) as f:
            while piece := f.read(65536):
                pieces.append(piece)
    except OSError as e:
        pieces.append(b"fails: " + e.strerror.encode())
    return b"".join(pieces)

os.chdir(sys.argv[1])
for at, dirs, files in os.walk(b"."):
    for name in (os.path.join(at, n) for n in dirs + files):
        st = os.lstat(name)
        line = [name, oct(st.st_mode), st.st_size, st.st_mtime_ns, st.st_uid]
        if os.path.islink(name):
            line = [name, os.readlink(name)]
        elif not os.path.isdir(name):
            line.append(read(name))
        print(*line)
' "$1" | LC_ALL=C sort
}

# as_before DIR
as_before() {
	everything "$1" >"$BATS_TEST_TMPDIR/all"
	diff "$HOME_DIR/all" "$BATS_TEST_TMPDIR/all" | head -40
	cmp -s "$HOME_DIR/all" "$BATS_TEST_TMPDIR/all"
}

@test "the size of each file is what a read gives" {
	sizes_are_exact .
}

@test "a second reading" {
	as_before .
}

@test "cat, Python by small pieces, bash and dash by bytes, and tar read the same" {
	local f all=$BATS_TEST_TMPDIR
	find . -type f | LC_ALL=C sort >"$all/files"
	# One cat for all; it goes on behind what fails.
	xargs cat <"$all/files" >"$all/cat" 2>/dev/null || true
	/usr/bin/python3 -c '
import sys
for name in open(sys.argv[1]):
    with open(name[:-1], "rb", buffering=0) as f:
        try:
            while piece := f.read(7):
                sys.stdout.buffer.write(piece)
        except OSError:
            pass
' "$all/files" >"$all/python"
	cmp "$all/cat" "$all/python"
	# Shells read lines, a byte at a time; those of one result are enough.
	for f in 1/*; do
		[ ! -f "$f" ] || cat "$f"
	done >"$all/cat"
	# shellcheck disable=SC2016 # of the inner shells
	set -- 'for f in 1/*; do
			[ -f "$f" ] || continue
			while IFS= read -r line; do
				printf "%s\n" "$line"
			done <"$f"
			printf %s "$line"
		done'
	bash -c "$1" >"$all/bash"
	cmp "$all/cat" "$all/bash"
	dash -c "$1" >"$all/dash"
	cmp "$all/cat" "$all/dash"
	tar -cf "$all/tar" 1
	mkdir "$all/out"
	tar -C "$all/out" -xf "$all/tar"
	diff -r --no-dereference --exclude=ctl --exclude=elapsed 1 "$all/out/1"
}

@test "a second mount" {
	second_up
	as_before "$HOME_DIR/second/results"
}

@test "a remount" {
	local pid
	cd /
	pid=$(pid_of taskfs)
	fusermount3 -u "$MNT"
	wait_for is_gone "$pid"
	start >/dev/null
	as_before "$MNT/results"
}

@test "a restart of the controller" {
	expect_log taskfs
	kill_9 taskfs-controller
	start >/dev/null
	wait_for controller_is connected
	as_before .
}

@test "everything is stopped and started again" {
	cd /
	expect_log taskfs
	cluster stop >/dev/null
	start >/dev/null
	as_before "$MNT/results"
}
