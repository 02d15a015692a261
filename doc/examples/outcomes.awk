#!/usr/bin/awk -f
# outcomes.awk MNT/results/*/status: how many results have which status, and
# the time all their tasks took.
BEGIN {
	for (i = 1; i < ARGC; i++) {
		file = ARGV[i]
		if (file !~ /\/[0-9]+\/status$/)
			continue # by a name: it has a number too
		getline status < file
		close(file)
		sub(/status$/, "serial_time", file)
		getline seconds < file
		close(file)
		n[status]++
		sum[status] += seconds
	}
	for (status in n)
		printf "%-8s %6d results %12.3f s\n", status, n[status], sum[status]
}
