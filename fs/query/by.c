#include "by.h"
#include "base/parse.h"
#include "open/await.h"
#include "park/caller.h"
#include "results/results.h"

/* What matches a query, for one who asks. */
struct found {
	struct list link;
	struct queries *queries;
	uint32_t query;
	bool all;		/* who asks may see all results, or else */
	uid_t uid;		/* those of this one */
	uint32_t *id;		/* ascending; good for who asked before `begun` */
	size_t n;
	uint64_t begun;		/* mono_usec(); 0: never */
	/* While it is looked for (again): */
	bool looking;
	uint64_t started, next;	/* since then; ids below are done */
	uint32_t *more;
	size_t nmore, room;
};

/* --- queries ------------------------------------------------------------ */

static bool text_of(const struct obj *o, struct bytes *ret_text)
{
	return numbered_get(&o->fs->queries->texts, o->id, ret_text);
}

/* The query of a number. False: it is forgotten. */
static bool query_of(struct queries *qs, uint32_t number, struct query *q)
{
	struct buf why = BUF_INIT;
	struct bytes text;
	bool ok = numbered_get(&qs->texts, number, &text) &&
		  query_parse(q, text, &why) == 0;

	buf_done(&why);
	return ok;
}

static bool query_find(struct obj *o, struct bytes name)
{
	struct buf why = BUF_INIT;
	struct query q;
	int err = query_parse(&q, name, &why);

	if (err)
		(void)callers_refuse(o->fs->callers, o->by.tid, 0, buf_str(&why));
	else
		o->id = numbered_put(&o->fs->queries->texts, name);
	buf_done(&why);
	return !err;
}

static bool query_next(struct obj *o, uint64_t from, uint64_t *ret_n)
{
	(void)o;
	(void)from;
	(void)ret_n;
	return false;
}

static bool query_resolve(struct obj *o)
{
	struct bytes text;

	return text_of(o, &text);
}

static void query_name(const struct obj *o, struct buf *out)
{
	struct bytes text;

	if (text_of(o, &text))
		buf_put(out, text.p, text.n);
}

const struct class query_class = {
	.find = query_find,
	.next = query_next,
	.resolve = query_resolve,
	.name = query_name,
};

int query_remove(const struct obj *o, struct wish *ret_wish)
{
	(void)o;
	(void)ret_wish;
	return 1;
}

/* --- looking ------------------------------------------------------------ */

static void found_free(struct found *f)
{
	list_del(&f->link);
	f->queries->nfound--;
	free(f->id);
	free(f->more);
	free(f);
}

/* Where all that can match are listed. */
static const struct index *index_of(const struct mirror *m, const struct query *q)
{
	static const unsigned failed = 1U << STATE_ERROR | 1U << STATE_ABORTED;
	static const unsigned running = 1U << STATE_RUNNING;
	static const unsigned pending = 1U << STATE_PENDING;

	if (!(q->states & ~running))
		return &m->running;
	if (!(q->states & ~(running | pending)))
		return &m->unfinished;
	return q->states & ~failed ? &m->results : &m->failed;
}

static bool is_match(const struct query *q, bool all, uid_t uid,
		     const struct result *r)
{
	return (all || (uid_t)r->uid == uid) && query_matches(q, r);
}

static void add(struct found *f, uint64_t id)
{
	if (f->nmore == f->room) {
		f->room = f->room ? f->room * 2 : 64;
		f->more = xreallocarray(f->more, f->room, sizeof(*f->more));
	}
	f->more[f->nmore++] = (uint32_t)id;
}

static void end_looking(struct found *f)
{
	free(f->id);
	f->id = f->more;
	f->n = f->nmore;
	f->begun = f->started;
	f->more = NULL;
	f->nmore = f->room = 0;
	f->looking = false;
}

/* A part of it; false: the query is forgotten. */
static bool look(struct found *f)
{
	const struct mirror *m = f->queries->fs->mirror;
	const struct index *ix;
	const struct result *r;
	struct query q;
	unsigned i;

	if (!query_of(f->queries, f->query, &q))
		return false;
	ix = index_of(m, &q);
	for (i = 0; i < FOUND_SLICE; i++) {
		r = index_next(ix, f->next);
		if (!r) {
			end_looking(f);
			break;
		}
		f->next = r->id + 1;
		if (is_match(&q, f->all, f->uid, r))
			add(f, r->id);
	}
	f->queries->fs->awaits->heard = mono_usec();
	return true;
}

/* Each of them looks a little further; who waits is told. */
static void look_on(struct work *work)
{
	struct queries *qs = container_of(work, struct queries, work);
	bool more = false;
	struct list *l, *tmp;

	list_for_each_safe (l, tmp, &qs->found) {
		struct found *f = list_entry(l, struct found, link);

		if (!f->looking)
			continue;
		if (!look(f))
			found_free(f);
		else if (f->looking)
			more = true;
	}
	if (more)
		loop_defer(qs->fs->loop, &qs->work);
	await_again(qs->fs);
}

