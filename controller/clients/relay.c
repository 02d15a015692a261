#include "base/base.h"
#include "relay.h"

#include "broadcast.h"
#include "channel.h"
#include "failed.h"
#include "model/ready.h"
#include "model/tasks.h"
#include "net/line.h"
#include "net/request.h"
#include "net/sockets.h"
#include "record.h"
#include "relayed.h"
#include "schedule/ending.h"
#include "vars/vars.h"

bool relay_is_task(const struct msg *m)
{
	return strcmp(m->type, MSG_EXECUTE_REQUEST) == 0 ||
	       strcmp(m->type, MSG_APPLY_REQUEST) == 0;
}

/* --- from clients ------------------------------------------------------- */

/* Passes m on: its first two idents change places, the rest stays as it was signed.
 * The idents are m's own: msg_forward() moves only what is behind them. */
static int swap(struct controller *c, struct msg *m, enum socket to,
		bool by_line)
{
	struct bytes idents[RELAY_IDENTS];
	unsigned i;

	if (m->idents < 2 || m->idents > RELAY_IDENTS)
		return -EMSGSIZE;
	for (i = 0; i < m->idents; i++)
		idents[i] = msg_ident(m, i < 2 ? 1 - i : i);
	return line_forward(c, to, by_line, m, idents, m->idents);
}

static void relay_direct(struct controller *c, enum channel ch, struct msg *m)
{
	struct engine *e = engine_by_uuid(c, msg_ident(m, 1));
	struct relayed *rel = NULL;

	if (m->idents < 2 || !e || e->state != ENGINE_LIVE)
		return; /* as ipyparallel's controller does: the client sees nothing */
	if (ch == CHANNEL_MUX && relay_is_task(m))
		rel = relayed_new(c, ch, m);
	if (swap(c, m, channel_out(ch), e->by_line) == 0 && rel)
		relayed_start(rel, e);
	else if (rel)
		relayed_unsent(rel, true);
}

static void relay_queue(struct controller *c, struct msg *m)
{
	struct relayed *rel = NULL;

	if (m->idents == 1 && relay_is_task(m))
		rel = relayed_new(c, CHANNEL_TASK, m);
	if (rel)
		relay_enqueue(rel, m);
	else if (m->why)
		relay_refuse(c, CHANNEL_TASK, m);
	else
		c->count.dropped_unknown++;
}

/* For a task of any kind clients know one type of answer. */
static char *reply_type(const struct msg *m)
{
	struct bytes name = message_request_name(m->type);

	if (!name.n || relay_is_task(m))
		return xstrdup(MSG_APPLY_REPLY);
	return xasprintf("%.*s_reply", (int)name.n, m->type);
}

void relay_refuse(struct controller *c, enum channel ch, struct msg *m)
{
	struct bytes ident = msg_ident(m, 0);
	char *type = reply_type(m);
	struct json_object *meta = json_object_new_object();
	struct msg_out out = {
		.type = type,
		.parent = msg_echo(m),
		.content = unreadable_content(m),
		.metadata = meta,
		.idents = &ident,
		.nidents = 1,
	};

	json_add_str(meta, "status", "error");
	(void)!msg_send(sock_of(c, channel_in(ch)), &c->session, &out);
	json_object_put(out.content);
	json_object_put(meta);
	free(type);
}

void relay_enqueue(struct relayed *rel, struct msg *m)
{
	rel->msg = *m;
	*m = (struct msg){0};
	ready_add(result_find(rel->c, rel->result));
}

void relay_from_client(struct controller *c, enum channel ch, struct msg *m)
{
	if (ch == CHANNEL_TASK)
		relay_queue(c, m);
	else if (ch == CHANNEL_BROADCAST)
		broadcast_from_client(c, m);
	else
		relay_direct(c, ch, m);
}

static int send_to(struct result *r, struct engine *e)
{
	struct relayed *rel = r->relayed;
	struct msg m = {0};
	struct bytes idents[2];
	int err;

	if (!rel)
		return -ENOENT;
	idents[0] = engine_ident(e);
	/* A ROUTER does not pass on an empty ident, which a task has that nobody
	 * waits for. */
	idents[1] = rel->client.n ? buf_bytes(&rel->client) : bytes_str("hub");
	/* The message is kept: it may have to go out again. */
	msg_copy(&m, &rel->msg);
	err = line_forward(r->c, S_TASK_OUT, e->by_line, &m, idents, 2);
	msg_done(&m);
	if (!err)
		relayed_start(rel, e);
	return err;
}

/* A task that did not go out waits again, or ends because its message is gone. */
static void not_sent(struct result *r, uint32_t index, struct engine *e,
		     int err)
{
	static const struct ending gone = {
		.event = EVENT_FAIL,
		.ename = "EngineError",
		.evalue = "the message of the task is gone",
	};

	task_unclaim(r, index);
	if (err == -ENOENT)
		task_end_pending(r, index, &gone);
	else
		run_put_off(r->c, e);
}

void relay_start(struct result *r, uint32_t index, struct engine *e)
{
	int err = send_to(r, e);

	if (err)
		not_sent(r, index, e, err);
}

/* --- from engines ------------------------------------------------------- */

/*
 * The engine that sent m. What came by a connection that another has taken the place
 * of since (ZMQ_ROUTER_HANDOVER) has an ident that ZeroMQ has made up: a zero and
 * four bytes.
 */
static struct engine *engine_of(struct controller *c, const struct msg *m)
{
	struct bytes ident = msg_ident(m, 0);
	const char *s;
	size_t n = 0;

	if (ident.n == 5 && *(const char *)ident.p == 0 &&
	    (s = json_get_str(m->metadata, "engine", &n)))
		ident = bytes_of(s, n);
	return engine_by_uuid(c, ident);
}

/* The task that m is the reply of; NULL: of none. Only the engine of a task can
 * answer for it. */
static struct relayed *relayed_of(struct controller *c, enum channel ch,
				  const struct msg *m)
{
	const char *id = json_get_str(m->parent, "msg_id", NULL);
	struct relayed *rel = relayed_find(c, id);
	struct run *run = rel ? run_find(c, id) : NULL;

	if (!run || run->relayed != rel || rel->channel != ch || rel->replied ||
	    run->phase == RUN_ENDING || !run->engine ||
	    run->engine != engine_of(c, m))
		return NULL;
	return rel;
}

static void pass_reply(struct controller *c, enum channel ch,
		       struct relayed *rel, struct msg *m)
{
	if (ch == CHANNEL_BROADCAST)
		broadcast_from_engine(c, rel, m);
	else if (ch != CHANNEL_TASK || (rel && rel->client.n))
		/* For a late reply of the queue nobody waits any more. */
		(void)!swap(c, m, channel_in(ch), false);
}

static void note_end(struct controller *c, enum channel ch, const struct msg *m)
{
	struct engine *e = engine_of(c, m);

	if (e && (ch != CHANNEL_CONTROL ||
		  strcmp(m->type, MSG_CLEAR_REPLY) == 0))
		vars_ran(e);
}

void relay_from_engine(struct controller *c, enum channel ch, struct msg *m)
{
	struct relayed *rel = relayed_of(c, ch, m);

	note_end(c, ch, m);
	if (rel) {
		relayed_read_reply(rel, m);
		if (relayed_again(rel, m))
			return;
		msg_copy(&rel->reply, m);
		record_put_end(rel, m);
	}
	pass_reply(c, ch, rel, m);
	if (rel)
		relayed_replied(rel);
}
