#include "metadata.h"
#include "mirror/group.h"
#include "task_lines.h"
#include "wire/json.h"
#include "wire/messages.h"

static void add_time(struct json_object *o, const char *key, int64_t usec)
{
	char date[DATE_SIZE];

	if (usec)
		date_format(usec, date);
	json_add_str(o, key, usec ? date : NULL);
}

static void add_number(struct json_object *o, const char *key, int64_t n)
{
	json_add(o, key, n >= 0 ? json_object_new_int64(n) : NULL);
}

static struct json_object *error_json(const struct detail *d)
{
	struct json_object *o;

	if (!d || !d->ename)
		return NULL;
	o = json_object_new_object();
	json_add_str(o, "ename", d->ename);
	json_add_str(o, "evalue", d->evalue);
	json_add_str(o, "traceback", d->traceback);
	return o;
}

static void add_msg_id(struct json_object *j, const struct obj *o)
{
	struct buf b = BUF_INIT;
	int64_t i = obj_index(o);

	if (i >= 0)
		task_msg_id(o, i, &b);
	json_add_str(j, "msg_id",
		     i >= 0	 ? buf_str(&b)
		     : o->detail ? o->detail->msg_id
				 : NULL);
	buf_done(&b);
}

static void add_ipyparallel(struct json_object *o, const struct result *r,
			    const struct task *t, const struct detail *d)
{
	add_time(o, "submitted", r->submitted);
	add_time(o, "started", t->started);
	add_time(o, "completed", t->completed);
	add_time(o, "received", t->received);
	json_add_str(o, "engine_uuid", d ? d->engine_uuid : NULL);
	add_number(o, "engine_id", t->engine);
	json_add_str(o, "status", state_name((enum state)t->state));
	json_add(o, "error", error_json(d));
}

static struct json_object *usage_json(double user, double sys, int64_t memory)
{
	struct json_object *o = json_object_new_object();

	json_add_real(o, "user", user);
	json_add_real(o, "system", sys);
	json_add_int(o, "memory", memory);
	return o;
}

static struct json_object *sizes_json(const struct result *r,
				      const struct task *t)
{
	static const enum stream shown[] = {STREAM_STDOUT, STREAM_STDERR,
					    STREAM_VALUE, STREAM_DATA};
	struct json_object *o = json_object_new_object();
	size_t i;

	for (i = 0; t && i < ARRAY_SIZE(shown); i++)
		json_add_int(o, stream_name(shown[i]),
			     (int64_t)task_size(t, shown[i]));
	json_add_int(o, "code", r->code);
	add_number(o, "stdin", r->stdin_size);
	return o;
}

static struct json_object *progress_json(const struct result *r)
{
	struct json_object *o = json_object_new_object();
	int s;

	for (s = STATE_PENDING; s < STATES; s++)
		json_add_int(o, state_name((enum state)s),
			     (int64_t)r->count[s]);
	return o;
}

/* A function that a Python client applies is a pickle; so is what it returns. */
static bool is_applied(struct json_object *options)
{
	const char *request = json_get_str(options, "request", NULL);

	return request && strcmp(request, MSG_APPLY_REQUEST) == 0;
}

static void add_result(struct json_object *o, const struct result *r)
{
	struct json_object *options =
		r->options ? json_parse(bytes_str(r->options), NULL) : NULL;

	json_add_int(o, "id", (int64_t)r->id);
	json_add_str(o, "label", result_name(r));
	json_add_str(o, "kind", r->kind);
	json_add_int(o, "tasks", r->tasks);
	json_add_int(o, "uid", r->uid);
	json_add_int(o, "gid", r->gid);
	json_add(o, "options", options);
	json_add_str(o, "value_format", is_applied(options) ? "pickle" : NULL);
}

/* Sums over all tasks of a result. They are not said of one task: that may have
   ended, and its file changes no more. */
static void add_sums(struct json_object *o, const struct result *r)
{
	json_add(o, "progress", progress_json(r));
	json_add_real(o, "serial_time", (double)r->serial / 1e6);
}

static void add_task(struct json_object *o, const struct result *r,
		     const struct task *t, const struct detail *d)
{
	add_number(o, "exit_status", t->exit_status);
	add_number(o, "signal", t->signal);
	add_number(o, "attempt", t->attempt);
	json_add_str(o, "cwd", d ? d->cwd : NULL);
	json_add(o, "usage",
		 d && d->used ? usage_json(d->user, d->system, d->memory)
			      : NULL);
	json_add(o, "sizes", sizes_json(r, t));
	json_add_bool(o, "value_is_stdout", t->value_is_stdout);
}

/* --- the tasks of a map or view ------------------------------------------ */

/* ipyparallel's lists have an entry for each task; here for the first. */
#define LISTED 256U

static struct json_object *time_json(int64_t usec)
{
	char date[DATE_SIZE];

	if (!usec)
		return NULL;
	date_format(usec, date);
	return json_object_new_string(date);
}

static struct json_object *engine_json(const struct task *t)
{
	return t->engine < 0 ? NULL : json_object_new_int(t->engine);
}

static struct json_object *status_json(const struct task *t)
{
	return json_object_new_string(state_name((enum state)t->state));
}

static struct json_object *started_json(const struct task *t)
{
	return time_json(t->started);
}

static struct json_object *completed_json(const struct task *t)
{
	return time_json(t->completed);
}

static struct json_object *received_json(const struct task *t)
{
	return time_json(t->received);
}

static void add_lists(struct json_object *o, const struct group *g)
{
	static const struct {
		const char *key;
		struct json_object *(*of)(const struct task *t);
	} lists[] = {
		{"engine_id", engine_json},   {"status", status_json},
		{"started", started_json},    {"completed", completed_json},
		{"received", received_json},
	};
	uint32_t n = g->n < LISTED ? g->n : LISTED, i;
	size_t k;

	for (k = 0; k < ARRAY_SIZE(lists); k++) {
		struct json_object *a = json_object_new_array();

		for (i = 0; i < n; i++)
			json_push(a, lists[k].of(group_task(g, i)));
		json_add(o, lists[k].key, a);
	}
	json_add_int(o, "listed", n);
}

static void add_group(struct json_object *o, const struct result *r)
{
	add_time(o, "submitted", r->submitted);
	add_lists(o, r->group);
	add_result(o, r);
	add_sums(o, r);
	json_add(o, "usage",
		 r->used ? usage_json(r->user, r->system, r->memory) : NULL);
	json_add_int(o, "code", r->code);
	add_number(o, "stdin", r->stdin_size);
	add_number(o, "map", r->map);
}

int result_metadata(const struct obj *o, struct buf *out)
{
	struct json_object *j = json_object_new_object();
	struct bytes text;

	if (o->task) {
		add_msg_id(j, o);
		add_ipyparallel(j, o->result, o->task, o->detail);
		add_result(j, o->result);
		if (obj_index(o) >= 0)
			json_add_int(j, "task", obj_index(o));
		else
			add_sums(j, o->result);
		add_task(j, o->result, o->task, o->detail);
	} else {
		add_group(j, o->result);
	}
	text = json_bytes(j);
	buf_put(out, text.p, text.n);
	buf_putc(out, '\n');
	json_object_put(j);
	return 0;
}
