# control.bats: the ctl files: of a result, of an engine, of the controller.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 2; }
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() { test_end; }

# ctl FILE WORD...: what writing that to the tree's FILE says.
ctl() {
	# shellcheck disable=SC2016 # of the inner shell
	bash -c 'echo "$2" > "$1"' bash "$MNT/$1/ctl" "${*:2}"
}

# --- results ------------------------------------------------------------------

# why FILE WORD...: what tasks/error says of a word that is refused.
why() {
	bash -c 'echo "$2" > "$1/$3/ctl" || cat "$1/tasks/error"' bash "$MNT" \
		"${*:2}" "$1" 2>/dev/null
}

@test "a wrong word: the nearest right one is told" {
	local id
	echo true >"$MNT/tasks/new"
	read -r id <"$MNT/tasks/last"
	done_with "$id"
	equal "$(why "results/$id" abrt)" \
		'there is no word "abrt" for this ctl: is "abort" meant?'
	equal "$(why "results/$id" explode)" \
		'there is no word "explode" for this ctl: there are abort, signal NAME, hold, release, priority N, close, retry'
	equal "$(why "results/$id" kill)" \
		'there is no word "kill" for this ctl: there are abort, signal NAME, hold, release, priority N, close, retry'
	equal "$(why "results/$id" signal FOO)" \
		'"FOO" is no NAME: write "signal NAME"; NAME is a signal by its name, as TERM or SIGUSR1, or its number'
	equal "$(why "results/$id" signal)" \
		'write "signal NAME"; NAME is a signal by its name, as TERM or SIGUSR1, or its number'
	equal "$(why "results/$id" priority high)" \
		'"high" is no N: write "priority N"; N is a whole number from -1000000 to 1000000'
	equal "$(why "results/$id" abort now)" 'write "abort" and nothing else'
	equal "$(why engines/0 Interupt)" \
		'there is no word "Interupt" for this ctl: is "interrupt" meant?'
	equal "$(why engines/all restrat)" \
		'there is no word "restrat" for this ctl: is "restart" meant?'
	equal "$(why controller shut)" \
		'there is no word "shut" for this ctl: is "shutdown" meant?'
}

@test "a read of a result's ctl lists its words" {
	local id
	id=$(submit ':')
	done_with "$id"
	equal "$(get "$id" ctl | tr '\n' ' ')" \
		'abort signal NAME hold release priority N close retry '
}

@test "priority N: what waits changes its place, and says so" {
	local a b last first
	a=$(submit 'sleep 1000')
	b=$(submit 'sleep 1000')
	last=$(submit "echo last >> $HOME_DIR/renice")
	first=$(submit "echo first >> $HOME_DIR/renice")
	run ! test -e "$MNT/results/$first/priority"
	ctl "results/$first" priority 7
	equal "$(get "$first" priority)" 7
	ctl "results/$last" priority -1
	ctl "results/$last" priority -2
	equal "$(get "$last" priority)" -2
	ctl "results/$a" abort
	done_with "$last"
	equal "$(tr '\n' ' ' <"$HOME_DIR/renice")" 'first last '
	run bash -c "echo priority 1 >$MNT/results/$last/ctl; cat $MNT/tasks/error"
	[[ $output == *'No such process'*"priority of result $last: it has ended"* ]]
	fails_with EINVAL ctl "results/$b" priority
	fails_with EINVAL ctl "results/$b" priority high
	fails_with EINVAL ctl "results/$b" priority 1000001
	fails_with EINVAL ctl "results/$b" priority 1 2
	ctl "results/$b" abort
	done_with "$b" aborted
}

@test "msg_ids are known before a task begins, and go up with each try" {
	local a b id
	a=$(submit 'sleep 1000')
	b=$(submit 'sleep 1000')
	id=$(submit '{"code": "false", "retries": 1}')
	equal "$(get "$id" status)" pending
	like "$(get "$id" msg_ids)" ".*_${id}_0_1"
	ctl "results/$a" abort
	done_with "$id" error
	like "$(get "$id" msg_ids)" ".*_${id}_0_2"
	ctl "results/$b" abort
	done_with "$b" aborted
}

