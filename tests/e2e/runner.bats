# tests/run itself: it counts, says what failed, and ends what hangs. The tests it
# is given here are those of tests/selftest.
# bats file_tags=check
# shellcheck shell=bash
load lib

# inner FILES [VARIABLE=VALUE]...: a run of these.
inner() {
	run env -u LOGS FILES="$1" "${@:2}" "$ROOT/tests/run" selftest
}

@test "what passes is counted" {
	inner passes
	equal "$status" 0
	equal "${lines[-1]}" '2 passed, 0 failed'
	inner passes TIER=test
	equal "${lines[-1]}" '1 passed, 0 failed'
}

@test "what fails is told, and what to do next" {
	inner "passes fails"
	equal "$status" 1
	equal "${lines[-1]}" '3 passed, 1 failed'
	[[ $output == *'FAIL  selftest/fails'*'1 of 2 failed'*'said before'* ]]
	[[ $output == *'make selftest FILES="fails"'* ]]
	# What they said is kept.
	local logs
	logs=$(sed -n 's/What they said is in \(.*\)\. If .*/\1/p' <<<"$output")
	grep -q 'said before' "$logs/selftest.fails"
	rm -r "$logs"
}

@test "a file that ends early has failed" {
	inner dies LOGS="$BATS_TEST_TMPDIR"
	equal "$status" 1
	[[ $output == *'ended early'* ]]
	like "${lines[-1]}" '[01] passed, 1 failed'
}

@test "a file that hangs is ended: what it waits for, processes, logs" {
	inner hangs GUARD=1 LOGS="$BATS_TEST_TMPDIR"
	equal "$status" 1
	[[ $output == *'waited for: test -e '*'/never, in "this waits for what never comes"'* ]]
	[[ $output == *' sleep 31415'* ]]
	[[ $output == *'/log/program.log ends so:'*'the last words'* ]]
	# A test of Python says where it is, and what it can tell.
	[[ $output == *'test_hangs.py", line '*' in test_an_event_that_never_comes'* ]]
	[[ $output == *'# what a test can tell'* ]]
	equal "${lines[-1]}" '0 passed, 2 failed'
	run ! pgrep -f 'sleep 31415'
}
