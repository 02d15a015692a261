# pbs.bash: each engine is a job of PBS (OpenPBS, PBS Pro, Torque) whose name is the
# launch's token. A job writes its log itself: PBS brings it only when the job has ended.
# shellcheck shell=bash disable=SC2154 # the command line is read elsewhere

pbs_check() {
	local program
	for program in qsub qselect qdel; do
		command -v "$program" >/dev/null || die "there is no $program here: --pbs needs PBS"
	done
	words_of "$where"
}
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
declare -A pbs_asked
pbs_coming() {
	local jobs
	[ "$SECONDS" -ge "${pbs_asked[$1]:-0}" ] || return 0
	pbs_asked[$1]=$((SECONDS + 2))
	[ -s "$1/job" ] && { ! jobs=$(pbs_jobs "$1") || [ -n "$jobs" ]; }
}
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
	now_ms
	deadline=$((now + timeout * 1000))
	while jobs=$(pbs_jobs "$1") || return; [ -n "$jobs" ]; do
		now_ms
		[ "$now" -lt "$deadline" ] || return
		sleep 0.2
	done
}
