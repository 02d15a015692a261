#include "base/base.h"
#include "events.h"

#include "brief.h"
#include "controller_json.h"
#include "model/changes.h"
#include "model/results.h"
#include "net/sockets.h"
#include "result_json.h"
#include "schedule/lifetime.h"

#define TICK USEC_PER_SEC
/*
 * That something ended is told at once. That it was submitted, began or grew
 * can wait so long: of a short task all is told together then.
 */
#define LAZY (5 * USEC_PER_MSEC)

struct events {
	struct controller *c;
	bool heard;		/* a mount hears it */
	bool controller;	/* what it is itself has changed */
	struct json_object *other;	/* array: what is not a result; NULL: none */
	size_t told_results;		/* those in the message that is being made */
	struct work flush;
	struct timer tick, lazy;
	uint64_t told[STATES];		/* tasks in each state, as told last */
	/* The results that were purged last, a ring: told with which number. */
	struct {
		uint64_t id, seq;
	} purged[4096];
	uint64_t npurged;
};

/* The tasks of a map or view that changed, in short. */
static void add_tasks(struct json_object *o, struct result *r)
{
	struct json_object *a;
	size_t i;

	if (r->told_unbegun) {
		json_add_str(o, "rest",
			     state_name((enum state)r->unbegun.state));
		json_add_str(o, "rest_ename", r->unbegun.ename);
		json_add_str(o, "rest_evalue", r->unbegun.evalue);
		json_add_int(o, "rest_from", (int64_t)r->unbegun.from);
		json_add_int(o, "rest_when", r->unbegun.when);
		json_add_int(o, "rest_elapsed", r->unbegun.elapsed);
	}
	r->told_unbegun = false;
	if (!r->ntold)
		return;
	a = json_object_new_array();
	for (i = 0; i < r->ntold; i++) {
		r->task[r->told[i]].dirty = false;
		json_push(a, task_json_brief(r, r->told[i]));
	}
	json_add(o, "changed", a);
}

/* --- telling ------------------------------------------------------------ */

static void wake(struct controller *c, enum changed what)
{
	struct events *ev = c->events;

	if (what & CHANGED_END)
		loop_defer(c->loop, &ev->flush);
	else if (!timer_is_set(&ev->lazy))
		timer_set(c->loop, &ev->lazy, LAZY);
}

static void flush_lazy(struct timer *t)
{
	struct events *ev = container_of(t, struct events, lazy);

	loop_defer(ev->c->loop, &ev->flush);
}

void events_add(struct controller *c, struct json_object *v)
{
	struct events *ev = c->events;

	if (!ev->other)
		ev->other = json_object_new_array();
	json_push(ev->other, v);
	loop_defer(c->loop, &ev->flush);
}

void events_on_controller(struct controller *c)
{
	c->events->controller = true;
	loop_defer(c->loop, &c->events->flush);
}

static void add_one(struct json_object *changes, const char *kind,
		    struct json_object *v)
{
	struct json_object *o = json_object_new_object();

	json_add(o, kind, v);
	json_push(changes, o);
}

/* Bytes that were kept only to be told go when they were told. */
static void forget_outputs(struct result *r, uint32_t index)
{
	if (state_is_final((enum state)r->task[index].state))
		task_drop_outputs(r, index);
}

static void forget_told(struct controller *c)
{
	for (; c->events->told_results > 0; c->events->told_results--) {
		struct result *r = list_first(&c->changes->results,
					      struct result, changed_link);
		uint64_t i;

		list_del(&r->changed_link);
		if (r->ntasks == 1)
			forget_outputs(r, 0);
		for (i = 0; i < r->ntold; i++)
			forget_outputs(r, r->told[i]);
		r->ntold = 0;
		r->changed = 0;
		r->seq = c->seq;
	}
}

static void add_purged(struct controller *c, struct json_object *changes)
{
	struct events *ev = c->events;
	struct changes *ch = c->changes;
	size_t i, k;

	for (i = 0; i < ch->npurged; i++) {
		k = ev->npurged++ % ARRAY_SIZE(ev->purged);
		ev->purged[k].id = ch->purged[i];
		ev->purged[k].seq = c->seq;
		add_one(changes, "purged",
			json_object_new_int64((int64_t)ch->purged[i]));
	}
	ch->npurged = 0;
}

