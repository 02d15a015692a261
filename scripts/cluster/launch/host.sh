#!/bin/sh
# host.sh: what engines need where they are to run. The text is read by a sh there,
# from a channel (ssh, a job's script) that has brought these values before it:
#
#	token, place        the launch, and its directory on this host
#	bin, count, slots, timeout
#	interface, machine  where the controller listens, and on which machine
#	IPP_CONNECTION_INFO the text of the connection file: in the environment, so that it
#	                    is in no file and on no command line
#	"$@"                more options for each engine
#
# What is to be done stands behind it: `main start "$@"`. Lines of one word and a number
# are for taskfs-cluster: "expect 2", "ready 5" (an engine's id), "up 2"; all other
# lines are for people.
# shellcheck disable=SC2154 # the values

place=${place:-${XDG_STATE_HOME:-$HOME/.local/state}/taskfs/launched/$token}

# Which machine, and which network of it.
this_machine() {
	cat /proc/sys/kernel/random/boot_id
	readlink /proc/self/ns/net
}

can_reach() {
	case $interface in
	tcp://127.* | tcp://localhost | 'tcp://[::1]') ;;
	*) return 0 ;;
	esac
	[ "$(this_machine)" != "$machine" ] || return 0
	echo "$(uname -n) cannot reach the controller, which listens on ${interface#tcp://} only." \
		"Stop the cluster, and start it with --controller-opt --ip='*'"
	return 1
}

# Deployed, at the same place as on the controller's machine, or in PATH.
find_engine() {
	for engine in "$place/bin" "$bin" "$HOME/.local/bin"; do
		engine=$engine/taskfs-engine
		[ ! -x "$engine" ] || return 0
	done
	engine=$(command -v taskfs-engine) && return
	echo "there is no taskfs-engine on $(uname -n): neither in $bin, nor in ~/.local/bin," \
		"nor in PATH; install it there, or use --ssh with --deploy"
	return 1
}

# run OPTION...: this process becomes an engine that says on standard output when it is
# registered.
run() {
	exec "$engine" --timeout "$timeout" --slots "$slots" --ready-fd 3 "$@" 3>&1
}

# --- engines that outlive the channel -------------------------------------------

# It notes its pid and start time, and becomes the engine.
# shellcheck disable=SC2016 # expanded there
noted='note=$1
shift
read -r stat <"/proc/$$/stat"
echo "$$ $(echo "${stat##*) }" | cut -d " " -f 20)" >"$note" && exec "$@"'

# begin N OPTION...: standard output is a pipe, which ends when the engine has.
begin() {
	n=$1
	shift
	exec 3>&1 >>"$place/log.$n" 2>&1 </dev/null
	if [ -n "${BASH_VERSION-}" ]; then
		# On the controller's machine there may be more.
		for fd in /proc/self/fd/*; do
			fd=${fd##*/}
			case $fd in 0 | 1 | 2 | 3 | 255) ;; *) eval "exec $fd>&-" ;; esac
		done
	fi
	setsid sh -c "$noted" sh "$place/pid.$n" "$engine" --timeout "$timeout" \
		--slots "$slots" --ready-fd 3 "$@" &
}

# come N: tells when the engine is ready, or how its log ends.
come() {
	if read -r line; then
		echo "$line"
	else
		echo "engine $1 ended; its log on $(uname -n) ends so:"
		tail -n 10 "$place/log.$1"
	fi
}

# deployed() is there with --deploy, and writes the program.
prepare() {
	(
		umask 077
		mkdir -p "$place" && uname -n >"$place/host" &&
			cat /proc/sys/kernel/random/boot_id >"$place/boot" || exit
		! command -v deployed >/dev/null || {
			mkdir -p "$place/bin" && deployed >"$place/bin/taskfs-engine" &&
				chmod 700 "$place/bin/taskfs-engine"
		}
	)
}

start() {
	slots=${slots:-auto}
	can_reach && prepare && find_engine || return
	echo "logs $place/log.*"
	echo "expect $count"
	n=0
	while [ "$n" -lt "$count" ]; do
		begin "$n" "$@" | come "$n" &
		n=$((n + 1))
	done
	wait
}

