#include "base/base.h"
#include "base/buf.h"
#include "group.h"

void mirror_init(struct mirror *m, struct park *park)
{
	*m = (struct mirror){.park = park, .changed = now_usec()};
	list_init(&m->kept);
	list_init(&m->unread);
	list_init(&m->details);
	event_ring_init(&m->events, park);
	pools_init(&m->pools);
	queues_init(&m->queues);
}

/* --- what is kept of outputs -------------------------------------------- */

static void drop_kept(struct mirror *m, struct result *r)
{
	struct kept *k = r->kept;

	if (!k)
		return;
	list_del(&k->link);
	m->kept_bytes -= k->room;
	r->kept = NULL;
	free(k);
}

void mirror_keep(struct mirror *m, struct result *r,
		 const struct bytes out[STREAM_OUTPUTS])
{
	size_t room = sizeof(struct kept), at = 0;
	struct kept *k;
	int i;

	for (i = 0; i < STREAM_OUTPUTS; i++)
		room += out[i].p ? out[i].n : 0;
	k = zalloc(room);
	k->result = r;
	k->room = room;
	for (i = 0; i < STREAM_OUTPUTS; i++) {
		if (!out[i].p)
			continue;
		k->has[i] = true;
		k->at[i] = at;
		k->n[i] = out[i].n;
		memcpy(k->bytes + at, out[i].p, out[i].n);
		at += out[i].n;
	}
	drop_kept(m, r);	/* only now: out may point into it */
	r->kept = k;
	list_add_tail(&m->kept, &k->link);
	m->kept_bytes += room;
	while (m->kept_bytes > MIRROR_KEPT)
		drop_kept(m, list_first(&m->kept, struct kept, link)->result);
}

bool mirror_kept(const struct result *r, enum stream s, struct bytes *ret_b)
{
	const struct kept *k = r->kept;

	if (!k || s >= STREAM_OUTPUTS || !k->has[s])
		return false;
	*ret_b = bytes_of(k->bytes + k->at[s], k->n[s]);
	return true;
}

/* --- names -------------------------------------------------------------- */

/* The key of a name in mirror->names: each user has names of his own. */
static struct bytes key_of(int64_t uid, struct bytes text)
{
	static struct buf key;

	buf_clear(&key);
	buf_put(&key, &uid, sizeof(uid));
	buf_put(&key, text.p, text.n);
	return buf_bytes(&key);
}

static struct bytes text_of(const struct name *name)
{
	return bytes_of(name->text, name->n);
}

static void leave(struct mirror *m, struct place *p)
{
	struct name *name = p->name;

	if (!name)
		return;
	list_del(&p->link);
	p->name = NULL;
	if (list_empty(&name->results)) {
		map_remove(&m->names, key_of(name->uid, text_of(name)));
		free(name);
	}
}

static struct name *name_get(struct mirror *m, int64_t uid, struct bytes text)
{
	struct name *name = map_get(&m->names, key_of(uid, text));

	if (name)
		return name;
	name = zalloc(sizeof(*name) + text.n + 1);
	list_init(&name->results);
	name->uid = uid;
	memcpy(name->text, text.p, text.n);
	name->n = text.n;
	map_put(&m->names, key_of(uid, text), name);
	return name;
}

static void enter(struct mirror *m, struct place *p, struct result *r,
		  struct bytes text)
{
	struct list *at;

	p->result = r;
	p->name = name_get(m, r->uid, text);
	at = p->name->results.prev;
	while (at != &p->name->results &&
	       list_entry(at, struct place, link)->result->id > r->id)
		at = at->prev;
	list_insert(&p->link, at, at->next);
}

void mirror_set_owner(struct mirror *m, struct result *r)
{
	if (!r->by_owner.name)
		enter(m, &r->by_owner, r, bytes_str(""));
}

void mirror_set_name(struct mirror *m, struct result *r, struct bytes text)
{
	struct place *p = &r->by_name;

	if (p->name && bytes_eq(text_of(p->name), text))
		return;
	leave(m, p);
	if (text.n)
		enter(m, p, r, text);
}

