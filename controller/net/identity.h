/*
 * identity.h: the keys and names of a controller, and what of them is the same
 * after a restart.
 */
#ifndef TASKFS_CONTROLLER_NET_IDENTITY_H
#define TASKFS_CONTROLLER_NET_IDENTITY_H

#include "core/controller.h"

/*
 * Fills cluster, instance, key, curve and session, after address_init() and
 * store_open(). -errno with a sentence in *why.
 */
int identity_init(struct controller *c, struct buf *why) must_check;
void identity_done(struct controller *c);

#endif
