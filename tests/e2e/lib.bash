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
# hangs is ended, and explained, by tests/run (guard.py).

bats_require_minimum_version 1.5.0
ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
BUILD=$(cd "$ROOT" && cd "${BUILD:-build}" && pwd)
CLUSTER=$ROOT/scripts/taskfs-cluster
export ROOT BUILD CLUSTER
unset XDG_STATE_HOME MAKELEVEL MAKEFLAGS MFLAGS
export LC_ALL=C.UTF-8
# How long the programs themselves wait for one another, where they ask: longer
# than any test may take.
FOREVER=100000
# What is waited for, to be told when a test hangs.
WAITS=${WAITS:-/dev/null}

# --- the cluster --------------------------------------------------------------

# new_home: a directory of its own, outside of those bats removes: those are
# removed with all that is in them, also what is mounted there.
new_home() {
	HOME_DIR=$(mktemp -d "${TMPDIR:-/tmp}/taskfs-e2e.XXXXXX")
	export HOME_DIR DIR=$HOME_DIR/cluster MNT=$HOME_DIR/mnt
	# Every process of the cluster has this in its environment.
	export MARK=${HOME_DIR##*.}.$$
	mkfifo "$HOME_DIR/.never"
	export START_OPTS=${START_OPTS:-}
}

# cluster VERB [OPTION]...
cluster() {
	local verb=$1
	shift
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

# pid_of WHAT: taskfs, taskfs-controller, taskfs-engine-0 ...
pid_of() {
	local pid _
	read -r pid _ <"$DIR/pid/$1.pid" && echo "$pid"
}

# The program behind an engine's guard.
worker_of() {
	local guard
	guard=$(pid_of "taskfs-engine-$1")
	cat "/proc/$guard/task/$guard/children" | tr -d ' \n'
}

# Processes of this cluster that still live (zombies do not).
processes() {
	local f pid state
	for f in /proc/[0-9]*/environ; do
		grep -qsz "^TASKFS_E2E=$MARK$" "$f" || continue
		pid=${f#/proc/}
		pid=${pid%/environ}
		state=$(sed 's/.*) //; s/ .*//' "/proc/$pid/stat" 2>/dev/null)
		[ -z "$state" ] || [ "$state" = Z ] ||
			echo "$pid $(tr '\0' ' ' <"/proc/$pid/cmdline")"
	done
}

no_processes() {
	[ -z "$(processes)" ]
}

no_left_overs() {
	local rc=0 pid at _
	if ! wait_for no_processes; then
		echo "processes are left:"
		processes
		while read -r pid _; do kill -9 "$pid"; done < <(processes)
		rc=1
	fi
	while read -r _ _ _ _ at _; do
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

# --- what every test must leave as it was -------------------------------------

test_begin() {
	EXPECTED=()
	mark_logs
	FDS=$(descriptors)
}

test_end() {
	local rc=0
	# A test that failed has said enough.
	[ -n "${BATS_TEST_COMPLETED:-}" ] || {
		say_logs
		mark_logs
		abort_all
		return 0
	}
	if ! wait_for nothing_unfinished; then
		echo "tasks are unfinished: $(unfinished)"
		abort_all
		rc=1
	fi
	if [ -n "$FDS" ] && ! wait_for descriptors_as_before; then
		echo "the mount had $FDS descriptors open and has $(descriptors):"
		ls -l "/proc/$(pid_of taskfs)/fd"
		rc=1
	fi
	check_logs || rc=1
	return "$rc"
}

descriptors() {
	local all
	all=(/proc/"$(pid_of taskfs)"/fd/*)
	echo "${#all[@]}"
}

descriptors_as_before() {
	[ "$(descriptors)" -le "$FDS" ]
}

# A test that starts the mount anew counts anew.
descriptors_anew() {
	FDS=$(descriptors)
}

unfinished() {
	find "$MNT/tasks" -maxdepth 1 -name '[0-9]*' -printf '%f\n' 2>/dev/null
}

nothing_unfinished() {
	[ -z "$(unfinished)" ]
}

abort_all() {
	local id
	for id in $(unfinished); do
		echo abort >"$MNT/results/$id/ctl" || true
	done
}

# expect_log PATTERN: this test causes lines like this one.
expect_log() {
	EXPECTED+=("$1")
}

# How far the logs have been looked at. Tests are processes of their own: kept
# in a file.
mark_logs() {
	(cd "$DIR/log" && stat -c '%s %n' -- *.log) >"$HOME_DIR/.marks" \
		2>/dev/null || true
}

new_log_lines() {
	local f at
	for f in "$DIR"/log/*.log; do
		[ -e "$f" ] || continue
		f=${f##*/}
		at=$(sed -n "s/ $f\$//p" "$HOME_DIR/.marks" 2>/dev/null)
		tail -c "+$((${at:-0} + 1))" "$DIR/log/$f" | sed "s|^|$f: |"
	done
}

say_logs() {
	new_log_lines | tail -n 30
}

bad_log_lines() {
	new_log_lines | grep -E '"level":"(warning|error)"|Sanitizer|runtime error|out of memory|Assertion|: (warning|error): '
}

check_logs() {
	local lines p
	lines=$(bad_log_lines)
	mark_logs
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
	local nothing
	until "$@"; do
		say_waits "$@"
		# A wait of 20 ms that starts no process.
		read -r -t 0.02 nothing <>"$HOME_DIR/.never" || true
	done
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

# fails_with ERRNAME COMMAND...: it fails, and says so with that error's text.
fails_with() {
	local text out
	text=$(python3 -c 'import errno, os, sys
print(os.strerror(getattr(errno, sys.argv[1])))' "$1")
	shift
	if out=$("$@" 2>&1); then
		echo "succeeded: $*"
		return 1
	fi
	case $out in *"$text"*) ;; *)
		printf 'said: %s\nnot:  %s\n' "$out" "$text"
		return 1
		;;
	esac
}

# is_reading PID: the process waits in read(2) (x86, ARM).
is_reading() {
	local call
	read -r call _ <"/proc/$1/syscall" || return 1
	case $call in 0 | 17 | 63 | 67) ;; *) return 1 ;; esac
}

# gate NAME: a task `cat NAME` waits until open_gate NAME. A pipe outside. To open it
# waits for who waits there: one opening for one `cat`.
gate() {
	mkfifo "$HOME_DIR/$1"
	echo "$HOME_DIR/$1"
}
open_gate() {
	sh -c ': >"$1"' sh "$HOME_DIR/$1"
}
# leave_gate_open NAME: who waits there goes on, and so does who comes later.
leave_gate_open() {
	local fd
	: >"$HOME_DIR/.open"
	exec {fd}<>"$HOME_DIR/$1"
	mv "$HOME_DIR/.open" "$HOME_DIR/$1"
	exec {fd}>&-
}
