#include "base/base.h"
#include "ours_reply.h"

#include "base/log.h"
#include "execute/outcome.h"
#include "model/tasks.h"
#include "ours.h"
#include "schedule/ahead.h"
#include "schedule/ending.h"
#include "wire/nearby.h"

/* The end of each output that was not sent before comes with the reply. */
static bool read_outputs(struct result *r, struct run *run, struct msg *m,
			 struct task_row *row)
{
	struct json_object *t = json_get_object(m->metadata, "taskfs");
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

/* A time of day that an engine says; one that cannot be is now. */
static int64_t sane_time(int64_t t)
{
	return t > 0 && t < LIMIT_TIME ? t : now_usec();
}

void ours_on_reply(struct run *run, struct msg *m)
{
	struct json_object *t = json_get_object(m->metadata, "taskfs");
	struct result *r = result_find(run->c, run->result);
	struct outcome outcome;
	struct ending how;
	struct task_row row;

	assert(r);
	run_begun(run);
	row = task_row(r, run->index);
	outcome_init(&outcome);
	outcome_read(&outcome, m->header, m->metadata, m->content);
	outcome_read_ours(&outcome, t);
	if (outcome.started)
		row.started = outcome.started;
	row.started = sane_time(row.started);
	row.completed = sane_time(json_int_or(t, "completed", 0));
	task_row_ran(r, &row, outcome.ran, outcome.ago);
	row.value_is_stdout = json_bool_or(t, "value_is_stdout", false);
	if (!read_outputs(r, run, m, &row))
		outcome_fail(&outcome, "OutputError",
			     "an output did not come whole from the engine");
	outcome_put(&outcome, &row);
	ahead_note(run->engine, row.ran);
	run->engine->completed++;
	how = outcome_ending(&outcome);
	run_end(run, &how, &row);
	outcome_done(&outcome);
}

/* The bytes are in the message, or in a file that it names. */
static bool take_output(struct run *run, struct result *r, enum stream s,
			uint64_t offset, struct msg *m)
{
	const char *name = json_get_str(m->content, "file", NULL);
	int64_t length = json_int_or(m->content, "length", -1);

	if (!name)
		return task_output(r, run->index, s, offset, msg_buffer(m, 0));
	return r->c->nearby && length >= 0 && nearby_name_valid(name) &&
	       task_output_in(r, run->index, s, offset, (uint64_t)length, name);
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
	run_note(run, SIGN_HEARD);
	run_begun(run);
	if (s < 0 || s >= STREAM_OUTPUTS || offset < 0 ||
	    !take_output(run, r, (enum stream)s, (uint64_t)offset, m))
		c->count.bad_outputs++;
}
