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

@test "a read of a result's ctl lists its words" {
	local id
	id=$(submit ':')
	done_with "$id"
	equal "$(get "$id" ctl | tr '\n' ' ')" \
		'abort signal NAME hold release priority N retry '
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
	fails_with ESRCH ctl "results/$last" priority 1
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
