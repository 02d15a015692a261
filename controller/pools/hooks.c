#include "base/base.h"
#include "hooks.h"

#include "launch.h"
#include "members.h"

static bool has_pools(const struct controller *c)
{
	return c->pools && c->pools->loaded && c->pools->by_name.n;
}

static struct member *find(const struct engine *e)
{
	return has_pools(e->c) ? member_of(e) : NULL;
}

/* --- what an engine has -------------------------------------------------------- */

static bool has_the_same(const struct pool *p, const struct engine *e)
{
	size_t i;

	if (p->slots != e->slots || p->has.n != e->stocks.n)
		return false;
	for (i = 0; i < p->has.n; i++) {
		const struct stock *s = stocks_find(&e->stocks, p->has.of[i].name);

		if (!s || s->total != p->has.of[i].n)
			return false;
	}
	return true;
}

/* From now on such tasks count for the pool as could run on this engine. */
static void learn(struct pool *p, const struct engine *e)
{
	size_t i;

	if (has_the_same(p, e))
		return;
	p->slots = e->slots;
	amounts_done(&p->has);
	p->has = (struct amounts){0};
	/* An engine has no more of them than there may be. */
	for (i = 0; i < e->stocks.n; i++)
		(void)!amounts_set(&p->has, e->stocks.of[i].name,
				   e->stocks.of[i].total);
	pool_store(p, NULL, NULL);
}

/* --- it comes ---------------------------------------------------------------------- */

static struct launch *launch_of(const struct engine *e)
{
	struct launch *l = launch_by_token(e->c, bytes_str(e->launch));

	return l ? l : launch_adopt(e->c, e->launch);
}

static void known(struct engine *e)
{
	struct launch *l;

	if (!has_pools(e->c) || !e->launch || member_of(e))
		return;
	l = launch_of(e);
	if (!l)
		return;
	member_new(l, e, true);
	learn(l->pool, e);
	launch_joined(l);
}

static void joined(struct engine *e)
{
	struct member *m = find(e);

	if (!m)
		return;
	m->idle = e->load ? 0 : mono_usec();
	pool_changed(m->launch->pool);
}

static void busy(struct engine *e)
{
	struct member *m = find(e);

	if (m)
		m->idle = 0;
}

static void idle(struct engine *e)
{
	struct member *m = find(e);

	if (!m)
		return;
	m->idle = mono_usec();
	loop_defer(e->c->loop, &e->c->pools->look);
}

/* --- it goes ------------------------------------------------------------------------ */

/* One that ends soon after its registration, and has ended no task. */
static bool failed(struct member *m)
{
	return !member_works(m) && !m->told && !m->engine->replaced &&
	       mono_usec() - m->since < m->engine->c->config.pool_proof;
}

static void tell_failure(const struct member *m)
{
	const struct engine *e = m->engine;
	struct buf what = BUF_INIT;

	buf_printf(&what, "%s: engine %lld ended as soon as it had registered",
		   m->launch->token, (long long)e->id);
	if (e->ended)
		buf_printf(&what, ": %s", e->ended);
	pool_fail(m->launch->pool, buf_str(&what), m->launch->said);
	buf_done(&what);
}

static void lost(struct engine *e)
{
	struct member *m = find(e);

	if (m)
		m->launch->check_at = 0;
	if (m)
		pool_changed(m->launch->pool);
}

static void freed(struct engine *e)
{
	struct member *m = find(e);

	if (!m)
		return;
	if (failed(m))
		tell_failure(m);
	if (e->replaced && m->launch->registered)
		m->launch->registered--;
	member_free(m);
}

const struct engine_hooks pools_hooks = {
	.known = known,
	.joined = joined,
	.busy = busy,
	.idle = idle,
	.lost = lost,
	.freed = freed,
};

void pools_take_engines(struct controller *c)
{
	struct list *at;

	list_for_each(at, &c->engines->order) {
		struct engine *e = list_entry(at, struct engine, order);
		struct launch *l = e->launch && has_pools(c) ? launch_of(e) : NULL;

		if (l)
			member_new(l, e, false);
	}
}
