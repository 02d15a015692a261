#include "base/base.h"
#include "merge.h"
#include "base/buf.h"
#include "wire/task_option.h"

static bool has(struct json_object *o, const char *key, struct json_object **v)
{
	return json_object_object_get_ex(o, key, v);
}

/* Text, or NULL when it is null. */
static void set_text(char **at, struct json_object *o, const char *key)
{
	struct json_object *v;

	if (!has(o, key, &v))
		return;
	free(*at);
	*at = NULL;
	if (json_object_is_type(v, json_type_string))
		*at = xstrndup(json_object_get_string(v),
			       (size_t)json_object_get_string_len(v));
}

/* A number; `null` when it is null. Negative ones make no sense here. */
static void set_int(int64_t *at, struct json_object *o, const char *key,
		    int64_t null)
{
	struct json_object *v;

	if (!has(o, key, &v))
		return;
	*at = null;
	if (json_object_is_type(v, json_type_int) &&
	    json_object_get_int64(v) >= 0)
		*at = json_object_get_int64(v);
}

static void set_u64(uint64_t *at, struct json_object *o, const char *key)
{
	int64_t n = (int64_t)*at;

	set_int(&n, o, key, 0);
	*at = (uint64_t)n;
}

static bool get_id(struct json_object *o, uint64_t *ret_id)
{
	int64_t id;

	if (!json_get_int(o, "id", &id) || id < 0 || id > MIRROR_MAX_ID)
		return false;
	*ret_id = (uint64_t)id;
	return true;
}

/* --- a task ------------------------------------------------------------- */

static void set_usage(struct task *t, struct json_object *o)
{
	struct json_object *u;

	if (!has(o, "usage", &u))
		return;
	t->used = json_object_is_type(u, json_type_object);
	t->user = json_real_or(u, "user", 0);
	t->system = json_real_or(u, "system", 0);
	t->memory = json_int_or(u, "memory", 0);
}

static void set_engine(const struct mirror *mi, struct task *t,
		       struct json_object *o)
{
	int64_t was = t->engine;
	const struct engine *e;

	set_int(&t->engine, o, "engine", -1);
	if (t->engine == was && t->engine_uuid[0])
		return;
	e = t->engine < 0 ? NULL : mirror_engine(mi, (uint64_t)t->engine);
	snprintf(t->engine_uuid, sizeof(t->engine_uuid), "%s",
		 e && e->uuid ? e->uuid : "");
}

static void set_task(const struct mirror *mi, struct task *t,
		     struct json_object *o)
{
	int i;

	set_engine(mi, t, o);
	set_text(&t->msg_id, o, "msg_id");
	set_int(&t->attempt, o, "attempt", 0);
	for (i = 0; i < STREAM_OUTPUTS; i++)
		set_u64(&t->size[i], o, stream_name((enum stream)i));
	t->value_is_stdout = json_bool_or(o, "value_is_stdout",
					  t->value_is_stdout);
	set_int(&t->exit_status, o, "exit_status", -1);
	set_int(&t->signal, o, "signal", -1);
	set_text(&t->ename, o, "ename");
	set_text(&t->evalue, o, "evalue");
	set_text(&t->traceback, o, "traceback");
	set_usage(t, o);
	set_text(&t->cwd, o, "cwd");
}

static void keep_outputs(struct mirror *mi, struct result *r,
			 struct json_object *task, const struct msg *m)
{
	struct json_object *b = m ? json_get_object(task, "buffers") : NULL;
	struct bytes out[STREAM_OUTPUTS] = {{0}};
	bool any = false;
	int i;

	for (i = 0; b && i < STREAM_OUTPUTS; i++) {
		if (!msg_named_buffer(m, b, stream_name((enum stream)i),
				      &out[i]))
			continue;
		if (out[i].n != r->task.size[i])
			out[i] = bytes_of(NULL, 0);
		any |= out[i].p != NULL;
	}
	if (any)
		mirror_keep(mi, r, out);
}

/* --- a result ----------------------------------------------------------- */

static void set_options(struct result *r, struct json_object *o)
{
	struct json_object *v;
	struct bytes text;
	int i;

	if (!has(o, "options", &v))
		return;
	free(r->options);
	r->options = NULL;
	r->given = 0;
	if (!json_object_is_type(v, json_type_object) ||
	    json_object_object_length(v) == 0)
		return;
	text = json_bytes(v);
	r->options = xstrndup(text.p, text.n);
	for (i = 0; i < 64 && task_options[i].name; i++)
		if (json_get(v, task_options[i].name))
			r->given |= 1ULL << i;
}

static void set_name(struct mirror *mi, struct result *r,
		     struct json_object *o)
{
	size_t n;
	const char *name = json_get_str(o, "name", &n);

	if (name && task_name_ok(bytes_of(name, n)))
		mirror_set_name(mi, r, bytes_of(name, n));
}

static void set_counts(struct result *r, struct json_object *o)
{
	struct json_object *a = json_get_array(o, "count");
	int s;

	if (!a || json_object_array_length(a) != STATES - STATE_PENDING)
		return;
	for (s = STATE_PENDING; s < STATES; s++) {
		int64_t n = json_object_get_int64(json_object_array_get_idx(
			a, (size_t)(s - STATE_PENDING)));

		r->count[s] = n > 0 ? (uint64_t)n : 0;
	}
}

