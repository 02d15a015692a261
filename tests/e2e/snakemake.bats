# bats file_tags=check
# doc/examples/snakemake: a workflow on a cluster that is mounted.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 2; }
teardown_file() { cluster_down; }
setup() {
	test_begin
	# Without it Snakemake looks for what has ended every ten seconds.
	export CI=true TASKFS=$MNT PATH=$ROOT/scripts:$PATH
	mkdir "$HOME_DIR/flow"
	cd "$HOME_DIR/flow" || return
	cp -r "$ROOT"/doc/examples/snakemake/* .
}
teardown() {
	cd /
	rm -rf "$HOME_DIR/flow"
	test_end
}

snake() {
	snakemake --profile taskfs "$@" >"$HOME_DIR/snakemake.log" 2>&1 3>&-
}
# statuses: of the results since MARK, `2 ok` and so on.
statuses() {
	tail -n +2 "$MNT/results/table" | awk -F '\t' -v n="$FIRST" '$1 > n { print $2 }' | sort | uniq -c |
		awk '{ printf "%s%s %s", s, $1, $2; s = ", " }'
}
mark() {
	FIRST=$(tail -n 1 "$MNT/results/table" | cut -f 1)
	[ "$FIRST" != result ] || FIRST=0
}

@test "thirty jobs, one fails; then only what is missing; then nothing" {
	local id rc=0
	mark
	snake --keep-going --config bad=7 || rc=$?
	equal "$rc" 1
	equal "$(statuses)" '1 error, 26 ok'
	[ ! -e sum ]
	# The id in Snakemake's message leads to what went wrong.
	id=$(sed -n 's/^Error executing rule text on cluster .*external: \([0-9]*\),.*/\1/p' "$HOME_DIR/snakemake.log")
	equal "$(get "$id" status) $(get "$id" label)" 'error snakejob.text.'"$(get "$id" label | sed 's/.*\.//')"
	tfs log "$id" 2>&1 | grep 'Error in rule text'

	mark
	snake
	equal "$(statuses)" '4 ok'
	equal "$(<report)" 'There are 91 words.'
	equal "$(cat texts/7 | wc -l)" 7

	mark
	snake
	equal "$(statuses)" ''
}

# waiting NAME: four jobs that wait at a gate, and never come through.
waiting() {
	cat >Snakefile <<-END
		rule all:
		    input: expand("{n}.out", n=range(4))
		rule wait:
		    output: "{n}.out"
		    shell: "cat $1 > {output}"
	END
}
two_run() {
	[ "$(statuses)" = '2 pending, 2 running' ] && [ "$(pgrep -fc "^cat $1$")" = 2 ]
}

@test "Ctrl-C cancels what runs and what waits" {
	local gate pid rc=0
	gate=$(gate never)
	waiting "$gate"
	mark
	/usr/bin/python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
os.execvp(sys.argv[1], sys.argv[1:])' snakemake --profile taskfs >"$HOME_DIR/snakemake.log" 2>&1 3>&- &
	pid=$!
	wait_for two_run "$gate"
	kill -INT "$pid"
	wait "$pid" || rc=$?
	equal "$rc" 1
	for id in "$MNT"/tasks/[0-9]*; do
		[ ! -e "$id/wait" ] || cat "$id/wait" >/dev/null
	done
	equal "$(statuses)" '4 aborted'
	leave_gate_open never
	mark
	snake --rerun-incomplete
	equal "$(statuses)" '4 ok'
}

statuses_are() {
	[ "$(statuses)" = "$1" ]
}

@test "a job that is aborted from outside has failed" {
	local gate pid id rc=0
	gate=$(gate never)
	waiting "$gate"
	mark
	snake --jobs 1 &
	pid=$!
	wait_for statuses_are '1 running'
	id=$(tail -n 1 "$MNT/results/table" | cut -f 1)
	echo abort >"$MNT/results/$id/ctl"
	wait "$pid" || rc=$?
	equal "$rc" 1
	equal "$(statuses)" '1 aborted'
	grep "external: $id," "$HOME_DIR/snakemake.log"
}
@test "status reads the table once for many jobs" {
	local id rc=0
	mkdir .snakemake
	id=$(submit ':')
	done_with "$id"
	equal "$(taskfs/status "$id")" success
	: >.snakemake/taskfs.table
	equal "$(taskfs/status "$id")" running # until it is read again
	touch -d '1 minute ago' .snakemake/taskfs.table
	equal "$(taskfs/status "$id")" success
	touch -d '1 minute ago' .snakemake/taskfs.table
	rmdir "$MNT/results/$id"
	equal "$(taskfs/status "$id" 2>"$HOME_DIR/err")" failed
	grep 'not there any more' "$HOME_DIR/err"
	touch -d '1 minute ago' .snakemake/taskfs.table
	TASKFS=/nowhere taskfs/status "$id" 2>"$HOME_DIR/err" || rc=$?
	equal "$rc" 1
}

@test "each file of the profile is one that Snakemake uses" {
	local f
	for f in taskfs/*; do
		case $f in */config.yaml) continue ;; esac
		[ -x "$f" ]
		grep -qE "^cluster.*: \"?${f##*/}( |\"|$)" taskfs/config.yaml
	done
}
