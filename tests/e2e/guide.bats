# README.md and doc/guide, typed as they are written: each document on a cluster of
# its own, in a directory where the cluster is mounted at ./mnt, with the programs in
# PATH. tests/blocks.py says how documents are marked; what is for a cluster of
# ipyparallel is typed by tests/interop/test_guide.py.
# shellcheck shell=bash
load lib

BLOCKS=$ROOT/tests/blocks.py

setup() {
	[ -z "${BATS_TEST_TAGS-}" ] || return 0
	cluster_up 2
	test_begin
	mkdir "$HOME_DIR/work" "$HOME_DIR/home"
	ln -s ../mnt "$HOME_DIR/work/mnt"
}

teardown() {
	local rc=0
	[ -n "${HOME_DIR:-}" ] || return 0
	abort_all
	test_end || rc=1
	cluster_down || rc=1
	return "$rc"
}

# typed FILE: here, and now.
typed() {
	cd "$HOME_DIR/work" || return
	env -u IPP_PROFILE_DIR HOME="$HOME_DIR/home" "TASKFS_E2E=$MARK" \
		PATH="$BUILD:$ROOT/scripts:/usr/bin:$PATH" \
		/usr/bin/python3 "$BLOCKS" type "$ROOT/$1" 3>&-
}

# bats test_tags=marks
@test "every block of README.md and the guide has a known mark" {
	cd "$ROOT"
	/usr/bin/python3 "$BLOCKS" check README.md doc/README.md doc/ipyparallel.md doc/guide/*.md
}

# bats test_tags=marks
@test "every document of the guide is typed here" {
	local f
	cd "$ROOT"
	for f in README.md doc/guide/*.md; do
		grep -qF "typed $f" "$BATS_TEST_FILENAME" || {
			echo "nobody types $f"
			return 1
		}
	done
}

@test "README.md" { typed README.md; }
@test "doc/guide/tasks.md" { typed doc/guide/tasks.md; }
@test "doc/guide/results.md" { typed doc/guide/results.md; }
@test "doc/guide/maps.md" { typed doc/guide/maps.md; }
@test "doc/guide/variables.md" { typed doc/guide/variables.md; }
@test "doc/guide/engines.md" { typed doc/guide/engines.md; }
@test "doc/guide/python.md" { typed doc/guide/python.md; }
@test "doc/guide/administration.md" { typed doc/guide/administration.md; }
@test "doc/guide/troubleshooting.md" { typed doc/guide/troubleshooting.md; }
