#include "answer.h"
#include "engine.h"

void answer_metadata(const struct engine *e, struct buf *out)
{
	buf_printf(out, "{\"engine\":\"%s\"}", e->member.uuid);
}

/* A stock scheduler passes nothing on that does not say it. */
static void put_status(struct buf *metadata, struct json_object *content)
{
	const char *status = json_get_str(content, "status", NULL);

	metadata->n--; /* } */
	buf_printf(metadata, ",\"status\":\"%s\"}",
		   status && strcmp(status, "error") == 0 ? "error" : "ok");
}

void answer_with_buffer(struct engine *e, enum channel c, const struct msg *m,
			const char *type, struct json_object *content,
			struct bytes *buffer)
{
	struct buf metadata = BUF_INIT;
	struct bytes *idents = xreallocarray(NULL, m->idents, sizeof(*idents));
	struct msg_out out = {
		.type = type,
		.parent = msg_echo(m),
		.content = content,
		.idents = idents,
		.nidents = m->idents,
		.buffers = buffer,
		.nbuffers = buffer ? 1 : 0,
	};
	unsigned i;
	int err;

	for (i = 0; i < m->idents; i++)
		idents[i] = msg_ident(m, i);
	answer_metadata(e, &metadata);
	if (c == CHANNEL_TASK)
		put_status(&metadata, content);
	out.metadata_text = buf_bytes(&metadata);
	err = link_send(&e->link, c, &out);
	if (err)
		log_warning("answer not sent", log_str("type", type),
			    log_errno(err));
	free(idents);
	buf_done(&metadata);
	json_object_put(content);
}

void answer_request(struct engine *e, enum channel c, const struct msg *m,
		    const char *type, struct json_object *content)
{
	answer_with_buffer(e, c, m, type, content, NULL);
}

void answer_variable(struct engine *e, const struct msg *m, const char *type,
		     int err, const char *why, struct json_object *vars)
{
	struct json_object *o;

	if (err) {
		json_object_put(vars);
		o = answer_error("VariableError", strerrorname_np(-err),
				 why ? why : strerror(-err));
	} else {
		o = answer_ok();
		if (vars)
			json_add(o, "vars", vars);
	}
	answer_request(e, CHANNEL_CONTROL, m, type, o);
}

struct json_object *answer_ok(void)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "status", "ok");
	return o;
}

struct json_object *answer_error(const char *ename, const char *name,
				 const char *evalue)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "status", "error");
	json_add_str(o, "ename", ename);
	json_add_str(o, "evalue", evalue);
	json_add(o, "traceback", json_object_new_array());
	json_add_str(o, "errno", name);
	return o;
}
