# bats file_tags=check
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
	[ -n "${BATS_TEST_COMPLETED:-}" ] || end_processes
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
	/usr/bin/python3 "$BLOCKS" check README.md doc/README.md doc/engines.md doc/ipyparallel.md doc/guide/*.md
}

# bats test_tags=marks
@test "README.md is one page" {
	[ "$(wc -l <"$ROOT/README.md")" -le 130 ]
}

# document LINE...: a file of these lines.
document() {
	printf '%s\n' "$@" >"$BATS_TEST_TMPDIR/document.md"
}
blocks() {
	run /usr/bin/python3 "$BLOCKS" "$1" "$BATS_TEST_TMPDIR/document.md"
}

# bats test_tags=marks
@test "what escapes the marks is a fault" {
	document '```sh' 'true' '```'
	blocks check
	[[ $status -eq 1 && $output == *"document.md:1: the mark 'sh' is unknown"* ]]
	document '```console not typed:' '$ true' '```'
	blocks check
	[[ $status -eq 1 && $output == *unknown* ]]
	document text '' '    true'
	blocks check
	[[ $status -eq 1 && $output == *'without a mark'* ]]
	document '```text' '$ true' '```'
	blocks check
	[[ $status -eq 1 && $output == *'marked as text'* ]]
	document '```console' '$ true' '```' '`cat mnt/README` shows all.'
	blocks check
	[[ $status -eq 1 && $output == *'document.md:4: no block shows cat mnt/README'* ]]
}

# bats test_tags=marks
@test "what a command does not print, or does not say, is a fault" {
	document '```console' '$ printf "a 12\nb\n"' 'a ...' 'b' '$ false || echo no' '...' \
		'$ for i in 1 2' '> do echo $i; done; exec 3</dev/null' '1' '2' \
		'$ nosuch' 'bash: nosuch: command not found' '```'
	blocks type
	equal "$status" 0
	document '```console' '$ echo b' 'a' '```'
	blocks type
	[[ $status -eq 1 && $output == *'document.md:2: $ echo b'* ]]
	document '```console' '$ echo a' '```'
	blocks type
	equal "$status" 1
	document '```console' '$ false' '```'
	blocks type
	[[ $status -eq 1 && $output == *'It failed, with 1'* ]]
	document '```console' '$ exit 0' '$ echo a' 'a' '```'
	blocks type
	[[ $status -ne 0 && $output == *'it ended the shell'* ]]
}

# bats test_tags=marks
@test "every document of the guide is typed here" {
	local f
	cd "$ROOT"
	for f in README.md doc/guide/*.md; do
		# A second host is nothing to type.
		grep -qxF '```console' "$f" || continue
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
@test "doc/guide/tfs.md" { typed doc/guide/tfs.md; }
@test "doc/guide/daily.md" { typed doc/guide/daily.md; }
@test "doc/guide/workflows.md" { typed doc/guide/workflows.md; }
@test "doc/guide/variables.md" { typed doc/guide/variables.md; }
@test "doc/guide/engines.md" { typed doc/guide/engines.md; }
@test "doc/guide/python.md" { typed doc/guide/python.md; }
@test "doc/guide/administration.md" { typed doc/guide/administration.md; }
@test "doc/guide/troubleshooting.md" { typed doc/guide/troubleshooting.md; }
