# start.bash: what is missing of a cluster on this machine is started.
# shellcheck shell=bash disable=SC2154 # the command line is read elsewhere

max_log=$((16 << 20)) # a log larger than this at a start is put aside

# become WHAT PROGRAM ARG...: this process becomes the program, in a session of its
# own, with no descriptors but its log and 9, where it tells that it is ready.
become() {
	local what=$1 log=$logs/$1.log fd
	shift
	exec 9>&1 </dev/null
	if [ -f "$log" ] && [ "$(stat -c %s "$log")" -gt "$max_log" ]; then
		mv -f "$log" "$log.1"
	fi
	{ (umask 077 && : >>"$log") && exec >>"$log"; } || die "cannot write $log"
	exec 2>&1
	for fd in "/proc/$BASHPID/fd"/*; do
		fd=${fd##*/}
		# 255 is the shell's own, and ends with it.
		case $fd in 0 | 1 | 2 | 9 | 255) ;; *) eval "exec $fd>&-" ;; esac
	done
	proc_stat "$BASHPID"
	printf '%s %s\n' "$BASHPID" "$started" >"$pids/$what.pid.tmp" &&
		mv "$pids/$what.pid.tmp" "$pids/$what.pid" &&
		exec setsid "$@"
}

# launch WHAT PROGRAM ARG...: starts it. Sets ready to where it tells; the end of
# file says that it died.
launch() {
	exec {ready}< <(become "$@")
}

# await WHAT FD NAME: until it is ready.
await() {
	local line='' rc left
	now_ms
	left=$((deadline - now))
	[ "$left" -gt 0 ] || left=1
	read -r -t "$((left / 1000)).$(printf %03d $((left % 1000)))" -u "$2" line
	rc=$?
	eval "exec $2<&-"
	if [ "$rc" -eq 0 ] || [ -n "$line" ]; then return 0; fi
	if [ "$rc" -gt 128 ]; then
		not_up "$1" "$3 did not come up within $timeout s"
	fi
	not_up "$1" "$3 did not come up"
}

not_up() {
	{
		printf '%s: %s; %s ends so:\n' "$self" "$2" "$logs/$1.log"
		tail -n 10 -- "$logs/$1.log" 2>/dev/null | sed 's/^/    /'
	} >&2
	exit 1
}

set_deadline() {
	now_ms
	deadline=$((now + timeout * 1000))
}

make_dirs() {
	(umask 077 && mkdir -p "$dir" "$pids" "$logs" "$dir/security") ||
		die "cannot make the cluster's directory $dir"
	[ -O "$dir" ] || die "$dir belongs to another user"
	exec {lock}>"$dir/.cluster.lock" || die "cannot write in $dir"
	flock -w "$timeout" "$lock" ||
		die "another $self works on $dir; try again"
}

start_controller() {
	if is_up taskfs-controller; then
		echo "controller runs, pid $pid"
		return
	fi
	launch taskfs-controller "$bin/taskfs-controller" --cluster-dir "$dir" \
		--ready-fd 9 "${controller_opts[@]}"
	await taskfs-controller "$ready" "the controller"
	is_up taskfs-controller || not_up taskfs-controller "the controller ended"
	echo "controller started, pid $pid"
}

# Of those that start_engines has launched, the next one.
await_engine() {
	await "${new[up]}" "${fds[up]}" "engine ${new[up]##*-}"
	up=$((up + 1))
}

