# What tasks need of an engine, and get for themselves: cores, memory, GPUs, licences.
# shellcheck shell=bash
load lib

setup_file() {
	cluster_up 1 --slots 4 --engine-opt --resource=gpu=0-3 \
		--engine-opt --resource=licence=2 --engine-opt --resource=memory=1G
}
teardown_file() { cluster_down; }
setup() { test_begin; }
teardown() { test_end; }

resources() { cat "$MNT/engines/0/resources"; }
# has LINE...: the engine has so much free, in all.
has() { [ "$(resources)" = "$(printf '%s\n' "$@")" ]; }
# runs N [ENGINE]: so many tasks run on the engine, and the mount knows it.
runs() {
	local lines
	mapfile -t lines <"$MNT/engines/${2:-0}/running"
	[ "${#lines[@]}" -eq "$1" ]
}

@test "resources: free and in all, of each kind" {
	local a
	has 'cpus 4/4' 'gpu 4/4' 'licence 2/2' 'memory 1G/1G'
	gate go
	a=$(submit "{\"code\": \"cat $HOME_DIR/go\", \"cpus\": 2, \"memory\": \"256M\", \"resources\": {\"gpu\": 3, \"licence\": 1}}")
	wait_for runs 1
	has 'cpus 2/4' 'gpu 1/4' 'licence 1/2' 'memory 768M/1G'
	equal "$(cat "$MNT"/engines/0/{slots,free,queue})" $'4\n2\n1'
	leave_gate_open go
	done_with "$a"
	wait_for has 'cpus 4/4' 'gpu 4/4' 'licence 2/2' 'memory 1G/1G'
}

@test "two tasks at a time never have the same GPU" {
	local a
	# A directory is made once: who finds one has somebody else's GPU.
	a=$(submit "{\"code\": \"for g in \$(echo \$CUDA_VISIBLE_DEVICES | tr , ' '); do mkdir $HOME_DIR/gpu.\$g || exit 1; done; sleep 0.02; for g in \$(echo \$TASKFS_RESOURCE_gpu | tr , ' '); do rmdir $HOME_DIR/gpu.\$g && echo \$g; done\", \"resources\": {\"gpu\": 1}, \"map\": [$(seq -s , 1 40 | sed 's/[0-9]\+/"&"/g')]}")
	submit "{\"code\": \"for g in \$(echo \$CUDA_VISIBLE_DEVICES | tr , ' '); do mkdir $HOME_DIR/gpu.\$g || exit 1; done; sleep 0.02; for g in \$(echo \$TASKFS_RESOURCE_gpu | tr , ' '); do rmdir $HOME_DIR/gpu.\$g; done\", \"resources\": {\"gpu\": 2}, \"map\": [$(seq -s , 1 20 | sed 's/[0-9]\+/"&"/g')]}" >"$HOME_DIR/second.id"
	done_with "$a"
	done_with "$(cat "$HOME_DIR/second.id")"
	equal "$(get "$a" value | wc -l)" 40
	equal "$(get "$a" value | tr -d '0-3\n')" ''
}

@test "a draft: one file for each; a line of a resource" {
	local d=$MNT/tasks/needy
	mkdir "$d"
	echo 'echo $TASKFS_CPUS $TASKFS_RESOURCE_memory $TASKFS_RESOURCE_gpu $TASKFS_RESOURCE_licence $OMP_NUM_THREADS' >"$d/code"
	echo 2 >"$d/cpus"
	echo 512M >"$d/memory"
	printf 'gpu 2\nlicence 1\n' >"$d/resources"
	run ! write_to "$d/resources" 'gpu x'
	like "$(cat "$MNT/tasks/error")" '.*"resources".*gpu.*'
	run ! write_to "$d/memory" '2 bananas'
	like "$(cat "$MNT/tasks/error")" '.*"memory" must be a number of bytes.*'
	run ! write_to "$d/cpus" 0
	equal "$(cat "$d/resources")" $'gpu 2\nlicence 1'
	echo 1 >"$d/submit"
	equal "$(get needy value)" '2 536870912 0,1 1 2'
	equal "$(cat "$MNT"/results/needy/{cpus,memory,resources})" $'2\n512M\ngpu 2\nlicence 1'
}
write_to() { echo "$2" >"$1"; }

