#include "base/base.h"
#include "upstream.h"

#include "base/log.h"
#include "call.h"
#include "events.h"
#include "foreign.h"
#include "results.h"
#include "run.h"
#include "wire.h"
#include "wire/task_option.h"

/*
 * What other clients run on the upstream: each of their tasks becomes a result
 * here, to be looked at. The hub's records say which there are; they are asked
 * for now and then, and when an engine begins something unknown. The end of
 * one is found as that of our own from before a restart is (reclaim_hub.c).
 */

#define ASK_EVERY (5 * USEC_PER_SEC)
#define ASK_SOON (50 * USEC_PER_MSEC)
#define TRIES 10
/* Clients' clocks differ by less, one hopes. */
#define SLACK (600LL * 1000000)
/* How far back the first look goes, and how much it brings. */
#define FIRST_LOOK (86400LL * 1000000)
#define LIMIT_FIRST 1000
#define LIMIT_SEEN 100000

struct others {
	struct controller *c;
	struct timer timer;
	struct map seen;	/* msg_ids that need no other look */
	int64_t newest;		/* date of the newest record, usec */
	bool asking;
	char *wanted;		/* a msg_id that was heard of */
	unsigned tries;		/* to find it */
};

static void ask(struct timer *t);

/* --- a record becomes a result ------------------------------------------ */

static void stored(struct store_op *op)
{
	struct result *r = result_find(op->arg, op->result.id);

	if (r && !op->err)
		result_set_stored(r);
	else if (op->err)
		log_error("another client's task was not stored",
			  log_errno(op->err));
}

static void started(struct store_op *op)
{
	struct result *r = result_find(op->arg, op->task.row.result);

	if (r)
		task_apply(r, &op->task.row, EVENT_START);
}

static void put_code(struct json_object *record, struct buf *code)
{
	size_t n = 0;
	const char *s = json_get_str(json_get_object(record, "content"),
				     "code", &n);

	if (!s)
		s = json_get_str(json_get_object(record, "header"), "msg_type",
				 &n);
	if (s)
		buf_put(code, s, min_u64(n, LIMIT_CODE));
}

static struct result *new_result(struct controller *c,
				 struct json_object *record, int64_t submitted)
{
	struct json_object *meta = json_get_object(record, "metadata");
	struct result_spec spec = {
		.kind = "task",
		.options = json_object_new_object(),
		.ntasks = 1,
		.uid = getuid(),
		.gid = getgid(),
	};
	size_t n = 0;
	const char *label = json_get_str(meta, "label", &n);
	struct store_op *op;
	struct result *r;

	if (label && task_name_ok(bytes_of(label, n)))
		spec.name = label;
	put_code(record, &spec.code);
	r = result_new(c, &spec);
	json_object_put(spec.options);
	r->submitted = submitted;
	r->wired = true;
	result_take_name(r);
	op = result_store_op(r);
	op->arg = c;
	op->done = stored;
	store_put(c->store, op);
	return r;
}

static void start(struct result *r, const char *msg_id, struct engine *e,
		  const char *uuid, int64_t when)
{
	struct controller *c = r->c;
	struct store_op *op = store_op_new(STORE_TASK);
	struct run *run;

	task_claim(r, 0);
	wire_know(r, msg_id);
	op->task.row = task_row(r, 0);
	free(op->task.row.msg_id);
	free(op->task.row.engine_uuid);
	op->task.row.msg_id = xstrdup(msg_id);
	op->task.row.engine_uuid = xstrdup(uuid);
	op->task.row.state = STATE_RUNNING;
	op->task.row.engine = e ? e->id : -1;
	op->task.row.attempt = 1;
	op->task.row.started = when;
	op->arg = c;
	op->done = started;
	store_put(c->store, op);
	run = run_relayed(r, msg_id, e, NULL);
	run->restored = run->other = true;
	run->news = RECLAIM_NEWS;	/* it may have ended already */
	call_new(run);
}

static int64_t date_in(struct json_object *o, const char *key)
{
	const char *s = json_get_str(o, key, NULL);
	int64_t t = 0;

	if (!s || date_parse(bytes_str(s), &t) || t <= 0 || t >= LIMIT_TIME)
		return 0;
	return t;
}

/* Of whom nobody here may know: our own, and what sets engines up. */
static bool is_ours(struct controller *c, const char *msg_id,
		    struct json_object *record)
{
	struct json_object *t = json_get_object(
		json_get_object(record, "metadata"), "taskfs");

	return strncmp(msg_id, c->cluster, strlen(c->cluster)) == 0 ||
	       json_bool_or(t, "setup", false);
}

