#include "ahead.h"
#include "engine.h"
#include "guard.h"
#include "wire/messages.h"

static bool waits(const struct task *t)
{
	return t->ahead && t->state == STATE_PENDING;
}

/* 0: the controller will hear of it. */
static int tell(struct engine *e, struct json_object *ids)
{
	struct msg_out out = {.type = MSG_RETURNED};
	int err;

	if (e->leave.on || !member_is_in(&e->member))
		return -EAGAIN;
	out.content = json_object_new_object();
	json_add(out.content, "msg_ids", json_object_get(ids));
	err = link_send(&e->link, CHANNEL_TASK, &out);
	json_object_put(out.content);
	return err;
}

bool ahead_give_back(struct task *t)
{
	struct json_object *ids;
	int err;

	if (!waits(t))
		return false;
	ids = json_object_new_array();
	json_push(ids, json_text(bytes_str(t->request.id)));
	err = tell(t->engine, ids);
	json_object_put(ids);
	if (!err)
		task_free(t);
	return !err;
}

static struct json_object *all_that_wait(const struct engine *e)
{
	struct json_object *ids = json_object_new_array();
	const struct list *l;

	list_for_each(l, &e->tasks.waiting[false]) {
		const struct task *t = list_entry(l, struct task, link);

		if (t->ahead)
			json_push(ids, json_text(bytes_str(t->request.id)));
	}
	return ids;
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
	struct json_object *ids = all_that_wait(e);

	if (!json_object_array_length(ids))
		;
	else if (until > now)
		timer_set(e->loop, timer, until - now);
	else if (tell(e, ids) == 0)
		forget_all(e);
	else
		timer_set(e->loop, timer, e->config->ahead);
	json_object_put(ids);
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
