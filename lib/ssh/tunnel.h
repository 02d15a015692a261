/*
 * tunnel.h: a cluster that is reached over ssh, as if it were here.
 *
 * tunnel_open() starts a process of its own (keeper.h), which keeps one ssh
 * running. It shows what there is at the other end: in memory the connection file,
 * which is there exactly as long as it can be used, and in a private directory Unix
 * sockets for the ports that tunnel_want() names. A controller out of reach is one
 * that is away, as without a tunnel. The keeper, its ssh and the directory go when
 * nobody has the tunnel open any more, however that ends: so who forks has it in
 * both processes.
 *
 * It is a program of taskfs that becomes the keeper: main() calls tunnel_main()
 * first of all.
 */
#ifndef TASKFS_SSH_TUNNEL_H
#define TASKFS_SSH_TUNNEL_H

#include "base/buf.h"
#include "wire/connfile.h"

enum tunnel_state {
	TUNNEL_CONNECTING,	/* ssh runs, and is not through yet */
	TUNNEL_FAILED,		/* it ended; it is started again */
	TUNNEL_NO_FILE,		/* it is through: no usable connection file there */
	TUNNEL_UP,
};

struct tunnel;

/* Runs the keeper and never returns, when this process is to be one. */
void tunnel_main(int argc, char **argv);

/*
 * url: see url.h. -EINVAL (no such url), -errno: *why says what is wrong.
 * tunnel_close() waits for the keeper to be gone, for some seconds at most (a
 * message that was sent is on its way until then). tunnel_leave(): of who was
 * forked by another that has it open still. NULL is fine.
 */
int tunnel_open(const char *url, enum connfile_kind kind,
		struct tunnel **ret_tunnel, struct buf *why) must_check;
void tunnel_close(struct tunnel *t);
void tunnel_leave(struct tunnel *t);

const char *tunnel_url(const struct tunnel *t);
/*
 * *why: what ssh said, or what is wrong with the file. Of one that is up it is what
 * ssh said last, about what it forwards; or nothing.
 */
enum tunnel_state tunnel_state(const struct tunnel *t, struct buf *why);
bool tunnel_is_up(const struct tunnel *t);
/* The state; and why there is no connection file, in a sentence, instead of what *why
 * has. */
enum tunnel_state tunnel_explain(const struct tunnel *t, struct buf *why);

/*
 * The connection file as it is from here: appended to *text; or read, and *why says
 * why not. -ENOENT: there is none (now).
 */
int tunnel_text(const struct tunnel *t, struct buf *text) must_check;
int tunnel_load(const struct tunnel *t, struct connfile *ret_file,
		struct buf *why) must_check;

/*
 * A connection to this port (of the connection file, or told by the controller) is
 * wanted, again and again perhaps; the file is looked at, too. NULL: not through a
 * tunnel.
 */
void tunnel_want(struct tunnel *t, unsigned port);
/* Whether the file at the other end has changed; not known at once. NULL is fine. */
void tunnel_look(struct tunnel *t);

#endif
