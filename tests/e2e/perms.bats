# bats file_tags=check
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

@test "pools are for who may write controller/ctl; everybody may look" {
	fails_with EACCES as 65534 mkdir "$MNT/pools/theirs"
	mkdir "$MNT/pools/ours"
	fails_with EACCES as 65534 bash -c 'echo 3 >"$1"' bash "$MNT/pools/ours/max"
	fails_with EACCES as 65534 bash -c 'echo pause >"$1"' bash "$MNT/pools/ours/ctl"
	fails_with EACCES as 65534 rmdir "$MNT/pools/ours"
	equal "$(as 65534 cat "$MNT/pools/ours/state" "$MNT/pools/ours/max")" $'empty\n10'
	rmdir "$MNT/pools/ours"
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
	equal "$(as 65534 cat "$MNT/results/theirs/value")" theirs
	equal "$(as 65534 stat -c %u "$MNT/results/theirs/value")" 65534
	as 65534 dash -c 'echo "echo named" >"$1/tasks/named"' dash "$MNT"
	equal "$(as 65534 cat "$MNT/results/named/value")" named
	equal "$(as 65534 stat -c %u "$MNT/results/named/value")" 65534
	as 65534 dash -c 'echo : >"$1/engines/all/new"' dash "$MNT"
	done_with latest
}

# submit_as UID TASK: its id.
submit_as() {
	# shellcheck disable=SC2016 # the other shell's
	as "$1" bash -c 'exec 4<>"$1/tasks/new"; printf "%s\n" "$2" >&4
		read -r id <&4; echo "$id"' bash "$MNT" "$2"
}

# leads UID NAME ID...: where results/NAME leads that user, again and again.
leads() {
	# shellcheck disable=SC2016
	as "$1" bash -c 'for ((i = 0; i < 200; i++)); do
		[ "$(readlink "$1/results/$2")" = "$3" ] || exit 1
	done' bash "$MNT" "$2" "$3"
}

@test "a name is its user's: for links, after and follow" {
	local gate roots theirs behind pid
	gate=$(gate names)
	roots=$(submit '{"code": "exit 3", "label": "build"}')
	done_with build error
	theirs=$(submit_as 65534 \
		"{\"code\": \"cat $gate; echo theirs\", \"label\": \"build\"}")
	# Each has his own, also when they look at the same time.
	leads 65534 build "$theirs" &
	pid=$!
	leads 0 build "$roots"
	wait "$pid"
	equal "$(get build status)" error
	equal "$(as 65534 ls "$MNT/results" | grep -x build)" build
	run ! as 65533 ls "$MNT/results/build/"
	run ! grep -x build <(as 65533 ls "$MNT/results")
	fails_with ENOENT as 65533 readlink -v "$MNT/results/build"
	# What waits for "build" waits for one's own.
	behind=$(submit_as 65534 '{"code": "echo behind", "after": ["build"]}')
	equal "$(as 65534 cat "$MNT/results/$behind/why")" "after $theirs"
	submit_as 65534 '{"code": ":", "follow": ["build"], "label": "follows"}'
	done_with "$(submit '{"code": ":", "after": ["build:error"]}')" &
	pid=$!
	run as 65533 bash -c "echo '{\"code\": \":\", \"after\": [\"build\"]}' >$MNT/tasks/new; cat $MNT/tasks/error"
	[[ $output == *"no result build of user 65533"* ]]
	open_gate names
	wait "$pid"
	equal "$(as 65534 cat "$MNT/results/build/value")" theirs
	equal "$(as 65534 cat "$MNT/results/$behind/value")" behind
	equal "$(as 65534 cat "$MNT/results/follows/wait")" ok
	# One goes, the other's stays.
	rmdir "$MNT/results/$roots"
	fails_with ENOENT readlink -v "$MNT/results/build"
	leads 65534 build "$theirs"
}

@test "latest is the newest that one may see" {
	local id others
	id=$(submit_as 65534 :)
	others=$(submit_as 65533 'echo others')
	leads 65534 latest "$id"
	leads 65533 latest "$others"
	leads 0 latest "$others"
	equal "$(as 65533 cat "$MNT/results/latest/value")" others
	equal "$(as 65534 cat "$MNT/results/latest/wait")" ok
	fails_with ENOENT as 65532 readlink -v "$MNT/results/latest"
	run ! grep -x latest <(as 65532 ls "$MNT/results")
	# Who may read everything there.
	equal "$(readlink "$HOME_DIR/private/results/latest")" "$others"
	# The kernel keeps nobody's link for another.
	leads 65534 latest "$id" &
	leads 65533 latest "$others" &
	wait -n && wait -n
}