/* One that is assigned to no engine yet comes again with the next look. */
static void take_record(struct others *o, struct json_object *record)
{
	struct controller *c = o->c;
	const char *msg_id = json_get_str(record, "msg_id", NULL);
	const char *uuid = json_get_str(record, "engine_uuid", NULL);
	int64_t submitted = date_in(record, "submitted");

	if (!msg_id || !submitted || map_get(&o->seen, bytes_str(msg_id)))
		return;
	/* It is a client's own clock. */
	if (submitted > now_usec())
		submitted = now_usec();
	o->newest = submitted > o->newest ? submitted : o->newest;
	if (!uuid && !date_in(record, "completed"))
		return;
	if (o->seen.n < LIMIT_SEEN)
		map_put(&o->seen, bytes_str(msg_id), o);
	if (is_ours(c, msg_id, record) || run_find(c, msg_id) ||
	    map_get(&c->wired, bytes_str(msg_id)) ||
	    !json_get_object(record, "header"))
		return;
	start(new_result(c, record, submitted), msg_id,
	      uuid ? engine_by_uuid(c, bytes_str(uuid)) : NULL,
	      uuid ? uuid : "", submitted);
}

/* --- asking ------------------------------------------------------------- */

static void keep_newest(struct others *o)
{
	struct store_op *op = store_op_new(STORE_META);

	op->meta.key = "upstream_newest";
	op->meta.value = xasprintf("%lld", (long long)o->newest);
	store_put(o->c->store, op);
}

static int by_date(const void *a, const void *b)
{
	struct json_object *const *x = a, *const *y = b;
	int64_t dx = date_in(*x, "submitted"), dy = date_in(*y, "submitted");

	return (dx > dy) - (dx < dy);
}

static void take_records(struct others *o, struct json_object *records)
{
	size_t n = json_object_array_length(records), i;
	bool first = o->newest == 0;
	int64_t was = o->newest;

	json_object_array_sort(records, by_date);
	i = first && n > LIMIT_FIRST ? n - LIMIT_FIRST : 0;
	for (; i < n; i++)
		take_record(o, json_object_array_get_idx(records, i));
	if (o->newest == was)
		return;
	keep_newest(o);
	reclaim_soon(o->c);
}

static void answered(struct controller *c, struct msg *reply, uint64_t arg)
{
	struct others *o = c->others;
	struct json_object *records = reply ? json_get_array(reply->content,
							     "records") : NULL;

	(void)arg;
	if (!o)
		return;
	o->asking = false;
	if (records)
		take_records(o, records);
	/* The hub hears of it when we do, or a little later. */
	if (o->wanted && (map_get(&o->seen, bytes_str(o->wanted)) ||
			  !o->tries--)) {
		free(o->wanted);
		o->wanted = NULL;
	}
	timer_set(c->loop, &o->timer, o->wanted ? ASK_SOON : ASK_EVERY);
}

static struct json_object *question(const struct others *o)
{
	static const char *const keys[] = {"header", "metadata", "content",
					   "submitted", "engine_uuid",
					   "completed"};
	struct json_object *q = json_object_new_object();
	struct json_object *query = json_object_new_object();
	struct json_object *from = json_object_new_object();
	struct json_object *list = json_object_new_array();
	char date[DATE_SIZE];
	size_t i;

	date_format(o->newest ? o->newest - SLACK : now_usec() - FIRST_LOOK,
		    date);
	json_add_str(from, "$gte", date);
	json_add(query, "submitted", from);
	json_add(q, "query", query);
	for (i = 0; i < ARRAY_SIZE(keys); i++)
		json_push(list, json_object_new_string(keys[i]));
	json_add(q, "keys", list);
	return q;
}

static void ask(struct timer *t)
{
	struct others *o = container_of(t, struct others, timer);

	o->asking = upstream_ask(o->c, MSG_DB_REQUEST, question(o), answered,
				 0) == 0;
	if (!o->asking)
		timer_set(o->c->loop, &o->timer, ASK_EVERY);
}

static struct others *others_new(struct controller *c)
{
	struct others *o = zalloc(sizeof(*o));
	char *newest = store_meta(c->store, "upstream_newest");
	struct list *l;

	o->c = c;
	o->timer.fire = ask;
	o->newest = newest ? strtoll(newest, NULL, 10) : 0;
	if (o->newest > now_usec())
		o->newest = now_usec();
	free(newest);
	list_for_each(l, &c->by_id) {
		struct result *r = list_entry(l, struct result, by_id);
		const struct details *d = r->task[0].details;

		if (r->wired && d && d->msg_id)
			wire_know(r, d->msg_id);
	}
	return o;
}

void others_begin(struct controller *c)
{
	if (!c->others)
		c->others = others_new(c);
	if (!c->others->asking)
		timer_set(c->loop, &c->others->timer, 0);
}

void others_note(struct controller *c, const struct msg *m)
{
	const char *id = json_get_str(m->parent, "msg_id", NULL);
	const char *type = json_get_str(m->parent, "msg_type", NULL);
	struct others *o = c->others;

	if (!o || !id || !type || map_get(&o->seen, bytes_str(id)) ||
	    (strcmp(type, MSG_EXECUTE_REQUEST) != 0 &&
	     strcmp(type, MSG_APPLY_REQUEST) != 0))
		return;
	free(o->wanted);
	o->wanted = xstrdup(id);
	o->tries = TRIES;
	if (!o->asking)
		timer_set(c->loop, &o->timer, ASK_SOON);
}

void others_done(struct controller *c)
{
	if (!c->others)
		return;
	timer_cancel(&c->others->timer);
	map_done(&c->others->seen);
	free(c->others->wanted);
	free(c->others);
	c->others = NULL;
}
