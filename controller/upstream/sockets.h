/*
 * sockets.h: the sockets to the upstream controller.
 */
#ifndef TASKFS_CONTROLLER_UPSTREAM_SOCKETS_H
#define TASKFS_CONTROLLER_UPSTREAM_SOCKETS_H

#include "upstream.h"

/* Whether anything is taken in has changed (net/intake.h): reads outputs again, or
 * no more. */
void upstream_feed(struct controller *c);

#endif
