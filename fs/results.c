#include "rows.h"
#include "show.h"
#include "base/parse.h"
#include "wire/task_option.h"

/* --- the entries of results/ -------------------------------------------- */

/* An id as it is listed: no leading zeros, no other spelling. */
static bool parse_id(struct bytes name, uint64_t *ret_id)
{
	if (name.n > 1 && *(const char *)name.p == '0')
		return false;
	return parse_u64(name, 0, MIRROR_MAX_ID, ret_id) == 0;
}

static bool set_result(struct obj *o, struct result *r)
{
	o->result = r;
	if (!r)
		return false;
	o->id = (uint32_t)r->id;
	o->task = r->task;
	o->detail = r->task ? &r->detail : NULL;
	return true;
}

static bool result_find(struct obj *o, struct bytes name)
{
	uint64_t id;

	return parse_id(name, &id) &&
	       set_result(o, mirror_result(&o->fs->mirror, id));
}

static bool result_next(struct obj *o, uint64_t from, uint64_t *ret_n)
{
	if (!set_result(o, index_next(&o->fs->mirror.results, from)))
		return false;
	*ret_n = o->id;
	return true;
}

static bool result_resolve(struct obj *o)
{
	return set_result(o, mirror_result(&o->fs->mirror, o->id));
}

static void result_put_id(const struct obj *o, struct buf *out)
{
	buf_printf(out, "%u", o->id);
}

const struct class result_class = {
	.find = result_find,
	.next = result_next,
	.resolve = result_resolve,
	.name = result_put_id,
};

static bool name_find(struct obj *o, struct bytes name)
{
	return set_result(o, mirror_named(&o->fs->mirror, name));
}

static bool name_next(struct obj *o, uint64_t from, uint64_t *ret_n)
{
	const struct mirror *m = &o->fs->mirror;
	struct result *r;

	for (; m->names.n && (r = index_next(&m->results, from));
	     from = r->id + 1) {
		if (!result_is_newest_of_name(r))
			continue;
		*ret_n = r->id;
		return set_result(o, r);
	}
	return false;
}

static bool name_resolve(struct obj *o)
{
	return result_resolve(o) && o->result->name;
}

static void name_put(const struct obj *o, struct buf *out)
{
	buf_put(out, o->result->name->text, o->result->name->n);
}

const struct class name_class = {
	.find = name_find,
	.next = name_next,
	.resolve = name_resolve,
	.name = name_put,
};

void name_target(const struct obj *o, struct buf *out)
{
	result_put_id(o, out);
}

bool latest_exists(const struct obj *o)
{
	return mirror_latest(&o->fs->mirror) != NULL;
}

void latest_target(const struct obj *o, struct buf *out)
{
	buf_printf(out, "%llu",
		   (unsigned long long)mirror_latest(&o->fs->mirror)->id);
}

/* --- removing ----------------------------------------------------------- */

int result_remove(const struct obj *o, struct wish *ret_wish)
{
	if (!result_is_final(o->result))
		return -EBUSY;
	ret_wish->verb = "purge";
	return 0;
}

/* `rm -r` begins with the files; they go with the directory. */
int result_remove_file(const struct obj *o, struct wish *ret_wish)
{
	(void)ret_wish;
	return result_is_final(o->result) ? 1 : -EBUSY;
}

/* --- options ------------------------------------------------------------ */

/* Those with a row of their own have none here. */
static bool option_given(const struct result *r, unsigned i)
{
	return task_options[i].type != TASK_BYTES && (r->given >> i & 1);
}

static bool option_find(struct obj *o, struct bytes name)
{
	const struct task_option *t = task_option_find(name);

	if (!t)
		return false;
	o->sub = sub_of(sub_index(o->sub), (unsigned)(t - task_options));
	return option_given(o->result, sub_option(o->sub));
}

static bool option_next(struct obj *o, uint64_t from, uint64_t *ret_n)
{
	uint64_t i;

	for (i = from; i < SUB_OPTIONS && o->result->given >> i; i++) {
		if (!option_given(o->result, (unsigned)i))
			continue;
		o->sub = sub_of(sub_index(o->sub), (unsigned)i);
		*ret_n = i;
		return true;
	}
	return false;
}

static bool option_resolve(struct obj *o)
{
	return result_resolve(o) &&
	       option_given(o->result, sub_option(o->sub));
}

static void option_name(const struct obj *o, struct buf *out)
{
	buf_puts(out, task_options[sub_option(o->sub)].name);
}

const struct class option_class = {
	.find = option_find,
	.next = option_next,
	.resolve = option_resolve,
	.name = option_name,
};

int result_option(const struct obj *o, struct buf *out)
{
	const struct task_option *t = &task_options[sub_option(o->sub)];
	struct json_object *all =
		json_parse(bytes_str(o->result->options), NULL);
	struct json_object *v = json_get(all, t->name);

	if (v)
		task_option_show(t, v, out);
	json_object_put(all);
	return 0;
}

/* --- files -------------------------------------------------------------- */

