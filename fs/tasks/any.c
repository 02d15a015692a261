#include "any.h"
#include "mirror/mirror.h"
#include "open/file.h"
#include "park/caller.h"
#include "park/reply.h"

/* --- what has ended ----------------------------------------------------- */

static const struct mirror *asked; /* by_end()'s */

/* By this machine's steady clock. */
static int64_t end_of(uint32_t id)
{
	const struct result *r = mirror_result(asked, id);

	return r ? r->born + r->elapsed : 0;
}

static int by_end(const void *a, const void *b)
{
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	int64_t s = end_of(i), t = end_of(j);

	if (s != t)
		return s < t ? -1 : 1;
	return i < j ? -1 : i > j;
}

/* Puts those that have ended meanwhile first; what was purged is not told any more. */
static void find_ended(struct untold *u, const struct mirror *m)
{
	size_t i, n = u->ended;

	for (i = u->ended; i < u->n; i++) {
		const struct result *r = mirror_result(m, u->id[i]);
		uint32_t id = u->id[i];

		if (r && !result_is_final(r)) {
			u->id[n++] = id;
		} else if (r) {
			u->id[n++] = u->id[u->ended];
			u->id[u->ended++] = id;
		}
	}
	u->n = n;
	asked = m;
	qsort(u->id + u->first, u->ended - u->first, sizeof(*u->id), by_end);
}

/* Makes id[first] one that has ended: 0; -EAGAIN: none has; -ENODATA: there is none. */
static int look(struct untold *u, const struct mirror *m)
{
	while (u->first < u->ended && !mirror_result(m, u->id[u->first]))
		u->first++;
	if (u->first == u->ended)
		find_ended(u, m);
	if (u->first < u->ended)
		return 0;
	return u->first < u->n ? -EAGAIN : -ENODATA;
}

/* --- the file ----------------------------------------------------------- */

static int next_end(const struct fs *fs, pid_t tid, struct untold **ret_u)
{
	struct untold *u = callers_untold(fs->callers, tid);

	*ret_u = u;
	if (u && u->lost)
		return -EOVERFLOW;
	return u ? look(u, fs->mirror) : -ENODATA;
}

static int any_ready(struct file *f, const struct obj *o)
{
	struct untold *u;

	return !f->rendered && next_end(o->fs, f->tid, &u) == -EAGAIN ? -EAGAIN
								      : 0;
}

static int any_read(struct file *f, struct obj *o, const struct ask *ask,
		    struct answer *a)
{
	struct untold *u;
	int err = f->rendered ? 0 : next_end(o->fs, f->tid, &u);

	if (err == -EOVERFLOW)
		u->lost = false; /* it is told once */
	if (err && err != -ENODATA)
		return err;
	if (!f->rendered && !err)
		buf_printf(&f->copy, "%u\n", (unsigned)u->id[u->first++]);
	f->rendered = true;
	answer_slice(a, buf_bytes(&f->copy), ask->off, ask->size);
	return 0;
}

/* Of what somebody gets who opens it now. */
static uint64_t any_size(const struct obj *o)
{
	struct untold *u;
	char text[16];

	if (next_end(o->fs, o->by.tid, &u))
		return 0;
	return (uint64_t)snprintf(text, sizeof(text), "%u\n",
				  (unsigned)u->id[u->first]);
}

const struct io any_io = {
	.ready = any_ready,
	.read = any_read,
	.size = any_size,
};
