/* Tasks that need more than one slot, or other things: which engine gets them, when. */
#include "tests/unit/fake_controller.h"

#include "model/ready.h"
#include "schedule/fit.h"
#include "schedule/sched.h"
#include "steer/setting.h"
#include "schedule/why.h"

static void assert_why(const struct result *r, const char *want)
{
	struct buf why = BUF_INIT;

	why_put(r, &why);
	assert_text(buf_bytes(&why), want);
	buf_done(&why);
}

/* An engine that has this: "{'gpu': 2}". */
static struct engine *add(struct controller *c, int64_t id, unsigned slots,
			  const char *has)
{
	struct engine *e = engine_add(c, id);
	struct amounts a = {0};
	char *text = xstrdup(has), *p;
	struct json_object *o;

	for (p = text; (p = strchr(p, '\'')) != NULL; p++)
		*p = '"';
	o = json_parse(bytes_str(text), NULL);
	assert_int_equal(amounts_read(&a, o), 0);
	e->slots = slots;
	stocks_set(&e->stocks, &a);
	amounts_done(&a);
	json_object_put(o);
	free(text);
	return e;
}

static void assert_why_like(const struct result *r, const char *beginning)
{
	struct buf why = BUF_INIT;

	why_put(r, &why);
	assert_int_equal(strncmp(buf_str(&why), beginning, strlen(beginning)), 0);
	buf_done(&why);
}

/* --- what is free ---------------------------------------------------------- */

static void test_slots(void **state)
{
	struct controller *c = *state;

	c->config.hwm = 1;
	add(c, 0, 4, "{}");
	submit(c, "{'cpus': 3}");
	submit(c, "{'cpus': 2}");
	submit(c, "{'time_limit': 1}");
	assert_sent(c, "send 1.0 to 0");
	assert_why(result_find(c, 2), "an engine with so much free: 2 cpus");
	ends(result_find(c, 1), 0, EVENT_SUCCEED);
	assert_sent(c, "send 2.0 to 0, send 3.0 to 0");
	assert_int_equal(engine_free_slots(engine_find(c, 0)), 1);
	ends(result_find(c, 2), 0, EVENT_FAIL);
	ends(result_find(c, 3), 0, EVENT_ABORT);
	assert_int_equal(engine_free_slots(engine_find(c, 0)), 4);
}

/* What needs one slot may wait at its engine; what needs more does not. */
static void test_slots_and_hwm(void **state)
{
	struct controller *c = *state;

	c->config.hwm = 2;
	add(c, 0, 2, "{}");
	submit_map(c, 2, "{}");
	submit(c, "{'cpus': 2}");
	assert_sent(c, "send 1.0 to 0, send 1.1 to 0");
	submit(c, "{}");
	/* It would delay what came before it. */
	assert_sent(c, "");
	ends(result_find(c, 1), 0, EVENT_SUCCEED);
	assert_sent(c, "");
	ends(result_find(c, 1), 1, EVENT_SUCCEED);
	assert_sent(c, "send 2.0 to 0, send 3.0 to 0");
}

/* Seconds from now. */
static void ends_in(struct engine *e, uint64_t seconds)
{
	e->ends = mono_usec() + seconds * USEC_PER_SEC;
}

static void test_min_time(void **state)
{
	struct controller *c = *state;

	c->config.hwm = 4;
	ends_in(add(c, 0, 1, "{}"), 1000);
	ends_in(add(c, 1, 1, "{}"), 3000);
	submit(c, "{'min_time': 2000}");
	/* It waits for the one that is there for so long; others do not. */
	submit(c, "{'min_time': 2000}");
	submit(c, "{'min_time': 500}");
	submit(c, "{'min_time': 4000}");
	submit(c, "{'min_time': 4000, 'targets': [0]}");
	assert_sent(c, "send 1.0 to 1, send 3.0 to 0");
	assert_why(result_find(c, 2), "an engine with so much free: 1 cpu, for 2000 s");
	assert_why_like(result_find(c, 4),
			"min_time: 4000 s wanted, the last engine ends in 2");
	assert_why_like(result_find(c, 5),
			"min_time: 4000 s wanted, the last engine ends in 9");
	ends(result_find(c, 3), 0, EVENT_SUCCEED);
	assert_sent(c, "");
	/* One that does not say when it ends stays. */
	add(c, 2, 1, "{}");
	sched_kick(c);
	assert_sent(c, "send 2.0 to 2");
	ends(result_find(c, 2), 0, EVENT_SUCCEED);
	assert_sent(c, "send 4.0 to 2");
}

