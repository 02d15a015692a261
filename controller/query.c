#include "base/base.h"
#include "query.h"

#include "base/log.h"
#include "control.h"
#include "engines.h"
#include "events.h"
#include "hub.h"
#include "orders.h"
#include "results.h"
#include "stock.h"
#include "upstream.h"
#include "vars.h"

#define RESULTS_PER_REPLY 2000

struct request *request_new(struct controller *c, struct msg *m)
{
	struct request *rq = zalloc(sizeof(*rq));
	struct bytes ident = msg_ident(m, 0), parent = msg_echo(m);

	rq->c = c;
	rq->msg = m;
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
	(void)!msg_send(sock_of(c, S_REGISTRATION), &c->session, &out);
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

/* Of a RemoteError IPython shows the traceback and nothing else. */
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

struct json_object *ok_content(struct controller *c, bool with_seq)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "status", "ok");
	if (with_seq)
		json_add_int(o, "seq", (int64_t)c->seq);
	return o;
}

/* --- hello -------------------------------------------------------------- */

static void on_connection(struct controller *c, struct request *rq)
{
	struct json_object *o = ok_content(c, false);
	struct json_object *engines = json_object_new_object();
	struct json_object *t = json_object_new_object();
	struct list *l;
	bool ours;

	list_for_each(l, &c->engine_order) {
		struct engine *e = list_entry(l, struct engine, order);
		char id[24];

		if (e->state != ENGINE_LIVE)
			continue;
		snprintf(id, sizeof(id), "%lld", (long long)e->id);
		json_add_str(engines, id, e->uuid);
	}
	json_add(o, "engines", engines);
	json_add_int(t, "version", TASKFS_PROTOCOL);
	json_add_str(t, "instance", c->instance);
	json_add_str(t, "cluster", c->cluster);
	json_add_int(t, "events", c->sock[S_EVENTS].port);
	json_add_str(t, "program", "taskfs-controller " TASKFS_VERSION);
	json_add_int(t, "since", c->since);
	json_add_int(t, "uptime", steady_usec() - c->begun);
	json_add(o, "taskfs", t);
	ours = json_get(rq->msg->content, "taskfs") != NULL;
	request_reply(rq, MSG_CONNECTION_REPLY, o, NULL, 0);
	if (!ours)
		hub_on_hello(c);
}

static struct json_object *whole_engine(const struct engine *e)
{
	struct json_object *o = engine_json(e);

	vars_add_json(e, o);
	return o;
}

static void on_state(struct controller *c, struct request *rq)
{
	struct json_object *o = ok_content(c, true);
	struct json_object *a = json_object_new_array();
	struct list *l;

	list_for_each(l, &c->engine_order) {
		struct engine *e = list_entry(l, struct engine, order);

		if (e->state != ENGINE_JOINING)
			json_push(a, whole_engine(e));
	}
	json_add(o, "engines", a);
	json_add(o, "controller", controller_json(c, true));
	request_reply(rq, MSG_STATE_REPLY, o, NULL, 0);
}

static void upstream_ends(struct controller *c, struct msg *reply,
			  uint64_t arg)
{
	(void)c;
	(void)arg;
	if (!reply)
		log_warning("the upstream controller did not say that it ends");
}

/* This one ends when nobody needs it. */
static void shutdown_upstream(struct controller *c, struct request *rq)
{
	int err = upstream_ask(c, MSG_SHUTDOWN_REQUEST,
			       json_object_new_object(), upstream_ends, 0);

	log_info("a client asks for the end of the upstream controller");
	if (err)
		request_fail(rq, MSG_SHUTDOWN_REPLY, err, "ConnectionError",
			     "ipyparallel's controller cannot be reached");
	else
		request_reply(rq, MSG_SHUTDOWN_REPLY, ok_content(c, false),
			      NULL, 0);
}

static void shutdown_this(struct controller *c, struct request *rq)
{
	struct json_object *o = ok_content(c, false);
	struct msg_out out = {
		.type = MSG_SHUTDOWN_NOTIFICATION,
		.parent = buf_bytes(&rq->parent),
		.content = o,
	};

	log_info("a client asks for the end");
	(void)!msg_send(sock_of(c, S_NOTIFICATION), &c->session, &out);
	request_reply(rq, MSG_SHUTDOWN_REPLY, o, NULL, 0);
	loop_stop(c->loop, 0);
}

static void on_shutdown(struct controller *c, struct request *rq)
{
	if (c->upstream)
		shutdown_upstream(c, rq);
	else
		shutdown_this(c, rq);
}

/* --- results ------------------------------------------------------------ */

