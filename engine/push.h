/*
 * push.h: values on their way into variables, piece by piece (push_request).
 *
 * An upload writes into a file of its own beside the directory of the
 * variables, which takes the variable's name when the value is complete; or,
 * to append, into the variable itself. One that is left alone for an hour is
 * forgotten, the oldest also when there are too many.
 */
#ifndef TASKFS_ENGINE_PUSH_H
#define TASKFS_ENGINE_PUSH_H

#include "base/list.h"
#include "base/loop.h"
#include "wire/msg.h"

struct engine;
struct upload;

struct uploads {
	struct list all;	/* struct upload, the one left alone longest
				   first */
	size_t n;
	unsigned long made;	/* so many: their names */
	struct timer expire;
};

void uploads_init(struct engine *e);
void uploads_done(struct engine *e);

/* Handler of a request on the control channel; *m may be taken. */
void push_request(struct engine *e, struct msg *m);

#endif
