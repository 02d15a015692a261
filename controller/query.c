#include "base/base.h"
#include "query.h"

#include "base/log.h"
#include "engines/orders.h"
#include "engines/registration.h"
#include "hello.h"
#include "mounts/control.h"
#include "mounts/fetch.h"
#include "mounts/listing.h"
#include "mounts/queues.h"
#include "mounts/submit.h"
#include "net/request.h"
#include "net/sockets.h"
#include "pools/requests.h"
#include "records/forget.h"
#include "records/lookup.h"
#include "records/queues.h"
#include "records/resubmit.h"
#include "state.h"
#include "upstream/ask.h"
#include "vars/requests.h"

/* --- the end -------------------------------------------------------------- */

static void upstream_ends(struct controller *c, struct msg *reply,
			  uint64_t arg)
{
	(void)c;
	(void)arg;
	if (!reply)
		log_warning("the upstream controller did not say that it ends");
}

/* Only the other controller is told to end: this one ends when no mount uses it. */
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

/* Pools and queues are others' business. */
static void on_control(struct controller *c, struct request *rq)
{
	if (json_get(rq->msg->content, "pool"))
		pools_on_control(c, rq);
	else if (json_get(rq->msg->content, "queue"))
		queues_on_control(c, rq);
	else
		control_on_request(c, rq);
}

/* --- dispatch ----------------------------------------------------------- */

static const struct {
	const char *type;
	void (*handle)(struct controller *c, struct request *rq);
} handlers[] = {
	{MSG_SUBMIT_REQUEST, submit_on_request},
	{MSG_FETCH_REQUEST, fetch_on_request},
	{MSG_RESULTS_REQUEST, state_on_results},
	{MSG_TASKS_REQUEST, listing_on_request},
	{MSG_STATE_REQUEST, state_on_request},
	{MSG_CONTROL_REQUEST, on_control},
	{MSG_POOL_REQUEST, pools_on_request},
	{MSG_ENGINE_CONTROL_REQUEST, orders_on_request},
	{MSG_PUSH_REQUEST, vars_on_request},
	{MSG_PULL_REQUEST, vars_on_request},
	{MSG_VARS_REQUEST, vars_on_request},
	{MSG_CONNECTION_REQUEST, hello_on_request},
	{MSG_REGISTRATION_REQUEST, registration_on_request},
	{MSG_UNREGISTRATION_REQUEST, registration_on_end},
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
