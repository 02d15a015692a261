/*
 * vars_tell.h: what is said of variables: to a controller that speaks the
 * extensions, when they change; and in replies of requests.
 */
#ifndef TASKFS_ENGINE_VARS_TELL_H
#define TASKFS_ENGINE_VARS_TELL_H

#include "base/base.h"
#include "wire/json.h"

struct engine;

void vars_tell_init(struct engine *e);
/* Says now what was not told yet. */
void vars_tell(struct engine *e);
/* Nothing has to be said before the end of a task: vars_settle() could. */
bool vars_are_told(const struct engine *e);
/* Registered (again): all is told anew. */
void vars_registered(struct engine *e);
/* The channel may take more. */
void vars_can_send(struct engine *e);

/* {version, all: false, list} of one name, for a reply. */
struct json_object *vars_about(const struct engine *e, struct bytes name);
/* Adds another name to that. */
void vars_about_too(const struct engine *e, struct bytes name,
		    struct json_object *about);
/* {version, all: true, list} of all there are. */
struct json_object *vars_about_all(const struct engine *e);

#endif
