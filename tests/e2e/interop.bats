# bats file_tags=check
# With ipyparallel's own client, engine and controller, as Debian has them.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 2; }
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() {
	[ "${#BACKGROUND[@]}" -eq 0 ] || {
		kill "${BACKGROUND[@]}" 2>/dev/null || true
		wait "${BACKGROUND[@]}" || true
	}
	test_end
}
BACKGROUND=()

python() {
	PYDEVD_DISABLE_FILE_VALIDATION=1 \
		/usr/bin/python3 "$@"
}

# In the background, with the mark of this cluster.
background() {
	env "TASKFS_E2E=$MARK" PYDEVD_DISABLE_FILE_VALIDATION=1 "$@" \
		>>"$HOME_DIR/background.log" 2>&1 3>&- &
	BACKGROUND+=($!)
}

engines_known() {
	[ "$(find "$MNT/engines" -maxdepth 1 -name '[0-9]*' | wc -l)" -eq "$1" ]
}

@test "their client with our controller and engines, seen in the mount" {
	python - "$DIR" <<-'END'
		import sys
		import ipyparallel as ipp
		rc = ipp.Client(profile_dir=sys.argv[1], timeout=100000)
		assert rc.ids == [0, 1], rc.ids
		ar = rc[:].execute("echo hello; echo oops >&2", silent=False, block=False)
		ar.get()
		ar.wait_for_output()
		assert [m["stdout"] for m in ar.metadata] == ["hello\n"] * 2, ar.metadata
		assert [m["stderr"] for m in ar.metadata] == ["oops\n"] * 2, ar.metadata
		assert sorted(m["engine_id"] for m in ar.metadata) == [0, 1]
		assert ar.successful()
		ar = rc[0].execute("exit 3", silent=False, block=False)
		try:
		    ar.get()
		    assert False, "it should have failed"
		except ipp.error.RemoteError as e:
		    assert "3" in str(e), e
		# The load-balanced queue.
		f = [rc.send_execute_request(rc._task_stream, "echo %d" % i, silent=False)
		     for i in range(20)]
		rc.wait(f)
		assert all(x.done() for x in f)
		rc[0].execute("echo seen in the mount", silent=False, block=True)
		rc.close()
	END
	wait_for eval '[ "$(get latest code)" = "echo seen in the mount" ]'
	equal "$(get latest wait)" ok
	equal "$(get latest stdout)" 'seen in the mount'
}

@test "their engine under our controller" {
	background /usr/bin/python3 -m ipyparallel.engine "--profile-dir=$DIR"
	wait_for engines_known 3
	python - "$DIR" <<-'END'
		import sys
		import ipyparallel as ipp
		rc = ipp.Client(profile_dir=sys.argv[1], timeout=100000)
		v = rc[rc.ids[-1]]
		assert v.apply_sync(lambda x: x + 1, 41) == 42
		v["a"] = [1, 2, 3]
		assert v.pull("a", block=True) == [1, 2, 3]
		assert v.map_sync(lambda x: x * x, range(8)) == [x * x for x in range(8)]
		rc.close()
	END
	# Its variables are Python's; in a view beside others each has its own.
	equal "$(cat "$MNT/engines/2/vars/a")" '[1, 2, 3]'
	printf '{"x":5}\n' >"$MNT/engines/all/vars/b"
	equal "$(cat "$MNT/engines/all/vars/b")" $'{"x":5}\n{"x":5}\n{"x": 5}'
	equal "$(stat -c %s "$MNT/engines/all/vars/b")" 25
	printf 'a\nb\nc\nd\n' >"$MNT/engines/all/scatter/c"
	equal "$(cat "$MNT/engines/all/gather/c")" $'a\nb\nc\nd'
	equal "$(cat "$MNT/engines/2/vars/c")" '["d"]'
	kill "${BACKGROUND[0]}"
	wait_for engines_known 2
}

@test "our engine under their controller, with their client" {
	local profile=$HOME_DIR/stock
	mkdir "$profile"
	background /usr/bin/python3 -m ipyparallel.controller --init \
		"--profile-dir=$profile" --ip=127.0.0.1 \
		--IPController.registration_timeout=100000 \
		--HeartMonitor.max_heartmonitor_misses=100000
	wait_for test -e "$profile/security/ipcontroller-engine.json"
	background "$BUILD/taskfs-engine" --profile-dir "$profile" \
		--timeout "$FOREVER"
	# It notifies nobody whose subscription is still on its way.
	wait_for grep -q 'Engine Connected: 0' "$HOME_DIR/background.log"
	python - "$profile" <<-'END'
		import sys
		import ipyparallel as ipp
		rc = ipp.Client(profile_dir=sys.argv[1], timeout=100000)
		assert rc.ids == [0], rc.ids
		# Nor does it keep outputs for such a one.
		while True:
		    ar = rc[:].execute("echo under theirs", silent=False, block=False)
		    ar.get()
		    if ar.wait_for_output(1):
		        break
		assert ar.stdout == ["under theirs\n"], ar.stdout
		rc.close()
	END
}
