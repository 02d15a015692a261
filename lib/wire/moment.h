/*
 * moment.h: a time as people write it: "+90", "+10m" (s, m, h, d) from now; "18:30", the
 * next time that a clock shows it; "2026-11-29", "2026-11-29T18:30" with or without
 * seconds, and with Z in UTC. Without Z it is the local time.
 */
#ifndef TASKFS_MOMENT_H
#define TASKFS_MOMENT_H

#include "base/buf.h"

/* now and *ret_at: microseconds since 1970. -EINVAL: it is no such time. */
int moment_parse(struct bytes text, int64_t now, int64_t *ret_at) must_check;
/*
 * The same moment in a form that means the same everywhere: "+90" stays as it is, others
 * get a date and Z. NULL: it is no such time. The caller's.
 */
char *moment_anywhere(struct bytes text, int64_t now);

#endif
