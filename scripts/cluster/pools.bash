# pools.bash: what the cluster's pools have launched, as the controller notes it in
# pools.state (controller/pools/note.h says what is in there), and its end.
# shellcheck shell=bash disable=SC2154 # the command line is read elsewhere

pools_noted() {
	cat "$dir/pools.state" 2>/dev/null
}

pool_launches() {
	pools_noted | grep -c '^launch'
}

# begin_to_end_pools: the controller ends all of it, and launches nothing as long as we
# hold the lock of the cluster. So this stays without effect when we are interrupted.
# Sets pooled to the number of launches. One that knows no pools would be killed by the
# signal, and has no such file.
begin_to_end_pools() {
	pooled=$(pool_launches)
	[ -s "$dir/pools.state" ] || return 0
	signal_all USR1 taskfs-controller
}

# Nothing is left, and nothing comes.
pools_ended() {
	local noted
	noted=$(pools_noted)
	[ -z "$noted" ] ||
		{ grep -qx stopped <<<"$noted" && ! grep -q '^launch' <<<"$noted"; }
}

# Fails when something is left.
end_pools() {
	local until
	now_ms
	until=$((now + timeout * 1000))
	while is_up taskfs-controller && ! pools_ended; do
		now_ms
		[ "$now" -lt "$until" ] || return 1
		sleep 0.05
	done
	[ "$pooled" -eq 0 ] || [ "$(pool_launches)" -gt 0 ] ||
		echo "pools      $pooled jobs ended"
}

# tell_pools_left: when the controller has ended, or was dead before.
tell_pools_left() {
	local what pool token state job trouble
	[ "$(pool_launches)" -gt 0 ] || return 0
	{
		echo "$self: what pools have launched may be left, in a queue or elsewhere:"
		while IFS=$'\t' read -r what pool token state job trouble; do
			[ "$what" = launch ] || continue
			[ "$trouble" != - ] || trouble="the controller did not run, or not for long enough"
			printf '    pool %s, %s: job %s, %s (%s)\n' "$pool" "$token" "$job" \
				"$state" "$trouble"
		done < <(pools_noted)
		echo "    Either $self start --name $name, and stop again; or cancel them, by job or name, and rm $dir/pools.state"
	} >&2
	return 1
}
