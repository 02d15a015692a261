# bats file_tags=check
# doc/examples, each run as it is written; those in pools by pools.bats and
# poolhosts.bats.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 3; }
teardown_file() { cluster_down; }
setup() {
	test_begin
	export TASKFS=$MNT
	cd "$ROOT/doc/examples" || return
}
teardown() { test_end; }

@test "each example is in the list, and has a test here" {
	local f
	for f in *; do
		[ "$f" = README.md ] && continue
		grep -qF "]($f)" README.md
		grep -qF "$f" "$BATS_TEST_FILENAME"
	done
}

# The first, as of what was submitted before something may still be told.
@test "on-completion.sh" {
	local first second
	./on-completion.sh 2 >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	wait_for grep -q established "$BATS_TEST_TMPDIR/err"
	first=$(submit ':')
	second=$(submit 'exit 1')
	wait $!
	equal "$(cat "$BATS_TEST_TMPDIR/out")" "$first: ok
$second: error"
}

@test "metadata.sh" {
	local id
	run -0 ./metadata.sh
	[ "$(grep -c '^  status: ok$' <<<"$output")" -eq 2 ]
	grep -q '^  stdout: 36$' <<<"$output"
	grep -q '^  stdout: 42$' <<<"$output"
	[ "$(grep -cE '^  completed: 20..-..-..T' <<<"$output")" -eq 2 ]
	id=$(submit 'echo one task')
	run -0 ./metadata.sh "$id"
	grep -q '^  stdout: one task$' <<<"$output"
}

@test "progress.sh" {
	local id
	id=$(submit '{"code": "true", "map": ["1", "2", "3"]}')
	run -0 ./progress.sh "$id"
	[[ $output == *'[########################################] 3/3 ok' ]]
	id=$(submit 'exit 3')
	run -1 ./progress.sh "$id"
	[[ $output == *'] 1/1 error' ]]
}

@test "as-they-arrive.sh" {
	run -0 ./as-they-arrive.sh
	[ "${lines[0]}" = 'slept 0.3 s' ]
	[ "${lines[1]}" = 'slept 0.1 s' ]
	[ "${lines[2]}" = 'slept 0.2 s' ]
	[[ ${lines[3]} =~ ^'as completed: '[012]' '[012]' '[012]$ ]]
}

@test "get-dict.sh" {
	local e
	run -0 ./get-dict.sh
	[ ${#lines[@]} -eq 3 ]
	for e in 0 1 2; do
		[ "${lines[$e]%% *}" = "$e" ]
		[ -d "/proc/${lines[$e]#* }" ]
		[ "$(cat "$MNT/engines/$e/vars/pids")" = "$output" ]
	done
	rm "$MNT/engines/all/vars/pids"
}

@test "speedup.sh" {
	run -0 ./speedup.sh 6
	[[ ${lines[0]} =~ ^'serial time: '[1-9][0-9]*\.[0-9]+' s'$ ]]
	[[ ${lines[2]} =~ ^'speedup:     '[0-9]+\.[0-9]+$ ]]
}

@test "split.sh" {
	run -0 ./split.sh
	[ "${lines[0]}" = '0: 1 times 1 is 1' ]
	[[ ${lines[1]} == '1: '* ]]
	[[ ${lines[1]} == *'exit status 1'* ]]
	[ "${lines[2]}" = '2: 3 times 3 is 9' ]
}

@test "Makefile" {
	run -0 make -s -j2
	[ "$output" = $(($(wc -l </usr/share/common-licenses/GPL-2) + \
		$(wc -l </usr/share/common-licenses/GPL-3))) ]
	run -0 make
	[ "$(ls -d "$MNT"/results/lines-* | wc -l)" -eq 2 ]
	run -0 make again
	run ls -d "$MNT"/results/lines-*
	[ "$status" -ne 0 ]
}

@test "map.py" {
	run -0 /usr/bin/python3 map.py
	[ "${lines[7]}" = '7 * 7 = 49' ]
	[[ ${lines[8]} == 'Remote I/O error - '* ]]
}

@test "outcomes.awk" {
	local id
	id=$(submit 'exit 1')
	done_with "$id" error
	run -0 ./outcomes.awk "$MNT"/results/*/status
	[[ $output =~ error' '+[0-9]+' results '+[0-9.]+' s' ]]
}

@test "submit.js" {
	run -0 ./submit.js
	[ "$(sort <<<"$output")" = "the value of one result is 42
the value of one result is 49" ]
}
