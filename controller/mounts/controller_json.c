#include "base/base.h"
#include "controller_json.h"

#include "metrics.h"
#include "model/carrier.h"
#include "model/results.h"
#include "schedule/policy.h"
#include "store/store.h"

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
	if (c->carrier->json)
		json_add(o, "upstream", c->carrier->json(c));
	if (counters)
		metrics_add(o, c);
	return o;
}
