#include "base/base.h"
#include "request.h"

#include "line.h"
#include "wire/members.h"

struct request *request_new(struct controller *c, struct msg *m)
{
	struct request *rq = zalloc(sizeof(*rq));
	struct bytes ident = msg_ident(m, 0), parent = msg_echo(m);

	rq->c = c;
	rq->msg = m;
	rq->by_line = m->by_line;
	buf_put(&rq->ident, ident.p, ident.n);
	buf_put(&rq->parent, parent.p, parent.n);
	return rq;
}

void request_free(struct request *rq)
{
	buf_done(&rq->ident);
	buf_done(&rq->parent);
	free(rq);
}

void request_reply_text(struct request *rq, const char *type,
			struct bytes content, struct bytes *buffers,
			unsigned nbuffers)
{
	struct controller *c = rq->c;
	struct bytes ident = buf_bytes(&rq->ident);
	struct msg_out out = {
		.type = type,
		.parent = buf_bytes(&rq->parent),
		.content_text = content,
		.buffers = buffers,
		.nbuffers = nbuffers,
		.idents = &ident,
		.nidents = 1,
	};

	/* A peer that left hears nothing; there is nobody to tell. */
	(void)!line_send(c, S_REGISTRATION, rq->by_line, &out);
	request_free(rq);
}

void request_reply(struct request *rq, const char *type,
		   struct json_object *content, struct bytes *buffers,
		   unsigned nbuffers)
{
	request_reply_text(rq, type, json_bytes(content), buffers, nbuffers);
	json_object_put(content);
}

static const char *errno_name(int err)
{
	const char *name = strerrorname_np(err < 0 ? -err : err);

	return name ? name : "EIO";
}

/* IPython shows the traceback of a RemoteError and nothing else. */
static struct json_object *last_line(const char *ename, const char *evalue)
{
	struct json_object *lines = json_object_new_array();
	struct buf b = BUF_INIT;

	buf_printf(&b, "%s: %s", ename, evalue);
	json_push(lines, json_text(buf_bytes(&b)));
	buf_done(&b);
	return lines;
}

struct json_object *error_content(int err, const char *ename,
				  const char *evalue)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "status", "error");
	if (err)
		json_add_str(o, "errno", errno_name(err));
	json_add_str(o, "ename", ename);
	json_add_str(o, "evalue", evalue);
	json_add(o, "traceback", last_line(ename, evalue));
	json_add(o, "engine_info", json_object_new_object());
	return o;
}

void request_fail(struct request *rq, const char *type, int err,
		  const char *ename, const char *evalue)
{
	request_reply(rq, type, error_content(err, ename, evalue), NULL, 0);
}

struct json_object *unreadable_content(const struct msg *m)
{
	struct buf why = BUF_INIT;
	struct json_object *o;

	buf_printf(&why, "the message's JSON cannot be read: %s", m->why);
	o = error_content(-EINVAL, "ValueError", buf_str(&why));
	buf_done(&why);
	return o;
}

void ok_members(const struct controller *c, struct buf *out)
{
	member_str(out, "status", "ok");
	member_int(out, "seq", (int64_t)c->seq);
}

struct json_object *ok_content(struct controller *c, bool with_seq)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "status", "ok");
	if (with_seq)
		json_add_int(o, "seq", (int64_t)c->seq);
	return o;
}
