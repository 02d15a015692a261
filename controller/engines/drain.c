#include "base/base.h"
#include "drain.h"

#include "base/log.h"
#include "base/parse.h"
#include "schedule/ahead.h"
#include "schedule/sched.h"

/* why: what the engine itself said; NULL: somebody gave the order, or draining ends. */
static void set_draining(struct engine *e, bool draining, const char *why)
{
	bool same = e->draining == draining;

	free(e->drain_why);
	e->drain_why = str_copy(why);
	engine_changed(e);
	if (same)
		return;
	e->draining = draining;
	if (draining)
		ahead_recall_engine(e);
	log_info(draining ? "engine drains" : "engine takes tasks again",
		 log_int("engine", e->id), log_str("why", why));
	sched_tell_waiting(e->c, e->id);
	sched_kick(e->c);
}

void drain_begin(struct engine *e)
{
	set_draining(e, true, NULL);
}

void drain_let_go(struct engine *e, const char *why)
{
	set_draining(e, true, why);
}

void drain_end(struct engine *e)
{
	set_draining(e, false, NULL);
}

void drain_because(struct engine *e, const char *why)
{
	log_warning("an engine is given no more tasks",
		    log_int("engine", e->id), log_str("why", why));
	set_draining(e, true, why);
	drain_store(e->c, NULL, NULL);
}

void drain_on_told(struct engine *e, const struct msg *m)
{
	size_t n;
	const char *why = json_get_str(m->content, "why", &n);
	char *text;

	if (!e->kind->tells_health || !why)
		return;
	text = xmemdup_nul(why, min_u64(n, LIMIT_ERROR));
	/* The text is a line of a file, in the store and in the mount. */
	text[strcspn(text, "\n")] = '\0';
	drain_because(e, text);
	free(text);
}

/* Appends "3 5 ", all that drain; then "5 WHY" for each that has said why. */
static void put_all(struct controller *c, struct buf *out)
{
	struct list *l;

	list_for_each(l, &c->engines->order) {
		struct engine *e = list_entry(l, struct engine, order);

		if (e->draining)
			buf_printf(out, "%lld ", (long long)e->id);
	}
	list_for_each(l, &c->engines->order) {
		struct engine *e = list_entry(l, struct engine, order);

		if (e->draining && e->drain_why)
			buf_printf(out, "\n%lld %s", (long long)e->id,
				   e->drain_why);
	}
}

void drain_store(struct controller *c, void (*done)(struct store_op *op),
		 void *arg)
{
	struct store_op *op = store_op_new(STORE_META);
	struct buf ids = BUF_INIT;

	put_all(c, &ids);
	op->meta.key = "draining";
	op->meta.value = xstrdup(ids.n ? buf_str(&ids) : "");
	op->arg = arg;
	op->done = done;
	buf_done(&ids);
	store_put(c->store, op);
}

static struct engine *take_engine(struct controller *c, struct bytes word)
{
	uint64_t id;

	return parse_u64(word, 0, INT64_MAX, &id) ? NULL
						  : engine_find(c, (int64_t)id);
}

void drain_load(struct controller *c)
{
	char *text = store_meta(c->store, "draining");
	struct bytes rest = bytes_str(text ? text : ""), line, word;
	struct engine *e;

	if (parse_line(&rest, &line))
		while ((word = parse_word(&line)).n)
			if ((e = take_engine(c, word)))
				set_draining(e, true, NULL);
	while (parse_line(&rest, &line)) {
		e = take_engine(c, parse_word(&line));
		if (e && line.n && e->draining)
			e->drain_why = xmemdup_nul((const char *)line.p + 1,
						   line.n - 1);
	}
	free(text);
}
