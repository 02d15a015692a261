/*
 * answer.h: replies of engines to tasks.
 */
#ifndef TASKFS_ANSWER_H
#define TASKFS_ANSWER_H

#include "run.h"

/* m's content is parsed, or cannot be read (m->why). */
void answer_on_reply(struct engine *e, struct msg *m);

#endif