static void test_resources(void **state)
{
	struct controller *c = *state;
	struct result *r;

	c->config.hwm = 1;
	add(c, 0, 8, "{'memory': 1024}");
	add(c, 1, 8, "{'gpu': 2, 'memory': 4096}");
	r = submit_map(c, 3, "{'resources': {'gpu': 1}}");
	assert_sent(c, "send 1.0 to 1, send 1.1 to 1");
	assert_why(r, "an engine with so much free: 1 cpu, 1 gpu");
	submit_map(c, 2, "{'memory': '3K'}");
	assert_sent(c, "send 2.0 to 1");
	submit_map(c, 2, "{'memory': 1024}");
	assert_sent(c, "send 3.0 to 0, send 3.1 to 1");
	ends(r, 0, EVENT_SUCCEED);
	assert_sent(c, "send 1.2 to 1");
	ends(result_find(c, 2), 0, EVENT_SUCCEED);
	assert_sent(c, "send 2.1 to 1");
}

/* A view's tasks need it on the engine that each is for. */
static void test_a_view(void **state)
{
	struct controller *c = *state;

	c->config.hwm = 1;
	add(c, 0, 2, "{}");
	add(c, 1, 2, "{}");
	submit(c, "{'targets': [1]}");
	submit_view(c, "{'targets': [0, 1], 'cpus': 2}");
	submit(c, "{'targets': [1]}");
	assert_sent(c, "send 1.0 to 1, send 2.0 to 0");
	ends(result_find(c, 1), 0, EVENT_SUCCEED);
	assert_sent(c, "send 2.1 to 1");
	ends(result_find(c, 2), 1, EVENT_SUCCEED);
	assert_sent(c, "send 3.0 to 1");
}

static void test_why_with_targets(void **state)
{
	struct controller *c = *state;

	c->config.hwm = 1;
	add(c, 0, 2, "{'gpu': 4}");
	add(c, 1, 2, "{'gpu': 4}");
	submit(c, "{'resources': {'gpu': 3}, 'targets': [0]}");
	submit(c, "{'resources': {'gpu': 3}, 'targets': [1]}");
	submit(c, "{'resources': {'gpu': 2}, 'targets': [0]}");
	submit(c, "{'resources': {'gpu': 2}, 'targets': [0, 1]}");
	assert_sent(c, "send 1.0 to 0, send 2.0 to 1");
	assert_why(result_find(c, 3), "engine 0 to have so much free: 1 cpu, 2 gpu");
	assert_why(result_find(c, 4), "one of the engines 0 1 to have so much free: "
				      "1 cpu, 2 gpu");
}

/* What it has may change when it registers again; what its runs have stays. */
static void test_an_engine_that_has_less_now(void **state)
{
	struct controller *c = *state;
	struct engine *e = add(c, 0, 4, "{'gpu': 2}");
	struct amounts none = {0};

	c->config.hwm = 1;
	submit_map(c, 3, "{'resources': {'gpu': 1}}");
	settle(c);
	assert_tasks(result_find(c, 1), "rrp");
	stocks_set(&e->stocks, &none);
	ends(result_find(c, 1), 0, EVENT_SUCCEED);
	assert_tasks(result_find(c, 1), "orp");
	assert_why(result_find(c, 1), "gpu: 1 wanted, no engine has it");
	ends(result_find(c, 1), 1, EVENT_SUCCEED);
	assert_int_equal(stocks_find(&e->stocks, "gpu")->used, 0);
	assert_tasks(result_find(c, 1), "oop");
}

/* --- why ------------------------------------------------------------------- */

static void test_why(void **state)
{
	struct controller *c = *state;
	struct result *r = submit(c, "{'memory': '64G', 'cpus': 4}");
	struct result *gpu = submit(c, "{'resources': {'gpu': 1}, 'cpus': 2}");
	struct result *named;

	settle(c);
	assert_why(r, "an engine to register");
	add(c, 0, 2, "{'memory': 1073741824}");
	add(c, 1, 3, "{'memory': 34359738368}");
	named = submit(c, "{'cpus': 3, 'targets': [0]}");
	settle(c);
	assert_why(r, "cpus: 4 wanted, the largest engine has 3, memory: 64G "
		      "wanted, the largest engine has 32G");
	assert_why(gpu, "gpu: 1 wanted, no engine has it");
	assert_why(named, "cpus: 3 wanted, the largest engine has 2");
	add(c, 2, 1, "{'gpu': 1}");
	settle(c);
	assert_why(gpu, "no engine has all of it: 2 cpus, 1 gpu");
	assert_sent(c, "");
	add(c, 3, 4, "{'gpu': 1, 'memory': 68719476736}");
	assert_sent(c, "send 1.0 to 3");
	assert_why(gpu, "an engine with so much free: 2 cpus, 1 gpu");
}

