/*
 * task.h: one request to run something, from its arrival until nobody needs
 * its answer any more, and all of them.
 *
 * A task is waiting, running, or ended (its state is final). As many run at a time
 * as the engine has slots and resources for: nobody else has those of a task that runs.
 * Those that a client has sent
 * to this engine itself are direct: of them one runs at a time. queue.c takes a task
 * from one state to the next, deliver.c sends what there is to say about it. A task of a controller that speaks the extensions is kept until
 * the controller has stored it, any other until all is sent. struct tasks owns
 * all of them, by their msg_id.
 */
#ifndef TASKFS_ENGINE_TASK_H
#define TASKFS_ENGINE_TASK_H

#include "base/list.h"
#include "base/map.h"
#include "link.h"
#include "run.h"
#include "stock.h"
#include "wire/state.h"

struct engine;

struct task {
	struct list link;	/* in one of `waiting`, in `running` or `ended` */
	struct engine *engine;
	struct msg request;	/* from its end on without what is big */
	enum channel channel;
	enum state state;
	bool direct;		/* see above */
	uint64_t arrived;	/* the how manieth it was */
	unsigned cpus;		/* slots that it needs */
	struct amounts need;	/* other resources */
	unsigned slot;		/* the first of its slots, while it runs */
	unsigned files;		/* of its outputs, when it had ended */
	bool apply;		/* an apply_request: refused */
	bool extended;		/* see above */
	bool silent, stop_on_error;
	bool unwanted;		/* nobody wants to hear of it */
	bool ahead;		/* it can be given back while it waits (ahead.h) */
	int64_t number;		/* the controller's (execute_request); 0: none */
	bool held;		/* until the controller says that the task is its */
	bool named;		/* in the registration that asks for that */
	uint64_t bytes;		/* of the request, as the queue counts it */

	struct run run;
	bool ran;
	bool fault;		/* it failed, and that is the engine's */
	char *cwd;		/* where it ran; NULL: the engine's */
	char *script;		/* its file, while it runs; or NULL */
	char *empty_dir;	/* made for it, while it runs; or NULL */
	int exit_status;	/* -1: none */
	int signal;		/* 0: none */
	const char *ename;
	char *evalue;
	struct json_object *traceback;

	/* deliver.c's */
	unsigned step;
	bool flush;		/* output need not wait for more */
	struct timer flush_timer;
	int64_t count;		/* execution_count */
	uint64_t told;		/* mono_usec() of the last step; 0: not yet */
	bool replied;		/* to a client */
	bool untold;		/* its end is kept (together.h) */
};

struct tasks {
	struct list waiting[2];	/* [task.direct], in the order of their arrival */
	struct list running, ended;
	struct map by_id;
	size_t nwaiting, nrunning, nended;
	size_t slots, used;	/* so many there are, and tasks have */
	const struct task **slot;	/* who has each; NULL: nobody */
	unsigned free;		/* no slot below it is free */
	struct stock stock;
	unsigned *processor;	/* of each slot; NULL: its task may use all */
	bool direct_runs;
	uint64_t arrived;	/* so many tasks */
	uint64_t bytes;		/* of waiting requests */
	size_t files;		/* of outputs of those in `ended` */
	int64_t count;		/* of executions */
	struct map unwanted;	/* msg_ids of tasks that have not arrived */
	struct map unwanted_before;	/* the same, older */
	size_t untold;		/* so many such tasks */
	struct timer tell;	/* together.c's */
	struct timer again;	/* deliver.c's: iopub was full */
	struct work more;	/* deliver.c's: others had their turn */
	bool ended_first;	/* deliver.c's: whose turn it is */
	bool noting;		/* what clients are answered: */
	struct map answered;	/* msg_ids */
};

void tasks_init(struct tasks *all, size_t slots, const struct resources *r);
/* None runs. */
void tasks_done(struct tasks *all);

/*
 * A task that waits, of a request that came by channel c; takes over what *m holds.
 * extended: see above. The caller fills in run.grew and run.ended.
 */
struct task *task_new(struct engine *e, enum channel c, bool extended,
		      struct msg *m);
/* The engine has what the task needs: now, or, with `ever`, at all. */
bool task_fits(const struct task *t, bool ever);
/* A waiting task runs now, in the lowest free slots (task_fits()); a waiting or
 * running one has ended. */
void task_to_running(struct task *t);
void task_to_ended(struct task *t, enum state_event event);
/* Nothing is to be said about it any more. Not while it runs. */
void task_free(struct task *t);

/* NULL: unknown. */
struct task *tasks_find(const struct tasks *all, struct bytes msg_id);
/* What is done with a task that has not arrived, when it does. */
enum unwanted {
	UNWANTED_NOT,
	UNWANTED_ABORT,
	UNWANTED_AHEAD,		/* it is given back, if it was sent ahead */
};
void tasks_unwanted_later(struct tasks *all, struct bytes msg_id,
			  enum unwanted how);
/* It has arrived. */
enum unwanted tasks_unwanted(struct tasks *all, struct bytes msg_id);

/* How long the controller has not said that it has what it was told; usec. */
uint64_t tasks_unstored(const struct tasks *all);
/*
 * The msg_ids of what an engine has: of a controller with extensions; and what
 * that only relayed, of its clients, with what they were answered since
 * tasks_note_answers().
 */
void tasks_list(struct tasks *all, struct json_object *running,
		struct json_object *finished, struct json_object *relayed);
/* Those that the controller has sent ahead and that wait: the controller may want them
 * back, and they are held until it has answered. */
void tasks_hold_ahead(struct tasks *all, struct json_object *ret_ids);
/*
 * true: a connection broke, and what is answered from now on was not lost with it.
 * false: all that was answered has been said.
 */
void tasks_note_answers(struct tasks *all, bool note);
/* The reply to a client is on its way. */
void tasks_answered(struct task *t);

#endif
