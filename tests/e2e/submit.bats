# How programs submit: every row of what they really send to a file.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 2; }
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() { test_end; }

# The last result of this process has this value.
last_is() {
	local id
	read -r id <"$MNT/tasks/last"
	equal "$(get "$id" value)" "$1"
}

# Nothing but one result more than before.
count() { find "$MNT/results" -maxdepth 1 -name '[0-9]*' | wc -l; }

# all_ok FROM TO: waits for the results with these ids.
all_ok() {
	seq -f "$MNT/results/%.0f/wait" "$1" "$2" | xargs cat | sort |
		uniq -c >"$HOME_DIR/counted"
	like "$(cat "$HOME_DIR/counted")" " *$(($2 - $1 + 1)) ok"
}

@test "bash: echo > tasks/new" {
	echo 'echo from bash' >"$MNT/tasks/new"
	last_is 'from bash'
}

@test "dash: echo > tasks/new, and tasks/last in the same shell" {
	run -0 dash -c 'echo "echo from dash" > "$1/tasks/new"
		read id < "$1/tasks/last"; cat "$1/results/$id/value"' dash "$MNT"
	equal "$output" 'from dash'
}

@test "echo >> tasks/new: appending is the same" {
	echo 'echo one' >>"$MNT/tasks/new"
	last_is one
	echo 'echo two' >>"$MNT/tasks/new"
	last_is two
}

@test "one echo is one result" {
	local before
	before=$(count)
	echo ':' >"$MNT/tasks/new"
	equal "$(count)" $((before + 1))
}

@test "printf with several lines is one script" {
	printf 'a=1\nb=2\necho $((a + b))\n' >"$MNT/tasks/new"
	last_is 3
}

@test "{ cat a; cat b; } > tasks/new: one script of both" {
	local before
	before=$(count)
	echo 'x=left' >"$HOME_DIR/a"
	echo 'echo $x right' >"$HOME_DIR/b"
	{
		cat "$HOME_DIR/a"
		cat "$HOME_DIR/b"
	} >"$MNT/tasks/new"
	wait_for eval '[ "$(count)" -gt "$before" ]'
	equal "$(count)" $((before + 1))
	equal "$(get latest value)" 'left right'
}

@test "{ echo; echo; } > tasks/new by one shell is one script" {
	local before
	before=$(count)
	dash -c '{ echo "echo one"; echo "echo two"; } > "$1/tasks/new"' \
		dash "$MNT"
	equal "$(count)" $((before + 1))
	equal "$(get latest value)" $'one\ntwo'
}

@test "a here-document, bash" {
	cat >"$MNT/tasks/new" <<-'END'
		for i in 1 2 3; do
			echo line $i
		done
	END
	equal "$(get latest value)" $'line 1\nline 2\nline 3'
}

@test "a here-document, dash" {
	dash -c 'cat > "$1/tasks/new" <<END
echo from a document
END
' dash "$MNT"
	wait_for eval '[ "$(get latest code)" = "echo from a document" ]'
	equal "$(get latest value)" 'from a document'
}

@test "cat file > tasks/new" {
	echo 'echo from cat' >"$HOME_DIR/script"
	cat "$HOME_DIR/script" >"$MNT/tasks/new"
	equal "$(get latest value)" 'from cat'
}

@test "cp script tasks/new" {
	echo 'echo from cp' >"$HOME_DIR/script"
	cp "$HOME_DIR/script" "$MNT/tasks/new"
	equal "$(get latest value)" 'from cp'
}

@test "tee tasks/new" {
	echo 'echo from tee' | tee "$MNT/tasks/new"
	equal "$(get latest value)" 'from tee'
}

@test "dd of=tasks/new, whole and in small blocks" {
	echo 'echo from dd' | dd of="$MNT/tasks/new" bs=1M status=none
	equal "$(get latest value)" 'from dd'
	echo 'echo in many writes' | dd of="$MNT/tasks/new" bs=1 status=none
	equal "$(get latest value)" 'in many writes'
	echo 'echo not truncated' |
		dd of="$MNT/tasks/new" conv=notrunc status=none
	equal "$(get latest value)" 'not truncated'
}

