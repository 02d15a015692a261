# remove.bash: a cluster that does not run is deleted, with all of its results.
# shellcheck shell=bash disable=SC2154 # the command line is read elsewhere

# What the programs make in a cluster's directory. Other files there are somebody's.
own=(tasks.db tasks.db-wal tasks.db-shm tasks.db-journal outputs lost+found
	reserve security startup log pid launched .cluster.lock)

remove() {
	local w held made=()
	[ -d "$dir" ] || die "there is no cluster $name: no directory $dir"
	[ -f "$dir/tasks.db" ] || [ -d "$pids" ] ||
		die "$dir is not a cluster's directory: there is no tasks.db"
	make_dirs
	mount_point && is_mounted "$point" &&
		die "the cluster is mounted at $point; $self stop --name $name first"
	for w in taskfs taskfs-controller $(engine_files); do
		is_up "$w" && die "$w runs, pid $pid; $self stop --name $name first"
	done
	[ -z "$(launches)" ] ||
		die "engines that were launched elsewhere may run; $self stop --name $name first"
	# One that somebody else has started.
	exec {held}>>"$pids/controller.lock" || die "cannot write in $pids"
	flock -n "$held" || die "a controller runs on $dir; end it first"
	cd -- "$dir" || die "cannot go to $dir"
	[ ! -f pid/made ] || mapfile -t made <pid/made
	rm -rf --one-file-system -- "${own[@]}" || die "$dir could not be removed"
	cd / || die "cannot go to /"
	remove_made "${made[@]}"
	rmdir -- "$dir" 2>/dev/null ||
		die "$dir stays: there is something in it that is not the cluster's"
	echo "cluster    $name removed, with all of its results"
}
