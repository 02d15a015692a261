/*
 * request.h: a message that somebody waits for an answer to, and the answers.
 */
#ifndef TASKFS_CONTROLLER_NET_REQUEST_H
#define TASKFS_CONTROLLER_NET_REQUEST_H

#include "core/controller.h"

/* A request whose answer may come turns later. Owns copies of what it needs. */
struct request {
	struct controller *c;
	struct msg *msg;	/* valid during the handler only */
	struct buf ident, parent;
	bool by_line;		/* so goes its answer */
	uint64_t result;	/* a control_request's: what the reply shows */
	int64_t task;		/* ... of its tasks; -1: all of it */
};

struct request *request_new(struct controller *c, struct msg *m);
void request_free(struct request *rq);
/* Answers (content is put, metadata none) and frees rq. */
void request_reply(struct request *rq, const char *type,
		   struct json_object *content, struct bytes *buffers,
		   unsigned nbuffers);
/* The same; the content is JSON text. */
void request_reply_text(struct request *rq, const char *type,
			struct bytes content, struct bytes *buffers,
			unsigned nbuffers);
/* {"status": "error", ...}; err (negative errno) 0: no member errno. */
void request_fail(struct request *rq, const char *type, int err,
		  const char *ename, const char *evalue);
struct json_object *error_content(int err, const char *ename,
				  const char *evalue);

/* The content of such an answer to a message that cannot be read (m->why). */
struct json_object *unreadable_content(const struct msg *m);

/* {"status": "ok"}, with the number of the last change. */
struct json_object *ok_content(struct controller *c, bool with_seq);
/* Its members as text, appended. */
void ok_members(const struct controller *c, struct buf *out);

#endif
