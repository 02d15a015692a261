#include "base/base.h"
#include "results.h"

#include "base/log.h"
#include "events.h"
#include "run.h"
#include "sched.h"

/* An output up to here is a blob of the database; a larger one is a file. */
#define OUTPUT_IN_MEMORY (64 * KIB)
/* Code and stdin together up to here stay in memory while a result waits. */
#define INPUT_IN_MEMORY (64 * KIB)
/* Tokens of results younger than this are known again after a restart. */
#define TOKEN_AGE (600 * 1000000LL)

void results_init(struct controller *c)
{
	list_init(&c->by_id);
	list_init(&c->finished);
	c->next_result = 1;
}

void results_done(struct controller *c)
{
	while (!list_empty(&c->by_id))
		result_free(list_first(&c->by_id, struct result, by_id));
	map_done(&c->results);
	map_done(&c->tokens);
}

struct result *result_find(struct controller *c, uint64_t id)
{
	return map_get_u64(&c->results, id);
}

struct result *result_by_token(struct controller *c, const char *token)
{
	return map_get(&c->tokens, bytes_str(token));
}

struct task *result_task(struct result *r, uint64_t index)
{
	return index < r->ntasks ? &r->task[index] : NULL;
}

enum state result_state(const struct result *r)
{
	return state_of(r->count);
}

/* --- making one --------------------------------------------------------- */

static void read_targets(struct result *r, struct json_object *ids)
{
	size_t i;

	if (!ids)
		return;
	r->ntargets = json_object_array_length(ids);
	r->targets = xreallocarray(NULL, r->ntargets, sizeof(*r->targets));
	for (i = 0; i < r->ntargets; i++)
		r->targets[i] = json_object_get_int64(
			json_object_array_get_idx(ids, i));
}

static void read_options(struct result *r, struct json_object *o)
{
	r->priority = json_int_or(o, "priority", 0);
	r->retries = (uint64_t)json_int_or(o, "retries", 0);
	r->timeout = (uint64_t)(json_real_or(o, "timeout", 0) * 1e6);
	read_targets(r, json_get_array(o, "targets"));
}

static void on_timeout(struct timer *t)
{
	struct result *r = container_of(t, struct result, timeout_timer);
	static const struct ending how = {
		.event = EVENT_FAIL,
		.ename = "TaskTimeout",
		.evalue = "no engine was free within the option timeout",
	};
	uint64_t i;

	for (i = 0; i < r->ntasks; i++)
		if (task_is_waiting(&r->task[i]))
			task_end_pending(r, (uint32_t)i, &how);
}

static struct result *make(struct controller *c, uint64_t id, uint64_t ntasks)
{
	struct result *r = zalloc(sizeof(*r));
	uint64_t i;

	r->id = id;
	r->c = c;
	r->ntasks = ntasks;
	r->task = zalloc(ntasks * sizeof(*r->task));
	for (i = 0; i < ntasks; i++) {
		r->task[i].state = STATE_PENDING;
		r->task[i].engine = -1;
		r->task[i].exit_status = r->task[i].signal = -1;
	}
	r->count[STATE_PENDING] = ntasks;
	c->tasks[STATE_PENDING] += ntasks;
	list_init(&r->finished);
	list_init(&r->changed_link);
	list_init(&r->ready_link);
	r->timeout_timer.fire = on_timeout;
	list_add_tail(&c->by_id, &r->by_id);
	map_put_u64(&c->results, id, r);
	c->next_result = max_u64(c->next_result, id + 1);
	return r;
}

static void set_token(struct result *r, const char *token)
{
	if (!token)
		return;
	r->token = xstrdup(token);
	map_put(&r->c->tokens, bytes_str(token), r);
}

struct result *result_new(struct controller *c, struct result_spec *spec)
{
	struct result *r = make(c, c->next_result, spec->ntasks);
	struct bytes options = json_bytes(spec->options);

