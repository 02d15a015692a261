#include "sync.h"
#include "base/log.h"
#include "group.h"
#include "merge.h"
#include "merge_pool.h"
#include "wire/scan.h"

#define SYNC_TIMEOUT (30 * USEC_PER_SEC)
#define SYNC_PAGE 1000

struct held_changes {
	struct list link;
	uint64_t seq;
	struct msg m;
};

static void fill(struct sync *s, bool whole);

/* --- applying ----------------------------------------------------------- */

struct change {
	struct bytes result, engine, controller, pool, pool_gone;
	int64_t purged, engine_gone;
};

static const struct field change_fields[] = {
	{"result", FIELD_SPAN, offsetof(struct change, result), 0},
	{"engine", FIELD_SPAN, offsetof(struct change, engine), 0},
	{"controller", FIELD_SPAN, offsetof(struct change, controller), 0},
	{"pool", FIELD_SPAN, offsetof(struct change, pool), 0},
	{"pool_gone", FIELD_SPAN, offsetof(struct change, pool_gone), 0},
	{"purged", FIELD_INT, offsetof(struct change, purged), 0},
	{"engine_gone", FIELD_INT, offsetof(struct change, engine_gone), -1},
	{.name = NULL},
};

static void apply_one(struct sync *s, struct bytes change, uint64_t seq,
		      const struct msg *m)
{
	struct change c = {.engine_gone = -1};
	int err = 0;

	if (!scan_fields(change, change_fields, &c))
		return;
	if (c.result.p)
		merge_result(s->mirror, c.result, seq, false, m, &err);
	if (err)
		s->again = true;
	if (c.purged > 0)
		mirror_purge(s->mirror, (uint64_t)c.purged);
	if (c.engine.p)
		merge_engine(s->mirror, c.engine, seq, false);
	if (c.engine_gone >= 0)
		mirror_remove_engine(s->mirror, (uint64_t)c.engine_gone);
	if (c.controller.p)
		merge_counts(s->mirror, c.controller, seq);
	if (c.pool.p)
		(void)merge_pool(s->mirror, c.pool, seq, false);
	if (c.pool_gone.p)
		merge_pool_gone(s->mirror, c.pool_gone, seq);
}

/* The members of `changes` and of the replies that fill the mirror. */
struct content {
	int64_t seq;
	struct bytes instance, changes, results, purged, engines, controller;
	struct bytes pools;
	bool more, reset;
};

#define C(member) offsetof(struct content, member)

static const struct field content_fields[] = {
	{"instance", FIELD_SPAN, C(instance), 0},
	{"seq", FIELD_INT, C(seq), 0},
	{"changes", FIELD_SPAN, C(changes), 0},
	{"engines", FIELD_SPAN, C(engines), 0},
	{"pools", FIELD_SPAN, C(pools), 0},
	{"controller", FIELD_SPAN, C(controller), 0},
	{"results", FIELD_SPAN, C(results), 0},
	{"more", FIELD_BOOL, C(more), 0},
	{"purged", FIELD_SPAN, C(purged), 0},
	{"reset", FIELD_BOOL, C(reset), 0},
	{.name = NULL},
};

static struct content read_content(const struct msg *m)
{
	struct content c = {0};

	(void)scan_fields(request_content(m), content_fields, &c);
	return c;
}

static void apply(struct sync *s, const struct msg *m)
{
	struct content c = read_content(m);
	struct bytes change;
	struct scan a;

	if (scan_array(&a, c.changes))
		while (scan_element(&a, &change))
			apply_one(s, change, (uint64_t)c.seq, m);
	s->last = (uint64_t)c.seq;
}

/* --- holding back ------------------------------------------------------- */

static void drop_held(struct sync *s)
{
	while (!list_empty(&s->held)) {
		struct held_changes *h = list_first(&s->held, struct held_changes, link);

		list_del(&h->link);
		msg_done(&h->m);
		free(h);
	}
	s->nheld = 0;
}

static void hold(struct sync *s, struct msg *m, uint64_t seq)
{
	struct held_changes *h;

	if (s->nheld >= SYNC_HELD) {
		drop_held(s);
		s->again = true;
	}
	h = zalloc(sizeof(*h));
	h->seq = seq;
	h->m = *m;
	*m = (struct msg){0};
	list_add_tail(&s->held, &h->link);
	s->nheld++;
}

