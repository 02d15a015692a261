# slurm.bash: each engine is a job of Slurm, all of a launch are one array, which has the
# launch's token for its name: so it is found again whatever was noted of it.
# shellcheck shell=bash disable=SC2154 # the command line is read elsewhere

slurm_check() { queue_check Slurm sbatch squeue scancel; }
slurm_places() { printf '%s\n' "$where"; }
slurm_tellers() { echo "$count"; }
slurm_launch() {
	: >"$1/sent"
	{
		script "$1"
		# shellcheck disable=SC2016 # expanded there
		echo 'main job "$@"'
	} | sbatch --parsable "${words[@]}" --job-name="${1##*/}" --output="$1/said.%a" \
		--array="0-$((count - 1))" >"$1/job" 2>"$1/error"
}

# Lines of state and reason, one a job.
slurm_jobs() {
	squeue --noheader --array --name="${1##*/}" --format='%T %r' 2>"$1/error"
}
slurm_coming() { queue_coming "$1"; }
slurm_give_up() { :; }
slurm_state() {
	local jobs running waiting about
	about="job $(get "$1" job), log $1/said.*"
	if ! jobs=$(slurm_jobs "$1"); then
		echo "unknown 0 $(get "$1" error)"
		return
	fi
	running=$(grep -c '^RUNNING' <<<"$jobs")
	waiting=$(grep . <<<"$jobs" | grep -vE '^(RUNNING|COMPLETING) ')
	if [ -n "$waiting" ]; then
		echo "waiting $running $about, $(sort <<<"$waiting" | uniq -c |
			sed -e 's/^ *\([0-9]*\) PENDING \(.*\)/\1 wait: \2/' -e t \
				-e 's/^ *\([0-9]*\) \([A-Z_]*\) .*/\1 wait: \2/' | paste -sd ';')"
	elif [ -n "$jobs" ]; then
		echo "running $running $about"
	else
		echo "ended 0 $about"
	fi
}
slurm_cancel() {
	scancel --name="${1##*/}" 2>"$1/error" && queue_await_end "$1"
}
