#include "base/base.h"
#include "results.h"

#include "base/log.h"
#include "changes.h"
#include "clock.h"
#include "items.h"
#include "needs.h"
#include "queues.h"
#include "ready.h"
#include "task_array.h"
#include "wire/moment.h"
#include "wire/retry_on.h"

/* Code and stdin together up to here stay in memory while a result waits. */
#define INPUT_IN_MEMORY (64 * KIB)

void results_init(struct controller *c)
{
	c->results = zalloc(sizeof(*c->results));
	list_init(&c->results->order);
	list_init(&c->results->finished);
	c->results->next_id = 1;
	c->results->needs_one = needs_of(c, NULL);
	queues_init(c);
}

void results_done(struct controller *c)
{
	while (!list_empty(&c->results->order))
		result_free(list_first(&c->results->order, struct result, by_id));
	map_done(&c->results->by_id);
	map_done(&c->results->tokens);
	map_done(&c->results->names);
	queues_done(c);
	needs_drop(c->results->needs_one);
	map_done(&c->results->needs);
	free(c->results);
	c->results = NULL;
}

struct result *result_find(struct controller *c, uint64_t id)
{
	return map_get_u64(&c->results->by_id, id);
}

struct result *result_by_token(struct controller *c, const char *token)
{
	return map_get(&c->results->tokens, bytes_str(token));
}

static struct bytes name_key(uint32_t uid, struct bytes name)
{
	static struct buf key;

	buf_clear(&key);
	buf_put(&key, &uid, sizeof(uid));
	buf_put(&key, name.p, name.n);
	return buf_bytes(&key);
}

static struct bytes key_of(const struct result *r)
{
	return name_key(r->uid, bytes_str(r->name));
}

struct result *result_named(struct controller *c, uint32_t uid,
			    struct bytes name)
{
	return map_get(&c->results->names, name_key(uid, name));
}

void result_take_name(struct result *r)
{
	if (!r->name)
		return;
	r->older = map_put(&r->c->results->names, key_of(r), r);
	if (r->older)
		r->older->newer = r;
}

/* The result goes: the newest one before it has the name, if there is one. */
static void drop_name(struct result *r)
{
	bool newest = r->name && map_get(&r->c->results->names, key_of(r)) == r;

	if (newest && r->older)
		map_put(&r->c->results->names, key_of(r), r->older);
	else if (newest)
		map_remove(&r->c->results->names, key_of(r));
	if (r->newer)
		r->newer->older = r->older;
	if (r->older)
		r->older->newer = r->newer;
}

struct task *result_task(struct result *r, uint64_t index)
{
	return index < r->ntasks ? &r->task[index] : NULL;
}

enum state result_state(const struct result *r)
{
	enum state s = state_of(r->count);

	return r->open && state_is_final(s) ? STATE_RUNNING : s;
}

/* --- making one --------------------------------------------------------- */

static void read_retry_on(struct result *r, struct json_object *words)
{
	size_t i, n = words ? json_object_array_length(words) : 0;

	if (n)
		r->retry_on = zalloc(sizeof(*r->retry_on));
	for (i = 0; i < n; i++)
		(void)retry_on_add(r->retry_on,
				   bytes_str(json_object_get_string(
					   json_object_array_get_idx(words, i))));
}

void result_set_target(struct result *r, int64_t engine)
{
	r->targets = xreallocarray(r->targets, 1, sizeof(*r->targets));
	r->targets[0] = engine;
	r->ntargets = 1;
}

static void read_targets(struct result *r, struct json_object *ids)
{
	size_t i;

	r->ntargets = ids ? json_object_array_length(ids) : 0;
	free(r->targets);
	r->targets = r->ntargets ? xreallocarray(NULL, r->ntargets,
						 sizeof(*r->targets))
				 : NULL;
	for (i = 0; i < r->ntargets; i++)
		r->targets[i] = json_object_get_int64(
			json_object_array_get_idx(ids, i));
}

/* What it follows says where it runs, once that has run. */
static void read_followed(struct result *r)
{
	size_t i;

	for (i = 0; i < r->ndeps; i++)
		if (r->dep[i].follow && r->dep[i].met && r->dep[i].engine >= 0)
			result_set_target(r, r->dep[i].engine);
}

static void read_begin(struct result *r, struct bytes text)
{
	int64_t at;

	if (text.p && moment_parse(text, r->submitted, &at) == 0)
		r->begin = max_i64(at - r->submitted, 0);
	r->early = r->begin > 0;
}

