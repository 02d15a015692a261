#include "base/base.h"
#include "requests.h"

#include "ask.h"
#include "model/engines.h"
#include "net/request.h"

static const struct forward_type types[] = {
	{MSG_PUSH_REQUEST, MSG_PUSH_REPLY, false},
	{MSG_PULL_REQUEST, MSG_PULL_REPLY, true},
	{MSG_VARS_REQUEST, MSG_VARS_REPLY, false},
};

/* --- from clients ------------------------------------------------------- */

static const struct forward_type *find_type(const char *request)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i].request, request) == 0)
			return &types[i];
	assert(!"no request for variables");
	return NULL;
}

static struct forward *forward_new(struct controller *c, struct request *rq)
{
	const char *verb = json_get_str(rq->msg->content, "verb", NULL);
	struct forward *f = zalloc(sizeof(*f));

	f->c = c;
	f->rq = rq;
	f->msg_id = xstrdup(rq->msg->id);
	f->type = find_type(rq->msg->type);
	f->now = json_bool_or(rq->msg->content, "now", false);
	f->lists = verb && strcmp(verb, "list") == 0;
	f->asked_at = mono_usec();
	f->due = f->asked_at + VARS_TIMEOUT;
	f->engines = json_object_new_array();
	list_add_tail(&c->forwards->order, &f->link);
	map_put(&c->forwards->by_msg_id, bytes_str(f->msg_id), f);
	if (!timer_is_set(&c->forwards->timer))
		timer_set(c->loop, &c->forwards->timer, VARS_TIMEOUT);
	return f;
}

void vars_on_request(struct controller *c, struct request *rq)
{
	const char *reply = find_type(rq->msg->type)->reply;

	if (map_get(&c->forwards->by_msg_id, bytes_str(rq->msg->id)))
		request_fail(rq, reply, -EINVAL, "ValueError",
			     "that id is in use");
	else if (c->forwards->by_msg_id.n >= LIMIT_FORWARDS)
		request_fail(rq, reply, -EAGAIN, "VariableError",
			     "too many requests for variables are under way");
	else
		forward_begin(forward_new(c, rq), rq->msg);
}

/* --- answers of engines ------------------------------------------------- */

static struct target *find_target(struct forward *f, int64_t engine)
{
	size_t i;

	for (i = 0; i < f->n && !f->held; i++)
		if (f->target[i].engine == engine && !f->target[i].answered)
			return &f->target[i];
	return NULL;
}

void vars_on_reply(struct controller *c, struct msg *m)
{
	struct engine *e = engine_by_uuid(c, msg_ident(m, 0));
	const char *id = json_get_str(m->parent, "msg_id", NULL);
	struct forward *f = id ? map_get(&c->forwards->by_msg_id, bytes_str(id)) : NULL;
	struct target *t = f && e ? find_target(f, e->id) : NULL;

	if (!t) {
		if (e)
			(void)vars_on_listing(e, m);
		return;
	}
	if (!m->content)
		m->content = msg_json(m, MSG_CONTENT);
	if (!m->content) {
		forward_no_answer(f, t, "its answer cannot be read");
		return;
	}
	if (f->type->whole)
		forward_answer_with(f, t, e, m);
	else
		forward_take(f, t, e, m->content);
}

/* --- time --------------------------------------------------------------- */

static void forwards_due(struct timer *t)
{
	struct controller *c =
		container_of(t, struct forwards, timer)->c;
	uint64_t now = mono_usec(), next = 0;
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &c->forwards->order) {
		struct forward *f = list_entry(l, struct forward, link);

		if (f->patient || f->held)
			continue;
		if (f->due > now) {
			next = f->due;
			break;
		}
		forward_time_out(f);
	}
	if (next)
		timer_set(c->loop, t, next - now);
}

/* Requests that wait for an engine are tried again. */
static void again(struct controller *c)
{
	struct list *l, *tmp;

	timer_cancel(&c->forwards->hold);
	list_for_each_safe(l, tmp, &c->forwards->order) {
		struct forward *f = list_entry(l, struct forward, link);

		if (f->held)
			forward_begin(f, &f->kept);
	}
}

static void hold_over(struct timer *t)
{
	again(container_of(t, struct forwards, hold)->c);
}

static void engine_is_idle(struct work *w)
{
	again(container_of(w, struct forwards, work)->c);
}

/* --- engines come and go ------------------------------------------------ */

void vars_engine_gone(struct engine *e)
{
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &e->c->forwards->order) {
		struct forward *f = list_entry(l, struct forward, link);
		struct target *t = find_target(f, e->id);

		if (t)
			forward_no_answer(f, t, "it is gone");
	}
}

static void engine_idle(struct engine *e)
{
	if (timer_is_set(&e->c->forwards->hold))
		loop_defer(e->c->loop, &e->c->forwards->work);
}

const struct engine_hooks vars_hooks = {
	.joined = vars_publish,
	.idle = engine_idle,
	.given_up = vars_engine_gone,
	.freed = vars_forget,
};

/* --- from start to end -------------------------------------------------- */

void vars_init(struct controller *c)
{
	c->forwards = zalloc(sizeof(*c->forwards));
	c->forwards->c = c;
	list_init(&c->forwards->order);
	c->forwards->timer.fire = forwards_due;
	c->forwards->hold.fire = hold_over;
	c->forwards->work.run = engine_is_idle;
}

void vars_done(struct controller *c)
{
	timer_cancel(&c->forwards->timer);
	timer_cancel(&c->forwards->hold);
	work_cancel(&c->forwards->work);
	while (!list_empty(&c->forwards->order)) {
		struct forward *f =
			list_first(&c->forwards->order, struct forward, link);

		request_free(f->rq);
		forward_free(f);
	}
	map_done(&c->forwards->by_msg_id);
	free(c->forwards);
	c->forwards = NULL;
}