@test "Python: open, write, close; and read back on the same descriptor" {
	run -0 /usr/bin/python3 - "$MNT" <<-'END'
		import sys
		mnt = sys.argv[1]
		with open(mnt + "/tasks/new", "w") as f:
		    f.write("echo from ")
		    f.write("python\n")
		id = open(mnt + "/tasks/last").read().strip()
		print(open(mnt + "/results/" + id + "/value").read(), end="")
		with open(mnt + "/tasks/new", "r+b", buffering=0) as f:
		    f.write(b"echo again\n")
		    id = f.read().decode().strip()
		print(open(mnt + "/results/" + id + "/value").read(), end="")
	END
	equal "$output" $'from python\nagain'
}

@test "exec 3<>tasks/new; echo >&3; read id <&3" {
	local id
	exec 4<>"$MNT/tasks/new"
	echo 'echo read back' >&4
	read -r id <&4
	like "$id" '[0-9]+'
	equal "$(get "$id" value)" 'read back'
	# The same descriptor takes the next one.
	echo 'echo and again' >&4
	local next
	read -r next <&4
	exec 4>&-
	[ "$next" -gt "$id" ]
	equal "$(get "$next" value)" 'and again'
}

@test "read back in dash, which reads byte by byte" {
	run -0 dash -c 'exec 3<>"$1/tasks/new"; echo "echo bytes" >&3
		read id <&3; exec 3>&-; cat "$1/results/$id/value"' dash "$MNT"
	equal "$output" bytes
}

@test "exec 3>tasks/new; echo; echo: a task each" {
	local before
	before=$(count)
	exec 4>"$MNT/tasks/new"
	echo 'echo a' >&4
	echo 'echo b' >&4
	exec 4>&-
	equal "$(count)" $((before + 2))
	last_is b
}

# bats test_tags=check
@test "a script larger than one write" {
	{
		seq -f ': a comment of some length, number %.0f' 40000
		echo 'echo the end'
	} >"$HOME_DIR/big"
	[ "$(stat -c %s "$HOME_DIR/big")" -gt 1500000 ]
	cp "$HOME_DIR/big" "$MNT/tasks/new"
	equal "$(get latest value)" 'the end'
	cmp "$HOME_DIR/big" "$MNT/results/latest/code"
}

@test "opened and closed without a word: no task" {
	local before
	before=$(count)
	: >"$MNT/tasks/new"
	true >>"$MNT/tasks/new"
	equal "$(count)" "$before"
}

@test "editors that make a temporary file are refused" {
	fails_with EPERM sed -i s/a/b/ "$MNT/tasks/new"
	fails_with EPERM dash -c ': > "$1"' dash "$MNT/tasks/.new.swp"
}

@test "JSON: options in one object" {
	echo '{"code": "echo $1-$X; cat", "args": ["a b"], "env": {"X": "y"}, "stdin": "from stdin\n", "label": "json1"}' \
		>"$MNT/tasks/new"
	equal "$(get json1 value)" $'a b-y\nfrom stdin'
	equal "$(get json1 args)" 'a b'
	equal "$(get json1 stdin)" 'from stdin'
	equal "$(get json1 env)" 'X=y'
	equal "$(get json1 label)" json1
}

@test "JSON lines: several results in one stream" {
	local before
	before=$(count)
	for i in 1 2 3 4 5; do
		echo "{\"code\": \"echo number $i\", \"label\": \"line$i\"}"
	done >"$HOME_DIR/lines"
	cp "$HOME_DIR/lines" "$MNT/tasks/new"
	equal "$(count)" $((before + 5))
	for i in 1 2 3 4 5; do
		equal "$(get "line$i" value)" "number $i"
	done
}

@test "JSON over several lines and writes, several objects without newlines" {
	local before
	before=$(count)
	printf '{"code":\n "echo a"}{"code":"echo b"} {"code":\t"echo c"}' |
		dd of="$MNT/tasks/new" bs=3 status=none
	equal "$(count)" $((before + 3))
	equal "$(get latest value)" c
}

