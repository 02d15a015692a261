#include "base/base.h"
#include "kinds.h"

#include "forward.h"
#include "model/carrier.h"
#include "net/line.h"
#include "net/request.h"
#include "net/sockets.h"

bool vars_engine_is_busy(const struct engine *e)
{
	return !e->shell && (e->load || !e->ready);
}

int vars_refuse(struct buf *why, int err, const char *text)
{
	buf_puts(why, text);
	return err;
}

/* --- ours --------------------------------------------------------------- */

static int send_as_it_is(struct forward *f, struct engine *e,
			 const struct msg *m)
{
	struct bytes ident = engine_ident(e);
	struct msg copy = {0};
	int err;

	msg_copy(&copy, m);
	err = line_forward(f->c, S_CONTROL_OUT, e->by_line, &copy, &ident, 1);
	msg_done(&copy);
	return err;
}

static void answer_as_it_is(struct forward *f, struct engine *e, struct msg *m)
{
	struct bytes client = buf_bytes(&f->rq->ident);

	(void)e;
	(void)!msg_forward(sock_of(f->c, S_REGISTRATION), m, &client, 1);
	request_free(f->rq);
}

const struct vars_ops vars_ops_ours = {
	.send = send_as_it_is,
	.answer = answer_as_it_is,
};

/* --- of ipyparallel ----------------------------------------------------- */

static int refusal(const struct forward *f, const struct engine *e,
		   struct buf *why)
{
	if (!e->vars_known)
		return e->no_vars
			       ? vars_refuse(why, -EOPNOTSUPP,
					"has no variables that can be files")
			       : vars_refuse(why, -EBUSY,
					"works on something else and was not "
					"set up yet");
	if (f->now && !f->lists && vars_engine_is_busy(e))
		return vars_refuse(why, -EBUSY,
			      "works on a task, and this cannot wait for it");
	return 0;
}

/* The request goes on in the name of a session that the engine knows. */
static int send_anew(struct forward *f, struct engine *e, const struct msg *m)
{
	struct bytes piece = msg_buffer(m, 0);
	struct msg_out out = {
		.type = m->type,
		.msg_id = f->msg_id,
		.content = m->content,
		.buffers = &piece,
		.nbuffers = msg_buffers(m) ? 1 : 0,
	};

	f->patient = true;
	return engine_send(e, LINE_CONTROL, &out);
}

/* The answer is signed for others, so it is made anew. It says how large the value is,
 * when that was not known. */
static void answer_anew(struct forward *f, struct engine *e, struct msg *m)
{
	struct json_object *vars = json_get_object(m->content, "vars");
	struct bytes piece = msg_buffer(m, 0);

	if (vars)
		vars_on_answer(e, vars, 0);
	request_reply(f->rq, f->type->reply, json_object_get(m->content),
		      &piece, msg_buffers(m) ? 1 : 0);
}

const struct vars_ops vars_ops_ipython = {
	.refusal = refusal,
	.send = send_anew,
	.answer = answer_anew,
};
