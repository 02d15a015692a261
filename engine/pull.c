#include "pull.h"
#include "answer.h"
#include "engine.h"
#include "wire/messages.h"

#include <fcntl.h>
#include <sys/stat.h>

static void name_version(const struct stat *st, char version[PULL_VERSION])
{
	snprintf(version, PULL_VERSION, "%llx-%llx-%llx.%lx",
		 (unsigned long long)st->st_ino,
		 (unsigned long long)st->st_size,
		 (unsigned long long)st->st_mtim.tv_sec,
		 (unsigned long)st->st_mtim.tv_nsec);
}

/* --- values that are open ----------------------------------------------- */

static void open_close(struct pull_open *o)
{
	if (o->used)
		close(o->fd);
	o->used = 0;
}

void pulls_done(struct engine *e)
{
	size_t i;

	for (i = 0; i < PULL_OPEN; i++)
		open_close(&e->pulls.open[i]);
	buf_done(&e->pulls.piece);
}

static struct pull_open *open_find(struct pulls *ps, const char *name,
				   const char *version)
{
	size_t i;

	for (i = 0; i < PULL_OPEN; i++) {
		struct pull_open *o = &ps->open[i];

		if (o->used && strcmp(o->name, name) == 0 &&
		    strcmp(o->version, version) == 0)
			return o;
	}
	return NULL;
}

/* Takes fd over. */
static void open_keep(struct pulls *ps, const char *name, const char *version,
		      int fd)
{
	struct pull_open *oldest = &ps->open[0];
	size_t i;

	for (i = 1; i < PULL_OPEN; i++)
		if (ps->open[i].used < oldest->used)
			oldest = &ps->open[i];
	open_close(oldest);
	oldest->fd = fd;
	oldest->used = ++ps->used;
	snprintf(oldest->name, sizeof(oldest->name), "%s", name);
	snprintf(oldest->version, sizeof(oldest->version), "%s", version);
}

/* --- a piece ------------------------------------------------------------ */

struct pull {
	const char *name, *version;	/* version: NULL: any */
	int64_t offset, length;
	/* found */
	int fd;
	struct stat st;
	char now[PULL_VERSION];
};

static int read_question(struct json_object *q, struct pull *p)
{
	p->name = vars_get_name(q, "name");
	if (!p->name)
		return -EINVAL;
	p->version = json_get_str(q, "version", NULL);
	p->offset = json_int_or(q, "offset", 0);
	p->length = json_int_or(q, "length", LIMIT_PIECE);
	if (p->offset < 0 || p->length < 0)
		return -EINVAL;
	p->length = (int64_t)min_u64((uint64_t)p->length, LIMIT_PIECE);
	return 0;
}

static int find_value(struct engine *e, struct pull *p)
{
	struct pull_open *o = p->version ? open_find(&e->pulls, p->name,
						     p->version)
					 : NULL;

	if (o && fstat(o->fd, &p->st) == 0) {
		p->fd = o->fd;
		o->used = 0; /* kept again when there is more to read */
	} else {
		p->fd = vars_open(e, p->name, O_RDONLY, &p->st);
		if (p->fd < 0)
			return p->fd;
	}
	name_version(&p->st, p->now);
	if (!p->version || strcmp(p->version, p->now) == 0)
		return 0;
	close(p->fd);
	return -ESTALE;
}

static int read_piece(struct pull *p, struct buf *b)
{
	char *to = buf_reserve(b, (size_t)p->length);

	while ((int64_t)b->n < p->length) {
		ssize_t n = pread(p->fd, to + b->n, (size_t)p->length - b->n,
				  p->offset + (off_t)b->n);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
		b->n += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static struct json_object *about_piece(const struct pull *p)
{
	struct json_object *o = answer_ok();

	json_add_int(o, "offset", p->offset);
	json_add_int(o, "size", p->st.st_size);
	json_add_str(o, "version", p->now);
	return o;
}

static const char *explain(int err)
{
	return err == -ESTALE ? "it has another value by now" : strerror(-err);
}

void pull_request(struct engine *e, struct msg *m)
{
	struct buf *b = &e->pulls.piece;
	struct pull p = {.fd = -1};
	struct json_object *o;
	struct bytes piece;
	int err = read_question(m->content, &p);

	buf_clear(b);
	if (!err)
		err = find_value(e, &p);
	if (!err) {
		err = read_piece(&p, b);
		if (!err && p.offset + (int64_t)b->n < p.st.st_size)
			open_keep(&e->pulls, p.name, p.now, p.fd);
		else
			close(p.fd);
	}
	if (err) {
		answer_variable(e, m, MSG_PULL_REPLY, err, explain(err), NULL);
		return;
	}
	o = about_piece(&p);
	piece = buf_bytes(b);
	answer_with_buffer(e, CHANNEL_CONTROL, m, MSG_PULL_REPLY, o, &piece);
}
