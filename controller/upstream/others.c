#include "base/base.h"
#include "others.h"

#include "ask.h"
#include "base/log.h"
#include "clients/client_ids.h"
#include "model/results.h"
#include "others_busy.h"
#include "others_record.h"
#include "reclaim.h"

/*
 * What other clients run on the upstream: each of their tasks becomes a result
 * here, to be looked at (others_record.c). Which there are is heard on iopub
 * when an engine begins one; and now and then the hub is asked for the ids of
 * what was submitted lately. Only what is new is asked for its record, once.
 */

#define ASK_EVERY (10 * USEC_PER_SEC)
/* A hub that cannot answer is asked less and less. */
#define ASK_EVERY_MAX (640 * USEC_PER_SEC)
#define ASK_SOON (50 * USEC_PER_MSEC)
/* So often a record is asked for: the hub hears of a task when we do, or a little
 * later. */
#define TRIES 10
/* So many records are asked for at a time: SQLite has a limit, and code is in them. */
#define BATCH 50
/* Ids are asked for again so far back. A client whose clock is behind by more
 * is heard when its task begins. */
#define OVERLAP (20LL * 1000000)
/* The first look goes so far back, then farther, until it has enough. */
#define NEAR (60LL * 1000000)
#define FARTHER 8
#define FAR (86400LL * 1000000)
#define LIMIT_FIRST 1000
/* So many ids are kept; the oldest go. */
#define LIMIT_WANTED 10000
#define LIMIT_SEEN 10000

/* A msg_id that was heard of: wanted, until its record was seen. */
struct heard {
	struct list link;
	int64_t date;		/* seen: when it was submitted */
	unsigned tries;		/* wanted: so many more */
	bool seen, asked;
	bool bare;		/* the hub has only what its task published */
	char id[];
};

struct others {
	struct controller *c;
	struct timer timer;
	struct map ids;		/* msg_id -> struct heard */
	struct list wanted, seen;	/* the same, oldest first */
	size_t nwanted, nseen;
	int64_t newest;		/* date of the newest record, usec */
	int64_t since, span;	/* first look: not before; so far back now */
	bool first;
	bool asking;
	bool useless;		/* the hub keeps no records */
	uint64_t look_at, look_every;	/* mono_usec(): for ids */
};

/* --- what was heard of -------------------------------------------------- */

static void forget(struct others *o, struct heard *h)
{
	if (h->seen)
		o->nseen--;
	else
		o->nwanted--;
	list_del(&h->link);
	map_remove(&o->ids, bytes_str(h->id));
	free(h);
}

static void want_record(struct others *o, const char *msg_id)
{
	struct heard *h;

	if (others_is_ours(o->c, msg_id) || others_know(o->c, msg_id) ||
	    map_get(&o->ids, bytes_str(msg_id)))
		return;
	if (o->nwanted >= LIMIT_WANTED)
		forget(o, list_first(&o->wanted, struct heard, link));
	h = zalloc(sizeof(*h) + strlen(msg_id) + 1);
	memcpy(h->id, msg_id, strlen(msg_id));
	h->tries = TRIES;
	list_add_tail(&o->wanted, &h->link);
	map_put(&o->ids, bytes_str(msg_id), h);
	o->nwanted++;
}

/* Forgets ids that no answer brings again: the hub is not asked so far back. */
static void forget_old(struct others *o)
{
	while (o->nseen) {
		struct heard *h = list_first(&o->seen, struct heard, link);

		if (o->nseen <= LIMIT_SEEN && h->date >= o->newest - OVERLAP)
			return;
		forget(o, h);
	}
}

static void note_seen(struct others *o, struct heard *h, int64_t date)
{
	list_del(&h->link);
	o->nwanted--;
	h->seen = true;
	h->date = date;
	list_add_tail(&o->seen, &h->link);
	o->nseen++;
}

/* --- asking for records ------------------------------------------------- */

static int by_date(const void *a, const void *b)
{
	struct json_object *const *x = a, *const *y = b;
	int64_t dx = others_date(*x), dy = others_date(*y);

	return (dx > dy) - (dx < dy);
}

static void take_records(struct others *o, struct json_object *records)
{
	size_t n = json_object_array_length(records), i;

	json_object_array_sort(records, by_date);
	for (i = 0; i < n; i++) {
		struct json_object *r = json_object_array_get_idx(records, i);
		const char *id = json_get_str(r, "msg_id", NULL);
		struct heard *h = id ? map_get(&o->ids, bytes_str(id)) : NULL;

		if (!h || h->seen)
			continue;
		h->bare = !others_date(r);
		if (others_take(o->c, r))
			note_seen(o, h, others_date(r));
	}
	reclaim_soon(o->c);
}

