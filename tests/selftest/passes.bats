# shellcheck shell=bash
@test "one" { true; }

# bats test_tags=check
@test "two, in make check alone" { true; }
