# bats file_tags=check
# A cluster behind ssh://: mounted, and worked for, through a real sshd on loopback.
# shellcheck shell=bash disable=SC2153 # SSHD is sshd_up's
load lib
load hosts

setup_file() {
	cluster_up 1
	# short, for the names of sockets
	export XDG_RUNTIME_DIR=$HOME_DIR/run
	mkdir -m 700 "$XDG_RUNTIME_DIR"
	sshd_up
	# What that leaves out is looked for here.
	TASKFS_SSH+=' -oLogLevel=INFO'
	mkdir -p "$SSHD/home/.local/state/taskfs"
	ln -s "$DIR" "$SSHD/home/.local/state/taskfs/lab"
	far_up
}
teardown_file() {
	far_down
	sshd_down
	cluster_down
}
setup() {
	FAR=$HOME_DIR/far
	test_begin
}
teardown() { test_end; }

# far ARG...: taskfs, without a terminal that could be asked.
far() {
	env "TASKFS_E2E=$MARK" setsid -w "$BUILD/taskfs" "$@" 3>&- </dev/null
}
far_up() {
	mkdir -p "$HOME_DIR/far"
	far ssh://one/lab "$HOME_DIR/far" --wait "$FOREVER" \
		--log-file "$DIR/log/far.log" "$@"
}
far_down() {
	wait_for is_unmounted "$HOME_DIR/far"
	wait_for no_tunnel
}

# processes_like PATTERN: their pids.
processes_like() {
	local pid words
	while read -r pid words; do
		[[ $words =~ $1 ]] && echo "$pid"
	done < <(processes)
	true
}
parent_of() { sed -n 's/^PPid:[[:space:]]*//p' "/proc/$1/status" 2>/dev/null; }

# tunnel_of KIND: both its processes. keeper_of KIND: the one that has the ssh,
# ssh_of KIND.
tunnel_of() { processes_like "^taskfs-tunnel $1 "; }
keeper_of() {
	local ssh
	ssh=$(ssh_of "$1") && [ -n "$ssh" ] && parent_of "$ssh"
}
ssh_of() {
	local pid tunnel
	tunnel=" $(tunnel_of "$1" | tr '\n' ' ')"
	for pid in $(processes_like oControlMaster=yes); do
		[[ $tunnel != *" $(parent_of "$pid") "* ]] || echo "$pid"
	done
}
has_ssh() { [ -n "$(ssh_of "$1")" ]; }
no_tunnel() {
	[ -z "$(processes_like '^taskfs-tunnel |ControlPath')" ] &&
		[ -z "$(ls "$XDG_RUNTIME_DIR")" ]
}
far_is() { [ "$(cat "$HOME_DIR/far/controller/state")" = "$1" ]; }
far_says() { [[ $(cat "$HOME_DIR/far/controller/state") == *"$1"* ]]; }
far_is_not() { ! far_is "$1"; }

# far_submit TEXT: prints the id of the new result.
far_submit() { MNT=$FAR submit "$1"; }
far_value() { cat "$FAR/results/$1/value"; }

# listening PID: its sockets that listen on a port.
listening() {
	local inode state at
	at=" $(readlink "/proc/$1/fd"/* | tr '\n' ' ')"
	while read -r _ _ _ state _ _ _ _ _ inode _; do
		[[ $state != 0A || $at != *" socket:[$inode] "* ]] || echo "$inode"
	done < <(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null)
}

# refuses TEXT SOURCE [OPTION]...: it is not mounted, and says so.
refuses() {
	local text=$1 out
	shift
	mkdir -p "$HOME_DIR/not"
	if out=$(far "$1" "$HOME_DIR/not" "${@:2}" 2>&1); then
		echo "mounted: $*"
		fusermount3 -u "$HOME_DIR/not"
		return 1
	fi
	[[ $out == *"$text"* ]] || {
		printf 'said: %s\nnot:  %s\n' "$out" "$text"
		return 1
	}
}

# mounts SOURCE [COMMAND...]: it can be mounted; the command is done meanwhile.
mounts() {
	mkdir -p "$HOME_DIR/other"
	far "$1" "$HOME_DIR/other" --wait "$FOREVER"
	equal "$(cat "$HOME_DIR/other/controller/state")" connected
	"${@:2}"
	wait_for is_unmounted "$HOME_DIR/other"
}

# program NAME: from standard input; prints its path.
program() {
	{
		echo '#!/bin/sh'
		cat
	} >"$HOME_DIR/$1"
	chmod +x "$HOME_DIR/$1"
	echo "$HOME_DIR/$1"
}

