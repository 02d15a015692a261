#include "base/base.h"
#include "members.h"

#include "base/log.h"
#include "engines/drain.h"
#include "engines/orders.h"
#include "model/engines.h"

/* One that was told to end, and has not, is told again. */
#define TOLD_AGAIN (10 * USEC_PER_SEC)

struct member *member_of(const struct engine *e)
{
	return map_get_u64(&e->c->pools->members, (uint64_t)e->id);
}

struct member *member_new(struct launch *l, struct engine *e, bool here)
{
	struct member *m = zalloc(sizeof(*m));
	uint64_t now = mono_usec();

	m->launch = l;
	m->engine = e;
	m->since = here ? now : 0;
	m->idle = now;
	m->proven = !here;
	list_add_tail(&l->members, &m->link);
	map_put_u64(&e->c->pools->members, (uint64_t)e->id, m);
	e->c->count.pool_engines++;
	pool_changed(l->pool);
	return m;
}

void member_free(struct member *m)
{
	struct controller *c = m->engine->c;

	pool_changed(m->launch->pool);
	map_remove_u64(&c->pools->members, (uint64_t)m->engine->id);
	c->count.pool_engines--;
	list_del(&m->link);
	free(m);
}

bool member_is_free(const struct member *m)
{
	const struct engine *e = m->engine;

	return e->state == ENGINE_LIVE && !e->load && !e->elsewhere && !m->told;
}

bool member_is_idle(const struct member *m, uint64_t usec)
{
	return member_is_free(m) && m->idle && mono_usec() - m->idle >= usec;
}

bool member_is_fresh(const struct member *m)
{
	return m->engine->state != ENGINE_LIVE && !m->engine->given_up && !m->told;
}

bool member_works(struct member *m)
{
	m->proven |= m->engine->completed > 0 ||
		     (m->engine->state == ENGINE_LIVE &&
		      mono_usec() - m->since >= m->engine->c->config.pool_proof);
	return m->proven;
}

/* --- ends ------------------------------------------------------------------- */

void member_stop(struct member *m, const char *why)
{
	uint64_t now = mono_usec();
	struct engine *e = m->engine;

	/* One that joins is told when it has joined. */
	if (member_is_fresh(m) || (m->told && now - m->told < TOLD_AGAIN))
		return;
	if (!m->told)
		log_info("an engine of a pool is let go", log_int("engine", e->id),
			 log_str("launch", m->launch->token), log_str("why", why));
	m->told = now;
	drain_let_go(e, why);
	order_stop(e);
}

void members_stop(struct launch *l, const char *why)
{
	struct list *at, *tmp;

	list_for_each_safe(at, tmp, &l->members)
		member_stop(list_entry(at, struct member, link), why);
}

uint64_t members_forget_lost(struct launch *l, uint64_t most)
{
	struct list *at, *tmp;
	uint64_t n = 0;

	list_for_each_safe(at, tmp, &l->members) {
		struct member *m = list_entry(at, struct member, link);

		if (n >= most || !m->engine->given_up)
			continue;
		order_stop(m->engine);
		n++;
	}
	return n;
}

static uint64_t let_go(struct launch *l, uint64_t n, uint64_t idle)
{
	struct list *at, *tmp;

	list_for_each_safe(at, tmp, &l->members) {
		struct member *m = list_entry(at, struct member, link);

		if (!n || !member_is_idle(m, idle))
			continue;
		member_stop(m, "let go: it had nothing to do");
		n--;
	}
	return n;
}

void members_let_go(struct pool *p, uint64_t n, uint64_t idle)
{
	struct list *l;

	list_for_each(l, &p->launches)
		n = let_go(list_entry(l, struct launch, link), n, idle);
	list_for_each(l, &p->launches)
		n = let_go(list_entry(l, struct launch, link), n, 0);
}