static void set_submission(struct mirror *mi, struct result *r,
			   struct json_object *o)
{
	const char *kind = json_get_str(o, "kind", NULL);

	if (kind)
		snprintf(r->kind, sizeof(r->kind), "%s", kind);
	set_name(mi, r, o);
	set_u64(&r->tasks, o, "tasks");
	r->uid = (uid_t)json_int_or(o, "uid", r->uid);
	r->gid = (gid_t)json_int_or(o, "gid", r->gid);
	set_options(r, o);
	set_u64(&r->code, o, "code");
	set_int(&r->stdin_size, o, "stdin", -1);
}

static void set_times(struct result *r, struct json_object *o)
{
	set_int(&r->submitted, o, "submitted", 0);
	set_int(&r->started, o, "started", 0);
	set_int(&r->completed, o, "completed", 0);
	set_int(&r->received, o, "received", 0);
	set_int(&r->serial, o, "serial", 0);
}

/* The same id, but submitted at another time: from another cluster. */
static bool is_another(const struct result *r, struct json_object *o)
{
	int64_t submitted = json_int_or(o, "submitted", 0);

	return r->submitted && submitted && r->submitted != submitted;
}

static struct result *find(struct mirror *mi, struct json_object *o,
			   bool whole, int *ret_err)
{
	struct result *r;
	uint64_t id;

	if (!get_id(o, &id) || id == 0)
		return NULL;
	r = mirror_result(mi, id);
	if (r && whole && is_another(r, o)) {
		mirror_purge(mi, id);
		return mirror_add_result(mi, id);
	}
	if (r || mirror_was_purged(mi, id))
		return r;
	if (!whole && !json_get(o, "submitted")) {
		*ret_err = -ESTALE;
		return NULL;
	}
	return mirror_add_result(mi, id);
}

struct result *merge_result(struct mirror *mi, struct json_object *o,
			    uint64_t seq, bool whole, const struct msg *m,
			    int *ret_err)
{
	struct result *r = find(mi, o, whole, ret_err);
	struct json_object *task;
	enum state s;

	if (!r)
		return NULL;
	r->round = mi->round;
	if (r->seq > seq || (r->seq == seq && !whole))
		return r;
	r->seq = seq;
	set_submission(mi, r, o);
	set_times(r, o);
	set_counts(r, o);
	set_text(&r->why, o, "why");
	task = json_get_object(o, "task");
	if (task) {
		set_task(mi, &r->task, task);
		keep_outputs(mi, r, task, m);
	}
	s = state_parse(json_get_str(o, "status", NULL));
	if (s == STATE_NONE)
		s = r->status == STATE_NONE ? state_of(r->count) : r->status;
	mirror_set_status(mi, r, s);
	waitq_wake(mi->park, &r->waitq);
	return r;
}

/* --- engines, the controller -------------------------------------------- */

static void set_running(struct engine *e, struct json_object *o)
{
	struct json_object *a = json_get_array(o, "running");
	struct buf b = BUF_INIT;
	size_t i;

	if (!a)
		return;
	for (i = 0; i < json_object_array_length(a); i++) {
		struct json_object *v = json_object_array_get_idx(a, i);

		if (!v)
			continue;
		buf_put_escaped(&b, bytes_str(json_object_get_string(v)), 64);
		buf_putc(&b, '\n');
	}
	free(e->running);
	e->running = buf_take(&b);
}

void merge_engine(struct mirror *mi, struct json_object *o, uint64_t seq)
{
	struct engine *e;
	uint64_t id;
	char *was;

	if (!get_id(o, &id))
		return;
	e = mirror_engine(mi, id);
	if (!e)
		e = mirror_add_engine(mi, id);
	e->round = mi->round;
	if (e->seq > seq)
		return;
	e->seq = seq;
	was = e->state ? xstrdup(e->state) : NULL;
	set_text(&e->uuid, o, "uuid");
	set_text(&e->state, o, "state");
	set_text(&e->host, o, "host");
	set_text(&e->language, o, "language");
	set_int(&e->pid, o, "pid", 0);
	set_int(&e->since, o, "since", 0);
	set_int(&e->heartbeat, o, "heartbeat", 0);
	set_int(&e->queue, o, "queue", 0);
	set_int(&e->completed, o, "completed", 0);
	set_running(e, o);
	if (e->state && (!was || strcmp(was, e->state) != 0))
		events_add(&mi->events, EVENT_OF_ENGINE, id, e->state);
	free(was);
	waitq_wake(mi->park, &e->waitq);
}

void merge_counts(struct mirror *mi, struct json_object *o, uint64_t seq)
{
	struct counts *c = &mi->counts;

	if (c->seq > seq)
		return;
	c->seq = seq;
	set_int(&c->waiting, o, "waiting", 0);
	set_int(&c->running, o, "running", 0);
	set_int(&c->completed, o, "completed", 0);
	set_int(&c->results, o, "results", 0);
	set_text(&c->scheme, o, "scheme");
}
