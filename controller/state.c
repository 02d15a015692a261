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

void state_on_results(struct controller *c, struct request *rq)
{
	int64_t since = json_int_or(rq->msg->content, "since", 0);
	int64_t after = json_int_or(rq->msg->content, "after", 0);
	int64_t limit = json_int_or(rq->msg->content, "limit",
				    RESULTS_PER_REPLY);
	bool all = !json_get(rq->msg->content, "since");
	struct result *first = result_find(c, (uint64_t)after);
	struct list *l = first ? first->by_id.next : c->results->order.next;
	struct json_object *o = ok_content(c, true);
	struct json_object *a = json_object_new_array();
	size_t bytes = 0;

	limit = limit > 0 && limit < RESULTS_PER_REPLY ? limit
						       : RESULTS_PER_REPLY;
	for (; l != &c->results->order && limit > 0 && bytes < LIMIT_REPLY;
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
	json_add_bool(o, "more", l != &c->results->order);
	events_add_purged(c, o, all ? c->seq : (uint64_t)since);
	request_reply(rq, MSG_RESULTS_REPLY, o, NULL, 0);
}
