# bats file_tags=check
# taskfs-cluster engines --slurm: engines as jobs of a real Slurm of two nodes.
# shellcheck shell=bash
load lib
load hosts

setup() {
	cluster_up 1
	slurm_up 2 2
}
teardown() { launched_down slurm; }

nobody_queued() {
	[ -z "$(squeue -h)" ]
}

@test "--slurm: a job for each engine, a slot for each core; stop cancels them" {
	run -0 cluster engines --slurm='-p short -t 10 -c 2 --comment="two words"' --count 2 -- --grace=7
	[[ $output == *': 2 registered' ]]
	shown 1 2
	equal "$(cat "$MNT"/engines/[12]/slots)" $'2\n2'
	equal "$(squeue -h -r -o '%T %k' | sort -u)" 'RUNNING two words'
	# They end before their jobs do.
	like "$(cat "$MNT"/engines/[12]/until)" $'^20.*Z\n20.*Z$'
	# Slurm says nobody the key but in the script of the job.
	run ! grep -F "$(sed -n 's/.*"curve_serverkey": "\(.*\)",/\1/p' \
		"$DIR/security/ipcontroller-engine.json")" <(processes; scontrol show job; cat "$DIR"/launched/*/*)
	echo 'exec sleep 1000' >"$MNT/engines/1/new"
	wait_for test -s "$MNT/engines/1/running"
	run -0 cluster status
	[[ $output == *'slurm          2 running    job 1, log '* ]]
	run -0 cluster stop
	[[ $output == *'engines    slurm '*' stopped'* ]]
	nobody_queued
}

@test "--slurm: a job of two nodes has an engine on each" {
	run -0 cluster engines --slurm=-N2
	[[ $output == *': 2 registered' ]]
	run -0 cluster stop
	nobody_queued
}

@test "--slurm: jobs that wait stay in the queue; options that Slurm refuses are shown" {
	run -1 "$CLUSTER" engines --dir "$DIR" --bin "$BUILD" --timeout 1 --slurm='--hold'
	[[ $output == *'1 of 1 engines did not come'*'they stay in the queue'*JobHeldUser* ]]
	run -0 cluster status
	[[ $output == *'slurm          0 running'*JobHeldUser* ]]
	run -1 cluster engines --slurm='-p nowhere'
	[[ $output == *'invalid partition specified: nowhere'* ]]
	equal "$(cat "$DIR"/launched/*/where)" --hold
	run -0 cluster stop
	nobody_queued
}

@test "--slurm: a job that ends at once: how its log ends, and nothing is left" {
	run -1 cluster engines --slurm --count 2 -- --no-such-option
	[[ $output == *'2 of 2 engines did not come: slurm'*no-such-option* ]]
	equal "$(ls "$DIR/launched")" ''
}

@test "--slurm: a launch of which nobody knows the job is found by its name" {
	cluster engines --slurm
	rm "$DIR"/launched/*/job
	run -0 cluster stop
	nobody_queued
}

@test "by hand: srun -N2 taskfs-engine --mpi" {
	env "TASKFS_E2E=$MARK" srun -N2 "$BUILD/taskfs-engine" --cluster-dir "$DIR" --mpi \
		>"$HOME_DIR/srun.out" 2>&1 3>&- &
	local pid=$!
	wait_for three_engines
	echo stop >"$MNT/engines/all/ctl"
	wait "$pid"
}
three_engines() {
	[ "$(engine_ids | wc -l)" -eq 3 ]
}
