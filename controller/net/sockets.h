/*
 * sockets.h: the sockets of the controller. Which there are: enum socket; how they are
 * bound and who gets what arrives on them: hub.c.
 */
#ifndef TASKFS_CONTROLLER_NET_SOCKETS_H
#define TASKFS_CONTROLLER_NET_SOCKETS_H

#include "core/controller.h"

struct hub_socket {
	void *socket;
	unsigned port;
	struct watch watch;
	struct controller *c;
};

static inline void *sock_of(struct controller *c, enum socket s)
{
	return c->sock[s].socket;
}

#endif
