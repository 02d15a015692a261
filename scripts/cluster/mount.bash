# mount.bash: where the cluster is mounted, and whether the mount answers.
# shellcheck shell=bash disable=SC2154 # the command line is read elsewhere
# Nothing here may touch a mount that hangs: paths are compared with what the
# kernel lists, and reads are given up.

# absolute PATH: without a look at its last part.
absolute() {
	local parent
	parent=$(cd "$(dirname -- "$1")" 2>/dev/null && pwd -P) || return 1
	printf '%s/%s\n' "${parent%/}" "$(basename -- "$1")"
}

# The list of mounts is read by cat: bash seeks back in it after every line, and
# misses one when another is taken away meanwhile.
is_mounted() {
	local point=$1 _a _b _c _d at rest
	# As the kernel writes it.
	point=${point//\\/\\134}
	point=${point// /\\040}
	point=${point//$'\t'/\\011}
	while read -r _a _b _c _d at rest; do
		[ "$at" = "$point" ] && [[ $rest == *' - fuse.taskfs '* ]] &&
			return 0
	done < <(cat /proc/self/mountinfo)
	return 1
}

# Does the mount at $1 answer within $2 seconds?
answers() {
	local version='' fd
	# The reader may hang: then it is left behind, not waited for.
	exec {fd}< <(exec 2>/dev/null cat "$1/version")
	read -r -t "$2" -u "$fd" version
	exec {fd}<&-
	[ -n "$version" ]
}

unmount() {
	is_mounted "$1" || return 0
	timeout 10 fusermount3 -u -- "$1" 2>/dev/null && return 0
	is_mounted "$1" || return 0
	echo "mount      $1 is in use or dead: detached"
	timeout 10 fusermount3 -u -z -- "$1" 2>/dev/null ||
		timeout 10 umount -l -- "$1" 2>/dev/null
	! is_mounted "$1"
}

mount_point() {
	point=
	{ read -r point <"$pids/taskfs.mount"; } 2>/dev/null
	[ -n "$point" ]
}

# Which directory it is, and not only where: somebody may have made another there.
directory_id() {
	stat -c %d:%i:%W -- "$1" 2>/dev/null
}

make_mount_directory() {
	[ ! -e "$1" ] || return 0
	mkdir -- "$1" || die "cannot make $mount"
	printf '%s %s\n' "$(directory_id "$1")" "$1" >>"$pids/made"
}

# remove_made LINE...: directories that start made, and that are empty.
remove_made() {
	local line at
	for line; do
		at=${line#* }
		is_mounted "$at" || [ "$(directory_id "$at")" != "${line%% *}" ] ||
			! rmdir -- "$at" 2>/dev/null ||
			echo "mount      $at removed"
	done
}
