/*
 * results.h: every result of the cluster and its tasks.
 *
 * The controller owns the results; a result owns its tasks. Hold ids across
 * turns of the loop, not pointers.
 */
#ifndef TASKFS_CONTROLLER_MODEL_RESULTS_H
#define TASKFS_CONTROLLER_MODEL_RESULTS_H

#include "changes.h"
#include "core/controller.h"
#include "store/store.h"
#include "store/deps.h"

/* What is known of a task that was begun. Only tasks that need it have one. */
struct details {
	char *msg_id, *engine_uuid;
	char *ename, *evalue, *traceback, *cwd;
	char *attempts;		/* a line for each try that ended */
	double user, system;	/* seconds; < 0: unknown */
	int64_t memory;
};

/* Bytes of a task's outputs that are not (all) stored yet. */
struct outputs {
	struct {
		struct buf mem;
		uint64_t size;
		bool in_file;	/* then mem is empty */
		int err;	/* a piece was not stored: -errno */
		uint64_t whole;	/* then: bytes before the first such */
	} of[STREAM_OUTPUTS];
};

struct task {
	uint8_t state;		/* enum state */
	uint8_t in_file;	/* a bit for each stream */
	bool value_is_stdout;
	bool claimed;		/* pending, but being begun or ended */
	bool held;		/* ctl hold, of it alone; cf. result.held */
	bool unbegun_ends;	/* claimed: that it ended so is being stored */
	bool unbegun;		/* it ended so: the row of its result says how */
	bool loaded;		/* it has a row; only while loading */
	bool told_broken;	/* schedule/ending.c: an output was not stored */
	bool aborting;		/* it is aborted, should it wait again */
	bool dirty;		/* it is in result.told; mounts/events.c */
	bool timed_out;		/* its error is a limit of time */
	int16_t exit_status, signal;	/* -1: none */
	uint16_t attempt;
	int32_t engine;		/* -1: none */
	int64_t started, completed, received;	/* times of day */
	/*
	 * The same by the cluster's clock, since its result was submitted: when it
	 * began, and when its end was received. How long it ran.
	 */
	int64_t began, elapsed, ran;
	float user, system;	/* seconds, of the last try; < 0: unknown */
	int64_t memory;		/* bytes */
	uint64_t size[STREAM_OUTPUTS];
	struct details *details;
	struct outputs *out;
};

struct ending;
struct engine;
struct result;
struct run;

/* What the store has as the kind of results that clients of ipyparallel submit. */
#define KIND_OF_CLIENTS "wire"

/*
 * What depends on who submitted a result: a mount (schedule/run.c), a client of
 * ipyparallel (clients/relayed.c), or another client of an upstream controller
 * (upstream/others_record.c).
 */
struct result_ops {
	/* The kind that the store has of such results; NULL: that of the result. */
	const char *kind;
	/* Its task is a message that a client sent, and goes to engines as it is: it
	 * has the client's msg_id, no engine takes it twice, and only a client can
	 * send it again. */
	bool is_message;
	/* It goes on after a restart of the controller: what it waits for is stored. */
	bool lasts;
	/* A controller that ends when nobody uses it does not end before such a
	 * result has. */
	bool counts_as_use;
	/* A task of it can be at an engine before it is its turn (schedule/ahead.h). */
	bool goes_ahead;
	/* An engine that is not ready for tasks of mounts will do. */
	bool takes_unready;
	/* That what it waits for ended otherwise is a failure of its own: ipyparallel
	 * has one word for that and for what can never be. */
	bool skip_is_failure;
	/* Gives a task that is claimed to the engine, or unclaims it. */
	void (*start)(struct result *r, uint32_t index, struct engine *e);
	/* Whether a run that failed so is tried again. row: its end, or NULL. */
	bool (*retries)(const struct result *r, const struct run *run,
			const struct ending *how, const struct task_row *row);
	/* A run that the store had: it goes on, or ends. */
	void (*restored)(struct run *run);
	/* The result waited when the controller ended. May be NULL. */
	void (*resumed)(struct result *r);
	/* After a restart it is known which message its task is. NULL unless
	 * is_message. */
	void (*loaded)(struct result *r, const char *msg_id);
	/* Its client has the answer, though the end may not be stored. NULL: nobody
	 * has the answer before that. */
	bool (*answered)(const struct result *r);
	/* The end of the result is stored, or can never be stored. May be NULL. */
	void (*ended)(struct result *r);
	/* The result is freed. May be NULL. */
	void (*freed)(struct result *r);
};

