# bats file_tags=check
# The disk of the controller is full: what is refused, who says so, and how room is
# made through the mount alone.
# shellcheck shell=bash
load lib

setup() {
	[ "$(id -u)" -eq 0 ] || skip "needs root to mount"
	export ENGINES=1
	new_home
	mkdir "$DIR"
	mount -t tmpfs -o size=8m,mode=700 none "$DIR"
	start >/dev/null
	mark_logs
}
teardown() {
	[ -d "${DIR:-}" ] || return 0
	cluster stop >/dev/null 2>&1 || true
	umount "$DIR"
	[ -n "${BATS_TEST_COMPLETED:-}" ] || end_processes
	no_left_overs
	rm -rf --one-file-system "$HOME_DIR"
}

# Nothing is left of the disk, nor in the log of the database.
fill() {
	cat /dev/zero >>"$DIR/ballast" || true
	printf '{"code": ": %0100000d"}\n' 1 >"$MNT/tasks/new" || true
	wait_for controller_is "$full"
	cat /dev/zero >>"$DIR/ballast" || true
}

status_is() { [ "$(get "$1" status)" = "$2" ]; }
why_is() { [ "$(get "$1" why)" = "$2" ]; }

full='disk full: submissions are refused'

@test "a full disk: room is made through the mount" {
	local i first last
	first=$(submit 'echo 1')
	for i in 2 3 4; do last=$(submit "echo $i"); done
	for ((i = first; i <= last; i++)); do done_with "$i"; done
	fill
	fails_with ENOSPC sh -c 'echo : >"$1/tasks/new"' sh "$MNT"
	like "$(cat "$MNT/tasks/error")" '.*disk.*full.*'
	# What is there is read, and purged: one, and all that have ended.
	equal "$(get "$last" value)" 4
	rmdir "$MNT/results/$first"
	echo purge >"$MNT/controller/ctl"
	equal "$(ls "$MNT/results")" ''
	controller_is "$full"
	rm "$DIR/ballast"
	wait_for controller_is connected
	last=$(submit 'echo and on')
	equal "$(get "$last" value)" 'and on'
}

@test "a full disk: what has ended says why it does not" {
	local id gate
	gate=$(gate ends)
	id=$(submit "cat $gate; head -c 30000 /dev/zero")
	wait_for status_is "$id" running
	fill
	open_gate ends
	wait_for why_is "$id" "its end to be stored: the controller's disk is full"
	equal "$(get "$id" status)" running
	rm "$DIR/ballast"
	done_with "$id"
	equal "$(get "$id" why)" ''
}

@test "a full disk: tasks that wait say why" {
	local id waits gate
	gate=$(gate runs)
	id=$(submit "cat $gate")
	waits=$(submit 'echo waited')
	fill
	wait_for why_is "$waits" "room on the controller's disk, which is full"
	rm "$DIR/ballast"
	wait_for controller_is connected
	open_gate runs
	equal "$(get "$waits" value)" waited
	done_with "$id"
}
