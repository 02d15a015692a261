# status.bash: a line for each process, launch, pool and mount of a cluster.
# shellcheck shell=bash disable=SC2154 # the command line is read elsewhere

up=0
down=0
row() {
	printf '%-14s %-12s %s\n' "$1" "$2" "$3"
}

process_row() {
	if is_up "$1"; then
		row "$2" running "pid $pid, log $logs/$1.log"
		up=$((up + 1))
	elif [ -e "$pids/$1.pid" ] || [ "${3-}" = needed ]; then
		row "$2" "not running" "log $logs/$1.log"
		down=$((down + 1))
	fi
}

mount_row() {
	if ! mount_point; then
		row mount none ""
		return
	fi
	if ! is_mounted "$point"; then
		row mount "not mounted" "$point"
		down=$((down + 1))
	elif answers "$point" "$patience"; then
		is_up taskfs
		row mount mounted "$point, pid ${pid:-?}"
		up=$((up + 1))
	else
		row mount "no answer" "$point"
		down=$((down + 1))
	fi
}

# Jobs that have ended, or that wait, are as they should be.
launch_row() {
	local kind state n details
	kind=$(get "$1" kind)
	read -r state n details < <("${kind}_state" "$1")
	case $state,$kind in
	running,*) state="$n running" ;;
	ended,slurm | ended,pbs) ;;
	waiting,*) state="$n running" ;;
	*) down=$((down + 1)) ;;
	esac
	[ "$n" -eq 0 ] || up=$((up + 1))
	case $kind in ssh) kind=$(get "$1" where) ;; esac
	row "$kind" "$state" "$details"
}

# As the controller says, or said: without it nobody looks after what was launched.
pool_rows() {
	local what name word engines jobs _
	while IFS=$'\t' read -r what name word engines jobs _; do
		[ "$what" = pool ] || continue
		if ! is_up taskfs-controller; then
			[ "$jobs" -gt 0 ] || continue
			word="not running"
			down=$((down + 1))
		fi
		row "pool $name" "$word" "engines: $engines, jobs: $jobs"
	done < <(pools_noted)
}

status() {
	local w all
	row cluster "$name" "$dir"
	process_row taskfs-controller controller needed
	for w in $(engine_files); do
		process_row "$w" "engine ${w##*-}"
	done
	mapfile -t all < <(launches)
	for w in "${all[@]}"; do
		launch_row "$w"
	done
	pool_rows
	mount_row
	[ "$down" -eq 0 ] && return 0
	[ "$up" -eq 0 ] && return 3
	return 1
}
