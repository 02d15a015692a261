# mpi.bash: engines as the processes of an mpiexec, which runs on this machine for as
# long as they do. The rank is the id that an engine asks for.
# shellcheck shell=bash disable=SC2154 # the command line is read elsewhere

mpi_command=()

mpi_check() {
	words_of "${TASKFS_MPIEXEC:-mpiexec}"
	mpi_command=("${words[@]}")
	command -v "${words[0]}" >/dev/null ||
		die "there is no ${words[0]} here: --mpi needs MPI (Debian: mpich, or openmpi-bin)"
	words_of "$where"
	mpi_command+=("${words[@]}")
	# Open MPI gives its processes no environment that is not named.
	[[ $("${mpi_command[0]}" --version 2>/dev/null) != *'Open'* ]] ||
		mpi_command+=(-x IPP_CONNECTION_INFO)
}
mpi_places() { printf '%s\n' "$where"; }
mpi_tellers() { echo "$count"; }

# This process notes what it is, lets the lock go, and becomes mpiexec.
mpi_become() {
	local text fd
	IPP_CONNECTION_INFO=$(<"$connection")
	export IPP_CONNECTION_INFO
	# shellcheck disable=SC2016 # expanded there
	text=$(values "$1" && cat "$parts/launch/host.sh" && echo 'main rank "$@"')
	exec </dev/null >"$1/said" 2>&1
	proc_stat "$BASHPID"
	printf '%s %s\n' "$BASHPID" "$started" >"$1/pid"
	for fd in "/proc/$BASHPID/fd"/*; do
		fd=${fd##*/}
		case $fd in 0 | 1 | 2 | 255) ;; *) eval "exec $fd>&-" ;; esac
	done
	exec setsid "${mpi_command[@]}" -n "$count" sh -c "$text"
}
mpi_launch() {
	: >"$1/sent"
	mpi_become "$1" &
	mpi_process[$1]=$!
}
declare -A mpi_process
mpi_coming() { kill -0 "${mpi_process[$1]}" 2>/dev/null; }
mpi_give_up() { :; }

# Does mpiexec run? Sets pid.
mpi_is_up() {
	local want
	pid=
	{ read -r pid want <"$1/pid"; } 2>/dev/null || return 1
	proc_stat "$pid" && [ "$started" = "$want" ] && [[ $state != [ZX] ]]
}
mpi_state() {
	if mpi_is_up "$1"; then
		echo "running $(get "$1" count) pid $pid, log $1/said"
	else
		echo "ended 0 log $1/said"
	fi
}
# mpi_end LAUNCH SIGNAL: fails when mpiexec does not end.
mpi_end() {
	now_ms
	deadline=$((now + timeout * 1000))
	mpi_is_up "$1" && kill "-$2" "$pid" 2>/dev/null
	while mpi_is_up "$1"; do
		now_ms
		[ "$now" -lt "$deadline" ] || return
		sleep 0.1
	done
}
mpi_cancel() { mpi_end "$1" TERM || mpi_end "$1" KILL; }
