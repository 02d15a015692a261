/*
 * requests.h: the table of messages an engine understands. Others are a
 * kernel's (kernel.h).
 */
#ifndef TASKFS_REQUESTS_H
#define TASKFS_REQUESTS_H

#include "link.h"

/* m stays the caller's, but what it holds may have been taken out of it. */
void requests_handle(struct engine *e, enum channel c, struct msg *m);
/* A channel that was full (or not connected) may take more. */
/* Of one that is signed and cannot be read (m->why). */
void requests_refuse(struct engine *e, enum channel c, struct msg *m);
void requests_can_send(struct engine *e);

/*
 * Answers of handlers, to where m came from. They take content; `buffer` (may
 * be NULL) is the message's only one.
 */
void request_answer(struct engine *e, enum channel c, const struct msg *m,
		    const char *type, struct json_object *content,
		    struct bytes *buffer);
/* {status: ok}; {status: error, ...}, name: of the errno. */
struct json_object *request_ok(void);
struct json_object *request_error(const char *ename, const char *name,
				  const char *evalue);

/*
 * Requests about variables, which may bring and ask for a lot: those wait here
 * while the channel for their answers is full.
 */
#define LIMIT_LATER 256
struct later {
	struct list all;
	size_t n;
};
void later_init(struct engine *e);
void later_done(struct engine *e);

#endif
