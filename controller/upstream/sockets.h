/*
 * sockets.h: the sockets to the upstream controller.
 */
#ifndef TASKFS_CONTROLLER_UPSTREAM_SOCKETS_H
#define TASKFS_CONTROLLER_UPSTREAM_SOCKETS_H

#include "upstream.h"

/* c->paused has changed: what is stored is taken in no more, or again. */
void upstream_feed(struct controller *c);

#endif