@test "retry of one task, while the others still run" {
	local id next
	rm -f "$HOME_DIR/fine"
	gate stay
	id=$(submit "{\"code\": \"case \$1 in bad) [ -e $HOME_DIR/fine ] && echo again;; *) cat $HOME_DIR/stay;; esac\", \"map\": [\"bad\", \"long\"]}")
	equal "$(get "$id" 0/wait)" error
	fails_with EBUSY ctl "results/$id" retry
	fails_with EBUSY ctl "results/$id/1" retry
	: >"$HOME_DIR/fine"
	ctl "results/$id/0" retry
	next=$(readlink "$MNT/results/latest")
	[ "$next" -gt "$id" ]
	equal "$(get "$next" value)" again
	equal "$(get "$id" status)" running
	open_gate stay
	done_with "$id" error
}

# --- engines ------------------------------------------------------------------

state_is() {
	[ "$(cat "$MNT/engines/$1/state" 2>/dev/null)" = "$2" ]
}

# runs_on ENGINE CODE: the id of that task, which runs.
runs_on() {
	local id
	id=$(submit "{\"code\": \"$2\", \"targets\": [$1]}")
	head -c 1 "$MNT/results/$id/output" >/dev/null
	echo "$id"
}

# kill_controller, and start_again: the mount has seen it.
kill_controller() {
	kill_9 taskfs-controller
	wait_for controller_is_not connected
}
start_again() {
	start >/dev/null
	wait_for controller_is connected
}

# has_engines N
has_engines() {
	[ "$(engine_ids | wc -l)" -eq "$1" ]
}

# runs ENGINE ID: it says so.
runs() {
	[ "$(cat "$MNT/engines/$1/running")" = "$2" ]
}

@test "a read of an engine's ctl lists its words; others are refused" {
	local f
	for f in engines/0 engines/all engines/1,0; do
		equal "$(tr '\n' ' ' <"$MNT/$f/ctl")" \
			'interrupt stop restart clear drain resume '
		fails_with EINVAL ctl "$f" explode
		fails_with EINVAL ctl "$f" stop now
		fails_with ESRCH ctl "$f" interrupt
	done
	equal "$(stat -c '%a %u' "$MNT/engines/0/ctl")" "644 $(id -u)"
}

@test "interrupt: what runs gets what Ctrl-C gives" {
	local a b
	a=$(runs_on 0 'trap \"echo caught; exit 0\" INT; echo; sleep 1000')
	b=$(runs_on 1 'trap \"echo never\" INT; echo; sleep 1000')
	ctl engines/0 interrupt
	equal "$(get "$a" value)" $'\ncaught'
	equal "$(get "$b" status)" running
	ctl engines/all interrupt
	done_with "$b" error
}

@test "drain: no more tasks, until resume; over a restart of the controller" {
	local a id
	a=$(runs_on 0 'echo; sleep 1000')
	ctl engines/all drain
	state_is 0 draining
	state_is 1 draining
	id=$(submit 'echo $TASKFS_ENGINE')
	like "$(get "$id" why)" '.*draining.*'
	kill_controller
	start_again
	wait_for state_is 0 draining
	wait_for state_is 1 draining
	# What ran goes on.
	wait_for runs 0 "$a"
	equal "$(get "$a" status)" running
	equal "$(get "$id" status)" pending
	ctl engines/1 resume
	like "$(cat "$MNT/engines/1/state")" 'idle|busy'
	equal "$(get "$id" value)" 1
	ctl engines/0 resume
	state_is 0 busy
	ctl "results/$a" abort
	done_with "$a" aborted
}

@test "restart: another process under the same id; its task ends" {
	local a uuid pid since
	a=$(runs_on 0 'echo; sleep 1000')
	uuid=$(cat "$MNT/engines/0/uuid")
	pid=$(cat "$MNT/engines/0/pid")
	ctl engines/0 restart
	run ! kill -0 "$pid"
	[ "$(cat "$MNT/engines/0/uuid")" != "$uuid" ]
	equal "$(worker_of 0)" "$(child_of "$(pid_of taskfs-engine-0)")"
	done_with "$a" error
	like "$(get "$a" error)" 'EngineError: .*'
	a=$(submit '{"code": "echo $TASKFS_ENGINE", "targets": [0]}')
	equal "$(get "$a" value)" 0
}

@test "restart, with retries: the task is tried again" {
	local a
	rm -f "$HOME_DIR/first"
	a=$(submit "{\"code\": \"echo x; [ -e $HOME_DIR/first ] && exit 0; : > $HOME_DIR/first; sleep 1000\", \"retries\": 1, \"targets\": [1]}")
	wait_for test -e "$HOME_DIR/first"
	ctl engines/1 restart
	done_with "$a"
	equal "$(cut -d ' ' -f 1,5 "$MNT/results/$a/attempts")" \
		$'1 EngineError\n2 ok'
}

