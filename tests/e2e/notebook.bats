# bats file_tags=check
# doc/examples/notebook, executed without a browser.
# shellcheck shell=bash
load lib

setup_file() {
	new_home
	# The tasks' sleep ends when a line can be read here.
	mkfifo "$HOME_DIR/gate"
	mkdir "$HOME_DIR/bin"
	printf '#!/bin/sh\nread -r _ <%s\n' "$HOME_DIR/gate" >"$HOME_DIR/bin/sleep"
	chmod +x "$HOME_DIR/bin/sleep"
	export ENGINES=2
	PATH=$HOME_DIR/bin:$PATH start >"$HOME_DIR/start.out" 2>&1
	mark_logs
}
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() { test_end; }

@test "the bar follows progress, and the values are there" {
	local first
	env HOME="$HOME_DIR" TASKFS="$MNT" /usr/bin/python3 "$ROOT/tests/e2e/notebook.py" \
		"$ROOT/doc/examples/notebook/progress.ipynb" "$HOME_DIR/gate" \
		>"$HOME_DIR/out" 2>"$HOME_DIR/err" 3>&- || {
		cat "$HOME_DIR/out" "$HOME_DIR/err"
		return 1
	}
	# Once there is a maximum, it is that of the map; the value only grows.
	grep '^bar .* of 20$' "$HOME_DIR/out" >"$HOME_DIR/bar"
	grep -qx 'bar 10 of 20' "$HOME_DIR/bar"
	equal "$(tail -n 1 "$HOME_DIR/bar")" 'bar 20 of 20'
	sort -c -n -k 2 "$HOME_DIR/bar"
	first=$(head -n 1 "$HOME_DIR/bar" | cut -d ' ' -f 2)
	[ "$first" -le 10 ]
	grep -qx displayed "$HOME_DIR/out"
	equal "$(grep -A 100 '^\[' "$HOME_DIR/out" | tr -d '\n ')" \
		"[$(seq 0 19 | awk '{ printf "%s%d", s, $1 * $1; s = "," }')]"
}
