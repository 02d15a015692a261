#include "base/base.h"
#include "sync.h"
#include "base/log.h"
#include "merge.h"

#define SYNC_TIMEOUT (30 * USEC_PER_SEC)
#define SYNC_PAGE 1000

struct held {
	struct list link;
	uint64_t seq;
	struct msg m;
};

static void fill(struct sync *s, bool whole);

/* --- applying ----------------------------------------------------------- */

static void apply_one(struct sync *s, struct json_object *change,
		      uint64_t seq, const struct msg *m)
{
	struct json_object *o;
	int64_t id;
	int err = 0;

	if ((o = json_get_object(change, "result")))
		merge_result(s->mirror, o, seq, false, m, &err);
	if (err)
		s->again = true;
	if (json_get_int(change, "purged", &id) && id > 0)
		mirror_purge(s->mirror, (uint64_t)id);
	if ((o = json_get_object(change, "engine")))
		merge_engine(s->mirror, o, seq);
	if (json_get_int(change, "engine_gone", &id) && id >= 0)
		mirror_remove_engine(s->mirror, (uint64_t)id);
	if ((o = json_get_object(change, "controller")))
		merge_counts(s->mirror, o, seq);
}

static void apply(struct sync *s, const struct msg *m, uint64_t seq)
{
	struct json_object *a = json_get_array(m->content, "changes");
	size_t i, n = a ? json_object_array_length(a) : 0;

	for (i = 0; i < n; i++)
		apply_one(s, json_object_array_get_idx(a, i), seq, m);
	s->last = seq;
}

/* --- holding back ------------------------------------------------------- */

static void drop_held(struct sync *s)
{
	while (!list_empty(&s->held)) {
		struct held *h = list_first(&s->held, struct held, link);

		list_del(&h->link);
		msg_done(&h->m);
		free(h);
	}
	s->nheld = 0;
}

static void hold(struct sync *s, struct msg *m, uint64_t seq)
{
	struct held *h;

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
		struct held *h = list_first(&s->held, struct held, link);

		if (h->seq > s->last + 1) {
			fill(s, false);
			return;
		}
		if (h->seq == s->last + 1)
			apply(s, &h->m, h->seq);
		list_del(&h->link);
		s->nheld--;
		msg_done(&h->m);
		free(h);
	}
}

/* --- filling ------------------------------------------------------------ */

static void note_seq(struct sync *s, struct json_object *content)
{
	int64_t seq = json_int_or(content, "seq", 0);

	if (seq >= 0)
		s->first_seq = min_u64(s->first_seq, (uint64_t)seq);
}

/* What the listing did not name is gone; what came after it stays. */
static void drop_stale(struct sync *s)
{
	struct mirror *m = s->mirror;
	struct result *r;
	struct engine *e;
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

static int64_t merge_page(struct sync *s, struct json_object *content)
{
	struct json_object *a = json_get_array(content, "results");
	uint64_t seq = (uint64_t)json_int_or(content, "seq", 0);
	size_t i, n = a ? json_object_array_length(a) : 0;
	int64_t last = 0;
	int err;

	for (i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(a, i);

		merge_result(s->mirror, o, seq, true, NULL, &err);
		last = json_int_or(o, "id", last);
	}
	a = json_get_array(content, "purged");
	for (i = 0; !s->whole && a && i < json_object_array_length(a); i++) {
		int64_t id = json_object_get_int64(
			json_object_array_get_idx(a, i));

		if (id > 0)
			mirror_purge(s->mirror, (uint64_t)id);
	}
	return last;
}

static void on_results(struct request *q, int err, struct msg *reply)
{
	struct sync *s = container_of(q, struct sync, results);
	int64_t last;

	if (err) {
		failed(s, err);
		return;
	}
	if (!s->whole && json_bool_or(reply->content, "reset", false)) {
		fill(s, true);
		return;
	}
	note_seq(s, reply->content);
	last = merge_page(s, reply->content);
	if (json_bool_or(reply->content, "more", false) && last > 0) {
		ask_results(s, last);
		return;
	}
	s->has_results = true;
	finish(s);
}

static void on_state(struct request *q, int err, struct msg *reply)
{
	struct sync *s = container_of(q, struct sync, state);
	struct json_object *a;
	uint64_t seq;
	size_t i;

	if (err) {
		failed(s, err);
		return;
	}
	note_seq(s, reply->content);
	seq = (uint64_t)json_int_or(reply->content, "seq", 0);
	a = json_get_array(reply->content, "engines");
	for (i = 0; a && i < json_object_array_length(a); i++)
		merge_engine(s->mirror, json_object_array_get_idx(a, i), seq);
	merge_counts(s->mirror, json_get_object(reply->content, "controller"),
		     seq);
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

	for (id = 0; (r = index_next(&m->results, id)); id = r->id + 1)
		r->seq = 0;
	for (id = 0; (e = index_next(&m->engines, id)); id = e->id + 1)
		e->seq = 0;
	m->counts.seq = 0;
	m->purges = 0;
	memset(m->purged, 0, sizeof(m->purged));
}

void sync_up(struct sync *s)
{
	bool same = s->ever && strcmp(s->instance, s->link->instance) == 0;

	drop_held(s);
	if (!same)
		forget_numbers(s);
	snprintf(s->instance, sizeof(s->instance), "%s", s->link->instance);
	events_add(&s->mirror->events, EVENT_OF_CONTROLLER, 0, "connected");
	fill(s, !same);
}

void sync_down(struct sync *s)
{
	link_forget(s->link, &s->results);
	link_forget(s->link, &s->state);
	drop_held(s);
	s->filling = false;
	events_add(&s->mirror->events, EVENT_OF_CONTROLLER, 0, "lost");
}

void sync_changes(struct sync *s, struct msg *m)
{
	const char *instance = json_get_str(m->content, "instance", NULL);
	int64_t n = json_int_or(m->content, "seq", 0);
	uint64_t seq = (uint64_t)n;

	if (n <= 0 || !instance)
		return;
	if (strcmp(instance, s->instance) != 0) {
		link_restart(s->link, "it was started again");
		return;
	}
	if (s->filling) {
		hold(s, m, seq);
	} else if (seq == s->last + 1) {
		apply(s, m, seq);
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
