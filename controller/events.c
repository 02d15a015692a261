#include "base/base.h"
#include "events.h"

#include "engines.h"
#include "metrics.h"
#include "policy.h"
#include "upstream.h"
#include "why.h"

#define TICK USEC_PER_SEC
/*
 * That something ended is told at once. That it was submitted, began or grew
 * can wait so long: of a short task all is told together then.
 */
#define LAZY (5 * USEC_PER_MSEC)

static void flush(struct work *w);
static void tick(struct timer *t);

static void flush_lazy(struct timer *t)
{
	struct controller *c = container_of(t, struct controller, events_lazy);

	loop_defer(c->loop, &c->events_work);
}

void events_init(struct controller *c)
{
	list_init(&c->changed);
	c->events_work.run = flush;
	c->tick.fire = tick;
	c->events_lazy.fire = flush_lazy;
	timer_set(c->loop, &c->tick, TICK);
}

void events_done(struct controller *c)
{
	timer_cancel(&c->tick);
	timer_cancel(&c->events_lazy);
	work_cancel(&c->events_work);
	json_object_put(c->other_changes);
	c->other_changes = NULL;
}

/* --- JSON --------------------------------------------------------------- */

static void add_time(struct json_object *o, const char *key, int64_t t)
{
	json_add(o, key, t > 0 ? json_object_new_int64(t) : NULL);
}

static void add_count(struct json_object *o, const char *key, int64_t n)
{
	json_add(o, key, n >= 0 ? json_object_new_int64(n) : NULL);
}

static struct json_object *usage_json(double user, double sys, int64_t memory)
{
	struct json_object *o = json_object_new_object();

	json_add_real(o, "user", user);
	json_add_real(o, "system", sys);
	json_add_int(o, "memory", memory);
	return o;
}

static unsigned attach(struct attachments *at, struct bytes b)
{
	if (at->n == at->room) {
		at->room = at->room ? at->room * 2 : 16;
		at->b = xreallocarray(at->b, at->room, sizeof(*at->b));
	}
	at->b[at->n] = b;
	return at->n++;
}

static struct json_object *buffers_json(const struct task *t,
					struct attachments *at)
{
	struct json_object *o = json_object_new_object();
	int i;

	for (i = 0; i < STREAMS; i++) {
		struct buf *mem = t->out ? &t->out->of[i].mem : NULL;

		if (!mem || !mem->n || mem->n != t->size[i])
			continue;
		json_add_int(o, stream_name((enum stream)i),
			     attach(at, buf_bytes(mem)));
	}
	return o;
}

static void add_sizes(struct json_object *o, const struct task *t)
{
	int i;

	for (i = 0; i < STREAMS; i++)
		json_add_int(o, stream_name((enum stream)i),
			     (int64_t)t->size[i]);
}

static void add_end(struct json_object *o, const struct result *r,
		    const struct task *t)
{
	const struct details *d = t->details;
	bool rest = t->rest;

	add_count(o, "exit_status", t->exit_status);
	add_count(o, "signal", t->signal);
	json_add_bool(o, "value_is_stdout", t->value_is_stdout);
	json_add_str(o, "ename", rest ? r->rest_ename : d ? d->ename : NULL);
	json_add_str(o, "evalue",
		     rest ? r->rest_evalue : d ? d->evalue : NULL);
	json_add_str(o, "traceback", d ? d->traceback : NULL);
	json_add(o, "usage", d && d->user >= 0
			       ? usage_json(d->user, d->system, d->memory)
			       : NULL);
	json_add_str(o, "cwd", d ? d->cwd : NULL);
	json_add_str(o, "attempts", d ? d->attempts : NULL);
}

/*
 * That of the last try, or of the first before that; a client's own task has
 * what the client called it.
 */
static void add_msg_id(struct json_object *o, const struct result *r,
		       uint32_t index)
{
	const struct task *t = &r->task[index];
	const struct task_id id = {r->id, index, t->attempt ? t->attempt : 1U};
	char text[TASK_ID_SIZE];

	task_id_format(r->c->cluster, &id, text);
	json_add_str(o, "msg_id",
		     t->details && t->details->msg_id ? t->details->msg_id
		     : r->wired			      ? NULL
						      : text);
}

