#include "base/base.h"
#include "drain.h"

#include "base/log.h"
#include "base/parse.h"
#include "sched.h"

static void set_draining(struct engine *e, bool draining)
{
	if (e->draining == draining)
		return;
	e->draining = draining;
	if (draining)
		e->c->ndraining++;
	else
		e->c->ndraining--;
	log_info(draining ? "engine drains" : "engine takes tasks again",
		 log_int("engine", e->id));
	engine_changed(e);
	sched_tell_targets(e->c, e->id);
	sched_kick(e->c);
}

void drain_begin(struct engine *e)
{
	set_draining(e, true);
}

void drain_end(struct engine *e)
{
	set_draining(e, false);
}

void drain_store(struct controller *c, void (*done)(struct store_op *op),
		 void *arg)
{
	struct store_op *op = store_op_new(STORE_META);
	struct buf ids = BUF_INIT;
	struct list *l;

	list_for_each(l, &c->engine_order) {
		struct engine *e = list_entry(l, struct engine, order);

		if (e->draining)
			buf_printf(&ids, "%lld ", (long long)e->id);
	}
	op->meta.key = "draining";
	op->meta.value = xstrdup(ids.n ? buf_str(&ids) : "");
	op->arg = arg;
	op->done = done;
	buf_done(&ids);
	store_put(c->store, op);
}

void drain_load(struct controller *c)
{
	char *text = store_meta(c->store, "draining");
	struct bytes rest = bytes_str(text ? text : ""), word;
	struct engine *e;
	uint64_t id;

	while ((word = parse_word(&rest)).n) {
		e = parse_u64(word, 0, INT64_MAX, &id)
			    ? NULL
			    : engine_find(c, (int64_t)id);
		if (e)
			set_draining(e, true);
	}
	free(text);
}
