# A map of a million items, and what it costs: no process may take 200 MB. Prints
# what it measured, memory and time. Part of no `make test`.
# shellcheck shell=bash
load ../e2e/lib

setup_file() { cluster_up 2; }
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() { test_end; }

# took WHAT COMMAND...: prints how long.
took() {
	local what=$1 from=${EPOCHREALTIME/./}
	shift
	"$@"
	echo "# $what: $(((${EPOCHREALTIME/./} - from) / 1000)) ms" >&3
}

# peak PROGRAM: most memory it ever had, kB.
peak() {
	sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$(pid_of "$1")/status"
}

put() { cat "$HOME_DIR/million" >"$MNT/tasks/new"; }
list() { ls -f "$MNT/results/$id" | grep -c '^[0-9]' >"$HOME_DIR/n"; }
lines() { wc -l <"$MNT/results/$id/$1" >"$HOME_DIR/n"; }
items() {
	(cd "$MNT/results/$id" && seq 0 1000 999999 | sed 's,$,/items,' | xargs cat) |
		grep -c '0$' >"$HOME_DIR/n" || true
}
abort() { echo abort >"$MNT/results/$id/ctl" && get "$id" wait >/dev/null; }
purge() { rmdir "$MNT/results/$id"; }
mount_again() {
	local pid
	pid=$(pid_of taskfs)
	fusermount3 -u "$MNT"
	wait_for is_gone "$pid"
	start >/dev/null
	stat -c %s "$MNT/results/$id/exit_status" >/dev/null
}
n_is() { equal "$(cat "$HOME_DIR/n")" "$1"; }

@test "a million items are submitted, listed, aborted, read, mounted again, purged" {
	local id program
	/usr/bin/python3 -c 'import json
print(json.dumps({"code": ":", "map": [str(i) for i in range(1000000)]}))' \
		>"$HOME_DIR/million"
	took submit put
	read -r id <"$MNT/tasks/last"
	took list list
	n_is 1000000
	took abort abort
	took as_completed lines as_completed
	n_is 1000000
	took msg_ids lines msg_ids
	n_is 1000000
	took "items of a thousand tasks" items
	n_is 1000
	took table lines table
	n_is 1000001
	took "its size" stat -c %s "$MNT/results/$id/table" >"$HOME_DIR/n"
	n_is "$(cat "$MNT/results/$id/table" | wc -c)"
	for program in taskfs taskfs-controller; do
		echo "# $program: $(peak "$program") kB" >&3
		[ -n "${SAN:-}" ] || [ "$(peak "$program")" -lt 200000 ]
	done
	took "mount and read" mount_again
	descriptors_anew
	echo "# taskfs: $(peak taskfs) kB" >&3
	took purge purge
	[ ! -e "$MNT/results/$id" ]
}

@test "ten thousand values are read as they come, and again" {
	local id sum
	/usr/bin/python3 -c 'import json
print(json.dumps({"code": "echo $1", "map": [str(i) for i in range(10000)]}))' \
		>"$HOME_DIR/million"
	put
	read -r id <"$MNT/tasks/last"
	took "as they come" lines value
	n_is 10000
	took "again" lines output
	sum=$(awk '{ n += $1 } END { print n }' "$MNT/results/$id/value")
	equal "$sum" 49995000
}