@test "JSON read back: an id for each" {
	local a b
	exec 4<>"$MNT/tasks/new"
	printf '{"code":"echo a"}\n{"code":"echo b"}\n' >&4
	read -r a <&4
	read -r b <&4
	exec 4>&-
	equal "$(get "$a" value) $(get "$b" value)" 'a b'
}

@test "bad JSON: EINVAL at write, the reason in tasks/error, nothing submitted" {
	expect_log 'a task is refused'
	local before bad
	before=$(count)
	for bad in '{"code": }' '{"cod": "x"}' '{"code": 7}' '{}' \
		'{"code":"x",}' '{"code":"x","retries":-1}' '{"code":"x"'; do
		fails_with EINVAL dash -c 'printf "%s\n" "$2" | dd of="$1/tasks/new" status=none' \
			dash "$MNT" "$bad"
	done
	# The shell's own echo sees it too, and may ask why.
	run -0 bash -c 'echo "{\"cod\": \"x\"}" > "$1/tasks/new" && exit 9
		cat "$1/tasks/error"' bash "$MNT"
	[[ $output == *'"cod"'* ]]
	equal "$(count)" "$before"
}

# refused TEXT [FILE]: printf TEXT > tasks/FILE is EINVAL; what tasks/error says.
refused() {
	run -0 bash -c 'printf "%s" "$2" >"$1/$3" && exit 9
		cat "$1/tasks/error"' bash "$MNT" "$1" "${2:-tasks/new}"
	like "${lines[0]}" '.*Invalid argument'
	[ "${#lines[@]}" = 2 ]
	echo "${lines[1]}"
}

