#include "base/base.h"
#include "errands.h"

#include "mounts/engine_json.h"
#include "schedule/sched.h"
#include "vars/vars.h"

/* So long the client waits: a stock engine answers between its tasks. */
#define ORDER_WAIT (8 * USEC_PER_SEC)

struct orders {
	struct list all;
};

/* --- beginning and end of an order ----------------------------------------- */

struct order *order_new(struct request *rq, const struct order_verb *verb,
			struct json_object *list)
{
	struct controller *c = rq->c;
	size_t room = list ? json_object_array_length(list) : c->engines->by_id.n, i;
	struct order *o = zalloc(sizeof(*o) + room * sizeof(o->of[0]));
	struct list *l;

	o->c = c;
	o->rq = rq;
	o->verb = verb;
	list_add_tail(&c->orders->all, &o->link);
	c->count.orders++;
	for (i = 0; list && i < room; i++)
		o->of[o->n++].engine = json_object_get_int64(
			json_object_array_get_idx(list, i));
	if (list)
		return o;
	list_for_each(l, &c->engines->order) {
		struct engine *e = list_entry(l, struct engine, order);

		if (engine_is_there(e))
			o->of[o->n++].engine = e->id;
	}
	return o;
}

/* The engines as they are now, and those that are gone. */
static struct json_object *order_content(const struct order *o)
{
	struct controller *c = o->c;
	struct json_object *content = ok_content(c, true);
	struct json_object *engines = json_object_new_array();
	struct json_object *gone = json_object_new_array();
	size_t i;

	for (i = 0; i < o->n; i++) {
		struct engine *e = engine_find(c, o->of[i].engine);

		if (e && e->state != ENGINE_JOINING)
			json_push(engines, engine_json(e));
		else
			json_push(gone,
				  json_object_new_int64(o->of[i].engine));
	}
	json_add(content, "engines", engines);
	json_add(content, "gone", gone);
	return content;
}

void order_free(struct order *o)
{
	timer_cancel(&o->due);
	list_del(&o->link);
	o->c->count.orders--;
	/* What waited for one that did not come back waits no longer. */
	sched_check(o->c);
	if (o->rq)
		request_free(o->rq);
	buf_done(&o->why);
	free(o);
}

void order_finish(struct order *o)
{
	struct request *rq = o->rq;

	o->rq = NULL;
	if (o->err)
		request_fail(rq, MSG_ENGINE_CONTROL_REPLY, o->err,
			     "ControlError", buf_str(&o->why));
	else
		request_reply(rq, MSG_ENGINE_CONTROL_REPLY, order_content(o),
			      NULL, 0);
	order_free(o);
}

void order_failed(struct order *o, const struct errand *a, int err,
		  const char *why)
{
	if (o->err)
		return;
	o->err = err;
	buf_printf(&o->why, "engine %lld: %s", (long long)a->engine, why);
}

static void close_errand(struct order *o, struct errand *a)
{
	assert(a->open);
	a->open = false;
	if (--o->waiting == 0)
		order_finish(o);
}

static void due(struct timer *t)
{
	struct order *o = container_of(t, struct order, due);
	size_t i;

	for (i = 0; i < o->n && !o->of[i].open; i++)
		;
	assert(i < o->n);
	order_failed(o, &o->of[i], -ETIMEDOUT,
		     "it was asked, and has not answered yet");
	order_finish(o);
}

void order_wait(struct order *o)
{
	o->due.fire = due;
	timer_set(o->c->loop, &o->due, ORDER_WAIT);
}

/* --- what engines do ------------------------------------------------------ */

/* Calls f for every open errand; it may close it, and so end the order. */
static void each_errand(struct controller *c, void *arg,
			void (*f)(struct order *o, struct errand *a, void *arg))
{
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &c->orders->all) {
		struct order *o = list_entry(l, struct order, link);
		size_t i, n = o->n;

		for (i = 0; i < n; i++) {
			bool last = o->waiting == 1;

			if (!o->of[i].open)
				continue;
			f(o, &o->of[i], arg);
			if (last)
				break;	/* o may be gone */
		}
	}
}

static void take_reply(struct order *o, struct errand *a, void *arg)
{
	const struct msg *m = arg;
	const char *id = json_get_str(m->parent, "msg_id", NULL);
	struct engine *e = engine_find(o->c, a->engine);
	const char *status, *why;

	if (strcmp(id, a->msg_id) != 0)
		return;
	if (e)
		vars_ran(e);
	status = json_get_str(m->content, "status", NULL);
	why = json_get_str(m->content, "evalue", NULL);
	if (status && strcmp(status, "ok") == 0) {
		if (o->verb->until == UNTIL_REPLY)
			close_errand(o, a);
		return;
	}
	order_failed(o, a, -EIO, !m->content    ? "its answer cannot be read"
			   : why && *why ? why
					 : "it refused");
	close_errand(o, a);
}

void orders_on_reply(struct controller *c, struct msg *m)
{
	if (list_empty(&c->orders->all) || !json_get_str(m->parent, "msg_id", NULL))
		return;
	if (!m->content)
		m->content = msg_json(m, MSG_CONTENT);
	each_errand(c, m, take_reply);
}

static void take_join(struct order *o, struct errand *a, void *arg)
{
	const struct engine *e = arg;

	if (a->engine == e->id && a->gone && o->verb->until == UNTIL_BACK)
		close_errand(o, a);
}

static bool is_awaited(struct controller *c, int64_t id)
{
	struct list *l;
	size_t i;

	list_for_each(l, &c->orders->all) {
		struct order *o = list_entry(l, struct order, link);

		for (i = 0; i < o->n && o->verb->until == UNTIL_BACK; i++)
			if (o->of[i].engine == id && o->of[i].gone &&
			    o->of[i].open)
				return true;
	}
	return false;
}

static void engine_joined_again(struct engine *e)
{
	each_errand(e->c, e, take_join);
}

static void take_end(struct order *o, struct errand *a, void *arg)
{
	const int64_t *id = arg;

	if (a->engine != *id)
		return;
	a->gone = true;
	if (o->verb->until == UNTIL_BACK)
		return;
	if (o->verb->until != UNTIL_GONE)
		order_failed(o, a, -EHOSTUNREACH, "it is gone");
	close_errand(o, a);
}

static void take_loss(struct order *o, struct errand *a, void *arg)
{
	const struct engine *e = arg;

	if (a->engine != e->id)
		return;
	order_failed(o, a, -ETIMEDOUT, "it was asked, and is not heard any more");
	close_errand(o, a);
}

static void engine_lost(struct engine *e)
{
	each_errand(e->c, e, take_loss);
}

static void engine_gone(struct controller *c, int64_t id)
{
	each_errand(c, &id, take_end);
}

const struct engine_hooks orders_hooks = {
	.joined = engine_joined_again,
	.lost = engine_lost,
	.gone = engine_gone,
	.awaited = is_awaited,
};

/* --- from start to end -------------------------------------------------- */

void orders_init(struct controller *c)
{
	c->orders = zalloc(sizeof(*c->orders));
	list_init(&c->orders->all);
}

void orders_done(struct controller *c)
{
	while (!list_empty(&c->orders->all))
		order_free(list_first(&c->orders->all, struct order, link));
	free(c->orders);
	c->orders = NULL;
}
