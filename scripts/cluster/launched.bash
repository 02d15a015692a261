# launched.bash: engines that were launched elsewhere. Each launch has a directory
# launched/TOKEN, which is there before anything is launched, and gone when nothing of
# it can be left: whoever comes later finds, by the token, what there is.
#
#	kind, where, count  what was asked for
#	tellers             how many will say what to expect: jobs, or 1 for all of them
#	sent                made before the first thing that can start an engine
#	said, said.N        what came from there: lines of launch/host.sh, logs of jobs
#	error               what ssh, sbatch ... said
#
# The kinds are a table of operations; cluster/launch/KIND.bash has, for each kind,
#
#	KIND_check          may die: is what it needs here, does `where` make sense?
#	KIND_places         prints a line for each launch; only if there are several
#	KIND_launch LAUNCH  begins it. What it starts may go on in the background
#	KIND_coming LAUNCH  may more engines come of it?
#	KIND_state LAUNCH   prints "STATE N DETAILS", N engines running
#	KIND_cancel LAUNCH  ends all of it; 0: nothing is left
# shellcheck shell=bash disable=SC2154,SC2034 # shared with the other parts

launched=$dir/launched

# get LAUNCH FILE: its first line.
get() {
	local line=
	{ read -r line <"$1/$2"; } 2>/dev/null
	printf '%s\n' "$line"
}

launches() {
	local l
	for l in "$launched"/taskfs-*; do
		[ ! -d "$l" ] || printf '%s\n' "$l"
	done
}

# note KIND WHERE TELLERS: makes a launch; sets it in `launch`.
note() {
	local token
	token=taskfs-$(od -An -N4 -tx1 /dev/urandom | tr -d ' \n')
	launch=$launched/$token
	(
		umask 077
		mkdir -p "$launched" && mkdir "$launched/.$token" && cd "$launched/.$token" &&
			echo "$1" >kind && printf '%s\n' "$2" >where &&
			echo "$count" >count && echo "$3" >tellers && : >said &&
			mv "$launched/.$token" "$launch"
	) || die "cannot write in $launched"
}

# --- what is sent ---------------------------------------------------------------

# quoted WORD: for any sh.
quoted() {
	local mark="'"
	printf "'%s'" "${1//$mark/$mark\\$mark$mark}"
}

# words_of TEXT: sets words; quotes and backslashes as in a shell, nothing else.
words_of() {
	words=()
	[ -n "${1//[[:space:]]/}" ] || return 0
	xargs printf '%s\n' <<<"$1" >/dev/null 2>&1 ||
		die "a quote is missing in: $1" 2
	mapfile -t words < <(xargs printf '%s\n' <<<"$1")
}

this_machine() {
	cat /proc/sys/kernel/random/boot_id
	readlink /proc/self/ns/net
}

connection=$dir/security/ipcontroller-engine.json

interface_of() {
	sed -n 's/^ *"interface": *"\(.*\)",*$/\1/p' "$connection" 2>/dev/null
}

# values LAUNCH: what launch/host.sh needs to know. No key.
values() {
	local opt pair
	echo '#!/bin/sh'
	for pair in "token=${1##*/}" "bin=$bin" "count=$count" "slots=$slots" \
		"timeout=$timeout" "interface=$(interface_of)" "machine=$(this_machine)"; do
		printf '%s=%s\n' "${pair%%=*}" "$(quoted "${pair#*=}")"
	done
	[ "$(get "$1" kind)" != local ] ||
		printf 'place=%s\n' "$(quoted "$1/host")"
	printf 'set --'
	for opt in "${engine_opts[@]}"; do printf ' %s' "$(quoted "$opt")"; done
	echo
}

# script LAUNCH: all but the word that starts engines.
script() {
	values "$1"
	printf 'IPP_CONNECTION_INFO=%s\nexport IPP_CONNECTION_INFO\n' \
		"$(quoted "$(<"$connection")")"
	if [ -n "$deploy" ]; then
		echo "deployed() { base64 -d <<'taskfs-engine'"
		base64 "$bin/taskfs-engine"
		printf '%s\n' taskfs-engine '}'
	fi
	cat "$parts/launch/host.sh"
}

# --- what comes back -------------------------------------------------------------

# answers LAUNCH: sets told, expected and come: how many have said what to expect, how
# many engines that makes, and how many of them are registered.
answers() {
	local left
	read -r told expected come < <(awk '
		/^expect [0-9]+$/ { told++; expected += $2 }
		/^ready [0-9]+$/ { come++ }
		END { print told + 0, expected + 0, come + 0 }' "$1"/said* /dev/null 2>/dev/null)
	left=$(($(get "$1" tellers) - told))
	[ "$left" -le 0 ] ||
		expected=$((expected + left * $(get "$1" count) / $(get "$1" tellers)))
}

# heard LAUNCH: the end of what came from there, for people.
heard() {
	cat "$1"/error "$1"/said* 2>/dev/null | grep -vE '^(here|logs .*|(expect|ready|up) [0-9]+)$' |
		tail -n 12 | sed 's/^/    /'
}

# --- their end -------------------------------------------------------------------

# cancel LAUNCH: ends it, and forgets it when nothing is left.
cancel() {
	case $1 in "$launched"/taskfs-*) ;; *) return 1 ;; esac
	[ ! -e "$1/sent" ] || "$(get "$1" kind)_cancel" "$1" || return
	rm -rf --one-file-system "$1"
}

cancel_and_tell() {
	local what
	what="$(get "$1" kind) $(get "$1" where)"
	if cancel "$1"; then
		echo "engines    ${what% } stopped"
		return
	fi
	{
		echo "$self: engines may be left: ${what% } (if that is gone for good: rm -r $1):"
		heard "$1"
	} >&2
	return 1
}

# cancel_launches: all of them, side by side. Sets cancelled to their number.
cancel_launches() {
	local l rc=0 jobs=() all
	cancelled=0
	mapfile -t all < <(launches)
	for l in "${all[@]}"; do
		cancel_and_tell "$l" &
		jobs+=($!)
		cancelled=$((cancelled + 1))
	done
	for l in "${jobs[@]}"; do wait "$l" || rc=1; done
	[ "$rc" -ne 0 ] || rm -rf --one-file-system "$launched"
	return "$rc"
}