@test "all of a view restart at once; clear" {
	local uuids a
	uuids=$(cat "$MNT"/engines/[01]/uuid)
	ctl engines/1,0 restart
	state_is 0 idle
	state_is 1 idle
	run ! grep -qF "$uuids" <(cat "$MNT"/engines/[01]/uuid)
	a=$(submit '{"code": "echo 1 > $TASKFS_VARS/a", "targets": [0]}')
	done_with "$a"
	ctl engines/1 clear
	a=$(submit '{"code": "cat $TASKFS_VARS/a", "targets": [0]}')
	equal "$(get "$a" value)" 1
	ctl engines/all clear
	a=$(submit '{"code": "ls $TASKFS_VARS", "targets": [0]}')
	equal "$(get "$a" value)" ''
}

@test "stop: the engine is gone when echo returns; start brings another" {
	local a
	a=$(runs_on 1 'echo; sleep 1000')
	ctl engines/1 stop
	run ! cat "$MNT/engines/1/state"
	equal "$(ls "$MNT/engines" | tr '\n' ' ')" '0 all '
	done_with "$a" error
	start >/dev/null
	equal "$(ls "$MNT/engines" | tr '\n' ' ')" '0 1 all '
	ctl engines/all stop
	equal "$(ls "$MNT/engines" | tr '\n' ' ')" 'all '
	fails_with ENXIO ctl engines/all stop
	start >/dev/null
	wait_for has_engines 2
}

@test "a task's id is read back though its engine is gone" {
	local engine new id
	engine=$(engine_ids | head -n 1)
	exec {new}<>"$MNT/engines/$engine/new"
	echo 'sleep 1000' >&"$new"
	ctl "engines/$engine" stop
	wait_for eval '[ ! -e "$MNT/engines/$engine" ]'
	read -r id <&"$new"
	exec {new}>&-
	done_with "$id" error
	equal "$(get "$id" code)" 'sleep 1000'
	start >/dev/null
	wait_for has_engines 2
}

@test "an engine's ctl without a controller is EHOSTDOWN, and can be read" {
	local engine
	engine=$(engine_ids | head -n 1)
	kill_controller
	fails_with EHOSTDOWN ctl "engines/$engine" drain
	fails_with EHOSTDOWN ctl controller purge
	equal "$(head -n 1 "$MNT/engines/$engine/ctl")" interrupt
	start_again
	wait_for state_is "$engine" idle
}

# --- an engine of ipyparallel -------------------------------------------------

# python_id: the id of the engine that is none of ours.
python_id() {
	local f
	for f in "$MNT"/engines/[0-9]*; do
		[ "$(cat "$f/language")" = sh ] || echo "${f##*/}"
	done
}

# bats test_tags=check
@test "ipyparallel's engine: interrupt, clear, drain, no restart, stop" {
	local id a pid
	env "TASKFS_E2E=$MARK" PYDEVD_DISABLE_FILE_VALIDATION=1 \
		/usr/bin/python3 -m ipyparallel.engine \
		--file="$DIR/security/ipcontroller-engine.json" \
		--profile-dir="$DIR" >>"$HOME_DIR/python.log" 2>&1 3>&- &
	pid=$!
	wait_for eval '[ -n "$(python_id)" ]'
	id=$(python_id)
	fails_with EOPNOTSUPP ctl "engines/$id" restart
	fails_with EOPNOTSUPP ctl engines/all restart
	fails_with ESRCH ctl "engines/$id" interrupt
	a=$(submit "{\"code\": \"import time\\nopen('$HOME_DIR/on','w').close()\\ntime.sleep(1000)\", \"targets\": [$id]}")
	wait_for test -e "$HOME_DIR/on"
	ctl "engines/$id" interrupt
	done_with "$a" error
	like "$(get "$a" error | head -n 1)" 'KeyboardInterrupt.*'
	a=$(submit "{\"code\": \"x = 5\", \"targets\": [$id]}")
	done_with "$a"
	ctl "engines/$id" clear
	a=$(submit "{\"code\": \"print('x' in globals())\", \"targets\": [$id]}")
	done_with "$a"
	equal "$(get "$a" stdout)" False
	ctl "engines/$id" drain
	state_is "$id" draining
	ctl "engines/$id" resume
	ctl "engines/$id" stop
	run ! cat "$MNT/engines/$id/state"
	wait "$pid"
}

