/*
 * submission.h: from what a writer says to results.
 *
 * A submission belongs to one open file, and outlives it while the controller
 * has not answered. What is written to it becomes tasks (submission_write), or
 * whoever made it adds one (submission_add); submission_end() sends what there
 * is, and submission_outcome() says what came of it. Refusals go to the log
 * and to tasks/error of the process that opened the file.
 *
 *   open, (write ..., end, outcome) ..., release
 *
 * The file is woken when there is an answer.
 */
#ifndef TASKFS_FS_TASKS_SUBMISSION_H
#define TASKFS_FS_TASKS_SUBMISSION_H

#include "base/idlist.h"
#include "batch.h"
#include "made.h"
#include "park/caller.h"
#include "tree/node.h"
#include "wire/jsonfeed.h"
#include "wire/textkind.h"

struct submission {
	struct list all;	/* tasks->submissions */
	struct fs *fs;
	struct file *file;	/* NULL: closed already */
	struct process who;	/* the opener */
	pid_t tid;
	uid_t uid;
	gid_t gid;
	char *origin;		/* where the process was, as origin.h says */
	char *label;		/* what tasks/NAME is called; or NULL */
	struct idlist engines;	/* of a view or an engine, at the open */
	bool view;
	uint32_t draft;		/* the one that is submitted, or 0 */
	bool readable;
	/*
	 * What the file adds to the options of each task; or NULL. -errno with
	 * the reason refuses the task. *ret_view: one task for each target.
	 */
	int (*dress)(struct submission *s, struct json_object *options,
		     bool *ret_view, struct buf *why);
	/* The controller has answered what was sent; or NULL. */
	void (*answered)(struct submission *s, bool stored);
	enum text_kind kind;
	struct textkind finder;
	struct buf text;	/* plain, or of no kind so far */
	struct jsonfeed json;
	struct made made;	/* of its objects */
	struct buf complaint;	/* about one of them, without what was made */
	struct batch *batch;	/* being filled; or NULL */
	struct list sent;	/* struct batch */
	unsigned out;		/* how many */
	struct buf ids;		/* to be read back */
	size_t ids_sent;
	bool unsure;		/* the controller knows whether it takes them */
	int poison;		/* what every WRITE is told */
	int err;		/* what the next FLUSH or READ is told */
	bool refused;		/* something of this text was */
};

/* Tells tasks/error of the process (and the log) why; returns err. */
int submission_refused(struct fs *fs, pid_t tid, int err, struct bytes why);

/*
 * As open() of struct io; o has who opens the file. f->private is a submission then,
 * unless the file is opened to be read alone. -EHOSTDOWN: there is no controller;
 * -ENOSPC: its disk is full; tasks/error says so.
 */
int submission_open(struct file *f, const struct obj *o) must_check;
/* As release() of struct io: the submission goes when everything is answered. */
void submission_release(struct file *f);
/* At the end: without waiting for answers. */
void submission_free(struct submission *s);

/* As write() of struct io. */
int submission_write(struct submission *s, struct bytes data,
		     size_t *ret_taken) must_check;
/*
 * A WRITE that was parked: -EINPROGRESS as long as too much is under way, or when
 * it is not known whether what the tasks wait for is there. Else how it went.
 */
int submission_written(struct submission *s) must_check;
/* Nothing was written since the last end. */
bool submission_is_empty(const struct submission *s);
/*
 * A task from elsewhere: takes the text over, and the options, to which
 * origin_add() was done. The item is the caller's to complete before
 * submission_end().
 */
struct item *submission_add(struct submission *s, struct json_object *options,
			    struct buf *text);
/* Everything written so far is a whole and is sent; what comes is new. */
void submission_end(struct submission *s);
/* -EINPROGRESS: not all is answered. Else, once: how it went. */
int submission_outcome(struct submission *s) must_check;

#endif
