#include "base/base.h"
#include "engine_json.h"

#include "events.h"
#include "model/changes.h"
#include "schedule/run.h"
#include "wire/resource.h"

/* Changes of engines are told this often at most. */
#define TELL_EVERY (20 * USEC_PER_MSEC)

struct engine_news {
	struct controller *c;
	struct work work;
	struct timer timer;
	uint64_t told;		/* mono_usec(): the last time */
};

static const char *state_word(const struct engine *e)
{
	if (engine_is_away(e))
		return "lost";
	if (e->draining || e->leaving)
		return "draining";
	return e->load || e->elsewhere ? "busy" : "idle";
}

static struct json_object *running_json(const struct engine *e)
{
	struct json_object *a = json_object_new_array();
	struct list *l;

	list_for_each(l, &e->runs) {
		struct run *run = list_entry(l, struct run, engine_link);
		struct result *r = result_find(e->c, run->result);
		char name[64];

		if (!r || run->phase != RUN_SENT || run->ahead ||
		    run->trace == RUN_ANSWERED)
			continue;
		if (result_is_many(r))
			snprintf(name, sizeof(name), "%llu/%u",
				 (unsigned long long)r->id, run->index);
		else
			snprintf(name, sizeof(name), "%llu",
				 (unsigned long long)r->id);
		json_push(a, json_object_new_string(name));
	}
	return a;
}

/* "memory 30G/32G": free, and in all. */
static void push_resource(struct json_object *a, const char *name, int64_t free,
			  int64_t total)
{
	struct buf b = BUF_INIT;

	buf_printf(&b, "%s ", name);
	resource_put(&b, name, free > 0 ? free : 0);
	buf_putc(&b, '/');
	resource_put(&b, name, total);
	json_push(a, json_object_new_string(buf_str(&b)));
	buf_done(&b);
}

static struct json_object *resources_json(const struct engine *e)
{
	struct json_object *a = json_object_new_array();
	size_t i;

	push_resource(a, "cpus", engine_free_slots(e), e->slots);
	for (i = 0; i < e->stocks.n; i++) {
		const struct stock *s = &e->stocks.of[i];

		push_resource(a, s->name, s->total - s->used, s->total);
	}
	return a;
}

static void add_why(struct json_object *o, const struct engine *e)
{
	struct buf why = BUF_INIT;

	if (engine_is_away(e))
		engine_put_away(e, &why);
	else if (e->drain_why)
		buf_puts(&why, e->drain_why);
	json_add_str(o, "why", why.n ? buf_str(&why) : NULL);
	buf_done(&why);
}

struct json_object *engine_json(const struct engine *e)
{
	struct json_object *o = json_object_new_object();

	json_add_int(o, "id", e->id);
	json_add_str(o, "uuid", e->uuid);
	json_add_str(o, "state", state_word(e));
	add_why(o, e);
	json_add_str(o, "host", e->host);
	json_add_int(o, "pid", e->pid);
	json_add_str(o, "language",
		     e->language ? e->language : e->kind->language);
	json_add_int(o, "since", e->since);
	json_add_int(o, "until", e->until);
	json_add_int(o, "heartbeat", e->heard);
	json_add_int(o, "slots", e->slots);
	json_add_int(o, "free", engine_free_slots(e));
	json_add(o, "resources", resources_json(e));
	json_add_int(o, "queue", e->load);
	json_add(o, "running", running_json(e));
	json_add_int(o, "completed", (int64_t)e->completed);
	return o;
}

/* --- telling -------------------------------------------------------------- */

void engine_tell(struct engine *e)
{
	struct json_object *v;

	if (!e->changed)
		return;
	e->changed = false;
	v = json_object_new_object();
	json_add(v, "engine", engine_json(e));
	events_add(e->c, v);
}

void engines_tell(struct controller *c)
{
	struct list *l;

	c->engine_news->told = mono_usec();
	list_for_each(l, &c->engines->order)
		engine_tell(list_entry(l, struct engine, order));
}

static void tell_all(struct work *w)
{
	engines_tell(container_of(w, struct engine_news, work)->c);
}

/* An engine is busy and idle thousands of times a second: not all is news. */
static void tell_soon(struct controller *c)
{
	struct engine_news *news = c->engine_news;
	uint64_t since = mono_usec() - news->told;

	if (timer_is_set(&news->timer))
		return;
	if (since >= TELL_EVERY)
		loop_defer(c->loop, &news->work);
	else
		timer_set(c->loop, &news->timer, TELL_EVERY - since);
}

static void tell_now(struct timer *t)
{
	struct engine_news *news = container_of(t, struct engine_news, timer);

	loop_defer(news->c->loop, &news->work);
}

void engine_news_init(struct controller *c)
{
	struct engine_news *news = c->engine_news = zalloc(sizeof(*news));

	news->c = c;
	news->work.run = tell_all;
	news->timer.fire = tell_now;
	c->changes->wake_engines = tell_soon;
}

void engine_news_done(struct controller *c)
{
	c->changes->wake_engines = NULL;
	timer_cancel(&c->engine_news->timer);
	work_cancel(&c->engine_news->work);
	free(c->engine_news);
	c->engine_news = NULL;
}
