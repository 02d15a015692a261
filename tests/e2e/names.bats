# bats file_tags=check
# tasks/NAME: submitting under a name, by every program that writes files.
# shellcheck shell=bash
load lib

setup_file() { cluster_up 2; }
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() { test_end; }

count() { find "$MNT/results" -maxdepth 1 -name '[0-9]*' | wc -l; }

# named NAME VALUE: results/NAME is that one's, and tasks/NAME is gone.
named() {
	equal "$(get "$1" value)" "$2"
	equal "$(get "$1" label)" "$1"
	[ ! -e "$MNT/tasks/$1" ]
}

@test "bash: echo > tasks/NAME, >> too" {
	echo 'echo from bash' >"$MNT/tasks/build"
	named build 'from bash'
	echo 'echo appended' >>"$MNT/tasks/build"
	named build appended
}

@test "dash; tasks/last knows it" {
	run -0 dash -c 'echo "echo from dash" > "$1/tasks/dashed"
		read id < "$1/tasks/last"; cat "$1/results/$id/value"' dash "$MNT"
	equal "$output" 'from dash'
	named dashed 'from dash'
}

@test "cat, cp, tee, dd, mv, a here-document" {
	local before
	before=$(count)
	echo 'echo copied' >"$HOME_DIR/script"
	cp "$HOME_DIR/script" "$MNT/tasks/by-cp"
	named by-cp copied
	chmod 755 "$HOME_DIR/script"
	cp "$HOME_DIR/script" "$MNT/tasks/by-cp2"
	named by-cp2 copied
	cp "$HOME_DIR/script" "$MNT/tasks/"
	named script copied
	cp "$HOME_DIR/script" "$HOME_DIR/moved"
	mv "$HOME_DIR/moved" "$MNT/tasks/"
	named moved copied
	cat "$HOME_DIR/script" >"$MNT/tasks/by-cat"
	named by-cat copied
	tee "$MNT/tasks/by-tee" <"$HOME_DIR/script"
	named by-tee copied
	dd if="$HOME_DIR/script" of="$MNT/tasks/by-dd" bs=3 status=none
	named by-dd copied
	cat >"$MNT/tasks/by-here" <<-'END'
		for i in 1 2; do
			echo $i
		done
	END
	named by-here $'1\n2'
	equal "$(count)" $((before + 8))
}

@test "Python, also with O_EXCL and reading the id back" {
	run -0 /usr/bin/python3 - "$MNT" <<-'END'
		import sys
		mnt = sys.argv[1]
		with open(mnt + "/tasks/py", "w") as f:
		    f.write("echo from ")
		    f.write("python\n")
		print(open(mnt + "/results/py/value").read(), end="")
		with open(mnt + "/tasks/py", "x") as f:
		    f.write("echo exclusive\n")
		print(open(mnt + "/results/py/value").read(), end="")
		with open(mnt + "/tasks/py", "w+b", buffering=0) as f:
		    f.write(b"echo again\n")
		    id = f.read().decode().strip()
		print(open(mnt + "/results/" + id + "/value").read(), end="")
	END
	equal "$output" $'from python\nexclusive\nagain'
}

@test "while it is open it is there, and others may write too" {
	exec 4>"$MNT/tasks/both"
	[ -f "$MNT/tasks/both" ]
	equal "$(ls "$MNT/tasks")" $'any\nerror\nlast\nnew'
	echo 'echo one' >"$MNT/tasks/both"
	named_open both one
	echo 'echo two' >&4
	exec 4>&-
	named both two
}

named_open() {
	equal "$(get "$1" value)" "$2"
	[ -e "$MNT/tasks/$1" ]
}

