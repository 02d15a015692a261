/* upstream_parts.h: what the files of an upstream share, and nobody else knows. */
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
	void (*broke)(struct upstream *u);	/* the connection broke */
	struct connfile file;
	struct session session;
	bool has_session;
	struct upstream_socket part[U_PARTS];
	void *monitor;
	struct watch monitor_watch;
	bool up, asked;		/* its first answer is here; a question is open */
	bool stale;		/* engines came or went since the last question */
	uint64_t hello_at, heard, down_since;
	struct timer tick;
	struct buf why;		/* why it is not up */
	struct list questions;	/* ask.c */
	size_t nquestions;
};

/* Of sockets.c. -errno: what was opened is for upstream_sockets_close(). */
int upstream_sockets_open(struct upstream *u) must_check;
void upstream_sockets_close(struct upstream *u);

/* Of ask.c. An answer came; questions that are due before get none. */
void upstream_on_answer(struct upstream *u, struct msg *m);
void upstream_lose_questions(struct upstream *u, uint64_t due_before);
/* At the end: frees the questions, and tells nobody. */
void upstream_drop_questions(struct upstream *u);

#endif
