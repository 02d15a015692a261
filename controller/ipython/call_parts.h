/*
 * call_parts.h: what the files of a call share, and nobody else knows: call.c (its
 * beginning, reply and end), stop.c (interrupts), output.c (iopub, and records of a
 * hub).
 */
#ifndef TASKFS_CONTROLLER_IPYTHON_CALL_PARTS_H
#define TASKFS_CONTROLLER_IPYTHON_CALL_PARTS_H

#include "call.h"
#include "execute/outcome.h"

/* After the reply, output may still be on its way on another socket. */
#define IDLE_WAIT (5 * USEC_PER_SEC)

/*
 * How far a call is. The reply comes by one socket and all else by another, in any
 * order; from CALL_REPLIED on the engine does not work on the task any more.
 */
enum call_state {
	CALL_SENT,	/* it may wait behind tasks of others */
	CALL_BEGUN,	/* the engine is busy with it */
	CALL_ENTERED,	/* the engine runs the task's own code */
	CALL_REPLIED,	/* the reply is here, the end of the output is not */
	CALL_ENDED,	/* the end of the output is here, the reply is not */
	CALL_OVER,	/* both are here */
	CALL_STATES,
};

enum call_event {
	CALL_BEGINS,	/* the engine says that it is busy */
	CALL_ENTERS,	/* ... and what code it runs */
	CALL_REPLIES,
	CALL_ENDS,	/* the engine says that it is idle */
	CALL_EVENTS,
};

/* What became of our interrupts. */
enum call_interrupt {
	CALL_NOT_INTERRUPTED,
	CALL_INTERRUPTED,
	CALL_HEEDED,	/* the task failed afterwards: its reply is under way */
};

struct call {
	struct run *run;
	enum call_state state;
	enum call_interrupt interrupted;
	bool overtime;		/* past its time limit */
	unsigned interrupts;	/* tried, also those that were too early */
	struct timer idle_timer, limit_timer, stop_timer;
	double limit;		/* seconds; 0: none */
	uint64_t begun;		/* mono_usec(); of one from before a restart: since then */
	struct outcome outcome;	/* from the reply */
};

/* Of call.c. The one place where the state changes; false: the event changes
 * nothing. */
bool call_move(struct call *call, enum call_event event);
/* Whether the reply is here. */
bool call_has_reply(const struct call *call) must_check;
/* The last word on the task; limits and interrupts end with it. */
void call_end(struct call *call, struct ending *how);
/* Ends the call with what the reply said. */
void call_finish(struct call *call);
/* Reads a reply, or a record of one. */
void call_read_reply(struct call *call, struct json_object *header,
		     struct json_object *metadata,
		     struct json_object *content);
/* "ran longer than 3 s". */
void call_put_limit(const struct call *call, bool heeded, struct buf *why);

/* Of stop.c. The engine has begun with the task: the time limit runs. */
void call_begun(struct call *call);
/* The task's own code begins. */
void call_entered(struct call *call);
/* The task failed; another interrupt would hit the engine on its way to the reply. */
void call_failing(struct call *call);

#endif
