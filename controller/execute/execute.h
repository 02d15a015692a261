/*
 * execute.h: a task of a mount as an execute_request (doc/PROTOCOL.md).
 */
#ifndef TASKFS_CONTROLLER_EXECUTE_EXECUTE_H
#define TASKFS_CONTROLLER_EXECUTE_EXECUTE_H

#include "schedule/run.h"

/* Buffers that go with the request: the code if it is not UTF-8, stdin, items.
 * Borrowed. */
struct inputs {
	struct bytes b[3];
	unsigned n;
};

/*
 * {"taskfs": {...}}, appended: what the engine has to know beside the code. stored:
 * ids of what it may forget; NULL: none.
 */
void execute_put_metadata(const struct result *r, const struct run *run,
			  struct bytes code, struct bytes input,
			  struct json_object *stored, struct inputs *in,
			  struct buf *out);
/* wish: an expression to be evaluated beside the code (user_expressions); NULL: none. */
void execute_put_content(struct bytes code, bool silent, const char *wish,
			 struct buf *out);

#endif
