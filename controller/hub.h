/*
 * hub.h: the sockets of the controller: which there are, how they are bound,
 * and who gets what arrives on them.
 */
#ifndef TASKFS_CONTROLLER_HUB_H
#define TASKFS_CONTROLLER_HUB_H

#include "core/controller.h"

/* Makes and binds all sockets. -errno with a sentence in *why. */
int hub_open(struct controller *c, struct buf *why) must_check;
void hub_close(struct controller *c);

#endif