/* A record that was asked for and did not come may come the next time, or is given
 * up. */
static void count_tries(struct others *o)
{
	while (o->nwanted) {
		struct heard *h = list_first(&o->wanted, struct heard, link);

		if (!h->asked)
			return;
		h->asked = false;
		list_del(&h->link);
		list_add_tail(&o->wanted, &h->link);
		if (--h->tries)
			continue;
		/* There will not be more in the record of a message that was
		 * broadcast. */
		if (h->bare)
			note_seen(o, h, now_usec());
		else
			forget(o, h);
	}
}

static struct json_object *which(struct others *o)
{
	struct json_object *ids = json_object_new_array();
	struct list *l;
	size_t n = 0;

	list_for_each(l, &o->wanted) {
		struct heard *h = list_entry(l, struct heard, link);

		if (n++ >= BATCH)
			break;
		h->asked = true;
		json_push(ids, json_text(bytes_str(h->id)));
	}
	return ids;
}

static void next_question(struct others *o, uint64_t after)
{
	timer_set(o->c->loop, &o->timer, after);
}

static void answered(struct controller *c, struct msg *reply, uint64_t full)
{
	struct others *o = c->others;
	struct json_object *records = reply ? json_get_array(reply->content,
							     "records") : NULL;

	if (!o)
		return;
	o->asking = false;
	if (records)
		take_records(o, records);
	count_tries(o);
	forget_old(o);
	next_question(o, full && records ? 0 : ASK_SOON);
}

/* Consumes query. */
static bool ask_for(struct others *o, struct json_object *query,
		    const char *const *keys,
		    void (*done)(struct controller *c, struct msg *reply,
				 uint64_t arg),
		    uint64_t arg)
{
	struct json_object *q = json_object_new_object();
	struct json_object *list = json_object_new_array();

	for (; *keys; keys++)
		json_push(list, json_object_new_string(*keys));
	json_add(q, "query", query);
	json_add(q, "keys", list);
	o->asking = upstream_ask(o->c, MSG_DB_REQUEST, q, done, arg) == 0;
	return o->asking;
}

static bool ask_records(struct others *o)
{
	static const char *const keys[] = {"header", "metadata", "content",
					   "submitted", "engine_uuid",
					   "completed", NULL};
	struct json_object *query = json_object_new_object();
	struct json_object *in = json_object_new_object();

	json_add(in, "$in", which(o));
	json_add(query, "msg_id", in);
	return ask_for(o, query, keys, answered, o->nwanted > BATCH);
}

/* --- asking for ids ----------------------------------------------------- */

static void keep_newest(struct others *o)
{
	struct store_op *op = store_op_new(STORE_META);

	op->meta.key = "upstream_newest";
	op->meta.value = xasprintf("%lld", (long long)o->newest);
	store_put(o->c->store, op);
}

static int64_t look_from(const struct others *o)
{
	int64_t from = o->first ? now_usec() - o->span : o->newest - OVERLAP;

	return from > o->since ? from : o->since;
}

/* The next look goes farther back, as long as there is not enough. */
static bool look_farther(struct others *o, size_t n)
{
	if (!o->first || n >= LIMIT_FIRST || look_from(o) <= o->since)
		return false;
	o->span *= FARTHER;
	o->look_at = 0;
	return true;
}

static void take_id(struct others *o, struct json_object *record)
{
	const char *id = json_get_str(record, "msg_id", NULL);
	int64_t date = others_date(record);

	o->newest = date > o->newest ? date : o->newest;
	if (id && date && (json_get_str(record, "engine_uuid", NULL) ||
			   json_get_str(record, "completed", NULL)))
		want_record(o, id);
}

static void take_ids(struct others *o, struct json_object *records)
{
	size_t n = json_object_array_length(records), i;
	int64_t was = o->newest;

	if (look_farther(o, n))
		return;
	json_object_array_sort(records, by_date);
	i = o->first && n > LIMIT_FIRST ? n - LIMIT_FIRST : 0;
	for (; i < n; i++)
		take_id(o, json_object_array_get_idx(records, i));
	if (!o->newest)
		o->newest = now_usec();
	if (o->newest != was)
		keep_newest(o);
	o->first = false;
}

