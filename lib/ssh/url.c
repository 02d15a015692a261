#include "ssh/url.h"
#include "base/parse.h"
#include "wire/connfile.h"
#include "wire/limits.h"

#define SCHEME "ssh://"
#define WORD "abcdefghijklmnopqrstuvwxyz" \
	     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

bool ssh_is_url(const char *text)
{
	return strncmp(text, SCHEME, strlen(SCHEME)) == 0;
}

static int bad(struct buf *why, const char *what, struct bytes text)
{
	buf_puts(why, "'");
	buf_put_escaped(why, text, 64);
	buf_printf(why, "' is no %s; it is ssh://[USER@]HOST[:PORT]/CLUSTER",
		   what);
	return -EINVAL;
}

/* A word of these letters that ssh takes for no option. */
static bool is_word(struct bytes text, const char *letters)
{
	const char *p = text.p;
	size_t i;

	if (text.n == 0 || text.n > LIMIT_SSH_WORD || p[0] == '-')
		return false;
	for (i = 0; i < text.n; i++)
		if (!p[i] || !strchr(letters, p[i]))
			return false;
	return true;
}

static int take_user(struct ssh_url *u, struct bytes *rest, struct buf *why)
{
	const char *p = rest->p;
	const char *at = rest->n ? memrchr(p, '@', rest->n) : NULL;
	struct bytes user;

	if (!at)
		return 0;
	user = bytes_of(p, (size_t)(at - p));
	if (!is_word(user, WORD "@+"))
		return bad(why, "user of ssh", user);
	u->user = xmemdup_nul(user.p, user.n);
	*rest = bytes_of(at + 1, rest->n - user.n - 1);
	return 0;
}

static int take_host(struct ssh_url *u, struct bytes *rest, struct buf *why)
{
	const char *p = rest->p;
	bool brackets = rest->n && p[0] == '[';
	const char *end = rest->n ? memchr(p, brackets ? ']' : ':', rest->n)
				  : NULL;
	struct bytes host = *rest;

	if (brackets && !end)
		return bad(why, "host", host);
	if (end)
		host.n = (size_t)(end - p);
	*rest = bytes_of(p + host.n + brackets, rest->n - host.n - brackets);
	if (brackets)
		host = bytes_of(p + 1, host.n - 1);
	if (!is_word(host, brackets ? WORD ":%" : WORD))
		return bad(why, "host", host);
	u->host = xmemdup_nul(host.p, host.n);
	return 0;
}

static int take_port(struct ssh_url *u, struct bytes rest, struct buf *why)
{
	uint64_t port;

	if (rest.n == 0)
		return 0;
	if (*(const char *)rest.p != ':' ||
	    parse_u64(bytes_of((const char *)rest.p + 1, rest.n - 1), 1, 65535,
		      &port))
		return bad(why, "port behind a host", rest);
	u->port = (unsigned)port;
	return 0;
}

/* Over there it is a line of a script, between quotes. */
static int take_source(struct ssh_url *u, const char *text, struct buf *why)
{
	const char *p;

	for (p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return bad(why, "path", bytes_str(text));
	if (p - text >= PATH_MAX)
		return bad(why, "path (it is too long)", bytes_str(text));
	if (!*text)
		text = "default";
	if (!cluster_is_path(text) && !cluster_is_name(text, why))
		return -EINVAL;
	u->source = xstrdup(text);
	return 0;
}

int ssh_url_parse(struct ssh_url *u, const char *text, struct buf *why)
{
	struct bytes rest;
	const char *slash;
	int err;

	*u = (struct ssh_url){0};
	if (!ssh_is_url(text))
		return bad(why, "ssh://", bytes_str(text));
	text += strlen(SCHEME);
	slash = strchrnul(text, '/');
	rest = bytes_of(text, (size_t)(slash - text));
	err = take_user(u, &rest, why);
	if (!err)
		err = take_host(u, &rest, why);
	if (!err)
		err = take_port(u, rest, why);
	return err ? err : take_source(u, slash + (*slash == '/'), why);
}

void ssh_url_done(struct ssh_url *u)
{
	free(u->user);
	free(u->host);
	free(u->source);
	*u = (struct ssh_url){0};
}
