# tasks/any: the next of the caller's results that ends.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 3; }
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() { test_end; }

# A shell of its own has submitted nothing before: script SHELL, with $1 the mount.
script() {
	"$1" -s "$MNT" "$HOME_DIR"
}

@test "each result once, in the order of their ends, then the end of the file: bash, dash" {
	local shell gate
	for shell in bash dash; do
		gate=$(gate slow)
		script "$shell" >"$HOME_DIR/out" <<-'END'
			echo "cat $2/slow" >$1/tasks/new; read slow <$1/tasks/last
			echo 'exit 3' >$1/tasks/new; read bad <$1/tasks/last
			cat $1/results/$bad/wait >/dev/null
			echo '{"code": ":", "map": ["a", "b"]}' >$1/tasks/new; read map <$1/tasks/last
			while read id <$1/tasks/any; do
				[ $id != $bad ] || echo "bad is $(cat $1/results/$id/exit_status)"
				[ $id != $map ] || { echo map; : >$2/slow; }
				[ $id != $slow ] || echo slow
			done
			echo "end: $(cat $1/tasks/any | wc -c)"
		END
		equal "$(<"$HOME_DIR/out")" $'bad is 3\nmap\nslow\nend: 0'
	done
}

@test "nobody is told what others submitted; who submitted nothing is told nothing" {
	local id
	id=$(submit ':')
	done_with "$id"
	script bash >"$HOME_DIR/out" <<-'END'
		(echo ":" >$1/tasks/new)
		bash -c 'echo : >$1/tasks/new; cat $1/tasks/last; cat $1/tasks/any' bash $1
		one=$(cat $1/tasks/any) other=$(cat $1/tasks/any) last=$(cat $1/tasks/last)
		case "$one $other" in
		"$((last - 1)) $last" | "$last $((last - 1))") echo of the subshell and the child ;;
		esac
		cat $1/tasks/any
	END
	equal "$(sed -n 1p "$HOME_DIR/out")" "$(sed -n 2p "$HOME_DIR/out")"
	equal "$(tail -n +3 "$HOME_DIR/out")" 'of the subshell and the child'
}

@test "all objects of a stream, and a retry; what was purged is not told" {
	script bash >"$HOME_DIR/out" <<-'END'
		for i in 1 2 3 4 5; do echo '{"code": "exit '$i'"}'; done >$1/tasks/new
		for i in 1 2 3 4 5; do
			read id <$1/tasks/any && cat $1/results/$id/exit_status
		done | sort
		cat $1/tasks/any
		echo retry >$1/results/$(cat $1/tasks/last)/ctl
		read id <$1/tasks/any && cat $1/results/$id/code
		echo : >$1/tasks/new; read gone <$1/tasks/last
		cat $1/results/$gone/wait
		rmdir $1/results/$gone
		cat $1/tasks/any
	END
	equal "$(<"$HOME_DIR/out")" $'1\n2\n3\n4\n5\nexit 5ok'
}

@test "it waits as other files do: poll, O_NONBLOCK, a signal; its size is what is there" {
	local gate
	gate=$(gate poll)
	echo "cat $gate" >"$MNT/tasks/new"
	while [ -s "$MNT/tasks/any" ]; do cat "$MNT/tasks/any" >/dev/null; done
	still_waits "$MNT/tasks/any"
	equal "$(stat -c %s "$MNT/tasks/any")" 0
	/usr/bin/python3 - "$MNT" "$gate" <<-'END'
		import os, select, sys
		mnt, gate = sys.argv[1:]
		with open(mnt + "/tasks/new", "w") as f:
		    f.write("cat " + gate)
		id = open(mnt + "/tasks/last").read()
		fd = os.open(mnt + "/tasks/any", os.O_RDONLY | os.O_NONBLOCK)
		try:
		    sys.exit("read %r" % os.read(fd, 10))
		except BlockingIOError:
		    pass
		poll = select.poll()
		poll.register(fd, select.POLLIN)
		assert poll.poll(0) == [], poll.poll(0)
		# For both that wait there, and who comes late.
		both = os.open(gate, os.O_RDWR)
		open(gate + ".open", "w").close()
		os.rename(gate + ".open", gate)
		os.close(both)
		assert poll.poll() == [(fd, select.POLLIN)]
		assert os.stat(mnt + "/tasks/any").st_size == len(id)
		assert os.read(fd, 10).decode() == id, id
		assert os.read(fd, 10) == b""
		os.lseek(fd, 0, os.SEEK_SET)
		assert os.read(fd, 1).decode() == id[0]
	END
	wait_for nothing_unfinished
}

@test "the item of a task of a map" {
	local id
	id=$(submit '{"code": ":", "map": ["a b", "", "two\nlines"]}')
	done_with "$id"
	equal "$(get "$id" 0/item)" 'a b'
	equal "$(get "$id" 1/item | od -An -c | tr -d ' ')" '\n'
	equal "$(get "$id" 2/item)" $'two\nlines'
	equal "$(stat -c %s "$MNT/results/$id/2/item")" 10
	[ ! -e "$MNT/results/$id/item" ]
	id=$(submit '{"code": ":", "map": ["a", "b", "c"], "chunk": 2}')
	done_with "$id"
	[ ! -e "$MNT/results/$id/0/item" ]
	equal "$(get "$id" 0/items)" $'a\nb'
}
