/*
 * call_parts.h: what the files of a call share, and nobody else knows: call.c
 * (its beginning, reply and end), call_stop.c (interrupts), call_output.c
 * (iopub, and records of a hub).
 */
#ifndef TASKFS_CONTROLLER_IPYTHON_CALL_PARTS_H
#define TASKFS_CONTROLLER_IPYTHON_CALL_PARTS_H

#include "call.h"
#include "engines/outcome.h"

/* After the reply, output may still be on its way on another socket. */
#define IDLE_WAIT (5 * USEC_PER_SEC)

struct call {
	struct run *run;
	bool begun, entered;	/* it is busy with it; runs the task's code */
	bool replied, idle;
	bool overtime;		/* past its time limit */
	bool interrupted, heeded;	/* by us; and failed then */
	unsigned interrupts;
	struct timer idle_timer, limit_timer, stop_timer;
	double limit;		/* seconds; 0: none */
	struct outcome outcome;	/* from the reply */
};

/* call.c. The last word on the task; limits and interrupts end with it. */
void call_end(struct call *call, struct ending *how);
/* The same, with what the reply said. */
void call_finish(struct call *call);
/* What a reply, or a record of it, says. */
void call_read_reply(struct call *call, struct json_object *header,
		     struct json_object *metadata,
		     struct json_object *content);
/* "ran longer than 3 s". */
void call_put_limit(const struct call *call, bool heeded, struct buf *why);

/* call_stop.c. Interrupts it, again and again, until it ends or is given up. */
void call_stop(struct call *call);
void call_stop_again(struct timer *stop_timer);
void call_too_long(struct timer *limit_timer);
/* The engine has begun with it: the time limit runs. */
void call_begun(struct call *call);
/* Its own code begins. */
void call_entered(struct call *call);
/* It failed; another interrupt would hit the engine on its way to the reply. */
void call_failing(struct call *call);

#endif
