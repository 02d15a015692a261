# lib.bash: what the end-to-end tests share. shellcheck shell=bash
#
# One cluster, with a mount, serves all tests of a file:
#
#	setup_file() { cluster_up 2; }		# two engines
#	teardown_file() { cluster_down; }
#	setup() { test_begin; }
#	teardown() { test_end; }
#
# After each test: the daemons' logs have no line of level warning or error but
# those the test named with expect_log, no sanitizer complained, the mount has
# no more descriptors open than before, no task is unfinished. After the file:
# no process and no mount is left.
#
# No test sleeps, and none has a limit of time. What blocks is waited for by
# reading it; for the rest there is `wait_for COMMAND`, the last resort. What
# hangs is ended, and explained, by tests/run (guard.py). Nothing is taken for
# simultaneous, or for done, because there was time enough: tasks that have to
# overlap, or to end in an order, wait at a gate.
#
# A test with `# bats test_tags=check` before it, or a file with file_tags, is for
# `make check` alone: it needs a program that `make test` does not install, or
# takes its time.

bats_require_minimum_version 1.5.0
ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
BUILD=$(cd "$ROOT" && cd "${BUILD:-build}" && pwd)
# As make wants it, which knows no blanks in names.
MAKE_BUILD=${BUILD#"$ROOT"/}
CLUSTER=$ROOT/scripts/taskfs-cluster
export ROOT BUILD MAKE_BUILD CLUSTER
unset XDG_STATE_HOME MAKELEVEL MAKEFLAGS MFLAGS
export LC_ALL=C.UTF-8
# How long the programs themselves wait for one another, where they ask: longer
# than any test may take.
FOREVER=100000
# What is waited for, to be told when a test hangs.
WAITS=${WAITS:-/dev/null}

# --- the cluster --------------------------------------------------------------

# new_home: a directory of its own, outside of those bats removes: those are
# removed with all that is in them, also what is mounted there. Tasks name it
# without quotes.
new_home() {
	local base=${TMPDIR:-/tmp}
	if ! [[ $base =~ ^/[A-Za-z0-9/._-]*$ ]]; then
		export TMPDIR=/tmp # where engines keep variables, too
		base=/tmp
	fi
	HOME_DIR=$(mktemp -d "$base/taskfs-e2e.XXXXXX")
	export HOME_DIR DIR=$HOME_DIR/cluster MNT=$HOME_DIR/mnt
	# Every process of the cluster has this in its environment.
	export MARK=${HOME_DIR##*.}.$$
	mkfifo "$HOME_DIR/.never"
	export START_OPTS=${START_OPTS:-}
}

# cluster VERB [OPTION]... No engine is taken for dead, and no controller for lost,
# because a machine is slow: their hearts beat seldom.
cluster() {
	local verb=$1
	shift
	[ "$verb" != start ] || set -- --controller-opt --ping=10s "$@"
	env "TASKFS_E2E=$MARK" "$CLUSTER" "$verb" --dir "$DIR" --name e2e \
		--bin "$BUILD" --timeout "$FOREVER" "$@" 3>&-
}

# start [OPTION]...: again or for the first time, with what cluster_up said.
start() {
	# shellcheck disable=SC2086 # words
	cluster start --mount "$MNT" --engines "$ENGINES" $START_OPTS "$@"
}

# cluster_up ENGINES [OPTION]...
cluster_up() {
	export ENGINES=$1
	shift
	export START_OPTS=$*
	new_home
	start >"$HOME_DIR/start.out" 2>&1 || {
		cat "$HOME_DIR/start.out"
		return 1
	}
	mark_logs
}

# cluster_down [PATTERN]...: lines the end itself may cause, as for expect_log.
cluster_down() {
	local rc=0
	[ -n "${HOME_DIR:-}" ] || return 0
	[ ! -d "$DIR" ] || cluster stop >"$HOME_DIR/stop.out" 2>&1 || {
		cat "$HOME_DIR/stop.out"
		rc=1
	}
	EXPECTED=("$@")
	check_logs || rc=1
	no_left_overs || rc=1
	[ "$rc" -ne 0 ] || rm -rf --one-file-system "$HOME_DIR"
	return "$rc"
}

# pid_of WHAT: taskfs, taskfs-controller, taskfs-engine-0 ... (the number is that
# of its file, not that of the engine).
pid_of() {
	local pid _
	read -r pid _ <"$DIR/pid/$1.pid" && echo "$pid"
}

# child_of PID: the program behind an engine's guard.
child_of() {
	local pid _
	read -r pid _ <"/proc/$1/task/$1/children" || true # no newline
	echo "$pid"
}

# engine_ids, worker_of ID, guard_of ID: as the mount shows them.
engine_ids() {
	local f
	for f in "$MNT"/engines/[0-9]*; do
		[ ! -e "$f" ] || echo "${f##*/}"
	done
}
worker_of() {
	cat "$MNT/engines/$1/pid"
}
guard_of() {
	local worker
	worker=$(worker_of "$1") &&
		sed -n 's/^PPid:[[:space:]]*//p' "/proc/$worker/status"
}

# all_idle: the mount has heard of every task's end.
all_idle() {
	local f state
	for f in "$MNT"/engines/[0-9]*/state; do
		read -r state <"$f" && [ "$state" = idle ] || return 1
	done
}

# is_gone PID: also when nobody has asked for its exit code yet.
is_gone() {
	local stat
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
	[[ ${stat##*) } == [ZX]* ]]
}

# kill_9 WHAT: and waits until it is gone; a start would take it for alive.
kill_9() {
	local pid
	pid=$(pid_of "$1")
	kill -9 "$pid"
	wait_for is_gone "$pid"
}

# controller_is STATE, controller_is_not STATE: as the mount sees it.
controller_is() {
	[ "$(cat "$MNT/controller/state" 2>/dev/null)" = "$1" ]
}
controller_is_not() {
	! controller_is "$1"
}

# Processes of this cluster that still live (zombies do not).
processes() {
	local f pid words
	while read -r f; do
		pid=${f//[!0-9]/}
		is_gone "$pid" && continue
		mapfile -d '' -t words <"/proc/$pid/cmdline"
		echo "$pid ${words[*]} "
	done 2>/dev/null < <(grep -lsz "^TASKFS_E2E=$MARK$" /proc/[0-9]*/environ)
}

# end_processes: of a test that has failed, which may not have stopped them.
end_processes() {
	local pid _
	while read -r pid _; do
		kill -9 "$pid" 2>/dev/null || true
	done < <(processes)
}

no_processes() {
	[ -z "$(processes)" ]
}

no_left_overs() {
	local rc=0 at _
	if ! wait_for no_processes; then
		echo "processes are left:"
		processes
		end_processes
		rc=1
	fi
	while read -r _ _ _ _ at _; do
		printf -v at '%b' "${at//\\/\\0}" # \040 is a blank
		case $at in
		"$HOME_DIR"/*)
			echo "a mount is left: $at"
			fusermount3 -u -z "$at" || umount -l "$at"
			rc=1
			;;
		esac
	done < <(cat /proc/self/mountinfo)
	return "$rc"
}

# is_mounted DIR: also one that is dead.
is_mounted() {
	local at=${1//\\/\\134}
	grep -qF -- " ${at// /\\040} " /proc/self/mounts
}

# second_up [OPTION]...: a second mount of the cluster, at $HOME_DIR/second; it is
# ready when the program returns. second_down takes it away.
second_up() {
	mkdir "$HOME_DIR/second" 2>/dev/null || true # or a dead mount is there
	env "TASKFS_E2E=$MARK" "$BUILD/taskfs" "$DIR" "$HOME_DIR/second" \
		--wait "$FOREVER" --log-file "$DIR/log/second.log" "$@" 3>&-
}
second_down() {
	wait_for is_unmounted "$HOME_DIR/second"
}
# Whoever had it open a moment ago may still be on the way out.
is_unmounted() {
	! is_mounted "$1" || fusermount3 -u "$1" 2>/dev/null
}
second_pid() {
	local pid words
	while read -r pid words; do
		case $words in *"/taskfs "*" $HOME_DIR/second "*) echo "$pid" ;; esac
	done < <(processes)
}

# --- what every test must leave as it was -------------------------------------

test_begin() {
	EXPECTED=()
	descriptors_anew
}

test_end() {
	local rc=0
	# A test that failed has said enough.
	[ -n "${BATS_TEST_COMPLETED:-}" ] || {
		say_logs
		mark_logs
		let_go
		abort_all
		return 0
	}
	wait_for nothing_unfinished
	wait_for descriptors_as_before
	check_logs || rc=1
	return "$rc"
}

# descriptors: sets fds to those the mount has open. This is done after each test,
# and starts no process.
descriptors() {
	local pid _
	read -r pid _ <"$DIR/pid/taskfs.pid" && fds=(/proc/"$pid"/fd/*)
}

descriptors_as_before() {
	local fds
	descriptors && [ "${#fds[@]}" -le "$FDS" ]
}

# A test that starts the mount anew counts anew.
descriptors_anew() {
	local fds
	descriptors && FDS=${#fds[@]}
}

unfinished() {
	local f
	for f in "$MNT"/tasks/[0-9]*; do
		[ ! -L "$f" ] || echo "${f##*/}"
	done
}

nothing_unfinished() {
	set -- "$MNT"/tasks/[0-9]*
	[ ! -L "$1" ]
}

abort_all() {
	local id
	for id in $(unfinished); do
		echo abort >"$MNT/results/$id/ctl" || true
	done
}

# let_go: who still waits for a test that has failed does not hold up the next.
let_go() {
	local f
	for f in "$HOME_DIR"/*; do
		[ ! -p "$f" ] || leave_gate_open "${f##*/}"
	done
	for f in $(jobs -p); do
		kill "$f" 2>/dev/null || true
	done
}

# expect_log PATTERN: this test causes lines like this one.
expect_log() {
	EXPECTED+=("$1")
}

# How far the logs have been looked at. Tests are processes of their own: kept
# in a file.
mark_logs() {
	stat -c '%s %n' -- "$DIR"/log/*.log >"$HOME_DIR/.marks" 2>/dev/null || true
}

# new_log_lines [PATTERN]: all of them, or those like that. This is done after each
# test: one grep looks at all of the logs, and says where each line begins.
new_log_lines() {
	local size f at line
	local -A seen
	while read -r size f; do seen[$f]=$size; done <"$HOME_DIR/.marks"
	while IFS=: read -r -d '' f && IFS=: read -r at line; do
		[ "$at" -lt "${seen[$f]:-0}" ] || printf '%s:%s\n' "${f##*/}" "$line"
	done < <(grep -sabHZE -- "${1:-}" "$DIR"/log/*.log)
}

say_logs() {
	new_log_lines | tail -n 30
}

check_logs() {
	local lines p
	lines=$(new_log_lines '"level":"(warning|error)"|Sanitizer|runtime error|out of memory|Assertion|: (warning|error): ')
	mark_logs
	[ -n "$lines" ] || return 0
	for p in "${EXPECTED[@]}"; do
		lines=$(grep -vE -- "$p" <<<"$lines")
	done
	[ -n "$lines" ] || return 0
	echo "the logs complain:"
	printf '%s\n' "$lines" | head -n 40
	return 1
}

# --- tools --------------------------------------------------------------------

# wait_for COMMAND...: until it succeeds.
wait_for() {
	local nothing pause=(0.01 0.02 0.05 0.1 0.2)
	until "$@"; do
		[ "${#pause[@]}" -ne 5 ] || say_waits "$@"
		# A wait that starts no process.
		read -r -t "${pause[0]}" nothing <>"$HOME_DIR/.never" || true
		[ "${#pause[@]}" -eq 1 ] || pause=("${pause[@]:1}")
	done
	: >"$WAITS"
}

say_waits() {
	printf '%s, in "%s"\n' "$*" "${BATS_TEST_DESCRIPTION:-setup_file}" >"$WAITS"
}

# submit TEXT: prints the id of the new result.
submit() {
	local id fd
	exec {fd}<>"$MNT/tasks/new"
	printf '%s\n' "$1" >&"$fd"
	read -r id <&"$fd"
	exec {fd}>&-
	echo "$id"
}

# get ID FILE: its text.
get() {
	cat "$MNT/results/$1/$2"
}

# done_with ID [STATUS]: waits for its end, and for that status.
done_with() {
	local status
	status=$(get "$1" wait)
	[ "$status" = "${2:-ok}" ] || {
		echo "result $1 is $status, not ${2:-ok}: $(get "$1" error)"
		return 1
	}
}

# equal GOT WANT
equal() {
	[ "$1" = "$2" ] || {
		printf 'got:  %q\nwant: %q\n' "$1" "$2"
		return 1
	}
}

# like TEXT PATTERN (extended regular expression, all of the text)
like() {
	[[ $1 =~ ^($2)$ ]] || {
		printf 'got:     %q\nis not:  %s\n' "$1" "$2"
		return 1
	}
}

# What strerror(3) says.
declare -gA ERROR_TEXT=(
	[EACCES]="Permission denied"
	[EAGAIN]="Resource temporarily unavailable"
	[EBUSY]="Device or resource busy"
	[ECANCELED]="Operation canceled"
	[EEXIST]="File exists"
	[EFBIG]="File too large"
	[EHOSTDOWN]="Host is down"
	[EINVAL]="Invalid argument"
	[EIO]="Input/output error"
	[EISDIR]="Is a directory"
	[ENOENT]="No such file or directory"
	[ENOSPC]="No space left on device"
	[ENXIO]="No such device or address"
	[EOPNOTSUPP]="Operation not supported"
	[EPERM]="Operation not permitted"
	[EREMOTEIO]="Remote I/O error"
	[ESRCH]="No such process"
	[ETIMEDOUT]="Connection timed out"
)

# fails_with ERRNAME COMMAND...: it fails, and says so with that error's text.
fails_with() {
	local text=${ERROR_TEXT[$1]} out
	shift
	if out=$("$@" 2>&1); then
		echo "succeeded: $*"
		return 1
	fi
	case $out in *"${text:?}"*) ;; *)
		printf 'said: %s\nnot:  %s\n' "$out" "$text"
		return 1
		;;
	esac
}

# sizes_are_exact DIR: each file below it says how many bytes a read of it gives
# (what fails has its error behind so many). Not those of ctl and elapsed, which
# is another text all the time.
sizes_are_exact() {
	/usr/bin/python3 - "$1" <<-'END'
		import os, sys
		for at, _, files in os.walk(sys.argv[1]):
		    for name in set(files) - {"ctl", "elapsed"}:
		        name = os.path.join(at, name)
		        if os.path.islink(name):
		            continue
		        want, got = os.stat(name).st_size, 0
		        try:
		            with open(name, "rb", buffering=0) as f:
		                while piece := f.read(65536):
		                    got += len(piece)
		        except OSError:
		            pass
		        if got != want:
		            sys.exit("%s has %d bytes and says %d" % (name, got, want))
	END
}

# is_in PID CALL...: the process waits in one of these system calls, which is
# about a file below $HOME_DIR (and not one of the program's own libraries).
is_in() {
	local pid=$1 call fd
	shift
	{ read -r call fd _ <"/proc/$pid/syscall"; } 2>/dev/null || return 1
	[[ " $* " == *" $call "* && $fd == 0x* ]] &&
		[[ $(readlink "/proc/$pid/fd/$((fd))") == "$HOME_DIR"/* ]]
}

# is_reading PID: in read or pread (x86-64; ARM64).
is_reading() {
	is_in "$1" 0 17 63 67
}

# is_writing PID: in write; or in close or dup, where much is decided, and which
# wait for nothing but a file system like ours.
is_writing() {
	local call _
	is_in "$1" 1 64 && return
	{ read -r call _ <"/proc/$1/syscall"; } 2>/dev/null || return 1
	case $call in 3 | 33 | 292 | 57 | 24) ;; *) return 1 ;; esac
}

# still_waits FILE: who reads it waits, and a signal ends that.
still_waits() {
	local pid rc=0
	cat "$1" >"$HOME_DIR/.read" 2>&1 3>&- &
	pid=$!
	wait_for is_reading "$pid"
	kill "$pid"
	wait "$pid" || rc=$?
	equal "$rc $(<"$HOME_DIR/.read")" '143 '
}

# numbers N: a JSON list of texts, "0" to N - 1.
numbers() {
	seq -s '", "' 0 $(($1 - 1)) | sed 's/.*/["&"]/'
}

# gate NAME: a task `cat NAME` waits until open_gate NAME. A pipe outside. To open it
# waits for who waits there: one opening for one `cat`.
gate() {
	rm -f "$HOME_DIR/$1"
	mkfifo "$HOME_DIR/$1"
	echo "$HOME_DIR/$1"
}
open_gate() {
	printf 'open_gate %s, in "%s"\n' "$1" "${BATS_TEST_DESCRIPTION:-}" >"$WAITS"
	: >"$HOME_DIR/$1"
	: >"$WAITS"
}
# leave_gate_open NAME: who waits there goes on, and so does who comes later.
leave_gate_open() {
	local fd
	: >"$HOME_DIR/.open"
	exec {fd}<>"$HOME_DIR/$1"
	mv "$HOME_DIR/.open" "$HOME_DIR/$1"
	exec {fd}>&-
}