@test "many at once under one name: each is one result" {
	local before
	before=$(count)
	seq 10 | xargs -P 10 -I{} dash -c \
		'for j in 1 2 3 4 5; do echo : >"$1/tasks/same"; done' \
		dash "$MNT"
	equal "$(count)" $((before + 50))
	cat "$MNT"/results/*/wait >"$HOME_DIR/waited"
}

@test "JSON under a name: that label or none" {
	expect_log 'a task is refused'
	echo '{"code": "echo $1", "args": ["json"]}' >"$MNT/tasks/js"
	named js json
	echo '{"code": "echo same", "label": "js"}' >"$MNT/tasks/js"
	named js same
	run -0 bash -c 'echo "{\"code\": \":\", \"label\": \"x\"}" \
			>"$1/tasks/js" && exit 9
		cat "$1/tasks/error"' bash "$MNT"
	[[ $output == *label*js* ]]
	named js same
}

@test "opened and closed without a word, touch: no task" {
	local before
	before=$(count)
	: >"$MNT/tasks/nothing"
	touch "$MNT/tasks/nothing"
	equal "$(count)" "$before"
	[ ! -e "$MNT/tasks/nothing" ]
	[ ! -e "$MNT/results/nothing" ]
}

@test "what is no name: EINVAL, and tasks/error says why" {
	expect_log 'a task is refused'
	local name
	for name in 12 0 all latest 'a b' 'a*' 'a:any' $'a\nb' \
		"$(printf '%0129d' 1 | tr 0 a)"; do
		fails_with EINVAL dash -c 'echo : >"$1"' dash "$MNT/tasks/$name"
	done
	run -0 bash -c 'echo : >"$1/tasks/a b" && exit 9
		cat "$1/tasks/error"' bash "$MNT"
	[[ $output == *'"a b"'* ]]
	echo : >"$MNT/tasks/ünïcode.1"
	done_with ünïcode.1
}

@test "what editors make beside a file: EPERM; sed -i changes nothing" {
	local before name
	before=$(count)
	for name in .build.swp build~ .#build '#build#'; do
		fails_with EPERM dash -c 'echo : >"$1"' dash "$MNT/tasks/$name"
	done
	fails_with EPERM dash -c 'set -C; echo : >"$1"' dash "$MNT/tasks/4913"
	fails_with EPERM sed -i s/a/b/ "$MNT/tasks/new"
	fails_with EPERM ln -s x "$MNT/tasks/build"
	equal "$(count)" "$before"
}

@test "vim writes a task" {
	printf 'i\necho from vim\n.\nwq\n' |
		vim.tiny -es -u NONE "$MNT/tasks/edited"
	named edited 'from vim'
}

@test "names are looked up each time, however many" {
	dash -c 'i=0
		while [ $i -lt 1100 ]; do
			: >"$1/tasks/name$i"
			i=$((i + 1))
		done' dash "$MNT"
	echo 'echo first' >"$MNT/tasks/name0"
	named name0 first
}

# says WORD...: the command fails; what tasks/error says then.
says() {
	bash -c '"$@" 2>/dev/null && exit 9; cat "$0/tasks/error"' "$MNT" "$@"
}

@test "what cannot be done here: tasks/error says why" {
	local id
	expect_log 'a task is refused'
	id=$(submit 'sleep 1000')
	like "$(says mkdir "$MNT/x")" 'nothing can be made here; .*'
	like "$(says dash -c 'echo : >"$0"' "$MNT/results/x")" \
		'nothing can be made here; .*'
	like "$(says rm -f "$MNT/version")" 'this cannot be removed; .*'
	equal "$(says mv "$MNT/results/$id/code" "$MNT/results/$id/x")" \
		'only variables can get another name'
	equal "$(says rmdir "$MNT/results/$id")" \
		"result $id has not ended; rm tasks/$id aborts it"
	like "$(says mkdir "$MNT/tasks/.x")" '"\.x" looks like a temporary .*'
	mkdir "$MNT/tasks/draft"
	: >"$MNT/tasks/draft/map"
	like "$(says truncate -s 5 "$MNT/tasks/draft/map")" '"map" cannot have a gap'
	rmdir "$MNT/tasks/draft"
	echo x >"$MNT/engines/0/vars/a"
	equal "$(says mv "$MNT/engines/0/vars/a" "$MNT/engines/0/vars/.a")" \
		'that is no name of a variable'
	rm "$MNT/engines/0/vars/a" "$MNT/tasks/$id"
}