	r->name = spec->name ? xstrdup(spec->name) : NULL;
	set_token(r, spec->token);
	r->kind = spec->kind;
	r->options = xstrndup(options.p, options.n);
	r->uid = spec->uid;
	r->gid = spec->gid;
	r->submitted = now_usec();
	r->code = spec->code;
	r->stdin_ = spec->stdin_;
	r->has_stdin = spec->has_stdin;
	r->code_size = r->code.n;
	r->stdin_size = r->stdin_.n;
	r->input_here = true;
	spec->code = spec->stdin_ = (struct buf)BUF_INIT;
	read_options(r, spec->options);
	if (r->timeout)
		timer_set(c->loop, &r->timeout_timer, r->timeout);
	return r;
}

struct store_op *result_store_op(const struct result *r)
{
	struct store_op *op = store_op_new(STORE_RESULT);

	op->result = (struct result_row){
		.id = r->id,
		.token = r->token ? xstrdup(r->token) : NULL,
		.name = r->name ? xstrdup(r->name) : NULL,
		.options = xstrdup(r->options),
		.kind = r->wired ? "wire" : r->kind,
		.tasks = r->ntasks,
		.uid = r->uid,
		.gid = r->gid,
		.submitted = r->submitted,
		.has_stdin = r->has_stdin,
	};
	buf_put(&op->result.code, r->code.p, r->code.n);
	buf_put(&op->result.stdin_, r->stdin_.p, r->stdin_.n);
	return op;
}

static void drop_input(struct result *r)
{
	buf_done(&r->code);
	buf_done(&r->stdin_);
	r->input_here = false;
}

void result_set_stored(struct result *r)
{
	r->stored = true;
	if (r->code.n + r->stdin_.n > INPUT_IN_MEMORY)
		drop_input(r);
	result_changed(r, CHANGED_ALL);
}

void result_doom(struct result *r)
{
	uint64_t i;
	bool busy = false;

	r->doomed = true;
	sched_remove(r);
	for (i = 0; i < r->ntasks; i++)
		busy |= !task_is_waiting(&r->task[i]);
	if (!busy)
		result_free(r);
}

static void free_details(struct task *t)
{
	struct details *d = t->details;

	if (!d)
		return;
	free(d->msg_id);
	free(d->engine_uuid);
	free(d->ename);
	free(d->evalue);
	free(d->traceback);
	free(d->cwd);
	free(d);
	t->details = NULL;
}

void task_drop_outputs(struct result *r, uint32_t index)
{
	struct task *t = &r->task[index];
	int i;

	for (i = 0; t->out && i < STREAMS; i++)
		buf_done(&t->out->of[i].mem);
	free(t->out);
	t->out = NULL;
}

static uint64_t output_bytes(const struct result *r)
{
	uint64_t n = r->code_size + r->stdin_size, i;
	int s;

	for (i = 0; i < r->ntasks; i++)
		for (s = 0; s < STREAMS; s++)
			n += r->task[i].size[s];
	return n;
}

void result_free(struct result *r)
{
	struct controller *c = r->c;
	uint64_t i;
	int s;

	timer_cancel(&r->timeout_timer);
	sched_remove(r);
	if (!list_empty(&r->finished)) {
		c->nfinished--;
		c->stored_bytes -= output_bytes(r);
	}
	list_del(&r->finished);
	list_del(&r->by_id);
	list_del(&r->changed_link);
	map_remove_u64(&c->results, r->id);
	if (r->token && result_by_token(c, r->token) == r)
		map_remove(&c->tokens, bytes_str(r->token));
	for (s = 0; s < STATES; s++)
		c->tasks[s] -= r->count[s];
	for (i = 0; i < r->ntasks; i++) {
		free_details(&r->task[i]);
		task_drop_outputs(r, (uint32_t)i);
	}
	buf_done(&r->code);
	buf_done(&r->stdin_);
	free(r->task);
	free(r->targets);
	free(r->name);
	free(r->token);
	free(r->options);
	free(r);
}

