#include "base/base.h"
#include "subscribers.h"

#include "door.h"
#include "net/sockets.h"

#include <sys/socket.h>
#include <zmq.h>

/* Of all topics of a connection, from its first to its last: our programs and
 * ipyparallel's subscribe to everything, which is one byte. */
#define LIMIT_TOPICS (64 * KIB)
#define BUDGET 64

struct subscribers {
	/* By the descriptor that libzmq has for it. */
	struct subscriber {
		struct sockaddr_storage peer;
		size_t topics;		/* bytes */
	} *by_fd;
	size_t room;
};

static struct subscriber *find(struct controller *c, int fd)
{
	struct subscribers *all = c->subscribers;
	size_t room = (size_t)fd + 1;

	if (!all)
		all = c->subscribers = zalloc(sizeof(*all));
	if (room > all->room) {
		all->by_fd = xreallocarray(all->by_fd, room,
					   sizeof(*all->by_fd));
		memset(all->by_fd + all->room, 0,
		       (room - all->room) * sizeof(*all->by_fd));
		all->room = room;
	}
	return &all->by_fd[fd];
}

/* The subscriber of that descriptor; the number of one that has ended may be
 * another's now. */
static struct subscriber *current(struct controller *c, int fd)
{
	struct sockaddr_storage peer = {0};
	socklen_t n = sizeof(peer);
	struct subscriber *who;

	if (fd < 0 || getpeername(fd, (struct sockaddr *)&peer, &n) < 0)
		return NULL;
	who = find(c, fd);
	if (memcmp(&who->peer, &peer, sizeof(peer)) != 0)
		*who = (struct subscriber){.peer = peer};
	return who;
}

static void count(struct controller *c, int fd, size_t topic, const char *name)
{
	struct subscriber *who = current(c, fd);

	if (!who || who->topics > LIMIT_TOPICS)
		return;
	/* More than this connection has sent: the topic is of one that has ended
	 * and had this descriptor. */
	if (who->topics + topic > door_received(fd))
		return;
	who->topics += topic;
	if (who->topics > LIMIT_TOPICS)
		door_shut_out(c, fd, name, "it subscribes to too much");
}

unsigned subscribers_read(struct hub_socket *s, const char *name,
			  bool *ret_any)
{
	struct msg m = {0};
	unsigned n = 0;
	int i;

	for (i = 0; i < BUDGET && msg_recv(&m, s->socket) == 0; i++) {
		struct bytes b = msg_frame(&m, 0);
		bool yes = b.n && *(const char *)b.p == 1;

		if (yes)
			count(s->c, zmq_msg_get(&m.frame[0], ZMQ_SRCFD), b.n,
			      name);
		n += yes;
		if (b.n && ret_any)
			*ret_any = yes;
		msg_done(&m);
	}
	msg_done(&m);
	return n;
}

void subscribers_close(struct controller *c)
{
	if (c->subscribers)
		free(c->subscribers->by_fd);
	free(c->subscribers);
	c->subscribers = NULL;
}
