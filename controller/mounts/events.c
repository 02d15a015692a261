#include "base/base.h"
#include "events.h"

#include "brief.h"
#include "controller_json.h"
#include "model/changes.h"
#include "model/ready.h"
#include "model/results.h"
#include "net/sockets.h"
#include "result_json.h"
#include "schedule/lifetime.h"
#include "wire/members.h"

#define TICK USEC_PER_SEC
/*
 * That something ended is told at once. That it was submitted, began or grew
 * can wait so long: of a short task all is told together then. So can an end while
 * there is more to do than this many times what ended: who reads one end after the
 * other is no faster than the engines are.
 */
#define LAZY (5 * USEC_PER_MSEC)
#define MUCH_MORE 4

struct events {
	struct controller *c;
	bool heard;		/* a mount hears it */
	bool controller;	/* what it is itself has changed */
	struct json_object *other;	/* array: what is not a result; NULL: none */
	size_t told_results;		/* those in the message that is being made */
	uint64_t ends;			/* that were not told yet */
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
static void put_tasks(struct buf *out, struct result *r)
{
	size_t i;

	if (r->told_unbegun) {
		member_str(out, "rest",
			   state_name((enum state)r->unbegun.state));
		member_str(out, "rest_ename", r->unbegun.ename);
		member_str(out, "rest_evalue", r->unbegun.evalue);
		member_int(out, "rest_from", (int64_t)r->unbegun.from);
		member_int(out, "rest_when", r->unbegun.when);
		member_int(out, "rest_elapsed", r->unbegun.elapsed);
	}
	r->told_unbegun = false;
	if (!r->ntold)
		return;
	member_begin(out, "changed");
	buf_putc(out, '[');
	for (i = 0; i < r->ntold; i++) {
		r->task[r->told[i]].dirty = false;
		member_begin(out, NULL);
		task_put_brief(r, r->told[i], out);
	}
	buf_putc(out, ']');
}

/* --- telling ------------------------------------------------------------ */

static bool is_busy(const struct controller *c)
{
	return !list_empty(&c->ready->buckets) &&
	       c->results->tasks[STATE_PENDING] > MUCH_MORE * c->events->ends;
}

static void wake(struct controller *c, enum changed what)
{
	struct events *ev = c->events;
	bool end = what & CHANGED_END;

	ev->ends += end;
	if (end && !is_busy(c))
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
		if (!result_is_many(r))
			forget_outputs(r, 0);
		for (i = 0; i < r->ntold; i++)
			forget_outputs(r, r->told[i]);
		r->ntold = 0;
		r->changed = 0;
		r->seq = c->seq;
	}
}

static void put_purged(struct controller *c, struct buf *out)
{
	struct events *ev = c->events;
	struct changes *ch = c->changes;
	size_t i, k;

	for (i = 0; i < ch->npurged; i++) {
		k = ev->npurged++ % ARRAY_SIZE(ev->purged);
		ev->purged[k].id = ch->purged[i];
		ev->purged[k].seq = c->seq;
		member_begin(out, NULL);
		buf_printf(out, "{\"purged\":%llu}",
			   (unsigned long long)ch->purged[i]);
	}
	ch->npurged = 0;
}

static void put_results(struct controller *c, struct attachments *at,
			struct buf *out)
{
	struct events *ev = c->events;
	size_t from = out->n;
	struct list *l;

	list_for_each(l, &c->changes->results) {
		struct result *r = list_entry(l, struct result, changed_link);

		member_begin(out, NULL);
		buf_puts(out, "{\"result\":{");
		result_put_members(r, r->changed, at, out);
		put_tasks(out, r);
		buf_puts(out, "}}");
		ev->told_results++;
		if (out->n - from > LIMIT_REPLY)
			break;
	}
}

static void put_controller(struct controller *c, struct buf *out)
{
	struct events *ev = c->events;
	struct json_object *o;

	if (!ev->controller &&
	    memcmp(ev->told, c->results->tasks, sizeof(ev->told)) == 0)
		return;
	ev->controller = false;
	memcpy(ev->told, c->results->tasks, sizeof(ev->told));
	o = controller_json(c, false);
	member_begin(out, NULL);
	buf_putc(out, '{');
	member_raw(out, "controller", json_bytes(o));
	buf_putc(out, '}');
	json_object_put(o);
}

static void put_other(struct events *ev, struct buf *out)
{
	size_t i, n = ev->other ? json_object_array_length(ev->other) : 0;

	for (i = 0; i < n; i++)
		member_raw(out, NULL,
			   json_bytes(json_object_array_get_idx(ev->other, i)));
	json_object_put(ev->other);
	ev->other = NULL;
}

static void put_changes(struct controller *c, struct attachments *at,
			struct buf *out)
{
	buf_putc(out, '{');
	member_str(out, "instance", c->instance);
	member_int(out, "seq", (int64_t)c->seq);
	member_begin(out, "changes");
	buf_putc(out, '[');
	put_other(c->events, out);
	put_purged(c, out);
	put_results(c, at, out);
	put_controller(c, out);
	buf_puts(out, "]}");
}

static void flush(struct work *w)
{
	struct events *ev = container_of(w, struct events, flush);
	struct controller *c = ev->c;
	struct buf content = BUF_INIT;
	struct attachments at = {0};
	struct msg_out out = {.type = MSG_CHANGES};

	timer_cancel(&ev->lazy);
	ev->ends = 0;
	c->seq++;
	put_changes(c, &at, &content);
	out.content_text = buf_bytes(&content);
	out.buffers = at.b;
	out.nbuffers = at.n;
	/* A subscriber that does not keep up sees the gap and asks. */
	(void)!msg_send(sock_of(c, S_EVENTS), &c->session, &out);
	forget_told(c);
	buf_done(&content);
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
