# How many system calls and allocations a task costs our programs: counted, not timed
# (tests/count). Speed itself is what `make bench` measures.
# shellcheck shell=bash
load lib

# Its cluster is its own.
setup_file() { new_home; }
teardown_file() { rm -rf "$HOME_DIR"; }

@test "a task costs no more system calls and allocations than it did" {
	local rc=0
	[ -z "${SAN:-}" ] || skip "sanitizers allocate by themselves"
	TMPDIR=$HOME_DIR /usr/bin/python3 "$ROOT/tests/count/count.py" || rc=$?
	[ "$rc" -ne 77 ] || skip "processes cannot be traced here"
	return "$rc"
}
