#include "base/base.h"
#include "returned.h"

#include "base/log.h"
#include "net/intake.h"
#include "schedule/ending.h"

static void add_unwanted(struct controller *c, const struct engine *e,
			 struct json_object *ids, struct json_object *drop)
{
	size_t i, n = ids ? json_object_array_length(ids) : 0;

	for (i = 0; i < n; i++) {
		struct json_object *v = json_object_array_get_idx(ids, i);
		struct run *run = run_find(c, json_object_get_string(v));

		if (!run || run->engine != e || run->phase == RUN_ENDING)
			json_push(drop, json_object_get(v));
	}
}

void returned_submitted(struct engine *e, struct json_object *running,
			struct json_object *finished,
			struct json_object *ret_drop)
{
	static const struct ending aborted = {.event = EVENT_ABORT};
	struct list *l, *tmp;

	add_unwanted(e->c, e, running, ret_drop);
	add_unwanted(e->c, e, finished, ret_drop);
	list_for_each_safe(l, tmp, &e->runs) {
		struct run *run = list_entry(l, struct run, engine_link);
		struct result *r = result_find(e->c, run->result);

		/* A task that was sent just now may still be on its way. */
		if (run->phase != RUN_SENT || run->ops->lost ||
		    (run->trace != RUN_RESTORED && !run->abort &&
		     mono_usec() - run->sent < LIMIT_FLIGHT * USEC_PER_SEC))
			continue;
		if (run->abort) {
			json_push(ret_drop, json_text(bytes_str(run->msg_id)));
			run_end(run, &aborted, NULL);
			continue;
		}
		if (json_has_str(running, run->msg_id) ||
		    json_has_str(finished, run->msg_id)) {
			run_note(run, SIGN_CLAIMED);
			continue;
		}
		/* The task never got there: the engine keeps each one until its end
		 * is stored. */
		log_info("a task did not reach its engine and waits again",
			 log_int("result", (int64_t)run->result),
			 log_int("engine", e->id));
		run_put_back(r, run);
	}
}

/* The ids as a set: there may be as many of them as of runs. */
static void put_ids(struct map *to, struct json_object *ids)
{
	size_t i, n = json_object_array_length(ids);

	for (i = 0; i < n; i++) {
		struct json_object *v = json_object_array_get_idx(ids, i);

		if (json_object_is_type(v, json_type_string))
			map_put(to, bytes_str(json_object_get_string(v)), ids);
	}
}

/*
 * Ends the tasks that clients sent to the engine before it registered last, and that
 * it does not have: they are lost, or their replies are. Nobody but the client could
 * send them again.
 */
static void end_lost(struct engine *e, struct json_object *relayed)
{
	struct map here = {0};
	struct list *l, *tmp;

	put_ids(&here, relayed);
	list_for_each_safe(l, tmp, &e->runs) {
		struct run *run = list_entry(l, struct run, engine_link);

		if (!run->doubtful ||
		    map_get(&here, bytes_str(run->msg_id)))
			continue;
		run->ops->lost(run);
	}
	map_done(&here);
}

bool returned_relayed(struct engine *e, struct json_object *relayed)
{
	struct list *l;

	/* Replies that have come may not have been read. */
	if (relayed && !intake_has_read(e->c, LIMIT_FLIGHT * USEC_PER_SEC))
		return false;
	if (relayed)
		end_lost(e, relayed);
	list_for_each(l, &e->runs) {
		struct run *run = list_entry(l, struct run, engine_link);

		run->doubtful = !relayed && run->phase == RUN_SENT &&
				run->ops->lost;
	}
	return true;
}