bool result_is_newest_of_name(const struct result *r)
{
	const struct place *p = &r->by_name;

	return p->name && p->link.next == &p->name->results;
}

const char *result_name(const struct result *r)
{
	return r->by_name.name ? r->by_name.name->text : NULL;
}

struct result *mirror_newest(const struct mirror *m, int64_t uid,
			     struct bytes text)
{
	struct name *name = map_get(&m->names, key_of(uid, text));

	return name ? list_entry(name->results.prev, struct place, link)->result
		    : NULL;
}

/* --- results ------------------------------------------------------------ */

struct result *mirror_result(const struct mirror *m, uint64_t id)
{
	return index_get(&m->results, id);
}

struct result *mirror_latest(const struct mirror *m)
{
	return index_last(&m->results);
}

struct result *mirror_add_result(struct mirror *m, uint64_t id)
{
	struct result *r = zalloc(sizeof(*r));

	r->id = id;
	r->stdin_size = r->map = -1;
	r->born = INT64_MAX;
	r->one.engine = -1;
	r->one.exit_status = r->one.signal = -1;
	r->round = m->round;
	list_init(&r->by_name.link);
	list_init(&r->by_owner.link);
	waitq_init(&r->waitq);
	index_put(&m->results, id, r);
	m->changed = now_usec();
	mirror_note(m, EVENT_OF_RESULT, id, 0, NOTE_NEW);
	return r;
}

static void free_result(struct mirror *m, struct result *r)
{
	waitq_wake(m->park, &r->waitq);
	drop_kept(m, r);
	leave(m, &r->by_name);
	leave(m, &r->by_owner);
	free(r->options);
	free(r->why);
	free(r->unstored);
	detail_done(&r->detail);
	group_free(r->group);
	free(r);
}

void mirror_purge(struct mirror *m, uint64_t id)
{
	struct result *r = index_remove(&m->results, id);
	unsigned what;

	m->purged[m->purges % PURGED_KEPT] = id;
	m->purged_quietly[m->purges++ % PURGED_KEPT] = m->quiet;
	if (!r)
		return;
	what = index_remove(&m->unfinished, id) ? NOTE_UNLISTED : 0;
	index_remove(&m->running, id);
	index_remove(&m->failed, id);
	if (!m->quiet)
		what |= NOTE_GONE;
	mirror_note(m, EVENT_OF_RESULT, id, r->submitted, what);
	free_result(m, r);
	m->changed = now_usec();
	event_ring_add(&m->events, EVENT_OF_RESULT, id, "purged");
}

bool mirror_was_purged(const struct mirror *m, uint64_t id)
{
	unsigned i;

	for (i = 0; i < PURGED_KEPT; i++)
		if (m->purged[i] == id)
			return true;
	return false;
}

bool mirror_was_purged_quietly(const struct mirror *m, uint64_t id)
{
	unsigned i;

	for (i = 0; i < PURGED_KEPT; i++)
		if (m->purged[i] == id && m->purged_quietly[i])
			return true;
	return false;
}

static void list_if(struct index *ix, struct result *r, bool is_there, bool was)
{
	if (is_there && !was)
		index_put(ix, r->id, r);
	else if (was && !is_there)
		index_remove(ix, r->id);
}

static bool has_failed(enum state s)
{
	return s == STATE_ERROR || s == STATE_ABORTED;
}

void mirror_set_status(struct mirror *m, struct result *r, enum state s)
{
	bool listed = index_get(&m->unfinished, r->id) != NULL;
	unsigned what = NOTE_STATUS;

	if (s == r->status)
		return;
	list_if(&m->running, r, s == STATE_RUNNING, r->status == STATE_RUNNING);
	list_if(&m->failed, r, has_failed(s), has_failed(r->status));
	r->status = s;
	if (state_is_final(s))
		what |= NOTE_END;
	if (!state_is_final(s) && !listed) {
		index_put(&m->unfinished, r->id, r);
		what |= NOTE_LISTED;
	} else if (state_is_final(s) && listed) {
		index_remove(&m->unfinished, r->id);
		what |= NOTE_UNLISTED;
	}
	mirror_note(m, EVENT_OF_RESULT, r->id, r->submitted, what);
	event_ring_add(&m->events, EVENT_OF_RESULT, r->id, state_name(s));
}

