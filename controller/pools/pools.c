#include "base/base.h"
#include "pools.h"

#include "command.h"
#include "demand.h"
#include "hooks.h"
#include "launch.h"
#include "members.h"
#include "model/clock.h"
#include "model/engines.h"
#include "model/ready.h"
#include "pool_json.h"
#include "why.h"

/* It is looked so often at most; and at least, while there are pools. */
#define EVERY (50 * USEC_PER_MSEC)
#define TICK (500 * USEC_PER_MSEC)
/* Nothing is put off for longer. */
#define UNTIL_MAX (600 * (int64_t)USEC_PER_SEC)

/* --- what there is ------------------------------------------------------------ */

static void count_member(struct plan *n, const struct member *m, uint64_t idle)
{
	n->have++;
	n->leaving += m->told != 0;
	n->fresh += member_is_fresh(m);
	n->free += member_is_free(m);
	n->idle += member_is_idle(m, idle);
}

static bool count_launch(struct pool *p, const struct launch *l)
{
	uint64_t coming = launch_coming(l), idle = pool_number(p, "idle");
	const struct list *at;

	/* One that is being cancelled may be in the queue until that is done. */
	if (l->state == LAUNCH_ENDING && l->cancelled)
		coming = 0;
	p->plan.coming += coming;
	if (l->state == LAUNCH_ENDING)
		p->plan.dying += coming;
	list_for_each(at, &l->members)
		count_member(&p->plan, list_entry(at, struct member, link), idle);
	return l->state == LAUNCH_LAUNCHING;
}

static void count(struct pool *p)
{
	enum pool_state state = pool_state(p);
	const struct list *at;
	bool launching = false;

	p->plan = (struct plan){
		.min = pool_number(p, "min"),
		.max = pool_number(p, "max"),
		.backlog = pool_number(p, "backlog"),
		.claims = p->made && !p->removing &&
			  (state == POOL_READY || state == POOL_WAITING),
		.keeps = p->paused,
	};
	list_for_each(at, &p->launches)
		launching |= count_launch(p, list_entry(at, struct launch, link));
	p->plan.launches = p->plan.claims && state == POOL_READY && !launching &&
			   !launches_busy(p->c) && !store_is_full(p->c->store);
	plan_begin(&p->plan);
}

/* --- what is to be done ----------------------------------------------------------- */

/* Launches that nobody has wanted for long are cancelled, the last ones first. Without a
 * way to do that they stay, and count. */
static void cancel_spare(struct pool *p)
{
	uint64_t spare = p->plan.spare, now = mono_usec();
	uint64_t idle = pool_number(p, "idle");
	struct list *at, *tmp;

	for (at = p->launches.prev; at != &p->launches; at = tmp) {
		struct launch *l = list_entry(at, struct launch, link);
		uint64_t coming = launch_coming(l);

		tmp = at->prev;
		if (l->state == LAUNCH_ENDING || l->state == LAUNCH_LAUNCHING ||
		    !list_empty(&l->members) || !coming || coming > spare ||
		    p->paused) {
			l->spare = 0;
			continue;
		}
		spare -= coming;
		if (!l->spare)
			l->spare = now;
		if (now - l->spare >= idle && pool_option_text(p, "cancel"))
			launch_cancel(l);
	}
}

static void tend(struct pool *p)
{
	struct list *at, *tmp;

	list_for_each_safe(at, tmp, &p->launches)
		launch_tend(list_entry(at, struct launch, link));
}

/* A pool whose engines work has not failed; one that is stopped waits for somebody. */
static void see_whether_it_works(struct pool *p)
{
	const struct list *at, *k;
	bool works = false;

	list_for_each(at, &p->launches)
		list_for_each(k, &list_entry(at, struct launch, link)->members) {
			struct member *m = list_entry(k, struct member, link);
			bool was = m->proven;

			works |= member_works(m) && !was;
		}
	if (works && p->failures && p->failures < POOL_FAILURES)
		pool_recover(p);
}

static void act(struct pool *p)
{
	plan_decide(&p->plan);
	if (p->plan.launch)
		launch_begin(p, p->plan.launch);
	members_let_go(p, p->plan.let_go, pool_number(p, "idle"));
	cancel_spare(p);
}

static void each(struct controller *c, void (*f)(struct pool *p))
{
	struct list *at, *tmp;

	list_for_each_safe(at, tmp, &c->pools->all)
		f(list_entry(at, struct pool, link));
}

