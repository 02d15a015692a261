/*
 * fake_controller.h: a controller without sockets and processes, for the tests of what
 * it decides.
 *
 * The model, the scheduler and the store are the real ones; the store is in a new
 * directory. The engines do nothing but note what they are sent; a test says how the
 * runs there end. Nothing sleeps: settle() runs the loop until the store has answered
 * everything, place() until the scheduler has chosen and the store was asked.
 *
 * Pointers to results are good until they are purged, or the controller starts again.
 */
#ifndef TASKFS_FAKE_CONTROLLER_H
#define TASKFS_FAKE_CONTROLLER_H

#include "tests/unit/unit.h"

#include "core/controller.h"
#include "model/engines.h"
#include "model/results.h"
#include "schedule/run.h"

/* What the engines were sent, and what they do about it. */
extern struct fake {
	struct buf sent;	/* "send 1.0 to 3, abort 1.0": result.task, engine */
	int send_err, abort_err, signal_err;
	const char *refusal;
	size_t stdin_size;	/* of what is submitted next */
	size_t code_sent, stdin_sent; /* bytes that came with the last run */
	unsigned freed;		/* runs */
	const int64_t *awaited;	/* the id of an engine that starts again; NULL: none */
	unsigned stored;	/* ends of runs that an engine may forget */
	/* Of a setting, a purge: how often it was done, and with what last. */
	unsigned done;
	int done_err;
	struct buf why;		/* an option was refused */
} fake;

extern const struct run_ops fake_run_ops;

/* A new controller in *state, and its end. */
int fake_setup(void **state);
int fake_teardown(void **state);
#define CONTROLLER_TEST(f) \
	cmocka_unit_test_setup_teardown(f, fake_setup, fake_teardown)

/* It ends and starts again on the same directory; the engines are lost. */
struct controller *fake_restart(void **state);

void settle(struct controller *c);
void place(struct controller *c);
/* Its time is up now. */
void fire(struct controller *c, struct timer *t);

/* A live engine. */
struct engine *engine_add(struct controller *c, int64_t id);
/* It is not heard any more, and what it ran ends. */
void engine_vanish(struct engine *e);

/*
 * As a mount submits it (with these options as JSON; single quotes will do), not yet
 * stored. A map has n items, each of one letter; a view has targets.
 */
struct result *submit(struct controller *c, const char *options);
struct result *submit_map(struct controller *c, unsigned n, const char *options);
struct result *submit_view(struct controller *c, const char *options);

/* The run that has the task; NULL: none. */
struct run *run_at(const struct result *r, uint32_t index);
/* Its engine says how it ended; all is stored when this returns. */
void ends(struct result *r, uint32_t index, enum state_event event);
/* The same, and nothing is stored yet. */
void ends_soon(struct result *r, uint32_t index, enum state_event event);

/* Everything is stored, and the engines were sent exactly this since the last time. */
#define assert_sent(c, what) fake_assert_sent(c, what, __FILE__, __LINE__)
void fake_assert_sent(struct controller *c, const char *what, const char *file,
		      int line);
/* The states of its tasks, a letter each: p, r, o(k), e, a. */
#define assert_tasks(r, what) fake_assert_tasks(r, what, __FILE__, __LINE__)
void fake_assert_tasks(const struct result *r, const char *what,
		       const char *file, int line);
/* How a result of one task ended: "ImpossibleDependency: after 1: it is gone". */
#define assert_error(r, what) fake_assert_error(r, what, __FILE__, __LINE__)
void fake_assert_error(const struct result *r, const char *what,
		       const char *file, int line);

/* result_set_option() with a value as JSON; NULL: none. What is refused is in `why`. */
int set_option(struct result *r, const char *name, const char *json);

/* For result_hold() and its like; counts in fake.done. */
void fake_done(void *arg, int err);

/*
 * The database refuses such statements ("INSERT ON tasks") from now on; NULL: none any
 * more.
 */
void store_refuse(struct controller *c, const char *statements);
/* What the store refused is put again now. */
void store_again(struct controller *c);
/* What is stored: the first value of an SQL query; the caller's. */
char *stored_text(struct controller *c, const char *sql);

#endif
