/*
 * together.h: that a task has ended is told with the ends of others. While tasks wait to
 * be run, a reply is kept for a moment: one message after the other costs all who take
 * them less than one now and one then.
 */
#ifndef TASKFS_ENGINE_TOGETHER_H
#define TASKFS_ENGINE_TOGETHER_H

#include "task.h"

void together_init(struct engine *e);
void together_done(struct engine *e);
/* A task has ended; deliver() is called for it, soon. It may be freed by this. */
void together_end(struct task *t);
/* What is kept is said now. Also while the engine leaves. */
void together_tell(struct engine *e);

#endif
