/*
 * flight.h: tasks that were sent and of which nothing was heard. A message can
 * get lost with a connection, or go to who took an engine's name. After
 * LIMIT_FLIGHT its engine is asked whether it has the task, and what it does not
 * have waits again; a client's own, which only the client can send again, ends.
 *
 * Who beats and does not answer is given up. Who says twice in a row that a task
 * did not arrive is given no more.
 */
#ifndef TASKFS_CONTROLLER_ENGINES_FLIGHT_H
#define TASKFS_CONTROLLER_ENGINES_FLIGHT_H

#include "schedule/run.h"

void flight_init(struct controller *c);
void flight_done(struct controller *c);
extern const struct engine_hooks flight_hooks;
/* The run is to be aborted: whether its engine has it counts again. */
void flight_doubt(struct run *run);
/* A message came on the control channel; false: it is no answer to this question. */
bool flight_on_reply(struct engine *e, struct msg *m) must_check;

#endif
