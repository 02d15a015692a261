#include "merge_pool.h"
#include "wire/limits.h"
#include "wire/pool_option.h"
#include "wire/scan.h"

/* --- launches ----------------------------------------------------------- */

struct launch_rest {
	struct launch l;
	struct bytes engines;
};

#define L(member) offsetof(struct launch_rest, member)

static const struct field launch_fields[] = {
	{"launch", FIELD_TEXT, L(l.token), 0},
	{"count", FIELD_INT, L(l.count), 0},
	{"state", FIELD_TEXT, L(l.state), 0},
	{"since", FIELD_INT, L(l.since), 0},
	{"job", FIELD_TEXT, L(l.job), 0},
	{"engines", FIELD_SPAN, L(engines), 0},
	{.name = NULL},
};

static void set_ids(struct idlist *ids, struct bytes list)
{
	struct bytes value;
	struct scan s;
	int64_t id;

	if (!scan_array(&s, list))
		return;
	ids->n = 0;
	while (scan_element(&s, &value))
		if (scan_int(value, &id) && id >= 0 && id <= MIRROR_MAX_ID)
			idlist_add(ids, (uint64_t)id);
}

static struct launch *read_launches(struct bytes list, size_t *ret_n)
{
	struct launch *l = NULL;
	size_t n = 0, room = 0;
	struct bytes value;
	struct scan s;

	if (scan_array(&s, list))
		while (n < LIMIT_ENGINES && scan_element(&s, &value)) {
			struct launch_rest r = {0};

			(void)scan_fields(value, launch_fields, &r);
			set_ids(&r.l.engines, r.engines);
			if (n == room) {
				room = room ? 2 * room : 8;
				l = xreallocarray(l, room, sizeof(*l));
			}
			l[n++] = r.l;
		}
	*ret_n = n;
	return l;
}

/*
 * The launch of that token in a list, from *at on and round: launches keep
 * their order, so that it is nearly always the first one looked at.
 */
static const struct launch *find_launch(const struct launch *l, size_t n,
					const char *token, size_t *at)
{
	size_t i, k;

	for (i = 0; i < n; i++) {
		k = (*at + i) % n;
		if (!l[k].token || strcmp(l[k].token, token) != 0)
			continue;
		*at = k + 1;
		return &l[k];
	}
	return NULL;
}

static void tell_launch(struct mirror *m, const struct launch *l,
			const struct launch *was)
{
	if (l->state && (!was || !was->state ||
			 strcmp(l->state, was->state) != 0))
		event_ring_add_named(&m->events, EVENT_OF_LAUNCH, l->token,
				     l->state);
}

static void set_launches(struct mirror *m, struct pool *p, struct bytes list)
{
	size_t n, i, at = 0;
	struct launch *l;

	if (!list.p)
		return;
	l = read_launches(list, &n);
	for (i = 0; i < p->launches; i++)
		if (p->launch[i].token &&
		    !find_launch(l, n, p->launch[i].token, &at))
			event_ring_add_named(&m->events, EVENT_OF_LAUNCH,
					     p->launch[i].token, "ended");
	for (at = 0, i = 0; i < n; i++)
		if (l[i].token)
			tell_launch(m, &l[i],
				    find_launch(p->launch, p->launches,
						l[i].token, &at));
	launches_done(p->launch, p->launches);
	p->launch = l;
	p->launches = n;
}

/* --- options ------------------------------------------------------------ */

static bool is_same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static void set_options(struct pool *p, struct bytes object)
{
	char *option[POOL_OPTIONS] = {0};
	const struct pool_option *o;
	struct bytes key, value;
	struct scan s;
	size_t i;

	if (!scan_object(&s, object))
		return;
	while (scan_member(&s, &key, &value)) {
		o = pool_option_find(key);
		if (o && !option[o - pool_options])
			option[o - pool_options] = scan_text(value);
	}
	for (i = 0; i < POOL_OPTIONS; i++) {
		if (!is_same(option[i], p->option[i]))
			p->changed = now_usec();
		free(p->option[i]);
		p->option[i] = option[i];
	}
}

/* --- a pool ------------------------------------------------------------- */

struct pool_rest {
	struct bytes pool, options, launches, engines;
};

#define X(member) offsetof(struct pool_rest, member)

static const struct field pool_rest_fields[] = {
	{"pool", FIELD_SPAN, X(pool), 0},
	{"options", FIELD_SPAN, X(options), 0},
	{"launches", FIELD_SPAN, X(launches), 0},
	{"engines", FIELD_SPAN, X(engines), 0},
	{.name = NULL},
};

static const struct field pool_fields[] = {
	{"state", FIELD_TEXT, offsetof(struct pool, state), 0},
	{"why", FIELD_TEXT, offsetof(struct pool, why), 0},
	{"wanted", FIELD_INT, offsetof(struct pool, wanted), 0},
	{.name = NULL},
};

static void tell_state(struct mirror *m, struct pool *p, const char *was)
{
	unsigned what = NOTE_WORK;

	if (p->state && !is_same(was, p->state)) {
		event_ring_add_named(&m->events, EVENT_OF_POOL, p->name,
				     p->state);
		what |= NOTE_STATUS;
	}
	mirror_note(m, EVENT_OF_POOL, p->id, 0, what);
	waitq_wake(m->park, &p->waitq);
}

/* A reply comes by another way than the changes before it. */
static bool is_older(const struct pool *p, uint64_t seq, bool whole)
{
	return p->seq > seq || (p->seq == seq && p->whole && !whole);
}

struct pool *merge_pool(struct mirror *m, struct bytes object, uint64_t seq,
			bool whole)
{
	struct pool_rest rest = {0};
	struct bytes name;
	struct pool *p;
	char *was;

	if (!scan_fields(object, pool_rest_fields, &rest) ||
	    !scan_plain(rest.pool, &name) || !pool_name_ok(name))
		return NULL;
	p = pool_find(m, name);
	if (!p && !pool_was_gone(m, name, seq, whole))
		p = pool_add(m, name);
	if (!p)
		return NULL;
	p->round = m->round;
	if (is_older(p, seq, whole))
		return p;
	p->seq = seq;
	p->whole = whole;
	was = p->state ? xstrdup(p->state) : NULL;
	(void)scan_fields(object, pool_fields, p);
	set_options(p, rest.options);
	set_launches(m, p, rest.launches);
	set_ids(&p->engines, rest.engines);
	tell_state(m, p, was);
	free(was);
	return p;
}

void merge_pool_gone(struct mirror *m, struct bytes name, uint64_t seq)
{
	struct bytes text;

	if (scan_plain(name, &text))
		pool_gone(m, text, seq);
}
