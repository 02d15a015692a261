/*
 * notify.h: what ipyparallel's clients hear of engines that come and go.
 *
 * A client asks for the engines and subscribes to notifications when it has
 * the answer: of an engine that comes in between it would never hear. So what
 * is new is said again when somebody subscribes; clients that know it already
 * take it as it is.
 */
#ifndef TASKFS_CONTROLLER_NOTIFY_H
#define TASKFS_CONTROLLER_NOTIFY_H

#include "engines.h"

/* joined: else gone. */
void notify_engine(struct engine *e, bool joined);
/* Somebody subscribed. */
void notify_again(struct controller *c);
void notify_init(struct controller *c);
void notify_done(struct controller *c);

#endif