/* --- retention ---------------------------------------------------------- */

static bool too_much(const struct controller *c, const struct result *oldest)
{
	const struct config *k = &c->config;
	int64_t end = oldest->task[0].received;

	return (k->keep_results && c->nfinished > k->keep_results) ||
	       (k->keep_bytes && c->stored_bytes > k->keep_bytes) ||
	       (k->keep_age && end > 0 &&
		now_usec() - end > (int64_t)k->keep_age);
}

/* The oldest finished results go when there are too many of them. */
static void retain(struct controller *c)
{
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &c->finished) {
		struct result *r = list_entry(l, struct result, finished);

		if (r->purging)
			continue;
		if (!too_much(c, r) || result_purge(r, NULL, NULL))
			break;
		/* Not counted any more, though the store still works on it. */
		c->nfinished--;
		c->stored_bytes -= output_bytes(r);
		list_del(&r->finished);
		c->count.purged++;
	}
}

static void set_finished(struct result *r)
{
	struct controller *c = r->c;

	timer_cancel(&r->timeout_timer);
	drop_input(r);
	list_add_tail(&c->finished, &r->finished);
	c->nfinished++;
	c->stored_bytes += output_bytes(r);
	retain(c);
}

struct purge {
	struct controller *c;
	uint64_t id;
	void (*done)(void *arg, int err);
	void *arg;
};

static void purged(struct store_op *op)
{
	struct purge *p = op->arg;
	struct result *r = result_find(p->c, p->id);

	if (r && op->err) {
		r->purging = false;
	} else if (r) {
		events_purged(p->c, p->id);
		result_free(r);
	}
	if (p->done)
		p->done(p->arg, op->err);
	free(p);
}

/* The newest goes: its id must not come again after a restart. */
static void keep_next_id(struct controller *c)
{
	struct store_op *op = store_op_new(STORE_META);

	op->meta.key = "next_result";
	op->meta.value = xasprintf("%llu", (unsigned long long)c->next_result);
	store_put(c->store, op);
}

int result_purge(struct result *r, void (*done)(void *arg, int err), void *arg)
{
	struct store_op *op;
	struct purge *p;

	if (r->purging)
		return -EALREADY;
	if (!state_is_final(result_state(r)))
		return -EBUSY;
	r->purging = true;
	p = xmalloc(sizeof(*p));
	*p = (struct purge){r->c, r->id, done, arg};
	if (r->id + 1 == r->c->next_result)
		keep_next_id(r->c);
	op = store_op_new(STORE_PURGE);
	op->purge = r->id;
	op->done = purged;
	op->arg = p;
	store_put(r->c->store, op);
	return 0;
}

/* --- a task changes ----------------------------------------------------- */

static char *copy_or_null(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

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
		.exit_status = -1,
		.signal = -1,
		.user = -1,
	};

	if (d) {
		row.msg_id = copy_or_null(d->msg_id);
		row.engine_uuid = copy_or_null(d->engine_uuid);
	}
	return row;
}

static char *steal(char **s)
{
	char *got = *s;

	*s = NULL;
	return got;
}

static void take_details(struct task *t, struct task_row *row)
{
	free_details(t);
	t->details = zalloc(sizeof(*t->details));
	*t->details = (struct details){
		.msg_id = steal(&row->msg_id),
		.engine_uuid = steal(&row->engine_uuid),
		.ename = steal(&row->ename),
		.evalue = steal(&row->evalue),
		.traceback = steal(&row->traceback),
		.cwd = steal(&row->cwd),
		.user = row->user,
		.system = row->system,
		.memory = row->memory,
	};
}

