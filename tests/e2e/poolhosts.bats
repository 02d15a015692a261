# bats file_tags=check
# Pools whose engines are elsewhere: the examples of doc/examples/pools, used as
# doc/engines.md says, with a real Slurm, a real sshd and a make-believe PBS.
# shellcheck shell=bash
load lib
load hosts

setup() {
	P=
	EXPECTED=()
}
teardown() {
	local rc=0
	[ -z "${BATS_TEST_COMPLETED:-}" ] || drop_pools || rc=1
	launched_down "${HOSTS:-true}" "${EXPECTED[@]}" || rc=1
	return "$rc"
}
true_down() { :; }
pbs_down() { :; }

# up HOSTS [ARG]...: a cluster whose controller knows of these hosts.
up() {
	HOSTS=$1
	cluster_up 0
	"$HOSTS"_up "${@:2}"
	cluster stop >/dev/null
	start >/dev/null
	P=$MNT/pools
	EX=$ROOT/doc/examples/pools
}

drop_pools() {
	local p
	for p in "$P"/*/; do
		[ -d "$p" ] || continue
		: >"$p/launch"
		echo cancel >"$p/ctl"
		wait_for rmdir "$p" 2>/dev/null
	done
}

# pool NAME KIND [OPTION=TEXT]...: KIND.cancel, KIND.check and KIND.launch; what the user
# changes of that comes from $SET.
pool() {
	local option
	mkdir "$P/$1"
	for option in "${@:3}"; do
		echo "${option#*=}" >"$P/$1/${option%%=*}"
	done
	cp "$EX/$2.cancel" "$P/$1/cancel"
	cp "$EX/$2.check" "$P/$1/check"
	sed "${SET:+s/^set -- .*/set -- $SET/}" "$EX/$2.launch" >"$P/$1/launch"
}

lines() {
	[ "$(wc -l <"$P/$1")" -eq "$2" ]
}
says() {
	grep -qE -- "$2" "$P/$1"
}

# naps N: so many tasks that last; sets ids.
naps() {
	local i
	ids=()
	for ((i = 0; i < $1; i++)); do ids+=("$(submit 'exec sleep 1000')"); done
}
wake() {
	local id
	for id in "${ids[@]}"; do rm -f "$MNT/tasks/$id"; done
}

nobody_queued() {
	[ -z "$(squeue -h)" ]
}

@test "Slurm: jobs when tasks wait, of one array with the launch's name; gone when idle" {
	up slurm 2 2
	SET='-p short -c 2 --comment="two words"' pool short slurm max=2 idle=1
	naps 3
	wait_for lines short/engines 2
	equal "$(cat "$MNT"/engines/[0-9]*/slots)" $'2\n2'
	# Each is a job, and bears the name of the launch that the pool shows.
	equal "$(squeue -h -r -o '%j' | sort -u)" "$(cut -d ' ' -f 1 "$P/short/jobs" | sort -u)"
	equal "$(squeue -h -r -o '%T %k' | sort -u)" 'RUNNING two words'
	says short/jobs '^tfs-short-[0-9]+-[0-9a-f]{6} running 1/1 [^ ]+ [0-9]+$|running 2/2 [^ ]+ [0-9]+$'
	wake
	wait_for lines short/engines 0
	wait_for nobody_queued
	wait_for lines short/jobs 0
}

@test "Slurm: jobs that wait are cancelled when nobody wants them, or by cancel" {
	up slurm 1 1
	SET='--hold' pool held slurm max=5 idle=1
	naps 1
	wait_for says held/jobs ' queued 0/1 '
	equal "$(squeue -h -o '%T %r')" 'PENDING JobHeldUser'
	wait_for says held/why '^tfs-held-[^ ]*: waits in the queue: JobHeldUser'
	says held/why "start it with --ip='\*'"
	echo cancel >"$P/held/ctl"
	# Another one takes its place, as the task still waits.
	wait_for says held/jobs ' queued 0/1 '
	wake
	wait_for lines held/jobs 0
	wait_for nobody_queued
}

