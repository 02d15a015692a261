#!/bin/sh
# speedup.sh [TASKS]: a map of so many tasks (10) that each take a quarter of a
# second, and how much sooner it was done than one after the other.
set -eu
cd "${TASKFS:-./mnt}"
seq "${1:-10}" | sed 's/.*/"&"/' | paste -sd, |
	sed 's/.*/{"code": "sleep 0.25", "map": [&]}/' > tasks/new
read -r id < tasks/last
[ "$(cat "results/$id/wait")" = ok ]
echo "serial time: $(cat "results/$id/serial_time") s"
echo "wall time:   $(cat "results/$id/wall_time") s"
echo "speedup:     $(cat "results/$id/speedup")"