static void apply_held(struct sync *s)
{
	while (!list_empty(&s->held) && !s->filling) {
		struct held_changes *h = list_first(&s->held, struct held_changes, link);

		if (h->seq > s->last + 1) {
			fill(s, false);
			return;
		}
		if (h->seq == s->last + 1)
			apply(s, &h->m);
		list_del(&h->link);
		s->nheld--;
		msg_done(&h->m);
		free(h);
	}
}

/* --- filling ------------------------------------------------------------ */

static void note_seq(struct sync *s, int64_t seq)
{
	s->first_seq = min_u64(s->first_seq, (uint64_t)seq);
}

/* Objects that the listing did not name are gone; those that came later stay. */
static void drop_stale(struct sync *s)
{
	struct mirror *m = s->mirror;
	struct result *r;
	struct engine *e;
	struct pool *p;
	uint64_t id;

	for (id = 0; s->whole && (r = index_next(&m->results, id));) {
		id = r->id + 1;
		if (r->round != m->round && r->seq <= s->first_seq)
			mirror_purge(m, r->id);
	}
	for (id = 0; (e = index_next(&m->engines, id));) {
		id = e->id + 1;
		if (e->round != m->round && e->seq <= s->first_seq)
			mirror_remove_engine(m, e->id);
	}
	for (id = 0; (p = pool_next(m, id));) {
		id = p->id + 1;
		if (p->round != m->round && p->seq <= s->first_seq)
			pool_remove(m, p);
	}
}

static void finish(struct sync *s)
{
	if (!s->has_results || !s->has_state)
		return;
	drop_stale(s);
	s->filling = false;
	s->last = s->first_seq;
	s->ever = true;
	log_debug("filled", log_int("seq", (int64_t)s->last),
		  log_int("results", (int64_t)index_count(&s->mirror->results)),
		  log_int("held", (int64_t)s->nheld));
	apply_held(s);
	/* controller/state is another one now. */
	if (s->whole)
		mirror_note(s->mirror, EVENT_OF_CONTROLLER, 0, 0, NOTE_STATUS);
	if (s->again && !s->filling)
		fill(s, false);
	if (s->filled)
		s->filled(s);
}

static void failed(struct sync *s, int err)
{
	if (link_is_up(s->link)) {
		log_warning("the controller does not tell its results",
			    log_errno(err));
		link_restart(s->link, "no listing");
	}
}

static void ask_results(struct sync *s, int64_t after)
{
	struct json_object *o = json_object_new_object();
	struct msg_out out = {.type = MSG_RESULTS_REQUEST, .content = o};
	int err;

	if (!s->whole)
		json_add_int(o, "since", (int64_t)s->since);
	json_add_int(o, "after", after);
	json_add_int(o, "limit", SYNC_PAGE);
	err = link_ask(s->link, &s->results, &out, SYNC_TIMEOUT);
	json_object_put(o);
	if (err)
		failed(s, err);
}

/* Takes in a page of results; returns the last id. */
static int64_t merge_page(struct sync *s, const struct content *c)
{
	static const struct field id_field[] = {
		{"id", FIELD_INT, 0, 0},
		{.name = NULL},
	};
	struct result *r;
	struct bytes v;
	struct scan a;
	int64_t id = 0;
	int err;

	if (scan_array(&a, c->results)) {
		while (scan_element(&a, &v)) {
			r = merge_result(s->mirror, v, (uint64_t)c->seq, true,
					 NULL, &err);
			if (r && r->group)
				group_doubt(r->group, (uint64_t)c->seq);
			(void)scan_fields(v, id_field, &id);
		}
	}
	return id;
}

static void merge_purged(struct sync *s, const struct content *c)
{
	struct bytes v;
	struct scan a;
	int64_t id;

	if (s->whole || !scan_array(&a, c->purged))
		return;
	while (scan_element(&a, &v))
		if (scan_int(v, &id) && id > 0)
			mirror_purge(s->mirror, (uint64_t)id);
}

static void on_results(struct request *q, int err, struct msg *reply)
{
	struct sync *s = container_of(q, struct sync, results);
	struct content c;
	int64_t last;

	if (err) {
		failed(s, err);
		return;
	}
	c = read_content(reply);
	if (!s->whole && c.reset) {
		fill(s, true);
		return;
	}
	note_seq(s, c.seq);
	last = merge_page(s, &c);
	merge_purged(s, &c);
	if (c.more && last > 0) {
		ask_results(s, last);
		return;
	}
	s->has_results = true;
	finish(s);
}

