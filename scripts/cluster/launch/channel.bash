# channel.bash: engines that outlive the shell which starts them, at the other end of a
# channel: what --local and --ssh share.
# shellcheck shell=bash disable=SC2154 # the command line is read elsewhere

declare -A channel # the process that brings the script, of each launch

# channel_open LAUNCH COMMAND...: starts the engines by a shell that the command runs.
# The shell gets nothing that could start an engine before it has answered.
channel_open() {
	local l=$1
	shift
	{
		{
			script "$l"
			echo 'echo here'
			until grep -q '^here$' "$l/said"; do
				[ ! -e "$l/ended" ] || exit
				sleep 0.05
			done
			: >"$l/sent"
			# shellcheck disable=SC2016 # expanded there
			echo 'main start "$@"'
		} | {
			"$@" >"$l/said" 2>"$l/error"
			: >"$l/ended"
		}
	} &
	channel[$l]=$!
}

channel_coming() {
	kill -0 "${channel[$1]}" 2>/dev/null
}

# channel_ask LAUNCH WORD COMMAND...: what the host says to that word.
channel_ask() {
	local l=$1 word=$2
	shift 2
	{
		values "$l"
		cat "$parts/launch/host.sh"
		echo "main $word"
	} | timeout $((4 * timeout)) "$@" 2>"$l/error"
}

# channel_state LAUNCH COMMAND...
channel_state() {
	local answer logs
	logs=$(sed -n 's/^logs //p' "$1/said" 2>/dev/null)
	if [ ! -e "$1/sent" ]; then
		echo "ended 0"
	elif answer=$(channel_ask "$1" state "${@:2}") && [[ $answer =~ ^up\ [0-9]+$ ]]; then
		case $answer in 'up 0') echo -n ended ;; *) echo -n running ;; esac
		echo " ${answer#up }${logs:+ log $logs}"
	else
		echo "unknown 0 $(tail -n 1 "$1/error")"
	fi
}

# channel_cancel LAUNCH COMMAND...
channel_cancel() {
	[ "$(channel_ask "$1" stop "${@:2}")" = 'up 0' ]
}

channel_give_up() {
	local pid
	for pid in $(ps -o pid= --ppid "${channel[$1]}" 2>/dev/null) "${channel[$1]}"; do
		kill "$pid" 2>/dev/null
	done
	wait "${channel[$1]}" 2>/dev/null
}
