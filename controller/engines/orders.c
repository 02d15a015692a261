#include "base/base.h"
#include "orders.h"

#include "base/log.h"
#include "drain.h"
#include "model/carrier.h"
#include "model/engines.h"
#include "mounts/engine_json.h"
#include "presence.h"
#include "schedule/sched.h"
#include "vars/vars.h"
#include "wire/verb.h"

/* So long the client waits: a stock engine answers between its tasks. */
#define ORDER_WAIT (8 * USEC_PER_SEC)
#define LIMIT_ORDERS 1000 /* under way */

/* When one engine has carried it out. */
enum until { UNTIL_STORED, UNTIL_REPLY, UNTIL_GONE, UNTIL_BACK };

/* How a verb of wire/verb.h is carried out. */
struct order_verb {
	const char *name;
	enum until until;
	bool restarts;	/* only engines that start again when told so can */
	/* What goes to the engine; NULL: nothing. */
	const char *type, *content;
	/* What happens here. */
	void (*apply)(struct engine *e);
	/* For one that is lost, as there is nobody to tell; NULL: it cannot be done. */
	void (*lost)(struct engine *e);
};

/* One engine's part in it. */
struct errand {
	int64_t engine;
	char msg_id[MSG_ID_SIZE];
	bool open, gone;
};

struct order {
	struct list link;	/* orders.all */
	struct controller *c;
	struct request *rq;	/* NULL: answered */
	const struct order_verb *verb;
	struct timer due;
	size_t n, waiting;
	int err;		/* of the first that could not */
	struct buf why;
	struct errand of[];
};

struct orders {
	struct list all;
};

/* --- the verbs ---------------------------------------------------------- */

