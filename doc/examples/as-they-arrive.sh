#!/bin/bash
# as-they-arrive.sh: the values of a map, each as soon as it and all before it
# are there; then the tasks in the order in which they ended.
set -eu
cd "${TASKFS:-./mnt}"
for n in 3 1 2; do echo "$n"; done |
	sed 's/.*/"&"/' | paste -sd, |
	sed 's/.*/{"code": "sleep 0.$1; echo slept 0.$1 s", "map": [&]}/' > tasks/new
read -r id < tasks/last
while read -r value; do
	echo "$value"
done < "results/$id/value"
echo "as completed: $(paste -sd' ' "results/$id/as_completed")"
