/*
 * run.h: one try of a task on an engine.
 *
 * A run begins when the scheduler has chosen an engine: the start is stored, then the
 * task is sent; the engine's reply is stored, then it is told. A run of a task that a
 * client sent itself (clients/relay.h) is the same, but nothing is stored before it is
 * sent.
 */
#ifndef TASKFS_CONTROLLER_SCHEDULE_RUN_H
#define TASKFS_CONTROLLER_SCHEDULE_RUN_H

#include "core/controller.h"
#include "model/engines.h"
#include "model/results.h"

struct ending;
struct relayed;
struct call;
struct inquiry;

enum run_phase {
	RUN_STARTING,	/* the start is being stored */
	RUN_SENT,
	RUN_ENDING,	/* the end is being stored */
};

/* What is known of a run that was sent. Before RUN_HEARD its engine may not have it:
 * engines/flight.c asks. */
enum run_trace {
	RUN_UNHEARD,	/* nothing yet: its message may be under way */
	RUN_UNSURE,	/* its engine had it, and is to say whether it still has */
	RUN_MISSING,	/* its engine said once that it has not got it */
	RUN_HEARD,	/* it is with its engine */
	RUN_RESTORED,	/* from before a restart, or before the line to an upstream
			   controller broke; its engine has not claimed it yet */
	RUN_ANSWERED,	/* its engine can have another; its end comes later */
	RUN_TRACES,
};

enum run_sign {
	SIGN_HEARD,	/* its engine says something of it */
	SIGN_MISSING,	/* its engine says that it has not got it */
	SIGN_CLAIMED,	/* its engine has it, and says so when it registers */
	SIGN_CUT,	/* what its engine says may have got lost */
	SIGN_UNSURE,	/* it matters whether its engine has it still */
	SIGN_ANSWERED,
	RUN_SIGNS,
};

struct run {
	struct controller *c;
	char *msg_id;
	uint64_t result;
	uint32_t index;
	unsigned attempt;
	struct engine *engine;	/* NULL when ending */
	struct needs *needs;	/* of its result */
	struct queue *queue;	/* the same; NULL: none */
	enum run_phase phase;
	enum run_trace trace;
	bool abort;		/* its abort was asked for */
	bool failing;		/* counted in its result's `failing` */
	bool doubtful;		/* relayed before its engine registered again */
	bool ahead;		/* it waits at its engine, behind others (ahead.h) */
	bool recalled;		/* the engine is to give it back */
	struct list ahead_link;
	/* Of one of our engines: larger than that of every run sent before; 0: none. */
	int64_t number;
	const struct run_ops *ops;
	/* Kept by those whose ops the run has; else NULL. */
	struct relayed *relayed; /* clients/relayed.h: the client's task */
	struct call *call;	/* ipython/call.h */
	struct inquiry *inquiry; /* upstream/reclaim.c */
	uint64_t sent;		/* mono_usec() */
	struct list engine_link;
};

/*
 * What depends on who has the task and how it got there: our own engines
 * (engines/ours.c), those of ipyparallel (ipython/runs.c), the same behind an
 * upstream controller and what others run there (upstream/runs.c), and what clients
 * of ipyparallel send themselves (clients/failed.c).
 */
struct run_ops {
	/* Nobody hears of its end before this controller. */
	bool first_to_know;
	/* Another client of the upstream controller has the task: it can only be
	 * looked at. */
	bool is_watched;
	/* What the engine cannot honour of the task: a sentence, or NULL. May be
	 * NULL. */
	const char *(*refusal)(const struct run *run, struct result *r);
	/* The start is stored: sends the task. -errno: it was not sent. NULL: a
	 * client has sent it. */
	int (*send)(struct result *r, struct run *run, struct bytes code,
		    struct bytes input);
	/* Of a run that is RUN_SENT. 0, -EHOSTUNREACH, -EOPNOTSUPP, -EAGAIN. */
	int (*abort)(struct run *run);
	int (*signal)(struct run *run, int signo);
	/* Of a run that is ahead: its engine is to give it back, if it has not begun it.
	 * NULL: such engines have none. */
	void (*recall)(struct run *run);
	/* Its time limit is another one: usec since it began, 0: none. NULL: nobody
	 * limits it. -EOPNOTSUPP: the engine cannot change it. */
	int (*limit)(struct run *run, uint64_t usec);
	/* The reply came; its content is parsed. */
	void (*on_reply)(struct run *run, struct msg *m);
	/* The message was lost on the way, or the reply, and only the client can send
	 * it again. NULL: the engine keeps the reply until it is stored, and a task
	 * that did not arrive waits again. */
	void (*lost)(struct run *run);
	/* The engine is gone: the run ends, or what became of it is found out. */
	void (*engine_gone)(struct run *run);
	/* Of a run from before a restart: the engine does not work on it any more. */
	void (*forgotten)(struct run *run);
	/* The run ends so, without a reply. May be NULL. */
	void (*failed)(struct run *run, const struct ending *how);
	/* The run is freed. May be NULL. */
	void (*free)(struct run *run);
	/* The end of a run is stored: e may forget the reply. May be NULL. */
	void (*stored)(struct engine *e, const char *msg_id);
};

/* How a task ended. Strings borrowed; NULL: none. */
struct ending {
	enum state_event event;
	bool unknown;	/* it may go on, and nobody can tell */
	const char *ename, *evalue, *traceback;
};

/* Gives task `index` of r to the engine. */
void run_start(struct result *r, uint32_t index, struct engine *e);
/* After a restart: a run that is under way, as the database says. */
void run_restore(struct result *r, uint32_t index);
/* The engine cannot be reached: it is given nothing for a moment. */
void run_put_off(struct controller *c, struct engine *e);
/* A run of what a client has sent; msg_id is copied. */
struct run *run_of_client(struct result *r, const char *msg_id,
			  struct engine *e, const struct run_ops *ops);
struct run *run_find(struct controller *c, const char *msg_id);
/* Calls f for each run of r, which may end meanwhile; f says -ESRCH of one that is not
 * meant. -ESRCH: there is none; else the last error of f, or 0. */
int result_each_run(struct result *r, void *arg,
		    int (*f)(struct run *run, void *arg));
/* The one place where the trace of a run changes. */
void run_note(struct run *run, enum run_sign sign);
/* The engine has begun the run, as far as one knows: nothing new, unless the run was
 * ahead. */
void run_begun(struct run *run);
/* The engine of the run has answered, and can have the next; the end of the run
 * comes later. */
void run_answered(struct run *run);

/* The run ends because its engine is gone; evalue is this text. */
void run_end_with_engine(struct run *run, const char *evalue);
/* The run has no engine any more: it ends, or what became of it is found out. */
void run_leave_engine(struct run *run);
extern const struct engine_hooks run_hooks;
/* For results that mounts submit. */
extern const struct result_ops result_ops_mount;

/* The run is forgotten. Its task waits again, and that was no try. */
void run_free(struct run *run);
void run_put_back(struct result *r, struct run *run);

/* After the store refused something (a full disk, say): again after this. */
#define STORE_AGAIN USEC_PER_SEC

struct runs {
	struct controller *c;
	struct map by_msg_id;	/* msg_id -> struct run */
	struct list not_stored;	/* of struct store_op: the store refused them; ending.c */
	struct timer again;	/* ... and gets them again */
	int64_t number;		/* of the run that was sent last */
};

void runs_done(struct controller *c);

#endif
