# status.html: the cluster as a page, as a document and as a browser shows it.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 2; }
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() {
	[ -z "${watcher:-}" ] || kill "$watcher"
	[ -z "${browser:-}" ] || kill "$browser"
	test_end
}

ATTACK='</pre><script>document.title="taken"</script><img src=x onerror=alert(1)>"'"'"'&amp;'

# page_is FILE [TEXT]...: see page.py.
page_is() {
	"$ROOT/tests/e2e/page.py" "$@"
}
# has TEXT: the page does.
has() {
	grep -qF -- "$1" "$MNT/status.html"
}

# chrome ARG...: a browser with nothing of its own.
chrome() {
	local dir
	dir=$(mktemp -d "$HOME_DIR/chrome.XXXXXX")
	HOME=$dir chromium --headless --no-sandbox --disable-gpu --hide-scrollbars \
		--user-data-dir="$dir/data" --force-device-scale-factor=1 "$@" \
		2>"$dir/err" 3>&- || {
		cat "$dir/err"
		return 1
	}
}

# something: what runs, waits, has ended and has failed; ids in runs, waits, many, bad.
something() {
	gate page >/dev/null
	bad=$(submit "$(/usr/bin/python3 -c 'import json, sys
print(json.dumps({"code": "printf %s \"$1\" >&2; exit 3", "args": [sys.argv[1]], "label": "bad"}))' "$ATTACK")")
	done_with "$bad" error
	many=$(submit '{"code": "[ $1 != 2 ]", "map": ["1", "2", "3"], "label": "many"}')
	done_with "$many" error
	runs=$(submit "{\"code\": \"cat $HOME_DIR/page\", \"label\": \"runs\", \"targets\": [1]}")
	waits=$(submit "{\"code\": \":\", \"label\": \"waits\", \"after\": [$runs]}")
	wait_for has "result $runs, task 0: running, engine 1"
	wait_for has '2 engines: 1 busy, 1 idle'
}
nothing() {
	leave_gate_open page
	done_with "$waits"
}

@test "a document that a screen reader can read; what users wrote is text" {
	something
	cp "$MNT/status.html" "$HOME_DIR/page.html"
	page_is "$HOME_DIR/page.html" "$ATTACK" "after $runs" '1 of 3 tasks failed' \
		'1: ExitStatus: exit status 1' "result $runs, task 0: running, engine 1" \
		'2 engines: 1 busy, 1 idle, 0 lost' "$(hostname)"
	# What failed comes first.
	[ "$(grep -n 'id="failed"' "$HOME_DIR/page.html" | cut -d : -f 1)" -lt \
		"$(grep -n 'id="engines"' "$HOME_DIR/page.html" | cut -d : -f 1)" ]
	grep -q "aria-label=\"result $many: 3 of 3 tasks have ended\"" "$HOME_DIR/page.html"
	nothing
}

@test "its size is that of what is read then" {
	local size
	exec {fd}<"$MNT/status.html"
	size=$(stat -Lc %s "/proc/$BASHPID/fd/$fd")
	equal "$(cat <&"$fd" | wc -c)" "$size"
	exec {fd}<&-
}

@test "a controller that is away: what is known, and why there is no more" {
	kill_9 taskfs-controller
	wait_for eval '! has "<p>connected</p>"'
	cp "$MNT/status.html" "$HOME_DIR/page.html"
	page_is "$HOME_DIR/page.html" '2 engines: '
	start >"$HOME_DIR/start.out" 2>&1
	wait_for has '<p>connected</p>'
	wait_for eval '[ "$(engine_ids | wc -l)" = 2 ]'
}

# bats test_tags=check
@test "in a browser: the same, its own script runs and no other" {
	something
	chrome --dump-dom "file://$MNT/status.html" >"$HOME_DIR/dom.html"
	page_is "$HOME_DIR/dom.html" "$ATTACK" "after $runs"
	grep -q '<button type="button" id="pause" aria-pressed="false">' "$HOME_DIR/dom.html"
	run ! grep -q '<title>taken' "$HOME_DIR/dom.html"
	chrome --dump-dom "file://$MNT/status.html#paused" >"$HOME_DIR/dom.html"
	grep -q 'aria-pressed="true">' "$HOME_DIR/dom.html"
	# Were something not escaped, it would not run.
	sed 's|</main>|</main><script>document.title="taken"</script>|' "$MNT/status.html" \
		>"$HOME_DIR/page.html"
	chrome --dump-dom "file://$HOME_DIR/page.html" >"$HOME_DIR/dom.html"
	grep -q 'taken' "$HOME_DIR/dom.html"
	run ! grep -q '<title>taken' "$HOME_DIR/dom.html"
	nothing
}

# bats test_tags=check
@test "in a browser: it renews itself" {
	local log=$HOME_DIR/opened
	inotifywait -m -e open --format %e -o "$log" "$MNT/status.html" 2>"$log.err" 3>&- &
	watcher=$!
	wait_for grep -q 'Watches established' "$log.err"
	mkdir "$HOME_DIR/renews"
	HOME=$HOME_DIR/renews chromium --headless --no-sandbox --disable-gpu \
		--user-data-dir="$HOME_DIR/renews/data" --remote-debugging-port=0 \
		"file://$MNT/status.html" >"$HOME_DIR/renews/out" 2>&1 3>&- &
	browser=$!
	opened() {
		[ "$(wc -l <"$log")" -ge 3 ]
	}
	wait_for opened
	kill "$browser"
	wait "$browser" || true
	browser=
}

# bats test_tags=check
@test "in a browser: light and dark, wide and narrow" {
	something
	local scheme size
	for scheme in 0 1; do # dark, light
		for size in 1200 400; do
			chrome --window-size="$size,1400" \
				--blink-settings=preferredColorScheme=$scheme \
				--screenshot="$HOME_DIR/page.png" "file://$MNT/status.html"
			/usr/bin/python3 - "$HOME_DIR/page.png" "$scheme" <<'END'
import sys
from collections import Counter
from PIL import Image
picture = Image.open(sys.argv[1]).convert("RGB")
colours = Counter(picture.getdata())
light = sys.argv[2] == "1"
behind = (0xF6, 0xF7, 0xF9) if light else (0x14, 0x16, 0x1A)
card = (255, 255, 255) if light else (0x1D, 0x20, 0x26)
assert picture.getpixel((1, 1)) == behind, picture.getpixel((1, 1))
assert colours[card] > picture.width * 200, colours.most_common(5)
# A bar that runs, and the mark beside what failed.
assert colours[(0, 0x9E, 0x73)] > 100, colours.most_common(9)
assert colours[(0xB0, 0x3A, 0) if light else (0xFF, 0x94, 0x57)] > 100
# Nothing is wider than the window: its right edge is bare.
assert {picture.getpixel((picture.width - 1, y)) for y in range(1400)} == {behind}
END
		done
	done
	nothing
}
