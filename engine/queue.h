/*
 * queue.h: the tasks of an engine on their way: a task arrives, waits, runs, and
 * ends. They begin in the order of their arrival, but that one which may not begin
 * yet holds up no other. What of them there is, task.h knows.
 */
#ifndef TASKFS_ENGINE_QUEUE_H
#define TASKFS_ENGINE_QUEUE_H

#include "task.h"

void queue_init(struct engine *e);
/* What still runs is left to the guard. */
void queue_done(struct engine *e);

/* A request to execute or apply came by channel c; takes over what *m holds. */
void queue_add(struct engine *e, enum channel c, struct msg *m);
/* The controller has stored these; unknown msg_ids are fine. */
void queue_stored(struct engine *e, struct json_object *msg_ids);
/*
 * Registered (again): what the controller does not want goes, the rest is
 * told from the beginning. unwanted: msg_ids, or NULL. True: something came too
 * late for that registration, and waits for another.
 */
bool queue_registered(struct engine *e, struct json_object *unwanted);

/* A waiting task ends as aborted, a running one is ended. */
void queue_abort_task(struct task *t);
/* The task of this id is aborted if it waits, or when it arrives. */
void queue_abort(struct engine *e, struct bytes msg_id);
/* All tasks of clients that wait. */
void queue_abort_waiting(struct engine *e);
/* A signal to all that run. */
void queue_signal(struct engine *e, int signo);

#endif
