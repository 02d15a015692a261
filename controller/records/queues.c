#include "base/base.h"
#include "queues.h"

#include "clients/relayed.h"
#include "lookup.h"
#include "model/engines.h"
#include "model/results.h"
#include "model/tasks.h"
#include "schedule/run.h"
#include "store/search.h"

/* So many msg_ids of tasks without an engine are told one by one. */
#define LIMIT_UNASSIGNED 100000

/* --- targets ------------------------------------------------------------ */

static struct engine *target(struct controller *c, struct json_object *v)
{
	struct engine *e = NULL;

	if (json_object_is_type(v, json_type_int))
		e = engine_find(c, json_object_get_int64(v));
	else if (json_object_is_type(v, json_type_string))
		e = engine_by_uuid(c, bytes_str(json_object_get_string(v)));
	return e && engine_is_there(e) ? e : NULL;
}

static void add_bad(struct buf *why, struct json_object *v)
{
	const char *s = json_object_get_string(v);

	buf_puts(why, why->n ? ", " : "No Such Engine: [");
	if (json_object_is_type(v, json_type_string))
		buf_putc(why, '\'');
	buf_put_escaped(why, bytes_str(s ? s : "None"), 64);
	if (json_object_is_type(v, json_type_string))
		buf_putc(why, '\'');
}

/* The engines as an array; NULL: rq was answered with an error. */
static struct json_object *read_targets(struct controller *c,
					struct request *rq)
{
	struct json_object *v = json_get(rq->msg->content, "targets");
	struct json_object *ids = json_object_new_array();
	struct buf why = BUF_INIT;
	struct list *l;
	size_t i, n = 1;

	if (!v && !json_object_object_get_ex(rq->msg->content, "targets",
					     NULL)) {
		request_fail(rq, MSG_HUB_ERROR, 0, "KeyError", "'targets'");
		goto bad;
	}
	if (!v) {
		list_for_each(l, &c->engines->order) {
			struct engine *e = list_entry(l, struct engine, order);

			if (engine_is_there(e))
				json_push(ids, json_object_new_int64(e->id));
		}
		return ids;
	}
	if (json_object_is_type(v, json_type_array))
		n = json_object_array_length(v);
	for (i = 0; i < n; i++) {
		struct json_object *one =
			json_object_is_type(v, json_type_array)
				? json_object_array_get_idx(v, i)
				: v;
		struct engine *e = target(c, one);

		if (e)
			json_push(ids, json_object_new_int64(e->id));
		else
			add_bad(&why, one);
	}
	if (!why.n && n)
		return ids;
	buf_puts(&why, why.n ? "]" : "No Engines Registered");
	request_fail(rq, MSG_HUB_ERROR, 0, "IndexError", buf_str(&why));
	buf_done(&why);
bad:
	json_object_put(ids);
	return NULL;
}

/* --- what an engine has ------------------------------------------------- */

static bool is_direct(const struct run *run)
{
	return run->relayed && run->relayed->channel != CHANNEL_TASK;
}

/* Runs of the engine that were sent to it directly, or by the scheduler. */
static struct json_object *list_runs(const struct engine *e, bool direct)
{
	struct json_object *a = json_object_new_array();
	struct list *l;

	list_for_each(l, &e->runs) {
		struct run *run = list_entry(l, struct run, engine_link);

		if (is_direct(run) == direct &&
		    !(run->relayed && run->relayed->replied))
			json_push(a, json_text(bytes_str(run->msg_id)));
	}
	return a;
}

/* How many tasks of the engine have ended: also those whose reply is here and whose
 * output has not ended. */
static uint64_t completed(const struct engine *e)
{
	uint64_t n = e->completed;
	struct list *l;

	list_for_each(l, &e->runs) {
		struct run *run = list_entry(l, struct run, engine_link);

		n += run->relayed && run->relayed->replied;
	}
	return n;
}

static struct json_object *count_of(struct json_object *list)
{
	struct json_object *n = json_object_new_int64(
		(int64_t)json_object_array_length(list));

	json_object_put(list);
	return n;
}

static struct json_object *engine_queue(const struct engine *e, bool verbose)
{
	struct json_object *o = json_object_new_object();
	struct json_object *queue = list_runs(e, true);
	struct json_object *tasks = list_runs(e, false);

	json_add(o, "queue", verbose ? queue : count_of(queue));
	if (verbose)
		json_add(o, "completed", json_object_new_array());
	else
		json_add_int(o, "completed", (int64_t)completed(e));
	json_add(o, "tasks", verbose ? tasks : count_of(tasks));
	return o;
}

/* --- tasks without an engine -------------------------------------------- */

/* How many tasks have no engine; one that is being given to an engine counts there. */
static uint64_t count_unassigned(const struct controller *c)
{
	uint64_t n = c->results->tasks[STATE_PENDING], given = 0;
	struct map_iter it = {0};

	while (map_next(&c->runs->by_msg_id, &it)) {
		struct run *run = it.value;
		struct result *r = result_find(run->c, run->result);

		given += r && run->engine &&
			 r->task[run->index].state == STATE_PENDING;
	}
	return n > given ? n - given : 0;
}

