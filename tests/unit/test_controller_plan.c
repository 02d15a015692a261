/* What pools are to do: a table, and a walk at random. */
#include "tests/unit/unit.h"

#include "pools/plan.h"

/* The tasks that wait: how many, and how many of them fit one engine. */
struct want {
	uint64_t tasks, fits;
};

static void decide(struct plan *p, struct want w)
{
	plan_begin(p);
	if (w.tasks) {
		uint64_t n = min_u64(w.tasks, plan_room(p, w.fits));

		plan_take(p, w.fits, n);
		plan_want(p, w.fits, w.tasks - n);
	}
	plan_decide(p);
}

#define ABLE .claims = true, .launches = true

static const struct {
	const char *what;
	struct plan p;
	struct want want;
	uint64_t wanted, launch, let_go, spare;
} rows[] = {
	{"nothing waits", {ABLE, .max = 10, .backlog = 4}, {0, 1}, 0, 0, 0, 0},
	{"one waits", {ABLE, .max = 10, .backlog = 4}, {1, 1}, 1, 1, 0, 0},
	{"backlog", {ABLE, .max = 10, .backlog = 4}, {20, 1}, 20, 4, 0, 0},
	{"max", {ABLE, .max = 3, .backlog = 4}, {20, 1}, 20, 3, 0, 0},
	{"max 0", {ABLE, .max = 0, .backlog = 4}, {20, 1}, 20, 0, 0, 0},
	{"slots", {ABLE, .max = 10, .backlog = 4}, {9, 4}, 3, 3, 0, 0},
	{"slots, all full", {ABLE, .max = 10, .backlog = 4}, {8, 4}, 2, 2, 0, 0},
	{"slots of three", {ABLE, .max = 10, .backlog = 4}, {3, 3}, 1, 1, 0, 0},
	{"large tasks", {ABLE, .max = 100, .backlog = 100}, {65536, 65536}, 1, 1, 0, 0},
	{"those that come are not asked for again",
	 {ABLE, .max = 10, .backlog = 4, .coming = 3}, {3, 1}, 3, 0, 0, 0},
	{"more than come", {ABLE, .max = 10, .backlog = 4, .coming = 3}, {9, 1}, 9, 1, 0, 0},
	{"those that join take some",
	 {ABLE, .max = 10, .backlog = 4, .have = 2, .fresh = 2}, {3, 1}, 3, 1, 0, 0},
	{"those that are there are busy",
	 {ABLE, .max = 10, .backlog = 4, .have = 2}, {3, 1}, 3, 3, 0, 0},
	{"all there, and coming", {ABLE, .max = 4, .backlog = 4, .have = 2, .coming = 2},
	 {9, 1}, 9, 0, 0, 0},
	{"max counts those that go, too",
	 {ABLE, .max = 4, .backlog = 4, .have = 4, .leaving = 2}, {9, 1}, 9, 0, 0, 0},
	{"and those that are being cancelled",
	 {ABLE, .max = 4, .backlog = 4, .coming = 4, .dying = 3}, {9, 1}, 9, 0, 0, 0},
	{"min", {ABLE, .min = 2, .max = 10, .backlog = 4}, {0, 1}, 0, 2, 0, 0},
	{"min, some there", {ABLE, .min = 3, .max = 10, .backlog = 4, .have = 1, .coming = 1},
	 {0, 1}, 0, 1, 0, 0},
	{"min, and one of them goes",
	 {ABLE, .min = 2, .max = 10, .backlog = 4, .have = 2, .leaving = 1}, {0, 1}, 0, 1, 0, 0},
	{"min above max", {ABLE, .min = 9, .max = 2, .backlog = 4}, {0, 1}, 0, 2, 0, 0},
	{"min and tasks are not added up",
	 {ABLE, .min = 2, .max = 10, .backlog = 4}, {3, 1}, 3, 3, 0, 0},
	{"it cannot launch now", {.claims = true, .max = 10, .backlog = 4}, {3, 1}, 3, 0, 0, 0},
	{"it is stopped", {.max = 10, .backlog = 4}, {3, 1}, 3, 0, 0, 0},
	{"stopped, and some come",
	 {.max = 10, .backlog = 4, .coming = 2}, {3, 1}, 3, 0, 0, 0},
	{"idle", {ABLE, .max = 10, .backlog = 4, .have = 3, .free = 3, .idle = 2}, {0, 1}, 0, 0, 2, 0},
	{"idle, min", {ABLE, .min = 2, .max = 10, .backlog = 4, .have = 3, .free = 3, .idle = 3},
	 {0, 1}, 0, 0, 1, 0},
	{"idle, some go already",
	 {ABLE, .min = 1, .max = 10, .backlog = 4, .have = 3, .leaving = 2, .free = 1, .idle = 1},
	 {0, 1}, 0, 0, 0, 0},
	{"more than max", {ABLE, .max = 1, .backlog = 4, .have = 3, .free = 1}, {0, 1}, 0, 0, 1, 0},
	{"a paused one keeps all", {.max = 1, .backlog = 4, .have = 3, .free = 3, .idle = 3,
	 .keeps = true}, {0, 1}, 0, 0, 0, 0},
	{"nobody wants those that come", {ABLE, .max = 10, .backlog = 4, .coming = 4}, {1, 1}, 1, 0, 0, 3},
	{"but min does", {ABLE, .min = 2, .max = 10, .backlog = 4, .coming = 4}, {0, 1}, 0, 0, 0, 2},
	{"backlog was lowered", {ABLE, .max = 10, .backlog = 1, .coming = 3}, {9, 1}, 9, 0, 0, 0},
};

