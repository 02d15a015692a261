# Who may do what: a mount is private, or with allow_other everybody's, and
# then results belong to their submitters.
# shellcheck shell=bash
load lib

setup_file() {
	[ "$(id -u)" -eq 0 ] || return 0
	# Others must be able to come here.
	as 65534 test -x "${TMPDIR:-/tmp}" || export TMPDIR=/tmp
	cluster_up 1 --mount-opt -o --mount-opt allow_other
	chmod 755 "$HOME_DIR"
	mkdir "$HOME_DIR/private"
	env "TASKFS_E2E=$MARK" "$BUILD/taskfs" "$DIR" "$HOME_DIR/private" \
		--wait "$FOREVER" 3>&- >>"$DIR/log/second.log" 2>&1
}
teardown_file() {
	if [ -n "${HOME_DIR:-}" ]; then
		fusermount3 -u "$HOME_DIR/private"
		cluster_down
	fi
}
setup() {
	[ -n "${HOME_DIR:-}" ] || skip "needs root to be others"
	test_begin
}
teardown() {
	if [ -n "${HOME_DIR:-}" ]; then
		test_end
	fi
}

# as UID COMMAND...
as() {
	local uid=$1
	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups env HOME=/ "$@"
}

@test "without allow_other: nobody else, not even to look" {
	fails_with EACCES as 65534 ls "$HOME_DIR/private"
	fails_with EACCES as 65534 cat "$HOME_DIR/private/version"
	cat "$HOME_DIR/private/version"
}

@test "with allow_other: everybody submits, the result is theirs" {
	local id
	id=$(as 65534 bash -c 'echo "echo by nobody" >"$1/tasks/new"
		cat "$1/tasks/last"' bash "$MNT")
	equal "$(as 65534 cat "$MNT/results/$id/value")" 'by nobody'
	equal "$(stat -c %u "$MNT/results/$id")" 65534
	equal "$(stat -c %u "$MNT/results/$id/value")" 65534
}

@test "results of others are closed" {
	local id
	id=$(submit 'echo secret')
	done_with "$id"
	fails_with EACCES as 65534 cat "$MNT/results/$id/value"
	fails_with EACCES as 65534 cat "$MNT/results/$id/code"
	fails_with EACCES as 65534 ls "$MNT/results/$id"
	run ! as 65534 bash -c 'echo abort >"$1"' bash "$MNT/results/$id/ctl"
	run ! as 65534 rmdir "$MNT/results/$id"
	equal "$(get "$id" value)" secret
}

@test "tasks of others cannot be aborted" {
	local id gate
	gate=$(gate others)
	id=$(submit "cat $gate")
	run ! as 65534 rm -f "$MNT/tasks/$id"
	like "$(get "$id" status)" 'pending|running'
	open_gate others
	done_with "$id"
}

@test "the connection files are for their owner only" {
	fails_with EACCES as 65534 cat "$DIR/security/ipcontroller-client.json"
	fails_with EACCES as 65534 cat "$DIR/tasks.db"
}

@test "drafts are their owner's; names are anybody's" {
	mkdir "$MNT/tasks/mine"
	echo 'echo mine' >"$MNT/tasks/mine/code"
	equal "$(stat -c '%a %u' "$MNT/tasks/mine")" '700 0'
	fails_with EACCES as 65534 cat "$MNT/tasks/mine/code"
	fails_with EACCES as 65534 dash -c 'echo 1 >"$1"' dash \
		"$MNT/tasks/mine/submit"
	fails_with EACCES as 65534 mkdir "$MNT/tasks/mine/sub"
	fails_with EPERM as 65534 rmdir "$MNT/tasks/mine"
	fails_with EEXIST as 65534 mkdir "$MNT/tasks/mine"
	rm -r "$MNT/tasks/mine"
	as 65534 dash -c 'cd "$1" && mkdir theirs && echo "echo theirs" \
			>theirs/code && echo 2 >theirs/retries &&
		echo 1 >theirs/submit' dash "$MNT/tasks"
	done_with theirs
	equal "$(stat -c %u "$MNT/results/theirs/value")" 65534
	as 65534 dash -c 'echo "echo named" >"$1/tasks/named"' dash "$MNT"
	done_with named
	equal "$(stat -c %u "$MNT/results/named/value")" 65534
	as 65534 dash -c 'echo : >"$1/engines/all/new"' dash "$MNT"
	done_with latest
}
