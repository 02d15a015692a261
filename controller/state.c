#include "base/base.h"
#include "state.h"

#include "model/changes.h"
#include "model/engines.h"
#include "mounts/controller_json.h"
#include "mounts/engine_json.h"
#include "mounts/events.h"
#include "mounts/result_json.h"
#include "net/request.h"
#include "pools/pool_json.h"
#include "vars/vars.h"
#include "wire/members.h"

#define RESULTS_PER_REPLY 2000

static struct json_object *whole_engine(const struct engine *e)
{
	struct json_object *o = engine_json(e);

	vars_add_json(e, o);
	return o;
}

void state_on_request(struct controller *c, struct request *rq)
{
	struct json_object *o = ok_content(c, true);
	struct json_object *a = json_object_new_array();
	struct list *l;

	list_for_each(l, &c->engines->order) {
		struct engine *e = list_entry(l, struct engine, order);

		if (e->state != ENGINE_JOINING)
			json_push(a, whole_engine(e));
	}
	json_add(o, "engines", a);
	json_add(o, "pools", pools_json(c));
	json_add(o, "controller", controller_json(c, true));
	request_reply(rq, MSG_STATE_REPLY, o, NULL, 0);
}

/* Those that follow `after`, as many as fit; true: there are more. */
static bool put_results(struct controller *c, int64_t after, int64_t since,
			bool all, int64_t limit, struct buf *out)
{
	struct result *first = result_find(c, (uint64_t)after);
	struct list *l = first ? first->by_id.next : c->results->order.next;
	size_t from = out->n;

	for (; l != &c->results->order && limit > 0 &&
	       out->n - from < LIMIT_REPLY;
	     l = l->next) {
		struct result *r = list_entry(l, struct result, by_id);

		if (!r->stored || r->purging || (int64_t)r->id <= after ||
		    (!all && (int64_t)r->seq <= since && !r->changed))
			continue;
		member_begin(out, NULL);
		result_put_json(r, out);
		limit--;
	}
	return l != &c->results->order;
}

void state_on_results(struct controller *c, struct request *rq)
{
	int64_t since = json_int_or(rq->msg->content, "since", 0);
	int64_t after = json_int_or(rq->msg->content, "after", 0);
	int64_t limit = json_int_or(rq->msg->content, "limit",
				    RESULTS_PER_REPLY);
	bool all = !json_get(rq->msg->content, "since"), more;
	struct json_object *gone = json_object_new_object();
	struct buf out = BUF_INIT;

	limit = limit > 0 && limit < RESULTS_PER_REPLY ? limit
						       : RESULTS_PER_REPLY;
	buf_putc(&out, '{');
	ok_members(c, &out);
	member_begin(&out, "results");
	buf_putc(&out, '[');
	more = put_results(c, after, since, all, limit, &out);
	buf_putc(&out, ']');
	member_bool(&out, "more", more);
	events_add_purged(c, gone, all ? c->seq : (uint64_t)since);
	member_all(&out, gone);
	buf_putc(&out, '}');
	request_reply_text(rq, MSG_RESULTS_REPLY, buf_bytes(&out), NULL, 0);
	buf_done(&out);
	json_object_put(gone);
}
