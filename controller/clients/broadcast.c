#include "base/base.h"
#include "broadcast.h"

#include "failed.h"
#include "net/line.h"
#include "net/sockets.h"
#include "relayed.h"
#include "schedule/run.h"

/* The replies to one message, which go to its client as one, in the order of the
 * targets. It is freed when the last reply has come, or cannot come any more. */
struct gather {
	struct controller *c;
	struct buf client;
	struct json_object *targets;	/* [[uuid, id], ...] */
	size_t n, waiting;
	bool broken;
	struct msg *reply;		/* of each target that has replied */
};

static void gather_free(struct gather *g)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		msg_done(&g->reply[i]);
	free(g->reply);
	buf_done(&g->client);
	json_object_put(g->targets);
	free(g);
}

static struct gather *gather_new(struct controller *c, const struct msg *m,
				 struct json_object *targets)
{
	struct bytes client = msg_ident(m, 0);
	struct gather *g = zalloc(sizeof(*g));

	g->c = c;
	g->targets = json_object_get(targets);
	g->n = json_object_array_length(targets);
	g->reply = zalloc((g->n + 1) * sizeof(*g->reply));
	buf_put(&g->client, client.p, client.n);
	return g;
}

/* --- to the engines ----------------------------------------------------- */

static const char *target_uuid(struct json_object *targets, size_t i)
{
	struct json_object *t = json_object_array_get_idx(targets, i);
	struct json_object *v = NULL;

	if (json_object_is_type(t, json_type_array))
		v = json_object_array_get_idx(t, 0);
	return json_object_is_type(v, json_type_string)
		       ? json_object_get_string(v)
		       : NULL;
}

/* Makes the message for one engine; its idents are the client's alone. */
static int make_copy(struct controller *c, struct msg *to,
		     const struct msg *from, const char *uuid)
{
	char *id = xasprintf("%s_%s", from->id, uuid);
	struct bytes parts[4] = {
		[1] = msg_part(from, MSG_PARENT),
		[3] = msg_part(from, MSG_CONTENT),
	};
	struct bytes client = msg_ident(from, 0);
	struct json_object *header = NULL, *metadata = NULL;
	struct msg m = {0};
	unsigned i;
	int err;

	json_object_deep_copy(from->header, &header, NULL);
	json_object_deep_copy(from->metadata, &metadata, NULL);
	json_add_str(header, "msg_id", id);
	json_add_str(metadata, "original_msg_id", from->id);
	parts[0] = json_bytes(header);
	parts[2] = json_bytes(metadata);
	msg_make(&m, &c->session, parts);
	msg_add_frame(to, client);
	for (i = 0; i < m.frames; i++)
		msg_add_frame(to, msg_frame(&m, i));
	to->idents = 1;
	msg_add_buffers(to, from);
	err = msg_open(to, &c->session, MSG_RELAY);
	msg_done(&m);
	json_object_put(header);
	json_object_put(metadata);
	free(id);
	return err;
}

/* Sends m to one engine. A client that waits for one reply to all (g) waits for that
 * to m itself. */
static bool send_one(struct controller *c, struct msg *m, struct gather *g,
		     const char *uuid)
{
	struct engine *e = uuid ? engine_by_uuid(c, bytes_str(uuid)) : NULL;
	struct bytes idents[2];
	struct msg copy = {0};
	struct relayed *rel = NULL;
	bool sent = false;

	if (!e || e->state != ENGINE_LIVE)
		return false;
	if (make_copy(c, &copy, m, uuid) == 0 && relay_is_task(&copy))
		rel = relayed_new(c, CHANNEL_BROADCAST, &copy);
	if (rel) {
		rel->gather = g;
		idents[0] = engine_ident(e);
		idents[1] = msg_ident(&copy, 0);
		sent = line_forward(c, S_BROADCAST_OUT, e->by_line, &copy,
				    idents, 2) == 0;
	}
	if (sent) {
		relayed_start(rel, e);
	} else if (rel) {
		rel->gather = NULL;
		relayed_unsent(rel, !g);
	} else if (copy.why && g) {
		m->why = copy.why;
	} else if (copy.why) {
		relay_refuse(c, CHANNEL_BROADCAST, &copy);
	}
	msg_done(&copy);
	return sent;
}

