# bats file_tags=check
# taskfs-cluster engines: engines that are started on other hosts, here by a real sshd,
# by a real mpiexec, by a make-believe PBS (Debian has none), and on this machine;
# what does not come, and that nothing is left. Slurm has a file of its own.
# shellcheck shell=bash
load lib
load hosts

setup() {
	cluster_up 1
	sshd_up
}
teardown() { launched_down sshd; }

# engines WHERE [OPTION]...
engines() {
	cluster engines "$@"
}

# A task that must not outlive its engine.
nap_on() {
	shown "$1"
	echo 'exec sleep 1000' >"$MNT/engines/$1/new"
	wait_for test -s "$MNT/engines/$1/running"
}

# the launch that there is
launch_dir() {
	echo "$DIR"/launched/taskfs-*
}

@test "--ssh: engines on each host, with slots and options; stop ends them and their tasks" {
	run -0 engines --ssh one,two --slots 3 -- --grace=7
	[[ $output == *'one: 1 registered'* && $output == *'two: 1 registered'* ]]
	shown 1 2
	equal "$(cat "$MNT"/engines/{1,2}/slots)" $'3\n3'
	[ "$(processes | grep -c -- '--grace=7')" -ge 4 ] # a guard and a worker each
	# Their home is that of the host.
	echo 'echo $HOME' >"$MNT/engines/1/new"
	equal "$(cat "$MNT/results/latest/value")" "$SSHD/home"
	run -0 cluster status
	[[ $output == *'one            1 running'* ]]
	nap_on 1
	run -0 cluster stop
	[[ $output == *'ssh one stopped'* && $output == *'ssh two stopped'* ]]
}

