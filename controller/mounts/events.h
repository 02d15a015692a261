/*
 * events.h: telling every mount what changed, numbered, once per turn.
 */
#ifndef TASKFS_CONTROLLER_MOUNTS_EVENTS_H
#define TASKFS_CONTROLLER_MOUNTS_EVENTS_H

#include "core/controller.h"

void events_init(struct controller *c);
void events_done(struct controller *c);
/* So many more mounts subscribed: they are told the number at once. heard: there is
 * still one that hears. */
void events_on_subscription(struct controller *c, unsigned more, bool heard);
bool events_are_heard(const struct controller *c);

/* What controller_json() says has changed: tells it, this turn. */
void events_on_controller(struct controller *c);
/* Tells v, {"engine": ...} and the like, this turn; v is owned by events from now
 * on. */
void events_add(struct controller *c, struct json_object *v);
/* Adds to o, for who knows all up to the change number `since`: the members
 * "purged", the ids of results that are gone, and "reset", whether there are more of
 * those than are remembered, or that number was never told. */
void events_add_purged(const struct controller *c, struct json_object *o,
		       uint64_t since);

#endif
