/*
 * sock.h: ZeroMQ sockets, set up the way all three programs need them.
 *
 * Every socket: frames up to a limit, linger as given, and, when curve is
 * given, CURVE. Own identities are 1 to 255 bytes and do not begin with zero; of
 * two peers of one identity the later is the one. A host that is gone is noticed
 * after two minutes of silence; by who has something to say to it when the kernel
 * gives that up (tcp_retries2: about 15 minutes).
 */
#ifndef TASKFS_SOCK_H
#define TASKFS_SOCK_H

#include "base/base.h"
#include "wire/curve.h"

#include <zmq.h>

struct sock {
	int type;		/* ZMQ_ROUTER ... */
	const char *identity;	/* NULL: ZeroMQ chooses */
	int send_hwm;		/* messages; 0: no limit */
	int recv_hwm;
	int linger_ms;		/* at close */
	/* A dead peer is noticed within seconds, also behind a silent
	 * network. */
	bool heartbeat;
	const struct curve *curve;	/* NULL or off: none */
	const char *domain;	/* of a server's: what ZAP is told; or NULL */
	int64_t max_frame;	/* bytes; 0: LIMIT_FRAME */
};

/* -errno with *ret_socket untouched; the caller gives it to sock_close(). */
int sock_new(void *zmq, const struct sock *s, void **ret_socket) must_check;
void sock_close(void **socket);	/* NULL inside is fine */

/*
 * Binds to tcp://ip:port. *ret_port is the one bound. -errno (-EADDRINUSE ...).
 *
 * Port 0 is any free one, below those that the kernel gives to who asks for none
 * by its number (ip_local_port_range): a connection of anybody could have one of
 * these when it is wanted again after a restart.
 */
int sock_bind(void *socket, const char *ip, unsigned port,
	      unsigned *ret_port) must_check;
/* Not there any more, where sock_bind() was. */
void sock_unbind(void *socket, const char *ip, unsigned port);
/* Connects (in the background, again and again). -errno. */
int sock_connect(void *socket, const char *interface, unsigned port)
	must_check;
/*
 * The same once more, in the place of that connection: libzmq gives one up for good
 * when who is there does not speak as it should, and a stranger may have been there.
 */
int sock_connect_again(void *socket, const char *interface, unsigned port)
	must_check;

/*
 * A second socket, which tells of the connections of the first: of those events
 * (ZMQ_EVENT_DISCONNECTED ...) of zmq_socket_monitor(3). -errno with *ret_monitor
 * untouched; the caller gives it to sock_monitor_close(). In the thread of the
 * loop only.
 */
int sock_monitor(void *zmq, void *socket, int events, void **ret_monitor)
	must_check;
/* The next event and its value; false: no more has come. */
bool sock_monitor_next(void *monitor, int *ret_event, int *ret_value);
/* Reads all of them: whether a connection has ended since. */
bool sock_monitor_ended(void *monitor);
/* Before the socket itself is closed; NULL inside either is fine. */
void sock_monitor_close(void *socket, void **monitor);

#endif
