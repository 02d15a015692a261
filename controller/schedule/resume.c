#include "base/base.h"
#include "resume.h"

#include "base/log.h"
#include "graph.h"
#include "lifetime.h"
#include "model/clock.h"
#include "model/engines.h"
#include "model/items.h"
#include "model/queues.h"
#include "model/ready.h"
#include "model/results.h"
#include "model/tasks.h"
#include "run.h"
#include "unbegun.h"

/* Tokens of results younger than this are known again after a restart. */
#define TOKEN_AGE (600 * 1000000LL)

/* A string that lives for ever. */
static const char *kind_of(const char *text)
{
	static const char *const kinds[] = {"task", "map", "view"};
	size_t i;

	for (i = 0; text && i < ARRAY_SIZE(kinds); i++)
		if (strcmp(text, kinds[i]) == 0)
			return kinds[i];
	return kinds[0];
}

static bool load_result(void *arg, const struct result_row *row)
{
	struct controller *c = arg;
	struct result *r = result_make(c, row->id, row->tasks);
	bool good = graph_parse(r, row->deps);
	struct json_object *o;

	r->uid = row->uid;
	r->gid = row->gid;
	r->name = str_copy(row->name);
	result_take_name(r);
	r->born = row->born;
	clock_not_before(c, r->born + row->rest_elapsed);
	if (result_age(r) < TOKEN_AGE)
		result_set_token(r, row->token);
	r->kind = kind_of(row->kind);
	r->pinned = strcmp(r->kind, "view") == 0;
	r->ops = row->kind && strcmp(row->kind, KIND_OF_CLIENTS) == 0
			 ? c->result_ops_clients
			 : &result_ops_mount;
	r->options = xstrdup(row->options ? row->options : "{}");
	r->submitted = row->submitted;
	r->has_stdin = row->has_stdin;
	r->code_size = row->code_size;
	r->stdin_size = row->stdin_size;
	r->stored = true;
	r->held = row->held;
	o = json_parse(bytes_str(r->options), NULL);
	if (!good || !row->options || !o || !json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		return false;
	}
	result_read_options(r, o);
	json_object_put(o);
	buf_put(&r->items, row->items.p, row->items.n);
	r->map_size = r->items.n;
	items_index(r);
	r->unbegun.ename = str_copy(row->rest_ename);
	r->unbegun.evalue = str_copy(row->rest_evalue);
	r->unbegun.state = row->rest_state;
	r->unbegun.when = row->rest_when;
	r->unbegun.elapsed = row->rest_elapsed;
	return true;
}

static bool load_task(void *arg, const struct task_row *row)
{
	struct controller *c = arg;
	struct result *r = result_find(c, row->result);
	struct task_row copy = *row;
	struct task *t = r ? result_task(r, row->index) : NULL;
	int i;

	if (!t || row->state <= STATE_NONE || row->state >= STATES)
		return false;
	task_set_state(r, t, (enum state)row->state);
	copy.msg_id = str_copy(row->msg_id);
	copy.engine_uuid = str_copy(row->engine_uuid);
	copy.ename = str_copy(row->ename);
	copy.evalue = str_copy(row->evalue);
	copy.traceback = str_copy(row->traceback);
	copy.cwd = str_copy(row->cwd);
	copy.attempts = str_copy(row->attempts);
	task_set_row(t, &copy);
	for (i = 0; i < STREAM_OUTPUTS; i++) {
		t->size[i] = row->size[i];
		t->in_file |= (uint8_t)(row->in_file[i] << i);
	}
	clock_not_before(c, r->born + max_i64(row->began, row->elapsed));
	t->loaded = true;
	result_count_times(r, t);
	task_shed_details(r, t);
	task_claim(r, row->index);
	if (row->state == STATE_PENDING)
		task_unclaim(r, row->index);
	return true;
}

static void load_held(void *arg, uint64_t result, uint32_t index)
{
	struct result *r = result_find(arg, result);
	struct task *t = r ? result_task(r, index) : NULL;

	if (t && !state_is_final((enum state)t->state))
		task_set_held(r, index, true);
}

static void load_record(void *arg, uint64_t result, const char *msg_id,
			uint64_t kept)
{
	struct result *r = result_find(arg, result);

	if (r)
		r->record_size = kept;
	if (r && r->ops->loaded && msg_id)
		r->ops->loaded(r, msg_id);
}

static void load_engine(void *arg, const struct engine_row *row)
{
	engine_restore(arg, row);
}

static void resume(struct result *r)
{
	uint64_t i;

	result_load_unbegun(r, (enum state)r->unbegun.state);
	if (state_is_final(result_state(r))) {
		result_set_finished(r);
		return;
	}
	for (i = 0; i < r->next; i++)
		if (r->task[i].state == STATE_RUNNING)
			run_restore(r, (uint32_t)i);
	result_wait(r);
	if (r->ops->resumed)
		r->ops->resumed(r);
	graph_resume(r);
	ready_add(r);
}

int results_resume(struct controller *c, struct buf *why)
{
	struct store_visitor v = {
		.result = load_result,
		.task = load_task,
		.held = load_held,
		.engine = load_engine,
		.record = load_record,
		.arg = c,
	};
	char *next_engine = store_meta(c->store, "next_engine");
	char *next = store_meta(c->store, "next_result");
	struct list *l, *tmp;
	uint64_t lost;
	int err;

	clock_init(c);
	queues_load(c);
	err = store_load(c->store, &v, &lost, why);
	if (next)
		c->results->next_id = max_u64(c->results->next_id,
					 strtoull(next, NULL, 10));
	if (next_engine)
		c->engines->next_id = (int64_t)max_u64((uint64_t)c->engines->next_id,
						  strtoull(next_engine, NULL,
							   10));
	free(next);
	free(next_engine);
	if (err)
		return err;
	if (lost)
		log_warning("outputs that are of no result are in lost+found",
			    log_str("dir", c->config.data),
			    log_int("files", (int64_t)lost));
	clock_keep(c);
	list_for_each_safe(l, tmp, &c->results->order)
		resume(list_entry(l, struct result, by_id));
	return 0;
}
