/*
 * answer.h: answers to requests: sent to where the request came from, about the
 * request. What is said about tasks is not said here (deliver.h).
 */
#ifndef TASKFS_ENGINE_ANSWER_H
#define TASKFS_ENGINE_ANSWER_H

#include "link.h"

/* An answer to m, which came by channel c. Takes content. */
void answer_request(struct engine *e, enum channel c, const struct msg *m,
		    const char *type, struct json_object *content);
/* The same; `buffer` (may be NULL) is the only one of the answer. */
void answer_with_buffer(struct engine *e, enum channel c, const struct msg *m,
			const char *type, struct json_object *content,
			struct bytes *buffer);

/*
 * An answer about variables, by the control channel. err: 0, or -errno; why: a
 * sentence, NULL for that of the errno. Takes vars (may be NULL), of a success.
 */
void answer_variable(struct engine *e, const struct msg *m, const char *type,
		     int err, const char *why, struct json_object *vars);

/* The contents {status: ok} and {status: error, ...}; name: of the errno. */
struct json_object *answer_ok(void);
struct json_object *answer_error(const char *ename, const char *name,
				 const char *evalue);

/*
 * {"engine": uuid}: the metadata of everything that an engine says to a client,
 * but for replies of tasks (reply.h).
 */
void answer_metadata(const struct engine *e, struct buf *out);

#endif
