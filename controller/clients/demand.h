/*
 * demand.h: what the metadata of a client's own task ask of the scheduler:
 * targets, retries, timeout, after, follow (ipyparallel's task queue).
 *
 * Read it, make the result with demand_options(), then apply the rest to the
 * result: what cannot be ends it, with ipyparallel's names of errors.
 */
#ifndef TASKFS_CONTROLLER_CLIENTS_DEMAND_H
#define TASKFS_CONTROLLER_CLIENTS_DEMAND_H

#include "schedule/graph.h"

struct demand {
	struct json_object *targets;	/* engine ids; NULL: any */
	bool nowhere;			/* none of the targets is known */
	uint64_t retries;
	double timeout;			/* seconds; 0: none */
	struct condition after, follow;
	const char *ename;		/* why it cannot be; NULL: it can */
	struct buf why;
};

void demand_read(struct demand *d, struct controller *c, const struct msg *m);
/* The options of its result; caller puts. */
struct json_object *demand_options(const struct demand *d);
void demand_apply(struct demand *d, struct result *r);
void demand_done(struct demand *d);

#endif
