# ssh.bash: engines on hosts that ssh reaches without a password. What has launched
# them (TASKFS_SSH) is kept: whoever ends them may have another environment.
# shellcheck shell=bash disable=SC2154 # the command line is read elsewhere

ssh_hosts=()

ssh_check() {
	local host
	IFS=, read -r -a ssh_hosts <<<"$where"
	[ ${#ssh_hosts[@]} -gt 0 ] || die "--ssh: which hosts?" 2
	[ ${#ssh_hosts[@]} -le 1000 ] || die "--ssh: more than 1000 hosts at once" 2
	for host in "${ssh_hosts[@]}"; do
		[[ $host =~ ^[A-Za-z0-9_][A-Za-z0-9@._:%-]{0,255}$ ]] ||
			die "--ssh: '$host' is no name of a host, as host1 or user@host1" 2
	done
	words_of "${TASKFS_SSH:-ssh}"
	command -v "${words[0]}" >/dev/null || die "there is no program ${words[0]}"
	[ -z "$deploy" ] || command -v base64 >/dev/null || die "there is no program base64"
}
ssh_places() { printf '%s\n' "${ssh_hosts[@]}"; }
ssh_tellers() { echo 1; }

# The command that runs a shell there.
ssh_command() {
	mapfile -t command <"$1/ssh" &&
		command+=(-T -x -o BatchMode=yes -o "ConnectTimeout=$timeout" --
			"$(get "$1" where)" sh -s)
}
ssh_launch() {
	local command
	printf '%s\n' "${words[@]}" >"$1/ssh"
	ssh_command "$1"
	channel_open "$1" "${command[@]}"
}
ssh_coming() { channel_coming "$1"; }
ssh_give_up() { channel_give_up "$1"; }
ssh_state() {
	local command
	ssh_command "$1" && channel_state "$1" "${command[@]}"
}
ssh_cancel() {
	local command
	ssh_command "$1" && channel_cancel "$1" "${command[@]}"
}
