# Faults again and again, at any moment: whatever was accepted is there in the
# end, with one final status and a reason, and nothing is run twice. Part of no
# `make test`: ROUNDS=20 rounds (make torture ROUNDS=100).
# shellcheck shell=bash
load ../e2e/lib

ROUNDS=${ROUNDS:-20}

# Engines may be taken for dead that are only slow: they are told, and come back.
setup_file() { cluster_up 3 --controller-opt --ping=200ms; }
teardown_file() { cluster_down .; }
setup() { test_begin; }
teardown() {
	: >"$HOME_DIR/enough" # also when a round went wrong
	test_end
}

# Submits without a pause, each task leaves one line in $HOME_DIR/ran; the ids
# that were accepted go to $HOME_DIR/accepted.
submit_on() {
	local n=0 id
	while [ ! -e "$HOME_DIR/enough" ]; do
		n=$((n + 1))
		# All three may fail while something is dead.
		id=$(submit "echo $1.$n >>$HOME_DIR/ran; echo $1.$n" 2>/dev/null) ||
			continue
		[ -z "$id" ] || echo "$id $1.$n" >>"$HOME_DIR/accepted"
	done
}

victim() {
	case $((RANDOM % 4)) in
	0) pid_of taskfs-controller ;;
	1) child_of "$(pid_of "taskfs-engine-$((RANDOM % 3))")" ;;
	2) pid_of "taskfs-engine-$((RANDOM % 3))" ;;
	3) [ -z "$KILL_MOUNT" ] || pid_of taskfs ;;
	esac 2>/dev/null
}

# Every accepted one: ok with its own value, or an error that names an engine
# or the controller; none ran twice.
check_all() {
	local id want status bad=0
	while read -r id want; do
		status=$(get "$id" wait) || status="unreadable"
		case $status in
		ok) [ "$(get "$id" value)" = "$want" ] || bad=1 ;;
		error) grep -qE 'Engine|controller' "$MNT/results/$id/error" || bad=1 ;;
		*) bad=1 ;;
		esac
		[ "$bad" -eq 0 ] || {
			echo "result $id ($want) is $status: $(get "$id" error)"
			return 1
		}
	done <"$HOME_DIR/accepted"
	equal "$(sort "$HOME_DIR/ran" | uniq -d)" ''
	equal "$(cut -d' ' -f1 "$HOME_DIR/accepted" | sort | uniq -d)" ''
}

rounds() {
	local i pid submitters=()
	expect_log .
	rm -f "$HOME_DIR/enough" "$HOME_DIR/ran" "$HOME_DIR/accepted"
	: >"$HOME_DIR/ran"
	for i in 1 2 3; do
		submit_on "$i" 3>&- &
		submitters+=($!)
	done
	for ((i = 0; i < ROUNDS; i++)); do
		pid=$(victim)
		if [ -n "$pid" ]; then
			kill -9 "$pid" 2>/dev/null || true
			wait_for is_gone "$pid"
		fi
		start >"$HOME_DIR/start.out" 2>&1 || {
			cat "$HOME_DIR/start.out"
			return 1
		}
		wait_for controller_is connected
		descriptors_anew
	done
	: >"$HOME_DIR/enough"
	wait "${submitters[@]}"
	start >/dev/null
	echo "# $(wc -l <"$HOME_DIR/accepted") accepted, $(wc -l <"$HOME_DIR/ran") ran" >&3
	[ -s "$HOME_DIR/accepted" ]
	check_all
	wait_for nothing_unfinished
}

@test "controller and engines killed, again and again" {
	KILL_MOUNT='' rounds
}

@test "the mount too" {
	KILL_MOUNT=1 rounds
}
