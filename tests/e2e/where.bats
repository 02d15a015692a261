# bats file_tags=check
# In which directory a task runs.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 1; }
teardown_file() { cluster_down; }
setup() {
	test_begin
	T=$MNT/tasks
}
teardown() { test_end; }

# runs_in_an_empty_one TEXT: a task of this shell does, and its error begins with
# that.
runs_in_an_empty_one() {
	local id dir
	id=$(submit 'pwd; ls -A; touch left')
	done_with "$id"
	dir=$(get "$id" value)
	[[ $dir == /* && $dir != *$'\n'* && $dir != "$ENGINE_DIR" ]]
	like "$(get "$id" error)" "$1: no such directory on the engine's host; the task ran in an empty one"
	get "$id" metadata | grep -F "\"$dir\""
	wait_for is_absent "$dir"
}

is_absent() { [ ! -e "$1" ]; }

engine_dir() { ENGINE_DIR=$(readlink "/proc/$(worker_of 0)/cwd"); }

@test "it is that of who submits" {
	mkdir -p "$HOME_DIR/some dir"
	cd "$HOME_DIR/some dir"
	equal "$(get "$(submit pwd)" value)" "$HOME_DIR/some dir"
	equal "$(get latest submit_dir)" "$HOME_DIR/some dir"
	is_absent "$MNT/results/latest/cwd"
	equal "$(get latest error)" ''
}

@test "cwd is another one, a relative one begins where it is submitted" {
	mkdir -p "$HOME_DIR/here/below" "$HOME_DIR/here/draft"
	cd "$HOME_DIR/here"
	equal "$(get "$(submit '{"code": "pwd", "cwd": "/usr"}')" value)" /usr
	equal "$(get "$(submit '{"code": "pwd", "cwd": "below"}')" value)" "$PWD/below"
	equal "$(get latest cwd)" "$PWD/below"
	mkdir "$T/relative"
	echo pwd >"$T/relative/code"
	echo draft >"$T/relative/cwd"
	equal "$(cat "$T/relative/cwd")" draft
	echo 1 >"$T/relative/submit"
	equal "$(get relative value)" "$PWD/draft"
	cd /
	equal "$(get "$(submit '{"code": "pwd", "cwd": "usr"}')" value)" /usr
}

@test "cwd is not there: the task does not run" {
	local id
	for dir in /nonexistent /etc/passwd below/../nonexistent; do
		cd "$HOME_DIR"
		id=$(submit "{\"code\": \"touch $HOME_DIR/ran\", \"cwd\": \"$dir\"}")
		done_with "$id" error
		like "$(get "$id" error)" "StartError: cwd: .*$dir: No.*"
		fails_with EREMOTEIO cat "$MNT/results/$id/value"
	done
	is_absent "$HOME_DIR/ran"
}

@test "the directory of who submits is gone, or is none: an empty one" {
	engine_dir
	mkdir -p "$HOME_DIR/gone"
	cd "$HOME_DIR/gone"
	rmdir "$HOME_DIR/gone"
	runs_in_an_empty_one "submit_dir: $HOME_DIR/gone \(deleted\)"
	# Another one of that name is not the one that it was.
	mkdir "$HOME_DIR/gone"
	runs_in_an_empty_one "submit_dir: $HOME_DIR/gone \(deleted\)"
	cd "$MNT/results"
	runs_in_an_empty_one "submit_dir: $MNT/results \(of the mount\)"
	mkdir -p "$HOME_DIR/"$'\xff'
	cd "$HOME_DIR/"$'\xff'
	runs_in_an_empty_one "submit_dir: $HOME_DIR/\? \(not UTF-8\)"
	cd /
	rmdir "$HOME_DIR/gone" "$HOME_DIR/"$'\xff'
}

@test "a relative cwd where who submits is in no directory" {
	local dir
	expect_log 'a task is refused'
	mkdir -p "$HOME_DIR/gone"
	for dir in "$HOME_DIR/gone" "$MNT/results"; do
		cd "$dir"
		[ "$dir" != "$HOME_DIR/gone" ] || rmdir "$dir"
		run bash -c "echo '{\"code\": \"pwd\", \"cwd\": \"below\"}' >$T/new; cat $T/error"
		[[ $output == *"\"cwd\" must begin with / here: it is submitted from $dir ("* ]]
	done
	cd /
}

@test "the tasks of a map, each in one of its own" {
	local id
	cd "$MNT"
	id=$(submit '{"code": "touch $1; ls", "map": ["a", "b"]}')
	equal "$(get "$id" value)" $'a\nb'
}
