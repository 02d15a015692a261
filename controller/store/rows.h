/*
 * rows.h: rows of the tables of the database, as they are stored and as they are
 * loaded.
 */
#ifndef TASKFS_CONTROLLER_STORE_ROWS_H
#define TASKFS_CONTROLLER_STORE_ROWS_H

#include "base/buf.h"
#include "wire/stream.h"

/* One row of the table `results`. */
struct result_row {
	uint64_t id;
	char *token, *name, *options;	/* NULL: none */
	char *deps;			/* what it waits for, by dep_put(); or NULL */
	bool held;
	uint32_t task;			/* STORE_TASK_HELD: the index of the task */
	const char *kind;
	uint64_t tasks;
	uint32_t uid, gid;
	int64_t submitted, born;	/* time of day; clock_now() */
	struct buf code, stdin_, items;
	/* How the tasks ended that were never begun. 0: they wait. */
	int rest_state;
	int64_t rest_when, rest_elapsed;
	char *rest_ename, *rest_evalue;
	bool has_stdin;
	/* Of a row that was loaded, which has the sizes alone. */
	uint64_t code_size, stdin_size;
};

/* One row of the table `tasks`. */
struct task_row {
	uint64_t result;
	uint32_t index;
	int state;
	int64_t engine;			/* -1: none */
	char *msg_id, *engine_uuid;	/* owned */
	unsigned attempt;
	int64_t started, completed, received;	/* times of day; 0: not yet */
	/* As in struct task (model/results.h); ran < 0: its engine did not say. */
	int64_t began, ran, elapsed;
	int exit_status, signal;	/* -1: none */
	bool value_is_stdout;
	char *ename, *evalue, *traceback, *cwd;	/* owned, NULL: none */
	char *attempts;			/* owned; or NULL */
	double user, system;		/* seconds; < 0: unknown */
	int64_t memory;			/* bytes */
	uint64_t size[STREAM_OUTPUTS];
	bool in_file[STREAM_OUTPUTS];		/* the output is a file */
	struct buf bytes[STREAM_OUTPUTS];	/* of an output that is none */
};

/* Frees what a row owns. An operation of the store does that for its row. */
void task_row_done(struct task_row *t);

/* One row of the table `engines`. */
struct engine_row {
	int64_t id;
	char *uuid, *host, *language;	/* owned */
	int64_t pid, since;
	bool taskfs;
	char *process;		/* owned; as in wire/process.h; or NULL */
	int64_t lost;		/* clock_now() when it was given up; 0: it is there */
	int64_t heard;		/* time of day: when it was heard last before that */
	int64_t slots;
	char *launch;		/* owned; as in struct engine; or NULL */
};

/* One row of the table `pools`. */
struct pool_row {
	int64_t id;
	char *name, *options;	/* owned; options: a JSON object of texts */
	bool paused;
	int64_t failures;	/* in a row */
	int64_t until;		/* clock_now(): nothing is tried before; 0: now */
	char *why;		/* owned; of the last failure; or NULL */
	/* What an engine of it has, as the last one said; 0: none has registered. */
	int64_t slots;
	char *resources;	/* owned; a JSON object of numbers; or NULL */
};

/* The values are stored. */
enum launch_state {
	LAUNCH_LAUNCHING = 1,	/* its command runs, or is about to */
	LAUNCH_QUEUED,		/* no engine of it has registered */
	LAUNCH_RUNNING,
	LAUNCH_ENDING,		/* it was cancelled */
	LAUNCH_STATES,
};

/* One row of the table `launches`. */
struct launch_row {
	int64_t id, pool;
	char *token;		/* owned */
	int64_t count;		/* engines that were asked for */
	int64_t registered;	/* of them, ever */
	int state;		/* enum launch_state */
	int64_t since;		/* time of day */
	char *job;		/* owned; what the command printed first; or NULL */
};

#endif
