# pbs.bash: each engine is a job of PBS (OpenPBS, PBS Pro, Torque) whose name is the
# launch's token. A job writes its log itself: PBS brings it only when the job has ended.
# shellcheck shell=bash disable=SC2154 # the command line is read elsewhere

pbs_check() { queue_check PBS qsub qselect qdel; }
pbs_places() { printf '%s\n' "$where"; }
pbs_tellers() { echo "$count"; }
pbs_launch() {
	local i
	: >"$1/sent"
	for ((i = 0; i < count; i++)); do
		{
			script "$1"
			printf 'said=%s\n' "$(quoted "$1/said.$i")"
			# shellcheck disable=SC2016 # expanded there
			echo 'main job "$@"'
		} | qsub -S /bin/sh "${words[@]}" -N "${1##*/}" -j oe -o "$1/error.$i" \
			>>"$1/job" 2>>"$1/error" || break
	done
}

# pbs_jobs LAUNCH [OPTION]...: those that have not ended.
pbs_jobs() {
	qselect -N "${1##*/}" "${@:2}" 2>"$1/error"
}
pbs_coming() { queue_coming "$1"; }
pbs_give_up() { :; }
pbs_state() {
	local jobs running about
	about="job $(paste -sd ' ' "$1/job"), log $1/said.*"
	if ! jobs=$(pbs_jobs "$1") || ! running=$(pbs_jobs "$1" -s R); then
		echo "unknown 0 $(get "$1" error)"
		return
	fi
	jobs=$(grep -c . <<<"$jobs")
	running=$(grep -c . <<<"$running")
	if [ "$jobs" -gt "$running" ]; then
		echo "waiting $running $about, $((jobs - running)) wait"
	elif [ "$jobs" -gt 0 ]; then
		echo "running $running $about"
	else
		echo "ended 0 $about"
	fi
}
pbs_cancel() {
	local jobs
	jobs=$(pbs_jobs "$1") || return
	# shellcheck disable=SC2086 # words
	[ -z "$jobs" ] || qdel $jobs 2>"$1/error"
	queue_await_end "$1"
}
