/*
 * door.h: connections that have shown no key yet.
 *
 * libzmq takes any connection and reads what it sends until a handshake ends or
 * ZMQ_HANDSHAKE_IVL is over: a frame as large as a socket may ever have, from as
 * many as come. So those that come are counted here and looked at, by what the
 * kernel knows of them: who sends more than a handshake is, and the oldest of too
 * many that send none, are shut out.
 */
#ifndef TASKFS_CONTROLLER_GATE_DOOR_H
#define TASKFS_CONTROLLER_GATE_DOOR_H

#include "core/controller.h"

/* Watches who connects to this socket, which has CURVE; name: of the log, borrowed.
 * -errno. */
int door_watch(struct controller *c, void *socket, const char *name) must_check;
/*
 * Ends the connection of that descriptor of libzmq's, which was on that socket, and
 * says so in the log.
 */
void door_shut_out(struct controller *c, int fd, const char *socket,
		   const char *why);
/* So many bytes have come from the peer of that connection; 0: it is none. */
uint64_t door_received(int fd);
/* Before the sockets themselves are closed. */
void door_close(struct controller *c);

#endif
