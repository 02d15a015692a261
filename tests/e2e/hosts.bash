# hosts.bash: real hosts for engines, on this machine: an sshd with keys of its own,
# a Slurm with nodes of its own. Each is below $HOME_DIR, and ends with the test file.
# shellcheck shell=bash

# shown ID...: the mount hears of an engine a moment after that is registered.
shown() {
	local id
	for id; do wait_for test -d "$MNT/engines/$id"; done
}

# launched_down HOSTS [PATTERN]...: the end of a test, which causes such lines in the logs: the cluster stops, and of what was launched
# nothing is left, neither a process (cluster_down looks) nor a file.
launched_down() {
	local rc=0
	if [ -n "${BATS_TEST_COMPLETED:-}" ]; then
		cluster stop >"$HOME_DIR/stop.out" 2>&1 || {
			cat "$HOME_DIR/stop.out"
			rc=1
		}
		[ -z "$(find "$DIR/launched" "$HOME_DIR"/*/home -name 'taskfs-*' 2>/dev/null)" ] || rc=1
		wait_for only_hosts
	else
		say_logs
	fi
	"$1_down"
	[ -n "${BATS_TEST_COMPLETED:-}" ] || end_processes
	cluster_down "${@:2}" || rc=1
	return "$rc"
}
only_hosts() {
	! processes | grep -qvE '/sshd |slurm|munged|^[0-9]+ sshd: |^[0-9]+ sleep 100000'
}

