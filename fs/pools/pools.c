#include "pools.h"
#include "mirror/mirror.h"
#include "park/caller.h"
#include "tree/format.h"
#include "wire/ids.h"
#include "wire/pool_option.h"

/* --- pools -------------------------------------------------------------- */

static bool set_pool(struct obj *o, struct pool *p)
{
	o->pool = p;
	if (p)
		o->id = p->id;
	return p != NULL;
}

static bool find_pool(struct obj *o, struct bytes name)
{
	return set_pool(o, pool_find(o->fs->mirror, name));
}

static bool next_pool(struct obj *o, uint64_t from, uint64_t *ret_n)
{
	if (!set_pool(o, pool_next(o->fs->mirror, from)))
		return false;
	*ret_n = o->id;
	return true;
}

static bool resolve_pool(struct obj *o)
{
	return set_pool(o, pool_get(o->fs->mirror, o->id));
}

static void put_name(const struct obj *o, struct buf *out)
{
	buf_put(out, o->pool->name, o->pool->n);
}

const struct class pool_class = {
	.find = find_pool,
	.next = next_pool,
	.resolve = resolve_pool,
	.name = put_name,
};

/* --- their options ------------------------------------------------------ */

static bool find_option(struct obj *o, struct bytes name)
{
	const struct pool_option *x = pool_option_find(name);

	if (x)
		o->sub = (uint32_t)(x - pool_options);
	return x != NULL;
}

static bool next_option(struct obj *o, uint64_t from, uint64_t *ret_n)
{
	if (from >= POOL_OPTIONS || !pool_options[from].name)
		return false;
	o->sub = (uint32_t)from;
	*ret_n = from;
	return true;
}

static bool resolve_option(struct obj *o)
{
	return resolve_pool(o) && o->sub < POOL_OPTIONS;
}

static void put_option(const struct obj *o, struct buf *out)
{
	buf_puts(out, pool_options[o->sub].name);
}

/* The files are there already. Editors do without one beside them. */
static int make_option(struct obj *o, struct bytes name, int flags)
{
	struct buf why = BUF_INIT;
	int err;

	(void)flags;
	(void)pool_option_unknown(name, &why);
	buf_puts(&why, " (files are not made or replaced here, as sed -i does: write "
		       "the whole text to the file of an option)");
	err = callers_refuse(o->fs->callers, o->by.tid, -EPERM, buf_str(&why));
	buf_done(&why);
	return err;
}

const struct class pool_option_class = {
	.find = find_option,
	.next = next_option,
	.resolve = resolve_option,
	.name = put_option,
	.make = make_option,
};

void pool_option_put(const struct pool *p, unsigned i, struct buf *out)
{
	const char *text = p->option[i];

	if (!text || !*text)
		text = pool_options[i].standard;
	if (!text)
		return;
	buf_puts(out, text);
	if (!out->n || out->p[out->n - 1] != '\n')
		buf_putc(out, '\n');
}

/* --- what it does ------------------------------------------------------- */

int pool_state(const struct obj *o, struct buf *out)
{
	return format_text(out, o->pool->state);
}

/* The lines of a command are lines here, too. */
int pool_why(const struct obj *o, struct buf *out)
{
	const char *p = o->pool->why ? o->pool->why : "";
	size_t n;

	for (; *p; p += n + (p[n] == '\n')) {
		n = strcspn(p, "\n");
		buf_put_escaped(out, bytes_of(p, n), n);
		buf_putc(out, '\n');
	}
	return 0;
}

int pool_wanted(const struct obj *o, struct buf *out)
{
	return format_number(out, o->pool->wanted);
}

int pool_engines(const struct obj *o, struct buf *out)
{
	const struct idlist *ids = &o->pool->engines;
	size_t i;

	for (i = 0; i < ids->n; i++)
		if (mirror_engine(o->fs->mirror, ids->id[i]))
			buf_printf(out, "%llu\n",
				   (unsigned long long)ids->id[i]);
	return 0;
}

static void put_launch(const struct mirror *m, const struct launch *l,
		       struct buf *out)
{
	char since[DATE_SIZE] = "-";

	if (l->since)
		date_format(l->since, since);
	buf_put_escaped(out, bytes_str(l->token), LIMIT_LAUNCH);
	buf_putc(out, ' ');
	buf_put_escaped(out, bytes_str(l->state ? l->state : "-"), 32);
	buf_printf(out, " %zu/%lld %s", pool_known_engines(m, &l->engines),
		   (long long)l->count, since);
	if (l->job && *l->job) {
		buf_putc(out, ' ');
		buf_put_escaped(out, bytes_str(l->job), LIMIT_JOB);
	}
	buf_putc(out, '\n');
}

int pool_jobs(const struct obj *o, struct buf *out)
{
	size_t i;

	for (i = 0; i < o->pool->launches; i++)
		if (o->pool->launch[i].token)
			put_launch(o->fs->mirror, &o->pool->launch[i], out);
	return 0;
}