/* --- nothing starves ------------------------------------------------------- */

/* Small ones come and come: the large one has its turn. */
static void test_a_large_one_among_small_ones(void **state)
{
	struct controller *c = *state;
	struct result *large, *small;
	unsigned i;

	c->config.hwm = 1;
	add(c, 0, 4, "{}");
	small = submit_map(c, 20, "{}");
	settle(c);
	assert_tasks(small, "rrrrpppppppppppppppp");
	large = submit(c, "{'cpus': 4}");
	small = submit_map(c, 20, "{}");
	for (i = 0; i < 20; i++)
		ends(result_find(c, 1), i, EVENT_SUCCEED);
	assert_tasks(large, "r");
	assert_tasks(small, "pppppppppppppppppppp");
	ends(large, 0, EVENT_SUCCEED);
	assert_tasks(small, "rrrrpppppppppppppppp");
}

/* One engine is kept, the others work on. */
static void test_one_is_kept(void **state)
{
	struct controller *c = *state;
	struct result *first, *small;

	c->config.hwm = 1;
	add(c, 0, 2, "{}");
	add(c, 1, 2, "{}");
	first = submit_map(c, 4, "{}");
	submit(c, "{'cpus': 2}");
	small = submit_map(c, 3, "{}");
	settle(c);
	assert_tasks(first, "rrrr");
	buf_clear(&fake.sent);
	/* 1.0 and 1.2 run on 1, which is kept or not: one of the two is. */
	ends(first, 0, EVENT_SUCCEED);
	ends(first, 1, EVENT_SUCCEED);
	assert_tasks(small, "rpp");
	assert_tasks(result_find(c, 2), "p");
}

/* What ends in time goes first; what takes nothing of it, too. */
static void test_who_may_begin_before_it(void **state)
{
	struct controller *c = *state;
	struct result *gpus;

	c->config.hwm = 1;
	add(c, 0, 8, "{'gpu': 2}");
	submit(c, "{'cpus': 6, 'time_limit': 1000}");
	submit(c, "{'cpus': 7}");
	submit(c, "{'time_limit': 2000}");
	submit(c, "{}");
	submit(c, "{'time_limit': 500}");
	assert_sent(c, "send 1.0 to 0, send 5.0 to 0");
	/* When that of 5 ends, nobody needs its slot before 1 ends. */
	ends(result_find(c, 5), 0, EVENT_SUCCEED);
	submit(c, "{'time_limit': 600, 'cpus': 2}");
	assert_sent(c, "send 6.0 to 0");
	ends(result_find(c, 6), 0, EVENT_SUCCEED);
	ends(result_find(c, 1), 0, EVENT_SUCCEED);
	assert_sent(c, "send 2.0 to 0, send 3.0 to 0");
	/* Of GPUs there are none for it; slots it does not wait for. */
	ends(result_find(c, 2), 0, EVENT_SUCCEED);
	assert_sent(c, "send 4.0 to 0");
	gpus = submit_map(c, 3, "{'resources': {'gpu': 1}}");
	submit(c, "{'cpus': 2}");
	assert_sent(c, "send 7.0 to 0, send 7.1 to 0, send 8.0 to 0");
	assert_tasks(gpus, "rrp");
	/* 7.2 waits for a GPU, and needs a slot then: one stays. */
	submit_map(c, 3, "{}");
	assert_sent(c, "send 9.0 to 0");
}

/* Nobody knows when the small one that runs ends: nothing ends before it. */
static void test_no_time_limit(void **state)
{
	struct controller *c = *state;

	c->config.hwm = 1;
	add(c, 0, 2, "{}");
	submit(c, "{}");
	submit(c, "{'cpus': 2}");
	submit(c, "{'time_limit': 0.001}");
	assert_sent(c, "send 1.0 to 0");
	ends(result_find(c, 1), 0, EVENT_SUCCEED);
	assert_sent(c, "send 2.0 to 0");
}

