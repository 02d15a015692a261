#include "result.h"
#include "mirror/detail.h"
#include "mirror/group.h"
#include "task_lines.h"
#include "tree/format.h"
#include "wire/json.h"
#include "wire/out_path.h"
#include "wire/task_option.h"

static enum state state_of_obj(const struct obj *o)
{
	return o->task ? (enum state)o->task->state : o->result->status;
}

static bool is_over(const struct obj *o)
{
	return state_is_final(state_of_obj(o));
}

/* When; usec; 0: not yet. */
static int64_t started(const struct obj *o)
{
	return o->task ? o->task->started : o->result->started;
}

static int64_t completed(const struct obj *o)
{
	return o->task ? o->task->completed : o->result->completed;
}

static int64_t received(const struct obj *o)
{
	return o->task ? o->task->received : o->result->received;
}

bool result_has_ok(const struct obj *o)
{
	return state_of_obj(o) == STATE_OK;
}

bool result_has_stdin(const struct obj *o)
{
	return o->result->stdin_size >= 0;
}

bool result_has_map(const struct obj *o)
{
	return o->result->map >= 0;
}

/* Each task of a map has items; the map as a whole has the file `map`. */
bool result_has_items(const struct obj *o)
{
	return result_has_map(o) && obj_index(o) >= 0;
}

bool result_has_item(const struct obj *o)
{
	const struct task_option *chunk = task_option_find(bytes_str("chunk"));

	return result_has_items(o) &&
	       !(o->result->given >> (chunk - task_options) & 1);
}

int result_status(const struct obj *o, struct buf *out)
{
	return format_word(out, state_name(state_of_obj(o)));
}

int result_progress(const struct obj *o, struct buf *out)
{
	const uint64_t *n = o->result->count;
	unsigned long long ended =
		n[STATE_OK] + n[STATE_ERROR] + n[STATE_ABORTED];

	if (o->task)
		return format_word(out, is_over(o) ? "1/1" : "0/1");
	buf_printf(out, "%llu/%lld\n", ended, (long long)o->result->tasks);
	return 0;
}

static int64_t wall_time(const struct obj *o)
{
	return o->task && is_over(o) ? o->task->elapsed : result_age(o->result);
}

/* Of one task of many: how long it ran. */
static int64_t serial_time(const struct obj *o)
{
	return obj_index(o) < 0 ? o->result->serial : o->task->ran;
}

int result_elapsed(const struct obj *o, struct buf *out)
{
	return format_seconds(out, wall_time(o));
}

int result_wall_time(const struct obj *o, struct buf *out)
{
	return format_seconds(out, wall_time(o));
}

int result_serial_time(const struct obj *o, struct buf *out)
{
	return format_seconds(out, serial_time(o));
}

int result_speedup(const struct obj *o, struct buf *out)
{
	int64_t wall = wall_time(o);

	buf_printf(out, "%.3f\n",
		   wall ? (double)serial_time(o) / (double)wall : 0.0);
	return 0;
}

int result_wait(const struct obj *o, struct buf *out)
{
	if (!is_over(o))
		return -EAGAIN;
	return result_status(o, out);
}

int result_ready(const struct obj *o, struct buf *out)
{
	return format_word(out, is_over(o) ? "1" : "0");
}

int result_successful(const struct obj *o, struct buf *out)
{
	if (!is_over(o))
		return -EAGAIN;
	return format_word(out, state_of_obj(o) == STATE_OK ? "1" : "0");
}

int result_ok(const struct obj *o, struct buf *out)
{
	(void)o;
	(void)out;
	return 0;
}

int result_submitted(const struct obj *o, struct buf *out)
{
	return format_time(out, o->result->submitted);
}

int result_started(const struct obj *o, struct buf *out)
{
	return format_time(out, started(o));
}

int result_completed(const struct obj *o, struct buf *out)
{
	return format_time(out, completed(o));
}

