# Drafts: mkdir tasks/NAME, a file for each option, echo 1 > submit.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 2; }
teardown_file() { cluster_down; }
setup() {
	test_begin
	T=$MNT/tasks
}
teardown() {
	local d
	for d in "$MNT"/tasks/*/; do
		[ -h "${d%/}" ] || rmdir "$d" 2>/dev/null || true
	done
	second_down
	test_end
}

count() { find "$MNT/results" -maxdepth 1 -name '[0-9]*' | wc -l; }

# refused FILE TEXT PATTERN: echo TEXT > FILE is EINVAL, tasks/error says why.
refused() {
	run -0 bash -c 'printf "%s\n" "$2" >"$3" && exit 9
		cat "$1/error"' bash "$T" "$2" "$1"
	[[ $output == *"Invalid argument"* ]]
	[[ $output == *$3* ]]
}

@test "bash: a draft, submitted; it is gone then, results/NAME is there" {
	mkdir "$T/build"
	echo 'echo hello $1' >"$T/build/code"
	echo world >"$T/build/args"
	[ -d "$T/build" ]
	echo 1 >"$T/build/submit"
	[ ! -e "$T/build" ]
	equal "$(get build value)" 'hello world'
	equal "$(cat "$T/last")" "$(readlink "$MNT/results/build")"
	equal "$(get build label)" build
}

@test "dash, and Python" {
	run -0 dash -c 'cd "$1" && mkdir d && echo "echo dash" >d/code &&
		echo 1 >d/submit && cat ../results/d/value' dash "$T"
	equal "$output" dash
	run -0 /usr/bin/python3 - "$MNT" <<-'END'
		import os, sys
		d = sys.argv[1] + "/tasks/py"
		os.mkdir(d)
		with open(d + "/code", "w") as f:
		    f.write("cat; echo $1")
		with open(d + "/stdin", "wb") as f:
		    f.write(b"bytes\xff\n")
		with open(d + "/args", "w") as f:
		    f.write("from ")
		    f.flush()
		    f.write("python\n")
		assert sorted(os.listdir(d)) == ["args", "code", "stdin", "submit"]
		with open(d + "/submit", "w") as f:
		    f.write("1")
		value = open(sys.argv[1] + "/results/py/value", "rb").read()
		assert value == b"bytes\xff\nfrom python\n", value
		assert not os.path.exists(d)
	END
}

@test "every option given in a draft arrives" {
	local first dir
	dir=$(mktemp -d "$HOME_DIR/cwd.XXXX")
	first=$(submit 'echo first')
	done_with "$first"
	mkdir "$T/opts"
	cat >"$T/opts/code" <<-'END'
		echo "$A $B $1 $2 $(pwd) on $TASKFS_ENGINE"
		cat
	END
	printf 'one\ntwo words\n' >"$T/opts/args"
	printf 'A=1\nB=two = 2\n' >"$T/opts/env"
	echo 'the input' >"$T/opts/stdin"
	echo "$dir" >"$T/opts/cwd"
	echo 1 >"$T/opts/targets"
	echo "$first" >"$T/opts/after"
	echo 2 >"$T/opts/retries"
	echo 100000 >"$T/opts/timeout"
	echo 10000.5 >"$T/opts/time_limit"
	echo -3 >"$T/opts/priority"
	echo opts >"$T/opts/label"
	cat "$T/opts/targets" "$T/opts/time_limit" >"$HOME_DIR/said"
	equal "$(cat "$HOME_DIR/said")" $'1\n10000.5'
	echo 1 >"$T/opts/submit"
	equal "$(get opts value)" $'1 two = 2 one two words '"$dir"$' on 1\nthe input'
	equal "$(get opts args)" $'one\ntwo words'
	equal "$(get opts env)" $'A=1\nB=two = 2'
	equal "$(get opts stdin)" 'the input'
	equal "$(get opts cwd)" "$dir"
	equal "$(get opts targets)" 1
	equal "$(get opts after)" "$first"
	equal "$(get opts retries)" 2
	equal "$(get opts timeout)" 100000
	equal "$(get opts time_limit)" 10000.5
	equal "$(get opts priority)" -3
}

@test "follow: the engine that ran the other" {
	local first
	echo '{"code": ":", "targets": [1], "label": "lead"}' >"$T/new"
	first=$(cat "$T/last")
	mkdir "$T/f"
	echo 'echo $TASKFS_ENGINE' >"$T/f/code"
	echo lead >"$T/f/follow"
	echo 1 >"$T/f/submit"
	equal "$(get f value)" 1
	equal "$(get f follow)" lead
	done_with "$first"
}

@test "dependencies: by id or name, ok, error, any; and what cannot be" {
	local bad good
	bad=$(submit 'exit 3')
	good=$(submit ':')
	done_with "$bad" error
	done_with "$good"
	mkdir "$T/dep"
	echo 'echo cleaned up' >"$T/dep/code"
	echo "$bad:error $good" >"$T/dep/after"
	echo 1 >"$T/dep/submit"
	equal "$(get dep value)" 'cleaned up'
	mkdir "$T/dep"
	echo ':' >"$T/dep/code"
	printf '%s:any\ndep:ok\n' "$bad" >"$T/dep/after"
	echo 1 >"$T/dep/submit"
	done_with dep
	# That one is not ok: this one is skipped at once, and says why.
	mkdir "$T/dep"
	echo ':' >"$T/dep/code"
	echo "$bad" >"$T/dep/after"
	echo 1 >"$T/dep/submit"
	done_with dep aborted
	[[ $(get dep error) == *"$bad"* ]]
}

@test "why: a pending one says what it waits for" {
	local gate
	gate=$(gate before)
	echo "cat $gate" >"$T/wait1"
	mkdir "$T/wait2"
	echo ':' >"$T/wait2/code"
	echo wait1 >"$T/wait2/after"
	echo 1 >"$T/wait2/submit"
	equal "$(get wait2 status)" pending
	[[ $(get wait2 why) == *after* ]]
	open_gate before
	done_with wait2
	equal "$(get wait2 why)" ''
}

@test "a map: an item a line; chunk, halt, max_running" {
	mkdir "$T/m" "$HOME_DIR/pictures"
	cd "$HOME_DIR/pictures"
	touch 'one.png' 'two words.png' '[x].png' $'\377.png'
	echo 'for f; do [ -e "$f" ] && echo "is $f"; done' >"$T/m/code"
	ls -- *.png >"$T/m/map"
	echo 2 >"$T/m/chunk"
	echo 1 >"$T/m/max_running"
	echo 3 >"$T/m/halt"
	equal "$(cat "$T/m/map")" "$(ls -- *.png)"
	echo 1 >"$T/m/submit"
	done_with m
	equal "$(get m progress)" 2/2
	equal "$(get m value)" "$(ls -- *.png | sed 's/^/is /')"
	equal "$(get m map)" "$(ls -- *.png)"
	equal "$(get m chunk) $(get m max_running) $(get m halt)" '2 1 3'
}

# map_of TEXT: a draft with that map, submitted; what its tasks say.
map_of() {
	mkdir "$T/m"
	echo 'printf "<%s>\n" "$1"' >"$T/m/code"
	printf %s "$1" >"$T/m/map"
	echo 1 >"$T/m/submit"
	get m value
}

@test "a map: lines are items as they are, also those that look like JSON" {
	equal "$(map_of $'["odd"]\n')" '<["odd"]>'
	equal "$(map_of '[]')" '<[]>'
	equal "$(map_of $'["a\\nb",\n "c"]\n')" $'<["a\\nb",>\n< "c"]>'
	equal "$(map_of $'{"a": 1}\n')" '<{"a": 1}>'
	equal "$(map_of $'\xff\r\n\t\n')" $'<\xff\r>\n<\t>'
	cd "$BATS_TEST_TMPDIR"
	touch '["odd"]'
	equal "$(map_of "$(ls)")" '<["odd"]>'
}

@test "a map: no last newline, empty lines" {
	mkdir "$T/m"
	echo 'printf "<%s>\n" "$1"' >"$T/m/code"
	printf '[a]\n\n[b]' >"$T/m/map"
	echo 1 >"$T/m/submit"
	equal "$(get m value)" $'<[a]>\n<>\n<[b]>'
}

@test "a map: 10000 items, written and read in pieces" {
	mkdir "$T/m"
	echo : >"$T/m/code"
	echo 1 >"$T/m/max_running"
	seq 10000 | dd of="$T/m/map" bs=777 status=none
	seq 10000 | cmp - "$T/m/map"
	echo 1 >"$T/m/submit"
	seq 10000 | cmp - "$MNT/results/m/map"
	echo abort >"$MNT/results/m/ctl"
	done_with m aborted
	equal "$(get m progress)" 10000/10000
}

@test "a map with no items, with a NUL; chunk without a map" {
	expect_log 'a task is refused'
	mkdir "$T/m"
	echo : >"$T/m/code"
	: >"$T/m/map"
	refused "$T/m/submit" 1 map
	fails_with EINVAL dd of="$T/m/map" status=none < <(printf 'a\0b')
	[[ $(cat "$T/error") == *NUL* ]]
	rm "$T/m/map"
	echo 2 >"$T/m/chunk"
	refused "$T/m/submit" 1 map
	rm "$T/m/chunk"
	echo 1 >"$T/m/submit"
	done_with m
}

@test "a wrong value: EINVAL, the reason in tasks/error, the old value stays" {
	expect_log 'a task is refused'
	mkdir "$T/w"
	cd "$T/w"
	echo 3 >retries
	refused retries 3x retries
	refused retries -1 retries
	refused retries 1.5 retries
	refused retries 99999 retries
	refused retries 99999999999999999999999 retries
	equal "$(cat retries)" 3
	refused priority high priority
	refused time_limit -1 time_limit
	refused time_limit 1e300 time_limit
	refused timeout soon timeout
	refused env NOEQUALS '"env": line 1 has no = in it; each is NAME=VALUE'
	refused env =x '"env": line 1 has no name before the ='
	refused cwd $'a\xff' '"cwd" must be UTF-8'
	refused targets a targets
	refused targets 1-0 targets
	refused targets '' targets
	refused after 'a b*' after
	refused after '' after
	refused follow 12:sometimes follow
	refused label other label
	refused cwd '' cwd
	equal "$(cat targets after env cwd)" ''
	# At the close, when the last line has no end.
	echo A=1 >./env
	run -1 dd of=env status=none < <(printf 'B=2\nC')
	[[ $output == *'Invalid argument'* ]]
	equal "$(cat env)" A=1
	[[ $(cat "$T/error") == '"env": line 2 has no = in it; '* ]]
}

@test "what an option may look like" {
	mkdir "$T/s"
	cd "$T/s"
	echo 'echo "$1|$2|$3"; echo $X' >code
	printf '["a"]\n' >args
	printf 'X=' >./env
	printf '0 1\n' >targets
	printf ' 12 \n' >retries
	printf '5' >priority
	echo 1 >submit
	equal "$(get s value)" '["a"]||'
	equal "$(get s targets)" $'0\n1'
	equal "$(get s retries)" 12
	equal "$(get s priority)" 5
	mkdir "$T/s"
	cd "$T/s"
	echo 'echo "$1|$2|$3|$#"' >code
	printf '[a-z]\n\nlast' >args
	printf '1,0' >targets
	echo 1 >submit
	equal "$(get s value)" '[a-z]||last|3'
	equal "$(get s targets)" $'1\n0'
}

@test "empty files are options that are not given; rm takes one back" {
	mkdir "$T/e"
	cd "$T/e"
	echo 'echo "$#"' >code
	touch retries targets
	: >after
	echo 'one' >args
	echo 4 >priority
	: >priority
	rm args
	[ ! -e args ]
	equal "$(cat priority)" ''
	echo 1 >submit
	equal "$(get e value)" 0
	local option
	for option in retries targets after priority args stdin; do
		[ ! -e "$MNT/results/e/$option" ]
	done
}

@test ">>, truncate, overwriting: files as files are" {
	mkdir "$T/app"
	cd "$T/app"
	echo 'a=1' >code
	echo 'echo $a "$@"' >>code
	echo one >args
	echo two >>args
	equal "$(cat args)" $'one\ntwo'
	equal "$(stat -c %s args)" 8
	truncate -s 4 args
	echo three >>args
	equal "$(cat args)" $'one\nthree'
	printf 'b' | dd of=code conv=notrunc status=none
	printf ' $b' | dd of=code conv=notrunc oflag=append status=none
	equal "$(cat code)" $'b=1\necho $a "$@"\n $b'
	truncate -s 0 code
	echo 'echo "$@"' >code
	[ -s code ]
	fails_with EINVAL truncate -s 100 args
	echo 1 >submit
	equal "$(get app value)" 'one three'
}

@test "binary stdin, small and large, of the right size; cmp" {
	local n
	mkdir "$T/bin"
	cd "$T/bin"
	for n in 0 1 16384 16385 5000000; do
		head -c "$n" /dev/urandom >"$HOME_DIR/data"
		cp "$HOME_DIR/data" stdin
		equal "$(stat -c %s stdin)" "$n"
		cmp "$HOME_DIR/data" stdin
	done
	echo cat >code
	echo 1 >submit
	cmp "$HOME_DIR/data" "$MNT/results/bin/value"
	cmp "$HOME_DIR/data" "$MNT/results/bin/stdin"
}

# bats test_tags=check
@test "too large: EFBIG at the write" {
	expect_log 'a task is refused'
	mkdir "$T/huge"
	cd "$T/huge"
	fails_with EFBIG dd if=/dev/zero of=code bs=1M count=17 status=none
	[[ $(cat "$T/error") == *code* ]]
	equal "$(stat -c %s code)" $((16 * 1024 * 1024))
	truncate -s $((256 * 1024 * 1024)) stdin
	fails_with EFBIG dd if=/dev/zero of=stdin bs=1 count=1 status=none \
		seek=$((256 * 1024 * 1024))
	fails_with EFBIG dd if=/dev/zero of=args bs=1M count=2 status=none
	# What was cut short is not submitted.
	refused "$T/huge/submit" 1 'tasks/huge/code is not whole'
	echo 'wc -c' >code
	refused "$T/huge/submit" 1 'tasks/huge/stdin is not whole'
	truncate -s 10 stdin
	cd "$HOME_DIR"
	echo 1 >"$T/huge/submit"
	equal "$(get huge value)" 10
}

@test "a file of no option: the nearest right one is told" {
	expect_log 'a task is refused'
	mkdir "$T/near"
	refused "$T/near/Retry" 3 'no option "Retry": is "retries" meant?'
	refused "$T/near/qwertz" 3 'no option "qwertz"'
	rmdir "$T/near"
}

@test "no code: refused, and the draft stays" {
	expect_log 'a task is refused'
	local before
	before=$(count)
	mkdir "$T/nocode"
	refused "$T/nocode/submit" 1 code
	: >"$T/nocode/code"
	refused "$T/nocode/submit" 1 code
	refused "$T/nocode/submit" 2 'write 1'
	equal "$(count)" "$before"
	echo 'echo now' >"$T/nocode/code"
	echo 1 >"$T/nocode/submit"
	equal "$(get nocode value)" now
}

@test "results that are not there are refused, targets are told by the result" {
	mkdir "$T/r"
	echo : >"$T/r/code"
	echo nobody >"$T/r/after"
	refused "$T/r/submit" 1 'no result nobody'
	rm "$T/r/after"
	echo 99 >"$T/r/targets"
	echo 1 >"$T/r/submit"
	done_with r error
	[[ $(get r error) == *ImpossibleDependency* ]]
}

@test "names, files and directories that cannot be made" {
	expect_log 'a task is refused'
	local name
	for name in 12 all 'a b' 'x*'; do
		fails_with EINVAL mkdir "$T/$name"
	done
	fails_with EEXIST mkdir "$T/new"
	fails_with EPERM mkdir "$T/.x"
	mkdir "$T/n"
	fails_with EEXIST mkdir "$T/n"
	mkdir -p "$T/n"
	fails_with EPERM mkdir "$T/n/sub"
	fails_with EPERM mkdir "$MNT/x"
	fails_with EPERM mv "$T/n" "$T/m"
	fails_with EISDIR dash -c 'echo : >"$1"' dash "$T/n"
	refused "$T/n/cod" x '"cod"'
	echo 'echo a' >"$T/n/code"
	fails_with EPERM sed -i s/a/b/ "$T/n/code"
	fails_with EPERM mv "$T/n/code" "$T/n/stdin"
}

# bats test_tags=check
@test "vim edits a file of a draft" {
	mkdir "$T/n"
	echo 'echo a' >"$T/n/code"
	printf '%%s/a/b/\nwq\n' | vim.tiny -es -u NONE "$T/n/code"
	equal "$(cat "$T/n/code")" 'echo b'
}

@test "rmdir, rm -r: thrown away with all that is in it" {
	mkdir "$T/gone" "$T/gone2"
	echo : >"$T/gone/code"
	echo 1 >"$T/gone/retries"
	equal "$(ls -d "$T"/gone*)" "$T/gone"$'\n'"$T/gone2"
	rmdir "$T/gone"
	cp "$BATS_TEST_FILENAME" "$T/gone2/stdin"
	rm -r "$T/gone2"
	equal "$(ls "$T")" $'error\nlast\nnew'
	mkdir "$T/gone"
	equal "$(ls "$T/gone")" submit
}

@test "a directory of files is a draft: cp -r" {
	mkdir "$HOME_DIR/template"
	echo 'echo $1' >"$HOME_DIR/template/code"
	echo copied >"$HOME_DIR/template/args"
	cp -r "$HOME_DIR/template" "$T/cp"
	echo 1 >"$T/cp/submit"
	equal "$(get cp value)" copied
}

@test "the working directory is that of who submits" {
	mkdir "$T/where" "$HOME_DIR/here"
	echo pwd >"$T/where/code"
	cd "$HOME_DIR/here"
	echo 1 >"$T/where/submit"
	equal "$(get where value)" "$HOME_DIR/here"
}

@test "tasks/ lists drafts and unfinished results" {
	local gate id
	gate=$(gate listing)
	id=$(submit "cat $gate")
	mkdir "$T/listed"
	equal "$(ls "$T" | sort)" "$(printf '%s\n' "$id" error last listed new |
		sort)"
	[ -d "$T/listed" ]
	[ -h "$T/$id" ]
	open_gate listing
	done_with "$id"
}

# bats test_tags=check
@test "many drafts: there is a limit, and room again" {
	expect_log 'a task is refused'
	local i
	for ((i = 0; i < 256; i++)); do echo "$T/many$i"; done >"$HOME_DIR/dirs"
	xargs mkdir <"$HOME_DIR/dirs"
	fails_with ENOSPC mkdir "$T/onemore"
	[[ $(cat "$T/error") == *drafts* ]]
	xargs rmdir <"$HOME_DIR/dirs"
	mkdir "$T/onemore"
}

@test "an option written while the draft goes" {
	mkdir "$T/race"
	exec 4>"$T/race/code" 5>"$T/race/args"
	echo : >&4
	rm -r "$T/race"
	fails_with ENOENT dash -c 'echo x | cat >&4'
	fails_with ENOENT dash -c 'echo x | cat >&5'
	exec 4>&- 5>&-
	[ ! -e "$T/race" ]
}

@test "the same draft submitted twice at once is one result" {
	local before
	before=$(count)
	mkdir "$T/twice"
	echo : >"$T/twice/code"
	run bash -c 'echo 1 >"$1/twice/submit" & echo 1 >"$1/twice/submit"
		wait' bash "$T"
	equal "$(count)" $((before + 1))
	done_with twice
}

@test "no room for what is large: EIO, and why; the small goes on" {
	local second=$HOME_DIR/second
	TMPDIR=/nonexistent second_up
	mkdir "$second/tasks/small"
	head -c 16384 /dev/zero >"$second/tasks/small/stdin"
	fails_with EIO dd if=/dev/zero of="$second/tasks/small/stdin" bs=64k \
		count=1 status=none
	[[ $(cat "$second/tasks/error") == *TMPDIR* ]]
	equal "$(stat -c %s "$second/tasks/small/stdin")" 0
	: >"$second/tasks/small/stdin"
	echo 'echo small' >"$second/tasks/small/code"
	echo 1 >"$second/tasks/small/submit"
	equal "$(cat "$second/results/small/value")" small
}

@test "through a second mount; drafts are one mount's, and end with it" {
	local second=$HOME_DIR/second
	second_up
	mkdir "$T/mine" "$second/tasks/theirs" "$second/tasks/mine"
	[ ! -e "$T/theirs" ]
	echo 'echo second' >"$second/tasks/theirs/code"
	echo 1 >"$second/tasks/theirs/submit"
	equal "$(cat "$second/results/theirs/value")" second
	wait_for test -e "$MNT/results/theirs/value"
	equal "$(get theirs value)" second
	[ -d "$T/mine" ]
	second_down
	second_up
	[ ! -e "$second/tasks/mine" ]
	equal "$(cat "$second/results/theirs/value")" second
}

@test "map0: items with a NUL behind each" {
	mkdir "$HOME_DIR/names" "$T/zero"
	touch "$HOME_DIR/names/two"$'\n'lines "$HOME_DIR/names/a b"
	# shellcheck disable=SC2016
	echo 'printf "<%s>" "${1##*/}"' >"$T/zero/code"
	find "$HOME_DIR/names" -type f -print0 | sort -z >"$T/zero/map0"
	equal "$(ls "$T/zero")" $'code\nmap0\nsubmit'
	cmp <(find "$HOME_DIR/names" -type f -print0 | sort -z) "$T/zero/map0"
	echo 1 >"$T/zero/submit"
	equal "$(get zero value)" $'<a b><two\nlines>'
	# The last NUL may be missing; both files are one too many.
	mkdir "$T/last0"
	echo 'echo "$1"' >"$T/last0/code"
	printf 'x\0y' >"$T/last0/map0"
	echo z >"$T/last0/map"
	refused "$T/last0/submit" 1 'map0'
	rm "$T/last0/map"
	echo 1 >"$T/last0/submit"
	equal "$(get last0 value)" $'x\ny'
	mkdir "$T/gap0"
	fails_with EINVAL truncate -s 3 "$T/gap0/map0"
	: >"$T/gap0/map"
	fails_with EINVAL dd if=/dev/zero of="$T/gap0/map" bs=1 count=1 conv=notrunc status=none
	like "$(cat "$T/error")" '.*map0.*'
	rmdir "$T/gap0"
}

