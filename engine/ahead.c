#include "ahead.h"
#include "engine.h"
#include "guard.h"
#include "wire/messages.h"

static bool waits(const struct task *t)
{
	return t->ahead && t->state == STATE_PENDING;
}

/* Those that are given back, as the message has them. */
struct given {
	struct json_object *ids, *numbers;
};

static struct given given_new(void)
{
	return (struct given){json_object_new_array(), json_object_new_array()};
}

static void given_add(struct given *g, const struct task *t)
{
	json_push(g->ids, json_text(bytes_str(t->request.id)));
	json_push(g->numbers, json_object_new_int64(t->number));
}

static void given_done(struct given *g)
{
	json_object_put(g->ids);
	json_object_put(g->numbers);
}

/* 0: the controller will hear of it. */
static int tell(struct engine *e, const struct given *g)
{
	struct msg_out out = {.type = MSG_RETURNED};
	int err;

	if (e->leave.on || !member_is_in(&e->member))
		return -EAGAIN;
	out.content = json_object_new_object();
	json_add(out.content, "msg_ids", json_object_get(g->ids));
	json_add(out.content, "numbers", json_object_get(g->numbers));
	err = link_send(&e->link, CHANNEL_TASK, &out);
	json_object_put(out.content);
	return err;
}

bool ahead_give_back(struct task *t)
{
	struct given g;
	int err;

	if (!waits(t))
		return false;
	g = given_new();
	given_add(&g, t);
	err = tell(t->engine, &g);
	given_done(&g);
	if (!err)
		task_free(t);
	return !err;
}

static struct given all_that_wait(const struct engine *e)
{
	struct given g = given_new();
	const struct list *l;

	list_for_each(l, &e->tasks.waiting[false]) {
		const struct task *t = list_entry(l, struct task, link);

		if (t->ahead)
			given_add(&g, t);
	}
	return g;
}

static void forget_all(struct engine *e)
{
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &e->tasks.waiting[false]) {
		struct task *t = list_entry(l, struct task, link);

		if (t->ahead)
			task_free(t);
	}
}

/* None began for so long; or it is looked at again. */
static void due(struct timer *timer)
{
	struct engine *e = container_of(timer, struct engine, ahead.timer);
	uint64_t until = e->ahead.begun + e->config->ahead, now = mono_usec();
	struct given g = all_that_wait(e);

	if (!json_object_array_length(g.ids))
		;
	else if (until > now)
		timer_set(e->loop, timer, until - now);
	else if (tell(e, &g) == 0)
		forget_all(e);
	else
		timer_set(e->loop, timer, e->config->ahead);
	given_done(&g);
}

void ahead_arrived(struct task *t)
{
	struct engine *e = t->engine;

	if (waits(t) && !timer_is_set(&e->ahead.timer))
		timer_set(e->loop, &e->ahead.timer, e->config->ahead);
}

void ahead_begins(const struct task *t)
{
	struct engine *e = t->engine;

	e->ahead.begun = mono_usec();
	handover_begun(e->member.handover, t->number);
}

void ahead_init(struct engine *e)
{
	e->ahead.timer.fire = due;
}

void ahead_done(struct engine *e)
{
	timer_cancel(&e->ahead.timer);
}