# All of them come up side by side.
start_engines() {
	local i running=0 up=0 new=() fds=() w
	for w in $(engine_files); do
		if is_up "$w"; then
			running=$((running + 1))
		else
			rm -f "$pids/$w.pid"
		fi
	done
	for ((i = 0; running + ${#new[@]} < engines; i++)); do
		w=taskfs-engine-$i
		is_up "$w" && continue
		launch "$w" "$bin/taskfs-engine" --cluster-dir "$dir" \
			--id "$i" --timeout "$timeout" --ready-fd 9 \
			"${engine_opts[@]}"
		new+=("$w")
		fds+=("$ready")
		# Each of them is a descriptor here until it has come up.
		if [ $((${#new[@]} - up)) -ge 200 ]; then await_engine; fi
	done
	while [ "$up" -lt ${#new[@]} ]; do await_engine; done
	total=$((running + ${#new[@]}))
	case $running,${#new[@]} in
	*,0) echo "engines    $running run" ;;
	0,*) echo "engines    $total started" ;;
	*) echo "engines    $running run, ${#new[@]} more started" ;;
	esac
}

# place_mount: before anything is started. Sets at, the place to mount on, and
# there when the cluster is mounted on it already.
place_mount() {
	local old
	at=
	there=
	[ "$mount" != none ] || return 0
	mkdir -p "$(dirname -- "$mount")" ||
		die "cannot make the directory of $mount"
	at=$(absolute "$mount") || die "there is no directory for $mount"
	if is_up taskfs && mount_point; then
		old=$point
		if [ "$old" = "$at" ] && is_mounted "$at" && answers "$at" "$patience"; then
			there=1
			return
		fi
		[ "$old" = "$at" ] || is_mounted "$old" &&
			[ "$old" != "$at" ] &&
			die "the cluster is mounted at $old; $self stop --name $name first, or mount it there too: taskfs $dir $mount"
		end taskfs
	fi
	unmount "$at" || die "cannot take the dead mount away from $mount"
	make_mount_directory "$at"
	if [ -n "$(ls -A -- "$at")" ]; then
		die "$mount is not empty: give another directory with --mount"
	fi
}

start_mount() {
	[ -n "$at" ] || return 0
	if [ -n "$there" ]; then
		see_engines "$at"
		is_up taskfs || not_up taskfs "the mount ended"
		echo "mount      is there, at $mount, pid $pid"
		return
	fi
	printf '%s\n' "$at" >"$pids/taskfs.mount"
	launch taskfs "$bin/taskfs" "$dir" "$at" -f --wait "$timeout" \
		--ready-fd 9 "${mount_opts[@]}"
	await taskfs "$ready" "the mount"
	is_up taskfs || not_up taskfs "the mount ended"
	answers "$at" "$timeout" || not_up taskfs "the mount does not answer"
	see_engines "$at"
	is_up taskfs || not_up taskfs "the mount ended"
	echo "mount      $mount, pid $pid"
}

# The mount hears of engines from the controller: wait until it knows all. One
# that was about to end when it was counted (its guard goes a moment after it)
# is started again.
see_engines() {
	local known up w state
	set_deadline
	while :; do
		known=$(find "$1/engines" -maxdepth 1 -name '[0-9]*' | wc -l)
		read -r state <"$1/controller/state"
		[ "$known" -lt "$total" ] || [ "$state" != connected ] ||
			return 0
		now_ms
		[ "$now" -lt "$deadline" ] ||
			not_up taskfs "the mount shows $known of $total engines, and the controller as: $state"
		up=0
		for w in $(engine_files); do
			if is_up "$w"; then up=$((up + 1)); fi
		done
		[ "$up" -ge "$engines" ] || start_engines
		sleep 0.02
	done
}

what_next() {
	local stop="$self stop" at=${mount#./}
	[ "$name" = default ] || stop="$stop --name $name"
	if [ -n "${MAKELEVEL-}" ]; then
		stop="make stop"
		[ "$name" = default ] || stop="$stop NAME=$name"
	fi
	[ "$mount" = none ] || cat <<END

Try:   echo 'sleep 1; hostname' > $at/tasks/new
       cat $at/results/latest/status
       cat $at/results/latest/value
       cat $at/README
END
	printf 'Stop:  %s\n' "$stop"
}

start() {
	find_bin
	make_dirs
	place_mount
	echo "cluster    $name, in $dir"
	set_deadline
	start_controller
	set_deadline
	start_engines
	set_deadline
	start_mount
	what_next
}