int64_t result_age(const struct result *r)
{
	int64_t age = result_is_final(r) ? r->elapsed
					 : steady_usec() - r->born;

	return age > 0 ? age : 0;
}

bool result_is_final(const struct result *r)
{
	return state_is_final(r->status);
}

bool result_is_settled(const struct result *r)
{
	return result_is_final(r) && (!r->group || group_is_known(r->group));
}

struct usage result_short_usage(const struct result *r)
{
	const struct detail *d = &r->detail;
	struct usage u = {
		.user = (float)d->user,
		.system = (float)d->system,
		.memory = (uint32_t)min_u64((uint64_t)d->memory / 1024,
					    UINT32_MAX),
	};

	return d->used ? u : USAGE_UNKNOWN;
}

uint64_t result_size(const struct result *r, enum stream s)
{
	if (s == STREAM_CODE)
		return (uint64_t)r->code;
	if (s == STREAM_STDIN)
		return r->stdin_size > 0 ? (uint64_t)r->stdin_size : 0;
	if (s == STREAM_MAP)
		return r->map > 0 ? (uint64_t)r->map : 0;
	return r->task ? task_size(r->task, s) : 0;
}

/* --- engines ------------------------------------------------------------ */

struct engine *mirror_engine(const struct mirror *m, uint64_t id)
{
	return index_get(&m->engines, id);
}

struct engine *mirror_add_engine(struct mirror *m, uint64_t id)
{
	struct engine *e = zalloc(sizeof(*e));

	e->id = id;
	e->round = m->round;
	waitq_init(&e->waitq);
	index_put(&m->engines, id, e);
	mirror_note(m, EVENT_OF_ENGINE, id, 0, NOTE_NEW);
	pools_engine_came(m, id);
	return e;
}

static void free_engine(struct mirror *m, struct engine *e)
{
	waitq_wake(m->park, &e->waitq);
	free(e->uuid);
	free(e->state);
	free(e->host);
	free(e->why);
	free(e->language);
	free(e->running);
	free(e->resources);
	variables_drop(m, e);
	free(e);
}

void mirror_remove_engine(struct mirror *m, uint64_t id)
{
	struct engine *e = index_remove(&m->engines, id);

	if (!e)
		return;
	mirror_note(m, EVENT_OF_ENGINE, id, e->since, NOTE_GONE);
	free_engine(m, e);
	event_ring_add(&m->events, EVENT_OF_ENGINE, id, "gone");
}

void mirror_engine_gone(struct mirror *m, uint64_t id, uint64_t seq)
{
	unsigned i = m->ngone++ % GONE_KEPT;

	m->gone[i].id = id;
	m->gone[i].seq = seq;
	mirror_remove_engine(m, id);
}

bool mirror_engine_was_gone(const struct mirror *m, uint64_t id, uint64_t seq)
{
	unsigned i;

	for (i = 0; i < GONE_KEPT && i < m->ngone; i++)
		if (m->gone[i].id == id && m->gone[i].seq >= seq)
			return true;
	return false;
}

void mirror_done(struct mirror *m)
{
	size_t i;

	for (i = 0; i < m->results.n; i++)
		if (m->results.row[i].p)
			free_result(m, m->results.row[i].p);
	for (i = 0; i < m->engines.n; i++)
		if (m->engines.row[i].p)
			free_engine(m, m->engines.row[i].p);
	pools_done(m);
	queues_done(&m->queues);
	index_done(&m->results);
	index_done(&m->unfinished);
	index_done(&m->running);
	index_done(&m->failed);
	recent_done(&m->recent);
	index_done(&m->engines);
	var_names_done(m);
	map_done(&m->names);
	free(m->counts.scheme);
	free(m->counts.tasks);
	free(m->counts.counters);
	free(m->counts.gauges);
	free(m->counts.upstream_url);
	free(m->counts.upstream_state);
	free(m->counts.trouble);
	event_ring_done(&m->events);
}