void result_read_settings(struct result *r, struct json_object *o)
{
	r->priority = json_int_or(o, "priority", 0);
	r->retries = (uint64_t)json_int_or(o, "retries", 0);
	r->max_running = (uint64_t)json_int_or(o, "max_running", 0);
	needs_drop(r->needs);
	r->needs = needs_of(r->c, o);
	read_targets(r, json_get_array(o, "targets"));
	read_followed(r);
}

void result_read_options(struct result *r, struct json_object *o)
{
	result_read_settings(r, o);
	r->chunk = (uint64_t)json_int_or(o, "chunk", 1);
	r->halt = (uint64_t)json_int_or(o, "halt", 0);
	r->grows = json_get(o, "open") != NULL;
	r->open = json_flag(o, "open");
	r->timeout = (uint64_t)(json_real_or(o, "timeout", 0) * 1e6);
	read_begin(r, json_get_bytes(o, "begin"));
	/* That of a result that has ended may be gone. */
	queue_join(r, queue_find(r->c, json_get_bytes(o, "queue")));
	read_retry_on(r, json_get_array(o, "retry_on"));
}

char *result_options_with(const struct result *r, const char *name,
			  struct json_object *value)
{
	struct json_object *o = json_parse(bytes_str(r->options), NULL);
	struct bytes text;
	char *copy;

	json_object_object_del(o, name);
	if (value)
		json_add(o, name, json_object_get(value));
	text = json_bytes(o);
	copy = xmemdup_nul(text.p, text.n);
	json_object_put(o);
	return copy;
}

/* So many tasks came, and wait. */
static void count_new(struct result *r, uint64_t n)
{
	r->count[STATE_PENDING] += n;
	r->c->results->tasks[STATE_PENDING] += n;
	queue_count(r, STATE_NONE, STATE_PENDING, n);
}

void result_grow(struct result *r, struct bytes items, uint64_t n)
{
	uint64_t from = r->ntasks;

	r->ntasks += n;
	r->task = task_array_grow(r->task, from, r->ntasks);
	count_new(r, n);
	buf_put(&r->items, items.p, items.n);
	r->map_size = r->items.n;
	items_index_from(r, from);
}

struct result *result_make(struct controller *c, uint64_t id, uint64_t ntasks)
{
	struct result *r = zalloc(sizeof(*r));

	r->id = id;
	r->c = c;
	r->needs = needs_use(c->results->needs_one);
	r->kept = -1;
	r->ntasks = ntasks;
	r->task = task_array_new(ntasks);
	count_new(r, ntasks);
	list_init(&r->finished);
	list_init(&r->changed_link);
	list_init(&r->ready_link);
	list_add_tail(&c->results->order, &r->by_id);
	map_put_u64(&c->results->by_id, id, r);
	c->results->next_id = max_u64(c->results->next_id, id + 1);
	return r;
}

void result_set_token(struct result *r, const char *token)
{
	if (!token)
		return;
	r->token = xstrdup(token);
	map_put(&r->c->results->tokens, bytes_str(token), r);
}

struct result *result_new(struct controller *c, struct result_spec *spec)
{
	struct result *r = result_make(c, c->results->next_id, spec->ntasks);
	struct bytes options = json_bytes(spec->options);

	r->ops = spec->ops;
	r->name = spec->name ? xstrdup(spec->name) : NULL;
	result_set_token(r, spec->token);
	r->kind = spec->kind;
	r->options = xmemdup_nul(options.p, options.n);
	r->uid = spec->uid;
	r->gid = spec->gid;
	r->submitted = now_usec();
	r->born = clock_now(c);
	r->code = spec->code;
	r->stdin_ = spec->stdin_;
	r->has_stdin = spec->has_stdin;
	r->code_size = r->code.n;
	r->stdin_size = r->stdin_.n;
	r->input_here = true;
	spec->code = spec->stdin_ = (struct buf)BUF_INIT;
	r->held = json_flag(spec->options, "hold");
	result_read_options(r, spec->options);
	r->pinned = spec->pinned;
	r->items = spec->items;
	spec->items = (struct buf)BUF_INIT;
	r->map_size = r->items.n;
	items_index(r);
	return r;
}