struct result {
	uint64_t id;
	struct controller *c;
	const struct result_ops *ops;
	char *name, *token;	/* or NULL */
	struct result *older, *newer;	/* of the same name and user */
	char *options;		/* JSON text */
	const char *kind;
	uint32_t uid, gid;
	int64_t submitted, born;	/* time of day; clock_now() */

	/* From the options, for the scheduler. */
	int64_t priority;
	uint64_t retries;
	struct retry_on *retry_on;	/* NULL: all failures alike */
	struct needs *needs;	/* of each of its tasks */
	struct queue *queue;	/* queues.h; NULL: none */
	bool told_full;		/* that its queue has no room */
	uint64_t timeout;	/* microseconds; 0: none */
	int64_t *targets;
	size_t ntargets;
	int64_t *avoid;		/* engines that get it no more */
	size_t navoid;

	/* what it waits for; schedule/graph.c */
	struct dep *dep;
	size_t ndeps, unmet;
	uint64_t *dependent;	/* ids of those that wait for this one */
	size_t ndependents;

	/* of a map; items.c */
	struct buf items;
	uint32_t *item_at;
	uint64_t map_size;	/* bytes of the items */
	uint64_t chunk, halt, max_running;
	bool grows;		/* the option open was given */
	bool open;		/* items may be added */
	bool closing;		/* that they may not is being stored */
	bool over;		/* all that waited of it was ended */
	uint64_t adding, nadding; /* bytes of items, and tasks, that are being stored */

	/* schedule/unbegun.c: what became of the tasks that were never begun */
	struct {
		char *ename, *evalue;
		int state;	/* 0: they have not ended */
		int64_t when, elapsed;
		uint64_t from;	/* tasks before this one were begun */
	} unbegun;
	bool told_unbegun;

	/* Over its tasks: first start, last end and receipt, run times. */
	int64_t started, completed, received, serial;
	int64_t began, ended, elapsed;	/* of the same tasks, as theirs */
	/* Of those that ended, as their engines say. */
	int64_t first_started, first_began;
	int64_t user, system;	/* usec, added up: the same in any order */
	int64_t memory;		/* the most of one; 0: no usage known */
	uint64_t active;	/* runs */
	int unstored;		/* -errno: the end of a task could not be stored yet */
	uint64_t failing;	/* of a map with `halt`: its failure is being stored */
	bool pinned;		/* a view: task i runs on targets[i] */
	uint32_t *told;		/* tasks that changed; mounts/events.c */
	size_t ntold, told_room;

	bool held;		/* ctl hold: nothing of it is handed out */
	bool early;		/* its time (begin) has not come */
	int64_t begin;		/* usec after its submission; 0: at once */
	struct timer begin_timer;
	struct buf code, stdin_;	/* only while input_here */
	bool input_here, has_stdin;
	uint64_t code_size, stdin_size;
	uint64_t record_size;	/* buffers of a client's messages */

	uint64_t ntasks, next;	/* next: no task from here on was claimed */
	uint64_t again;		/* tasks below next that wait and are not held */
	struct task *task;
	uint64_t count[STATES];

