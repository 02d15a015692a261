#include "base/base.h"
#include "vars.h"

#include "base/log.h"
#include "engines.h"
#include "query.h"

/* Requests for variables on their way to engines, and back. */

struct target {
	int64_t engine;
	bool answered;
};

struct forward {
	struct controller *c;
	struct list link;	/* oldest first */
	struct request *rq;	/* its answer; msg is gone */
	char *msg_id;
	const char *reply;	/* type of the answer */
	bool whole;		/* the engine's answer is passed on as it is */
	uint64_t due;
	struct target *target;
	size_t n, left;
	/* the answer */
	struct json_object *engines;
	int err;		/* without a name of an errno: -EREMOTEIO */
	struct buf errno_name, evalue;
};

static const struct forward_type {
	const char *request, *reply;
	bool whole;
} types[] = {
	{MSG_PUSH_REQUEST, MSG_PUSH_REPLY, false},
	{MSG_PULL_REQUEST, MSG_PULL_REPLY, true},
	{MSG_VARS_REQUEST, MSG_VARS_REPLY, false},
};

static void forward_free(struct forward *f)
{
	map_remove(&f->c->forwards, bytes_str(f->msg_id));
	list_del(&f->link);
	json_object_put(f->engines);
	buf_done(&f->errno_name);
	buf_done(&f->evalue);
	free(f->target);
	free(f->msg_id);
	free(f);
}

/* --- the answer --------------------------------------------------------- */

static struct json_object *content_of(struct forward *f)
{
	struct json_object *o;

	if (f->err) {
		o = error_content(f->err, "VariableError",
				  buf_str(&f->evalue));
		if (f->errno_name.n)
			json_add_str(o, "errno", buf_str(&f->errno_name));
	} else {
		o = ok_content(f->c, false);
	}
	json_add(o, "engines", json_object_get(f->engines));
	return o;
}

static void finish(struct forward *f)
{
	request_reply(f->rq, f->reply, content_of(f), NULL, 0);
	forward_free(f);
}

static void note_error(struct forward *f, int err, const char *name,
		       int64_t engine, const char *what)
{
	if (f->err)
		return;
	f->err = err;
	buf_puts(&f->errno_name, name);
	buf_printf(&f->evalue, "engine %lld: %s", (long long)engine, what);
}

static void answered(struct forward *f, struct target *t)
{
	t->answered = true;
	f->left--;
	if (f->left == 0)
		finish(f);
}

static void no_answer(struct forward *f, struct target *t, const char *why)
{
	note_error(f, -EHOSTDOWN, "EHOSTDOWN", t->engine, why);
	answered(f, t);
}

static struct target *find_target(struct forward *f, int64_t engine)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->target[i].engine == engine && !f->target[i].answered)
			return &f->target[i];
	return NULL;
}

static void read_answer(struct forward *f, struct target *t,
			struct json_object *content)
{
	const char *status = json_get_str(content, "status", NULL);
	const char *name = json_get_str(content, "errno", NULL);
	const char *what = json_get_str(content, "evalue", NULL);
	struct json_object *vars = json_get_object(content, "vars"), *o;
	struct buf text = BUF_INIT;

	if (!status || strcmp(status, "ok") != 0) {
		buf_put_escaped(&text, bytes_str(what ? what : "no reason"),
				LIMIT_ENAME);
		note_error(f, -EREMOTEIO, name && strlen(name) < LIMIT_ENAME
						  ? name
						  : "EREMOTEIO",
			   t->engine, buf_str(&text));
		buf_done(&text);
		return;
	}
	o = json_object_new_object();
	json_add_int(o, "id", t->engine);
	if (vars)
		json_add(o, "vars", json_object_get(vars));
	json_push(f->engines, o);
}

void vars_on_reply(struct controller *c, struct msg *m)
{
	struct engine *e = engine_by_uuid(c, msg_ident(m, 0));
	const char *id = json_get_str(m->parent, "msg_id", NULL);
	struct forward *f = id ? map_get(&c->forwards, bytes_str(id)) : NULL;
	struct target *t = f && e ? find_target(f, e->id) : NULL;
	struct bytes client;

	if (!t)
		return;
	if (f->whole) {
		client = buf_bytes(&f->rq->ident);
		(void)!msg_forward(c->sock[S_REGISTRATION].socket, m, &client,
				   1);
		request_free(f->rq);
		forward_free(f);
		return;
	}
	if (!m->content)
		m->content = json_parse(msg_part(m, MSG_CONTENT), NULL);
	read_answer(f, t, m->content);
	answered(f, t);
}

void vars_engine_gone(struct engine *e)
{
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &e->c->forward_list) {
		struct forward *f = list_entry(l, struct forward, link);
		struct target *t = find_target(f, e->id);

		if (t)
			no_answer(f, t, "it is gone");
	}
}

/* --- time --------------------------------------------------------------- */

static void time_out(struct forward *f)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (!f->target[i].answered)
			note_error(f, -EHOSTDOWN, "EHOSTDOWN",
				   f->target[i].engine, "it does not answer");
	finish(f);
}

