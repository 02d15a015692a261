# processes.bash: the cluster's own, by number and start time; ending them.
# shellcheck shell=bash disable=SC2034,SC2154 # shared with the other parts

# proc_stat PID: sets state and started; fails when there is no such process.
proc_stat() {
	local line
	{ read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
	line=${line##*) }
	# shellcheck disable=SC2086
	set -- $line
	state=$1
	started=${20}
}

# is_up WHAT: does the process of pid/WHAT.pid run? Sets pid.
is_up() {
	local file=$pids/$1.pid want comm=''
	pid=
	{ read -r pid want <"$file"; } 2>/dev/null || return 1
	if [[ $pid =~ ^[0-9]+$ ]] && proc_stat "$pid" &&
		[ "$started" = "$want" ] && [ "$state" != Z ] &&
		[ "$state" != X ]; then
		{ read -r comm <"/proc/$pid/comm"; } 2>/dev/null
		# Between fork and exec it is still a shell.
		case $comm in taskfs* | bash | setsid) return 0 ;; esac
	fi
	return 1
}

# Milliseconds of a clock that only goes forward.
now_ms() {
	local up rest
	read -r up rest </proc/uptime
	now=$((10#${up/./} * 10))
}

# gone_within MS WHAT...: waits until none of them runs.
gone_within() {
	local until w
	now_ms
	until=$((now + $1))
	shift
	for w; do
		while is_up "$w"; do
			now_ms
			[ "$now" -lt "$until" ] || return 1
			sleep 0.02
		done
	done
}

signal_all() {
	local sig=$1 w
	shift
	for w; do
		# The process of a pid just verified.
		if is_up "$w"; then kill "-$sig" "$pid" 2>/dev/null; fi
	done
	return 0
}

# end WHAT...: TERM, and KILL for those that do not obey in time.
end() {
	signal_all TERM "$@"
	gone_within $((timeout * 1000)) "$@" && return 0
	signal_all KILL "$@"
	gone_within $((timeout * 1000)) "$@"
}

engine_files() {
	local f
	for f in "$pids"/taskfs-engine-*.pid; do
		[ -e "$f" ] || continue
		f=${f##*/}
		printf '%s\n' "${f%.pid}"
	done | sort -t- -k3n
}
