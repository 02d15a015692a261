/*
 * ask.h: questions about variables, which the controller passes on to engines,
 * and what their answers say that is news.
 */
#ifndef TASKFS_FS_VARS_ASK_H
#define TASKFS_FS_VARS_ASK_H

#include "base/idlist.h"
#include "link/request.h"
#include "mirror/mirror.h"
#include "tree/fs.h"
#include "wire/json.h"

/* The controller answers for its engines within 20 s. */
#define VARS_TIMEOUT (30 * USEC_PER_SEC)
/* ... but for those that answer between their tasks, however long those are. */
#define VARS_PATIENCE (366 * 86400 * USEC_PER_SEC)

/* {engines, [name]}: what every question begins with. */
struct json_object *vars_question(const struct idlist *engines,
				  const struct var_name *name);
/* What of an answer is news: takes it into the mirror. */
void vars_take_answer(struct fs *fs, const struct msg *reply);
/* Says once in a while in the log why something failed. */
void vars_log(const char *what, const struct var_name *name, int err,
	      const struct msg *reply);

/* One of them answers between its tasks. */
bool vars_wait(const struct fs *fs, const struct idlist *engines);
/* For link_ask(): how long to wait for them. */
uint64_t vars_timeout(const struct fs *fs, const struct idlist *engines);
/* An empty value is on its way to them, shown at once; or it did not arrive. */
void vars_expect(struct fs *fs, const struct idlist *engines,
		 struct var_name *name, bool arrives);

#endif
