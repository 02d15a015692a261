/*
 * results/<id>/metadata: one JSON object. The first members are ipyparallel's
 * (AsyncResult.metadata), the others ours. Nothing in it may change once the
 * result is final.
 */
#include "rows.h"
#include "wire/json.h"

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

static void add_ipyparallel(struct json_object *o, const struct result *r,
			    const struct task *t, const struct detail *d)
{
	json_add_str(o, "msg_id", d ? d->msg_id : NULL);
	add_time(o, "submitted", r->submitted);
	add_time(o, "started", r->started);
	add_time(o, "completed", r->completed);
	add_time(o, "received", r->received);
	json_add_str(o, "engine_uuid", d ? d->engine_uuid : NULL);
	add_number(o, "engine_id", t ? t->engine : -1);
	json_add_str(o, "status", state_name(r->status));
	json_add(o, "error", error_json(d));
}

static struct json_object *usage_json(const struct detail *d)
{
	struct json_object *o;

	if (!d || !d->used)
		return NULL;
	o = json_object_new_object();
	json_add_real(o, "user", d->user);
	json_add_real(o, "system", d->system);
	json_add_int(o, "memory", d->memory);
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

static void add_ours(struct json_object *o, const struct result *r,
		     const struct task *t, const struct detail *d)
{
	json_add_int(o, "id", (int64_t)r->id);
	json_add_str(o, "label", r->name ? r->name->text : NULL);
	json_add_str(o, "kind", r->kind);
	json_add_int(o, "tasks", r->tasks);
	json_add(o, "progress", progress_json(r));
	json_add_real(o, "serial_time", (double)r->serial / 1e6);
	add_number(o, "exit_status", t ? t->exit_status : -1);
	add_number(o, "signal", t ? t->signal : -1);
	add_number(o, "attempt", t ? t->attempt : -1);
	json_add_str(o, "cwd", d ? d->cwd : NULL);
	json_add(o, "usage", usage_json(d));
	json_add(o, "sizes", sizes_json(r, t));
	json_add_bool(o, "value_is_stdout", t && t->value_is_stdout);
	json_add_int(o, "uid", r->uid);
	json_add_int(o, "gid", r->gid);
	json_add(o, "options",
		 r->options ? json_parse(bytes_str(r->options), NULL) : NULL);
}

int result_metadata(const struct obj *o, struct buf *out)
{
	struct json_object *j = json_object_new_object();
	struct bytes text;

	add_ipyparallel(j, o->result, o->task, o->detail);
	add_ours(j, o->result, o->task, o->detail);
	text = json_bytes(j);
	buf_put(out, text.p, text.n);
	buf_putc(out, '\n');
	json_object_put(j);
	return 0;
}