# --- the controller -----------------------------------------------------------

@test "controller/ctl: purge takes every finished result, and no other" {
	local a b long
	a=$(submit ':')
	b=$(submit 'false')
	long=$(submit 'sleep 1000')
	done_with "$a"
	done_with "$b" error
	equal "$(tr '\n' ' ' <"$MNT/controller/ctl")" 'shutdown purge '
	fails_with EINVAL ctl controller explode
	ctl controller purge
	equal "$(ls "$MNT/results" | tr '\n' ' ')" "$long latest "
	ctl controller purge
	ctl "results/$long" abort
	done_with "$long" aborted
}

@test "controller/ctl: shutdown ends it; what runs goes on when it is back" {
	local a engine pid
	engine=$(engine_ids | head -n 1)
	a=$(runs_on "$engine" 'echo; sleep 1000')
	pid=$(pid_of taskfs-controller)
	ctl controller shutdown
	wait_for is_gone "$pid"
	wait_for controller_is_not connected
	equal "$(get "$a" status)" running
	start_again
	wait_for runs "$engine" "$a"
	ctl "results/$a" abort
	done_with "$a" aborted
}

@test "hold: submitted, and not begun before it is released" {
	local id
	id=$(submit '{"code": "echo now", "hold": 1}')
	equal "$(get "$id" status)" pending
	equal "$(get "$id" why)" hold
	equal "$(get "$id" hold)" 1
	done_with "$(submit :)"
	equal "$(get "$id" status)" pending
	# Also when the controller was started again.
	kill_9 taskfs-controller
	expect_log .
	start >/dev/null
	wait_for controller_is connected
	equal "$(get "$id" why)" hold
	echo release >"$MNT/results/$id/ctl"
	equal "$(get "$id" value)" now
	fails_with EINVAL bash -c 'echo "{\"code\": \":\", \"hold\": 2}" >"$1/tasks/new"' bash "$MNT"
}

@test "begin: not before that time" {
	local id later
	later=$(submit '{"code": ":", "begin": "+1h"}')
	like "$(get "$later" why)" 'begin [0-9T:.-]+Z'
	equal "$(get "$later" begin)" +1h
	id=$(submit '{"code": "echo now", "begin": "+1", "timeout": 3600}')
	equal "$(get "$id" value)" now
	id=$(submit '{"code": "echo now", "begin": "1999-12-31"}')
	equal "$(get "$id" value)" now
	like "$(get "$id" begin)" '1999-12-3[01]T[0-9:]+Z'
	# It is known when the controller was started again.
	kill_9 taskfs-controller
	expect_log .
	start >/dev/null
	wait_for controller_is connected
	like "$(get "$later" why)" 'begin [0-9T:.-]+Z'
	echo abort >"$MNT/results/$later/ctl"
	equal "$(get "$later" wait)" aborted
	fails_with EINVAL bash -c 'echo "{\"code\": \":\", \"begin\": \"noon\"}" >"$1/tasks/new"' bash "$MNT"
	like "$(cat "$MNT/tasks/error")" '.*begin.*time.*'
}

@test "unique: refused while another of that name has not ended" {
	local id gate
	gate=$(gate unique)
	id=$(submit "{\"code\": \"cat $gate\", \"label\": \"cron\", \"unique\": 1}")
	fails_with EEXIST sh -c 'printf "#TASKFS unique=1\n:\n" | dd of="$1/tasks/cron" status=none' sh "$MNT"
	like "$(cat "$MNT/tasks/error")" ".*result $id is called cron.*"
	# Nobody else is kept out by that.
	done_with "$(submit '{"code": ":", "label": "cron"}')"
	fails_with EEXIST sh -c 'printf "#TASKFS unique=1\n:\n" | dd of="$1/tasks/cron" status=none' sh "$MNT"
	open_gate unique
	done_with "$id"
	printf '#TASKFS unique=1\necho again\n' | dd of="$MNT/tasks/cron" status=none
	equal "$(get cron value)" again
	fails_with EINVAL sh -c 'printf "#TASKFS unique=1\n:\n" | dd of="$1/tasks/new" status=none' sh "$MNT"
	like "$(cat "$MNT/tasks/error")" '.*needs "label".*'
}
