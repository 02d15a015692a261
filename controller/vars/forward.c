#include "base/base.h"
#include "forward.h"

#include "ask.h"
#include "base/log.h"
#include "model/engines.h"
#include "net/request.h"
#include "net/sockets.h"

static const struct forward_type types[] = {
	{MSG_PUSH_REQUEST, MSG_PUSH_REPLY, false},
	{MSG_PULL_REQUEST, MSG_PULL_REPLY, true},
	{MSG_VARS_REQUEST, MSG_VARS_REPLY, false},
};

static void forward_free(struct forward *f)
{
	map_remove(&f->c->forwards->by_msg_id, bytes_str(f->msg_id));
	list_del(&f->link);
	msg_done(&f->kept);
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

void forward_finish(struct forward *f)
{
	request_reply(f->rq, f->type->reply, content_of(f), NULL, 0);
	forward_free(f);
}

void forward_refuse(struct forward *f, int err, const char *why)
{
	request_fail(f->rq, f->type->reply, err, "VariableError", why);
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

/* The engine of t has answered, or will not. */
static void close_target(struct forward *f, struct target *t)
{
	struct engine *e = engine_find(f->c, t->engine);

	t->answered = true;
	f->left--;
	if (e && e->forwards)
		e->forwards--;
}

static void answered(struct forward *f, struct target *t)
{
	close_target(f, t);
	if (f->left == 0)
		forward_finish(f);
}

void forward_no_answer(struct forward *f, struct target *t, const char *why)
{
	note_error(f, -EHOSTDOWN, "EHOSTDOWN", t->engine, why);
	answered(f, t);
}

static struct target *find_target(struct forward *f, int64_t engine)
{
	size_t i;

	for (i = 0; i < f->n && !f->held; i++)
		if (f->target[i].engine == engine && !f->target[i].answered)
			return &f->target[i];
	return NULL;
}

static void read_error(struct forward *f, struct target *t,
		       struct json_object *content)
{
	const char *name = json_get_str(content, "errno", NULL);
	const char *what = json_get_str(content, "evalue", NULL);
	struct buf text = BUF_INIT;

	buf_put_escaped(&text, bytes_str(what ? what : "no reason"),
			LIMIT_ENAME);
	note_error(f, -EREMOTEIO,
		   name && strlen(name) < LIMIT_ENAME ? name : "EREMOTEIO",
		   t->engine, buf_str(&text));
	buf_done(&text);
}

void forward_take(struct forward *f, struct target *t, struct engine *e,
		  struct json_object *content)
{
	const char *status = json_get_str(content, "status", NULL);
	struct json_object *vars = json_get_object(content, "vars"), *o;

	if (status && strcmp(status, "ok") == 0) {
		if (vars && !e->taskfs)
			vars_on_answer(e, vars, t->ran);
		o = json_object_new_object();
		json_add_int(o, "id", t->engine);
		if (vars)
			json_add(o, "vars", json_object_get(vars));
		json_push(f->engines, o);
	} else {
		read_error(f, t, content);
	}
	answered(f, t);
}

/* An answer of an engine of ipyparallel is signed for others, so it is made anew. It
 * says how large the value is, when that was not known. */
static void pass_on(struct forward *f, struct engine *e, struct msg *m)
{
	struct bytes client = buf_bytes(&f->rq->ident), piece;
	struct json_object *vars = json_get_object(m->content, "vars");

	if (e->taskfs) {
		(void)!msg_forward(sock_of(f->c, S_REGISTRATION), m, &client,
				   1);
		request_free(f->rq);
	} else {
		if (vars)
			vars_on_answer(e, vars, 0);
		piece = msg_buffer(m, 0);
		request_reply(f->rq, f->type->reply,
			      json_object_get(m->content), &piece,
			      msg_buffers(m) ? 1 : 0);
	}
}

void vars_on_reply(struct controller *c, struct msg *m)
{
	struct engine *e = engine_by_uuid(c, msg_ident(m, 0));
	const char *id = json_get_str(m->parent, "msg_id", NULL);
	struct forward *f = id ? map_get(&c->forwards->by_msg_id, bytes_str(id)) : NULL;
	struct target *t = f && e ? find_target(f, e->id) : NULL;

	if (!t) {
		if (e)
			(void)vars_on_listing(e, m);
		return;
	}
	if (!m->content)
		m->content = msg_json(m, MSG_CONTENT);
	if (!m->content) {
		forward_no_answer(f, t, "its answer cannot be read");
		return;
	}
	if (f->type->whole) {
		close_target(f, t);
		pass_on(f, e, m);
		forward_free(f);
	} else {
		forward_take(f, t, e, m->content);
	}
}

void vars_engine_gone(struct engine *e)
{
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &e->c->forwards->order) {
		struct forward *f = list_entry(l, struct forward, link);
		struct target *t = find_target(f, e->id);

		if (t)
			forward_no_answer(f, t, "it is gone");
	}
}

/* --- time --------------------------------------------------------------- */

static void time_out(struct forward *f)
{
	size_t i, n = f->n;

	/* f is freed here, and not by the last of its targets. */
	f->left++;
	for (i = 0; i < n; i++)
		if (!f->target[i].answered)
			forward_no_answer(f, &f->target[i],
					  "it does not answer");
	f->left--;
	forward_finish(f);
}

static void forwards_due(struct timer *t)
{
	struct controller *c =
		container_of(t, struct forwards, timer)->c;
	uint64_t now = mono_usec(), next = 0;
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &c->forwards->order) {
		struct forward *f = list_entry(l, struct forward, link);

		if (f->patient || f->held)
			continue;
		if (f->due > now) {
			next = f->due;
			break;
		}
		time_out(f);
	}
	if (next)
		timer_set(c->loop, t, next - now);
}