void broadcast_from_client(struct controller *c, struct msg *m)
{
	struct json_object *targets = json_get_array(m->metadata, "targets");
	size_t i, n = targets ? json_object_array_length(targets) : 0;
	struct gather *g = NULL;

	if (!n || n > LIMIT_ENGINES || m->idents != 1) {
		c->count.dropped_unknown++;
		return;
	}
	if (json_bool_or(m->metadata, "is_coalescing", false))
		g = gather_new(c, m, targets);
	for (i = 0; i < n; i++) {
		bool sent = send_one(c, m, g, target_uuid(targets, i));

		if (g && sent)
			g->waiting++;
		else if (g)
			g->broken = true;
	}
	if (g && !g->waiting)
		gather_free(g);
	if (m->why)
		relay_refuse(c, CHANNEL_BROADCAST, m);
}

/* --- back --------------------------------------------------------------- */

static bool is_error(const struct msg *m)
{
	struct json_object *content = msg_json(m, MSG_CONTENT);
	const char *status = json_get_str(content, "status", NULL);
	bool bad = !status || strcmp(status, "ok") != 0;

	json_object_put(content);
	return bad;
}

/* The reply that speaks for all: one that failed, else the last. */
static struct msg *spokesman(struct gather *g)
{
	size_t i;

	for (i = 0; i + 1 < g->n; i++)
		if (is_error(&g->reply[i]))
			break;
	return &g->reply[i];
}

static void send_gathered(struct gather *g)
{
	struct msg *last = spokesman(g), m = {0};
	struct bytes ident = buf_bytes(&g->client);
	struct bytes parts[4] = {
		[1] = msg_part(last, MSG_PARENT),
		[3] = msg_part(last, MSG_CONTENT),
	};
	struct json_object *header = msg_json(last, MSG_HEADER);
	struct json_object *meta = msg_object(last, MSG_METADATA, NULL);
	size_t i;

	if (!meta)
		meta = json_object_new_object();
	/* That is the digest of this one's own buffers. */
	json_object_object_del(header, "taskfs_buffers");
	parts[0] = json_bytes(header);
	json_add(meta, "broadcast_targets", json_object_get(g->targets));
	parts[2] = json_bytes(meta);
	msg_make(&m, &g->c->session, parts);
	for (i = 0; i < g->n; i++)
		msg_add_buffers(&m, &g->reply[i]);
	(void)!msg_forward(sock_of(g->c, S_BROADCAST_IN), &m, &ident, 1);
	msg_done(&m);
	json_object_put(header);
	json_object_put(meta);
}

static void one_less(struct gather *g)
{
	if (--g->waiting)
		return;
	if (!g->broken)
		send_gathered(g);
	gather_free(g);
}

void broadcast_give_up(struct gather *g)
{
	g->broken = true;
	one_less(g);
}

void broadcast_from_engine(struct controller *c, struct relayed *rel,
			   struct msg *m)
{
	struct bytes client = msg_ident(m, 1);
	struct gather *g = rel ? rel->gather : NULL;
	const struct engine *e;
	size_t i;

	if (!g) {
		if (m->idents == 2)
			(void)!msg_forward(sock_of(c, S_BROADCAST_IN), m,
					   &client, 1);
		return;
	}
	e = run_find(c, rel->msg_id)->engine;
	for (i = 0; i < g->n; i++) {
		const char *uuid = target_uuid(g->targets, i);

		if (uuid && strcmp(e->uuid, uuid) == 0 && !g->reply[i].frames) {
			msg_copy(&g->reply[i], m);
			break;
		}
	}
	one_less(g);
}
