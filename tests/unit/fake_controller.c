#include "tests/unit/fake_controller.h"

#include "base/file.h"
#include "base/log.h"
#include "model/carrier.h"
#include "model/clock.h"
#include "model/items.h"
#include "model/ready.h"
#include "schedule/ending.h"
#include "schedule/lifetime.h"
#include "schedule/graph.h"
#include "schedule/policy.h"
#include "schedule/resume.h"
#include "schedule/sched.h"
#include "steer/setting.h"
#include "wire/task_option.h"

#include <fcntl.h>
#include <sodium.h>

struct fake fake;

static int log_fd = -1;

/* --- engines ------------------------------------------------------------ */

static void note(const char *fmt, ...) printf_like(1, 2);

static void note(const char *fmt, ...)
{
	va_list ap;

	if (fake.sent.n)
		buf_puts(&fake.sent, ", ");
	va_start(ap, fmt);
	buf_vprintf(&fake.sent, fmt, ap);
	va_end(ap);
}

static const char *fake_refusal(const struct run *run, struct result *r)
{
	(void)run;
	(void)r;
	return fake.refusal;
}

static int fake_send(struct result *r, struct run *run, struct bytes code,
		     struct bytes input)
{
	assert_ptr_equal(result_find(run->c, run->result), r);
	fake.code_sent = code.n;
	fake.stdin_sent = input.n;
	note("send %llu.%u to %lld", (unsigned long long)r->id, run->index,
	     (long long)run->engine->id);
	return fake.send_err;
}

static int fake_abort(struct run *run)
{
	note("abort %llu.%u", (unsigned long long)run->result, run->index);
	return fake.abort_err;
}

static int fake_signal(struct run *run, int signo)
{
	note("signal %d to %llu.%u", signo, (unsigned long long)run->result,
	     run->index);
	return fake.signal_err;
}

static void fake_recall(struct run *run)
{
	note("recall %llu.%u", (unsigned long long)run->result, run->index);
}

static int fake_limit(struct run *run, uint64_t usec)
{
	note("limit %llu.%u to %llu", (unsigned long long)run->result,
	     run->index, (unsigned long long)usec);
	return fake.signal_err;
}

static void fake_gone(struct run *run)
{
	run_end_with_engine(run, "the engine is gone");
}

static void fake_free(struct run *run)
{
	(void)run;
	fake.freed++;
}

static void fake_stored(struct engine *e, const char *msg_id)
{
	assert_non_null(e);
	assert_non_null(msg_id);
	fake.stored++;
}

const struct run_ops fake_run_ops = {
	.refusal = fake_refusal,
	.send = fake_send,
	.abort = fake_abort,
	.signal = fake_signal,
	.recall = fake_recall,
	.limit = fake_limit,
	.engine_gone = fake_gone,
	.free = fake_free,
	.stored = fake_stored,
};

struct engine *engine_add(struct controller *c, int64_t id)
{
	char uuid[ID_SIZE];
	struct engine *e;

	snprintf(uuid, sizeof(uuid), "engine-%lld", (long long)id);
	e = engine_new(c, id, uuid);
	e->state = ENGINE_LIVE;
	engine_set_taskfs(e, true);
	engine_store(e);
	sched_kick(c);
	return e;
}

void engine_vanish(struct engine *e)
{
	e->state = ENGINE_LOST;
	e->given_up = true;
	engine_tell_hooks(e, given_up);
	sched_tell_waiting(e->c, e->id);
}

/* --- beginning and end ---------------------------------------------------- */

static void known(struct engine *e)
{
	e->ready = e->shell = true;
	e->run_ops = &fake_run_ops;
}

static bool is_awaited(struct controller *c, int64_t id)
{
	(void)c;
	return fake.awaited && *fake.awaited == id;
}

static const struct engine_hooks fake_hooks = {
	.known = known,
	.awaited = is_awaited,
};
static const struct engine_hooks *const hooks[] = {&fake_hooks, &run_hooks, NULL};

static const struct carrier carrier = {
	.is_gone = carrier_direct_is_gone,
	.is_away = carrier_direct_is_away,
};

/* As identity.c does. */
static void keep_cluster(struct controller *c)
{
	struct store_op *op = store_op_new(STORE_META);

	op->meta.key = "cluster";
	op->meta.value = xstrdup(c->cluster);
	store_put(c->store, op);
}

static struct controller *begin(char *dir)
{
	struct controller *c = zalloc(sizeof(*c));
	struct buf why = BUF_INIT;
	int err;