void queries_init(struct queries *qs, struct fs *fs)
{
	*qs = (struct queries){.fs = fs, .work.run = look_on};
	numbered_init(&qs->texts, QUERIES_MAX);
	list_init(&qs->found);
}

void queries_done(struct queries *qs)
{
	work_cancel(&qs->work);
	while (!list_empty(&qs->found))
		found_free(list_first(&qs->found, struct found, link));
	numbered_done(&qs->texts);
}

/* --- what was found ----------------------------------------------------- */

static struct found *find_found(struct queries *qs, const struct obj *o,
				uint32_t query)
{
	bool all = asker_sees_all(o);
	struct list *l;

	list_for_each (l, &qs->found) {
		struct found *f = list_entry(l, struct found, link);

		if (f->query != query || f->all != all ||
		    (!all && f->uid != o->by.uid))
			continue;
		list_del(&f->link);
		list_add_tail(&qs->found, &f->link);
		return f;
	}
	return NULL;
}

static struct found *new_found(struct queries *qs, const struct obj *o)
{
	struct found *f = zalloc(sizeof(*f));

	if (qs->nfound == FOUND_MAX)
		found_free(list_first(&qs->found, struct found, link));
	f->queries = qs;
	f->query = o->id;
	f->all = asker_sees_all(o);
	f->uid = o->by.uid;
	list_add_tail(&qs->found, &f->link);
	qs->nfound++;
	return f;
}

int query_refresh(const struct obj *o, uint64_t since)
{
	struct queries *qs = o->fs->queries;
	struct found *f = find_found(qs, o, o->id);

	if (!f)
		f = new_found(qs, o);
	if (f->begun && f->begun >= since)
		return 0;
	if (!f->looking) {
		f->looking = true;
		f->started = mono_usec();
		f->next = 0;
		if (!look(f))
			return -ENOENT;
	}
	if (!f->looking && f->begun >= since)
		return 0;
	loop_defer(o->fs->loop, &qs->work);
	return -EINPROGRESS;
}

/* The first id that is not below. */
static size_t lower(const struct found *f, uint64_t id)
{
	size_t from = 0, to = f->n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (f->id[mid] < id)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

/* --- the links ---------------------------------------------------------- */

static bool set_match(struct obj *o, struct result *r)
{
	o->result = r;
	if (r)
		o->id = (uint32_t)r->id;
	o->sub = sub_of(-1, 0);
	return r != NULL;
}

static bool match_find(struct obj *o, struct bytes name)
{
	struct result *r;
	struct query q;
	uint64_t id;

	if ((name.n > 1 && *(const char *)name.p == '0') ||
	    parse_u64(name, 0, MIRROR_MAX_ID, &id) ||
	    !query_of(o->fs->queries, o->id, &q))
		return false;
	r = mirror_result(o->fs->mirror, id);
	return r && is_match(&q, asker_sees_all(o), o->by.uid, r) && set_match(o, r);
}

/* So many are read at the same time that what was found for this one is forgotten. */
static struct result *next_anew(const struct obj *o, uint64_t from)
{
	const struct index *ix = &o->fs->mirror->results;
	struct result *r;
	struct query q;

	if (!query_of(o->fs->queries, o->id, &q))
		return NULL;
	for (; (r = index_next(ix, from)); from = r->id + 1)
		if (is_match(&q, asker_sees_all(o), o->by.uid, r))
			return r;
	return NULL;
}

static struct result *next_found(const struct obj *o, uint64_t from)
{
	struct found *f = find_found(o->fs->queries, o, o->id);
	struct result *r = NULL;
	size_t i;

	if (!f || !f->begun)
		return next_anew(o, from);
	for (i = lower(f, from); i < f->n && !r; i++)
		r = mirror_result(o->fs->mirror, f->id[i]);
	return r;
}

static bool match_next(struct obj *o, uint64_t from, uint64_t *ret_n)
{
	if (!set_match(o, next_found(o, from)))
		return false;
	*ret_n = o->id;
	return true;
}

static bool match_resolve(struct obj *o)
{
	return set_match(o, mirror_result(o->fs->mirror, o->id));
}

static void match_name(const struct obj *o, struct buf *out)
{
	buf_printf(out, "%u", o->id);
}

const struct class match_class = {
	.find = match_find,
	.next = match_next,
	.resolve = match_resolve,
	.name = match_name,
};

void match_target(const struct obj *o, struct buf *out)
{
	buf_printf(out, "../../%u", o->id);
}