/* Requests that wait for an engine are tried again. */
static void again(struct controller *c)
{
	struct list *l, *tmp;

	timer_cancel(&c->forwards->hold);
	list_for_each_safe(l, tmp, &c->forwards->order) {
		struct forward *f = list_entry(l, struct forward, link);

		if (f->held)
			forward_begin(f, &f->kept);
	}
}

static void hold_over(struct timer *t)
{
	again(container_of(t, struct forwards, hold)->c);
}

static void engine_is_idle(struct work *w)
{
	again(container_of(w, struct forwards, work)->c);
}

static void engine_idle(struct engine *e)
{
	if (timer_is_set(&e->c->forwards->hold))
		loop_defer(e->c->loop, &e->c->forwards->work);
}

void vars_init(struct controller *c)
{
	c->forwards = zalloc(sizeof(*c->forwards));
	c->forwards->c = c;
	list_init(&c->forwards->order);
	c->forwards->timer.fire = forwards_due;
	c->forwards->hold.fire = hold_over;
	c->forwards->work.run = engine_is_idle;
}

void vars_done(struct controller *c)
{
	timer_cancel(&c->forwards->timer);
	timer_cancel(&c->forwards->hold);
	work_cancel(&c->forwards->work);
	while (!list_empty(&c->forwards->order)) {
		struct forward *f =
			list_first(&c->forwards->order, struct forward, link);

		request_free(f->rq);
		forward_free(f);
	}
	map_done(&c->forwards->by_msg_id);
	free(c->forwards);
	c->forwards = NULL;
}

const struct engine_hooks vars_hooks = {
	.joined = vars_publish,
	.idle = engine_idle,
	.given_up = vars_engine_gone,
	.freed = vars_forget,
};

/* --- coming ------------------------------------------------------------- */

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
	const char *verb = json_get_str(rq->msg->content, "verb", NULL);
	struct forward *f = zalloc(sizeof(*f));

	f->c = c;
	f->rq = rq;
	f->msg_id = xstrdup(rq->msg->id);
	f->type = find_type(rq->msg->type);
	f->now = json_bool_or(rq->msg->content, "now", false);
	f->lists = verb && strcmp(verb, "list") == 0;
	f->asked_at = mono_usec();
	f->due = f->asked_at + VARS_TIMEOUT;
	f->engines = json_object_new_array();
	list_add_tail(&c->forwards->order, &f->link);
	map_put(&c->forwards->by_msg_id, bytes_str(f->msg_id), f);
	if (!timer_is_set(&c->forwards->timer))
		timer_set(c->loop, &c->forwards->timer, VARS_TIMEOUT);
	return f;
}

void vars_on_request(struct controller *c, struct request *rq)
{
	const char *reply = find_type(rq->msg->type)->reply;

	if (map_get(&c->forwards->by_msg_id, bytes_str(rq->msg->id)))
		request_fail(rq, reply, -EINVAL, "ValueError",
			     "that id is in use");
	else if (c->forwards->by_msg_id.n >= LIMIT_FORWARDS)
		request_fail(rq, reply, -EAGAIN, "VariableError",
			     "too many requests for variables are under way");
	else
		forward_begin(forward_new(c, rq), rq->msg);
}
