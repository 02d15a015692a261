/*
 * notify.h: what ipyparallel's clients hear of engines that come and go.
 *
 * A client asks for the engines and subscribes to notifications when it has
 * the answer: of an engine that comes or goes in between it would never hear.
 * So what is new is said again when somebody subscribes; clients that know it
 * already take it as it is. But a client that waits for engines fails when one
 * goes, even one it never knew: that one went is only said again when it was
 * after the answer.
 */
#ifndef TASKFS_CONTROLLER_ENGINES_NOTIFY_H
#define TASKFS_CONTROLLER_ENGINES_NOTIFY_H

#include "model/engines.h"

extern const struct engine_hooks notify_hooks;
/* A client asked for the engines, and will subscribe. */
void notify_hello(struct controller *c);
/* A client subscribed to notifications. */
void notify_again(struct controller *c);
void notify_init(struct controller *c);
void notify_done(struct controller *c);

#endif