static void forwards_due(struct timer *t)
{
	struct controller *c =
		container_of(t, struct controller, forward_timer);

	while (!list_empty(&c->forward_list)) {
		struct forward *f =
			list_first(&c->forward_list, struct forward, link);
		uint64_t now = mono_usec();

		if (f->due > now) {
			timer_set(c->loop, t, f->due - now);
			return;
		}
		time_out(f);
	}
}

void vars_init(struct controller *c)
{
	list_init(&c->forward_list);
	c->forward_timer.fire = forwards_due;
}

void vars_done(struct controller *c)
{
	timer_cancel(&c->forward_timer);
	while (!list_empty(&c->forward_list)) {
		struct forward *f =
			list_first(&c->forward_list, struct forward, link);

		request_free(f->rq);
		forward_free(f);
	}
	map_done(&c->forwards);
}

/* --- passing on --------------------------------------------------------- */

/* Why an engine cannot be asked; 0: it can. */
static int refusal(struct controller *c, int64_t id, struct buf *why)
{
	struct engine *e = engine_find(c, id);

	buf_printf(why, "engine %lld ", (long long)id);
	if (!e) {
		buf_puts(why, "is gone");
		return -EHOSTDOWN;
	}
	if (!e->taskfs) {
		buf_puts(why, "runs Python under ipyparallel; its variables "
			      "are no files");
		return -EOPNOTSUPP;
	}
	if (e->state != ENGINE_LIVE) {
		buf_puts(why, "is away");
		return -EHOSTDOWN;
	}
	return 0;
}

static int read_targets(struct forward *f, struct json_object *engines,
			struct buf *why)
{
	size_t i, n = engines ? json_object_array_length(engines) : 0;
	struct map seen = {0};
	int err = 0;

	buf_puts(why, "no engines are named");
	if (n == 0 || n > LIMIT_TARGETS || (f->whole && n > 1))
		return -EINVAL;
	f->target = xreallocarray(NULL, n, sizeof(*f->target));
	f->n = f->left = n;
	for (i = 0; i < n && !err; i++) {
		struct json_object *v = json_object_array_get_idx(engines, i);

		f->target[i] = (struct target){.engine = -1};
		if (json_object_is_type(v, json_type_int))
			f->target[i].engine = json_object_get_int64(v);
		buf_clear(why);
		err = refusal(f->c, f->target[i].engine, why);
		if (!err && map_put_u64(&seen, (uint64_t)f->target[i].engine,
					f)) {
			buf_puts(why, "is named twice");
			err = -EINVAL;
		}
	}
	map_done(&seen);
	return err;
}

static int send_to(struct forward *f, const struct target *t, struct msg *m)
{
	struct engine *e = engine_find(f->c, t->engine);
	struct bytes ident = engine_ident(e);
	struct msg copy = {0};
	int err;

	msg_copy(&copy, m);
	err = msg_forward(f->c->sock[S_CONTROL_OUT].socket, &copy, &ident, 1);
	msg_done(&copy);
	return err;
}

static void send_all(struct forward *f, struct msg *m)
{
	size_t i, n = f->n;

	/* The last answer frees f, and there may be none to wait for. */
	f->left++;
	for (i = 0; i < n; i++)
		if (send_to(f, &f->target[i], m) < 0)
			no_answer(f, &f->target[i], "it cannot be reached");
	f->left--;
	if (f->left == 0)
		finish(f);
}

static const struct forward_type *find_type(const char *request)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i].request, request) == 0)
			return &types[i];
	assert(!"no request for variables");
	return NULL;
}

static struct forward *forward_new(struct controller *c, struct request *rq)
{
	const struct forward_type *type = find_type(rq->msg->type);
	struct forward *f = zalloc(sizeof(*f));

	f->c = c;
	f->rq = rq;
	f->msg_id = xstrdup(rq->msg->id);
	f->reply = type->reply;
	f->whole = type->whole;
	f->due = mono_usec() + VARS_TIMEOUT;
	f->engines = json_object_new_array();
	list_add_tail(&c->forward_list, &f->link);
	map_put(&c->forwards, bytes_str(f->msg_id), f);
	if (!timer_is_set(&c->forward_timer))
		timer_set(c->loop, &c->forward_timer, VARS_TIMEOUT);
	return f;
}

void vars_on_request(struct controller *c, struct request *rq)
{
	struct json_object *engines = json_get_array(rq->msg->content,
						     "engines");
	const char *reply = find_type(rq->msg->type)->reply;
	struct buf why = BUF_INIT;
	struct forward *f;
	int err;

	if (map_get(&c->forwards, bytes_str(rq->msg->id))) {
		request_fail(rq, reply, -EINVAL, "ValueError",
			     "that id is in use");
		return;
	}
	if (c->forwards.n >= LIMIT_FORWARDS) {
		request_fail(rq, reply, -EAGAIN, "VariableError",
			     "too many requests for variables are under way");
		return;
	}
	f = forward_new(c, rq);
	err = read_targets(f, engines, &why);
	if (err) {
		forward_free(f);
		request_fail(rq, reply, err, "VariableError", buf_str(&why));
	} else {
		send_all(f, rq->msg);
	}
	buf_done(&why);
}