static void test_table(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct plan p = rows[i].p;

		decide(&p, rows[i].want);
		if (p.wanted != rows[i].wanted || p.launch != rows[i].launch ||
		    p.let_go != rows[i].let_go || p.spare != rows[i].spare)
			fail_msg("%s: wanted %llu, launch %llu, let_go %llu, spare %llu",
				 rows[i].what, (unsigned long long)p.wanted,
				 (unsigned long long)p.launch,
				 (unsigned long long)p.let_go,
				 (unsigned long long)p.spare);
	}
}

/* Several kinds of tasks share engines. */
static void test_kinds(void **state)
{
	struct plan p = {ABLE, .max = 2, .backlog = 4};

	(void)state;
	plan_begin(&p);
	assert_int_equal(plan_room(&p, 1), 2);
	assert_int_equal(plan_room(&p, 4), 8);
	plan_take(&p, 4, 2);
	assert_int_equal(plan_room(&p, 1), 1);
	plan_take(&p, 2, 1);
	assert_int_equal(plan_room(&p, 4), 4);
	plan_decide(&p);
	assert_int_equal(p.wanted, 1);
	plan_begin(&p);
	plan_take(&p, 4, 4);
	plan_take(&p, 4, 1);
	plan_decide(&p);
	assert_int_equal(p.wanted, 2);
}

/* --- a walk ------------------------------------------------------------------ */

static uint64_t seed;

static uint64_t draw(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

/* A pool whose engines do as they like. */
struct world {
	struct plan p;
	uint64_t tasks;
};

static void check(const struct world *w, uint64_t most)
{
	const struct plan *p = &w->p;
	uint64_t stay = p->have - p->leaving, least = min_u64(p->min, p->max);

	if (p->launch) {
		assert_true(p->launches);
		assert_true(p->have + p->coming + p->launch <= p->max);
		assert_true(p->coming + p->launch <= p->backlog);
		assert_true(p->launch <= max_u64(w->tasks, least));
	}
	if (p->let_go) {
		assert_false(p->keeps);
		assert_true(p->let_go <= p->free);
		assert_true(stay - p->let_go >= least);
		/* It does not let go what it launches. */
		if (stay <= p->max)
			assert_true(p->let_go <= p->idle);
	}
	assert_true(p->spare <= p->coming - p->dying);
	assert_true(!p->spare || !p->launch);
	assert_true(p->have + p->coming <= max_u64(most, p->max));
}

/* What the plan says is done. */
static void do_it(struct world *w)
{
	struct plan *p = &w->p;

	p->coming += p->launch;
	p->leaving += p->let_go;
	p->free -= p->let_go;
	p->idle -= min_u64(p->idle, p->let_go);
}

static void registers(struct world *w)
{
	if (w->p.coming > w->p.dying) {
		w->p.coming--;
		w->p.have++;
		w->p.fresh++;
	}
}

static void joins(struct world *w)
{
	if (!w->p.fresh)
		return;
	w->p.fresh--;
	if (w->tasks)
		w->tasks--;
	else
		w->p.free++;
}

static void becomes_idle(struct world *w)
{
	struct plan *p = &w->p;

	if (draw(2) && p->have > p->leaving + p->fresh + p->free)
		p->free++;
	else if (p->idle < p->free)
		p->idle++;
}

static void leaves(struct world *w)
{
	if (w->p.leaving) {
		w->p.leaving--;
		w->p.have--;
	}
}

static void is_cancelled(struct world *w)
{
	struct plan *p = &w->p;

	if (draw(2) && p->dying < p->coming) {
		p->dying++;
	} else if (p->dying) {
		p->dying--;
		p->coming--;
	}
}

static void is_set(struct world *w)
{
	w->p.min = draw(8);
	w->p.max = draw(12);
	w->p.backlog = 1 + draw(6);
	w->p.claims = draw(8) != 0;
	w->p.launches = w->p.claims && draw(4) != 0;
	w->p.keeps = draw(8) == 0;
}

static void test_walk(void **state)
{
	static void (*const steps[])(struct world *w) = {
		registers, joins, becomes_idle, leaves, is_cancelled, is_set,
		registers, joins,
	};
	struct world w = {.p = {ABLE, .max = 5, .backlog = 2}};
	uint64_t i, most = 0;

	(void)state;
	seed = 88172645463325252ULL;
	for (i = 0; i < 300000; i++) {
		uint64_t fits = 1 + draw(3);

		if (draw(3) == 0)
			w.tasks = draw(40);
		steps[draw(ARRAY_SIZE(steps))](&w);
		most = max_u64(w.p.have + w.p.coming, w.p.max);
		decide(&w.p, (struct want){w.tasks, fits});
		check(&w, most);
		do_it(&w);
		/* Nothing is launched twice for the same tasks. */
		decide(&w.p, (struct want){w.tasks, fits});
		if (w.p.coming < w.p.backlog)
			assert_int_equal(w.p.launch, 0);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_table),
	cmocka_unit_test(test_kinds),
	cmocka_unit_test(test_walk),
};

UNIT_MAIN(tests)
