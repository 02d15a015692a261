/*
 * ahead.h: tasks that are at an engine before it is free for them.
 *
 * Where tasks are short an engine would wait for the next one longer than it works. So
 * it is given some ahead, which wait there: as many as fill a moment, measured by how
 * long the last ones took, and of those only that can wait behind others without harm
 * (ahead_suits()). Nothing changes for who looks: such a task is pending.
 *
 * It is stored as begun before it is sent, like any other, because nobody can know of
 * an engine that vanishes what it has begun. But an engine that takes tasks ahead says
 * what it has not begun: when a task before takes long, when it is asked to
 * (ahead_recall_...()), when it ends; its guard, when it was killed. Those wait again
 * (run_put_back()).
 */
#ifndef TASKFS_CONTROLLER_SCHEDULE_AHEAD_H
#define TASKFS_CONTROLLER_SCHEDULE_AHEAD_H

#include "run.h"

/* The engine can be given one more ahead. */
bool ahead_has_room(const struct engine *e);
/* A task of the result can be. */
bool ahead_suits(const struct result *r);

/* The run begins at an engine, which counts it already: has it to wait there? */
void ahead_add(struct run *run);
/* The run waits there no more. One that is not ahead is fine. */
void ahead_remove(struct run *run);
/* The run whose turn it is at the engine: it is ahead no more; NULL: none. */
struct run *ahead_next(struct engine *e);

/* A task ran so long there; usec. */
void ahead_note(struct engine *e, int64_t ran);
/* One that runs there takes long: others had to wait. */
void ahead_note_long(struct engine *e);

/* What is ahead is given back: all of the engine; of the result, or of its task. */
void ahead_recall_engine(struct engine *e);
void ahead_recall_result(const struct result *r);
void ahead_recall_task(const struct result *r, uint32_t index);
/* All of results of less than this priority. */
void ahead_recall_below(struct controller *c, int64_t priority);

#endif
