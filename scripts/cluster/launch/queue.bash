# queue.bash: engines that are jobs of a batch system: what --slurm and --pbs share. The
# jobs of a launch that have not ended KIND_jobs prints, one a line; it fails when nobody
# can say.
# shellcheck shell=bash disable=SC2154 # the command line is read elsewhere

# queue_check SYSTEM PROGRAM...
queue_check() {
	local program
	for program in "${@:2}"; do
		command -v "$program" >/dev/null ||
			die "there is no $program here: --$launcher needs $1"
	done
	words_of "$where"
}

# The system is asked once in a second or two; one that does not answer may know more.
declare -A queue_asked
queue_coming() {
	local jobs
	[ "$SECONDS" -ge "${queue_asked[$1]:-0}" ] || return 0
	queue_asked[$1]=$((SECONDS + 2))
	[ -s "$1/job" ] && { ! jobs=$("$(get "$1" kind)_jobs" "$1") || [ -n "$jobs" ]; }
}

# Until all jobs of the launch have ended; fails when they do not.
queue_await_end() {
	local jobs
	now_ms
	deadline=$((now + timeout * 1000))
	while jobs=$("$(get "$1" kind)_jobs" "$1") || return; [ -n "$jobs" ]; do
		now_ms
		[ "$now" -lt "$deadline" ] || return
		sleep 0.2
	done
}
