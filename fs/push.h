/*
 * push.h: an open file that is a variable. What is written goes to the engines
 * piece by piece, each WRITE is answered when they have it; the value takes its
 * name at the FLUSH of the process that opened the file, or at the RELEASE;
 * when that process was killed in the middle of it, it does not.
 *
 * An engine of ipyparallel answers between its tasks. A WRITE, which holds the
 * file's lock, does not wait for those, but the FLUSH does: see `patient`. While
 * it runs none the first piece is waited for, so that errors are told in time,
 * but not for long: nobody may know yet that it is busy, or it stands still.
 *
 * To append (O_APPEND) is done at once, at the end of what there is. What was
 * written is read back after it has taken its name.
 */
#ifndef TASKFS_FS_PUSH_H
#define TASKFS_FS_PUSH_H

#include "base/blob.h"
#include "caller.h"
#include "node.h"
#include "pull.h"
#include "wire/ids.h"

struct push {
	struct list all;	/* vars->pushes */
	struct fs *fs;
	struct file *file;	/* NULL: closed */
	struct var_name *name;
	struct idlist engines;
	struct process who;	/* the opener */
	pid_t tid;
	struct pull *pull;	/* what was read; or NULL */
	char upload[ID_SIZE];
	const char *begin;	/* how the next upload begins */
	bool append, exclusive;
	bool begun;		/* an upload */
	bool written;		/* ... with something in it */
	bool created;		/* the value is new, also when it is empty */
	bool killed;		/* the opener was, in the middle of it */
	bool opening;		/* OPEN waits, or nobody has it open */
	uint64_t bytes;
	unsigned out;		/* questions without an answer, */
	size_t bytes_out;	/* and their bytes */
	bool patient;		/* an engine answers when it has time: steps
				   are held until those before have arrived */
	bool trial;		/* the first of them was sent, if it has now */
	struct timer trial_timer;	/* so long that is waited for */
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

int push_open(struct file *f, struct obj *o);
int push_read(struct file *f, struct obj *o, const struct ask *ask,
	      struct answer *a);
int push_write(struct file *f, struct bytes data, uint64_t off,
	       size_t *ret_taken);
int push_flush(struct file *f, const struct ask *ask);
int push_again(struct file *f, enum parked_kind kind);
void push_release(struct file *f);

/* The open file that is writing a value to this inode, or NULL. */
struct push *push_find(struct fs *fs, uint64_t ino);
/* The content of the question; the upload has begun then. */
struct json_object *push_content(struct push *p, const struct push_step *s);
/* Asks it, in its turn; errors are told to the next WRITE and FLUSH. */
void push_send(struct push *p, const struct push_step *s);

/* At the end, when no file is open any more. */
void push_done(struct fs *fs);

#endif
