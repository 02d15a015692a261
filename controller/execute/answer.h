/*
 * answer.h: replies of engines to tasks.
 */
#ifndef TASKFS_CONTROLLER_EXECUTE_ANSWER_H
#define TASKFS_CONTROLLER_EXECUTE_ANSWER_H

#include "schedule/run.h"

/* m's content is parsed, or cannot be read (m->why). */
void answer_on_reply(struct engine *e, struct msg *m);

#endif
