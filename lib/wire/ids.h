/*
 * ids.h: names that are unique in the world, and dates, in the forms
 * ipyparallel uses (doc/PROTOCOL.md, "Messages").
 */
#ifndef TASKFS_IDS_H
#define TASKFS_IDS_H

#include "base/buf.h"

#define ID_SIZE 38 /* 8 hex digits, "-", 24 hex digits, NUL, rounded up */

/* A new random session id (an engine's uuid is one). */
void id_new(char id[ID_SIZE]);

/*
 * A task's execute_request, of try `attempt` (from 1). The same try has the
 * same id for ever: whoever knows the cluster knows it without asking.
 */
struct task_id {
	uint64_t result;
	uint32_t index;
	unsigned attempt;
};

#define TASK_ID_SIZE (ID_SIZE + 48)

/* "CLUSTER_RESULT_INDEX_ATTEMPT". */
void task_id_format(const char *cluster, const struct task_id *t,
		    char text[TASK_ID_SIZE]);
/* -EINVAL: it is none of this cluster's. */
int task_id_parse(struct bytes text, const char *cluster,
		  struct task_id *ret_t) must_check;

#define DATE_SIZE 96 /* room for any year; 28 are used */

/* "2026-11-22T01:33:43.349713Z"; usec: microseconds since 1970 UTC. */
void date_format(int64_t usec, char date[DATE_SIZE]);
/*
 * ISO 8601 with 0 to 6 digits of fraction and Z, +HH:MM, +HHMM, or nothing
 * (local time). -EINVAL.
 */
int date_parse(struct bytes text, int64_t *ret_usec) must_check;

#endif
