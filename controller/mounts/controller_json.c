#include "base/base.h"
#include "controller_json.h"

#include "metrics.h"
#include "model/carrier.h"
#include "model/queues.h"
#include "model/results.h"
#include "schedule/policy.h"
#include "store/store.h"

static struct json_object *queues_json(const struct controller *c)
{
	struct json_object *a = json_object_new_array();
	const struct list *l;

	list_for_each(l, &c->queues->all) {
		const struct queue *q = list_entry(l, struct queue, link);
		struct json_object *o = json_object_new_object();

		json_add_str(o, "queue", q->name);
		json_add_int(o, "limit", (int64_t)q->limit);
		json_add_bool(o, "paused", q->paused);
		json_add_int(o, "waiting", (int64_t)q->count[STATE_PENDING]);
		json_add_int(o, "running", (int64_t)q->count[STATE_RUNNING]);
		json_push(a, o);
	}
	return a;
}

struct json_object *controller_json(const struct controller *c, bool counters)
{
	struct json_object *o = json_object_new_object();

	json_add_int(o, "waiting", (int64_t)c->results->tasks[STATE_PENDING]);
	json_add_int(o, "running", (int64_t)c->results->tasks[STATE_RUNNING]);
	json_add_int(o, "completed",
		     (int64_t)(c->results->tasks[STATE_OK] + c->results->tasks[STATE_ERROR] +
			       c->results->tasks[STATE_ABORTED]));
	json_add_str(o, "scheme", policy_name(c->policy));
	json_add_int(o, "results", (int64_t)c->results->by_id.n);
	json_add_str(o, "trouble",
		     store_is_full(c->store)
			     ? "disk full: submissions are refused"
			     : NULL);
	json_add(o, "queues", queues_json(c));
	if (c->carrier->json)
		json_add(o, "upstream", c->carrier->json(c));
	if (counters)
		metrics_add(o, c);
	return o;
}
