#include "base/base.h"
#include "control.h"

#include "base/parse.h"
#include "control_reply.h"
#include "purge.h"
#include "retry.h"
#include "model/items.h"
#include "schedule/lifetime.h"
#include "schedule/run.h"
#include "steer/setting.h"
#include "steer/steer.h"
#include "wire/verb.h"

static void done(void *arg, int err)
{
	control_done(arg, err, NULL);
}

/* --- the verbs ---------------------------------------------------------- */

/* The ends of the tasks that waited were put before this. */
static void abort_stored(struct store_op *op)
{
	struct request *rq = op->arg;

	control_done(rq, list_empty(&rq->c->runs->not_stored) ? op->err : -ENOSPC,
		     NULL);
}

static void verb_abort(struct request *rq, struct result *r, const char *arg)
{
	int err = rq->task < 0 ? result_abort(r)
			       : task_abort(r, (uint32_t)rq->task);
	struct store_op *op;

	(void)arg;
	if (err) {
		control_done(rq, err, NULL);
		return;
	}
	op = store_op_new(STORE_NOTHING);
	op->arg = rq;
	op->done = abort_stored;
	store_put(rq->c->store, op);
}

static void verb_signal(struct request *rq, struct result *r, const char *arg)
{
	int signo;

	if (!arg || parse_signal(bytes_str(arg), &signo))
		control_done(rq, -EINVAL, "that is no signal");
	else
		control_done(rq,
			     rq->task < 0
				     ? result_signal(r, signo)
				     : task_signal(r, (uint32_t)rq->task,
						   signo),
			     NULL);
}

static void set_hold(struct request *rq, struct result *r, bool hold)
{
	int err = rq->task < 0
			  ? result_hold(r, hold, done, rq)
			  : task_hold(r, (uint32_t)rq->task, hold, done, rq);

	if (err)
		control_done(rq, err, NULL);
}

static void verb_hold(struct request *rq, struct result *r, const char *arg)
{
	(void)arg;
	set_hold(rq, r, true);
}

static void verb_release(struct request *rq, struct result *r, const char *arg)
{
	(void)arg;
	set_hold(rq, r, false);
}

/* It is stored; what runs may not have heard of it. */
static void option_set(void *arg, int err)
{
	control_done(arg, err,
		     err == -EHOSTUNREACH || err == -EOPNOTSUPP
			     ? "that holds for what begins from now on; an engine "
			       "could not be told about a task that it runs"
			     : NULL);
}

static void set_option(struct request *rq, struct result *r,
		       const struct task_option *o, struct json_object *value)
{
	struct buf why = BUF_INIT;
	int err = result_set_option(r, o, value, &why, option_set,
				    rq);

	if (err)
		control_done(rq, err, why.n ? buf_str(&why) : NULL);
	buf_done(&why);
}

/* --- an open map --------------------------------------------------------- */

static void verb_add(struct request *rq, struct result *r, const char *arg)
{
	struct buf items = BUF_INIT, why = BUF_INIT;
	struct bytes b;
	uint64_t n;
	int err;

	(void)arg;
	if (!msg_named_buffer(rq->msg, rq->msg->content, "map", &b) ||
	    (n = items_count(b)) == 0) {
		control_done(rq, -EINVAL, "there are no items");
		return;
	}
	if (store_backlog(rq->c->store) > STORE_BACKLOG * 4) {
		control_done(rq, -EAGAIN, "the store cannot keep up; try again later");
		return;
	}
	buf_put(&items, b.p, b.n);
	err = result_add(r, &items, n, &why, done, rq);
	if (err)
		control_done(rq, err, why.n ? buf_str(&why) : NULL);
	buf_done(&items);
	buf_done(&why);
}

static void verb_close(struct request *rq, struct result *r, const char *arg)
{
	(void)arg;
	if (result_close(r, done, rq))
		control_done(rq, -EALREADY, r->grows ? "the map is closed already"
						     : "the map is not open");
}

static void verb_priority(struct request *rq, struct result *r,
			  const char *arg)
{
	struct json_object *value;
	int64_t n;

	if (!arg || parse_i64(bytes_str(arg), -LIMIT_PRIORITY, LIMIT_PRIORITY,
			      &n)) {
		control_done(rq, -EINVAL, "that is no priority");
		return;
	}
	value = json_object_new_int64(n);
	set_option(rq, r, task_option_find(bytes_str("priority")), value);
	json_object_put(value);
}

static void verb_set(struct request *rq, struct result *r, const char *arg)
{
	struct json_object *q = rq->msg->content;
	const char *name = json_get_str(q, "option", NULL);
	const struct task_option *o =
		name ? task_option_find(bytes_str(name)) : NULL;

	(void)arg;
	if (o)
		set_option(rq, r, o, json_get(q, "value"));
	else
		control_done(rq, -EINVAL, "there is no such option");
}

static void verb_purge(struct request *rq, struct result *r, const char *arg)
{
	int err = result_purge(r, done, rq);

	(void)arg;
	if (err)
		control_done(rq, err, NULL);
}

/* How the verbs of wire/verb.h are carried out. */
static const struct control_verb {
	const char *name;
	void (*run)(struct request *rq, struct result *r, const char *arg);
	/* When no result is named; NULL: one must be. */
	void (*run_for_all)(struct request *rq);
} handlers[] = {
	{.name = "abort", .run = verb_abort},
	{.name = "signal", .run = verb_signal},
	{.name = "retry", .run = control_retry},
	{.name = "hold", .run = verb_hold},
	{.name = "release", .run = verb_release},
	{.name = "priority", .run = verb_priority},
	{.name = "set", .run = verb_set},
	{.name = "add", .run = verb_add},
	{.name = "close", .run = verb_close},
	{.name = "purge", .run = verb_purge, .run_for_all = control_purge_all},
};

static const struct control_verb *find_handler(const char *name)
{
	size_t i;

	for (i = 0; name && i < ARRAY_SIZE(handlers); i++)
		if (strcmp(handlers[i].name, name) == 0)
			return &handlers[i];
	return NULL;
}

static void run_verb(struct request *rq, struct result *r,
		     const struct control_verb *v)
{
	struct json_object *q = rq->msg->content;

	rq->result = r->id;
	rq->task = -1;
	/* What is no number would mean all of its tasks. */
	if (!json_get_range(q, "task", 0, (int64_t)r->ntasks - 1, &rq->task)) {
		request_fail(rq, MSG_CONTROL_REPLY, -ENOENT, "KeyError",
			     "there is no such task");
		return;
	}
	/* The only task is the result itself. */
	if (!result_is_many(r))
		rq->task = -1;
	if (rq->task >= 0 && !verb_find(VERB_TASK, bytes_str(v->name)))
		control_done(rq, -EINVAL,
			     "that is for the whole result, not for one of "
			     "its tasks");
	else
		v->run(rq, r, json_get_str(q, "argument", NULL));
}

void control_on_request(struct controller *c, struct request *rq)
{
	struct json_object *q = rq->msg->content;
	const struct control_verb *v =
		find_handler(json_get_str(q, "verb", NULL));
	struct result *r = result_find(
		c, (uint64_t)json_int_or(q, "result", 0));

	if (!json_get(q, "result") && v && v->run_for_all)
		v->run_for_all(rq);
	else if (!r || !r->stored)
		request_fail(rq, MSG_CONTROL_REPLY, -ENOENT, "KeyError",
			     "there is no such result");
	else if (!v)
		request_fail(rq, MSG_CONTROL_REPLY, -EINVAL, "KeyError",
			     "there is no such verb");
	else
		run_verb(rq, r, v);
}