int result_received(const struct obj *o, struct buf *out)
{
	return format_time(out, received(o));
}

static void end_line(struct buf *out)
{
	if (out->n && out->p[out->n - 1] != '\n')
		buf_putc(out, '\n');
}

/* A number below 0 is not known (yet): the file is empty. */
static int show_count(struct buf *out, int64_t n)
{
	return n >= 0 ? format_number(out, n) : 0;
}

int result_engine(const struct obj *o, struct buf *out)
{
	if (o->task)
		return show_count(out, o->task->engine);
	task_lines_engine(o, out);
	return 0;
}

int result_msg_ids(const struct obj *o, struct buf *out)
{
	int64_t i = obj_index(o);

	if (!o->task) {
		task_lines_msg_id(o, out);
		return 0;
	}
	if (i >= 0)
		task_msg_id(o, i, out);
	else if (o->detail->msg_id)
		buf_puts(out, o->detail->msg_id);
	end_line(out);
	return 0;
}

int result_exit_status(const struct obj *o, struct buf *out)
{
	if (o->task)
		return show_count(out, o->task->exit_status);
	task_lines_exit(o, out);
	return 0;
}

/* A task that did not run where it was submitted from says so, whatever came of
 * it. */
static void put_elsewhere(const struct result *r, const struct detail *d,
			  struct buf *out)
{
	struct json_object *options;
	const char *want;

	if (!d->cwd || !r->options)
		return;
	options = json_parse(bytes_str(r->options), NULL);
	want = json_get_str(options, "submit_dir", NULL);
	if (want && !json_get(options, "cwd") && strcmp(want, d->cwd) != 0)
		buf_printf(out, "submit_dir: %s: no such directory on the "
				"engine's host; the task ran in an empty one\n",
			   want);
	json_object_put(options);
}

static void put_end(const struct task *t, const struct detail *d,
		    struct buf *out)
{
	if (t->state == STATE_ABORTED && !d->ename)
		buf_puts(out, "TaskAborted: it was aborted\n");
	if (!d->ename)
		return;
	buf_puts(out, d->ename);
	if (d->evalue && *d->evalue)
		buf_printf(out, ": %s", d->evalue);
	end_line(out);
	if (d->traceback)
		buf_puts(out, d->traceback);
	end_line(out);
}

static void put_error(const struct obj *o, const struct task *t,
		      const struct detail *d, struct buf *out)
{
	put_end(t, d, out);
	put_elsewhere(o->result, d, out);
}

/* As ipyparallel's CompositeError: how many, and the first of them. */
static void put_errors(const struct obj *o, struct buf *out)
{
	const struct group *g = o->result->group;
	const uint64_t *n = o->result->count;
	uint32_t failed[GROUP_ERRORS], k, shown = group_failed(g, failed);
	unsigned long long all = n[STATE_ERROR];

	if (!all && n[STATE_ABORTED])
		buf_printf(out, "TaskAborted: %llu of %u tasks were aborted\n",
			   (unsigned long long)n[STATE_ABORTED], g->n);
	if (!all)
		return;
	buf_printf(out, "CompositeError: %llu of %u tasks failed\n", all,
		   g->n);
	for (k = 0; k < shown; k++) {
		const struct detail *d = detail_find(g, failed[k]);

		buf_printf(out, "%u: ", failed[k]);
		if (d)
			put_error(o, group_task(g, failed[k]), d, out);
		end_line(out);
	}
	if (all > shown)
		buf_printf(out, "... %llu more\n", all - shown);
}

int result_error(const struct obj *o, struct buf *out)
{
	if (!o->task)
		put_errors(o, out);
	else if (o->detail)
		put_error(o, o->task, o->detail, out);
	return 0;
}