@test "Slurm: a job that somebody else cancels is missed, and told in why" {
	up slurm 1 1
	SET='--hold' pool held slurm max=1
	naps 1
	wait_for says held/jobs ' queued 0/1 '
	scancel --name="$(cut -d ' ' -f 1 "$P/held/jobs")"
	expect_log '"a pool failed".*its job is gone'
	wait_for says held/why .
	wake
}

@test "Slurm: options that it refuses are told in why" {
	up slurm 1 1
	SET='-p nowhere' pool bad slurm
	naps 1
	expect_log '"a pool failed".*invalid partition'
	wait_for says bad/why 'invalid partition specified: nowhere'
	wake
}

@test "Slurm: an engine that fails is told in why, with what it said and its file" {
	up slurm 1 1
	local launch
	launch=$(sed 's/^exec .*/echo this engine is broken; exit 1/' "$EX/slurm.launch" |
		sed '/^	--slots/,/^	..TASKFS_LIFETIME/d')
	pool bad slurm
	: >"$P/bad/launch"
	echo "$launch" >"$P/bad/launch"
	naps 1
	expect_log '"a pool failed".*its job is gone'
	wait_for says bad/why 'this engine is broken'
	says bad/why "^$DIR/log/tfs-bad-[^ ]*[.]out:"
	wake
}

@test "Slurm: one of several jobs is cancelled: another takes its place" {
	up slurm 2 1
	# What has no job is missed when its engine would be seen to be lost.
	cluster stop >/dev/null
	start --controller-opt --ping=200ms >/dev/null
	SET='--hold' pool held slurm min=2 max=2 backlog=2
	wait_for says held/jobs ' queued 0/2 '
	scancel "$(squeue -h -r -o '%i' | head -n 1)"
	expect_log '"a pool failed".*1 of its jobs are gone'
	wait_for says held/jobs ' queued 0/1 '
}

@test "Slurm: -t is the end of the job, and of the engine; a lifetime counts more" {
	up slurm 1 1
	SET='-t 90' pool short slurm
	naps 1
	wait_for lines short/engines 1
	like "$(cat "$MNT/engines/$(<"$P/short/engines")/until")" '20.*Z'
	equal "$(squeue -h -o %l)" 1:30:00
	echo cancel >"$P/short/ctl"
	wait_for lines short/jobs 0
	echo 1h >"$P/short/lifetime"
	naps 1
	wait_for lines short/engines 1
	equal "$(squeue -h -o %l)" 1:02:00
	wake
}

@test "Slurm: a lifetime is the end of the job, and of the engine" {
	up slurm 1 1
	pool short slurm lifetime=3600
	naps 1
	wait_for lines short/engines 1
	like "$(cat "$MNT/engines/$(<"$P/short/engines")/until")" '20.*Z'
	equal "$(squeue -h -o %l)" 1:02:00
	wake
}

@test "Slurm: the controller is killed while jobs wait: they are found again by their name" {
	up slurm 1 1
	SET='--hold' pool held slurm max=1
	naps 1
	wait_for says held/jobs ' queued 0/1 '
	local name
	name=$(squeue -h -o %j)
	kill_9 taskfs-controller
	wait_for controller_is_not connected
	start >/dev/null
	wait_for controller_is connected
	says held/jobs "^$name queued 0/1 "
	equal "$(squeue -h -o %j)" "$name"
	scontrol release "$(squeue -h -o %A)"
	wait_for lines held/engines 1
	says held/jobs "^$name running 1/1 "
	wake
}