@test "a task is submitted and read over ssh, and its output as it comes" {
	local id gate line first
	gate=$(gate open)
	id=$(far_submit "echo one; cat $gate; echo two")
	exec {line}<"$FAR/results/$id/output"
	read -r -u "$line" first
	equal "$first" one
	equal "$(get "$id" status)" running
	open_gate open
	equal "$(cat <&"$line")" two
	exec {line}>&-
	equal "$(far_value "$id")" $'one\ntwo'
	equal "$(cat "$FAR/controller/url")" ssh://one/lab
}

@test "one ssh; what it forwards is private; the key is in no file and on no command line" {
	local dir key pid
	equal "$(processes_like 'oControlMaster' | wc -l)" 1
	dir=$(tr '\0' '\n' <"/proc/$(keeper_of client)/cmdline" | sed -n 3p)
	equal "$(stat -c %a "$dir")" 700
	equal "$(find "$dir" -type f)" ''
	equal "$(find "$dir" -type s -perm /077)" ''
	# All that listens for it is a socket in that directory.
	equal "$(listening "$(ssh_of client)")" ''
	for key in key curve_serverkey; do
		key=$(sed -n "s/.*\"$key\": *\"\(.*\)\",*\$/\1/p" \
			"$DIR/security/ipcontroller-client.json")
		[ "${#key}" -ge 16 ]
		equal "$(processes | grep -F -- "$key")" ''
		for pid in $(processes_like .); do
			run ! grep -qF -- "$key" "/proc/$pid/environ"
		done
		run ! grep -rlF -D skip --exclude-dir={cluster,mnt,far} -- "$key" "$HOME_DIR"
	done
}

@test "ssh is killed: the mount says so, what is known is read, it comes back" {
	local id old keeper
	id=$(far_submit 'echo known')
	equal "$(far_value "$id")" known
	old=$(ssh_of client)
	keeper=$(keeper_of client)
	kill -STOP "$keeper"
	kill -9 "$old"
	wait_for far_is_not connected
	equal "$(far_value "$id")" known
	fails_with EHOSTDOWN dash -c 'echo : > "$1/tasks/new"' dash "$FAR"
	kill -CONT "$keeper"
	wait_for far_is connected
	[ "$(ssh_of client)" != "$old" ]
	equal "$(far_value "$(far_submit 'echo and on')")" 'and on'
}

@test "the host is away: the mount says why, and comes back with it" {
	local sshd
	sshd=$(<"$SSHD/pid")
	kill "$sshd"
	wait_for is_gone "$sshd"
	kill -9 "$(ssh_of client)"
	wait_for far_says 'ssh one: ssh: connect to host 127.0.0.1'
	far_says refused
	sshd_start
	wait_for far_is connected
	equal "$(far_value "$(far_submit 'echo back')")" back
}

@test "what keeps ssh is killed: another one does; both of it: the mount says so" {
	local old ssh
	old=$(keeper_of client)
	ssh=$(ssh_of client)
	kill -9 "$old"
	wait_for is_gone "$ssh"
	wait_for has_ssh client
	wait_for far_is connected
	equal "$(far_value "$(far_submit 'echo still')")" still
	# The one that only waits.
	kill -9 "$(parent_of "$(keeper_of client)")"
	equal "$(far_value "$(far_submit 'echo alone')")" alone
	# It does not end by being asked to.
	kill -TERM "$(keeper_of client)"
	kill -9 "$(ssh_of client)"
	wait_for far_is_not connected
	wait_for far_is connected
	kill -9 "$(keeper_of client)"
	wait_for far_says 'were killed'
	far_down
	far_up
}

@test "the controller begins again: over ssh, too" {
	expect_log .
	local id
	id=$(far_submit 'echo before')
	equal "$(far_value "$id")" before
	kill_9 taskfs-controller
	wait_for far_says 'connect failed'
	far_says 'no answer from ssh://one/lab; ssh one'
	refuses 'no answer from ssh://one/lab' ssh://one/lab --wait 1
	start
	wait_for far_is connected
	equal "$(far_value "$id")" before
	equal "$(far_value "$(far_submit 'echo after')")" after
}

