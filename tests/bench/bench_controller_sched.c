/*
 * bench_controller_sched: what one decision of the scheduler costs, with simulated
 * engines: how long it takes from the end of a task until another one has its place,
 * while many wait that need this or that. Times are of this thread's processor.
 */
#include "tests/unit/fake_controller.h"

#include "schedule/ending.h"

#include <time.h>

#define ENGINES 1000
#define SLOTS 8
#define TURNS 2000
#define AT_ONCE 100	/* tasks that end in one turn, in the second number */

static uint64_t cpu_usec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / 1000;
}

/* xorshift: the same on every machine. */
static uint32_t draw(uint32_t below)
{
	static uint32_t seed = 20261129;

	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % below;
}

/* --- what there is ------------------------------------------------------------- */

static void add_engines(struct controller *c)
{
	int64_t i;

	for (i = 0; i < ENGINES; i++) {
		struct engine *e = engine_add(c, i);
		struct amounts has = {0};

		if (amounts_set(&has, "memory", 32LL << 30) ||
		    (i % 4 == 0 && amounts_set(&has, "gpu", 4)))
			abort();
		e->slots = SLOTS;
		stocks_set(&e->stocks, &has);
		amounts_done(&has);
	}
}

/* Kind 0 needs nothing but a slot. Each engine with GPUs can have all of them. */
static void add_task(struct controller *c, unsigned kind)
{
	char options[160];

	if (kind == 0)
		snprintf(options, sizeof(options), "{}");
	else
		snprintf(options, sizeof(options),
			 "{'cpus': %u, 'memory': '%uM', 'time_limit': %u%s}",
			 1 + kind % 4, 64 * kind, 60 * (1 + kind % 7),
			 kind % 5 ? "" : ", 'resources': {'gpu': 1}");
	submit(c, options);
}

static void add_tasks(struct controller *c, unsigned n, unsigned kinds)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		add_task(c, i % kinds);
		if (i % 1000 == 999) {
			settle(c);
			buf_clear(&fake.sent);
		}
	}
	settle(c);
}

/* --- what happens ---------------------------------------------------------------- */

/* One that runs, on an engine at random. */
static struct run *any_run(struct controller *c)
{
	for (;;) {
		struct engine *e = engine_find(c, draw(ENGINES));
		struct list *l;

		list_for_each(l, &e->runs) {
			struct run *run = list_entry(l, struct run, engine_link);

			if (run->phase == RUN_SENT)
				return run;
		}
	}
}

/* So many tasks end, and their slots are given to others: usec, and how many began. */
static uint64_t turn(struct controller *c, unsigned n, uint64_t *began)
{
	static const struct ending ok = {.event = EVENT_SUCCEED};
	uint64_t from, took, load = c->runs->by_msg_id.n;
	unsigned i;

	for (i = 0; i < n; i++)
		run_end(any_run(c), &ok, NULL);
	from = cpu_usec();
	place(c);
	took = cpu_usec() - from;
	*began += c->runs->by_msg_id.n - load;
	settle(c);
	buf_clear(&fake.sent);
	return took;
}

static double decision(struct controller *c, unsigned turns, unsigned n)
{
	uint64_t began = 0, took = 0;
	unsigned i;

	for (i = 0; i < turns; i++)
		took += turn(c, n, &began);
	return began ? (double)took / (double)began : 0;
}

static double row(unsigned tasks, unsigned kinds)
{
	struct controller *c;
	double one, many;
	void *state;

	fake_setup(&state);
	c = state;
	c->config.hwm = 1;
	add_engines(c);
	settle(c);
	/* Those that run, and those that wait. */
	add_tasks(c, tasks + ENGINES * SLOTS, kinds);
	one = decision(c, TURNS, 1);
	many = decision(c, TURNS / AT_ONCE, AT_ONCE);
	printf("%8u %6u %12.1f %12.1f\n", tasks, kinds, one, many);
	fflush(stdout);
	fake_teardown(&state);
	return one;
}

int main(void)
{
	double few[2], many[2];

	unit_begin();
	printf("usec a decision, %d engines of %d slots\n", ENGINES, SLOTS);
	printf("%8s %6s %12s %12s\n", "waiting", "kinds", "one ends", "100 end");
	few[0] = row(10000, 1);
	few[1] = row(10000, 50);
	many[0] = row(100000, 1);
	many[1] = row(100000, 50);
	printf("100000 beside 10000: %.1f times; of 50 kinds: %.1f times\n",
	       many[0] / few[0], many[1] / few[1]);
	return 0;
}
