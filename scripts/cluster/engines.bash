# engines.bash: more engines for a cluster that runs, wherever they are.
# shellcheck shell=bash disable=SC2154 # the command line is read elsewhere

# Whoever has started the controller, it holds this.
controller_runs() {
	local held rc
	[ -f "$connection" ] && exec {held}<"$pids/controller.lock" || return 1
	flock -n "$held"
	rc=$?
	exec {held}<&-
	[ "$rc" -ne 0 ]
}

# What a launch is called.
title() {
	local kind where
	kind=$(get "$1" kind)
	where=$(get "$1" where)
	case $kind in ssh) echo "$where" ;; *) echo "$kind${where:+ $where}" ;; esac
}

# A launch of which nothing came, and of which nothing will come, is forgotten.
not_all() {
	local l=$1
	{
		printf '%s: %s of %s engines did not come: %s%s\n' "$self" \
			$((expected - come)) "$expected" "$(title "$l")" "$2"
		heard "$l"
	} >&2
	[ "$come" -gt 0 ] || [ -n "$2" ] || cancel "$l" ||
		echo "$self: something may be left there: $self stop tries again" >&2
}

# How a launch has come out, when it is known. Fails until then.
settled() {
	local l=$1 coming=1
	"$(get "$l" kind)_coming" "$l" || coming=
	answers "$l"
	if [ "$come" -ge "$expected" ]; then
		echo "engines    $(title "$l"): $come registered"
	elif [ -z "$coming" ]; then
		not_all "$l" ''
		failed=1
	else
		return 1
	fi
}

# late LAUNCH: what is in a queue stays there. So does a job that runs: it may just have
# begun, and an engine that reaches no controller ends by itself.
late() {
	local kind state details
	kind=$(get "$1" kind)
	read -r state _ details < <("${kind}_state" "$1")
	case $state,$kind in
	waiting,*) not_all "$1" " within $timeout s; they stay in the queue: $details" ;;
	running,slurm | running,pbs)
		not_all "$1" " within $timeout s; their jobs run and are left: $details"
		;;
	*)
		"${kind}_give_up" "$1"
		not_all "$1" ''
		;;
	esac
	failed=1
}

await_launches() {
	local l left
	while [ $# -gt 0 ]; do
		now_ms
		left=()
		for l; do
			settled "$l" && continue
			if [ "$now" -lt "$deadline" ]; then left+=("$l"); else late "$l"; fi
		done
		set -- "${left[@]}"
		[ $# -eq 0 ] || sleep 0.1
	done
}

engines() {
	local place all=() failed=
	find_bin
	controller_runs ||
		die "the cluster $name does not run; $self start --name $name starts it"
	"${launcher}_check"
	make_dirs
	set_deadline
	while read -r place; do
		note "$launcher" "$place" "$("${launcher}_tellers")"
		all+=("$launch")
		"${launcher}_launch" "$launch"
	done < <("${launcher}_places")
	await_launches "${all[@]}"
	[ -z "$failed" ]
}