@test "what cannot be: no host, no right, keys of the host, no cluster, no ssh, no such name" {
	expect_log .
	local says
	refuses 'Connection refused' ssh://away/lab
	refuses 'Permission denied' ssh://nobody-at-all@one/lab
	TASKFS_SSH=false refuses 'ended with status 1' ssh://one/lab
	TASKFS_SSH=/no/ssh refuses 'not found' ssh://one/lab
	TASKFS_SSH="$TASKFS_SSH -oUserKnownHostsFile=/dev/null -oStrictHostKeyChecking=yes" \
		refuses 'Host key verification failed' ssh://one/lab
	printf 'one %s\n' "$(<"$SSHD/key.pub")" >"$HOME_DIR/wrong"
	TASKFS_SSH="$TASKFS_SSH -oUserKnownHostsFile=$HOME_DIR/wrong" \
		refuses 'Host key verification failed' ssh://one/lab
	refuses 'there is no connection file' ssh://one/nolab --wait 1
	refuses "'-oProxyCommand=id' is no host" ssh://-oProxyCommand=id/lab
	refuses 'is no user' 'ssh://a b@one/lab'
	refuses 'is no name of a cluster' 'ssh://one/a~b'
	says=$(program says <<-'END'
		case " $* " in *" -oBatchMode=yes "*) echo it asks nobody >&2 ;; esac
		while [ $# -gt 7 ]; do shift; done
		echo "$@" >&2
	END
	)
	TASKFS_SSH="$says -q" refuses 'it asks nobody; -l me -p 2222 -- fe80::1%eth0 /bin/sh' \
		'ssh://me@[fe80::1%eth0]:2222/lab'
}

@test "a host that forwards nothing" {
	expect_log .
	ssh-keygen -q -t ed25519 -N '' -f "$SSHD/other" </dev/null
	printf 'restrict %s\n' "$(<"$SSHD/other.pub")" >>"$SSHD/authorized_keys"
	sed "s|$SSHD/key\$|$SSHD/other|" "$SSHD/config" >"$SSHD/config.other"
	mkdir -p "$HOME_DIR/other"
	TASKFS_SSH="ssh -oLogLevel=INFO -F $SSHD/config.other" \
		far ssh://one/lab "$HOME_DIR/other" -o bg
	is_prohibited() {
		[[ $(cat "$HOME_DIR/other/controller/state") == \
			*'administratively prohibited'* ]]
	}
	wait_for is_prohibited
	wait_for is_unmounted "$HOME_DIR/other"
}

@test "with a user and a port; behind another host; what a login says of its own" {
	mounts "ssh://$(id -un)@localhost:$SSHD_PORT/lab"
	{
		cat "$SSHD/config"
		printf 'Host behind\n ProxyJump one\n HostName 127.0.0.1\n Port %s\n' "$SSHD_PORT"
		sed -n '/IdentityFile/,/IdentityAgent/p' "$SSHD/config"
	} >"$SSHD/config.jump"
	TASKFS_SSH="ssh -F $SSHD/config.jump" mounts ssh://behind/lab
	printf 'command="echo Welcome; /bin/sh; echo bye" %s\n' "$(<"$SSHD/key.pub")" \
		>"$HOME_DIR/noisy"
	cp "$SSHD/authorized_keys" "$HOME_DIR/kept"
	cp "$HOME_DIR/noisy" "$SSHD/authorized_keys"
	mounts ssh://one/lab
	cp "$HOME_DIR/kept" "$SSHD/authorized_keys"
}

@test "what the configuration forwards is not forwarded" {
	local port
	port=$(free_port)
	{
		cat "$SSHD/config"
		printf 'Host *\n LocalForward 127.0.0.1:%s 127.0.0.1:1\n' "$port"
	} >"$SSHD/config.forward"
	TASKFS_SSH="ssh -F $SSHD/config.forward" mounts ssh://one/lab \
		is_closed "$port"
}
is_closed() {
	run ! bash -c ": <>/dev/tcp/127.0.0.1/$1"
}

