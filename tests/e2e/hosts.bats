# bats file_tags=check
# A cluster of two hosts, each of a name and a network of its own, with one cable between
# them: namespaces of the kernel (needs root).
# shellcheck shell=bash
load lib
load hosts

setup() {
	new_home
	host_up alpha 10.7.7.1
	host_up beta 10.7.7.2
	cable_up
	host_script alpha cluster "exec \"\$IN\" $CLUSTER \"\$@\""
	# What is typed there has the same files, but another HOME.
	mkdir "$HOME_DIR/home"
	host_script beta ssh 'while [ "$1" != -- ]; do shift; done
		shift 2
		# Nothing that is open here is there.
		for fd in /proc/self/fd/*; do
			fd=${fd##*/}
			case $fd in 0 | 1 | 2 | 255) ;; *) eval "exec $fd>&-" ;; esac
		done
		export HOME=$HERE/home
		exec "$IN" "$@"'
	CLUSTER=$HOME_DIR/alpha.cluster
	export TASKFS_SSH=$HOME_DIR/beta.ssh ENGINES=1
	start --controller-opt --ping=1s --controller-opt --ip=10.7.7.1 \
		--controller-opt --location=10.7.7.1 >"$HOME_DIR/start.out"
	mark_logs
	run -0 cluster engines --ssh beta --slots 1
	equal "$output" 'engines    beta: 1 registered'
	shown 1
}
teardown() { launched_down hosts; }
hosts_down() {
	local pid
	for pid in "$ALPHA" "$BETA"; do kill "$pid"; done
	CLUSTER=$ROOT/scripts/taskfs-cluster
}

# host_up NAME ADDRESS: a process that stays, whose namespaces are the host.
host_up() {
	local fd
	mkfifo "$HOME_DIR/$1.up"
	# shellcheck disable=SC2016 # expanded there
	env "TASKFS_E2E=$MARK" unshare --net --uts sh -c '
		hostname "$1" && ip link set lo up && echo up >"$2" && exec sleep 100000
	' "host $1" "$1" "$HOME_DIR/$1.up" 3>&- &
	eval "export ${1^^}=$! ${1^^}_IS=$2"
	read -r fd <"$HOME_DIR/$1.up"
	[ "$fd" = up ]
}
# on HOST COMMAND...
on() {
	local pid=${1^^}
	nsenter -t "${!pid}" --net --uts -- "${@:2}"
}
cable_up() {
	on alpha ip link add to-beta type veth peer name to-alpha netns "$BETA"
	on alpha ip addr add "$ALPHA_IS/24" dev to-beta
	on beta ip addr add "$BETA_IS/24" dev to-alpha
	on alpha ip link set to-beta up
	on beta ip link set to-alpha up
}
# host_script HOST NAME TEXT: a program, with $IN to run something on that host.
host_script() {
	local pid=${1^^}
	cat >"$HOME_DIR/$1.in" <<-END
		#!/bin/sh
		exec nsenter -t ${!pid} --net --uts -- "\$@"
	END
	printf '#!/bin/bash\nHERE=%s IN=%s\n%s\n' "$HOME_DIR" "$HOME_DIR/$1.in" "$3" >"$HOME_DIR/$1.$2"
	chmod +x "$HOME_DIR/$1.in" "$HOME_DIR/$1.$2"
}

@test "two hosts: tasks run on both, and their outputs come over the cable" {
	local a
	equal "$(cat "$MNT"/engines/[01]/host)" $'alpha\nbeta'
	a=$(submit '{"code": "uname -n; head -c 3000000 /dev/zero | tr \"\\0\" x", "targets": [1]}')
	equal "$(get "$a" value | head -n 1)" beta
	equal "$(get "$a" value | wc -c)" 3000005
	a=$(submit '{"code": "uname -n", "map": ["1", "2"], "targets": [0, 1]}')
	done_with "$a"
	echo value >"$MNT/engines/1/vars/v"
	equal "$(get "$(submit '{"code": "cat $TASKFS_VARS/v", "targets": [1]}')" value)" value
	# There is no other way: what listens on alpha alone is not heard on beta.
	run -0 cluster stop
	[[ $output == *'engines    ssh beta stopped'* ]]
}

is_in_state() { [ "$(cat "$MNT/engines/$1/state")" = "$2" ]; }

@test "two hosts: the cable is cut; what ran meanwhile has run once" {
	local a
	gate go
	a=$(submit "{\"code\": \"cat $HOME_DIR/go; echo ran >> $HOME_DIR/ran; seq 100000\", \"targets\": [1]}")
	wait_for test -s "$MNT/engines/1/running"
	on alpha ip link set to-beta down
	wait_for is_in_state 1 lost
	equal "$(get "$(submit 'uname -n')" value)" alpha
	# It ends while nobody can hear of it.
	leave_gate_open go
	wait_for test -s "$HOME_DIR/ran"
	on alpha ip link set to-beta up
	done_with "$a"
	equal "$(get "$a" value | sha1sum)" "$(seq 100000 | sha1sum)"
	equal "$(cat "$HOME_DIR/ran")" ran
	wait_for is_in_state 1 idle
	equal "$(get "$(submit '{"code": "uname -n", "targets": [1]}')" value)" beta
}
