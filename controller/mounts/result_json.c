#include "base/base.h"
#include "result_json.h"

#include "model/tasks.h"
#include "schedule/why.h"
#include "wire/members.h"

/* A time that is not there yet is null. */
static void put_time(struct buf *out, const char *key, int64_t t)
{
	if (t > 0)
		member_int(out, key, t);
	else
		member_null(out, key);
}

static void put_count(struct buf *out, const char *key, int64_t n)
{
	if (n >= 0)
		member_int(out, key, n);
	else
		member_null(out, key);
}

static void put_usage(struct buf *out, double user, double sys, int64_t memory)
{
	member_begin(out, "usage");
	buf_putc(out, '{');
	member_seconds(out, "user", user);
	member_seconds(out, "system", sys);
	member_int(out, "memory", memory);
	buf_putc(out, '}');
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

static void put_buffers(struct buf *out, const struct task *t,
			struct attachments *at)
{
	int i;

	member_begin(out, "buffers");
	buf_putc(out, '{');
	for (i = 0; i < STREAM_OUTPUTS; i++) {
		struct buf *mem = t->out ? &t->out->of[i].mem : NULL;

		if (!mem || !mem->n || mem->n != t->size[i])
			continue;
		member_int(out, stream_name((enum stream)i),
			   attach(at, buf_bytes(mem)));
	}
	buf_putc(out, '}');
}

static void put_sizes(struct buf *out, const struct task *t)
{
	int i;

	for (i = 0; i < STREAM_OUTPUTS; i++)
		member_int(out, stream_name((enum stream)i),
			   (int64_t)t->size[i]);
}

static void put_end(struct buf *out, const struct result *r,
		    const struct task *t)
{
	const struct details *d = t->details;
	bool unbegun = t->unbegun;

	put_count(out, "exit_status", t->exit_status);
	put_count(out, "signal", t->signal);
	member_bool(out, "value_is_stdout", t->value_is_stdout);
	member_str(out, "ename",
		   unbegun ? r->unbegun.ename : d ? d->ename : NULL);
	member_str(out, "evalue",
		   unbegun ? r->unbegun.evalue : d ? d->evalue : NULL);
	member_str(out, "traceback", d ? d->traceback : NULL);
	if (d && d->user >= 0)
		put_usage(out, d->user, d->system, d->memory);
	else
		member_null(out, "usage");
	member_str(out, "cwd", d ? d->cwd : NULL);
	member_str(out, "attempts", d ? d->attempts : NULL);
}

/* The msg_id of the last try, or of the first that is to come; a client's own task
 * has the one that the client gave it. */
static void put_msg_id(struct buf *out, const struct result *r, uint32_t index)
{
	const struct task *t = &r->task[index];
	const struct task_id id = {r->id, index, t->attempt ? t->attempt : 1U};
	char text[TASK_ID_SIZE];

	task_id_format(r->c->cluster, &id, text);
	member_str(out, "msg_id",
		   t->details && t->details->msg_id ? t->details->msg_id
		   : r->ops->is_message			    ? NULL
						    : text);
}

static void put_task(const struct result *r, uint32_t index, unsigned what,
		     struct attachments *at, struct buf *out)
{
	const struct task *t = &r->task[index];

	buf_putc(out, '{');
	if (what & ~(unsigned)CHANGED_SIZES) {
		put_count(out, "engine", t->engine);
		member_str(out, "engine_uuid",
			   t->details ? t->details->engine_uuid : NULL);
		put_msg_id(out, r, index);
		member_int(out, "attempt", t->attempt);
	}
	put_sizes(out, t);
	if (what & (CHANGED_ALL | CHANGED_END))
		put_end(out, r, t);
	else if (t->details && t->details->attempts)
		member_str(out, "attempts", t->details->attempts);
	if (at && (what & CHANGED_END))
		put_buffers(out, t, at);
	buf_putc(out, '}');
}

static void put_counts(struct buf *out, const struct result *r)
{
	int s;

	member_begin(out, "count");
	buf_putc(out, '[');
	for (s = STATE_PENDING; s < STATES; s++)
		member_int(out, NULL, (int64_t)r->count[s]);
	buf_putc(out, ']');
}

static void put_times(struct buf *out, const struct result *r)
{
	bool final = state_is_final(result_state(r));

	put_time(out, "started", r->started);
	put_time(out, "completed", final ? r->completed : 0);
	put_time(out, "received", final ? r->received : 0);
	if (r->started)
		member_int(out, "began", r->began);
	else
		member_null(out, "began");
	member_int(out, "elapsed", result_elapsed(r));
	member_int(out, "serial", r->serial);
	if (strcmp(r->kind, "task") != 0 && r->memory)
		put_usage(out, (double)r->user / 1e6, (double)r->system / 1e6,
			  r->memory);
}

static void put_why(struct buf *out, const struct result *r)
{
	struct buf why = BUF_INIT;

	why_put(r, &why);
	member_str(out, "why", why.n ? buf_str(&why) : NULL);
	buf_clear(&why);
	why_put_unstored(r, &why);
	member_str(out, "unstored", why.n ? buf_str(&why) : NULL);
	buf_done(&why);
}

static void put_submission(struct buf *out, const struct result *r)
{
	if (r->name)
		member_str(out, "name", r->name);
	member_str(out, "kind", r->kind);
	member_int(out, "tasks", (int64_t)r->ntasks);
	put_time(out, "submitted", r->submitted);
	member_int(out, "uid", r->uid);
	member_int(out, "gid", r->gid);
	member_raw(out, "options", bytes_str(r->options));
	member_int(out, "code", (int64_t)r->code_size);
	put_count(out, "stdin", r->has_stdin ? (int64_t)r->stdin_size : -1);
	put_count(out, "map", r->map_size ? (int64_t)r->map_size : -1);
}

void result_put_members(const struct result *r, unsigned what,
			struct attachments *at, struct buf *out)
{
	member_int(out, "id", (int64_t)r->id);
	if (what & CHANGED_ALL)
		put_submission(out, r);
	if (what & ~(unsigned)CHANGED_SIZES) {
		put_counts(out, r);
		member_str(out, "status", state_name(result_state(r)));
		member_bool(out, "held", r->held);
		put_times(out, r);
		put_why(out, r);
	}
	if (!result_is_many(r)) {
		member_begin(out, "task");
		put_task(r, 0, what, at, out);
	} else if (what & CHANGED_ALL) {
		member_null(out, "task");
	}
}

void result_put_json(const struct result *r, struct buf *out)
{
	buf_putc(out, '{');
	result_put_members(r, CHANGED_ALL, NULL, out);
	buf_putc(out, '}');
}

void task_put_json(const struct result *r, uint32_t index, struct buf *out)
{
	put_task(r, index, CHANGED_ALL, NULL, out);
}