@test "a cluster by its directory, by its file, in one with odd letters, and one that anybody may write" {
	local odd=$SSHD/home/'a b'\''"$(id)`id`;é*'
	mounts "ssh://one/$DIR"
	mounts "ssh://one/$DIR/security/ipcontroller-client.json"
	mkdir -p "$odd/security" "$HOME_DIR/anybody/security"
	cp "$DIR"/security/*.json "$odd/security"
	mounts "ssh://one/~/${odd##*/}"
	mounts "ssh://one/./${odd##*/}"
	cp "$DIR"/security/*.json "$HOME_DIR/anybody/security"
	chmod 777 "$HOME_DIR/anybody"
	refuses 'anybody may write' "ssh://one/$HOME_DIR/anybody" --wait 1
}

@test "ssh asks on the terminal, once; from then on nobody" {
	local asks pid
	asks=$(program asks <<-END
		case " \$* " in *" -Oforward "* | *" -oBatchMode=yes "*) ;; *)
			read -r word </dev/tty
			[ "\$word" = sesame ] || { echo "a wrong word" >&2; exit 255; }
		esac
		exec $TASKFS_SSH "\$@"
	END
	)
	mkdir -p "$HOME_DIR/other"
	# on_terminal WORD
	on_terminal() {
		echo "$1" | env "TASKFS_E2E=$MARK" TASKFS_SSH="$asks" script -qec \
			"$BUILD/taskfs ssh://one/lab $HOME_DIR/other --wait $FOREVER" /dev/null 3>&-
	}
	run on_terminal wrong
	[[ $status -ne 0 && $output == *'a wrong word'* ]]
	on_terminal sesame
	equal "$(cat "$HOME_DIR/other/controller/state")" connected
	for pid in $(processes_like oControlMaster=yes); do
		grep -qz 'oBatchMode=yes' "/proc/$pid/cmdline" || kill -9 "$pid"
	done
	other_asks_nobody() {
		[ "$(processes_like oControlMaster=yes | wc -l)" -eq 2 ] &&
			[ "$(processes_like oBatchMode=yes | wc -l)" -eq 2 ] &&
			[ "$(cat "$HOME_DIR/other/controller/state")" = connected ]
	}
	wait_for other_asks_nobody
	wait_for is_unmounted "$HOME_DIR/other"
}

@test "mounted again: the same results; an end by unmounting or kill -9 leaves nothing" {
	local id
	id=$(far_submit 'echo stays')
	equal "$(far_value "$id")" stays
	far_down
	far_up
	equal "$(far_value "$id")" stays
	kill -9 "$(processes_like "/taskfs ssh://.* $FAR ")"
	wait_for no_tunnel
	fusermount3 -u "$FAR"
	far_up
	equal "$(far_value "$id")" stays
}

@test "an engine over ssh: its task; its ssh, its keeper, itself killed" {
	expect_log .
	local id ready worker old
	exec {ready}< <(exec env "TASKFS_E2E=$MARK" "$BUILD/taskfs-engine" \
		--file ssh://one/lab --timeout 0 --ready-fd 4 4>&1 \
		>/dev/null 2>"$DIR/log/far-engine.log" 3>&- </dev/null)
	read -r -u "$ready" _ id
	far_task() {
		get "$(submit "{\"code\": \"$1\", \"targets\": [$id]}")" value
	}
	far_there() { [ -e "$MNT/engines/$id" ]; }
	equal "$(far_task "echo on \$TASKFS_ENGINE")" "on $id"
	kill -9 "$(ssh_of engine)"
	equal "$(far_task 'echo again')" again
	wait_for has_ssh engine
	old=$(keeper_of engine)
	kill -9 "$old"
	equal "$(far_task 'echo once more')" 'once more'
	worker=$(worker_of "$id")
	kill -9 "$worker"
	far_gone() { ! far_there; }
	wait_for far_gone
	no_engine_tunnel() { [ -z "$(tunnel_of engine)" ]; }
	wait_for no_engine_tunnel
	exec {ready}<&-
}

@test "an engine over ssh that is killed with its guard, or cannot come in" {
	expect_log .
	local id ready guard
	exec {ready}< <(exec env "TASKFS_E2E=$MARK" "$BUILD/taskfs-engine" \
		--file ssh://one/lab --timeout 0 --ready-fd 4 4>&1 \
		>/dev/null 2>"$DIR/log/far-engine.log" 3>&- </dev/null)
	read -r -u "$ready" _ id
	shown "$id"
	guard=$(guard_of "$id")
	kill -9 "$guard"
	only_ours() {
		[ -z "$(tunnel_of engine)" ] &&
			[ "$(find "$XDG_RUNTIME_DIR" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
	}
	wait_for only_ours
	exec {ready}<&-
	run ! env "TASKFS_E2E=$MARK" setsid -w "$BUILD/taskfs-engine" --file ssh://away/lab \
		--timeout 1 3>&-
	[[ $output == *'Connection refused'* ]]
	run ! env "TASKFS_E2E=$MARK" setsid -w "$BUILD/taskfs-engine" --file 'ssh://-x/lab' 3>&-
	[[ $output == *"'-x' is no host"* ]]
	wait_for only_ours
}
