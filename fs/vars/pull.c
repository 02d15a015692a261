#include "pull.h"
#include "ask.h"
#include "link/link.h"
#include "open/file.h"
#include "open/window.h"
#include "vars.h"
#include "wire/scan.h"

#define PULL_PARALLEL 16	/* first pieces asked for at a time */
/* The first piece, of one engine and of several. */
#define FIRST_OF_ONE WINDOW_FIRST
#define FIRST_OF_MANY (16 * KIB)

struct part {
	struct pull *pull;
	uint64_t engine;
	struct request q;	/* for the first piece */
	bool known;
	uint64_t at, size;	/* in the file */
	char version[80];
	struct window window;
};

struct pull {
	struct fs *fs;
	struct file *file;
	struct var_name *name;
	bool lines;
	struct part *part;
	size_t n;
	size_t asked, known;
	int err;
	uint64_t size;
	bool joined;		/* all values are small, and stand in `all` */
	struct buf all;
};

static size_t first_piece(const struct pull *p)
{
	return p->n == 1 ? FIRST_OF_ONE : FIRST_OF_MANY;
}

/* --- asking ------------------------------------------------------------- */

static int ask_piece(struct window *w, struct request *q,
		     const struct piece_plan *plan)
{
	struct part *part = w->owner;
	struct idlist one = {.id = &part->engine, .n = 1};
	struct json_object *o = vars_question(&one, part->pull->name);
	struct msg_out out = {.type = MSG_PULL_REQUEST, .content = o};
	int err;

	json_add_int(o, "offset", (int64_t)plan->offset);
	json_add_int(o, "length", (int64_t)plan->n);
	if (part->pull->lines)
		json_add_bool(o, "lines", true);
	if (part->known)
		json_add_str(o, "version", part->version);
	err = link_ask(w->fs->link, q, &out, vars_timeout(w->fs, &one));
	json_object_put(o);
	return err;
}

static const struct source var_source = {.ask = ask_piece};

struct piece_fields {
	int64_t offset, size;
	struct bytes version;
};

static const struct field piece_fields[] = {
	{"offset", FIELD_INT, offsetof(struct piece_fields, offset), -1},
	{"size", FIELD_INT, offsetof(struct piece_fields, size), -1},
	{"version", FIELD_SPAN, offsetof(struct piece_fields, version), 0},
	{.name = NULL},
};

static int take_first(struct part *part, struct msg *m)
{
	struct piece_fields f = {-1, -1, {0}};
	uint64_t n = msg_buffer(m, 0).n;
	struct bytes version;

	if (!scan_fields(request_content(m), piece_fields, &f) ||
	    f.offset != 0 || f.size < 0 || n > (uint64_t)f.size ||
	    n > first_piece(part->pull) ||
	    (n == 0 && f.size > 0) || !scan_plain(f.version, &version) ||
	    version.n >= sizeof(part->version))
		return -EIO;
	memcpy(part->version, version.p, version.n);
	part->size = (uint64_t)f.size;
	part->known = true;
	window_begin(&part->window, m);
	return 0;
}

static void ask_first(struct pull *p);

static void on_first(struct request *q, int err, struct msg *m)
{
	struct part *part = container_of(q, struct part, q);
	struct pull *p = part->pull;

	if (err && !p->err)
		vars_log("a variable cannot be read", p->name, err, m);
	/* The file is there, also when one of several engines lacks the variable. */
	if (err == -ENOENT && p->n > 1)
		err = -EREMOTEIO;
	if (!err)
		err = take_first(part, m);
	p->known++;
	if (err && !p->err)
		p->err = err;
	if (!p->err)
		ask_first(p);
	park_wake(p->fs->park, &p->file->waiter);
}

static void ask_first(struct pull *p)
{
	const struct piece_plan plan = {.n = first_piece(p)};

	while (!p->err && p->asked < p->n &&
	       p->asked - p->known < PULL_PARALLEL) {
		struct part *part = &p->part[p->asked];

		part->q.done = on_first;
		p->err = ask_piece(&part->window, &part->q, &plan);
		if (!p->err)
			p->asked++;
	}
}

/* --- reading ------------------------------------------------------------ */

static void place_parts(struct pull *p)
{
	bool small = true;
	size_t i;

	p->size = 0;
	for (i = 0; i < p->n; i++) {
		p->part[i].at = p->size;
		p->size += p->part[i].size;
		small &= p->part[i].size == p->part[i].window.end;
	}
	if (!small || p->n == 1)
		return;
	for (i = 0; i < p->n; i++)
		window_put_all(&p->part[i].window, &p->all);
	p->joined = true;
}

static struct part *find_part(struct pull *p, uint64_t off)
{
	size_t from = 0, to = p->n;

	while (to - from > 1) {
		size_t mid = from + (to - from) / 2;

		if (p->part[mid].at <= off)
			from = mid;
		else
			to = mid;
	}
	return &p->part[from];
}

int pull_read(struct pull *p, uint64_t off, size_t n, struct answer *a)
{
	struct part *part;

	ask_first(p);
	if (p->err && p->known == p->asked)
		return p->err;
	if (p->known < p->n)
		return -EINPROGRESS;
	if (!p->joined && !p->size)
		place_parts(p);
	if (off >= p->size || n == 0)
		return 0;
	if (p->joined) {
		answer_slice(a, buf_bytes(&p->all), off, n);
		return 0;
	}
	part = find_part(p, off);
	off -= part->at;
	return window_read(&part->window, off,
			   min_u64(n, part->size - off), part->size, a);
}

/* --- coming and going --------------------------------------------------- */

struct pull *pull_new(struct file *f, const struct idlist *engines,
		      struct var_name *name, bool lines)
{
	struct pull *p = zalloc(sizeof(*p));
	size_t i;

	p->fs = f->fs;
	p->file = f;
	p->name = name;
	p->lines = lines;
	p->n = engines->n;
	p->part = zalloc(max_u64(p->n, 1) * sizeof(*p->part));
	for (i = 0; i < p->n; i++) {
		p->part[i].pull = p;
		p->part[i].engine = engines->id[i];
		window_init_from(&p->part[i].window, f, &var_source,
				 &p->part[i]);
	}
	return p;
}

void pull_free(struct pull *p)
{
	size_t i;

	if (!p)
		return;
	for (i = 0; i < p->n; i++) {
		link_forget(p->fs->link, &p->part[i].q);
		window_done(&p->part[i].window);
	}
	buf_done(&p->all);
	free(p->part);
	free(p);
}
