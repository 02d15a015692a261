#include "reply.h"
#include "engine.h"

struct json_object *reply_engine(const struct engine *e)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "engine", e->member.uuid);
	return o;
}

static struct json_object *engine_info(const struct task *t)
{
	const struct member *m = &t->engine->member;
	struct json_object *o = json_object_new_object();

	json_add_str(o, "engine_uuid", m->uuid);
	json_add_int(o, "engine_id", m->id);
	json_add_str(o, "method", t->apply ? "apply" : "execute");
	return o;
}

/*
 * A stock client shows nothing but the traceback; one of ours shows ename and
 * evalue, too.
 */
static struct json_object *traceback(const struct task *t)
{
	struct json_object *lines = json_object_new_array();
	size_t i, n = 0;

	if (t->traceback)
		n = json_object_array_length(t->traceback);
	for (i = 0; i < n; i++)
		json_push(lines, json_object_get(json_object_array_get_idx(
					 t->traceback, i)));
	if (!t->extended) {
		char *last = xasprintf("%s: %s", t->ename, t->evalue);

		json_push(lines, json_text(bytes_str(last)));
		free(last);
	}
	return lines;
}

struct json_object *reply_error(const struct task *t)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "ename", t->ename);
	json_add_str(o, "evalue", t->evalue);
	json_add(o, "traceback", traceback(t));
	return o;
}

struct json_object *reply_content(const struct task *t)
{
	struct json_object *o;

	if (t->state == STATE_ERROR)
		o = reply_error(t);
	else
		o = json_object_new_object();
	json_add_str(o, "status", state_name(t->state));
	if (t->state == STATE_ABORTED)
		return o;
	if (t->state == STATE_ERROR)
		json_add(o, "engine_info", engine_info(t));
	json_add_int(o, "execution_count", t->count);
	if (!t->extended) {
		json_add(o, "user_expressions", json_object_new_object());
		json_add(o, "payload", json_object_new_array());
	}
	return o;
}

static double seconds(struct timeval tv)
{
	return (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
}

static struct json_object *usage(const struct run *r)
{
	struct json_object *o = json_object_new_object();

	json_add_real(o, "user", seconds(r->usage.ru_utime));
	json_add_real(o, "system", seconds(r->usage.ru_stime));
	json_add_int(o, "memory", (int64_t)r->usage.ru_maxrss * 1024);
	return o;
}

/* What our controller and our mount know more than stock ones. */
static struct json_object *particulars(const struct task *t,
				       const int buffers[RUN_STREAMS])
{
	const struct run *r = &t->run;
	struct json_object *o = json_object_new_object();
	struct json_object *b = json_object_new_object();
	int i;

	for (i = 0; i < RUN_STREAMS; i++) {
		json_add_int(o, run_stream_names[i], (int64_t)r->out[i].size);
		if (buffers[i] >= 0)
			json_add_int(b, run_stream_names[i], buffers[i]);
	}
	json_add(o, "buffers", b);
	json_add_bool(o, "value_is_stdout", r->out[RUN_VALUE].size == 0);
	json_add(o, "exit_status", t->exit_status < 0
		 ? NULL : json_object_new_int(t->exit_status));
	json_add(o, "signal", t->signal
		 ? json_object_new_int(t->signal) : NULL);
	json_add(o, "usage", r->pid ? usage(r) : NULL);
	json_add_str(o, "cwd", !r->pid ? NULL
			       : t->cwd ? t->cwd : t->engine->cwd);
	json_add_int(o, "completed", r->ended_at ? r->ended_at : now_usec());
	return o;
}

/* What the request's metadata said and the reply's has to say again. */
static void add_echo(struct json_object *o, struct json_object *metadata)
{
	const char *original = json_get_str(metadata, "original_msg_id", NULL);
	struct json_object *label = json_get(metadata, "label");

	json_add_bool(o, "is_broadcast",
		      json_bool_or(metadata, "is_broadcast", false));
	json_add_bool(o, "is_coalescing",
		      json_bool_or(metadata, "is_coalescing", false));
	json_add_str(o, "original_msg_id", original ? original : "");
	if (label)
		json_add(o, "label", json_object_get(label));
}

struct json_object *reply_metadata(const struct task *t,
				   const int buffers[RUN_STREAMS])
{
	struct json_object *o = reply_engine(t->engine);
	char date[DATE_SIZE];

	date_format(t->run.began ? t->run.began : now_usec(), date);
	json_add_str(o, "started", date);
	json_add_bool(o, "dependencies_met", true);
	json_add_str(o, "status", state_name(t->state));
	if (!t->extended)
		add_echo(o, t->request.metadata);
	if (t->state == STATE_ERROR && !t->extended)
		json_add(o, "engine_info", engine_info(t));
	if (json_get_object(t->request.metadata, "taskfs"))
		json_add(o, "taskfs", particulars(t, buffers));
	return o;
}