# why_of OPTIONS: of a task that can never begin here.
why_of() {
	local a
	a=$(submit "{\"code\": \"true\", $1}")
	wait_for waits_for_something "$a"
	get "$a" why
	echo abort >"$MNT/results/$a/ctl"
	get "$a" wait >/dev/null
}
waits_for_something() { [ -n "$(get "$1" why)" ]; }

@test "why: what is missing, and what is taken" {
	local a b
	equal "$(why_of '"memory": "64G"')" 'memory: 64G wanted, the largest engine has 1G'
	equal "$(why_of '"cpus": 5')" 'cpus: 5 wanted, the largest engine has 4'
	equal "$(why_of '"resources": {"fpga": 1}')" 'fpga: 1 wanted, no engine has it'
	gate gpu
	a=$(submit "{\"code\": \"cat $HOME_DIR/gpu\", \"resources\": {\"gpu\": 3}}")
	wait_for runs 1
	equal "$(why_of '"resources": {"gpu": 2}')" 'an engine with so much free: 1 cpu, 2 gpu'
	# Of others there is enough.
	b=$(submit '{"code": "echo $CUDA_VISIBLE_DEVICES", "resources": {"gpu": 1}}')
	equal "$(get "$b" value)" 3
	leave_gate_open gpu
	done_with "$a"
}

@test "a task that needs much has its turn among small ones" {
	local small large
	gate small
	small=$(submit "{\"code\": \"cat $HOME_DIR/small; echo x >> $HOME_DIR/done\", \"map\": [\"1\", \"2\", \"3\", \"4\", \"5\"]}")
	wait_for runs 4
	large=$(submit "{\"code\": \"wc -l < $HOME_DIR/done\", \"cpus\": 4}")
	submit "echo x >> $HOME_DIR/done" >"$HOME_DIR/later.id"
	leave_gate_open small
	# All that came before it, and nothing that came later.
	equal "$(get "$large" value)" 5
	done_with "$small"
	done_with "$(cat "$HOME_DIR/later.id")"
}

@test "--bind: each task has a processor of its own" {
	local n a items=('"a"' '"b"')
	n=$(nproc)
	[ "$n" -le 2 ] || n=2
	env "TASKFS_E2E=$MARK" "$BUILD/taskfs-engine" --cluster-dir "$DIR" --bind \
		--slots "$n" --log-file "$DIR/log/bound.log" 3>&- &
	wait_for test -d "$MNT/engines/1"
	gate bound
	a=$(submit "{\"code\": \"sed -n 's/^Cpus_allowed_list:.//p' /proc/self/status; echo \$TASKFS_RESOURCE_cpus; cat $HOME_DIR/bound\", \"targets\": [1], \"map\": [$(IFS=, && echo "${items[*]:0:n}")]}")
	wait_for runs "$n" 1
	leave_gate_open bound
	done_with "$a"
	# Each line twice: what it may use, and what it was told.
	equal "$(get "$a" stdout | sort | uniq -c | awk '{print $1}' | sort -u)" 2
	equal "$(get "$a" stdout | sort -u | wc -l)" "$n"
	echo stop >"$MNT/engines/1/ctl"
}

@test "memory: a task that needs more is ended, and its error says so" {
	local a
	a=$(submit '{"code": "head -c 900M /dev/zero | tail; sleep 1000", "memory": "40M"}')
	done_with "$a" error
	equal "$(get "$a" error | head -n 1)" 'OutOfMemory: needed more than 40M'
	equal "$(get "$a" exit_status)" 137
	equal "$(get "$(submit '{"code": "head -c 5M /dev/zero | tail | wc -c", "memory": "500M"}')" value)" 5242880
}
