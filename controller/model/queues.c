#include "base/base.h"
#include "queues.h"

#include "wire/json.h"
#include "wire/pool_option.h"

#define META "queues"

void queues_init(struct controller *c)
{
	c->queues = zalloc(sizeof(*c->queues));
	list_init(&c->queues->all);
}

void queues_done(struct controller *c)
{
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &c->queues->all) {
		struct queue *q = list_entry(l, struct queue, link);

		q->results = q->active = 0;
		queue_free(q);
	}
	map_done(&c->queues->by_name);
	free(c->queues);
	c->queues = NULL;
}

struct queue *queue_find(const struct controller *c, struct bytes name)
{
	return name.p ? map_get(&c->queues->by_name, name) : NULL;
}

struct queue *queue_new(struct controller *c, struct bytes name)
{
	struct queue *q = zalloc(sizeof(*q));
	struct list *at;

	q->c = c;
	q->name = xmemdup_nul(name.p, name.n);
	list_for_each(at, &c->queues->all)
		if (strcmp(list_entry(at, struct queue, link)->name, q->name) > 0)
			break;
	list_insert(&q->link, at->prev, at);
	map_put(&c->queues->by_name, bytes_str(q->name), q);
	return q;
}

void queue_free(struct queue *q)
{
	assert(!q->results && !q->active);
	map_remove(&q->c->queues->by_name, bytes_str(q->name));
	list_del(&q->link);
	free(q->name);
	free(q);
}

/* --- storing ---------------------------------------------------------------- */

struct store_op *queues_store_op(const struct controller *c)
{
	struct store_op *op = store_op_new(STORE_META);
	struct json_object *all = json_object_new_object();
	const struct list *l;
	struct bytes text;

	list_for_each(l, &c->queues->all) {
		const struct queue *q = list_entry(l, struct queue, link);
		struct json_object *o = json_object_new_object();

		json_add_int(o, "limit", (int64_t)q->limit);
		json_add_bool(o, "paused", q->paused);
		if (q->removing)
			json_object_put(o);
		else
			json_add(all, q->name, o);
	}
	text = json_bytes(all);
	op->meta.key = META;
	op->meta.value = xmemdup_nul(text.p, text.n);
	json_object_put(all);
	return op;
}

void queues_load(struct controller *c)
{
	char *text = store_meta(c->store, META);
	struct json_object *all = text ? json_parse(bytes_str(text), NULL) : NULL;

	free(text);
	if (!json_object_is_type(all, json_type_object)) {
		json_object_put(all);
		return;
	}
	json_object_object_foreach(all, name, v) {
		struct queue *q;

		if (!pool_name_ok(bytes_str(name)))
			continue;
		q = queue_new(c, bytes_str(name));
		q->limit = (uint64_t)max_i64(json_int_or(v, "limit", 0), 0);
		q->paused = json_bool_or(v, "paused", false);
	}
	json_object_put(all);
}

/* --- who is in it -------------------------------------------------------------- */

uint64_t queue_room(const struct queue *q)
{
	if (!q || (!q->limit && !q->paused))
		return UINT64_MAX;
	return q->paused || q->active >= q->limit ? 0 : q->limit - q->active;
}

void queue_join(struct result *r, struct queue *q)
{
	int s;

	r->queue = q;
	if (!q)
		return;
	q->results++;
	for (s = 0; s < STATES; s++)
		q->count[s] += r->count[s];
}

void queue_leave(struct result *r)
{
	struct queue *q = r->queue;
	int s;

	r->queue = NULL;
	if (!q)
		return;
	q->results--;
	for (s = 0; s < STATES; s++)
		q->count[s] -= r->count[s];
}

void queue_count(struct result *r, enum state from, enum state to, uint64_t n)
{
	if (!r->queue)
		return;
	if (from != STATE_NONE)
		r->queue->count[from] -= n;
	r->queue->count[to] += n;
}

int queue_check(const struct controller *c, struct json_object *options,
		struct buf *why)
{
	struct bytes name = json_get_bytes(options, "queue");
	const struct queue *q = queue_find(c, name);

	if (!name.p || (q && !q->removing))
		return 0;
	buf_puts(why, "\"queue\": there is no queue \"");
	buf_put_escaped(why, name, LIMIT_POOL_NAME);
	buf_puts(why, "\": mkdir queues/NAME makes one");
	return -EINVAL;
}