@test "Slurm: stop cancels jobs that wait and that run, and none takes their place; start has the pool" {
	up slurm 1 1
	pool run slurm min=1
	wait_for lines run/engines 1
	SET='--hold' pool wait slurm min=2 backlog=2
	wait_for says wait/jobs ' queued 0/2 '
	equal "$(squeue -h -r -o %T | sort | uniq -c | tr -s ' ')" $' 2 PENDING\n 1 RUNNING'
	run -0 cluster stop
	[[ $output == *'pools      2 jobs ended'* ]]
	wait_for nobody_queued
	run ! grep '^launch' "$DIR/pools.state"
	run -0 cluster stop
	start >/dev/null
	wait_for lines run/engines 1
	wait_for says wait/jobs ' queued 0/2 '
	run -0 cluster stop
	wait_for nobody_queued
}

@test "Slurm: a dead controller: stop says which jobs are left, and those it names are all" {
	up slurm 1 1
	SET='--hold' pool held slurm min=1
	wait_for says held/jobs ' queued 0/1 '
	local job name
	read -r job name < <(squeue -h -o '%A %j')
	kill_9 taskfs-controller
	run -1 cluster stop
	[[ $output == *"pool held, $name: job $job, queued"* ]]
	equal "$(squeue -h -o '%A %T')" "$job PENDING"
	scancel --name="$name"
	rm "$DIR/pools.state"
	run -0 cluster stop
}

@test "ssh: hosts take turns, one that is away is passed over; cancel ends all" {
	up sshd
	printf '# our hosts\none\naway\ntwo\n' >"$DIR/lab.hosts"
	pool lab ssh min=3 max=3 backlog=3
	wait_for lab_engines 3
	[[ $(cut -d ' ' -f 5- "$P/lab/jobs") == *one*two* ]]
	equal "$(cut -d ' ' -f 3 "$P/lab/jobs" | sort -u)" 3/3
	# Their home is that of the host, and the key is in no file there.
	equal "$(get "$(submit 'echo $HOME')" value)" "$SSHD/home"
	run ! grep -rF "$(sed -n 's/.*"curve_serverkey": "\(.*\)",/\1/p' \
		"$DIR/security/ipcontroller-engine.json")" "$SSHD/home" <(processes)
	# It has said what it could not do.
	printf 'one\ntwo\n' >"$DIR/lab.hosts"
}
lab_engines() {
	lines lab/engines "$1"
}

@test "ssh: a single host; no host at all is told in why" {
	up sshd
	echo away >"$DIR/lab.hosts"
	pool lab ssh
	naps 1
	expect_log '"a pool failed".*no host of lab.hosts'
	wait_for says lab/why 'no host of lab.hosts takes engines'
	says lab/why 'Connection refused'
	echo one >"$DIR/lab.hosts"
	wait_for lab_engines 1
	wake
}

@test "PBS: a job for each engine; gone when idle; jobs that wait are deleted" {
	up pbs
	SET='-q short -l select=1:ncpus=4' pool short pbs max=2 idle=1 min=2 backlog=2
	wait_for lines short/engines 2
	equal "$(sort -u "$PBS/options")" '-S /bin/sh -q short -l select=1:ncpus=4'
	equal "$(cat "$MNT"/engines/[0-9]*/slots)" $'4\n4'
	: >"$P/short/min"
	wait_for lines short/jobs 0
	: >"$PBS/hold"
	naps 1
	wait_for says short/jobs ' queued 0/1 '
	wake
	wait_for lines short/jobs 0
	# A job ends a moment after its engine.
	wait_for no_jobs
}
no_jobs() {
	[ -z "$(qselect)" ]
}

@test "a cluster with blanks in its name, and a pool of many engines at once" {
	HOSTS=true
	cluster_up 0
	cluster stop >/dev/null
	rm -rf "$DIR"
	DIR="$HOME_DIR/a cluster's home"
	start >/dev/null
	P=$MNT/pools
	EX=$ROOT/doc/examples/pools
	SET='--slots 2' pool local local min=20 max=20 backlog=20
	wait_for lines local/engines 20
	says local/jobs ' running 20/20 '
	equal "$(cat "$MNT"/engines/[0-9]*/slots | sort | uniq -c | tr -s ' ')" ' 20 2'
}
