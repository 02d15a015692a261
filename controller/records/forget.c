#include "base/base.h"
#include "forget.h"

#include "clients/relayed.h"
#include "lookup.h"
#include "model/engines.h"
#include "model/results.h"
#include "schedule/lifetime.h"
#include "stock.h"

/*
 * purge_request: results that have ended go, here and in the store. A task
 * whose client has the reply has ended for that client, though its output may
 * not have: it ends here now.
 */
struct forget {
	struct request *rq;
	struct json_object *content;
	bool all;
	struct named_tasks tasks;
	size_t waiting;
	char *bad_engine;	/* why not all could be done; or NULL */
	int err;
};

static void forget_free(struct forget *f)
{
	named_tasks_done(&f->tasks);
	free(f->bad_engine);
	json_object_put(f->content);
	free(f);
}

static void fail(struct forget *f, const char *ename, const char *why)
{
	request_fail(f->rq, MSG_PURGE_REPLY, 0, ename, why);
	forget_free(f);
}

static void one_done(void *arg, int err)
{
	struct forget *f = arg;

	f->err = f->err ? f->err : err;
	if (--f->waiting)
		return;
	if (f->bad_engine) {
		fail(f, "IndexError", f->bad_engine);
		return;
	}
	if (f->err) {
		fail(f, "RuntimeError", "not all could be purged from the store");
		return;
	}
	request_reply(f->rq, MSG_PURGE_REPLY, ok_content(f->rq->c, false),
		      NULL, 0);
	forget_free(f);
}

static void purge(struct forget *f, struct result *r)
{
	if (state_is_final(result_state(r)) &&
	    result_purge(r, one_done, f) == 0)
		f->waiting++;
}

/* --- which -------------------------------------------------------------- */

/* The msg_id of a named task that has not ended; NULL: all have. */
static const char *find_pending(const struct forget *f)
{
	size_t i;

	for (i = 0; i < f->tasks.n; i++) {
		struct result *r = result_find(f->rq->c, f->tasks.of[i].result);

		if (r && !state_is_final((enum state)r->task
						 [f->tasks.of[i].index].state))
			return f->tasks.of[i].msg_id;
	}
	return NULL;
}

static int by_task(const void *a, const void *b)
{
	const struct named_task *s = a, *t = b;

	if (s->result != t->result)
		return s->result < t->result ? -1 : 1;
	return s->index < t->index ? -1 : s->index > t->index;
}

/* Purges results of which every task is named. */
static void purge_named(struct forget *f)
{
	const struct named_task *t = f->tasks.of;
	uint64_t named = 0;
	size_t i;

	qsort(f->tasks.of, f->tasks.n, sizeof(*t), by_task);
	for (i = 0; i < f->tasks.n; i++) {
		bool last = i + 1 == f->tasks.n || t[i + 1].result != t[i].result;
		struct result *r;

		/* Each try of a task has a name of its own. */
		named += last || t[i + 1].index != t[i].index;
		if (!last)
			continue;
		r = result_find(f->rq->c, t[i].result);
		if (r && named == r->ntasks)
			purge(f, r);
		named = 0;
	}
}

static void purge_all(struct forget *f)
{
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &f->rq->c->results->order)
		purge(f, list_entry(l, struct result, by_id));
}

/* --- those that ran on engines ------------------------------------------ */

struct ids {
	int64_t *id;	/* ascending */
	size_t n;
};

static int by_number(const void *a, const void *b)
{
	int64_t s = *(const int64_t *)a, t = *(const int64_t *)b;

	return s < t ? -1 : s > t;
}

/* Returns the first id that is no engine's (those behind it are not read); -1:
 * none. */
static int64_t read_engines(struct forget *f, struct ids *ret)
{
	struct json_object *ids = json_get_array(f->content, "engine_ids");
	size_t i, n = ids ? json_object_array_length(ids) : 0;
	int64_t bad = -1;

	*ret = (struct ids){.id = xreallocarray(NULL, n + 1, sizeof(*ret->id))};
	for (i = 0; i < n && bad < 0; i++) {
		struct json_object *v = json_object_array_get_idx(ids, i);
		int64_t id = -1;

		if (json_is_int(v, 0, INT32_MAX, &id) &&
		    engine_find(f->rq->c, id))
			ret->id[ret->n++] = id;
		else
			bad = id < 0 ? INT64_MAX : id; /* no id at all */
	}
	qsort(ret->id, ret->n, sizeof(*ret->id), by_number);
	return bad;
}

/* Whether all tasks of the result ran on these engines. */
static bool ran_on(const struct result *r, const struct ids *engines)
{
	int64_t engine = r->task[0].engine;
	uint64_t i;

	for (i = 1; i < r->ntasks; i++)
		if (r->task[i].engine != engine)
			return false;
	return bsearch(&engine, engines->id, engines->n, sizeof(engine),
		       by_number) != NULL;
}

/* Purges what ran on engines that are named. Returns the id that is no engine's; -1:
 * none. */
static int64_t purge_of_engines(struct forget *f)
{
	struct ids engines;
	int64_t bad = read_engines(f, &engines);
	struct list *l, *tmp;

	if (engines.n)
		list_for_each_safe(l, tmp, &f->rq->c->results->order) {
			struct result *r = list_entry(l, struct result, by_id);

			if (ran_on(r, &engines))
				purge(f, r);
		}
	free(engines.id);
	return bad;
}

/* --- in two turns ------------------------------------------------------- */

/* What had ended when the request came is stored now. */
static void ends_stored(struct store_op *op)
{
	struct forget *f = op->arg;
	const char *pending = find_pending(f);
	struct buf why = BUF_INIT;
	int64_t bad = -1;

	if (pending) {
		buf_puts(&why, "msg pending: ");
		stock_quoted(&why, "", bytes_str(pending));
		fail(f, "IndexError", buf_str(&why));
		buf_done(&why);
		return;
	}
	f->waiting = 1;
	if (f->all)
		purge_all(f);
	else
		purge_named(f);
	if (!f->all)
		bad = purge_of_engines(f);
	if (bad >= 0)
		f->bad_engine = xasprintf("No such engine: %lld", (long long)bad);
	one_done(f, 0);
}

static void finish_wires(struct forget *f)
{
	struct map_iter it = {0};

	while (map_next(&f->rq->c->relayed->by_msg_id, &it)) {
		struct relayed *rel = it.value;

		if (rel->replied)
			relayed_finish(rel);
	}
}

void stock_on_purge(struct controller *c, struct request *rq)
{
	struct forget *f = zalloc(sizeof(*f));
	const char *s = json_get_str(rq->msg->content, "msg_ids", NULL);
	struct store_op *op;

	f->rq = rq;
	f->content = json_object_get(rq->msg->content);
	f->all = s && strcmp(s, "all") == 0;
	if (!f->all && !named_tasks_read(c, f->content, &f->tasks) &&
	    json_get(f->content, "msg_ids")) {
		fail(f, "TypeError", "msg_ids is a list of strings, or \"all\"");
		return;
	}
	finish_wires(f);
	op = store_op_new(STORE_NOTHING);
	op->arg = f;
	op->done = ends_stored;
	store_put(c->store, op);
}
