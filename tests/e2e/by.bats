# results/by/QUERY: links to the results that match. shellcheck shell=bash
load lib

setup_file() { cluster_up 2; }
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() {
	second_down
	test_end
}

BY() { echo "$MNT/results/by/$1"; }

# finds QUERY ID...: these, and no other.
finds() {
	equal "$(ls -v "$(BY "$1")" | tr '\n' ' ')" "${*:2}${2:+ }"
}

# refuses QUERY PATTERN: it is no query, and why.
refuses() {
	run -2 ls "$(BY "$1")"
	[[ $output == *"No such file or directory"* ]]
	if ls "$(BY "$1")" 2>/dev/null; then return 1; fi
	like "$(cat "$MNT/tasks/error")" ".*$2.*"
}

@test "by status, label, engine, exit status; several terms" {
	local a b c d
	a=$(submit '{"code": ":", "label": "x1", "targets": [0]}')
	b=$(submit '{"code": "exit 3", "label": "x2", "targets": [1]}')
	c=$(submit "{\"code\": \"cat $(gate by)\", \"label\": \"y1\", \"targets\": [1]}")
	d=$(submit '{"code": "[ $1 = 1 ]", "map": ["1", "2"], "label": "y2", "targets": [0]}')
	done_with "$a"
	done_with "$b" error
	done_with "$d" error
	wait_for eval '[ "$(get "$c" status)" = running ]'
	finds status=ok "$a"
	finds status=running "$c"
	finds status=failed "$b" "$d"
	finds status=unfinished "$c"
	finds 'label=x*' "$a" "$b"
	finds label=x? "$a" "$b"
	finds 'label=x*,status=failed' "$b"
	finds "engine=1,result>=$a" "$b" "$c"
	finds engine=0 "$a" "$d"
	finds exit=3 "$b"
	finds 'tasks>1' "$d"
	finds 'failed=1,tasks>1' "$d"
	finds 'submitted<-1d'
	finds "owner=$(id -u),submitted>-1d,label!=x*" "$c" "$d"
	open_gate by
	done_with "$c"
	finds status=unfinished
	finds 'status=ok' "$a" "$c"
}

@test "the links: to the result, as long as it matches" {
	local id other
	id=$(submit '{"code": "echo why >&2; exit 1", "label": "linked"}')
	done_with "$id" error
	equal "$(readlink "$(BY label=linked)/$id")" "../../$id"
	equal "$(cat "$(BY 'label=linked,status=failed')"/*/error)" $'ExitStatus: exit status 1\nwhy'
	equal "$(cat "$(BY label=linked)/$id/exit_status")" 1
	[ ! -e "$(BY 'label=linked,status=ok')/$id" ]
	[ ! -e "$(BY label=linked)/0$id" ]
	other=$(submit ':')
	done_with "$other"
	[ ! -e "$(BY label=linked)/$other" ]
}

@test "it is not listed, and a walk does not get there" {
	ls -a "$MNT/results" | run ! grep -x by
	equal "$(ls -A "$MNT/results/by")" ''
	equal "$(find "$MNT/results/" -maxdepth 2 -path '*/by/*')" ''
	run -1 mkdir "$MNT/results/by/x"
	run -1 touch "$(BY status=ok)/x"
}

@test "what is no query is not there, and tasks/error says why" {
	refuses stat=ok 'a query has no word "stat": is "status" meant\?'
	refuses status=done 'status=done: a status is pending, running, ok, error.*'
	refuses 'label>x' 'label is compared by = and != alone'
	refuses engine=x 'engine=x: expected is a number.*'
	refuses nothing '"nothing" is no term of a query.*'
	refuses status=ok, '"" is no term of a query.*'
}

@test "rm purges what matches; rm -r all of it, and nothing that has not ended" {
	local a b c
	a=$(submit '{"code": "exit 1", "label": "gone1"}')
	b=$(submit '{"code": "exit 1", "label": "gone2"}')
	c=$(submit "{\"code\": \"cat $(gate gone)\", \"label\": \"gone3\"}")
	done_with "$a" error
	done_with "$b" error
	rm "$(BY label=gone1)/$a"
	[ ! -e "$MNT/results/$a" ]
	finds 'label=gone*' "$b" "$c"
	run -1 rm -r "$(BY 'label=gone*')"
	[[ $output == *"Device or resource busy"* ]]
	[ ! -e "$MNT/results/$b" ]
	finds 'label=gone*' "$c"
	open_gate gone
	done_with "$c"
	rm -r "$(BY 'label=gone*')"
	finds 'label=gone*'
	[ ! -e "$MNT/results/$c" ]
}

@test "who watches results hears what was purged through a link" {
	local id log=$HOME_DIR/watch
	command -v inotifywait >/dev/null || skip "inotifywait is not installed"
	inotifywait -m --format '%e %f' -o "$log" "$MNT/results" 2>"$log.err" 3>&- &
	watcher=$!
	wait_for grep -q 'Watches established' "$log.err"
	# What comes and goes before anybody was told is not told.
	id=$(submit '{"code": ":", "label": "watched"}')
	done_with "$id"
	wait_for grep -q "^CREATE,ISDIR $id$" "$log"
	rm "$(BY label=watched)/$id"
	wait_for grep -q "^DELETE,ISDIR $id$" "$log"
	kill "$watcher"
}

@test "another mount finds the same, after a restart too" {
	local id
	id=$(submit '{"code": "exit 1", "label": "elsewhere"}')
	done_with "$id" error
	second_up
	equal "$(ls "$HOME_DIR/second/results/by/label=elsewhere,status=failed,engine>=0")" "$id"
}

@test "more than are looked at in one turn: all of them, once" {
	/usr/bin/python3 -c 'for i in range(2500):
    print("{\"code\": \":\", \"label\": \"many%d\"}" % (i % 10))' >"$MNT/tasks/new"
	wait_for eval '[ -z "$(ls "$(BY status=unfinished)")" ]'
	equal "$(ls "$(BY 'label=many*')" | sort -u | wc -l)" 2500
	equal "$(ls "$(BY 'label=many3,status=ok')" | wc -l)" 250
	equal "$(find "$(BY 'label=many3,tasks=1')" -type l | wc -l)" 250
}
