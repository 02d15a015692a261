# timeline.bats: results/<id>/timeline.svg, as XML and as a browser shows it.
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

@test "a task: one bar in its row, from edge to edge" {
	local id svg
	id=$(submit '{"code": "sleep 0.2", "label": "a-name", "targets": [2]}')
	done_with "$id"
	svg=$MNT/results/$id/timeline.svg
	xmllint --noout "$svg"
	grep -qF "<title>result $id (a-name): ok</title>" "$svg"
	equal "$(grep -c '<title>task' "$svg")" 1
	grep -q '<title>task 0: ok, engine 2, 0.2' "$svg"
	look "$svg" 84-1179,94\*ok 90,110=white 40,94=white
}

@test "each try has its bar: what failed, then what did not" {
	local id svg
	rm -f "$HOME_DIR/second"
	id=$(submit "{\"code\": \"sleep 0.2; [ -e $HOME_DIR/second ] || { : > $HOME_DIR/second; exit 1; }\", \"retries\": 1, \"targets\": [1]}")
	done_with "$id"
	svg=$MNT/results/$id/timeline.svg
	xmllint --noout "$svg"
	equal "$(grep -o 'task 0.*engine 1' "$svg" | tr '\n' ';')" \
		'task 0, try 2: ok, engine 1;task 0: error, engine 1;'
	look "$svg" 90-500,94\*error 700-1170,94\*ok
}

@test "what has not begun, runs, is aborted" {
	local a b c id svg
	a=$(submit 'echo; sleep 1000')
	b=$(submit 'echo; sleep 1000')
	c=$(submit 'echo; sleep 1000')
	id=$(submit 'sleep 1000')
	svg=$MNT/results/$id/timeline.svg
	grep -q 'no task has begun' "$svg"
	xmllint --noout "$svg"
	head -c 1 "$MNT/results/$a/output" >/dev/null
	xmllint --noout "$MNT/results/$a/timeline.svg"
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
	# Unless a second is over between the two.
	same_size || same_size
	cp "$svg" "$HOME_DIR/copy.svg"
	xmllint --noout "$HOME_DIR/copy.svg"
	echo abort >"$MNT/results/$id/ctl"
	done_with "$id" aborted
	same_size
}

@test "a map: its tasks on the engines that ran them, and what failed" {
	local id svg engine
	id=$(submit '{"code": "sleep 0.2; exit $1", "map": ["0", "0", "3", "0", "0", "0"]}')
	done_with "$id" error
	svg=$MNT/results/$id/timeline.svg
	xmllint --noout "$svg"
	equal "$(grep -c '<title>task' "$svg")" 6
	equal "$(grep -c 'class="error".*<title>task 2' "$svg")" 1
	equal "$(grep -o ', engine [0-9]' "$svg" | sort -u | wc -l)" 3
	engine=$(get "$id" 2/engine)
	# All three began at once; the rows are those of engines 0, 1, 2.
	look "$svg" 100-550,$((94 + 20 * engine))\*error \
		100-550,$((94 + 20 * ((engine + 1) % 3)))\*ok \
		100-550,$((94 + 20 * ((engine + 2) % 3)))\*ok 90-1170,155!ok
	# One of them alone.
	xmllint --noout "$MNT/results/$id/2/timeline.svg"
	grep -q "<title>result $id, task 2: error" "$MNT/results/$id/2/timeline.svg"
	grep -q "<title>task 2: error, engine $engine" "$MNT/results/$id/2/timeline.svg"
}

@test "three engines, and where it failed" {
	"$BUILD/tests/e2e/draw" 9 3 4 >"$HOME_DIR/nine.svg"
	xmllint --noout "$HOME_DIR/nine.svg"
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
	xmllint --noout "$HOME_DIR/many.svg"
	look "$HOME_DIR/many.svg" 625-640,134:error 90-600,134!error \
		650-1170,134!error 90-1170,94!error 90-1170,94!white \
		90-1170,114!white 90-1170,155!ok
	# In a thousand rows it is there too.
	"$BUILD/tests/e2e/draw" 100000 1000 50500 >"$HOME_DIR/wide.svg"
	[ "$(stat -c %s "$HOME_DIR/wide.svg")" -lt 1000000 ]
	xmllint --noout "$HOME_DIR/wide.svg"
	equal "$(grep -c '<path class="error' "$HOME_DIR/wide.svg")" 1
}
