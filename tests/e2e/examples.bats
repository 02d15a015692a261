# bats file_tags=check
# doc/examples, each run as it is written; those in pools by pools.bats and
# poolhosts.bats, those in notebook and snakemake by
# notebook.bats and snakemake.bats.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 3; }
teardown_file() { cluster_down; }
setup() {
	test_begin
	export TASKFS=$MNT
	cd "$ROOT/doc/examples" || return
}
teardown() {
	cd /
	rm -rf "$HOME_DIR/make"
	test_end
}

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

# texts NAME...: three words each, and the Makefile beside them.
texts() {
	local name
	export PATH=$ROOT/scripts:$PATH
	mkdir -p "$HOME_DIR/make/texts"
	cd "$HOME_DIR/make" || return
	cp "$ROOT/doc/examples/make/Makefile" .
	for name; do echo one two three >"texts/$name.txt"; done
}
# submitted: how many results there are.
submitted() {
	tail -n +2 "$MNT/results/table" | wc -l
}
# adds N COMMAND...: it submits so many.
adds() {
	local want=$(($(submitted) + $1))
	shift
	"$@" >"$HOME_DIR/out" 2>&1 3>&- || return
	equal "$(submitted)" "$want"
}

@test "make: what is missing is done, and nothing else" {
	texts a b c
	adds 4 make -j4
	equal "$(<total.txt)" 9
	adds 0 make
	grep -q 'up to date' "$HOME_DIR/out"
	echo four >>texts/b.txt
	adds 2 make -j4
	equal "$(<total.txt)" 10
	texts d
	adds 2 make
	equal "$(<total.txt)" 13
	make clean 3>&-
	[ ! -e "$MNT/results/total" ] && [ ! -e "$MNT/results/words-a" ]
	make clean 3>&-
}

@test "make: a failure stops it; then only what failed is done again" {
	local rc=0
	texts e f
	mkdir texts/g.txt
	make -k -j4 >"$HOME_DIR/out" 2>&1 3>&- || rc=$?
	equal "$rc" 2
	grep -q 'Is a directory' "$HOME_DIR/out"
	[ ! -e "$MNT/results/words-g/ok" ] && [ ! -e "$MNT/results/total" ] && [ ! -e total.txt ]
	fails_with EISDIR make
	rmdir texts/g.txt
	texts g
	adds 2 make -j4
	equal "$(<total.txt)" 9
	make clean 3>&-
}

@test "make -j: tasks run at the same time; Ctrl-C aborts them" {
	local gate pid rc=0
	gate=$(gate texts)
	texts
	# wc reads from it, and waits.
	ln -s "$gate" texts/h.txt
	ln -s "$gate" texts/i.txt
	/usr/bin/python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
os.setsid()
os.execvp(sys.argv[1], sys.argv[1:])' make -j2 >"$HOME_DIR/out" 2>&1 3>&- &
	pid=$!
	wait_for both_run
	kill -INT -- "-$pid"
	wait "$pid" || rc=$?
	[ "$rc" -ne 0 ]
	equal "$(get words-h wait) $(get words-i wait)" 'aborted aborted'
	[ ! -e "$MNT/results/words-h/ok" ]
	leave_gate_open texts
	adds 3 make -j2
	equal "$(<total.txt)" 0
	make clean 3>&-
}
both_run() {
	[ "$(cat "$MNT"/results/words-[hi]/status 2>/dev/null)" = $'running\nrunning' ]
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
