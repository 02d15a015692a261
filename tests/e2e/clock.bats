# bats file_tags=check
# clock.bats: somebody sets the clock while tasks run: what is measured stays true,
# only times of day follow. The clock is the one that the programs see
# (tests/clock/setclock.c); the machine's own is left alone. What is true is seen in
# /proc/uptime. shellcheck shell=bash
load lib

setup_file() {
	HOUR=3600
	SETCLOCK=$(mktemp "${TMPDIR:-/tmp}/taskfs-clock.XXXXXX")
	export HOUR SETCLOCK
	export ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0
	printf '\0\0\0\0\0\0\0\0' >"$SETCLOCK"
	BEGAN=$(now)
	export BEGAN
	with_clock cluster_up 2
}
teardown_file() {
	cluster_down
	rm -f "$SETCLOCK"
}
setup() { test_begin; }
teardown() {
	clock_is 0
	test_end
}

with_clock() {
	# To the dynamic linker blanks are between libraries.
	local library=$BATS_FILE_TMPDIR/setclock.so
	[ -e "$library" ] || cp "$BUILD/tests/clock/setclock.so" "$library"
	LD_PRELOAD=$library "$@"
}

# clock_is SECONDS: so many are added to what it was, from now on.
clock_is() {
	/usr/bin/python3 -c 'import struct, sys
with open(sys.argv[1], "r+b") as f:
    f.write(struct.pack("q", int(sys.argv[2])))' "$SETCLOCK" "$1"
}

# now: seconds, of a clock that nobody sets; it shows hundredths.
now() {
	local up _
	read -r up _ </proc/uptime
	echo "$up"
}

# between LEAST NUMBER MOST
between() {
	awk -v a="$1" -v x="$2" -v b="$3" 'BEGIN {
		exit !(x ~ /^[0-9]+[.][0-9]+$/ && a - 0.02 <= x && x <= b + 0.02)
	}' || {
		echo "not between $1 and $3: $2"
		return 1
	}
}

# took FROM TO: seconds.
took() {
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f\n", b - a }'
}

# later_by ID FILE FILE SECONDS: the second is so much later than the first,
# as times of day, give or take half an hour.
later_by() {
	local a b
	a=$(date -d "$(get "$1" "$2")" +%s)
	b=$(date -d "$(get "$1" "$3")" +%s)
	(((b - a - $4) ** 2 < 1800 ** 2)) || {
		echo "$3 is $((b - a)) s later than $2"
		return 1
	}
}

since_the_start() {
	took "$BEGAN" "$(now)"
}

# metric NAME
metric() {
	sed -n "s/^$1 //p" "$MNT/metrics"
}

# runs ID [TASK/]
runs() {
	[ "$(get "$1" "${2:-}status")" = running ]
}

# member NAME: of the JSON object that is read.
member() {
	/usr/bin/python3 -c 'import json, sys
print("%.6f" % json.load(sys.stdin)[sys.argv[1]])' "$1"
}

# set_while_it_runs SECONDS: a task, and the clock is set as it runs.
set_while_it_runs() {
	local id before began ended least most
	gate wait >/dev/null
	before=$(now)
	rm -f "$HOME_DIR/there"
	id=$(submit ": >$HOME_DIR/there; cat $HOME_DIR/wait")
	wait_for test -e "$HOME_DIR/there"
	wait_for runs "$id"
	began=$(now)
	clock_is "$1"
	between "$(took "$began" "$(now)")" "$(get "$id" elapsed)" \
		"$(took "$before" "$(now)")"
	between 0 "$(get "$id" wall_time)" "$(took "$before" "$(now)")"
	like "$(head -c 13 "$MNT/results/$id/watch" | tr -d '\n')" 'running for .*'
	ended=$(now)
	open_gate wait
	done_with "$id"
	least=$(took "$began" "$ended") most=$(took "$before" "$(now)")
	# The clock was set, and it is shown.
	later_by "$id" submitted completed "$1"
	later_by "$id" started received "$1"
	# That is all.
	between "$least" "$(get "$id" elapsed)" "$most"
	between "$least" "$(get "$id" wall_time)" "$most"
	between "$least" "$(get "$id" serial_time)" "$most"
	between 0 "$(get "$id" speedup)" 1
	between "$least" "$(get "$id" metadata | member serial_time)" "$most"
	between 0 "$(cut -d ' ' -f 6 "$MNT/results/$id/attempts")" "$most"
	between "$least" "$(cut -d ' ' -f 7 "$MNT/results/$id/attempts")" "$most"
	between "$least" "$(sed -n 's/.*engine [0-9]*, \([0-9.]*\) s<.*/\1/p' \
		"$MNT/results/$id/timeline.svg")" "$most"
	like "$(cat "$MNT/results/$id/watch")" 'ok in [0-9.]+ s'
	between "$least" "$(grep '"result ended"' "$DIR/log/"*controller*.log |
		grep "\"result\":$id," | sed 's/^[^{]*//' | member wall_time)" "$most"
	# Who comes later hears the same.
	with_clock second_up
	between "$least" "$(cat "$HOME_DIR/second/results/$id/wall_time")" "$most"
	equal "$(cat "$HOME_DIR/second/results/$id/elapsed")" "$(get "$id" elapsed)"
	second_down
}