/* The last bytes stay until events.c has told them. */
static void take_outputs(struct result *r, struct task_row *row)
{
	struct task *t = &r->task[row->index];
	int i;

	task_drop_outputs(r, row->index);
	t->in_file = 0;
	for (i = 0; i < STREAMS; i++) {
		t->size[i] = row->size[i];
		t->in_file |= (uint8_t)(row->in_file[i] << i);
		if (row->in_file[i] || row->bytes[i].n == 0 ||
		    row->bytes[i].n > LIMIT_INLINE)
			continue;
		if (!t->out)
			t->out = zalloc(sizeof(*t->out));
		t->out->of[i].mem = row->bytes[i];
		t->out->of[i].size = row->size[i];
		row->bytes[i] = (struct buf)BUF_INIT;
	}
}

static void set_state(struct result *r, struct task *t, enum state s)
{
	r->count[t->state]--;
	r->c->tasks[t->state]--;
	t->state = (uint8_t)s;
	r->count[s]++;
	r->c->tasks[s]++;
}

static void take_row(struct task *t, struct task_row *row)
{
	t->engine = (int32_t)row->engine;
	t->attempt = (uint16_t)row->attempt;
	t->started = row->started;
	t->completed = row->completed;
	t->received = row->received;
	t->exit_status = (int16_t)row->exit_status;
	t->signal = (int16_t)row->signal;
	t->value_is_stdout = row->value_is_stdout;
	take_details(t, row);
}

void task_apply(struct result *r, struct task_row *row, enum state_event event)
{
	struct task *t = &r->task[row->index];
	enum state s = state_next((enum state)t->state, event);

	assert(s != STATE_NONE);
	set_state(r, t, s);
	take_row(t, row);
	if (s == STATE_PENDING) {
		task_drop_outputs(r, row->index);
		task_unclaim(r, row->index);
	}
	if (state_is_final(s))
		take_outputs(r, row);
	result_changed(r, state_is_final(s) ? CHANGED_END : CHANGED_STATE);
	if (state_is_final(result_state(r)))
		set_finished(r);
}

bool task_is_waiting(const struct task *t)
{
	return t->state == STATE_PENDING && !t->claimed;
}

int64_t result_waiting_task(struct result *r)
{
	uint64_t i;

	for (i = 0; r->again && i < r->next; i++)
		if (task_is_waiting(&r->task[i]))
			return (int64_t)i;
	while (r->next < r->ntasks && !task_is_waiting(&r->task[r->next]))
		r->next++;
	return r->next < r->ntasks ? (int64_t)r->next : -1;
}

void task_claim(struct result *r, uint64_t index)
{
	if (r->task[index].claimed)
		return;
	r->task[index].claimed = true;
	if (index == r->next)
		r->next++;
	else if (index < r->next)
		r->again--;
}

void task_unclaim(struct result *r, uint64_t index)
{
	if (r->task[index].claimed && index < r->next)
		r->again++;
	r->task[index].claimed = false;
	if (!r->doomed)
		sched_add(r);
}

/* --- outputs ------------------------------------------------------------ */

static void put_append(struct result *r, uint32_t index, enum stream s,
		       uint64_t offset, struct bytes b)
{
	struct store_op *op = store_op_new(STORE_APPEND);

	op->io.result = r->id;
	op->io.index = index;
	op->io.stream = s;
	op->io.offset = offset;
	buf_put(&op->io.bytes, b.p, b.n);
	store_put(r->c->store, op);
}

bool task_output(struct result *r, uint32_t index, enum stream s,
		 uint64_t offset, struct bytes b)
{
	struct task *t = &r->task[index];
	struct outputs *out = t->out;

	if (!out)
		out = t->out = zalloc(sizeof(*out));
	if (offset == 0 && out->of[s].size) {
		/* From the beginning again, after a restart. */
		buf_clear(&out->of[s].mem);
		out->of[s].size = 0;
		out->of[s].in_file = false;
	}
	if (offset != out->of[s].size)
		return false;
	out->of[s].size += b.n;
	if (!out->of[s].in_file && out->of[s].size > OUTPUT_IN_MEMORY) {
		put_append(r, index, s, 0, buf_bytes(&out->of[s].mem));
		buf_done(&out->of[s].mem);
		out->of[s].in_file = true;
	}
	if (out->of[s].in_file)
		put_append(r, index, s, offset, b);
	else
		buf_put(&out->of[s].mem, b.p, b.n);
	t->size[s] = out->of[s].size;
	result_changed(r, CHANGED_SIZES);
	return true;
}

