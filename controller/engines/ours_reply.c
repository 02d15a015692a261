#include "base/base.h"
#include "ours_reply.h"

#include "base/log.h"
#include "model/tasks.h"
#include "ours.h"
#include "schedule/ending.h"

/* What our own engines say of a task. */

static void read_usage(struct json_object *t, struct task_row *row)
{
	struct json_object *u = json_get_object(t, "usage");

	row->user = json_real_or(u, "user", -1);
	row->system = json_real_or(u, "system", 0);
	row->memory = json_int_or(u, "memory", 0);
}

/* The end of each output that was not sent before comes with the reply. */
static bool read_outputs(struct result *r, struct run *run, struct msg *m,
			 struct json_object *t, struct task_row *row)
{
	bool whole = true;
	struct json_object *buffers = json_get_object(t, "buffers");
	struct outputs *out;
	int i;

	for (i = 0; i < STREAM_OUTPUTS; i++) {
		const char *name = stream_name((enum stream)i);
		uint64_t total = (uint64_t)json_int_or(t, name, 0);
		struct bytes tail;

		if (msg_named_buffer(m, buffers, name, &tail) &&
		    (tail.n > total ||
		     !task_output(r, run->index, (enum stream)i,
				  total - tail.n, tail)))
			total = UINT64_MAX;
		out = r->task[run->index].out;
		if (total != (out ? out->of[i].size : 0)) {
			r->c->count.bad_outputs++;
			log_warning("an output is not complete",
				    log_int("result", (int64_t)r->id),
				    log_str("stream", name));
			whole = false;
		}
	}
	task_known_outputs(r, run->index, row);
	return whole;
}

static const char *cut_str(struct json_object *o, const char *key,
			   size_t limit, struct buf *keep)
{
	size_t n;
	const char *s = json_get_str(o, key, &n);

	if (!s)
		return NULL;
	buf_put(keep, s, min_u64(strlen(s), limit));
	return buf_str(keep);
}

/* What an engine says went wrong, no longer than it may be. */
struct failure {
	struct buf ename, evalue, traceback;
};

static void failure_done(struct failure *f)
{
	buf_done(&f->ename);
	buf_done(&f->evalue);
	buf_done(&f->traceback);
}

static void read_error(struct json_object *content, struct ending *how,
		       struct failure *f)
{
	how->ename = cut_str(content, "ename", LIMIT_ENAME, &f->ename);
	how->evalue = cut_str(content, "evalue", LIMIT_ERROR, &f->evalue);
	json_put_lines(json_get_array(content, "traceback"), LIMIT_ERROR,
		       &f->traceback);
	if (f->traceback.n)
		how->traceback = buf_str(&f->traceback);
	if (!how->ename)
		how->ename = "Error";
}

/* A time that an engine says; what cannot be is now. */
static int64_t sane_time(int64_t t)
{
	return t > 0 && t < LIMIT_TIME ? t : now_usec();
}

static bool read_reply(struct result *r, struct run *run, struct msg *m,
		       struct task_row *row)
{
	struct json_object *t = json_get_object(m->metadata, "taskfs");
	const char *date = json_get_str(m->metadata, "started", NULL);
	const char *cwd = json_get_str(t, "cwd", NULL);

	if (date)
		(void)!date_parse(bytes_str(date), &row->started);
	row->started = sane_time(row->started);
	row->completed = sane_time(json_int_or(t, "completed", 0));
	task_row_ran(r, row, json_int_or(t, "ran", -1),
		     json_int_or(t, "ago", 0));
	row->value_is_stdout = json_bool_or(t, "value_is_stdout", false);
	row->cwd = cwd ? xstrndup(cwd, min_u64(strlen(cwd), PATH_MAX)) : NULL;
	read_usage(t, row);
	return read_outputs(r, run, m, t, row);
}

bool ours_read_exit(struct json_object *t, int *ret_status, int *ret_signal)
{
	int64_t status = -1, signo = -1;
	bool ok = json_get_range(t, "exit_status", 0, LIMIT_EXIT, &status) &&
		  json_get_range(t, "signal", 1, LIMIT_SIGNAL, &signo);

	*ret_status = ok ? (int)status : -1;
	*ret_signal = ok ? (int)signo : -1;
	return ok;
}

void ours_on_reply(struct run *run, struct msg *m)
{
	const char *status = json_get_str(m->content, "status", NULL);
	struct result *r = result_find(run->c, run->result);
	struct failure failure = {0};
	struct ending how = {.event = EVENT_FAIL};
	struct task_row row;
	bool whole, possible;

	assert(r);
	row = task_row(r, run->index);
	whole = read_reply(r, run, m, &row);
	possible = ours_read_exit(json_get_object(m->metadata, "taskfs"),
			      &row.exit_status, &row.signal);
	if (!whole) {
		how.ename = "OutputError";
		how.evalue = "an output did not come whole from the engine";
	} else if (!possible) {
		how.ename = "ReplyError";
		how.evalue = IMPOSSIBLE_EXIT;
	} else if (status && strcmp(status, "ok") == 0)
		how.event = EVENT_SUCCEED;
	else if (status && strcmp(status, "aborted") == 0)
		how.event = EVENT_ABORT;
	else
		read_error(m->content, &how, &failure);
	run->engine->completed++;
	run_end(run, &how, &row);
	failure_done(&failure);
}

void ours_on_output(struct engine *e, struct msg *m)
{
	struct controller *c = e->c;
	const char *msg_id = json_get_str(m->content, "msg_id", NULL);
	int s = stream_parse(json_get_str(m->content, "stream", NULL));
	int64_t offset = json_int_or(m->content, "offset", -1);
	struct run *run = run_find(c, msg_id);
	struct result *r = run ? result_find(c, run->result) : NULL;

	if (!r || run->engine != e || run->phase != RUN_SENT)
		return;
	run->heard = true;
	if (s < 0 || s >= STREAM_OUTPUTS || offset < 0 ||
	    !task_output(r, run->index, (enum stream)s, (uint64_t)offset,
			 msg_buffer(m, 0)))
		c->count.bad_outputs++;
}