@test "--ssh: the key is on no command line, and in no file of the host" {
	local key
	key=$(sed -n 's/.*"curve_serverkey": "\(.*\)",/\1/p' "$DIR/security/ipcontroller-engine.json")
	[ ${#key} -eq 40 ]
	cat >"$HOME_DIR/ssh" <<-END
		#!/bin/sh
		printf '%s\n' "\$*" >>"$HOME_DIR/said.to.ssh"
		exec ssh -F $SSHD/config "\$@"
	END
	chmod +x "$HOME_DIR/ssh"
	TASKFS_SSH=$HOME_DIR/ssh run -0 engines --ssh one
	[ -s "$HOME_DIR/said.to.ssh" ]
	run ! grep -rF -- "$key" "$HOME_DIR/said.to.ssh" "$SSHD/home" "$DIR/launched"
	run ! grep -F -- "$key" <(processes)
	# Nor do tasks get it.
	shown 1
	echo env >"$MNT/engines/1/new"
	run ! grep -F -- "$key" "$MNT/results/latest/value"
	# Whoever stops them need not know how they were started.
	TASKFS_SSH=false run -0 cluster stop
}

@test "--ssh: a host that cannot be reached, a name that is none: nothing to stop is noted" {
	run -1 engines --ssh away,one
	[[ $output == *'1 of 1 engines did not come: away'*'Connection refused'* ]]
	[[ $output == *'one: 1 registered'* ]]
	equal "$(cat "$DIR"/launched/*/where)" one
	run -2 engines --ssh '-oProxyCommand=x'
	run -2 engines --ssh ''
	run -0 cluster stop
}

@test "--ssh: an engine that ends at once: how its log ends, and nothing is left" {
	run -1 engines --ssh one --count 2 -- --no-such-option
	[[ $output == *'2 of 2 engines did not come: one'*no-such-option* ]]
	[ ! -e "$(launch_dir)" ]
	run -1 engines --local -- --no-such-option
	[[ $output == *'did not come: local'*no-such-option* ]]
	[ ! -e "$(launch_dir)" ]
}

@test "--ssh: one that is not there is deployed, and goes with the engines" {
	mkdir "$HOME_DIR/bin"
	cp "$BUILD"/{taskfs,taskfs-controller,taskfs-engine} "$HOME_DIR/bin"
	# Behind the second look at it there is nothing: so it is on another host.
	cat >"$HOME_DIR/ssh" <<-END
		#!/bin/sh
		rm -f $HOME_DIR/bin/taskfs-engine
		exec ssh -F $SSHD/config "\$@"
	END
	chmod +x "$HOME_DIR/ssh"
	TASKFS_SSH=$HOME_DIR/ssh run -1 engines --bin "$HOME_DIR/bin" --ssh one
	[[ $output == *'there is no taskfs-engine on'*--deploy* ]]
	cp "$BUILD/taskfs-engine" "$HOME_DIR/bin"
	cat >"$HOME_DIR/ssh" <<-END
		#!/bin/sh
		exec ssh -F $SSHD/config "\$@"
	END
	run -0 engines --bin "$HOME_DIR/bin" --ssh one --deploy
	shown 1
	like "$(readlink "/proc/$(worker_of 1)/exe")" "$SSHD/home/.*/taskfs-engine"
	run -2 engines --local --deploy
}

@test "taskfs-cluster is killed while it starts engines: stop finds them" {
	local pid
	# The engine waits for a controller's answer as long as that is stopped.
	kill -STOP "$(pid_of taskfs-controller)"
	engines --ssh one >/dev/null 2>&1 &
	pid=$!
	wait_for launched_pid
	kill -9 "$pid" $(pgrep -P "$pid")
	wait "$pid" || true
	kill -CONT "$(pid_of taskfs-controller)"
	run -0 cluster stop
	[[ $output == *'ssh one stopped'* ]]
}
launched_pid() {
	local f
	for f in "$SSHD"/home/.local/state/taskfs/launched/*/pid.0; do [ -s "$f" ] && return; done
	return 1
}

@test "a controller that only this machine can reach: another machine says so at once" {
	cat >"$HOME_DIR/elsewhere" <<-END
		#!/bin/sh
		# Another network: another machine.
		while [ "\$1" != -- ]; do shift; done
		shift 2
		exec unshare --net "\$@"
	END
	chmod +x "$HOME_DIR/elsewhere"
	TASKFS_SSH=$HOME_DIR/elsewhere run -1 engines --ssh far
	[[ $output == *'cannot reach the controller, which listens on 127.0.0.1 only'* ]]
	[[ $output == *"--controller-opt --ip='*'"* ]]
	[ ! -e "$(launch_dir)" ]
}

@test "--local: more engines here" {
	run -0 engines --local --count 2 --slots 2
	equal "$output" 'engines    local: 2 registered'
	shown 1 2
	equal "$(cat "$MNT"/engines/[0-9]*/slots)" $'1\n2\n2'
	nap_on 2
	run -1 cluster remove
	run -0 cluster stop
	[[ $output == *'engines    local stopped'* ]]
}

@test "engines that have ended: status says so, stop forgets them" {
	engines --local
	shown 1
	kill -9 "$(guard_of 1)"
	wait_for test ! -e "$MNT/engines/1"
	run -1 cluster status
	[[ $output == *'local          ended'* ]]
	run -0 cluster stop
}

@test "--mpi: as many processes, the rank is the id; stop ends mpiexec and all of them" {
	run -0 engines --mpi --count 3
	equal "$output" 'engines    mpi: 3 registered'
	shown 1 2 3
	nap_on 3
	run -0 cluster status
	[[ $output == *'mpi            3 running'* ]]
	run -0 cluster stop
	run -1 engines --mpi
	[[ $output == *'does not run'* ]]
	start
	run -1 engines --mpi=--no-such-option --count 2
	[[ $output == *'2 of 2 engines did not come'*no-such-option* ]]
}

@test "--mpi by hand: mpiexec taskfs-engine --mpi" {
	env "TASKFS_E2E=$MARK" mpiexec -n 2 "$BUILD/taskfs-engine" --cluster-dir "$DIR" --mpi \
		>"$HOME_DIR/mpi.out" 2>&1 3>&- &
	local pid=$!
	shown 1 2
	echo stop >"$MNT/engines/1,2/ctl"
	wait "$pid"
}

@test "--pbs: jobs by the name of the launch, that write their logs themselves" {
	pbs_up
	run -0 engines --pbs='-q short -l walltime=60' --count 2
	[[ $output == *'2 registered'* ]]
	equal "$(sort -u "$PBS/options")" '-S /bin/sh -q short -l walltime=60'
	shown 1 2
	equal "$(cat "$MNT"/engines/{1,2}/slots)" $'4\n4'
	like "$(cat "$MNT/engines/2/until")" '^20.*Z$'
	nap_on 1
	run -0 cluster status
	[[ $output == *'pbs            2 running    job '* ]]
	run -0 cluster stop
	equal "$(qselect)" ''
}

@test "--pbs: jobs that wait stay in the queue; stop takes them away" {
	pbs_up
	: >"$PBS/hold"
	run -1 "$CLUSTER" engines --dir "$DIR" --bin "$BUILD" --timeout 1 --pbs
	[[ $output == *'they stay in the queue'*'1 wait'* ]]
	run -0 cluster status
	[[ $output == *'pbs            0 running'* ]]
	run -0 cluster stop
	equal "$(qselect)" ''
}

@test "a cluster whose directory has a blank in its name: stop ends its engines, and nothing else" {
	local my=("--dir" "$HOME_DIR/my cluster" --name my --bin "$BUILD" --timeout "$FOREVER")
	mkdir "$HOME_DIR/my"
	: >"$HOME_DIR/my/thesis"
	env "TASKFS_E2E=$MARK" "$CLUSTER" start "${my[@]}" --engines 1 --mount none 3>&- >/dev/null
	run -0 env "TASKFS_E2E=$MARK" "$CLUSTER" engines "${my[@]}" --local
	equal "$output" 'engines    local: 1 registered'
	run -0 "$CLUSTER" status "${my[@]}"
	[[ $output == *'local          1 running'* ]]
	run -0 "$CLUSTER" stop "${my[@]}"
	[[ $output == *'engines    local stopped'* ]]
	[ -e "$HOME_DIR/my/thesis" ]
	run ! grep -F 'my cluster' <(processes)
	[ ! -e "$HOME_DIR/my cluster/launched" ]
	rm -r "$HOME_DIR/my" "$HOME_DIR/my cluster"
}

@test "engines: wrong usage" {
	run -2 cluster engines
	run -2 engines --local --mpi
	run -2 engines --local --count 0
	run -2 engines --slurm='a "quote'
	run -2 cluster status --count 3
	run -2 cluster stop -- --grace=1
}
