/*
 * push.h: a new value of a variable on its way to its engines, piece by piece, for
 * the open file that it is written to (value.h).
 *
 * A value is uploaded in steps: the first one says how it begins, the last one
 * commits it: then it takes its name. Steps go out as they come. But an engine of
 * ipyparallel answers between its tasks (`patient`): there the first step is tried,
 * and the others are held until those before have arrived.
 */
#ifndef TASKFS_FS_VARS_PUSH_H
#define TASKFS_FS_VARS_PUSH_H

#include "base/blob.h"
#include "base/idlist.h"
#include "base/loop.h"
#include "park/caller.h"
#include "tree/node.h"
#include "wire/ids.h"

#define PUSH_OUT (4 * MIB)	/* bytes on their way */

struct push {
	struct list all;	/* vars->pushes */
	struct fs *fs;
	struct file *file;	/* NULL: closed */
	struct var_name *name;
	struct idlist engines;
	struct process who;	/* the opener */
	pid_t tid;
	struct pull *pull;	/* value.c's: what was read; or NULL */
	char upload[ID_SIZE];
	const char *begin;	/* how the next upload begins */
	bool append, exclusive;
	bool begun;		/* an upload has begun */
	bool written;		/* and has something in it */
	bool created;		/* the value is new, also when it is empty */
	bool killed;		/* the opener was, in the middle of it */
	bool opening;		/* OPEN waits, or nobody has it open */
	uint64_t bytes;
	unsigned out;		/* questions without an answer, */
	size_t bytes_out;	/* and their bytes */
	bool patient;		/* an engine answers when it has time: steps
				   are held until those before have arrived */
	bool trial;		/* the first step was sent, if it has time now */
	struct timer trial_timer;	/* so long a WRITE waits for that */
	struct list held;
	struct blob held_bytes;	/* theirs */
	int err;		/* the first; every WRITE and FLUSH is told */
};

/* A question that belongs to an upload, and what it is to do. */
struct push_step {
	struct bytes bytes;
	uint64_t off;
	int64_t size, mtime;	/* -1: not */
	bool commit, abandon;
};

/* Nothing to be done. */
extern const struct push_step push_nothing;

/* For an open file; uses the name, takes the engines. */
struct push *push_new(struct file *f, struct var_name *name,
		      struct idlist *engines);
/* The file is closed: what was written becomes the value, if nothing failed. It goes
   when everything is answered. */
void push_close(struct push *p);
/* Something has not been answered yet. */
bool push_is_under_way(const struct push *p);
/* What was written so far becomes the value. */
void push_commit(struct push *p);

/* The open file that is writing a value to this inode, or NULL. */
struct push *push_find(struct fs *fs, uint64_t ino);
/* The content of the question; the upload has begun then. */
struct json_object *push_content(struct push *p, const struct push_step *s);
/* Asks it, in its turn; errors are told to the next WRITE and FLUSH. */
void push_send(struct push *p, const struct push_step *s);

/* At the end, when no file is open any more. */
void push_done(struct fs *fs);

#endif
