#!/bin/bash
# progress.sh ID: a bar that grows until the result is finished.
cd "${TASKFS:-./mnt}/results/${1:?which result?}" || exit 1
bar=########################################
until [ "$(cat ready)" = 1 ]; do
	IFS=/ read -r ended all < progress
	printf '\r[%-40s] %s/%s' "${bar:0:40 * ended / all}" "$ended" "$all" >&2
	timeout 0.2 cat wait > /dev/null
done
printf '\r[%-40s] %s\n' "$bar" "$(cat progress) $(cat status)" >&2
[ -e ok ]