/* Nobody waits for it any longer. */
static void forget(struct engine *e)
{
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

/* --- answering ---------------------------------------------------------- */

/* The engines as they are now, and those that are gone. */
static struct json_object *order_content(const struct order *o)
{
	struct controller *c = o->c;
	struct json_object *content = ok_content(c, true);
	struct json_object *engines = json_object_new_array();
	struct json_object *gone = json_object_new_array();
	size_t i;

	for (i = 0; i < o->n; i++) {
		struct engine *e = engine_find(c, o->of[i].engine);

		if (e && e->state != ENGINE_JOINING)
			json_push(engines, engine_json(e));
		else
			json_push(gone,
				  json_object_new_int64(o->of[i].engine));
	}
	json_add(content, "engines", engines);
	json_add(content, "gone", gone);
	return content;
}

static void order_free(struct order *o)
{
	timer_cancel(&o->due);
	list_del(&o->link);
	o->c->count.orders--;
	/* What waited for one that did not come back waits no longer. */
	sched_check(o->c);
	if (o->rq)
		request_free(o->rq);
	buf_done(&o->why);
	free(o);
}

/* Answers; o is gone. */
static void finish(struct order *o)
{
	struct request *rq = o->rq;

	o->rq = NULL;
	if (o->err)
		request_fail(rq, MSG_ENGINE_CONTROL_REPLY, o->err,
			     "ControlError", buf_str(&o->why));
	else
		request_reply(rq, MSG_ENGINE_CONTROL_REPLY, order_content(o),
			      NULL, 0);
	order_free(o);
}

static void failed(struct order *o, const struct errand *a, int err,
		   const char *why)
{
	if (o->err)
		return;
	o->err = err;
	buf_printf(&o->why, "engine %lld: %s", (long long)a->engine, why);
}

static void close_errand(struct order *o, struct errand *a)
{
	assert(a->open);
	a->open = false;
	if (--o->waiting == 0)
		finish(o);
}

static void due(struct timer *t)
{
	struct order *o = container_of(t, struct order, due);
	size_t i;

	for (i = 0; i < o->n && !o->of[i].open; i++)
		;
	assert(i < o->n);
	failed(o, &o->of[i], -ETIMEDOUT,
	       "it was asked, and has not answered yet");
	finish(o);
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
		failed(o, a, err, "it cannot be reached");
	a->open = !err;
	o->waiting += a->open;
}

static void give(struct order *o)
{
	size_t i;

	for (i = 0; i < o->n; i++)
		give_one(o, &o->of[i]);
	if (!o->waiting) {
		finish(o);
		return;
	}
	o->due.fire = due;
	timer_set(o->c->loop, &o->due, ORDER_WAIT);
}

/* --- what is done here -------------------------------------------------- */

static void stored(struct store_op *op)
{
	struct order *o = op->arg;

	if (op->err)
		failed(o, &o->of[0], op->err,
		       "it is so now, but that could not be stored");
	finish(o);
}

static void apply(struct order *o)
{
	size_t i;

	for (i = 0; i < o->n; i++)
		o->verb->apply(engine_find(o->c, o->of[i].engine));
	if (o->n)
		drain_store(o->c, stored, o);
	else
		finish(o);
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

/* The list, or all that are there; the caller's. */
static struct order *order_new(struct request *rq, struct json_object *list)
{
	struct controller *c = rq->c;
	size_t room = list ? json_object_array_length(list) : c->engines->by_id.n, i;
	struct order *o = zalloc(sizeof(*o) + room * sizeof(o->of[0]));
	struct list *l;

	o->c = c;
	o->rq = rq;
	list_add_tail(&c->orders->all, &o->link);
	c->count.orders++;
	for (i = 0; list && i < room; i++)
		o->of[o->n++].engine = json_object_get_int64(
			json_object_array_get_idx(list, i));
	if (list)
		return o;
	list_for_each(l, &c->engines->order) {
		struct engine *e = list_entry(l, struct engine, order);

		if (engine_is_there(e))
			o->of[o->n++].engine = e->id;
	}
	return o;
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
	o = order_new(rq, list);
	o->verb = v;
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

/* --- what becomes of it ------------------------------------------------- */

/* Calls f for every open errand; it may close it, and so end the order. */
static void each_errand(struct controller *c, void *arg,
			void (*f)(struct order *o, struct errand *a, void *arg))
{
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &c->orders->all) {
		struct order *o = list_entry(l, struct order, link);
		size_t i, n = o->n;

		for (i = 0; i < n; i++) {
			bool last = o->waiting == 1;

			if (!o->of[i].open)
				continue;
			f(o, &o->of[i], arg);
			if (last)
				break;	/* o may be gone */
		}
	}
}

static void take_reply(struct order *o, struct errand *a, void *arg)
{
	const struct msg *m = arg;
	const char *id = json_get_str(m->parent, "msg_id", NULL);
	struct engine *e = engine_find(o->c, a->engine);
	const char *status, *why;

	if (strcmp(id, a->msg_id) != 0)
		return;
	if (e)
		vars_ran(e);
	status = json_get_str(m->content, "status", NULL);
	why = json_get_str(m->content, "evalue", NULL);
	if (status && strcmp(status, "ok") == 0) {
		if (o->verb->until == UNTIL_REPLY)
			close_errand(o, a);
		return;
	}
	failed(o, a, -EIO, !m->content    ? "its answer cannot be read"
			   : why && *why ? why
					 : "it refused");
	close_errand(o, a);
}

void orders_on_reply(struct controller *c, struct msg *m)
{
	if (list_empty(&c->orders->all) || !json_get_str(m->parent, "msg_id", NULL))
		return;
	if (!m->content)
		m->content = msg_json(m, MSG_CONTENT);
	each_errand(c, m, take_reply);
}

static void take_join(struct order *o, struct errand *a, void *arg)
{
	const struct engine *e = arg;

	if (a->engine == e->id && a->gone && o->verb->until == UNTIL_BACK)
		close_errand(o, a);
}

static bool is_awaited(struct controller *c, int64_t id)
{
	struct list *l;
	size_t i;

	list_for_each(l, &c->orders->all) {
		struct order *o = list_entry(l, struct order, link);

		for (i = 0; i < o->n && o->verb->until == UNTIL_BACK; i++)
			if (o->of[i].engine == id && o->of[i].gone &&
			    o->of[i].open)
				return true;
	}
	return false;
}

static void engine_joined_again(struct engine *e)
{
	each_errand(e->c, e, take_join);
}

static void take_end(struct order *o, struct errand *a, void *arg)
{
	const int64_t *id = arg;

	if (a->engine != *id)
		return;
	a->gone = true;
	if (o->verb->until == UNTIL_BACK)
		return;
	if (o->verb->until != UNTIL_GONE)
		failed(o, a, -EHOSTUNREACH, "it is gone");
	close_errand(o, a);
}

static void take_loss(struct order *o, struct errand *a, void *arg)
{
	const struct engine *e = arg;

	if (a->engine != e->id)
		return;
	failed(o, a, -ETIMEDOUT, "it was asked, and is not heard any more");
	close_errand(o, a);
}

static void engine_lost(struct engine *e)
{
	each_errand(e->c, e, take_loss);
}

static void engine_gone(struct controller *c, int64_t id)
{
	each_errand(c, &id, take_end);
}

const struct engine_hooks orders_hooks = {
	.joined = engine_joined_again,
	.lost = engine_lost,
	.gone = engine_gone,
	.awaited = is_awaited,
};

/* --- from start to end -------------------------------------------------- */

void orders_init(struct controller *c)
{
	c->orders = zalloc(sizeof(*c->orders));
	list_init(&c->orders->all);
}

void orders_done(struct controller *c)
{
	while (!list_empty(&c->orders->all))
		order_free(list_first(&c->orders->all, struct order, link));
	free(c->orders);
	c->orders = NULL;
}
