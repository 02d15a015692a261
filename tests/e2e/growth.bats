# How the costs of the controller grow with what there is: counted in steps, not timed
# (tests/bench/bench_controller_growth.c), in a build of their own.
# bats file_tags=check
# shellcheck shell=bash
load lib

setup_file() { new_home; }
teardown_file() { rm -rf "$HOME_DIR"; }

@test "nothing costs more than a logarithm of how many there are" {
	[ -z "${SAN:-}" ] || skip "the same code, and slower"
	env -u BUILD -u MAKEFLAGS -u MAKELEVEL TMPDIR="$HOME_DIR" \
		make -C "$ROOT" STEPS=1 OPT=-O1 run-growth
}
