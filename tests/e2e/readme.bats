# The transcript at the top of README.md, run as written, in a copy of the
# source tree.
# shellcheck shell=bash
load lib

setup() {
	new_home
	unset NAME N
	export BUILD=$MAKE_BUILD
	export XDG_STATE_HOME=$HOME_DIR/state
}
teardown() {
	if [ -d "$HOME_DIR/tree" ]; then
		(cd "$HOME_DIR/tree" && env -u MNT make --no-print-directory stop) || true
	fi
	[ -n "${BATS_TEST_COMPLETED:-}" ] || end_processes
	no_left_overs
	rm -rf --one-file-system "$HOME_DIR"
}

@test "the transcript of README.md" {
	local line
	mkdir "$HOME_DIR/tree"
	tar -C "$ROOT" --exclude=./build --exclude=./mnt --exclude=./.git -cf - . |
		tar -C "$HOME_DIR/tree" -xf -
	# What is built need not be built again.
	(cd "$ROOT" && cp -r --parents --preserve=timestamps build/gen \
		"$BUILD"/{obj,libtaskfs.a,taskfs,taskfs-controller,taskfs-engine} \
		"$HOME_DIR/tree")
	cd "$HOME_DIR/tree"
	# We are inside of `make test`, and everything is installed.
	run -0 env -u MNT "TASKFS_E2E=$MARK" tests/fresh/type --but sudo \
		--but 'make test' 3>&-
	[[ $output == *'$ make start'*'$ make stop'* ]]
	no_processes
}

@test "make start twice with other names, make status, make stop" {
	cd "$ROOT"
	run -0 env "TASKFS_E2E=$MARK" make --no-print-directory start \
		NAME=other N=1 MNT="$MNT" 3>&-
	[[ $output == *"make stop NAME=other"* ]]
	run -0 env "TASKFS_E2E=$MARK" make --no-print-directory start \
		NAME=other N=1 MNT="$MNT" 3>&-
	run -0 make --no-print-directory status NAME=other
	run -0 make --no-print-directory stop NAME=other
	no_processes
}