/* A hub with --nodb has no records. */
static void note_useless(struct others *o)
{
	o->useless = true;
	log_info("ipyparallel's hub keeps no records; what others run there is "
		 "not shown");
}

static void looked(struct controller *c, struct msg *reply, uint64_t arg)
{
	struct others *o = c->others;
	struct json_object *records = reply ? json_get_array(reply->content,
							     "records") : NULL;
	const char *ename = reply ? json_get_str(reply->content, "ename", NULL)
				  : NULL;

	(void)arg;
	if (!o)
		return;
	o->asking = false;
	if (ename && strcmp(ename, "NoData") == 0) {
		note_useless(o);
		next_question(o, ASK_EVERY);
		return;
	}
	o->look_every = records ? ASK_EVERY
				: min_u64(o->look_every * 2, ASK_EVERY_MAX);
	o->look_at = mono_usec() + o->look_every;
	if (records)
		take_ids(o, records);
	next_question(o, 0);
}

static bool ask_ids(struct others *o)
{
	static const char *const keys[] = {"submitted", "engine_uuid",
					   "completed", NULL};
	struct json_object *query = json_object_new_object();
	struct json_object *from = json_object_new_object();
	char date[DATE_SIZE];

	date_format(look_from(o), date);
	/* Of what was broadcast the hub has records without a date, which it
	 * cannot compare. */
	json_add(from, "$ne", NULL);
	json_add_str(from, "$gte", date);
	json_add(query, "submitted", from);
	return ask_for(o, query, keys, looked, 0);
}

/* --- the questions in turn ---------------------------------------------- */

static void ask(struct timer *t)
{
	struct others *o = container_of(t, struct others, timer);
	uint64_t now = mono_usec();

	if (o->asking)
		return;
	if (o->useless) {
		others_ask_busy(o->c);
		next_question(o, ASK_EVERY);
		return;
	}
	if (now >= o->look_at ? ask_ids(o) : o->nwanted && ask_records(o))
		return;
	count_tries(o);
	next_question(o, !o->nwanted && o->look_at > now ? o->look_at - now
							 : ASK_EVERY);
}

/* Puts down the msg_ids that are known from before a restart. */
static void know_results(struct controller *c)
{
	struct list *l;

	list_for_each(l, &c->results->order) {
		struct result *r = list_entry(l, struct result, by_id);
		const struct details *d = r->task[0].details;

		if (r->ops->loaded && d && d->msg_id)
			r->ops->loaded(r, d->msg_id);
	}
}

void others_open(struct controller *c)
{
	struct others *o = c->others = zalloc(sizeof(*o));
	char *newest = store_meta(c->store, "upstream_newest");

	o->c = c;
	o->timer.fire = ask;
	list_init(&o->wanted);
	list_init(&o->seen);
	o->newest = newest ? strtoll(newest, NULL, 10) : 0;
	if (o->newest > now_usec())
		o->newest = now_usec();
	free(newest);
	know_results(c);
}

void others_begin(struct controller *c)
{
	struct others *o = c->others;
	int64_t far = now_usec() - FAR;

	o->useless = false;
	o->first = true;
	o->span = NEAR;
	o->since = o->newest - OVERLAP > far ? o->newest - OVERLAP : far;
	o->look_at = 0;
	o->look_every = ASK_EVERY;
	if (!o->asking)
		next_question(o, 0);
}

void others_note(struct controller *c, const struct msg *m)
{
	const char *id = json_get_str(m->parent, "msg_id", NULL);
	const char *type = json_get_str(m->parent, "msg_type", NULL);
	struct others *o = c->others;
	size_t n = o ? o->nwanted : 0;

	if (!o || o->useless || !id || !type ||
	    (strcmp(type, MSG_EXECUTE_REQUEST) != 0 &&
	     strcmp(type, MSG_APPLY_REQUEST) != 0))
		return;
	want_record(o, id);
	/* More such messages do not put the question off. */
	if (n == 0 && o->nwanted && !o->asking)
		next_question(o, ASK_SOON);
}

void others_done(struct controller *c)
{
	struct others *o = c->others;

	if (!o)
		return;
	timer_cancel(&o->timer);
	while (o->nwanted)
		forget(o, list_first(&o->wanted, struct heard, link));
	while (o->nseen)
		forget(o, list_first(&o->seen, struct heard, link));
	map_done(&o->ids);
	free(o);
	c->others = NULL;
}
