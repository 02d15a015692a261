# copies.bats: the options stdout and stderr: files that get the outputs, too.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 2; }
teardown_file() { cluster_down; }
setup() {
	test_begin
	mkdir "$HOME_DIR/work"
	cd "$HOME_DIR/work" || return
}
teardown() {
	cd /
	rm -rf "$HOME_DIR/work"
	test_end
}

@test "what a task writes is in both files, and in the tree" {
	local id
	id=$(submit '{"code": "echo out; echo err >&2", "stdout": "o.%i", "stderr": "100%%.%n"}')
	done_with "$id"
	equal "$(cat "o.$id")" out
	equal "$(cat '100%.0')" err
	equal "$(get "$id" stdout)" out
	equal "$(get "$id" stderr)" err
	equal "$(get "$id" value)" out
	equal "$(get "$id" stdout_path)" "o.$id"
	equal "$(get "$id" stderr_path)" "100%.0"
}

@test "both in one file; it grows while the task runs" {
	local id
	gate go >/dev/null
	id=$(submit "{\"code\": \"echo 1; echo 2 >&2; cat $HOME_DIR/go; echo 3\", \"stdout\": \"all\", \"stderr\": \"all\"}")
	wait_for has_both
	leave_gate_open go
	done_with "$id"
	equal "$(sort all | tr '\n' ' ')" '1 2 3 '
	equal "$(tail -n 1 all)" 3
}
has_both() {
	[ "$(sort all 2>/dev/null | tr '\n' ' ')" = '1 2 ' ]
}

@test "a large output is whole, byte by byte" {
	local id
	id=$(submit '{"code": "head -c 3000000 /dev/zero | tr \"\\0\" x; echo end", "stdout": "big"}')
	done_with "$id"
	get "$id" stdout | cmp - big
	equal "$(stat -c %s big)" 3000004
}

@test "it is emptied first; with >> it is appended to; each try anew" {
	local id
	echo before >o
	echo before >a
	id=$(submit '{"code": "echo $(ls tries* | wc -l); touch tries.$$; exit 1", "stdout": "o", "stderr": ">> a", "retries": 2}')
	done_with "$id" error
	equal "$(cat o)" 2
	equal "$(head -n 1 a)" before
	id=$(submit '{"code": "echo more", "stdout": ">>a"}')
	done_with "$id"
	equal "$(tail -n 1 a)" more
	equal "$(get "$id" stdout_path)" a
}

@test "a map: a file for each task, or all in one" {
	local id
	id=$(submit '{"code": "echo $1", "map": ["a", "b"], "stdout": "t.%n"}')
	done_with "$id"
	equal "$(cat t.0 t.1)" $'a\nb'
	equal "$(get "$id" stdout_path)" t.%n
	equal "$(get "$id" 1/stdout_path)" t.1
	id=$(submit '{"code": "echo $1", "map": ["a", "b"], "stdout": ">>all"}')
	done_with "$id"
	equal "$(sort all)" $'a\nb'
	fails_with EINVAL bash -c "echo '{\"code\": \"echo\", \"map\": [1, 2], \"stdout\": \"o\"}' | dd of=$MNT/tasks/new conv=fsync status=none; cat $MNT/tasks/error; false"
	like "$(cat "$MNT/tasks/error")" '.*"stdout" needs a %n for the number of the task.*'
}

@test "a wrong letter is refused when it is written" {
	mkdir "$MNT/tasks/draft"
	fails_with EINVAL bash -c "echo out.%j >$MNT/tasks/draft/stdout"
	like "$(cat "$MNT/tasks/error")" '.*"stdout" must be a path, in which % is one of %i, %n and %%'
	echo out.%i >"$MNT/tasks/draft/stdout"
	rmdir "$MNT/tasks/draft"
}

@test "what cannot be opened fails the task, and it does not run" {
	local id p
	mkfifo pipe
	for p in no/such/dir/o . pipe; do
		id=$(submit "{\"code\": \"touch ran\", \"stdout\": \"$p\"}")
		done_with "$id" error
		like "$(get "$id" error)" "StartError: stdout: $HOME_DIR/work/.*: .*"
		equal "$(get "$id" exit_status)" 126
		[ ! -e ran ]
	done
	like "$(get "$id" error)" '.*: it is no file'
}

@test "a full disk: the task goes on, and its end says it" {
	local id
	id=$(submit '{"code": "echo out; echo err >&2", "stdout": "/dev/full", "stderr": "e"}')
	done_with "$id" error
	equal "$(get "$id" error | head -n 1)" \
		'OutputError: stdout: /dev/full: No space left on device'
	equal "$(get "$id" stdout)" out
	equal "$(cat e)" err
	equal "$(get "$id" exit_status)" 0
	id=$(submit '{"code": "echo out; exit 3", "stdout": "/dev/full"}')
	done_with "$id" error
	equal "$(get "$id" error | head -n 1)" \
		'ExitStatus: exit status 3; stdout: /dev/full: No space left on device'
}

@test "a relative path, and no such directory on the engine's host" {
	local id
	mkdir gone
	id=$(cd gone && rmdir ../gone && submit '{"code": "echo", "stdout": "o"}')
	done_with "$id" error
	like "$(get "$id" error | head -n 1)" 'StartError: stdout and stderr need a path from the root, or cwd.*'
	id=$(submit '{"code": "pwd", "stdout": "o", "cwd": "/nowhere"}')
	done_with "$id" error
	like "$(get "$id" error | head -n 1)" 'StartError: cwd: /nowhere: No such file or directory'
}