/* --- loading ------------------------------------------------------------ */

static void load_result(void *arg, const struct result_row *row)
{
	struct controller *c = arg;
	struct result *r = make(c, row->id, row->tasks);
	struct json_object *o = NULL;

	r->name = copy_or_null(row->name);
	if (row->submitted > now_usec() - TOKEN_AGE)
		set_token(r, row->token);
	r->kind = row->kind && strcmp(row->kind, "map") == 0 ? "map" : "task";
	r->wired = row->kind && strcmp(row->kind, "wire") == 0;
	r->options = xstrdup(row->options ? row->options : "{}");
	r->uid = row->uid;
	r->gid = row->gid;
	r->submitted = row->submitted;
	r->has_stdin = row->has_stdin;
	r->code_size = row->code_size;
	r->stdin_size = row->stdin_size;
	r->stored = true;
	o = json_parse(bytes_str(r->options), NULL);
	read_options(r, o);
	json_object_put(o);
}

static void load_task(void *arg, const struct task_row *row)
{
	struct controller *c = arg;
	struct result *r = result_find(c, row->result);
	struct task_row copy = *row;
	struct task *t = r ? result_task(r, row->index) : NULL;
	int i;

	if (!t || row->state <= STATE_NONE || row->state >= STATES) {
		log_warning("a stored task belongs to no result",
			    log_int("result", (int64_t)row->result),
			    log_int("index", row->index));
		return;
	}
	set_state(r, t, (enum state)row->state);
	copy.msg_id = copy_or_null(row->msg_id);
	copy.engine_uuid = copy_or_null(row->engine_uuid);
	copy.ename = copy_or_null(row->ename);
	copy.evalue = copy_or_null(row->evalue);
	copy.traceback = copy_or_null(row->traceback);
	copy.cwd = copy_or_null(row->cwd);
	take_row(t, &copy);
	for (i = 0; i < STREAMS; i++) {
		t->size[i] = row->size[i];
		t->in_file |= (uint8_t)(row->in_file[i] << i);
	}
	task_claim(r, row->index);
	if (row->state == STATE_PENDING)
		task_unclaim(r, row->index);
}

static void load_engine(void *arg, const struct engine_row *row)
{
	engine_restore(arg, row);
}

/* What a client sent itself is gone with the socket it came from. */
static void give_up_wired(struct result *r)
{
	static const struct ending lost = {
		.event = EVENT_FAIL,
		.ename = "EngineError",
		.evalue = "the controller ended before the task did",
	};

	if (r->wired && task_is_waiting(&r->task[0]))
		task_end_pending(r, 0, &lost);
}

static void resume(struct controller *c, struct result *r)
{
	uint64_t i;

	if (state_is_final(result_state(r))) {
		set_finished(r);
		return;
	}
	for (i = 0; i < r->next; i++)
		if (r->task[i].state == STATE_RUNNING)
			run_restore(r, (uint32_t)i);
	if (r->timeout)
		timer_set(c->loop, &r->timeout_timer, r->timeout);
	give_up_wired(r);
	sched_add(r);
}

int results_load(struct controller *c)
{
	struct store_visitor v = {
		.result = load_result,
		.task = load_task,
		.engine = load_engine,
		.arg = c,
	};
	char *next = store_meta(c->store, "next_result");
	struct list *l, *tmp;
	int err = store_load(c->store, &v);

	if (next)
		c->next_result = max_u64(c->next_result,
					 strtoull(next, NULL, 10));
	free(next);
	list_for_each_safe(l, tmp, &c->by_id)
		resume(c, list_entry(l, struct result, by_id));
	return err;
}
