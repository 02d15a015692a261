#include "base/base.h"
#include "tasks.h"

#include "base/log.h"
#include "changes.h"
#include "clock.h"
#include "queues.h"
#include "ready.h"
#include "results.h"

#include <math.h>

/* An output of up to so many bytes is a blob of the database; a larger one is a
 * file. */
#define OUTPUT_IN_MEMORY (64 * KIB)

struct task_row task_row(const struct result *r, uint32_t index)
{
	const struct task *t = &r->task[index];
	const struct details *d = t->details;
	struct task_row row = {
		.result = r->id,
		.index = index,
		.state = t->state,
		.engine = t->engine,
		.attempt = t->attempt,
		.started = t->started,
		.began = t->began,
		.ran = -1,
		.exit_status = -1,
		.signal = -1,
		.user = -1,
	};

	if (d) {
		row.msg_id = str_copy(d->msg_id);
		row.engine_uuid = str_copy(d->engine_uuid);
		row.attempts = str_copy(d->attempts);
	}
	return row;
}

int64_t result_age(const struct result *r)
{
	int64_t age = clock_now(r->c) - r->born;

	return age > 0 ? age : 0;
}

int64_t result_elapsed(const struct result *r)
{
	return state_is_final(result_state(r)) ? r->elapsed : result_age(r);
}

void task_row_ran(const struct result *r, struct task_row *row, int64_t ran,
		  int64_t ago)
{
	int64_t now = result_age(r), most = now - row->began;

	if (most < 0)
		most = 0;
	if (ran < 0 || ran > most)
		ran = most;
	if (ago < 0 || ago > most - ran)
		ago = 0;
	row->ran = ran;
	row->began = now - ago - ran;
}

void task_row_ran_from(const struct result *r, struct task_row *row,
		       int64_t started, int64_t completed)
{
	bool told = started > 0 && completed >= started;

	task_row_ran(r, row, told ? completed - started : -1, 0);
}

static char *steal(char **s)
{
	char *got = *s;

	*s = NULL;
	return got;
}

/* The last end and the last receipt. */
void result_count_end(struct result *r, const struct task *t)
{
	int64_t ended = t->started ? t->began + t->ran : t->elapsed;

	if (!r->completed || ended >= r->ended) {
		r->completed = t->completed;
		r->ended = ended;
	}
	if (!r->received || t->elapsed >= r->elapsed) {
		r->received = t->received;
		r->elapsed = t->elapsed;
	}
}

void result_count_times(struct result *r, const struct task *t)
{
	if (t->started && (!r->started || t->began < r->began)) {
		r->started = t->started;
		r->began = t->began;
	}
	if (!state_is_final((enum state)t->state))
		return;
	if (t->started && (!r->first_started || t->began < r->first_began)) {
		r->first_started = t->started;
		r->first_began = t->began;
	}
	result_count_end(r, t);
	r->serial += t->ran;
	if (!t->details || t->details->user < 0)
		return;
	r->user += llround(t->details->user * 1e6);
	r->system += llround(t->details->system * 1e6);
	if (t->details->memory > r->memory)
		r->memory = t->details->memory;
}

bool is_timeout(const char *ename)
{
	return ename && (strcmp(ename, "TaskTimeout") == 0 ||
			 strcmp(ename, "TaskTimeLimit") == 0);
}

void task_shed_details(const struct result *r, struct task *t)
{
	if (result_is_many(r) && state_is_final((enum state)t->state))
		task_free_details(t);
}

static void take_details(struct task *t, struct task_row *row)
{
	task_free_details(t);
	t->details = zalloc(sizeof(*t->details));
	*t->details = (struct details){
		.msg_id = steal(&row->msg_id),
		.engine_uuid = steal(&row->engine_uuid),
		.ename = steal(&row->ename),
		.evalue = steal(&row->evalue),
		.traceback = steal(&row->traceback),
		.cwd = steal(&row->cwd),
		.attempts = steal(&row->attempts),
		.user = row->user,
		.system = row->system,
		.memory = row->memory,
	};
}

void task_set_msg_id(struct task *t, const char *msg_id)
{
	assert(!t->details);
	t->details = zalloc(sizeof(*t->details));
	t->details->msg_id = xstrdup(msg_id);
	t->details->user = -1;
}

void task_set_state(struct result *r, struct task *t, enum state s)
{
	enum state was = (enum state)t->state;

	r->count[t->state]--;
	r->c->results->tasks[t->state]--;
	t->state = (uint8_t)s;
	r->count[s]++;
	r->c->results->tasks[s]++;
	queue_count(r, was, s, 1);
}

void task_set_row(struct task *t, struct task_row *row)
{
	t->engine = (int32_t)row->engine;
	t->attempt = (uint16_t)row->attempt;
	t->started = row->started;
	t->completed = row->completed;
	t->received = row->received;
	t->began = row->began;
	t->ran = row->ran > 0 ? row->ran : 0;
	t->elapsed = row->elapsed;
	t->exit_status = (int16_t)row->exit_status;
	t->signal = (int16_t)row->signal;
	t->value_is_stdout = row->value_is_stdout;
	t->timed_out = is_timeout(row->ename);
	t->user = (float)row->user;
	t->system = (float)row->system;
	t->memory = row->memory;
	take_details(t, row);
}

bool task_is_waiting(const struct task *t)
{
	return t->state == STATE_PENDING && !t->claimed;
}

bool task_is_ready(const struct task *t)
{
	return task_is_waiting(t) && !t->held;
}

/* False: nothing from r->next on is ready. */
static bool find_next(struct result *r)
{
	while (r->next < r->ntasks && !task_is_ready(&r->task[r->next]))
		r->next++;
	return r->next < r->ntasks;
}

