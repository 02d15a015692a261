/*
 * vars.h: the variables of engines: what there is, as the engines tell it, and
 * requests for them, passed on to the engines and their answers back. Values
 * are not kept here.
 *
 * A request that is passed on stays in a table until all its engines have
 * answered; one that is gone, or does not answer within VARS_TIMEOUT, is
 * answered for.
 *
 * On a Python engine of ipyparallel they are the variables of its namespace; the
 * hook (ipython/hook_vars.py) serves the same requests there. Such an engine answers
 * between its tasks, however long that takes (a request with `now` is refused
 * instead). Which variables it has it tells only when it is asked, and it is
 * asked only when a mount asks and something ran on it since the last time;
 * while it is busy the answer is what it told last.
 */
#ifndef TASKFS_CONTROLLER_VARS_H
#define TASKFS_CONTROLLER_VARS_H

#include "core/controller.h"

#define VARS_TIMEOUT (20 * USEC_PER_SEC)
/* Requests passed on at a time, and to one engine: more are refused. */
#define LIMIT_FORWARDS 1024
#define LIMIT_FORWARDS_ENGINE 256

struct engine;
struct request;

/* The message `vars` of an engine, on the socket of its replies. */
void vars_on_told(struct engine *e, struct msg *m);
/* The hook runs on a Python engine, which can be asked now. */
void vars_on_ready(struct engine *e);
/* The answer of a Python engine with its variables; `ran`: e->ran when it was asked.
 * Nobody but who asked is told. */
void vars_on_answer(struct engine *e, struct json_object *vars, int64_t ran);
/*
 * A Python engine ran something: what it told may not be so any more. While there
 * are mounts it is asked what there is now, four times a second at most: so that
 * it is known when something runs there for long.
 */
void vars_ran(struct engine *e);
/* The answer to such a listing; false: m is about something else. */
bool vars_on_listing(struct engine *e, struct msg *m);

/* For the files of this room: what the engine told is published now; is forgotten. */
void vars_publish(struct engine *e);
void vars_forget(struct engine *e);

/* Adds the member `vars` to the engine's JSON, if its variables are known. */
void vars_add_json(const struct engine *e, struct json_object *o);

#endif
