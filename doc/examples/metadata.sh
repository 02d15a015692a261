#!/bin/sh
# metadata.sh [ID]: what is known of each task of a result, of one of our own
# when none is named.
set -eu
cd "${TASKFS:-./mnt}"
id=${1-}
if [ -z "$id" ]; then
	echo '{"code": "echo $((6 * $1))", "map": ["6", "7"]}' > tasks/new
	read -r id < tasks/last
	cat "results/$id/wait" > /dev/null
fi
n=0
while read -r msg_id; do
	echo "$msg_id"
	task=results/$id/$n
	[ -d "$task" ] || task=results/$id # of one task
	for f in status engine submitted started completed received \
			exit_status stdout stderr error; do
		sed "s/^/  $f: /" "$task/$f"
	done
	n=$((n + 1))
done < "results/$id/msg_ids"