int64_t result_waiting_task(struct result *r)
{
	uint64_t i;

	for (i = 0; r->again && i < r->next; i++)
		if (task_is_ready(&r->task[i]))
			return (int64_t)i;
	return find_next(r) ? (int64_t)r->next : -1;
}

/* More of a map that are held, one by one, are not looked at. */
#define HELD_MAX 4096

static uint64_t count_ready(struct result *r, uint64_t most)
{
	uint64_t i, n = r->again, last;

	if (r->max_running)
		most = r->active < r->max_running
			       ? min_u64(most, r->max_running - r->active)
			       : 0;
	if (n < most)
		(void)find_next(r);
	last = min_u64(r->ntasks, r->next + most + HELD_MAX);
	for (i = r->next; i < last && n < most; i++)
		n += task_is_ready(&r->task[i]);
	return min_u64(n, most);
}

uint64_t tasks_of_line(const struct line *line, uint64_t most)
{
	const struct list *l;
	uint64_t n = 0;

	if (!list_empty(&line->results))
		most = min_u64(most, queue_room(line->queue));
	list_for_each(l, &line->results) {
		if (n >= most)
			break;
		n += count_ready(list_entry(l, struct result, ready_link), most - n);
	}
	return n;
}

void task_claim(struct result *r, uint64_t index)
{
	if (r->task[index].claimed)
		return;
	r->task[index].claimed = true;
	if (index == r->next)
		r->next++;
	else if (index < r->next && !r->task[index].held)
		r->again--;
}

void task_unclaim(struct result *r, uint64_t index)
{
	struct task *t = &r->task[index];

	if (t->claimed && index < r->next && !t->held)
		r->again++;
	t->claimed = false;
	ready_add(r);
}

void task_set_held(struct result *r, uint64_t index, bool held)
{
	struct task *t = &r->task[index];

	if (t->held == held)
		return;
	t->held = held;
	if (!task_is_waiting(t))
		return;
	if (index < r->next)
		r->again = held ? r->again - 1 : r->again + 1;
	if (!held)
		ready_add(r);
}

/* --- outputs ------------------------------------------------------------ */

static void append_done(struct store_op *op)
{
	struct result *r = result_find(op->arg, op->io.result);
	struct task *t = r ? result_task(r, op->io.index) : NULL;
	enum stream s = op->io.stream;

	if (!op->err || !t || !t->out || t->out->of[s].err)
		return;
	t->out->of[s].err = op->err;
	t->out->of[s].whole = op->io.offset;
	log_error("a piece of an output was not stored",
		  log_int("result", (int64_t)r->id),
		  log_str("stream", stream_name(s)), log_errno(op->err));
}

static void put_append(struct result *r, uint32_t index, enum stream s,
		       uint64_t offset, struct bytes b)
{
	struct store_op *op = store_op_new(STORE_APPEND);

	op->io.result = r->id;
	op->io.index = index;
	op->io.stream = s;
	op->io.offset = offset;
	buf_put(&op->io.bytes, b.p, b.n);
	op->arg = r->c;
	op->done = append_done;
	store_put(r->c->store, op);
}

static void put_adopt(struct result *r, uint32_t index, enum stream s,
		      uint64_t offset, uint64_t length, const char *name)
{
	struct store_op *op = store_op_new(STORE_ADOPT);

	op->io.result = r->id;
	op->io.index = index;
	op->io.stream = s;
	op->io.offset = offset;
	op->io.length = length;
	op->io.name = xstrdup(name);
	op->arg = r->c;
	op->done = append_done;
	store_put(r->c->store, op);
}

/* What is known of the task's outputs, when `offset` is where this one goes on. */
static struct outputs *outputs_at(struct task *t, enum stream s, uint64_t offset)
{
	struct outputs *out = t->out;

	/* A finished result never changes. */
	if (state_is_final((enum state)t->state))
		return NULL;
	if (!out)
		out = t->out = zalloc(sizeof(*out));
	if (offset == 0 && out->of[s].size) {
		/* After a restart an engine sends the output from its beginning
		 * again. */
		buf_clear(&out->of[s].mem);
		out->of[s].size = 0;
		out->of[s].in_file = false;
		out->of[s].err = 0;
	}
	return offset == out->of[s].size ? out : NULL;
}

static void output_grew(struct result *r, uint32_t index, enum stream s,
			uint64_t n)
{
	struct task *t = &r->task[index];

	t->out->of[s].size += n;
	t->size[s] = t->out->of[s].size;
	task_changed(r, index);
	result_changed(r, CHANGED_SIZES);
}

bool task_output(struct result *r, uint32_t index, enum stream s,
		 uint64_t offset, struct bytes b)
{
	struct outputs *out = outputs_at(&r->task[index], s, offset);

	if (!out)
		return false;
	if (!out->of[s].in_file && offset + b.n > OUTPUT_IN_MEMORY) {
		put_append(r, index, s, 0, buf_bytes(&out->of[s].mem));
		buf_done(&out->of[s].mem);
		out->of[s].in_file = true;
	}
	if (out->of[s].in_file)
		put_append(r, index, s, offset, b);
	else
		buf_put(&out->of[s].mem, b.p, b.n);
	output_grew(r, index, s, b.n);
	return true;
}

bool task_output_in(struct result *r, uint32_t index, enum stream s,
		    uint64_t offset, uint64_t length, const char *name)
{
	struct outputs *out = outputs_at(&r->task[index], s, offset);

	if (!out || (offset && !out->of[s].in_file) ||
	    length > INT64_MAX - offset)
		return false;
	out->of[s].in_file = true;
	put_adopt(r, index, s, offset, length, name);
	output_grew(r, index, s, length);
	return true;
}
