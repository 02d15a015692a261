# shellcheck shell=bash
@test "this passes" { true; }

@test "this fails" {
	echo "said before"
	false
}
