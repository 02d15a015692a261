# shellcheck shell=bash
load ../e2e/lib

@test "this waits for what never comes" {
	new_home
	mkdir "$HOME_DIR/log"
	echo "the last words" >"$HOME_DIR/log/program.log"
	# In a session of its own, as daemons are.
	setsid sleep "$SECONDS_LEFT" 3>&- &
	wait_for test -e "$HOME_DIR/never"
}