@test "columns: an item is \$1, \$2 ..." {
	mkdir "$T/cols"
	# shellcheck disable=SC2016
	echo 'echo "$#:$1|$2|$3:$TASKFS_ITEM"' >"$T/cols/code"
	printf '%s\n' a,b,c 'x y,,z' alone >"$T/cols/map"
	echo , >"$T/cols/columns"
	echo 1 >"$T/cols/submit"
	equal "$(get cols value)" $'3:a|b|c:a,b,c\n3:x y||z:x y,,z\n1:alone||:alone'
	mkdir "$T/tabs"
	echo 'echo "$2 $1 $3"' >"$T/tabs/code"
	printf '1\t2\n' >"$T/tabs/map"
	echo '\t' >"$T/tabs/columns"
	echo behind >"$T/tabs/args"
	echo 1 >"$T/tabs/submit"
	equal "$(get tabs value)" '2 1 behind'
	mkdir "$T/none"
	echo : >"$T/none/code"
	echo , >"$T/none/columns"
	refused "$T/none/submit" 1 'needs "map"'
	rmdir "$T/none"
}

@test "args and env: bytes that are no UTF-8" {
	mkdir "$T/bytes"
	# shellcheck disable=SC2016
	echo 'printf "%s|%s|%s" "$1" "$2" "$BYTES"' >"$T/bytes/code"
	printf 'a\377b\nplain\n' >"$T/bytes/args"
	printf 'BYTES=\376=\nOTHER=x\n' >"$T/bytes/env"
	cmp <(printf 'a\377b\nplain\n') "$T/bytes/args"
	echo 1 >"$T/bytes/submit"
	get bytes wait
	cmp <(printf 'a\377b|plain|\376=') "$MNT/results/bytes/value"
	cmp <(printf 'a\377b\nplain\n') "$MNT/results/bytes/args"
	cmp <(printf 'BYTES=\376=\nOTHER=x\n') "$MNT/results/bytes/env"
	# In JSON they can be said, too.
	done_with "$(submit '{"code": "[ \"$1\" = \"$(printf \"\\\\377\")\" ]", "args": [{"base64": "/w=="}]}')"
	run -0 bash -c "echo '{\"code\": \":\", \"args\": [{\"base64\": \"AA==\"}]}' >$T/new; cat $T/error"
	like "$output" '.*"args" must be a list of strings.*'
}

@test "env: of env -0, and what is no variable" {
	mkdir "$T/envs"
	# shellcheck disable=SC2016
	echo 'printf %s "$TWO|$ONE"' >"$T/envs/code"
	env -i ONE=1 TWO=$'two\nlines' BIG="$(head -c 9000 /dev/zero | tr '\0' x)" env -0 >"$T/envs/env"
	refused "$T/envs/env" 'ONE' 'line 1 has no ='
	echo 1 >"$T/envs/submit"
	equal "$(get envs value)" $'two\nlines|1'
	equal "$(tr '\0' '\n' <"$MNT/results/envs/env" | head -n 3)" $'ONE=1\nTWO=two\nlines'
	mkdir "$T/bad"
	run bash -c 'printf "A=1\0bad\0" >"$1"; cat "$2"' bash "$T/bad/env" "$T/error"
	like "$output" '.*variable 2 has no =.*'
	rmdir "$T/bad"
}
