#include "base/base.h"
#include "note.h"

#include "base/file.h"
#include "base/log.h"
#include "pool.h"

#include <fcntl.h>

/* So much of a text that a command printed. */
#define TEXT_MAX 200

static void put_text(struct buf *out, const char *text)
{
	buf_puts(out, "\t");
	buf_put_escaped(out, bytes_str(text && *text ? text : "-"), TEXT_MAX);
}

/* Why it may be there for long. */
static const char *trouble(const struct launch *l)
{
	if (l->trouble)
		return l->trouble;
	return pool_option_text(l->pool, "cancel")
		       ? NULL : "its pool has no cancel command";
}

static void put_launch(struct buf *out, const struct launch *l)
{
	buf_printf(out, "launch\t%s\t%s\t%s", l->pool->name, l->token,
		   launch_state_word(l->state));
	put_text(out, l->job);
	put_text(out, trouble(l));
	buf_puts(out, "\n");
}

static void put_pool(struct buf *out, const struct pool *p)
{
	const struct list *at, *k;
	unsigned launches = 0, engines = 0;

	list_for_each(at, &p->launches) {
		launches++;
		list_for_each(k, &list_entry(at, struct launch, link)->members)
			engines++;
	}
	buf_printf(out, "pool\t%s\t%s\t%u\t%u\n", p->name,
		   pool_state_word(pool_state(p)), engines, launches);
	list_for_each(at, &p->launches)
		put_launch(out, list_entry(at, struct launch, link));
}

/* Whoever reads it sees all of it, or all of the one before. */
static int replace(const char *path, struct bytes text)
{
	char *other = xasprintf("%s.new", path);
	int fd = open(other, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		      0600);
	int err = fd < 0 ? -errno : file_write_all(fd, text);

	if (fd >= 0)
		close(fd);
	if (!err && rename(other, path) < 0)
		err = -errno;
	if (err && fd >= 0)
		unlink(other);
	free(other);
	return err;
}

static int write_note(const char *path, struct bytes text)
{
	if (text.n)
		return replace(path, text);
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

void pools_note(struct controller *c)
{
	struct pools *pools = c->pools;
	struct buf text = BUF_INIT;
	const struct list *at;
	char *path;
	int err;

	list_for_each(at, &pools->all)
		put_pool(&text, list_entry(at, struct pool, link));
	if (text.n && pools->stopped)
		buf_puts(&text, "stopped\n");
	if (!pools->note || strcmp(pools->note, buf_str(&text)) != 0) {
		path = xasprintf("%s/pools.state", c->config.data);
		err = write_note(path, buf_bytes(&text));
		if (err && err != pools->note_err)
			log_warning("what pools do could not be written down",
				    log_str("file", path), log_errno(err));
		pools->note_err = err;
		free(pools->note);
		pools->note = err ? NULL : xstrdup(buf_str(&text));
		free(path);
	}
	buf_done(&text);
}