static struct json_object *list_unassigned(struct controller *c)
{
	struct json_object *a = json_object_new_array();
	struct list *l;
	uint64_t i;

	list_for_each(l, &c->results->order) {
		struct result *r = list_entry(l, struct result, by_id);

		for (i = 0; r->count[STATE_PENDING] && i < r->ntasks; i++) {
			struct task_id id = {r->id, (uint32_t)i,
					     r->task[i].attempt + 1U};
			char text[TASK_ID_SIZE];

			if (!task_is_waiting(&r->task[i]))
				continue;
			if (json_object_array_length(a) >= LIMIT_UNASSIGNED)
				return a;
			task_id_format(c->cluster, &id, text);
			json_push(a, json_text(bytes_str(
					     r->relayed ? r->relayed->msg_id
						     : text)));
		}
	}
	return a;
}

/* --- queue_request ------------------------------------------------------ */

/* Puts what ended on the engines that were asked for into the answer. */
struct history {
	struct request *rq;
	struct json_object *content;
};

static void add_ended(struct controller *c, struct json_object *content,
		      const struct record *rec)
{
	struct json_object *uuid = json_parse(
		bytes_str(rec->value[REC_ENGINE_UUID]), NULL);
	const char *s = json_object_get_string(uuid);
	struct engine *e = s ? engine_by_uuid(c, bytes_str(s)) : NULL;
	char id[24];

	if (e) {
		snprintf(id, sizeof(id), "%lld", (long long)e->id);
		json_push(json_get_array(json_get_object(content, id),
					 "completed"),
			  json_parse(bytes_str(rec->value[REC_MSG_ID]), NULL));
	}
	json_object_put(uuid);
}

static void history_found(struct store_op *op)
{
	struct history *h = op->arg;
	struct record_query *q = op->query;
	size_t i;

	for (i = 0; i < q->n; i++)
		add_ended(h->rq->c, h->content, &q->found[i]);
	record_query_free(q);
	request_reply(h->rq, MSG_QUEUE_REPLY, h->content, NULL, 0);
	free(h);
}

static void add_history(struct request *rq, struct json_object *content,
			struct json_object *ids)
{
	struct record_query *q = record_query_new(REC_BIT(REC_MSG_ID) |
						  REC_BIT(REC_ENGINE_UUID));
	struct history *h = xmalloc(sizeof(*h));
	size_t i, n = json_object_array_length(ids);

	*h = (struct history){rq, content};
	buf_puts(&q->where, "completed IS NOT NULL AND engine_uuid IN (");
	for (i = 0; i < n; i++) {
		struct engine *e = engine_find(
			rq->c, json_object_get_int64(
				       json_object_array_get_idx(ids, i)));

		buf_puts(&q->where, i ? ",?" : "?");
		json_push(q->args, json_text(engine_ident(e)));
	}
	buf_putc(&q->where, ')');
	store_query(rq->c->store, q, history_found, h);
}

/* Adds what `of` says of each engine, under the engine's id. */
static void add_each(struct controller *c, struct json_object *to,
		     struct json_object *ids,
		     struct json_object *(*of)(const struct engine *e,
					       bool verbose),
		     bool verbose)
{
	size_t i;

	for (i = 0; i < json_object_array_length(ids); i++) {
		int64_t n = json_object_get_int64(
			json_object_array_get_idx(ids, i));
		char id[24];

		snprintf(id, sizeof(id), "%lld", (long long)n);
		json_add(to, id, of(engine_find(c, n), verbose));
	}
}

void stock_on_queue(struct controller *c, struct request *rq)
{
	bool verbose = stock_true(json_get(rq->msg->content, "verbose"));
	struct json_object *ids = read_targets(c, rq), *o;

	if (!ids)
		return;
	o = ok_content(c, false);
	add_each(c, o, ids, engine_queue, verbose);
	if (verbose) {
		json_add(o, "unassigned", list_unassigned(c));
		add_history(rq, o, ids);
	} else {
		json_add_int(o, "unassigned", (int64_t)count_unassigned(c));
		request_reply(rq, MSG_QUEUE_REPLY, o, NULL, 0);
	}
	json_object_put(ids);
}

static struct json_object *engine_load(const struct engine *e, bool verbose)
{
	(void)verbose;
	return json_object_new_int64(e->load);
}

void stock_on_load(struct controller *c, struct request *rq)
{
	struct json_object *ids = read_targets(c, rq), *o;

	if (!ids)
		return;
	o = ok_content(c, false);
	add_each(c, o, ids, engine_load, false);
	json_object_put(ids);
	request_reply(rq, MSG_LOAD_REPLY, o, NULL, 0);
}

void stock_on_become_dask(struct controller *c, struct request *rq)
{
	(void)c;
	request_fail(rq, MSG_HUB_ERROR, 0, "NotImplementedError",
		     "this controller is no Python program: it cannot become "
		     "a scheduler of dask");
}

void stock_on_stop_distributed(struct controller *c, struct request *rq)
{
	request_reply(rq, MSG_STOP_DISTRIBUTED_REPLY, ok_content(c, false),
		      NULL, 0);
}