/* The engine that task i of a view is for; -1: it is none of a view. */
static int64_t target_of(const struct result *r, int64_t i)
{
	struct json_object *options, *v;
	int64_t id = -1;

	if (r->kind[0] != 'v' || !r->options)
		return -1;
	options = json_parse(bytes_str(r->options), NULL);
	v = json_get_array(options, "targets");
	if (v && (size_t)i < json_object_array_length(v))
		id = json_object_get_int64(
			json_object_array_get_idx(v, (size_t)i));
	json_object_put(options);
	return id;
}

/*
 * Of a view the controller says for each engine what is waited for: "engine 1 to be
 * free, engine 2 is away since ...".
 */
static int show_part(const char *why, int64_t engine, struct buf *out)
{
	struct buf begin = BUF_INIT;
	const char *at, *end;

	buf_printf(&begin, "engine %lld ", (long long)engine);
	at = strstr(why, buf_str(&begin));
	buf_done(&begin);
	if (!at)
		return format_text(out, why);
	end = strstr(at, ", engine ");
	buf_put_escaped(out, end ? bytes_of(at, (size_t)(end - at)) : bytes_str(at),
			SIZE_MAX);
	buf_putc(out, '\n');
	return 0;
}

/* An open map has nothing to do. */
static bool waits_for_items(const struct obj *o)
{
	const uint64_t *n = o->result->count;

	return obj_index(o) < 0 && !n[STATE_PENDING] && !n[STATE_RUNNING] &&
	       !is_over(o);
}

int result_why(const struct obj *o, struct buf *out)
{
	const char *why = o->result->why;
	int64_t i = obj_index(o), engine;

	if (i < 0 && o->result->unstored)
		return format_text(out, o->result->unstored);
	if (state_of_obj(o) != STATE_PENDING && !waits_for_items(o))
		return 0;
	if (i < 0)
		return format_text(out, why);
	if (o->task->held)
		return format_word(out, "hold");
	engine = why ? target_of(o->result, i) : -1;
	return engine >= 0 ? show_part(why, engine, out)
			   : format_text(out, why);
}

/* --- the files that get its outputs ---------------------------------------- */

static bool has_path(const struct obj *o, const char *option)
{
	const struct task_option *t = task_option_find(bytes_str(option));

	return o->result->given >> (t - task_options) & 1;
}

/* Of a map as a whole as it was given: each task has its own. */
static int show_path(const struct obj *o, const char *option, struct buf *out)
{
	struct json_object *all = json_parse(bytes_str(o->result->options), NULL);
	struct bytes text = json_get_bytes(all, option);
	struct buf path = BUF_INIT;

	if (o->task && text.p)
		(void)out_path_put(text, o->result->id,
				   (uint64_t)max_i64(obj_index(o), 0), &path);
	else
		buf_put(&path, text.p, text.n);
	format_text(out, buf_str(&path));
	buf_done(&path);
	json_object_put(all);
	return 0;
}

bool result_has_stdout_path(const struct obj *o)
{
	return has_path(o, "stdout");
}

int result_stdout_path(const struct obj *o, struct buf *out)
{
	return show_path(o, "stdout", out);
}

bool result_has_stderr_path(const struct obj *o)
{
	return has_path(o, "stderr");
}

int result_stderr_path(const struct obj *o, struct buf *out)
{
	return show_path(o, "stderr", out);
}

int result_attempts(const struct obj *o, struct buf *out)
{
	if (!o->task)
		return format_number(out, (int64_t)o->result->group->tries);
	if (o->detail && o->detail->attempts)
		buf_puts(out, o->detail->attempts);
	return 0;
}

static void put_usage(double user, double sys, int64_t memory,
		      struct buf *out)
{
	buf_printf(out, "user %.6f\nsystem %.6f\nmemory %lld\n", user, sys,
		   (long long)memory);
}

int result_usage(const struct obj *o, struct buf *out)
{
	const struct result *r = o->result;
	const struct detail *d = o->detail;

	if (!o->task && r->used)
		put_usage(r->user, r->system, r->memory, out);
	if (d && d->used)
		put_usage(d->user, d->system, d->memory, out);
	return 0;
}