	uint64_t seq;		/* of the last change that was told */
	unsigned changed;	/* of enum changed, not told yet */
	uint64_t accounted;	/* bytes, in the controller's sum */
	bool aborting;		/* a task of it that waits again is aborted */
	struct relayed *relayed; /* its client's message, while that is under way */
	bool purging;
	bool applied;		/* a client's function of Python */
	bool doomed;
	bool stored;		/* its submission is on disk */
	struct list by_id, finished, changed_link;
	struct list ready_link;	/* ready.c; empty when nothing is to be handed out */
	struct line *line;	/* where it stands then; ready.h */
	int64_t kept;		/* the engine that is kept for it; schedule/keep.c */
	struct timer timeout_timer;
};

struct results {
	struct map by_id;	/* id -> struct result */
	struct list order;	/* the same, by id */
	struct map tokens;	/* token -> struct result */
	struct map names;	/* uid and name -> the newest struct result of it */
	struct map needs;	/* needs.key -> struct needs */
	struct needs *needs_one;	/* of a task that says nothing */
	struct list finished;	/* final ones, oldest first */
	uint64_t nfinished, stored_bytes, next_id;
	uint64_t tasks[STATES];	/* how many are in each state, of all */
};

void results_init(struct controller *c);
void results_done(struct controller *c);
/*
 * A new result with the next id, known but not yet stored: the caller calls
 * result_put(). options are checked already. code and stdin are moved.
 */
struct result_spec {
	const struct result_ops *ops;
	const char *name, *token, *kind;
	struct json_object *options;
	struct buf code, stdin_, items;
	bool has_stdin, pinned;
	uint64_t ntasks;
	uint32_t uid, gid;
};
struct result *result_new(struct controller *c, struct result_spec *spec);
struct store_op *result_store_op(const struct result *r);
/* What the result waits for, as dep_put() writes it for the store; the caller's;
 * NULL: nothing. */
char *result_deps_text(const struct result *r);
/* Code and stdin of the result are here and stay. Large ones are dropped as soon as
 * they are stored, and come from the store when an engine needs them. */
bool result_keeps_input(const struct result *r);
/* The submission is stored: results/ may show it. */
void result_set_stored(struct result *r);
/* Code and stdin are not needed any more, or come from the store: drops them. */
void result_drop_input(struct result *r);
/* The result is final, and among those that retention may take; or not any more. */
void results_add_finished(struct result *r);
void results_remove_finished(struct result *r);
/* Forgets the result; the store does not. */
void result_free(struct result *r);

struct result *result_find(struct controller *c, uint64_t id);
struct task *result_task(struct result *r, uint64_t index);
/* That of its tasks; one that is open has not ended. */
enum state result_state(const struct result *r);
/* It has several tasks, or may get more: each is told by itself. */
static inline bool result_is_many(const struct result *r)
{
	return r->ntasks > 1 || r->grows;
}
/* n more tasks, with these items. */
void result_grow(struct result *r, struct bytes items, uint64_t n);
/* The newest result of a user's name, or NULL. Names of others are others. */
struct result *result_named(struct controller *c, uint32_t uid,
			    struct bytes name);
/* From now on r is the newest of its name, if it has one. */
void result_take_name(struct result *r);
/* The result a token made, or NULL. */
struct result *result_by_token(struct controller *c, const char *token);

void task_drop_outputs(struct result *r, uint32_t index);

/* Of results.c, tasks.c and schedule/resume.c alone. */
struct result *result_make(struct controller *c, uint64_t id, uint64_t ntasks);
void result_set_token(struct result *r, const char *token);
/* It runs on that engine, and on no other. */
void result_set_target(struct result *r, int64_t engine);
/* The text of its options with another value (borrowed) of one; NULL: without that one.
 * The caller frees it. */
char *result_options_with(const struct result *r, const char *name,
			  struct json_object *value);
/* What the scheduler honours (TASK_BY_CONTROLLER in wire/task_option.h); its dependencies
 * are read already. */
void result_read_options(struct result *r, struct json_object *o);
/* What of that can change (TASK_CHANGES). r is not ready while it is called. */
void result_read_settings(struct result *r, struct json_object *o);

void task_free_details(struct task *t);

#endif