	c->config.data = dir;
	c->loop = loop_new();
	c->engine_hooks = hooks;
	c->carrier = &carrier;
	c->policy = policy_find("leastload");
	snprintf(c->cluster, sizeof(c->cluster), "cluster");
	err = store_open(&c->store, c->loop, dir, false, &why);
	if (err)
		fail_msg("store_open: %s", buf_str(&why));
	changes_init(c);
	results_init(c);
	ready_init(c);
	runs_init(c);
	sched_init(c);
	engines_init(c);
	err = results_resume(c, &why);
	if (err)
		fail_msg("results_load: %s", buf_str(&why));
	buf_done(&why);
	keep_cluster(c);
	return c;
}

static void end(struct controller *c)
{
	store_close(c->store);
	sched_done(c);
	engines_done(c);
	runs_done(c);
	ready_done(c);
	results_done(c);
	changes_done(c);
	loop_free(c->loop);
	free(c);
}

int fake_setup(void **state)
{
	static unsigned n;
	char name[32];

	if (log_fd < 0) {
		log_fd = open(unit_path("log"),
			      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		log_init("test", log_fd, LOG_INFO);
	}
	buf_done(&fake.sent);
	buf_done(&fake.why);
	fake = (struct fake){0};
	snprintf(name, sizeof(name), "%u", n++);
	*state = begin(xstrdup(unit_path(name)));
	return 0;
}

int fake_teardown(void **state)
{
	struct controller *c = *state;
	char *dir = c->config.data;

	end(c);
	free(dir);
	buf_done(&fake.sent);
	buf_done(&fake.why);
	return 0;
}

struct controller *fake_restart(void **state)
{
	struct controller *c = *state;
	char *dir = c->config.data;

	end(c);
	*state = c = begin(dir);
	return c;
}

/* --- turns ---------------------------------------------------------------- */

static void answered(struct store_op *op)
{
	loop_stop(op->arg, 0);
}

/* What was put until now is stored, and what that led to is decided. */
static void turn(struct controller *c)
{
	struct store_op *op = store_op_new(STORE_NOTHING);

	op->arg = c->loop;
	op->done = answered;
	store_put(c->store, op);
	assert_int_equal(loop_run(c->loop), 0);
}

void settle(struct controller *c)
{
	do {
		turn(c);
	} while (store_backlog(c->store));
}

struct stop {
	struct work work;
	struct loop *loop;
};

static void stop(struct work *w)
{
	loop_stop(container_of(w, struct stop, work)->loop, 0);
}

void place(struct controller *c)
{
	struct stop s = {.work = {.run = stop}, .loop = c->loop};

	loop_defer(c->loop, &s.work);
	assert_int_equal(loop_run(c->loop), 0);
}

void fire(struct controller *c, struct timer *t)
{
	assert_true(timer_is_set(t));
	timer_set(c->loop, t, 0);
	settle(c);
}

/* --- results -------------------------------------------------------------- */

static void submission_stored(struct store_op *op)
{
	struct controller *c = op->arg;
	struct result *r = result_find(c, op->result.id);

	if (op->err)
		result_doom(r);
	else
		result_set_stored(r);
}

/* {'a': 1} as JSON. */
static struct json_object *read_options(const char *text)
{
	char *copy = xstrdup(text), *p;
	struct buf why = BUF_INIT;
	struct json_object *o;

	for (p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	o = json_parse(bytes_str(copy), NULL);
	assert_non_null(o);
	if (task_options_check(o, &why))
		fail_msg("%s: %s", text, buf_str(&why));
	free(copy);
	return o;
}

static struct result *put(struct controller *c, struct result_spec *spec,
			  const char *options)
{
	struct buf why = BUF_INIT;
	struct json_object *list;
	struct result *r;

	spec->ops = &result_ops_mount;
	spec->options = read_options(options);
	spec->name = json_get_str(spec->options, "label", NULL);
	spec->uid = spec->gid = 1000;
	buf_puts(&spec->code, "true");
	spec->has_stdin = fake.stdin_size;
	while (spec->stdin_.n < fake.stdin_size)
		buf_putc(&spec->stdin_, 'x');
	list = json_get_array(spec->options, "targets");
	if (spec->pinned)
		spec->ntasks = json_object_array_length(list);
	if (graph_check(c, spec->uid, spec->options, &why))
		fail_msg("%s: %s", options, buf_str(&why));
	r = result_new(c, spec);
	graph_add(r, spec->options);
	result_put(r, submission_stored, c);
	ready_add(r);
	json_object_put(spec->options);
	return r;
}

struct result *submit(struct controller *c, const char *options)
{
	struct result_spec spec = {.kind = "task", .ntasks = 1};

	return put(c, &spec, options);
}

struct result *submit_map(struct controller *c, unsigned n, const char *options)
{
	struct result_spec spec = {.kind = "map", .ntasks = n};
	unsigned i;

	for (i = 0; i < n; i++)
		buf_put(&spec.items, "x", 2);
	return put(c, &spec, options);
}

struct result *submit_view(struct controller *c, const char *options)
{
	struct result_spec spec = {.kind = "view", .pinned = true};

	return put(c, &spec, options);
}

struct run *run_at(const struct result *r, uint32_t index)
{
	struct map_iter it = {0};

	while (map_next(&r->c->runs->by_msg_id, &it)) {
		struct run *run = it.value;

		if (run->result == r->id && run->index == index)
			return run;
	}
	return NULL;
}

void ends_soon(struct result *r, uint32_t index, enum state_event event)
{
	struct ending how = {.event = event};
	struct run *run = run_at(r, index);

	assert_non_null(run);
	if (event == EVENT_FAIL) {
		how.ename = "ExitStatus";
		how.evalue = "exit status 1";
	}
	run_end(run, &how, NULL);
}

void ends(struct result *r, uint32_t index, enum state_event event)
{
	ends_soon(r, index, event);
	settle(r->c);
}

void fake_done(void *arg, int err)
{
	(void)arg;
	fake.done++;
	fake.done_err = err;
}

int set_option(struct result *r, const char *name, const char *json)
{
	struct json_object *v = json ? json_tokener_parse(json) : NULL;
	int err;

	buf_clear(&fake.why);
	err = result_set_option(r, task_option_find(bytes_str(name)), v,
				&fake.why, fake_done, NULL);
	json_object_put(v);
	return err;
}

/* --- what is so ----------------------------------------------------------- */

void fake_assert_sent(struct controller *c, const char *what, const char *file,
		      int line)
{
	settle(c);
	unit_assert_bytes(buf_bytes(&fake.sent), bytes_str(what), file, line);
	buf_clear(&fake.sent);
}

void fake_assert_tasks(const struct result *r, const char *what,
		       const char *file, int line)
{
	uint64_t i, count[STATES] = {0};
	struct buf got = BUF_INIT;
	int s;

	for (i = 0; i < r->ntasks; i++) {
		enum state t = (enum state)r->task[i].state;

		buf_putc(&got, *state_name(t));
		count[t]++;
	}
	unit_assert_bytes(buf_bytes(&got), bytes_str(what), file, line);
	for (s = 0; s < STATES; s++)
		_assert_int_equal(count[s], r->count[s], file, line);
	buf_done(&got);
}

void fake_assert_error(const struct result *r, const char *what,
		       const char *file, int line)
{
	const struct details *d = r->task[0].details;
	struct buf got = BUF_INIT;

	buf_printf(&got, "%s: %s", d && d->ename ? d->ename : "",
		   d && d->evalue ? d->evalue : "");
	unit_assert_bytes(buf_bytes(&got), bytes_str(what), file, line);
	buf_done(&got);
}

/* --- the database --------------------------------------------------------- */

static sqlite3 *open_database(struct controller *c)
{
	char *path = xasprintf("%s/tasks.db", c->config.data);
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 60000);
	free(path);
	return db;
}

static void run_sql(struct controller *c, const char *sql)
{
	sqlite3 *db = open_database(c);
	char *why = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	sqlite3_close(db);
}

void store_refuse(struct controller *c, const char *statements)
{
	char *sql = statements ? xasprintf("CREATE TRIGGER refuse BEFORE %s BEGIN "
					   "SELECT RAISE(ABORT, 'no'); END",
					   statements)
			       : xstrdup("DROP TRIGGER refuse");

	run_sql(c, sql);
	free(sql);
}

void store_again(struct controller *c)
{
	assert_true(timer_is_set(&c->runs->again));
	timer_set(c->loop, &c->runs->again, 0);
	while (!list_empty(&c->runs->not_stored))
		turn(c);
	settle(c);
}

char *stored_text(struct controller *c, const char *sql)
{
	sqlite3 *db = open_database(c);
	char *text = NULL;
	sqlite3_stmt *st;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	if (sqlite3_step(st) == SQLITE_ROW && sqlite3_column_text(st, 0))
		text = xstrdup((const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	sqlite3_close(db);
	return text;
}
