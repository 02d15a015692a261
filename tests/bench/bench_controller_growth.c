/*
 * bench_controller_growth: how the cost of one thing grows with how many there are, in
 * steps (basic blocks of our own code, as the compiler counts them), which are the same
 * on every machine. Each row does one thing N times and 16 N times; what it costs each
 * time may grow as a logarithm does, and no more: else it ends with 1. Only `make growth`
 * builds it so that steps are counted.
 */
#include "tests/unit/fake_controller.h"

#include "engines/heart.h"
#include "mounts/events.h"
#include "net/request.h"
#include "net/sockets.h"
#include "schedule/ending.h"
#include "schedule/lifetime.h"
#include "steer/steer.h"
#include "state.h"

#define FEW 1000U
#define TIMES 16U
/* A logarithm grows by 1.4 from FEW to TIMES FEW; hash tables grow now and then. */
#define MOST 1.8

/* Of the loop's thread; the store has its own. */
static _Thread_local uint64_t steps;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
	steps++;
}

/* What is prepared does not count. */
static uint64_t from;

static void begin(void)
{
	from = steps;
}

static uint64_t end(void)
{
	return steps - from;
}

/* Turns of the loop end here, so that not all is one turn. */
static void turn(struct controller *c, unsigned i)
{
	if (i % 100 == 99)
		settle(c);
}

static void submit_many(struct controller *c, unsigned n, const char *options)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		(void)submit(c, options);
		turn(c, i);
	}
	settle(c);
}

/* --- tasks that wait for others ------------------------------------------------- */

static uint64_t all_after_one(struct controller *c, unsigned n)
{
	(void)submit(c, "{}");
	settle(c);
	begin();
	submit_many(c, n, "{'after': [1]}");
	return end();
}

/* What they wait for has ended, and an engine has nothing to do. */
static uint64_t one_ends(struct controller *c, unsigned n)
{
	struct result *first = submit(c, "{}");

	settle(c);
	submit_many(c, n, "{'after': [1]}");
	engine_add(c, 0)->slots = 1;
	settle(c);
	begin();
	ends(first, 0, EVENT_SUCCEED);
	return end();
}

static uint64_t each_after_the_one_before(struct controller *c, unsigned n)
{
	char options[64];
	unsigned i;

	(void)submit(c, "{}");
	settle(c);
	begin();
	for (i = 1; i <= n; i++) {
		snprintf(options, sizeof(options), "{'after': [%u]}", i);
		(void)submit(c, options);
		turn(c, i);
	}
	settle(c);
	return end();
}

/* A hundred of them run and end, while the others wait. */
#define RUN 100

static void end_first(struct engine *e)
{
	const struct ending how = {.event = EVENT_SUCCEED};

	run_end(list_first(&e->runs, struct run, engine_link), &how, NULL);
	settle(e->c);
}

static uint64_t next_of_many(struct controller *c, unsigned n)
{
	struct engine *e;
	unsigned i;

	submit_many(c, n, "{}");
	e = engine_add(c, 0);
	e->slots = 1;
	settle(c);
	begin();
	for (i = 1; i <= RUN; i++)
		end_first(e);
	return end() / RUN * n;
}

/* --- results that are kept ------------------------------------------------------ */

static void finish_many(struct controller *c, unsigned n)
{
	unsigned i;

	submit_many(c, n, "{}");
	for (i = 1; i <= n; i++) {
		(void)!result_abort(result_find(c, i));
		turn(c, i);
	}
	settle(c);
}

static uint64_t purge(struct controller *c, unsigned n)
{
	unsigned i;

	finish_many(c, n);
	begin();
	for (i = n; i >= 1; i--) {
		if (result_purge(result_find(c, i), fake_done, NULL))
			abort();
		turn(c, i);
	}
	settle(c);
	return end();
}

/* In pages, as a mount reads them. */
static uint64_t list_results(struct controller *c, unsigned n)
{
	uint64_t cost;
	unsigned after;

	finish_many(c, n);
	events_init(c);
	begin();
	for (after = 0; after < n; after += 500) {
		struct msg m = {.content = json_object_new_object()};

		json_add_int(m.content, "after", after);
		json_add_int(m.content, "limit", 500);
		state_on_results(c, request_new(c, &m));
		msg_done(&m);
	}
	cost = end();
	events_done(c);
	return cost;
}

/* --- engines -------------------------------------------------------------------- */

static uint64_t heartbeats(struct controller *c, unsigned n)
{
	char text[64], uuid[64];
	unsigned i;

	for (i = 0; i < n; i++)
		engine_add(c, i);
	settle(c);
	snprintf(text, sizeof(text), "%s:1", c->instance);
	begin();
	for (i = 0; i < n; i++) {
		struct msg m = {0};

		snprintf(uuid, sizeof(uuid), "engine-%u", i);
		msg_add_frame(&m, bytes_str(uuid));
		msg_add_frame(&m, bytes_str(text));
		heart_on_pong(c, &m);
		msg_done(&m);
	}
	return end();
}

static const struct {
	const char *what;
	uint64_t (*run)(struct controller *c, unsigned n);
} rows[] = {
	{"a task that waits for another, submitted", all_after_one},
	{"a task that waits for the one before it, submitted",
	 each_after_the_one_before},
	{"a task that waits for what ends now", one_ends},
	{"the end of a task and the start of the next, of many", next_of_many},
	{"a result in a listing", list_results},
	{"a result purged, the newest first", purge},
	{"a heartbeat answered", heartbeats},
};

static double measure(size_t row, unsigned n)
{
	static struct hub_socket none[SOCKETS];	/* what is sent is lost */
	struct controller *c;
	void *state = NULL;
	uint64_t cost;

	fake_setup(&state);
	c = state;
	c->sock = none;
	cost = rows[row].run(c, n);
	fake_teardown(&state);
	return (double)cost / n;
}

int main(void)
{
	bool fits = true;
	size_t i;

	unit_begin();
	printf("%-54s %8u %8u  ratio\n", "steps, while there are so many", FEW,
	       TIMES * FEW);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		double few = measure(i, FEW), many = measure(i, TIMES * FEW);

		printf("%-54s %8.0f %8.0f  %5.2f%s\n", rows[i].what, few, many,
		       many / few, many / few > MOST ? "  TOO MUCH" : "");
		fflush(stdout);
		if (few == 0)
			return 77;	/* steps are not counted in this build */
		fits &= many / few <= MOST;
	}
	return !fits;
}
