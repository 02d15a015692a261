/*
 * address.h: where peers find the controller: the addresses and ports of its
 * sockets, and the connection files that tell of them.
 *
 * A socket's port is what the connection files of the last run say (--reuse);
 * else what it was in the last run; else the next of --ports; else any.
 */
#ifndef TASKFS_CONTROLLER_NET_ADDRESS_H
#define TASKFS_CONTROLLER_NET_ADDRESS_H

#include "core/controller.h"

/* Called after the options are read, before keys are made. -errno with a sentence in
 * *why. */
int address_init(struct controller *c, struct buf *why) must_check;
void address_done(struct controller *c);

/* The key the old files sign with, or NULL: no files, or none to be reused. */
const char *address_old_key(const struct controller *c);
/* "tcp://ADDRESS" for peers of that side. */
void address_interface(const struct controller *c, enum connfile_kind side,
		       char ret_interface[256]);

/* Binds one socket, named so in the store and the log. -errno. */
int address_bind(struct controller *c, enum socket i, const char *name)
	must_check;
/* Writes the connection files, when all sockets are bound. -errno, logged. */
int address_publish(struct controller *c) must_check;
/* Removes the connection files, unless they are to be reused. */
void address_withdraw(const struct controller *c);

#endif