@test "a mistake in JSON has its place" {
	expect_log 'a task is refused'
	local text a b
	equal "$(refused '{"code": ls}')" \
		'line 1, column 10: unexpected character near: {"code": ls}'
	# What stands there may be a secret: it is not for the log.
	run -1 grep -F '{\"code\": ls}' "$DIR/log/taskfs.log"
	text=$(refused $'{"code":"echo a"}\n{"code":"echo b"}\n{"code":"c",\n "x" 1}')
	read -r b <"$MNT/tasks/last"
	a=$((b - 1))
	equal "$text" "object 3: line 4, column 6: object property name separator \
':' expected near: \"x\" 1}; objects 1 to 2 are results $a to $b"
	equal "$(get "$a" value) $(get "$b" value)" 'a b'
	# As it is told where nobody looks at the close.
	run -1 dd of="$MNT/tasks/new" status=none < <(printf '\n{"code":"x"')
	[[ $output == *'Invalid argument'* ]]
	equal "$(bash -c 'printf "\n{" | dd of="$1/tasks/new" status=none 2>&1
		cat "$1/tasks/error"' bash "$MNT" | tail -1)" \
		'the text ends within the JSON object that began in line 2'
}

@test "a wrong option: the nearest right one, and what was submitted before it" {
	expect_log 'a task is refused'
	local text id
	equal "$(refused '{"code":"x","retry":3}')" \
		'there is no option "retry": is "retries" meant?'
	text=$(refused '{"code":"echo one"}{"code":"x","Cod":3}{"code":"y"}')
	read -r id <"$MNT/tasks/last"
	equal "$text" "object 2: there is no option \"Cod\": is \"code\" meant?; \
object 1 is result $id"
	equal "$(get "$id" value)" one
	equal "$(refused '{"code":"x","qwertz":3}')" 'there is no option "qwertz"'
	# More than goes in one message to the controller, which is 1024.
	{
		seq -f '{"code":"true","label":"n%.0f."}' 1100
		echo '{"code":"true","cmd":1}'
	} >"$HOME_DIR/many"
	run -1 bash -c 'cat "$2" >"$1/tasks/new" || { cat "$1/tasks/error"; exit 1; }' bash \
		"$MNT" "$HOME_DIR/many" 2>"$HOME_DIR/said"
	text=${lines[-1]}
	id=$(basename "$(readlink "$MNT/results/n1100.")")
	equal "$text" "object 1101: there is no option \"cmd\"; objects 1 to 1100 \
are results $((id - 1099)) to $id"
	all_ok $((id - 1099)) "$id"
}

@test "a list of tasks is refused where it is written" {
	expect_log 'a task is refused'
	local before where
	before=$(count)
	for where in tasks/new tasks/somebody engines/0/new engines/all/new; do
		like "$(refused '[{"code": "ls"}, {"code": "pwd"}]' "$where")" \
			'a list of tasks .* one behind the other, without \[ \].*'
		like "$(refused $'[\n  {\n   "code"' "$where")" 'a list of tasks .*'
	done
	equal "$(count)" "$before"
	echo '[ -d / ] && echo a shell has brackets, too' >"$MNT/tasks/new"
	last_is 'a shell has brackets, too'
}

# by_bytes TEXT: in as many writes.
by_bytes() {
	printf '%s' "$1" | dd of="$MNT/tasks/new" bs=1 status=none
}

@test "a shell's group of commands is no JSON" {
	local write where
	write() { printf '%s\n' "$1" >"$MNT/${2:-tasks/new}"; }
	for write in write by_bytes; do
		"$write" '{ cd /; pwd; }'
		last_is /
		"$write" $'\n {\n\techo two lines\n}'
		last_is 'two lines'
		"$write" '{ code : 1; } 2>/dev/null || echo no option'
		last_is 'no option'
		"$write" $' { \n "code" : "echo JSON" }'
		last_is JSON
	done
	for where in tasks/group engines/0/new; do
		write '{ echo group; }' "$where"
		last_is group
	done
}

@test "what is meant to be JSON is refused, not run" {
	expect_log 'a task is refused'
	local before bad
	before=$(count)
	for bad in '{code: "x"}' '{ code: "x"}' "{'code': 'x'}" '{ls;}'; do
		like "$(refused "$bad")" 'line 1, column [0-9]+: .* near: .*'
		run -1 by_bytes "$bad"
		[[ $output == *'Invalid argument'* ]]
	done
	for bad in '{' ' { ' '{ cod' '{}'; do
		run -1 dd of="$MNT/tasks/new" status=none < <(printf '%s' "$bad")
		[[ $output == *'Invalid argument'* ]]
	done
	equal "$(count)" "$before"
}

@test "what JSON has instead is told" {
	expect_log 'a task is refused'
	local bad
	for bad in '"1"' '["0", "1"]' '"any"' '"0-1"'; do
		equal "$(refused "{\"code\": \"x\", \"targets\": $bad}")" \
			'"targets" must be a list of numbers, the ids of engines: [0, 1] in JSON, 0,1 in a file; or all'
	done
	equal "$(refused '{"code": "x", "time_limit": "10m"}')" \
		'"time_limit" must be a number of seconds'
	like "$(refused '{"code": "x", "code": "y"}')" \
		'line 1, column 27: an object has two members of one name near: .*'
	like "$(refused '{"code": '"'x'}")" \
		'line 1, column 10: JSON has double quotes, and no apostrophes near: .*'
	for bad in "{'code': 'x'}" '{ls;}' '{"$HOME/job"; }' '{ "ls" /; }'; do
		like "$(refused "$bad")" \
			'.*; a text that begins with \{ is JSON: begin a script with #!/bin/sh near: .*'
	done
	printf '#!/bin/sh\n{ "echo" group; }\n' >"$MNT/tasks/new"
	last_is group
	run -1 bash -c 'echo true >"$1/engines/all/foo"' bash "$MNT"
	[[ $(cat "$MNT/tasks/error") == *'by the option "label"' ]]
}

@test "JSON lines with a bad one: those before it are submitted" {
	expect_log 'a task is refused'
	local before
	before=$(count)
	printf '{"code":"echo good"}\n{"code":7}\n' >"$HOME_DIR/lines"
	fails_with EINVAL cp "$HOME_DIR/lines" "$MNT/tasks/new"
	equal "$(count)" $((before + 1))
	equal "$(get latest value)" good
}

