/*
 * hub.h: the sockets of the controller: which there are, how they are bound,
 * and who gets what arrives on them.
 */
#ifndef TASKFS_HUB_H
#define TASKFS_HUB_H

#include "controller.h"

/*
 * Makes and binds all sockets: to the ports of the last run when the store
 * knows them and they are free, else to any, and remembers those. -errno with
 * a sentence in *why.
 */
int hub_open(struct controller *c, struct buf *why) must_check;
void hub_close(struct controller *c);
/* An ipyparallel client has its connection_reply. */
void hub_on_hello(struct controller *c);
/* What the connection files say; c's members are borrowed. */
void hub_connfile(struct controller *c, struct connfile *ret_client,
		  struct connfile *ret_engine);

#endif
