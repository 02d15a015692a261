/*
 * ask.h: questions to the hub of the upstream controller.
 */
#ifndef TASKFS_CONTROLLER_UPSTREAM_ASK_H
#define TASKFS_CONTROLLER_UPSTREAM_ASK_H

#include "upstream.h"

/*
 * A question to the hub: done() is called once, with the reply's content, or
 * NULL when the line broke or nothing came in time. Nothing is asked (and
 * -EHOSTUNREACH returned) while the upstream is away. content is put.
 */
int upstream_ask(struct controller *c, const char *type,
		 struct json_object *content,
		 void (*done)(struct controller *c, struct msg *reply,
			      uint64_t arg),
		 uint64_t arg) must_check;

#endif
