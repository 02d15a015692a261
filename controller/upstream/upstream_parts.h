/*
 * upstream_parts.h: what the files of an upstream share, and nobody else knows:
 * upstream.c (who is there, what they say, when it counts as away),
 * sockets.c (its sockets), upstream_ask.c (questions to its hub).
 */
#ifndef TASKFS_CONTROLLER_UPSTREAM_UPSTREAM_PARTS_H
#define TASKFS_CONTROLLER_UPSTREAM_UPSTREAM_PARTS_H

#include "upstream.h"

enum part { U_QUERY, U_NOTIFICATION, U_MUX, U_CONTROL, U_IOPUB, U_PARTS };

struct upstream_socket {
	void *socket;
	struct watch watch;
	struct upstream *u;
};

/* What a socket is, and who takes what comes by it. */
struct upstream_part {
	int type;
	size_t port;	/* offsetof() in struct ports */
	void (*on_message)(struct upstream *u, struct msg *m);
};

struct upstream {
	struct controller *c;
	const struct upstream_part *row;	/* of each part */
	void (*broke)(struct upstream *u);	/* the connection did */
	struct connfile file;
	struct session session;
	bool has_session;
	struct upstream_socket part[U_PARTS];
	void *monitor;
	struct watch monitor_watch;
	bool up, asked;		/* sockets are there; hello was said */
	bool stale;		/* engines came or went since it was said */
	uint64_t hello_at, heard, down_since;
	struct timer tick;
	struct buf why;		/* not up: why */
	struct list questions;	/* upstream_ask.c */
	size_t nquestions;
};

/* sockets.c. -errno: what was opened is for upstream_sockets_close(). */
int upstream_sockets_open(struct upstream *u) must_check;
void upstream_sockets_close(struct upstream *u);

/* upstream_ask.c. An answer came; those that are due before get none. */
void upstream_on_answer(struct upstream *u, struct msg *m);
void upstream_lose_questions(struct upstream *u, uint64_t due_before);
/* At the end: nobody is told. */
void upstream_drop_questions(struct upstream *u);

#endif
