# stop.bash: all of a cluster ends, on this machine and on others.
# shellcheck shell=bash disable=SC2154 # the command line is read elsewhere

stop() {
	local failed=0 n=0 list cancelled=0
	if [ ! -d "$pids" ]; then
		echo "cluster    $name does not run"
		return 0
	fi
	make_dirs
	begin_to_end_pools
	if mount_point; then
		if is_mounted "$point"; then
			if unmount "$point"; then
				echo "mount      $point unmounted"
			else
				echo "mount      $point cannot be unmounted" >&2
				failed=1
			fi
			n=1
		fi
		# It ends by itself when it is unmounted; not when detached.
		gone_within 2000 taskfs || end taskfs || failed=1
		rm -f "$pids/taskfs.mount"
	fi
	cancel_launches || failed=1
	n=$((n + cancelled))
	mapfile -t list < <(engine_files)
	for w in "${list[@]}"; do
		if is_up "$w"; then n=$((n + 1)); fi
	done
	if [ ${#list[@]} -gt 0 ]; then
		if end "${list[@]}"; then
			echo "engines    ${#list[@]} stopped"
			rm -f "$pids"/taskfs-engine-*.pid
		else
			failed=1
		fi
	fi
	end_pools || failed=1
	if is_up taskfs-controller; then
		n=$((n + 1))
		if end taskfs-controller; then
			echo "controller stopped"
		else
			failed=1
		fi
	fi
	tell_pools_left || failed=1
	[ "$failed" -ne 0 ] || rm -f "$pids"/taskfs*.pid
	[ "$n" -gt 0 ] || echo "cluster    $name does not run"
	[ "$failed" -eq 0 ] ||
		die "something could not be stopped; see $self status --name $name"
}
