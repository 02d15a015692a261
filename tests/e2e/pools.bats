# Pools: mkdir pools/NAME, and the controller starts engines when tasks wait for them. The
# engines are on this machine, started by the example in doc/examples/pools.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 0; }
teardown_file() { cluster_down; }
setup() {
	test_begin
	P=$MNT/pools
	EX=$ROOT/doc/examples/pools
}
teardown() {
	local p
	for p in "$P"/*/; do
		[ ! -d "$p" ] || drop "$p"
	done
	second_down
	test_end
}

# drop DIR: its launches are cancelled, and it goes.
drop() {
	: >"$1/launch"
	echo cancel >"$1/ctl"
	wait_for rmdir "$1" 2>/dev/null
}

# pool NAME [OPTION=TEXT]...: one with engines here, which has the options before it
# can launch.
pool() {
	local option
	mkdir "$P/$1"
	for option in "${@:2}"; do
		echo "${option#*=}" >"$P/$1/${option%%=*}"
	done
	cp "$EX/local.cancel" "$P/$1/cancel"
	cp "$EX/local.check" "$P/$1/check"
	cp "$EX/local.launch" "$P/$1/launch"
}

# is FILE TEXT: the text of that file of a pool.
is() {
	[ "$(cat "$P/$1")" = "$2" ]
}
# lines FILE N
lines() {
	[ "$(wc -l <"$P/$1")" -eq "$2" ]
}
# says FILE PATTERN
says() {
	grep -qE -- "$2" "$P/$1"
}

# refused FILE TEXT PATTERN: echo TEXT > FILE is EINVAL, tasks/error says why.
refused() {
	run -0 bash -c 'printf "%s\n" "$2" >"$3" && exit 9
		cat "$1/tasks/error"' bash "$MNT" "$2" "$P/$1"
	[[ $output == *"Invalid argument"* ]]
	[[ $output == *$3* ]]
}

@test "mkdir makes one with the standard of each option, rmdir removes it" {
	mkdir "$P/short"
	equal "$(ls "$P")" short
	equal "$(ls "$P/short" | tr '\n' ' ')" 'backlog cancel check ctl engines idle jobs launch lifetime max min state wanted why '
	is short/state empty
	equal "$(cat "$P"/short/{min,max,backlog,idle})" $'0\n10\n4\n300'
	equal "$(cat "$P"/short/{launch,cancel,check,lifetime,jobs,engines})" ''
	is short/why 'it has no launch command'
	is short/wanted 0
	fails_with EEXIST mkdir "$P/short"
	rmdir "$P/short"
	[ ! -e "$P/short" ]
	mkdir "$P/short"
	is short/state empty
}

@test "a task waits: an engine comes, runs it, and goes when it was idle" {
	pool short max=2 idle=1
	# The task sees nothing of the launch.
	equal "$(get "$(submit 'env | grep -E "^TASKFS_(LAUNCH|POOL|COUNT|CLUSTER|ENGINE_)"; echo ran')" value)" ran
	wait_for lines short/engines 0
	wait_for lines short/jobs 0
	is short/state ready
	is short/why ''
	# The next one starts again.
	done_with "$(submit 'true')"
}

@test "never more than max; what it launched is told; rmdir is EBUSY meanwhile" {
	local gate ids=() i
	gate=$(gate many)
	pool short max=2 backlog=1
	for i in 1 2 3 4; do ids+=("$(submit "cat $gate")"); done
	wait_for lines short/engines 2
	while read -r i; do wait_for test -s "$MNT/engines/$i/running"; done <"$P/short/engines"
	equal "$(engine_ids | wc -l)" 2
	for i in 1 2; do
		says short/jobs '^tfs-short-[0-9]+-[0-9a-f]{6} running 1/1 20[-0-9]+T[0-9:.]+Z '"$(uname -n)"
	done
	fails_with EBUSY rmdir "$P/short"
	[[ $(cat "$MNT/tasks/error") == *cancel* ]]
	grep -q '^taskfs_pool_engines{pool="short"} 2$' "$MNT/metrics"
	leave_gate_open many
	for i in "${ids[@]}"; do done_with "$i"; done
}

@test "min engines are there without a task; cancel ends one launch, or all" {
	local token
	pool short min=2 max=2 backlog=2
	wait_for lines short/engines 2
	echo pause >"$P/short/ctl"
	is short/state paused
	read -r token _ <"$P/short/jobs"
	echo "cancel $token" >"$P/short/ctl"
	wait_for eval '! says short/jobs "^$token "'
	echo cancel >"$P/short/ctl"
	wait_for lines short/engines 0
	wait_for lines short/jobs 0
	echo resume >"$P/short/ctl"
	wait_for lines short/engines 2
}

@test "ctl: its words, and what is none" {
	mkdir "$P/short"
	equal "$(cat "$P/short/ctl")" $'pause\nresume\ncancel [LAUNCH]'
	refused short/ctl stop 'there are pause, resume'
	refused short/ctl 'pause now' 'write "pause" and nothing else'
	run ! bash -c "echo cancel tfs-short-99-abcdef >$P/short/ctl"
	is short/state empty
}

@test "a launch that fails: why says so, with what the command said; then it is tried again" {
	local id
	pool short max=1
	echo "echo the queue is away >&2; [ -e '$HOME_DIR/fixed' ] || exit 3; $(<"$EX/local.launch")" >"$P/short/launch"
	id=$(submit true)
	expect_log '"a pool failed"'
	wait_for is short/state waiting
	says short/why 'the queue is away'
	says short/why 'exit status 3'
	: >"$HOME_DIR/fixed"
	done_with "$id"
	is short/state ready
	rm "$HOME_DIR/fixed"
}

# bats test_tags=check
@test "after twelve failures in a row it stops, until resume" {
	local id
	# Pauses are short.
	again --controller-opt --pool-pause=1ms
	pool short max=1
	echo "echo attempt >>'$HOME_DIR/attempts'; [ -e '$HOME_DIR/fixed' ] || exit 3; $(<"$EX/local.launch")" >"$P/short/launch"
	id=$(submit true)
	expect_log '"a pool failed'
	wait_for is short/state stopped
	equal "$(wc -l <"$HOME_DIR/attempts")" 12
	says short/why 'exit status 3'
	grep -q '^taskfs_pool_stopped{pool="short"} 1$' "$MNT/metrics"
	: >"$HOME_DIR/fixed"
	echo resume >"$P/short/ctl"
	done_with "$id"
	equal "$(wc -l <"$HOME_DIR/attempts")" 13
	rm "$HOME_DIR/fixed" "$HOME_DIR/attempts"
	drop "$P/short"
	again
}
# again [OPTION]...: another controller.
again() {
	cluster stop >/dev/null
	start "$@" >/dev/null
	wait_for controller_is connected
	descriptors_anew
}

@test "options: written as a whole, a number with its line; what is no value changes nothing" {
	local i
	mkdir "$P/short"
	echo 7 >"$P/short/max"
	is short/max 7
	printf 8 >"$P/short/max"
	is short/max 8
	refused short/max many '"max" must be a whole number'
	refused short/max -1 '"max" must be a whole number'
	refused short/idle never '"idle" must be a number of seconds'
	is short/max 8
	is short/idle 300
	echo 2m >"$P/short/idle"
	is short/idle 2m
	: >"$P/short/max"
	is short/max 10
	for i in bash dash; do
		echo 9 >"$P/short/max"
		"$i" -c ': >"$1"' sh "$P/short/max"
		is short/max 10
		# A command that writes nothing.
		echo 9 >"$P/short/max"
		"$i" -c '/bin/true >"$1"' sh "$P/short/max"
		is short/max 10
	done
	truncate -s 0 "$P/short/idle"
	is short/idle 300
	fails_with EINVAL truncate -s 5 "$P/short/idle"
	# Not a part of it, by whatever means.
	{ echo 'echo one'; cat <<<'echo two'; } >"$P/short/cancel"
	is short/cancel $'echo one\necho two'
	dash -c '{ echo three; cat; } >"$1"' dash "$P/short/cancel" <<<four
	is short/cancel $'three\nfour'
	echo five >>"$P/short/cancel"
	is short/cancel $'three\nfour\nfive'
	dd if=<(printf 'h\xc3\xa4\n') of="$P/short/cancel" bs=1 status=none
	is short/cancel $'h\xc3\xa4'
	/usr/bin/python3 - "$P/short" <<-'END'
		import os, sys
		f = os.open(sys.argv[1] + "/cancel", os.O_RDWR | os.O_TRUNC)
		os.write(f, b"by ")
		os.write(f, b"python\n")
		assert os.pread(f, 99, 0) == b"by python\n"
		os.close(f)
		assert open(sys.argv[1] + "/cancel").read() == "by python\n"
	END
	# Who is killed may have had more to say.
	run -137 /usr/bin/python3 - "$P/short" <<-'END'
		import os, sys
		f = os.open(sys.argv[1] + "/cancel", os.O_WRONLY | os.O_TRUNC)
		os.write(f, b"rm -rf /\n")
		os.kill(os.getpid(), 9)
	END
	echo 10 >"$P/short/max"
	is short/cancel 'by python'
	fails_with EINVAL dd if=<(printf 'a\0b\n') of="$P/short/cancel" status=none
	head -c 100000 /dev/zero | tr '\0' '#' >"$HOME_DIR/large"
	fails_with EFBIG cp "$HOME_DIR/large" "$P/short/cancel"
	is short/cancel 'by python'
	equal "$(stat -c %s "$P/short/cancel")" 10
}

@test "names that are none, and what cannot be made or removed there" {
	fails_with EINVAL mkdir "$P/a b"
	[[ $(cat "$MNT/tasks/error") == *'no name of a pool'* ]]
	fails_with EINVAL mkdir "$P/12"
	fails_with EPERM touch "$P/file"
	mkdir "$P/short.5_x-Y"
	fails_with EPERM touch "$P/short.5_x-Y/maxx"
	[[ $(cat "$MNT/tasks/error") == *'is "max" meant'*'write the whole text'* ]]
	fails_with EPERM mkdir "$P/short.5_x-Y/dir"
	fails_with EPERM rm "$P/short.5_x-Y/max"
	fails_with EPERM mv "$P/short.5_x-Y" "$P/long"
	fails_with EPERM chmod 777 "$P/short.5_x-Y/max"
	run ! bash -c "echo ready >$P/short.5_x-Y/state"
	equal "$(stat -c %a "$P" "$P"/*/ "$P"/*/{max,ctl,state} | tr '\n' ' ')" '755 755 644 644 444 '
}

@test "another mount shows the same; events tells of pools and launches" {
	local name=short fd
	second_up
	exec {fd}<"$MNT/events"
	mkdir "$P/short"
	wait_for test -d "$HOME_DIR/second/pools/short"
	echo 3 >"$HOME_DIR/second/pools/short/max"
	wait_for is short/max 3
	cp "$EX/local.cancel" "$HOME_DIR/second/pools/short/cancel"
	cp "$EX/local.launch" "$HOME_DIR/second/pools/short/launch"
	wait_for is short/state ready
	echo 1 >"$P/short/min"
	wait_for lines short/engines 1
	wait_for eval '[ -s "$HOME_DIR/second/pools/short/engines" ]'
	: >"$P/short/min"
	drop "$HOME_DIR/second/pools/short"
	wait_for eval '[ ! -e "$P/short" ]'
	# Up to the line that says that it went.
	sed -E '/ pool short gone *$/q' <&"$fd" >"$HOME_DIR/events"
	exec {fd}<&-
	equal "$(grep -cE '^[0-9]+ pool short (empty|ready|gone) *$' "$HOME_DIR/events")" \
		"$(grep -c ' pool ' "$HOME_DIR/events")"
	grep -qE '^[0-9]+ launch tfs-short-[0-9]+-[0-9a-f]{6} launching *$' "$HOME_DIR/events"
	grep -qE '^[0-9]+ launch tfs-short-[0-9]+-[0-9a-f]{6} running *$' "$HOME_DIR/events"
	grep -qE '^[0-9]+ launch tfs-short-[0-9]+-[0-9a-f]{6} ended *$' "$HOME_DIR/events"
	equal "$(awk '{ print length }' "$HOME_DIR/events" | sort -u)" 63
}

@test "the controller is killed and started again: pools, launches and engines are found" {
	local jobs engines id gate
	gate=$(gate again)
	pool short min=1 max=1
	wait_for lines short/engines 1
	id=$(submit "cat $gate")
	wait_for test -s "$MNT/engines/$(<"$P/short/engines")/running"
	jobs=$(cut -d ' ' -f 1-3 "$P/short/jobs")
	engines=$(<"$P/short/engines")
	kill_9 taskfs-controller
	wait_for controller_is_not connected
	# What is known can still be read; nothing can be changed.
	is short/max 1
	fails_with EHOSTDOWN mkdir "$P/other"
	fails_with EHOSTDOWN bash -c "echo 3 >$P/short/max"
	start >/dev/null
	wait_for controller_is connected
	descriptors_anew
	wait_for is short/engines "$engines"
	equal "$(cut -d ' ' -f 1-3 "$P/short/jobs")" "$jobs"
	is short/min 1
	open_gate again
	done_with "$id"
	equal "$(engine_ids)" "$engines"
}

# bats test_tags=check
@test "a mount that missed what happened sees what there is" {
	local pid
	mkdir "$P/old" "$P/kept"
	second_up
	wait_for test -d "$HOME_DIR/second/pools/kept"
	pid=$(second_pid)
	kill -STOP "$pid"
	rmdir "$P/old"
	echo 4 >"$P/kept/max"
	mkdir "$P/new"
	# Of another instance it is told all anew.
	kill_9 taskfs-controller
	wait_for controller_is_not connected
	start >/dev/null
	wait_for controller_is connected
	descriptors_anew
	kill -CONT "$pid"
	wait_for test -d "$HOME_DIR/second/pools/new"
	wait_for eval '[ "$(ls "$HOME_DIR/second/pools")" = $'"'kept\nnew'"' ]'
	equal "$(cat "$HOME_DIR/second/pools/kept/max")" 4
}

@test "two pools: a task counts for the first that could run it" {
	pool b
	pool a max=1
	done_with "$(submit true)"
	wait_for lines a/engines 1
	equal "$(cat "$P/b/jobs")" ''
}

# bats test_tags=check
@test "poll and inotify tell of a change of state" {
	mkdir "$P/short"
	cat "$P/short/state"
	inotifywait -m --format '%e %w%f' -o "$HOME_DIR/i.events" "$P" "$P/short/state" \
		"$P/short" 2>"$HOME_DIR/i.err" 3>&- &
	wait_for grep -q 'Watches established' "$HOME_DIR/i.err"
	/usr/bin/python3 -u - "$P/short/state" >"$HOME_DIR/polled" <<-'END' 3>&- &
		import os, select, sys
		f = os.open(sys.argv[1], os.O_RDONLY)
		print(os.read(f, 99).decode().strip())
		p = select.poll()
		p.register(f, select.POLLPRI)
		p.poll()
		print(os.pread(f, 99, 0).decode().strip())
	END
	wait_for grep -q empty "$HOME_DIR/polled"
	echo true >"$P/short/launch"
	wait_for grep -q ready "$HOME_DIR/polled"
	wait_for grep -qxF "MODIFY $P/short/state" "$HOME_DIR/i.events"
	second_up
	mkdir "$HOME_DIR/second/pools/other"
	wait_for grep -qxF "CREATE,ISDIR $P/other" "$HOME_DIR/i.events"
	mkdir "$P/third"
	rmdir "$P/third"
	rmdir "$HOME_DIR/second/pools/other"
	wait_for grep -qxF "DELETE,ISDIR $P/other" "$HOME_DIR/i.events"
	equal "$(grep -cF "$P/third" "$HOME_DIR/i.events")" 2
	kill %1
	wait %1 || true
	wait %2
}
