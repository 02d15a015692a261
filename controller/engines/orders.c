#include "base/base.h"
#include "orders.h"

#include "base/log.h"
#include "drain.h"
#include "errands.h"
#include "model/carrier.h"
#include "presence.h"
#include "wire/verb.h"

#define LIMIT_ORDERS 1000 /* that are not answered yet */

/* --- the verbs ---------------------------------------------------------- */

/* Nobody waits for it any longer. */
static void forget(struct engine *e)
{
	e->stopped = true;
	engine_remove(e, "it was lost, and is not waited for any longer");
}

static const struct order_verb handlers[] = {
	{.name = "interrupt", .until = UNTIL_REPLY,
	 .type = MSG_SIGNAL_REQUEST, .content = "{\"sig\": 2}"},
	{.name = "stop", .until = UNTIL_GONE,
	 .type = MSG_SHUTDOWN_REQUEST, .content = "{\"restart\": false}",
	 .lost = forget},
	{.name = "restart", .until = UNTIL_BACK, .restarts = true,
	 .type = MSG_SHUTDOWN_REQUEST, .content = "{\"restart\": true}"},
	{.name = "clear", .until = UNTIL_REPLY,
	 .type = MSG_CLEAR_REQUEST, .content = "{}"},
	{.name = "drain", .apply = drain_begin, .lost = drain_begin},
	{.name = "resume", .apply = drain_end, .lost = drain_end},
};

static const struct order_verb *find_handler(const char *name)
{
	size_t i;

	for (i = 0; name && i < ARRAY_SIZE(handlers); i++)
		if (strcmp(handlers[i].name, name) == 0)
			return &handlers[i];
	return NULL;
}

/* It passes over the engines that run nothing. */
static bool while_running(const struct order_verb *v)
{
	const struct verb *row = verb_find(VERB_ENGINE, bytes_str(v->name));

	return row && row->when == VERB_WHILE_RUNNING;
}

/* --- giving ------------------------------------------------------------- */

static int send_to(struct engine *e, const char *type,
		   struct json_object *content, char msg_id[MSG_ID_SIZE])
{
	struct msg_out out = {
		.type = type,
		.msg_id = msg_id,
		.content = content,
	};

	session_msg_id(engine_session(e), msg_id);
	return engine_send(e, LINE_CONTROL, &out);
}

int order_signal(struct engine *e, int signo)
{
	struct json_object *content = json_object_new_object();
	char msg_id[MSG_ID_SIZE];
	int err;

	json_add_int(content, "sig", signo);
	err = send_to(e, MSG_SIGNAL_REQUEST, content, msg_id);
	json_object_put(content);
	return err;
}

void order_stop(struct engine *e)
{
	struct json_object *content;
	char msg_id[MSG_ID_SIZE];

	if (e->given_up) {
		forget(e);
		return;
	}
	content = json_object_new_object();
	json_add_bool(content, "restart", false);
	/* Whoever wants the end of the engine sees whether it comes. */
	(void)!send_to(e, MSG_SHUTDOWN_REQUEST, content, msg_id);
	json_object_put(content);
}

static int send_errand(const struct order_verb *v, struct errand *a,
		       struct engine *e)
{
	struct json_object *content = json_parse(bytes_str(v->content), NULL);
	int err = send_to(e, v->type, content, a->msg_id);

	json_object_put(content);
	return err;
}

static void give_one(struct order *o, struct errand *a)
{
	struct engine *e = engine_find(o->c, a->engine);
	int err;

	if (while_running(o->verb) && !e->load)
		return;
	if (e->given_up) {
		o->verb->lost(e);
		return;
	}
	err = send_errand(o->verb, a, e);
	if (err)
		order_failed(o, a, err, "it cannot be reached");
	a->open = !err;
	o->waiting += a->open;
}

static void give(struct order *o)
{
	size_t i;

	for (i = 0; i < o->n; i++)
		give_one(o, &o->of[i]);
	if (!o->waiting) {
		order_finish(o);
		return;
	}
	order_wait(o);
}

/* --- what is done here -------------------------------------------------- */

static void stored(struct store_op *op)
{
	struct order *o = op->arg;

	if (op->err)
		order_failed(o, &o->of[0], op->err,
			     "it is so now, but that could not be stored");
	order_finish(o);
}

static void apply(struct order *o)
{
	size_t i;

	for (i = 0; i < o->n; i++)
		o->verb->apply(engine_find(o->c, o->of[i].engine));
	if (o->n)
		drain_store(o->c, stored, o);
	else
		order_finish(o);
}

/* --- checking ----------------------------------------------------------- */

static void refuse(struct request *rq, int err, const char *ename,
		   const char *why)
{
	request_fail(rq, MSG_ENGINE_CONTROL_REPLY, err, ename, why);
}

/* Nothing is begun when one of them cannot. */
static int check_engine(const struct order_verb *v, const struct engine *e,
			int64_t id, struct buf *why)
{
	if (!e || e->state == ENGINE_JOINING) {
		buf_printf(why, "there is no engine %lld", (long long)id);
		return -ENOENT;
	}
	if (engine_is_away(e) && !v->lost) {
		buf_printf(why, "engine %lld is ", (long long)id);
		engine_put_away(e, why);
		return -EHOSTDOWN;
	}
	if (v->restarts && !e->kind->restarts) {
		buf_printf(why, "engine %lld is ipyparallel's own, which "
				"cannot %s: stop it and start another",
			   (long long)id, v->name);
		return -EOPNOTSUPP;
	}
	return 0;
}

static int check_order(struct order *o, struct buf *why)
{
	bool busy = false;
	size_t i;
	int err;

	for (i = 0; i < o->n; i++) {
		struct engine *e = engine_find(o->c, o->of[i].engine);

		err = check_engine(o->verb, e, o->of[i].engine, why);
		if (err)
			return err;
		busy |= e->load > 0;
	}
	if (o->n && !busy && while_running(o->verb)) {
		buf_puts(why, o->n == 1 ? "it runs nothing"
					: "they run nothing");
		return -ESRCH;
	}
	return 0;
}

static bool list_is_good(struct json_object *list)
{
	size_t i, n = list ? json_object_array_length(list) : 0;

	for (i = 0; i < n; i++)
		if (!json_object_is_type(json_object_array_get_idx(list, i),
					 json_type_int))
			return false;
	return !list || (n > 0 && n <= LIMIT_ENGINES);
}

void orders_on_request(struct controller *c, struct request *rq)
{
	struct json_object *q = rq->msg->content;
	struct json_object *list = json_get_array(q, "engines");
	const struct order_verb *v = find_handler(json_get_str(q, "verb", NULL));
	struct buf why = BUF_INIT;
	struct order *o;
	int err;

	if (!v || !list_is_good(list) || (!list && json_get(q, "engines"))) {
		refuse(rq, -EINVAL, "KeyError",
		       v ? "engines must be a list of ids"
			 : "there is no such verb");
		return;
	}
	if (c->count.orders >= LIMIT_ORDERS) {
		refuse(rq, -EAGAIN, "ControlError",
		       "too many others wait for engines");
		return;
	}
	o = order_new(rq, v, list);
	err = check_order(o, &why);
	if (err) {
		o->rq = NULL;
		order_free(o);
		refuse(rq, err, "ControlError", buf_str(&why));
	} else {
		log_info("engines are told", log_str("verb", v->name),
			 log_int("engines", (int64_t)o->n));
		if (v->apply)
			apply(o);
		else
			give(o);
	}
	buf_done(&why);
}