# bats test_tags=check
@test "too large a task: EFBIG at write, nothing submitted" {
	expect_log 'a task is refused'
	local before
	before=$(count)
	head -c $((16 * 1024 * 1024 + 1)) /dev/zero | tr '\0' x >"$HOME_DIR/huge"
	fails_with EFBIG cp "$HOME_DIR/huge" "$MNT/tasks/new"
	equal "$(count)" "$before"
	{
		printf 'true #'
		head -c $((16 * 1024 * 1024 - 6)) "$HOME_DIR/huge"
	} >"$HOME_DIR/big"
	cp "$HOME_DIR/big" "$MNT/tasks/new"
	done_with latest
	rm "$HOME_DIR/huge" "$HOME_DIR/big"
}

# bats test_tags=check
@test "too large an object of JSON: the limit, and the way out" {
	expect_log 'a task is refused'
	{
		printf '{"code":"wc -c","stdin":"'
		head -c $((64 * 1024 * 1024)) /dev/zero | tr '\0' x
		printf '"}'
	} >"$HOME_DIR/json"
	equal "$(bash -c 'cat "$2" >"$1/tasks/new" || cat "$1/tasks/error"' bash \
		"$MNT" "$HOME_DIR/json" 2>/dev/null)" \
		"an object has at most 64 MiB; a draft (mkdir tasks/NAME) takes 256 MiB \
of stdin, and 1024 MiB of map"
	mkdir "$MNT/tasks/large"
	echo 'wc -c' >"$MNT/tasks/large/code"
	cp "$HOME_DIR/json" "$MNT/tasks/large/stdin"
	echo 1 >"$MNT/tasks/large/submit"
	equal "$(get large value)" "$(stat -c %s "$HOME_DIR/json")"
	rm "$HOME_DIR/json"
}

@test "binary code survives" {
	printf '#!/bin/cat\n\377\376 not UTF-8 \001\n' >"$HOME_DIR/script"
	cp "$HOME_DIR/script" "$MNT/tasks/new"
	cmp "$HOME_DIR/script" "$MNT/results/latest/code"
	cmp "$HOME_DIR/script" "$MNT/results/latest/value"
}

@test "tasks/last and tasks/error are per process" {
	run -0 bash -c '
		for i in 1 2 3 4 5 6 7 8; do
			(
				echo "echo $i" > "$1/tasks/new"
				read id < "$1/tasks/last"
				read v < "$1/results/$id/value"
				[ "$v" = "$i" ] || echo "$i got $v"
			) &
		done
		wait' bash "$MNT"
	equal "$output" ''
}

@test "tasks/error keeps the last refusal until a submission is taken" {
	expect_log 'a task is refused'
	# shellcheck disable=SC2016 # of the inner shell
	run -0 bash -c '
		cd "$1"; exec 2>/dev/null
		error() { [ "$(cat tasks/error)" = "$2" ] || echo "$1: $(cat tasks/error)"; }
		(echo restrat >engines/all/ctl) && echo taken
		(echo resume >engines/all/ctl) || echo refused
		: >tasks/new
		error "nothing is submitted" "$2"
		mkdir tasks/d; error mkdir "$2"
		mkdir tasks/d && echo made; error EEXIST "$2"
		cat engines/9/state && echo there; error ENOENT "$2"
		echo true >tasks/d/code; error "an option" "$2"
		echo 3x >tasks/d/retries && echo taken
		error "a wrong option" "$3"
		rm tasks/d/retries; rmdir tasks/d; error rmdir "$3"
		echo true >tasks/new; error "a submission" ""
		' bash "$MNT" \
		'there is no word "restrat" for this ctl: is "restart" meant?' \
		'"retries" must be a whole number'
	equal "$output" ''
}

@test "a subshell finds what its parent submitted" {
	echo 'echo parent' >"$MNT/tasks/new"
	equal "$(get "$(cat "$MNT/tasks/last")" value)" parent
}