static struct json_object *task_json(const struct result *r, uint32_t index,
				     unsigned what, struct attachments *at)
{
	struct json_object *o = json_object_new_object();
	const struct task *t = &r->task[index];

	if (what & ~(unsigned)CHANGED_SIZES) {
		add_count(o, "engine", t->engine);
		json_add_str(o, "engine_uuid",
			     t->details ? t->details->engine_uuid : NULL);
		add_msg_id(o, r, index);
		json_add_int(o, "attempt", t->attempt);
	}
	add_sizes(o, t);
	if (what & (CHANGED_ALL | CHANGED_END))
		add_end(o, r, t);
	else if (t->details && t->details->attempts)
		json_add_str(o, "attempts", t->details->attempts);
	if (at && (what & CHANGED_END))
		json_add(o, "buffers", buffers_json(t, at));
	return o;
}

static struct json_object *counts_json(const struct result *r)
{
	struct json_object *a = json_object_new_array();
	int s;

	for (s = STATE_PENDING; s < STATES; s++)
		json_push(a, json_object_new_int64((int64_t)r->count[s]));
	return a;
}

static void add_times(struct json_object *o, const struct result *r)
{
	bool final = state_is_final(result_state(r));

	add_time(o, "started", r->started);
	add_time(o, "completed", final ? r->completed : 0);
	add_time(o, "received", final ? r->received : 0);
	json_add(o, "began", r->started ? json_object_new_int64(r->began) : NULL);
	json_add_int(o, "elapsed", result_elapsed(r));
	json_add_int(o, "serial", r->serial);
	if (strcmp(r->kind, "task") != 0 && r->memory)
		json_add(o, "usage",
			 usage_json((double)r->user / 1e6,
				    (double)r->system / 1e6, r->memory));
}

static void add_why(struct json_object *o, const struct result *r)
{
	struct buf why = BUF_INIT;

	why_put(r, &why);
	json_add_str(o, "why", why.n ? buf_str(&why) : NULL);
	buf_done(&why);
}

static void add_submission(struct json_object *o, const struct result *r)
{
	if (r->name)
		json_add_str(o, "name", r->name);
	json_add_str(o, "kind", r->kind);
	json_add_int(o, "tasks", (int64_t)r->ntasks);
	add_time(o, "submitted", r->submitted);
	json_add_int(o, "uid", r->uid);
	json_add_int(o, "gid", r->gid);
	json_add(o, "options", json_parse(bytes_str(r->options), NULL));
	json_add_int(o, "code", (int64_t)r->code_size);
	add_count(o, "stdin", r->has_stdin ? (int64_t)r->stdin_size : -1);
	add_count(o, "map", r->map_size ? (int64_t)r->map_size : -1);
}

struct json_object *result_json(const struct result *r, unsigned what,
				struct attachments *at)
{
	struct json_object *o = json_object_new_object();

	json_add_int(o, "id", (int64_t)r->id);
	if (what & CHANGED_ALL)
		add_submission(o, r);
	if (what & ~(unsigned)CHANGED_SIZES) {
		json_add(o, "count", counts_json(r));
		json_add_str(o, "status", state_name(result_state(r)));
		json_add_bool(o, "held", r->held);
		add_times(o, r);
		add_why(o, r);
	}
	if (r->ntasks == 1)
		json_add(o, "task", task_json(r, 0, what, at));
	else if (what & CHANGED_ALL)
		json_add(o, "task", NULL);
	return o;
}

struct json_object *task_json_full(const struct result *r, uint32_t index)
{
	return task_json(r, index, CHANGED_ALL, NULL);
}

void task_changed(struct result *r, uint32_t index)
{
	if (r->ntasks == 1 || r->task[index].dirty)
		return;
	r->task[index].dirty = true;
	if (r->ntold == r->told_room) {
		r->told_room = r->told_room ? r->told_room * 2 : 16;
		r->told = xreallocarray(r->told, r->told_room,
					sizeof(*r->told));
	}
	r->told[r->ntold++] = index;
}

/* The tasks of a map or view that changed, in short. */
static void add_tasks(struct json_object *o, struct result *r)
{
	struct json_object *a;
	size_t i;

	if (r->told_rest) {
		json_add_str(o, "rest", state_name((enum state)r->rest_state));
		json_add_str(o, "rest_ename", r->rest_ename);
		json_add_str(o, "rest_evalue", r->rest_evalue);
		json_add_int(o, "rest_from", (int64_t)r->rest_from);
		json_add_int(o, "rest_when", r->rest_when);
		json_add_int(o, "rest_elapsed", r->rest_elapsed);
	}
	r->told_rest = false;
	if (!r->ntold)
		return;
	a = json_object_new_array();
	for (i = 0; i < r->ntold; i++) {
		r->task[r->told[i]].dirty = false;
		json_push(a, task_json_short(r, r->told[i]));
	}
	json_add(o, "changed", a);
}

