#include "base/base.h"
#include "forward.h"

#include "kinds.h"
#include "net/request.h"

void forward_free(struct forward *f)
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
		if (vars && !e->kind->tells_vars)
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

void forward_answer_with(struct forward *f, struct target *t, struct engine *e,
			 struct msg *m)
{
	close_target(f, t);
	e->kind->vars->answer(f, e, m);
	forward_free(f);
}

void forward_time_out(struct forward *f)
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