# free_port: one that nobody listens on now.
free_port() {
	/usr/bin/python3 -c '
import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# --- sshd -------------------------------------------------------------------------

# sshd_up: an sshd on loopback that lets this user in with a key of the test, and
# `ssh -F $SSHD/config HOST` for the hosts one, two and localhost. For them HOME is
# $SSHD/home. TASKFS_SSH says so.
sshd_up() {
	export SSHD=$HOME_DIR/sshd TASKFS_SSH="ssh -F $HOME_DIR/sshd/config"
	mkdir -m 700 "$SSHD" "$SSHD/home"
	# Debian's has this at every boot.
	[ "$(id -u)" -ne 0 ] || install -d -m 755 /run/sshd
	SSHD_PORT=$(free_port)
	export SSHD_PORT
	sshd_configure "$SSHD_PORT"
	sshd_start
}

# Also again, when a test has ended it.
sshd_start() {
	# With its whole path, it says.
	env "TASKFS_E2E=$MARK" "$(PATH=$PATH:/usr/sbin command -v sshd)" \
		-f "$SSHD/sshd_config" -E "$SSHD/sshd.log" 3>&- || {
		cat "$SSHD/sshd.log"
		return 1
	}
	wait_for test -s "$SSHD/pid"
}

sshd_configure() {
	[ -f "$SSHD/key" ] || {
		ssh-keygen -q -t ed25519 -N '' -f "$SSHD/host_key" </dev/null
		ssh-keygen -q -t ed25519 -N '' -f "$SSHD/key" </dev/null
		cp "$SSHD/key.pub" "$SSHD/authorized_keys"
	}
	cat >"$SSHD/sshd_config" <<-END
		ListenAddress 127.0.0.1
		Port $1
		HostKey $SSHD/host_key
		PidFile $SSHD/pid
		AuthorizedKeysFile $SSHD/authorized_keys
		StrictModes no
		UsePAM no
		PasswordAuthentication no
		PermitRootLogin yes
		SetEnv HOME=$SSHD/home TASKFS_E2E=$MARK TMPDIR=${TMPDIR:-/tmp} LC_ALL=C.UTF-8
	END
	cat >"$SSHD/config" <<-END
		Host one two localhost
		    HostName 127.0.0.1
		    Port $1
		    IdentityFile $SSHD/key
		    IdentitiesOnly yes
		    UserKnownHostsFile $SSHD/known_hosts
		    StrictHostKeyChecking accept-new
		    HostKeyAlias one
		    LogLevel ERROR
		    IdentityAgent none
		# What nobody listens on.
		Host away
		    HostName 127.0.0.1
		    Port 1
	END
}

sshd_down() {
	[ ! -s "${SSHD:-/nowhere}/pid" ] || kill "$(<"$SSHD/pid")"
}

# --- Slurm ------------------------------------------------------------------------

# slurm_up NODES CPUS: a slurmctld, so many slurmd of so many cores, and their munged.
# SLURM_CONF says which.
slurm_up() {
	export SLURM=$HOME_DIR/slurm SLURM_CONF=$HOME_DIR/slurm/slurm.conf
	local i
	# munged wants its socket where everybody can reach it.
	chmod 711 "$HOME_DIR"
	mkdir -m 755 "$SLURM" "$SLURM/msock"
	mkdir -m 700 "$SLURM/munge" "$SLURM/state" "$SLURM/log" "$SLURM/run"
	(umask 077 && head -c 128 /dev/urandom >"$SLURM/munge/key")
	slurm_configure "$@" >"$SLURM_CONF"
	slurm_daemon munged --socket="$SLURM/msock/socket" --key-file="$SLURM/munge/key" \
		--pid-file="$SLURM/run/munged.pid" --log-file="$SLURM/munge/log" \
		--seed-file="$SLURM/munge/seed" --num-threads=2
	slurm_daemon slurmctld -c -f "$SLURM_CONF"
	for ((i = 1; i <= $1; i++)); do
		slurm_daemon slurmd -N "n$i" -f "$SLURM_CONF"
	done
	wait_for slurm_ready "$1"
}

slurm_daemon() {
	env "TASKFS_E2E=$MARK" PATH="$PATH:/usr/sbin" "$@" 3>&- >>"$SLURM/log/start" 2>&1 || {
		cat "$SLURM"/log/* "$SLURM/munge/log"
		return 1
	}
}

slurm_ready() {
	[ "$(sinfo -h -t idle -o %D 2>/dev/null)" = "$1" ]
}

slurm_configure() {
	local i user host
	user=$(id -un)
	host=$(hostname -s)
	cat <<-END
		ClusterName=taskfs
		SlurmctldHost=$host(127.0.0.1)
		SlurmctldPort=$(free_port)
		SlurmUser=$user
		SlurmdUser=$user
		AuthType=auth/munge
		AuthInfo=socket=$SLURM/msock/socket
		CredType=cred/munge
		StateSaveLocation=$SLURM/state
		SlurmdSpoolDir=$SLURM/spool.%n
		SlurmctldPidFile=$SLURM/run/slurmctld.pid
		SlurmdPidFile=$SLURM/run/slurmd.%n.pid
		SlurmctldLogFile=$SLURM/log/slurmctld.log
		SlurmdLogFile=$SLURM/log/slurmd.%n.log
		ProctrackType=proctrack/linuxproc
		TaskPlugin=task/none
		MpiDefault=none
		SwitchType=switch/none
		JobAcctGatherType=jobacct_gather/none
		AccountingStorageType=accounting_storage/none
		JobCompType=jobcomp/none
		SchedulerType=sched/builtin
		SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
		SelectType=select/cons_tres
		SelectTypeParameters=CR_Core
		ReturnToService=2
		SlurmdTimeout=300
		InactiveLimit=0
		MinJobAge=60
		KillWait=30
		WaitTime=0
		SlurmdParameters=config_overrides
	END
	for ((i = 1; i <= $1; i++)); do
		mkdir "$SLURM/spool.n$i"
		echo "NodeName=n$i NodeHostname=$host NodeAddr=127.0.0.1 Port=$(free_port)" \
			"CPUs=$2 RealMemory=64 State=UNKNOWN"
	done
	echo "PartitionName=short Nodes=n[1-$1] Default=YES MaxTime=INFINITE State=UP"
}

slurm_down() {
	local pid
	for pid in "${SLURM:-/nowhere}"/run/{slurmd.*,slurmctld,munged}.pid; do
		[ ! -s "$pid" ] || kill "$(<"$pid")" 2>/dev/null || true
	done
}

# --- PBS --------------------------------------------------------------------------

# pbs_up: qsub, qselect, qstat and qdel in PATH that do what taskfs-cluster needs of them; a
# job is a process. There is no PBS that could be installed: what is true of a real one
# is not shown by this. With a file $PBS/hold jobs wait.
pbs_up() {
	export PBS=$HOME_DIR/pbs
	rm -rf "$PBS"
	mkdir "$PBS" "$PBS/jobs"
	cat >"$PBS/qsub" <<-'END'
		#!/bin/bash
		# qsub [OPTION]... -N NAME -j oe -o FILE: the script comes on standard input.
		shown=()
		while [ $# -gt 0 ]; do
			case $1 in
			-N) name=$2 ;;
			-o) out=$2 ;;
			-j) ;;
			*) shown+=("$1" "$2") ;;
			esac
			shift 2
		done
		[ ${#name} -le 15 ] || exit 1
		echo "${shown[*]}" >>"$PBS/options"
		exec 9>"$PBS/lock"
		flock 9
		shopt -s nullglob
		set -- "$PBS"/jobs/*
		job=$PBS/jobs/$(($# + 1)).pbs
		mkdir "$job"
		exec 9>&-
		cat >"$job/script"
		echo "$name" >"$job/name"
		# A real one is no child of who submits it, and has nothing of theirs open.
		[ -e "$PBS/hold" ] || {
			exec </dev/null 7>&1 >"$out" 2>&1
			for fd in /proc/self/fd/*; do
				fd=${fd##*/}
				case $fd in 0 | 1 | 2 | 7 | 255) ;; *) eval "exec $fd>&-" ;; esac
			done
			NCPUS=4 PBS_JOBID=${job##*/} setsid sh -c 'echo $$ >"$0/pid"; exec sh "$0/script"' "$job" 7>&- &
			exec >&7
		}
		echo "${job##*/}"
	END
	cat >"$PBS/qselect" <<-'END'
		#!/bin/bash
		# qselect [-N NAME] [-s R]
		for job in "$PBS"/jobs/*; do
			[ -e "$job/name" ] && [ ! -e "$job/deleted" ] || continue
			[ "${1-}" != -N ] || [ "$(<"$job/name")" = "$2" ] || continue
			[ ! -s "$job/pid" ] || kill -0 "$(<"$job/pid")" 2>/dev/null || continue
			[ "${3-}" != -s ] || [ -s "$job/pid" ] || continue
			echo "${job##*/}"
		done
	END
	cat >"$PBS/qdel" <<-'END'
		#!/bin/bash
		for job; do
			[ ! -s "$PBS/jobs/$job/pid" ] || kill "$(<"$PBS/jobs/$job/pid")"
			[ -s "$PBS/jobs/$job/pid" ] || : >"$PBS/jobs/$job/deleted"
		done
	END
	cat >"$PBS/qstat" <<-'END'
		#!/bin/bash
		# qstat -f JOB
		printf 'Job Id: %s\n    Resource_List.walltime = 01:00:00\n' "$2"
	END
	chmod +x "$PBS"/q*
	export PATH=$PBS:$PATH
}
