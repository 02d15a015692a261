#include "ssh/tunnel.h"
#include "ssh/process.h"
#include "ssh/shown.h"
#include "ssh/url.h"

#include <poll.h>
#include <sodium.h>
#include <sys/socket.h>

#define CLOSE_MS 5000

struct tunnel {
	char *url, *dir;
	enum connfile_kind kind;
	struct shown *shown;
	int fd;		/* to the keeper: what is wanted; its end */
};

void tunnel_main(int argc, char **argv)
{
	process_main(argc, argv);
}

static int start(struct tunnel *t)
{
	int fd[2], shown_fd, err;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
		return -errno;
	t->fd = fd[0];
	err = shown_new(&t->shown, &shown_fd);
	if (!err) {
		err = process_start(t->url, t->kind, t->dir, fd[1], shown_fd);
		close(shown_fd);
	}
	close(fd[1]);
	return err;
}

/* Nothing ever comes from the keeper but its end. */
static bool is_dead(const struct tunnel *t)
{
	char c;

	return recv(t->fd, &c, 1, MSG_DONTWAIT) == 0;
}

void tunnel_leave(struct tunnel *t)
{
	if (!t)
		return;
	if (t->fd >= 0)
		close(t->fd);
	shown_free(t->shown);
	free(t->url);
	free(t->dir);
	free(t);
}

int tunnel_open(const char *url, enum connfile_kind kind,
		struct tunnel **ret_tunnel, struct buf *why)
{
	struct ssh_url u;
	struct tunnel *t;
	int err = ssh_url_parse(&u, url, why);

	ssh_url_done(&u);
	if (err)
		return err;
	t = zalloc(sizeof(*t));
	t->url = xstrdup(url);
	t->kind = kind;
	t->fd = -1;
	err = shown_new_dir(&t->dir);
	if (!err)
		err = start(t);
	if (err) {
		buf_printf(why, "cannot start what keeps the connection to "
				"%s: %s", url, strerror(-err));
		if (t->dir)
			shown_remove_dir(t->dir);
		tunnel_leave(t);
		return err;
	}
	*ret_tunnel = t;
	return 0;
}

void tunnel_close(struct tunnel *t)
{
	struct pollfd p = {.events = POLLIN};

	if (!t)
		return;
	p.fd = t->fd;
	shutdown(t->fd, SHUT_WR);
	(void)poll(&p, 1, CLOSE_MS);
	if (is_dead(t)) /* and it had no time, when it was killed */
		shown_remove_dir(t->dir);
	tunnel_leave(t);
}

const char *tunnel_url(const struct tunnel *t)
{
	return t->url;
}

enum tunnel_state tunnel_state(const struct tunnel *t, struct buf *why)
{
	if (!is_dead(t))
		return shown_get(t->shown, why);
	buf_puts(why, "both processes taskfs-tunnel, which kept ssh running, "
		      "were killed; this program has to be started again");
	return TUNNEL_FAILED;
}

bool tunnel_is_up(const struct tunnel *t)
{
	struct buf ignored = BUF_INIT;
	enum tunnel_state state = tunnel_state(t, &ignored);

	buf_done(&ignored);
	return state == TUNNEL_UP;
}

enum tunnel_state tunnel_explain(const struct tunnel *t, struct buf *why)
{
	enum tunnel_state state;

	buf_clear(why);
	state = tunnel_state(t, why);
	if (why->n == 0)
		buf_printf(why, "no answer from %s yet", t->url);
	return state;
}

int tunnel_text(const struct tunnel *t, struct buf *text)
{
	return is_dead(t) ? -ENOENT : shown_text(t->shown, text);
}

int tunnel_load(const struct tunnel *t, struct connfile *ret_file,
		struct buf *why)
{
	struct buf text = BUF_INIT;
	int err = tunnel_text(t, &text);

	if (err)
		(void)tunnel_explain(t, why);
	else
		err = connfile_parse(ret_file, t->kind, buf_bytes(&text), why);
	if (text.p)
		sodium_memzero(text.p, text.room);
	buf_done(&text);
	return err;
}

/* Of a dead one the state says so. */
static void order(struct tunnel *t, unsigned port)
{
	char line[16];
	int n = snprintf(line, sizeof(line), "%u\n", port);

	if (t)
		(void)!send(t->fd, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void tunnel_want(struct tunnel *t, unsigned port)
{
	order(t, port);
}

void tunnel_look(struct tunnel *t)
{
	order(t, 0);
}