struct json_object *controller_json(const struct controller *c, bool counters)
{
	struct json_object *o = json_object_new_object();

	json_add_int(o, "waiting", (int64_t)c->tasks[STATE_PENDING]);
	json_add_int(o, "running", (int64_t)c->tasks[STATE_RUNNING]);
	json_add_int(o, "completed",
		     (int64_t)(c->tasks[STATE_OK] + c->tasks[STATE_ERROR] +
			       c->tasks[STATE_ABORTED]));
	json_add_str(o, "scheme", policy_name(c->policy));
	json_add_int(o, "results", (int64_t)c->results.n);
	if (c->upstream)
		json_add(o, "upstream", upstream_json(c));
	if (counters)
		metrics_add(o, c);
	return o;
}

/* --- telling ------------------------------------------------------------ */

void result_changed(struct result *r, enum changed what)
{
	struct controller *c = r->c;

	if (!r->stored)
		return;
	r->changed |= what;
	if (list_empty(&r->changed_link))
		list_add_tail(&c->changed, &r->changed_link);
	if (what & CHANGED_END)
		loop_defer(c->loop, &c->events_work);
	else if (!timer_is_set(&c->events_lazy))
		timer_set(c->loop, &c->events_lazy, LAZY);
}

void events_add(struct controller *c, struct json_object *v)
{
	if (!c->other_changes)
		c->other_changes = json_object_new_array();
	json_push(c->other_changes, v);
	loop_defer(c->loop, &c->events_work);
}

void events_purged(struct controller *c, uint64_t id)
{
	struct json_object *v = json_object_new_object();
	size_t i = c->npurged++ % ARRAY_SIZE(c->purged);

	c->purged[i].id = id;
	c->purged[i].seq = c->seq + 1;
	json_add_int(v, "purged", (int64_t)id);
	events_add(c, v);
}

static void add_one(struct json_object *changes, const char *kind,
		    struct json_object *v)
{
	struct json_object *o = json_object_new_object();

	json_add(o, kind, v);
	json_push(changes, o);
}

/* Bytes kept only to be told go when they were. */
static void forget_outputs(struct result *r, uint32_t index)
{
	if (state_is_final((enum state)r->task[index].state))
		task_drop_outputs(r, index);
}

static void forget_told(struct controller *c)
{
	for (; c->nchanged_told > 0; c->nchanged_told--) {
		struct result *r =
			list_first(&c->changed, struct result, changed_link);
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

static struct json_object *gather(struct controller *c, struct attachments *at)
{
	struct json_object *changes = c->other_changes;
	struct list *l;
	size_t bytes = 0;

	c->other_changes = NULL;
	if (!changes)
		changes = json_object_new_array();
	list_for_each(l, &c->changed) {
		struct result *r = list_entry(l, struct result, changed_link);
		struct json_object *o = result_json(r, r->changed, at);

		add_tasks(o, r);
		add_one(changes, "result", o);
		bytes += 1024 + 64 * r->ntold +
			 (r->changed & CHANGED_ALL ? strlen(r->options) : 0);
		c->nchanged_told++;
		if (bytes > LIMIT_REPLY)
			break;
	}
	if (memcmp(c->told, c->tasks, sizeof(c->told)) != 0) {
		memcpy(c->told, c->tasks, sizeof(c->told));
		add_one(changes, "controller", controller_json(c, false));
	}
	return changes;
}

static void flush(struct work *w)
{
	struct controller *c = container_of(w, struct controller, events_work);
	struct json_object *content = json_object_new_object();
	struct attachments at = {0};
	struct msg_out out = {.type = MSG_CHANGES, .content = content};

	timer_cancel(&c->events_lazy);
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
	if (!list_empty(&c->changed))
		loop_defer(c->loop, &c->events_work);
}

void events_on_subscription(struct controller *c)
{
	loop_defer(c->loop, &c->events_work);
}

static void tick(struct timer *t)
{
	struct controller *c = container_of(t, struct controller, tick);

	timer_set(c->loop, t, TICK);
	results_retain(c);
	loop_defer(c->loop, &c->events_work);
}