# is_up FILE: does the process that FILE notes run? Sets pid.
is_up() {
	pid='' started=''
	read -r pid started <"$1" 2>/dev/null || return 1
	[ "$(cat "$place/boot")" = "$(cat /proc/sys/kernel/random/boot_id)" ] || return 1
	# shellcheck disable=SC2046 # words
	set -- $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null)
	case ${1-} in '' | Z | X) return 1 ;; esac
	[ "${20}" = "$started" ]
}

# each_up COMMAND...: for each engine that runs, with its pid behind it; counts them.
each_up() {
	up=0
	for note in "$place"/pid.*; do
		if [ -e "$note" ] && is_up "$note"; then
			up=$((up + 1))
			"$@" "$pid" 2>/dev/null
		fi
	done
}

# gone_in SECONDS
gone_in() {
	tenths=$(($1 * 10))
	while each_up :; [ "$up" -gt 0 ]; do
		[ "$tenths" -gt 0 ] || return 1
		tenths=$((tenths - 1))
		sleep 0.1
	done
}

# One name may lead to several hosts that share a home.
is_that_host() {
	[ ! -e "$place/host" ] || [ "$(cat "$place/host")" = "$(uname -n)" ] || {
		echo "the engines are on $(cat "$place/host"), and this is $(uname -n)" >&2
		return 1
	}
}

stop() {
	is_that_host || return
	each_up kill -TERM
	gone_in "$timeout" || {
		each_up kill -KILL
		gone_in "$timeout" || return
	}
	rm -rf "$place"
	rmdir "${place%/*}" 2>/dev/null
	echo "up 0"
}

state() {
	is_that_host || return
	each_up :
	echo "up $up"
}

# --- engines that are the channel's own process ---------------------------------

# The cores that a job has been given, where its cgroup does not say.
job_slots() {
	[ -z "${slots#auto}" ] || return 0
	slots=${SLURM_CPUS_PER_TASK:-${SLURM_CPUS_ON_NODE:-${NCPUS:-${PBS_NUM_PPN:-auto}}}}
}

# When the job ends, where its environment does not say: an older Slurm, or OpenPBS. The
# job has just begun. What is no time is not passed on.
job_end() {
	if [ -n "${SLURM_JOB_ID-}" ] && [ -z "${SLURM_JOB_END_TIME-}" ]; then
		end=$(squeue -h -j "$SLURM_JOB_ID" -o %e 2>/dev/null | head -n 1)
		SLURM_JOB_END_TIME=$([ -z "$end" ] || date -d "$end" +%s 2>/dev/null)
		export SLURM_JOB_END_TIME
	elif [ -n "${PBS_JOBID-}" ] && [ -z "${PBS_WALLTIME-}" ]; then
		PBS_WALLTIME=$(qstat -f "$PBS_JOBID" 2>/dev/null | awk -F '[ :]+' '
			/^ *Resource_List.walltime = [0-9]+:[0-9]+:[0-9]+$/ {
				print ($(NF - 2) * 60 + $(NF - 1)) * 60 + $NF }')
		export PBS_WALLTIME
	fi
}

# A job of Slurm or PBS. One of several tasks of Slurm is an engine for each of them.
job() {
	[ -z "${said-}" ] || exec >>"$said" 2>&1
	can_reach && find_engine || exit
	tasks=${SLURM_NTASKS:-${SLURM_JOB_NUM_NODES:-1}}
	echo "expect $tasks"
	asked=${slots#auto}
	job_slots
	job_end
	if [ "$tasks" -gt 1 ]; then
		[ -n "$asked" ] || [ "$tasks" = "${SLURM_JOB_NUM_NODES-}" ] ||
			slots=${SLURM_CPUS_PER_TASK:-1}
		# shellcheck disable=SC2016 # expanded there
		exec srun --export=ALL ${SLURM_CPUS_PER_TASK:+-c "$SLURM_CPUS_PER_TASK"} \
			sh -c 'exec "$@" 3>&1' sh "$engine" --timeout "$timeout" \
			--slots "$slots" --ready-fd 3 "$@"
	fi
	run "$@"
}

# A process of mpiexec.
rank() {
	slots=${slots:-1}
	can_reach && find_engine || exit
	echo "expect 1"
	run --mpi "$@"
}

main() {
	"$@" </dev/null
}
