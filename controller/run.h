/*
 * run.h: one try of a task on an engine.
 *
 * A run begins when the scheduler has chosen an engine: the start is stored,
 * then the task is sent; the engine's reply is stored, then it is told. A run
 * of a client's own message (relay.c) is the same without the store before the
 * sending.
 */
#ifndef TASKFS_RUN_H
#define TASKFS_RUN_H

#include "controller.h"
#include "engines.h"
#include "results.h"

struct wire;
struct call;

enum run_phase {
	RUN_STARTING,	/* the start is being stored */
	RUN_SENT,
	RUN_ENDING,	/* the end is being stored */
};

struct run {
	struct controller *c;
	char *msg_id;
	uint64_t result;
	uint32_t index;
	unsigned attempt;
	struct engine *engine;	/* NULL when ending */
	enum run_phase phase;
	bool abort;		/* asked for */
	bool failing;		/* counted in its result's `failing` */
	bool heard;		/* of it: it is with its engine */
	bool missing;		/* its engine said so, once */
	bool answered;		/* its engine can have another */
	bool doubtful;		/* relayed before its engine registered again */
	bool asking;		/* the upstream's hub, about it */
	unsigned news;		/* worth asking so many times */
	uint64_t unknown;	/* mono_usec(): since when it knows nothing of it */
	unsigned stuck;		/* it said what cannot be, so often */
	uint64_t printed;	/* 1 + bytes of output it told of last; 0: none */
	bool other;		/* another client's, on the upstream */
	bool orphan;		/* its engine is gone; the hub is asked */
	bool restored;		/* from before a restart, or before the line to
				   an upstream controller broke; not claimed
				   yet */
	struct wire *wire;	/* relay.c's, or NULL */
	struct call *call;	/* call.c's, on an engine of ipyparallel */
	uint64_t sent;		/* mono_usec() */
	struct list engine_link;
};

/* How a task ended. Strings borrowed; NULL: none. */
struct ending {
	enum state_event event;
	bool unknown;	/* it may go on, and nobody can tell */
	const char *ename, *evalue, *traceback;
};

/* Gives task `index` of r to the engine. */
void run_start(struct result *r, uint32_t index, struct engine *e);
/* A run that the database says is under way, after a restart. */
void run_restore(struct result *r, uint32_t index);
/* A run that relay.c has sent already; msg_id copied. */
struct run *run_relayed(struct result *r, const char *msg_id, struct engine *e,
			struct wire *w);
struct run *run_find(struct controller *c, const char *msg_id);
/* Its engine has answered, and can have the next; the end of it comes later. */
void run_answered(struct run *run);

/* Messages from engines; a reply may be one that cannot be read (m->why). */
void run_on_reply(struct controller *c, struct engine *e, struct msg *m);
void run_on_output(struct controller *c, struct engine *e, struct msg *m);

/*
 * Ends a run without its engine's answer, or with what relay.c gathered in
 * `row` (moved; NULL: the task's own row). Retries are seen to.
 */
void run_end(struct run *run, const struct ending *how, struct task_row *row);
/* It waits again; that was one more try. */
void run_retry(struct run *run, const struct ending *how);
/* Ends a task that is not running (aborted, timed out while pending). */
void task_end_pending(struct result *r, uint32_t index,
		      const struct ending *how);

/* All tasks of it that wait. */
void result_end_waiting(struct result *r, const struct ending *how);
/* The same; its evalue is this text. */
void result_end_saying(struct result *r, const struct ending *as,
		       const char *fmt, ...) printf_like(3, 4);

/* ctl. 0, -ESRCH (ended already), -EHOSTUNREACH, -EOPNOTSUPP. */
int result_abort(struct result *r) must_check;
int task_abort(struct result *r, uint32_t index) must_check;
/*
 * Hands out nothing of it from now on, or again; done when that is stored (or
 * not: then it is as before). -ESRCH: it has ended, done is not called.
 */
int result_hold(struct result *r, bool hold, void (*done)(void *arg, int err),
		void *arg) must_check;
/* Those of its tasks that wait are taken in another order; done as above. */
int result_set_priority(struct result *r, int64_t priority,
			void (*done)(void *arg, int err), void *arg) must_check;
/* -EAGAIN: nothing of it runs (yet). */
/* The same of one task of many, whatever is said of the others. */
int task_hold(struct result *r, uint32_t index, bool hold,
	      void (*done)(void *arg, int err), void *arg) must_check;
int result_signal(struct result *r, int signo) must_check;
int task_signal(struct result *r, uint32_t index, int signo) must_check;

/*
 * An engine registered again: which of its tasks go on; see PROTOCOL.md. relayed
 * may be NULL. False: relayed cannot be believed now, it has to say it again.
 */
void runs_reclaim(struct engine *e, struct json_object *running,
		  struct json_object *finished, struct json_object *ret_drop);
bool runs_reclaim_relayed(struct engine *e, struct json_object *relayed)
	must_check;
/* An engine is gone. */
void runs_engine_gone(struct engine *e);

/*
 * Between the files of this part: run.c (start), answer.c (what engines say),
 * ending.c, ctl.c, reclaim.c (engines that come back, and go).
 */
void run_free(struct run *run);
void run_leave_engine(struct run *run);
void run_put_back(struct result *r, struct run *run);
/* A last word on a task, or that it waits again; repeated until stored. */
void task_put_end(struct controller *c, struct store_op *op);
/* The engine may forget the reply of the row's msg_id. */
void task_tell_stored(struct controller *c, const struct task_row *row);
/* What waits to be acknowledged: an array, the caller's; or NULL. */
struct json_object *engine_take_stored(struct engine *e);
/* The array waits from now on (until a task goes out, or for a moment). */
void engine_keep_stored(struct engine *e, struct json_object *ids);
/* What is known of the outputs goes into the row. */
void task_known_outputs(struct result *r, uint32_t index,
			struct task_row *row);
/* Puts the op, after a while; its done() is set. */
void store_put_again(struct controller *c, struct store_op *op);
/* After the store refused something (a full disk, say): again after this. */
#define STORE_AGAIN USEC_PER_SEC

/*
 * How the main process ended, -1: nobody says. False: as none can (then -1).
 */
bool reply_exit(struct json_object *t, int *ret_status, int *ret_signal)
	must_check;
#define IMPOSSIBLE_EXIT "its engine says an exit status or signal that there is not"

void runs_init(struct controller *c);
void runs_done(struct controller *c);

#endif