@test "an hour forward while a task runs" {
	set_while_it_runs "$HOUR"
}

@test "an hour back while a task runs" {
	set_while_it_runs "-$HOUR"
}

@test "a map: forward in its first task, back in its second" {
	local id before between_them least most
	gate 0 >/dev/null
	gate 1 >/dev/null
	before=$(now)
	id=$(submit "{\"code\": \"cat $HOME_DIR/\$1\", \"map\": [\"0\", \"1\"], \"targets\": [0]}")
	wait_for runs "$id" 0/
	clock_is "$HOUR"
	open_gate 0
	wait_for runs "$id" 1/
	between_them=$(now)
	clock_is "-$HOUR"
	between 0 "$(get "$id" serial_time)" "$(took "$before" "$between_them")"
	between 0 "$(get "$id" 1/elapsed)" "$(took "$before" "$(now)")"
	least=$(took "$between_them" "$(now)")
	open_gate 1
	done_with "$id"
	most=$(took "$before" "$(now)")
	between 0 "$(get "$id" 0/serial_time)" "$most"
	between "$least" "$(get "$id" 1/serial_time)" "$most"
	between "$(get "$id" 1/serial_time)" "$(get "$id" serial_time)" "$most"
	between "$(get "$id" 0/wall_time)" "$(get "$id" 1/wall_time)" "$most"
	between "$least" "$(get "$id" wall_time)" "$most"
	between 0 "$(get "$id" speedup)" 1
	like "$(cat "$MNT/results/$id/watch")" '2/2 ok in [0-9.]+ s'
	# The order in which they ended is no other.
	equal "$("$ROOT/tests/e2e/bars.py" "$MNT/results/$id")" $'0 1 ok 0\n1 1 ok 0'
	# What ended last is what the map says.
	equal "$(get "$id" completed)" "$(get "$id" 1/completed)"
	equal "$(get "$id" received)" "$(get "$id" 1/received)"
}

@test "back while the controller is away" {
	local id before began least most
	expect_log 'no controller|cannot|lost|closed'
	gate wait >/dev/null
	before=$(now)
	id=$(submit "cat $HOME_DIR/wait")
	wait_for runs "$id"
	began=$(now)
	kill_9 taskfs-controller
	clock_is "-$HOUR"
	with_clock start >/dev/null
	wait_for controller_is connected
	between "$(took "$began" "$(now)")" "$(get "$id" elapsed)" \
		"$(took "$before" "$(now)")"
	least=$(took "$began" "$(now)")
	open_gate wait
	done_with "$id"
	most=$(took "$before" "$(now)")
	later_by "$id" submitted received "-$HOUR"
	between "$least" "$(get "$id" wall_time)" "$most"
	between "$least" "$(get "$id" serial_time)" "$most"
}

@test "how long the programs run" {
	local by
	for by in "$HOUR" "-$HOUR"; do
		clock_is "$by"
		between 0 "$(cat "$MNT/controller/uptime")" "$(since_the_start)"
		between 0 "$(metric taskfs_mount_uptime_seconds)" "$(since_the_start)"
		between 0 "$(metric taskfs_controller_uptime_seconds)" \
			"$(since_the_start)"
	done
}
