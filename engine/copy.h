/*
 * copy.h: what a task writes goes into a file of the user's, too (the options stdout
 * and stderr).
 *
 * copies_open() before the task is started, copy_put() with all it writes, copies_close()
 * when there is no more. A copy that fails ends there, and the task goes on: what became
 * of it stays in `err` until copies_done().
 */
#ifndef TASKFS_COPY_H
#define TASKFS_COPY_H

#include "base/buf.h"
#include "wire/json.h"
#include "wire/stream.h"

struct copy {
	int fd;		/* 0: none, or no more */
	int err;	/* 0, or -errno of a write */
	char *path;	/* NULL: none was asked for */
};

/*
 * Opens those that the metadata `taskfs` of a task ask for; relative paths are below
 * dir. 0; -errno with a sentence in *why: none is open.
 */
int copies_open(struct copy copy[STREAM_OUTPUTS], struct json_object *metadata,
		const char *dir, struct buf *why) must_check;
void copy_put(struct copy *copy, struct bytes b);
void copies_close(struct copy copy[STREAM_OUTPUTS]);
/* One of them lies in that directory. */
bool copies_are_below(const struct copy copy[STREAM_OUTPUTS], const char *dir);
/* Appends what went wrong: "stdout: /x/out: No space left on device". */
void copies_put_errors(const struct copy copy[STREAM_OUTPUTS], struct buf *out);
void copies_done(struct copy copy[STREAM_OUTPUTS]);

#endif
