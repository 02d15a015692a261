# Views: engines/<id>/new, engines/all/new, engines/LIST/new.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 3; }
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() { test_end; }

last() { cat "$MNT/tasks/last"; }

@test "engines/: all is listed, lists are found by name" {
	equal "$(ls -x "$MNT/engines" | tr -s ' \n' ' ')" '0 1 2 all '
	local view
	for view in all 0,2 0-2 2,0-1 1-1; do
		[ -d "$MNT/engines/$view" ]
		[ -w "$MNT/engines/$view/new" ]
		[ -e "$MNT/engines/$view/." ]
	done
	equal "$(ls "$MNT/engines" | wc -l)" 4
	(cd "$MNT/engines/0,2" && ls new && ls ..)
}

@test "lists of engines that are not there, and what is no list" {
	local view
	for view in 3 0,3 2-9 0,0 1-0 '0,' ,0 - 0- -1 01 '0, 1' 0x1 0-4294967296 \
		ALL all,0; do
		fails_with ENOENT ls "$MNT/engines/$view"
	done
}

@test "engines/ID/new: a task on that engine" {
	local e
	for e in 0 1 2; do
		echo 'echo $TASKFS_ENGINE' >"$MNT/engines/$e/new"
		equal "$(get "$(last)" value)" "$e"
		equal "$(get "$(last)" targets)" "$e"
		equal "$(get "$(last)" engine)" "$e"
	done
}

@test "engines/all/new: one task for each engine" {
	local id
	echo 'echo $TASKFS_ENGINE' >"$MNT/engines/all/new"
	id=$(last)
	done_with "$id"
	equal "$(get "$id" progress)" 3/3
	equal "$(get "$id" targets)" $'0\n1\n2'
	equal "$(get "$id" value)" $'0\n1\n2'
	equal "$(ls "$MNT/results/$id/by_engine")" $'0\n1\n2'
	equal "$(get "$id" by_engine/1/value)" 1
}

@test "hostname on all, as in the README" {
	run -0 dash -c 'cd "$1"; echo hostname > engines/all/new
		read id < tasks/last; cat results/$id/value' dash "$MNT"
	equal "$output" "$(for e in 0 1 2; do hostname; done)"
}

@test "engines/LIST/new: its engines, in its order" {
	local id
	dash -c 'echo "echo \$TASKFS_ENGINE" > "$1/engines/2,0-1/new"' \
		dash "$MNT"
	id=$(readlink "$MNT/results/latest")
	done_with "$id"
	equal "$(get "$id" progress)" 3/3
	equal "$(get "$id" targets)" $'2\n0\n1'
	equal "$(get "$id" value)" $'2\n0\n1'
	equal "$(get "$id" 0/value) $(get "$id" by_engine/2/value)" '2 2'
}

@test "a view's new reads back the id, takes JSON, several at once" {
	local a b
	exec 4<>"$MNT/engines/0,2/new"
	printf '{"code": ":", "label": "one"}\n{"code": ":"}\n' >&4
	read -r a <&4
	read -r b <&4
	exec 4>&-
	done_with "$a"
	done_with "$b"
	equal "$(get "$a" progress) $(get "$b" progress)" '2/2 2/2'
	equal "$(get one targets)" $'0\n2'
}

@test "JSON with targets: the same are allowed, others refused" {
	expect_log 'a task is refused'
	echo '{"code": ":", "targets": [0, 2]}' >"$MNT/engines/0,2/new"
	done_with "$(last)"
	run -0 bash -c 'echo "{\"code\": \":\", \"targets\": [1]}" \
			>"$1/engines/0,2/new" && exit 9
		cat "$1/tasks/error"' bash "$MNT"
	[[ $output == *targets* ]]
}

@test "one task of a view fails: the result does" {
	local id
	echo 'exit $TASKFS_ENGINE' >"$MNT/engines/0-1/new"
	id=$(last)
	done_with "$id" error
	equal "$(get "$id" progress)" 2/2
}

@test "a map on a view is spread over its engines" {
	local id
	echo '{"code": "echo $1 $TASKFS_ENGINE", "map": ["a", "b", "c", "d"]}' \
		>"$MNT/engines/0,2/new"
	id=$(last)
	done_with "$id"
	equal "$(get "$id" progress)" 4/4
	equal "$(get "$id" value | cut -d' ' -f1)" $'a\nb\nc\nd'
	run ! grep -qv '[02]$' "$MNT/results/$id/value"
}

@test "Python: a view" {
	run -0 /usr/bin/python3 - "$MNT" <<-'END'
		import sys
		mnt = sys.argv[1]
		with open(mnt + "/engines/all/new", "w") as f:
		    f.write("hostname\n")
		id = open(mnt + "/tasks/last").read().strip()
		print(open(mnt + "/results/" + id + "/wait").read(), end="")
	END
	equal "$output" ok
}

# bats test_tags=check
@test "many lists: what was forgotten is found again" {
	cd "$MNT/engines/1,0"
	seq 0 1499 | awk -v at="$MNT/engines" '{
		printf "%s/%0*d,%0*d\n", at, $1 % 90 + 1, 0, int($1 / 90) + 1, 2
	}' | xargs ls -d >"$HOME_DIR/listed"
	equal "$(wc -l <"$HOME_DIR/listed")" 1500
	cd /
	echo : >"$MNT/engines/1,0/new"
	done_with "$(last)"
}
