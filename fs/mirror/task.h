/*
 * task.h: a task of a result, and the streams of bytes it has.
 *
 * A map or view may have a million of them, so a task is short; what else there is
 * to say about one is its detail, which is kept apart (detail.h).
 */
#ifndef TASKFS_FS_MIRROR_TASK_H
#define TASKFS_FS_MIRROR_TASK_H

#include "base/base.h"
#include "wire/state.h"
#include "wire/stream.h"

/* A task in short: there may be a million of them. */
struct task {
	int64_t started, completed, received; /* times of day; 0: not yet */
	/* usec since its result was submitted; how long it ran */
	int64_t began, elapsed, ran;
	uint64_t size[STREAM_OUTPUTS];
	int32_t engine;			/* -1: none */
	uint16_t attempt;		/* 0: not begun */
	int16_t exit_status, signal;	/* -1: none */
	uint8_t state;			/* enum state */
	bool value_is_stdout;
	bool timed_out;			/* its error is a limit of time */
	bool held;			/* by its own ctl */
};

/* What a task used, in short. */
struct usage {
	float user, system;	/* seconds; < 0: it is not known */
	uint32_t memory;	/* KiB */
};
#define USAGE_UNKNOWN ((struct usage){.user = -1})

/* What else there is to say about one. */
struct detail {
	/* All text: NULL when there is none. */
	char *msg_id, *engine_uuid;
	char *ename, *evalue, *traceback;
	bool used;			/* the three below are known */
	double user, system;		/* seconds */
	int64_t memory;			/* bytes */
	char *cwd, *attempts;
};

/* Bytes of an output so far; a value that is stdout has stdout's. */
uint64_t task_size(const struct task *t, enum stream s);
/* value -> stdout when the task wrote its value there. */
enum stream task_stream(const struct task *t, enum stream s);
/* 0 after success; -EAGAIN before the end; why there is no value else. */
int task_outcome(const struct task *t);
void detail_done(struct detail *d);

#endif
