#include "base/base.h"
#include "result_json.h"

#include "model/tasks.h"
#include "schedule/why.h"

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

	for (i = 0; i < STREAM_OUTPUTS; i++) {
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

	for (i = 0; i < STREAM_OUTPUTS; i++)
		json_add_int(o, stream_name((enum stream)i),
			     (int64_t)t->size[i]);
}

static void add_end(struct json_object *o, const struct result *r,
		    const struct task *t)
{
	const struct details *d = t->details;
	bool unbegun = t->unbegun;

	add_count(o, "exit_status", t->exit_status);
	add_count(o, "signal", t->signal);
	json_add_bool(o, "value_is_stdout", t->value_is_stdout);
	json_add_str(o, "ename",
		     unbegun ? r->unbegun.ename : d ? d->ename : NULL);
	json_add_str(o, "evalue",
		     unbegun ? r->unbegun.evalue : d ? d->evalue : NULL);
	json_add_str(o, "traceback", d ? d->traceback : NULL);
	json_add(o, "usage", d && d->user >= 0
			       ? usage_json(d->user, d->system, d->memory)
			       : NULL);
	json_add_str(o, "cwd", d ? d->cwd : NULL);
	json_add_str(o, "attempts", d ? d->attempts : NULL);
}

/* The msg_id of the last try, or of the first that is to come; a client's own task
 * has the one that the client gave it. */
static void add_msg_id(struct json_object *o, const struct result *r,
		       uint32_t index)
{
	const struct task *t = &r->task[index];
	const struct task_id id = {r->id, index, t->attempt ? t->attempt : 1U};
	char text[TASK_ID_SIZE];

	task_id_format(r->c->cluster, &id, text);
	json_add_str(o, "msg_id",
		     t->details && t->details->msg_id ? t->details->msg_id
		     : r->ops->is_message			      ? NULL
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
	buf_clear(&why);
	why_put_unstored(r, &why);
	json_add_str(o, "unstored", why.n ? buf_str(&why) : NULL);
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