@test "tasks/last of a process that submitted nothing" {
	run setsid --wait cat "$MNT/tasks/last"
	# Its parents did submit, or nobody did: an id, or nothing at all.
	like "$output" '[0-9]*'
}

@test "100 submissions in a shell loop" {
	local before i id
	before=$(count)
	for ((i = 0; i < 100; i++)); do
		echo ":" >"$MNT/tasks/new"
	done
	equal "$(count)" $((before + 100))
	read -r id <"$MNT/tasks/last"
	all_ok $((id - 99)) "$id"
}

# bats test_tags=check
@test "2000 JSON lines in one stream" {
	local id
	yes '{"code":"true"}' | head -n 2000 >"$HOME_DIR/lines"
	cp "$HOME_DIR/lines" "$MNT/tasks/new"
	id=$(readlink "$MNT/results/latest")
	all_ok $((id - 1999)) "$id"
}

# submit_by_program TEXT: by a process that has the environment of this call.
submit_by_program() {
	/usr/bin/python3 -c 'import os, sys
f = os.open(sys.argv[1] + "/tasks/new", os.O_RDWR)
os.write(f, os.fsencode(sys.argv[2]))
print(os.read(f, 100).decode().strip())' "$MNT" "$1"
}

@test "options in the script itself" {
	local id
	id=$(submit '#!/bin/sh
# what it does
#TASKFS priority=7 label=inside
echo "$0"')
	equal "$(get "$id" priority)" 7
	equal "$(get inside priority)" 7
	[ "$(get "$id" wait)" = ok ]
	# What is said beside it wins.
	id=$(submit '{"code": "#TASKFS priority=7 retries=1\n:", "priority": 3}')
	equal "$(get "$id" priority)" 3
	equal "$(get "$id" retries)" 1
	mkdir "$MNT/tasks/beside"
	printf '#TASKFS retries=2 chunk=2\necho "$@"\n' >"$MNT/tasks/beside/code"
	printf '%s\n' a b c >"$MNT/tasks/beside/map"
	echo 1 >"$MNT/tasks/beside/submit"
	equal "$(get beside value)" $'a b\nc'
	equal "$(get beside retries)" 2
	# Mistakes are told.
	run bash -c 'printf "#TASKFS retrys=2\n:\n" | dd of="$1/tasks/new" status=none; cat "$1/tasks/error"' bash "$MNT"
	like "$output" '.*line 1 of the script.*retries.*'
	run bash -c 'printf "#TASKFS chunk=2\n:\n" | dd of="$1/tasks/new" status=none; cat "$1/tasks/error"' bash "$MNT"
	like "$output" '.*chunk.*needs .map.*'
}

@test "inherit: the environment of who submits" {
	local id
	id=$(A=1 B=$'two\nlines' submit_by_program '{"code": "printf \"%s|\" \"$A\" \"$B\" \"$C\"; test \"$PWD\" = \"$(pwd -P)\"", "inherit": 1, "env": {"C": "mine"}}')
	equal "$(get "$id" value)" $'1|two\nlines|mine|'
	equal "$(get "$id" inherit)" 1
	equal "$(get "$id" wait)" ok
	id=$(A=1 C=3 submit_by_program '{"code": "echo \"$A|$B|$C\"", "inherit": ["A", "B"]}')
	equal "$(get "$id" value)" '1||'
	equal "$(get "$id" env)" A=1
	id=$(A=1 submit_by_program '{"code": "echo \"$A\"", "inherit": 0}')
	equal "$(get "$id" value)" ''
	# Never by itself.
	id=$(A=1 submit_by_program '{"code": "echo \"$A\""}')
	equal "$(get "$id" value)" ''
	# In a draft it is that of who writes to submit.
	mkdir "$MNT/tasks/heir"
	echo 'echo $A' >"$MNT/tasks/heir/code"
	echo A >"$MNT/tasks/heir/inherit"
	echo 1 | A=last dd of="$MNT/tasks/heir/submit" status=none
	equal "$(get heir value)" last
}