/* Who comes first by priority has the engine. */
static void test_priority(void **state)
{
	struct controller *c = *state;
	struct result *r;

	c->config.hwm = 1;
	add(c, 0, 2, "{}");
	r = submit(c, "{}");
	submit(c, "{'cpus': 2}");
	assert_sent(c, "send 1.0 to 0");
	submit(c, "{'cpus': 2, 'priority': 1}");
	submit(c, "{'priority': 2}");
	assert_sent(c, "send 4.0 to 0");
	ends(r, 0, EVENT_SUCCEED);
	assert_sent(c, "");
	ends(result_find(c, 4), 0, EVENT_SUCCEED);
	assert_sent(c, "send 3.0 to 0");
	ends(result_find(c, 3), 0, EVENT_SUCCEED);
	assert_sent(c, "send 2.0 to 0");
}

/* Who is held, or aborted, or can never be, keeps nothing. */
static void test_who_keeps_nothing(void **state)
{
	struct controller *c = *state;
	struct result *r;

	c->config.hwm = 1;
	add(c, 0, 2, "{}");
	submit(c, "{'cpus': 3}");
	submit(c, "{}");
	r = submit(c, "{'cpus': 2}");
	submit(c, "{}");
	assert_sent(c, "send 2.0 to 0");
	assert_int_equal(result_hold(r, true, fake_done, NULL), 0);
	assert_sent(c, "send 4.0 to 0");
}

/* --- against a simple model ------------------------------------------------- */

#define MODEL_ENGINES 4
#define MODEL_KINDS 6

static const char *const kind[MODEL_KINDS] = {
	"{}", "{'cpus': 2}", "{'cpus': 4, 'time_limit': 100}",
	"{'resources': {'gpu': 1}}", "{'memory': '2K', 'time_limit': 10}",
	"{'cpus': 3, 'memory': '1K', 'resources': {'gpu': 2}, 'priority': 1}",
};
static const struct model_needs {
	int cpus, gpu, memory;
} model_needs[MODEL_KINDS] = {
	{1, 0, 0}, {2, 0, 0}, {4, 0, 0}, {1, 1, 0}, {1, 0, 2048}, {3, 2, 1024},
};
static const struct model_engine {
	int slots, gpu, memory;
	const char *has;
} model_engine[MODEL_ENGINES] = {
	{1, 0, 0, "{}"}, {4, 0, 4096, "{'memory': 4096}"},
	{4, 2, 2048, "{'gpu': 2, 'memory': 2048}"}, {8, 3, 0, "{'gpu': 3}"},
};

struct model {
	struct controller *c;
	unsigned seed;
	unsigned n;			/* results, of one task each: 1 to n */
	unsigned kind[1024];
};

/* xorshift: the same on every machine. */
static unsigned draw(struct model *m, unsigned below)
{
	m->seed ^= m->seed << 13;
	m->seed ^= m->seed >> 17;
	m->seed ^= m->seed << 5;
	return m->seed % below;
}

static const struct run *run_of(struct model *m, unsigned id)
{
	const struct result *r = result_find(m->c, id);

	return r ? run_at(r, 0) : NULL;
}

/* What the engine's runs need, as the model has it. */
static struct model_needs used(struct model *m, int64_t engine)
{
	struct model_needs sum = {0};
	unsigned id;

	for (id = 1; id <= m->n; id++) {
		const struct run *run = run_of(m, id);
		const struct model_needs *n = &model_needs[m->kind[id]];

		if (!run || !run->engine || run->engine->id != engine)
			continue;
		sum.cpus += n->cpus;
		sum.gpu += n->gpu;
		sum.memory += n->memory;
	}
	return sum;
}

static bool has(const struct model_engine *e, struct model_needs sum,
		const struct model_needs *more)
{
	return sum.cpus + more->cpus <= e->slots &&
	       sum.gpu + more->gpu <= e->gpu &&
	       sum.memory + more->memory <= e->memory;
}

static bool waits(struct model *m, unsigned id)
{
	const struct result *r = result_find(m->c, id);

	return r && r->task[0].state == STATE_PENDING && !run_of(m, id);
}

/* The first that waits, by priority, then by id; 0: none. */
static unsigned first_waiting(struct model *m)
{
	unsigned id, pass;

	for (pass = 0; pass < 2; pass++)
		for (id = 1; id <= m->n; id++)
			if (waits(m, id) && (pass || m->kind[id] == 5))
				return id;
	return 0;
}