char *result_deps_text(const struct result *r)
{
	struct buf b = BUF_INIT;
	size_t i;

	for (i = 0; i < r->ndeps && r->ops->lasts; i++)
		dep_put(&b, &r->dep[i]);
	return b.n ? buf_take(&b) : NULL;
}

struct store_op *result_store_op(const struct result *r)
{
	struct store_op *op = store_op_new(STORE_RESULT);

	op->result = (struct result_row){
		.id = r->id,
		.token = r->token ? xstrdup(r->token) : NULL,
		.name = r->name ? xstrdup(r->name) : NULL,
		.options = xstrdup(r->options),
		.deps = result_deps_text(r),
		.held = r->held,
		.kind = r->ops->kind ? r->ops->kind : r->kind,
		.tasks = r->ntasks,
		.uid = r->uid,
		.gid = r->gid,
		.submitted = r->submitted,
		.born = r->born,
		.has_stdin = r->has_stdin,
	};
	buf_put(&op->result.code, r->code.p, r->code.n);
	buf_put(&op->result.stdin_, r->stdin_.p, r->stdin_.n);
	buf_put(&op->result.items, r->items.p, r->items.n);
	return op;
}

void result_drop_input(struct result *r)
{
	buf_done(&r->code);
	buf_done(&r->stdin_);
	r->input_here = false;
}

bool result_keeps_input(const struct result *r)
{
	return r->input_here && r->code.n + r->stdin_.n <= INPUT_IN_MEMORY;
}

void result_set_stored(struct result *r)
{
	r->stored = true;
	r->c->count.submitted++;
	if (!result_keeps_input(r))
		result_drop_input(r);
	log_info("result submitted", log_int("result", (int64_t)r->id),
		 log_str("kind", r->kind), log_int("tasks", (int64_t)r->ntasks),
		 log_str("label", r->name), log_int("uid", r->uid));
	result_changed(r, CHANGED_ALL);
}

void task_free_details(struct task *t)
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
	free(d->attempts);
	free(d);
	t->details = NULL;
}

void task_drop_outputs(struct result *r, uint32_t index)
{
	struct task *t = &r->task[index];
	int i;

	for (i = 0; t->out && i < STREAM_OUTPUTS; i++)
		buf_done(&t->out->of[i].mem);
	free(t->out);
	t->out = NULL;
}

static uint64_t stored_bytes(const struct result *r)
{
	uint64_t n = r->code_size + r->stdin_size + r->record_size, i;
	int s;

	for (i = 0; i < r->ntasks; i++)
		for (s = 0; s < STREAM_OUTPUTS; s++)
			n += r->task[i].size[s];
	return n;
}

void results_add_finished(struct result *r)
{
	list_add_tail(&r->c->results->finished, &r->finished);
	r->accounted = stored_bytes(r);
	r->c->results->stored_bytes += r->accounted;
	r->c->results->nfinished++;
}

void results_remove_finished(struct result *r)
{
	if (list_empty(&r->finished))
		return;
	list_del(&r->finished);
	r->c->results->stored_bytes -= r->accounted;
	r->c->results->nfinished--;
}

void result_free(struct result *r)
{
	struct controller *c = r->c;
	uint64_t i;
	int s;

	timer_cancel(&r->timeout_timer);
	timer_cancel(&r->begin_timer);
	ready_remove(r);
	queue_leave(r);
	drop_name(r);
	results_remove_finished(r);
	list_del(&r->by_id);
	list_del(&r->changed_link);
	map_remove_u64(&c->results->by_id, r->id);
	if (r->token && result_by_token(c, r->token) == r)
		map_remove(&c->results->tokens, bytes_str(r->token));
	for (s = 0; s < STATES; s++)
		c->results->tasks[s] -= r->count[s];
	if (r->ops->freed)
		r->ops->freed(r);
	for (i = 0; i < r->ntasks; i++) {
		task_free_details(&r->task[i]);
		task_drop_outputs(r, (uint32_t)i);
	}
	buf_done(&r->code);
	buf_done(&r->stdin_);
	free(r->dep);
	free(r->dependent);
	items_free(r);
	free(r->unbegun.ename);
	free(r->unbegun.evalue);
	free(r->told);
	task_array_free(r->task, r->ntasks);
	free(r->targets);
	free(r->avoid);
	free(r->name);
	free(r->token);
	free(r->options);
	free(r->retry_on);
	needs_drop(r->needs);
	free(r);
}