static void add_purged(struct controller *c, struct json_object *o,
		       uint64_t since)
{
	struct json_object *a = json_object_new_array();
	size_t n = min_u64(c->npurged, ARRAY_SIZE(c->purged)), i;
	bool reset = false;

	for (i = 0; i < n; i++) {
		if (c->purged[i].seq > since)
			json_push(a, json_object_new_int64(
					     (int64_t)c->purged[i].id));
	}
	if (c->npurged > ARRAY_SIZE(c->purged))
		reset = c->purged[c->npurged % ARRAY_SIZE(c->purged)].seq >
			since;
	json_add(o, "purged", a);
	json_add_bool(o, "reset", reset || since > c->seq);
}

static void on_results(struct controller *c, struct request *rq)
{
	int64_t since = json_int_or(rq->msg->content, "since", 0);
	int64_t after = json_int_or(rq->msg->content, "after", 0);
	int64_t limit = json_int_or(rq->msg->content, "limit",
				    RESULTS_PER_REPLY);
	bool all = !json_get(rq->msg->content, "since");
	struct result *first = result_find(c, (uint64_t)after);
	struct list *l = first ? first->by_id.next : c->by_id.next;
	struct json_object *o = ok_content(c, true);
	struct json_object *a = json_object_new_array();
	size_t bytes = 0;

	limit = limit > 0 && limit < RESULTS_PER_REPLY ? limit
						       : RESULTS_PER_REPLY;
	for (; l != &c->by_id && limit > 0 && bytes < LIMIT_REPLY;
	     l = l->next) {
		struct result *r = list_entry(l, struct result, by_id);

		if (!r->stored || r->purging || (int64_t)r->id <= after ||
		    (!all && (int64_t)r->seq <= since && !r->changed))
			continue;
		json_push(a, result_json(r, CHANGED_ALL, NULL));
		bytes += 1024 + strlen(r->options);
		limit--;
	}
	json_add(o, "results", a);
	json_add_bool(o, "more", l != &c->by_id);
	add_purged(c, o, all ? c->seq : (uint64_t)since);
	request_reply(rq, MSG_RESULTS_REPLY, o, NULL, 0);
}

/* --- dispatch ----------------------------------------------------------- */

static const struct {
	const char *type;
	void (*handle)(struct controller *c, struct request *rq);
} handlers[] = {
	{MSG_SUBMIT_REQUEST, query_on_submit},
	{MSG_FETCH_REQUEST, query_on_fetch},
	{MSG_RESULTS_REQUEST, on_results},
	{MSG_TASKS_REQUEST, query_on_tasks},
	{MSG_STATE_REQUEST, on_state},
	{MSG_CONTROL_REQUEST, control_on_request},
	{MSG_ENGINE_CONTROL_REQUEST, orders_on_request},
	{MSG_PUSH_REQUEST, vars_on_request},
	{MSG_PULL_REQUEST, vars_on_request},
	{MSG_VARS_REQUEST, vars_on_request},
	{MSG_CONNECTION_REQUEST, on_connection},
	{MSG_REGISTRATION_REQUEST, engines_on_registration},
	{MSG_UNREGISTRATION_REQUEST, engines_on_unregistration},
	{MSG_SHUTDOWN_REQUEST, on_shutdown},
	{MSG_QUEUE_REQUEST, stock_on_queue},
	{MSG_LOAD_REQUEST, stock_on_load},
	{MSG_RESULT_REQUEST, stock_on_result},
	{MSG_HISTORY_REQUEST, stock_on_history},
	{MSG_DB_REQUEST, stock_on_db},
	{MSG_PURGE_REQUEST, stock_on_purge},
	{MSG_RESUBMIT_REQUEST, stock_on_resubmit},
	{MSG_BECOME_DASK_REQUEST, stock_on_become_dask},
	{MSG_STOP_DISTRIBUTED_REQUEST, stock_on_stop_distributed},
};

void query_refuse(struct controller *c, struct msg *m)
{
	request_reply(request_new(c, m), MSG_HUB_ERROR, unreadable_content(m),
		      NULL, 0);
}

void query_on_message(struct controller *c, struct msg *m)
{
	struct buf why = BUF_INIT;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(handlers); i++) {
		if (strcmp(handlers[i].type, m->type) == 0) {
			handlers[i].handle(c, request_new(c, m));
			return;
		}
	}
	c->count.dropped_unknown++;
	buf_puts(&why, "\"Bad Message Type: '");
	buf_put_escaped(&why, bytes_str(m->type), 64);
	buf_puts(&why, "'\"");
	request_fail(request_new(c, m), MSG_HUB_ERROR, 0, "KeyError",
		     buf_str(&why));
	buf_done(&why);
}