static void check(struct model *m)
{
	static const struct model_needs nothing;
	struct model_needs sum[MODEL_ENGINES];
	unsigned i, first = first_waiting(m);

	for (i = 0; i < MODEL_ENGINES; i++) {
		const struct engine *e = engine_find(m->c, i);
		const struct stock *gpu, *memory;

		sum[i] = used(m, i);
		assert_true(has(&model_engine[i], sum[i], &nothing));
		gpu = stocks_find(&e->stocks, "gpu");
		memory = stocks_find(&e->stocks, "memory");
		assert_int_equal(e->cpus, sum[i].cpus);
		assert_int_equal(gpu ? gpu->used : 0, sum[i].gpu);
		assert_int_equal(memory ? memory->used : 0, sum[i].memory);
	}
	/* Who is first waits for something. */
	for (i = 0; i < MODEL_ENGINES && first; i++)
		assert_false(has(&model_engine[i], sum[i],
				 &model_needs[m->kind[first]]));
}

static void step_submit(struct model *m)
{
	m->n++;
	m->kind[m->n] = draw(m, MODEL_KINDS);
	submit(m->c, kind[m->kind[m->n]]);
	settle(m->c);
}

/* One that runs ends; false: none does. */
static bool step_end(struct model *m)
{
	unsigned i, from = m->n ? draw(m, m->n) : 0;

	for (i = 0; i < m->n; i++) {
		unsigned id = 1 + (from + i) % m->n;
		const struct run *run = run_of(m, id);

		if (!run || run->phase != RUN_SENT)
			continue;
		ends(result_find(m->c, id), 0, EVENT_SUCCEED);
		return true;
	}
	return false;
}

/* All that run now end, and for each comes another, of no higher priority. */
static void step_generation(struct model *m, unsigned first)
{
	bool runs[ARRAY_SIZE(m->kind)] = {false};
	unsigned id, n = m->n;

	for (id = 1; id <= n; id++)
		runs[id] = run_of(m, id) && run_of(m, id)->phase == RUN_SENT;
	for (id = 1; id <= n && waits(m, first); id++) {
		if (!runs[id])
			continue;
		ends(result_find(m->c, id), 0, EVENT_SUCCEED);
		m->n++;
		m->kind[m->n] = draw(m, 5);
		submit(m->c, kind[m->kind[m->n]]);
		settle(m->c);
		check(m);
	}
}

/*
 * Nothing starves. Who is first begins when all have ended that ran then, and those
 * that were let go before it, as they said that they end in time.
 */
static void check_first_begins(struct model *m)
{
	unsigned first = first_waiting(m), i;

	for (i = 0; i < 3 && first; i++)
		step_generation(m, first);
	assert_false(first && waits(m, first));
}

static void test_model(void **state)
{
	struct model m = {.c = *state};
	const char *seed = getenv("SEED");
	unsigned i;

	m.seed = seed ? (unsigned)strtoul(seed, NULL, 10) : 20261129;
	if (!m.seed)
		m.seed = 1;
	print_message("# SEED=%u\n", m.seed);
	m.c->config.hwm = 1;
	for (i = 0; i < MODEL_ENGINES; i++)
		add(m.c, i, (unsigned)model_engine[i].slots, model_engine[i].has);
	while (m.n < 200) {
		if (draw(&m, 5) < 3 || !step_end(&m))
			step_submit(&m);
		check(&m);
		if (draw(&m, 40) == 0)
			check_first_begins(&m);
	}
	while (step_end(&m))
		check(&m);
	assert_int_equal(first_waiting(&m), 0);
	for (i = 0; i < MODEL_ENGINES; i++)
		assert_int_equal(engine_find(m.c, i)->cpus, 0);
}

static const struct CMUnitTest tests[] = {
	CONTROLLER_TEST(test_slots),
	CONTROLLER_TEST(test_slots_and_hwm),
	CONTROLLER_TEST(test_min_time),
	CONTROLLER_TEST(test_resources),
	CONTROLLER_TEST(test_a_view),
	CONTROLLER_TEST(test_an_engine_that_has_less_now),
	CONTROLLER_TEST(test_why),
	CONTROLLER_TEST(test_why_with_targets),
	CONTROLLER_TEST(test_a_large_one_among_small_ones),
	CONTROLLER_TEST(test_one_is_kept),
	CONTROLLER_TEST(test_who_may_begin_before_it),
	CONTROLLER_TEST(test_no_time_limit),
	CONTROLLER_TEST(test_priority),
	CONTROLLER_TEST(test_who_keeps_nothing),
	CONTROLLER_TEST(test_model),
};

UNIT_MAIN(tests)
