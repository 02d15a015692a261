/*
 * hub.h: the sockets of the controller: which there are, how they are bound,
 * and who gets what arrives on them.
 */
#ifndef TASKFS_HUB_H
#define TASKFS_HUB_H

#include "controller.h"

/* Makes and binds all sockets. -errno with a sentence in *why. */
int hub_open(struct controller *c, struct buf *why) must_check;
void hub_close(struct controller *c);
/* An ipyparallel client has its connection_reply. */
void hub_on_hello(struct controller *c);
/* After something was taken in that is stored: more of it may have to wait. */
void hub_check_backlog(struct controller *c);

#endif
