/*
 * subscribers.h: who subscribes to what the controller publishes.
 *
 * libzmq keeps every topic that a peer subscribes to, some forty bytes for each
 * byte of it, and has no limit. So topics are counted here by connection, and who
 * has too many is shut out.
 */
#ifndef TASKFS_CONTROLLER_GATE_SUBSCRIBERS_H
#define TASKFS_CONTROLLER_GATE_SUBSCRIBERS_H

#include "net/sockets.h"

/*
 * Reads what an XPUB socket tells, or some of it: its watch calls again. How many
 * have subscribed; *ret_any (or NULL): whether the last word was that somebody has.
 * name: of the socket, for the log.
 */
unsigned subscribers_read(struct hub_socket *s, const char *name,
			  bool *ret_any);
void subscribers_close(struct controller *c);

#endif
