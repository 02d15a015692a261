/*
 * members.h: which engines an upstream controller has: it is asked when the line to it
 * is there and every few seconds, and says itself who comes and goes.
 */
#ifndef TASKFS_CONTROLLER_UPSTREAM_MEMBERS_H
#define TASKFS_CONTROLLER_UPSTREAM_MEMBERS_H

#include "upstream_parts.h"

/* Asks which engines there are. The first answer says that the upstream controller
 * is there. */
void members_say_hello(struct upstream *u);
void members_on_notification(struct upstream *u, struct msg *m);
/* The upstream controller is gone, and all its engines are. */
void members_remove_all(struct upstream *u, const char *why);

#endif
