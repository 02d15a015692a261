# bats file_tags=check
# timeline.bats: results/<id>/timeline.svg, as a document and as a browser shows it.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 3; }
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() { test_end; }

# look FILE FACT...: what a browser makes of it has these pixels (pixels.py).
look() {
	local dir
	dir=$(mktemp -d "$HOME_DIR/look.XXXXXX")
	cp "$1" "$dir/a.svg"
	HOME=$dir chromium --headless --no-sandbox \
		--disable-gpu --hide-scrollbars --user-data-dir="$dir/data" \
		--force-device-scale-factor=1 --window-size=1200,900 \
		--screenshot="$dir/a.png" "$dir/a.svg" >"$dir/out" 2>&1 3>&- || {
		cat "$dir/out"
		return 1
	}
	"$ROOT/tests/e2e/pixels.py" "$dir/a.png" "${@:2}"
}

# bars ID: what is drawn of it, which is what happened (bars.py).
bars() {
	"$ROOT/tests/e2e/bars.py" "$MNT/results/$1"
}

# is_xml FILE
is_xml() {
	/usr/bin/python3 -c 'import sys, xml.etree.ElementTree as etree
etree.parse(sys.argv[1])' "$1"
}

@test "a task: one bar in its row, from edge to edge" {
	local id
	id=$(submit '{"code": ":", "label": "a-name", "targets": [2]}')
	done_with "$id"
	grep -qF "<title>result $id (a-name): ok</title>" \
		"$MNT/results/$id/timeline.svg"
	equal "$(bars "$id")" '0 1 ok 2'
}

@test "each try has its bar: what failed, then what did not" {
	local id
	rm -f "$HOME_DIR/second"
	id=$(submit "{\"code\": \"[ -e $HOME_DIR/second ] || { : > $HOME_DIR/second; exit 1; }\", \"retries\": 1, \"targets\": [1]}")
	done_with "$id"
	equal "$(bars "$id")" $'0 1 error 1\n0 2 ok 1'
}

@test "what has not begun, runs, is aborted" {
	local a b c id svg
	a=$(submit 'echo; sleep 1000')
	b=$(submit 'echo; sleep 1000')
	c=$(submit 'echo; sleep 1000')
	id=$(submit 'sleep 1000')
	svg=$MNT/results/$id/timeline.svg
	grep -q 'no task has begun' "$svg"
	is_xml "$svg"
	head -c 1 "$MNT/results/$a/output" >/dev/null
	is_xml "$MNT/results/$a/timeline.svg"
	grep -q '<title>task 0: running' "$MNT/results/$a/timeline.svg"
	for id in "$id" "$a" "$b" "$c"; do
		echo abort >"$MNT/results/$id/ctl"
		done_with "$id" aborted
	done
	grep -q '<title>task 0: aborted' "$MNT/results/$a/timeline.svg"
	grep -q 'no task has begun' "$svg"
}

@test "its size is that of the text, while it runs too" {
	local id svg size
	id=$(submit 'echo; sleep 1000')
	head -c 1 "$MNT/results/$id/output" >/dev/null
	svg=$MNT/results/$id/timeline.svg
	same_size() {
		size=$(stat -c %s "$svg")
		[ "$(wc -c <"$svg")" = "$size" ]
	}
	# Unless the text grew between the two.
	wait_for same_size
	cp "$svg" "$HOME_DIR/copy.svg"
	is_xml "$HOME_DIR/copy.svg"
	echo abort >"$MNT/results/$id/ctl"
	done_with "$id" aborted
	same_size
}

@test "a map: its tasks on the engines that ran them, and what failed" {
	local id i engine
	for i in 0 1 2; do gate "begun$i" >/dev/null; done
	id=$(submit "{\"code\": \"case \$TASKFS_INDEX in [012]) cat $HOME_DIR/begun\$TASKFS_INDEX ;; esac; exit \$1\", \"map\": [\"0\", \"0\", \"3\", \"0\", \"0\", \"0\"]}")
	# Each of them has an engine before any ends.
	for i in 2 0 1; do
		wait_for eval '[ "$(get "$id" $i/status)" = running ]'
	done
	for i in 2 0 1; do open_gate "begun$i"; done
	done_with "$id" error
	run -0 bars "$id"
	equal "${#lines[@]}" 6
	equal "$(grep -c error <<<"$output")" 1
	equal "$(cut -d ' ' -f 4 <<<"$output" | sort -u)" $'0\n1\n2'
	engine=$(get "$id" 2/engine)
	grep -qx "2 1 error $engine" <<<"$output"
	# One of them alone.
	is_xml "$MNT/results/$id/2/timeline.svg"
	grep -q "<title>result $id, task 2: error" "$MNT/results/$id/2/timeline.svg"
	grep -q "<title>task 2: error, engine $engine" "$MNT/results/$id/2/timeline.svg"
}

@test "three engines, and where it failed" {
	"$BUILD/tests/e2e/draw" 9 3 4 >"$HOME_DIR/nine.svg"
	is_xml "$HOME_DIR/nine.svg"
	# Three slots of 2 ms, half of each is work; the last ends with that.
	look "$HOME_DIR/nine.svg" \
		90-300,94\*ok 90-300,114\*ok 90-300,134\*ok \
		310-515,94\*white 310-515,134\*white \
		530-735,94\*ok 530-735,114\*error 530-735,134\*ok \
		970-1170,114\*ok 90-1170,155!ok
}

@test "a hundred thousand tasks: a small file, and the one that failed" {
	"$BUILD/tests/e2e/draw" 100000 3 50000 >"$HOME_DIR/many.svg"
	[ "$(stat -c %s "$HOME_DIR/many.svg")" -lt 1000000 ]
	is_xml "$HOME_DIR/many.svg"
	look "$HOME_DIR/many.svg" 625-640,134:error 90-600,134!error \
		650-1170,134!error 90-1170,94!error 90-1170,94!white \
		90-1170,114!white 90-1170,155!ok
	# In a thousand rows it is there too.
	"$BUILD/tests/e2e/draw" 100000 1000 50500 >"$HOME_DIR/wide.svg"
	[ "$(stat -c %s "$HOME_DIR/wide.svg")" -lt 1000000 ]
	is_xml "$HOME_DIR/wide.svg"
	equal "$(grep -c '<path class="error' "$HOME_DIR/wide.svg")" 1
}
