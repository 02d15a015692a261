# Bytes are bytes: from a task to whoever reads them.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 2; }
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() { test_end; }

@test "binary output, all 256 bytes, zeroes" {
	local id
	/usr/bin/python3 -c 'import sys; sys.stdout.buffer.write(bytes(range(256)) * 300)' \
		>"$HOME_DIR/bytes"
	id=$(submit "cat $HOME_DIR/bytes; cat $HOME_DIR/bytes >&2")
	cmp "$HOME_DIR/bytes" "$MNT/results/$id/value"
	cmp "$HOME_DIR/bytes" "$MNT/results/$id/stdout"
	cmp "$HOME_DIR/bytes" "$MNT/results/$id/stderr"
}

@test "output without a newline stays without" {
	local id
	id=$(submit 'printf abc')
	equal "$(get "$id" value; echo .)" 'abc.'
	equal "$(stat -c %s "$MNT/results/$id/value")" 3
}

@test "no output at all" {
	local id
	id=$(submit ':')
	equal "$(get "$id" value | wc -c)" 0
	equal "$(get "$id" output | wc -c)" 0
	equal "$(stat -c %s "$MNT/results/$id/stdout")" 0
}

# bats test_tags=check
@test "32 MiB of stdout, whole, by cat, dd and at any offset" {
	local id size=$((32 << 20)) want=$HOME_DIR/want
	seq 1 5000000 | head -c "$size" >"$want"
	id=$(submit "cat $want")
	get "$id" value | cmp "$want" -
	equal "$(stat -c %s "$MNT/results/$id/stdout")" "$size"
	dd if="$MNT/results/$id/stdout" bs=1M status=none | cmp "$want" -
	equal "$(dd if="$MNT/results/$id/stdout" bs=1 skip=25000000 count=20 status=none)" \
		"$(tail -c +25000001 "$want" | head -c 20)"
	equal "$(tail -c 10 "$MNT/results/$id/stdout")" "$(tail -c 10 "$want")"
	rm "$want"
}

@test "stdout grows while the task runs" {
	local id a
	a=$(gate grow1)
	id=$(submit "echo first; cat $a; echo second")
	equal "$(head -n 1 "$MNT/results/$id/output")" first
	equal "$(get "$id" stdout)" first
	equal "$(stat -c %s "$MNT/results/$id/stdout")" 6
	open_gate grow1
	done_with "$id"
	equal "$(get "$id" stdout)" $'first\nsecond'
	equal "$(stat -c %s "$MNT/results/$id/stdout")" 13
}

@test "tail -f follows" {
	local id gate tail line
	gate=$(gate follow)
	id=$(submit "echo one; cat $gate; echo two")
	head -n 1 "$MNT/results/$id/output"
	exec {tail}< <(exec tail -s 0.1 -n +1 -f "$MNT/results/$id/stdout" 2>&1)
	read -r -u "$tail" line
	equal "$line" one
	open_gate follow
	read -r -u "$tail" line
	equal "$line" two
	kill "$!"
	exec {tail}<&-
}

@test "output: both streams as they come, end of file at the end" {
	local id gate fd line
	gate=$(gate out)
	id=$(submit "echo out1; echo err1 >&2; cat $gate; echo out2")
	exec {fd}<"$MNT/results/$id/output"
	read -r -u "$fd" line
	like "$line" 'out1|err1'
	read -r -u "$fd" line
	like "$line" 'out1|err1'
	open_gate out
	read -r -u "$fd" line
	equal "$line" out2
	run read -r -u "$fd" line
	equal "$status" 1 # end of file, not a timeout
	exec {fd}<&-
	done_with "$id"
}

@test "tar of a result directory" {
	local id
	id=$(submit 'echo into the archive')
	done_with "$id"
	tar -C "$MNT/results" -cf "$HOME_DIR/r.tar" "$id"
	mkdir "$HOME_DIR/untar"
	tar -C "$HOME_DIR/untar" -xf "$HOME_DIR/r.tar"
	equal "$(cat "$HOME_DIR/untar/$id/value")" 'into the archive'
	equal "$(cat "$HOME_DIR/untar/$id/status")" ok
	cmp "$HOME_DIR/untar/$id/metadata" "$MNT/results/$id/metadata"
}

@test "tar and cp of a result whose task failed" {
	local id
	id=$(submit 'echo something; exit 1')
	done_with "$id" error
	mkdir "$HOME_DIR/failed"
	# value has no value to give; everything else is copied.
	run cp -a "$MNT/results/$id" "$HOME_DIR/failed/"
	equal "$(cat "$HOME_DIR/failed/$id/stdout")" something
	equal "$(cat "$HOME_DIR/failed/$id/status")" error
}

@test "cp -a of a result directory" {
	local id
	id=$(submit 'echo copied; echo e >&2')
	done_with "$id"
	mkdir "$HOME_DIR/copy"
	cp -a "$MNT/results/$id" "$HOME_DIR/copy/"
	equal "$(cat "$HOME_DIR/copy/$id/value")" copied
	equal "$(cat "$HOME_DIR/copy/$id/stderr")" e
	equal "$(stat -c %Y "$HOME_DIR/copy/$id/value")" \
		"$(stat -c %Y "$MNT/results/$id/value")"
}

@test "sendfile, splice, mmap and a cached re-read give the same bytes" {
	local id
	id=$(submit 'seq 1 100000')
	done_with "$id"
	/usr/bin/python3 - "$MNT/results/$id/value" <<-'END'
		import mmap, os, sys
		path = sys.argv[1]
		want = b"".join(b"%d\n" % i for i in range(1, 100001))
		assert open(path, "rb").read() == want
		assert open(path, "rb").read() == want
		fd = os.open(path, os.O_RDONLY)
		m = mmap.mmap(fd, 0, prot=mmap.PROT_READ)
		assert m[:] == want
		m.close()
		out = os.memfd_create("x")
		done = 0
		while True:
		    n = os.sendfile(out, fd, done, 1 << 20)
		    if n == 0:
		        break
		    done += n
		assert os.pread(out, len(want) + 1, 0) == want
		os.close(fd)
	END
}

@test "many readers of one value at once" {
	local id gate i pids=()
	gate=$(gate many)
	id=$(submit "cat $gate; seq 1 1000")
	for ((i = 0; i < 10; i++)); do
		cat "$MNT/results/$id/value" >"$HOME_DIR/reader.$i" 3>&- &
		pids+=($!)
	done
	open_gate many
	wait "${pids[@]}"
	for ((i = 0; i < 10; i++)); do
		cmp "$HOME_DIR/reader.$i" <(seq 1 1000)
	done
}