bool result_has_ok(const struct obj *o)
{
	return o->result->status == STATE_OK;
}

bool result_has_stdin(const struct obj *o)
{
	return o->result->stdin_size >= 0;
}

int result_status(const struct obj *o, struct buf *out)
{
	return show_word(out, state_name(o->result->status));
}

int result_progress(const struct obj *o, struct buf *out)
{
	const uint64_t *n = o->result->count;
	unsigned long long ended =
		n[STATE_OK] + n[STATE_ERROR] + n[STATE_ABORTED];

	buf_printf(out, "%llu/%lld\n", ended, (long long)o->result->tasks);
	return 0;
}

static int64_t wall_time(const struct result *r)
{
	int64_t end = now_usec();

	if (result_is_final(r))
		end = r->received ? r->received : r->completed;
	return end > r->submitted ? end - r->submitted : 0;
}

int result_elapsed(const struct obj *o, struct buf *out)
{
	return show_seconds(out, wall_time(o->result));
}

int result_wall_time(const struct obj *o, struct buf *out)
{
	return show_seconds(out, wall_time(o->result));
}

int result_serial_time(const struct obj *o, struct buf *out)
{
	return show_seconds(out, o->result->serial);
}

int result_speedup(const struct obj *o, struct buf *out)
{
	int64_t wall = wall_time(o->result);

	buf_printf(out, "%.3f\n",
		   wall ? (double)o->result->serial / (double)wall : 0.0);
	return 0;
}

int result_wait(const struct obj *o, struct buf *out)
{
	if (!result_is_final(o->result))
		return -EAGAIN;
	return result_status(o, out);
}

int result_ready(const struct obj *o, struct buf *out)
{
	return show_word(out, result_is_final(o->result) ? "1" : "0");
}

int result_successful(const struct obj *o, struct buf *out)
{
	if (!result_is_final(o->result))
		return -EAGAIN;
	return show_word(out, o->result->status == STATE_OK ? "1" : "0");
}

int result_ok(const struct obj *o, struct buf *out)
{
	(void)o;
	(void)out;
	return 0;
}

int result_submitted(const struct obj *o, struct buf *out)
{
	return show_time(out, o->result->submitted);
}

int result_started(const struct obj *o, struct buf *out)
{
	return show_time(out, o->result->started);
}

int result_completed(const struct obj *o, struct buf *out)
{
	return show_time(out, o->result->completed);
}

int result_received(const struct obj *o, struct buf *out)
{
	return show_time(out, o->result->received);
}

/* Below 0: not known (yet). */
static int show_count(struct buf *out, int64_t n)
{
	return n >= 0 ? show_number(out, n) : 0;
}

int result_engine(const struct obj *o, struct buf *out)
{
	return o->task ? show_count(out, o->task->engine) : 0;
}

int result_msg_ids(const struct obj *o, struct buf *out)
{
	const char *id = o->detail ? o->detail->msg_id : NULL;

	return id ? show_word(out, id) : 0;
}

int result_exit_status(const struct obj *o, struct buf *out)
{
	return o->task ? show_count(out, o->task->exit_status) : 0;
}

static void end_line(struct buf *out)
{
	if (out->n && out->p[out->n - 1] != '\n')
		buf_putc(out, '\n');
}

/* A task that ran elsewhere than it was to run says so, whatever came of it. */
static void put_elsewhere(const struct result *r, const struct detail *d,
			  struct buf *out)
{
	struct json_object *options;
	const char *want;

	if (!d->cwd || !r->options)
		return;
	options = json_parse(bytes_str(r->options), NULL);
	want = json_get_str(options, "cwd", NULL);
	if (want && strcmp(want, d->cwd) != 0)
		buf_printf(out, "cwd: %s is not there on the engine's host; "
				"it ran in %s\n",
			   want, d->cwd);
	json_object_put(options);
}

int result_error(const struct obj *o, struct buf *out)
{
	const struct detail *d = o->detail;

	if (!d)
		return 0;
	put_elsewhere(o->result, d, out);
	if (o->task->state == STATE_ABORTED && !d->ename)
		buf_puts(out, "TaskAborted: it was aborted\n");
	if (!d->ename)
		return 0;
	buf_puts(out, d->ename);
	if (d->evalue && *d->evalue)
		buf_printf(out, ": %s", d->evalue);
	end_line(out);
	if (d->traceback)
		buf_puts(out, d->traceback);
	end_line(out);
	return 0;
}

int result_why(const struct obj *o, struct buf *out)
{
	return show_text(out, o->result->why);
}

int result_attempts(const struct obj *o, struct buf *out)
{
	if (o->detail && o->detail->attempts)
		buf_puts(out, o->detail->attempts);
	return 0;
}

int result_usage(const struct obj *o, struct buf *out)
{
	const struct detail *d = o->detail;

	if (d && d->used)
		buf_printf(out, "user %.6f\nsystem %.6f\nmemory %lld\n",
			   d->user, d->system, (long long)d->memory);
	return 0;
}