static struct json_object *gather(struct controller *c, struct attachments *at)
{
	struct events *ev = c->events;
	struct json_object *changes = ev->other;
	struct list *l;
	size_t bytes = 0;

	ev->other = NULL;
	if (!changes)
		changes = json_object_new_array();
	add_purged(c, changes);
	list_for_each(l, &c->changes->results) {
		struct result *r = list_entry(l, struct result, changed_link);
		struct json_object *o = result_json(r, r->changed, at);

		add_tasks(o, r);
		add_one(changes, "result", o);
		bytes += 1024 + 64 * r->ntold +
			 (r->changed & CHANGED_ALL ? strlen(r->options) : 0);
		ev->told_results++;
		if (bytes > LIMIT_REPLY)
			break;
	}
	if (ev->controller ||
	    memcmp(ev->told, c->results->tasks, sizeof(ev->told)) != 0) {
		ev->controller = false;
		memcpy(ev->told, c->results->tasks, sizeof(ev->told));
		add_one(changes, "controller", controller_json(c, false));
	}
	return changes;
}

static void flush(struct work *w)
{
	struct events *ev = container_of(w, struct events, flush);
	struct controller *c = ev->c;
	struct json_object *content = json_object_new_object();
	struct attachments at = {0};
	struct msg_out out = {.type = MSG_CHANGES, .content = content};

	timer_cancel(&ev->lazy);
	c->seq++;
	json_add_str(content, "instance", c->instance);
	json_add_int(content, "seq", (int64_t)c->seq);
	json_add(content, "changes", gather(c, &at));
	out.buffers = at.b;
	out.nbuffers = at.n;
	/* A subscriber that does not keep up sees the gap and asks. */
	(void)!msg_send(sock_of(c, S_EVENTS), &c->session, &out);
	forget_told(c);
	json_object_put(content);
	free(at.b);
	if (!list_empty(&c->changes->results))
		loop_defer(c->loop, &ev->flush);
}

void events_on_subscription(struct controller *c, unsigned more, bool heard)
{
	c->events->heard = heard;
	if (more)
		loop_defer(c->loop, &c->events->flush);
}

bool events_are_heard(const struct controller *c)
{
	return c->events->heard;
}

/* --- what was purged ------------------------------------------------------ */

void events_add_purged(const struct controller *c, struct json_object *o,
		       uint64_t since)
{
	const struct events *ev = c->events;
	struct json_object *a = json_object_new_array();
	size_t room = ARRAY_SIZE(ev->purged), n = min_u64(ev->npurged, room), i;
	bool reset = false;

	for (i = 0; i < n; i++)
		if (ev->purged[i].seq > since)
			json_push(a, json_object_new_int64(
					     (int64_t)ev->purged[i].id));
	if (ev->npurged > room)
		reset = ev->purged[ev->npurged % room].seq > since;
	json_add(o, "purged", a);
	json_add_bool(o, "reset", reset || since > c->seq);
}

/* --- from start to end ---------------------------------------------------- */

static void tick(struct timer *t)
{
	struct events *ev = container_of(t, struct events, tick);

	timer_set(ev->c->loop, t, TICK);
	results_retain(ev->c);
	loop_defer(ev->c->loop, &ev->flush);
}

void events_init(struct controller *c)
{
	struct events *ev = c->events = zalloc(sizeof(*ev));

	ev->c = c;
	ev->flush.run = flush;
	ev->tick.fire = tick;
	ev->lazy.fire = flush_lazy;
	c->changes->wake = wake;
	timer_set(c->loop, &ev->tick, TICK);
}

void events_done(struct controller *c)
{
	struct events *ev = c->events;

	c->changes->wake = NULL;
	timer_cancel(&ev->tick);
	timer_cancel(&ev->lazy);
	work_cancel(&ev->flush);
	json_object_put(ev->other);
	free(ev);
	c->events = NULL;
}