static void look(struct work *w)
{
	struct pools *pools = container_of(w, struct pools, look);
	struct controller *c = pools->c;
	uint64_t since = mono_usec() - pools->looked;

	if (since < EVERY) {
		if (!timer_is_set(&pools->soon))
			timer_set(c->loop, &pools->soon, EVERY - since);
		return;
	}
	pools->looked = mono_usec();
	each(c, see_whether_it_works);
	each(c, tend);
	each(c, count);
	demand_share(c);
	each(c, act);
	pools_tell_tasks(c);
	pools_tell(c);
	if (list_empty(&pools->all))
		timer_cancel(&pools->tick);
	else
		timer_set(c->loop, &pools->tick, TICK);
}

static void soon(struct timer *t)
{
	struct pools *pools = container_of(t, struct pools, soon);

	loop_defer(pools->c->loop, &pools->look);
}

static void tick(struct timer *t)
{
	struct pools *pools = container_of(t, struct pools, tick);

	loop_defer(pools->c->loop, &pools->look);
}

static void tasks_wait(struct controller *c)
{
	if (!list_empty(&c->pools->all))
		loop_defer(c->loop, &c->pools->look);
}

/* --- from start to end ------------------------------------------------------------ */

void pools_init(struct controller *c)
{
	struct pools *pools = c->pools = zalloc(sizeof(*pools));

	pools->c = c;
	pools->next_launch = 1;
	list_init(&pools->all);
	/* When all that can run has been given to an engine. */
	pools->look = (struct work){.run = look, .last = true};
	pools->soon.fire = soon;
	pools->tick.fire = tick;
	c->ready->waits = tasks_wait;
	c->ready->started = pools_put_started;
}

static struct pool *pool_by_id(const struct controller *c, int64_t id)
{
	const struct list *at;

	list_for_each(at, &c->pools->all) {
		struct pool *p = list_entry(at, struct pool, link);

		if (p->id == id)
			return p;
	}
	return NULL;
}

static void load_options(struct pool *p, const char *text)
{
	struct json_object *o = json_parse(bytes_str(text), NULL);
	const struct pool_option *row;

	for (row = pool_options; row->name; row++) {
		struct bytes value = json_get_bytes(o, row->name);

		if (value.p)
			pool_set_option(p, row, value);
	}
	json_object_put(o);
}

static void load_pool(void *arg, const struct pool_row *row)
{
	struct controller *c = arg;
	struct pool *p = pool_new(c, row->id, row->name);
	struct json_object *has =
		row->resources ? json_parse(bytes_str(row->resources), NULL) : NULL;
	int64_t latest = clock_now(c) + UNTIL_MAX;

	p->made = true;
	p->paused = row->paused;
	p->failures = (uint64_t)row->failures;
	p->until = row->until > latest ? latest : row->until;
	p->why = str_copy(row->why);
	p->slots = (unsigned)row->slots;
	/* The store has looked at it. */
	(void)!amounts_read(&p->has, has);
	json_object_put(has);
	load_options(p, row->options);
}

static void load_launch(void *arg, const struct launch_row *row)
{
	struct controller *c = arg;
	struct pool *p = pool_by_id(c, row->pool);
	struct launch *l = p ? launch_new(p, row->id, row->token) : NULL;

	if (!l)
		return;
	l->count = (uint64_t)row->count;
	l->registered = (uint64_t)row->registered;
	l->state = (enum launch_state)row->state;
	l->since = row->since;
	l->job = str_copy(row->job);
	if (l->id >= c->pools->next_launch)
		c->pools->next_launch = l->id + 1;
	launch_resume(l);
}

int pools_load(struct controller *c, struct buf *why)
{
	struct store_visitor v = {.pool = load_pool, .launch = load_launch, .arg = c};
	char *next = store_meta(c->store, "next_launch");
	int err;

	if (next)
		c->pools->next_launch = max_i64(1, strtoll(next, NULL, 10));
	free(next);
	err = store_load_pools(c->store, &v, why);
	if (err)
		return err;
	c->pools->loaded = true;
	pools_take_engines(c);
	tasks_wait(c);
	return 0;
}

static void free_launches(struct pool *p)
{
	while (!list_empty(&p->launches)) {
		struct launch *l = list_first(&p->launches, struct launch, link);

		command_free(l->command);
		l->command = NULL;
		while (!list_empty(&l->members))
			member_free(list_first(&l->members, struct member, link));
		launch_free(l);
	}
}

void pools_done(struct controller *c)
{
	struct pools *pools = c->pools;

	c->ready->waits = NULL;
	c->ready->started = NULL;
	while (!list_empty(&pools->all)) {
		struct pool *p = list_first(&pools->all, struct pool, link);

		free_launches(p);
		pool_free(p);
	}
	work_cancel(&pools->look);
	timer_cancel(&pools->soon);
	timer_cancel(&pools->tick);
	map_done(&pools->by_name);
	map_done(&pools->launch_by_id);
	map_done(&pools->launch_by_token);
	map_done(&pools->members);
	free(pools);
	c->pools = NULL;
}