static void on_state(struct request *q, int err, struct msg *reply)
{
	struct sync *s = container_of(q, struct sync, state);
	struct content c;
	struct bytes v;
	struct scan a;

	if (err) {
		failed(s, err);
		return;
	}
	c = read_content(reply);
	note_seq(s, c.seq);
	if (scan_array(&a, c.engines))
		while (scan_element(&a, &v))
			merge_engine(s->mirror, v, (uint64_t)c.seq, true);
	s->mirror->pools.known = c.pools.p != NULL;
	if (scan_array(&a, c.pools))
		while (scan_element(&a, &v))
			(void)merge_pool(s->mirror, v, (uint64_t)c.seq, true);
	merge_counts(s->mirror, c.controller, (uint64_t)c.seq);
	s->has_state = true;
	finish(s);
}

/* The state first: results name engines. */
static void fill(struct sync *s, bool whole)
{
	struct msg_out out = {.type = MSG_STATE_REQUEST};
	int err;

	link_forget(s->link, &s->results);
	link_forget(s->link, &s->state);
	s->filling = true;
	s->fills++;
	s->whole = whole;
	s->again = false;
	s->since = s->last;
	s->first_seq = UINT64_MAX;
	s->has_results = s->has_state = false;
	s->mirror->round++;
	err = link_ask(s->link, &s->state, &out, SYNC_TIMEOUT);
	if (err)
		failed(s, err);
	else
		ask_results(s, 0);
}

/* --- from the link ------------------------------------------------------ */

static void forget_numbers(struct sync *s)
{
	struct mirror *m = s->mirror;
	struct result *r;
	struct engine *e;
	uint64_t id;

	for (id = 0; (r = index_next(&m->results, id)); id = r->id + 1) {
		r->seq = 0;
		if (r->group)
			group_forget_numbers(r->group);
	}
	for (id = 0; (e = index_next(&m->engines, id)); id = e->id + 1)
		e->seq = e->vars_seq = 0;
	m->counts.seq = 0;
	m->purges = 0;
	memset(m->purged, 0, sizeof(m->purged));
	m->ngone = 0;
	pools_forget_numbers(m);
}

bool sync_is_new(const struct sync *s)
{
	return s->filling && s->whole && link_is_up(s->link);
}

void sync_up(struct sync *s)
{
	bool same = s->ever && strcmp(s->instance, s->link->instance) == 0;

	drop_held(s);
	if (!same)
		forget_numbers(s);
	snprintf(s->instance, sizeof(s->instance), "%s", s->link->instance);
	event_ring_add(&s->mirror->events, EVENT_OF_CONTROLLER, 0, "connected");
	mirror_note(s->mirror, EVENT_OF_CONTROLLER, 0, 0, NOTE_STATUS);
	fill(s, !same);
}

void sync_down(struct sync *s)
{
	link_forget(s->link, &s->results);
	link_forget(s->link, &s->state);
	drop_held(s);
	s->filling = false;
	event_ring_add(&s->mirror->events, EVENT_OF_CONTROLLER, 0, "lost");
	mirror_note(s->mirror, EVENT_OF_CONTROLLER, 0, 0, NOTE_STATUS);
}

void sync_changes(struct sync *s, struct msg *m)
{
	struct content c = read_content(m);
	struct bytes instance;
	uint64_t seq = (uint64_t)c.seq;

	if (!seq || !scan_plain(c.instance, &instance))
		return;
	if (!bytes_is(instance, s->instance)) {
		link_restart(s->link, "it was started again");
		return;
	}
	if (s->filling) {
		hold(s, m, seq);
	} else if (seq == s->last + 1) {
		apply(s, m);
		if (s->again)
			fill(s, false);
	} else if (seq > s->last) {
		hold(s, m, seq);
		fill(s, false);
	}
}

void sync_init(struct sync *s, struct link *link, struct mirror *mirror)
{
	*s = (struct sync){.link = link, .mirror = mirror};
	s->results.done = on_results;
	s->state.done = on_state;
	list_init(&s->held);
}

void sync_done(struct sync *s)
{
	drop_held(s);
}
