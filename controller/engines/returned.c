#include "base/base.h"
#include "returned.h"

#include "base/log.h"
#include "net/intake.h"
#include "schedule/ahead.h"
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

/* Sent by a controller that ended since, and not begun: it is free to be given to any
 * engine again. */
static bool comes_back(const struct run *run, struct json_object *waiting)
{
	return run->trace == RUN_RESTORED && json_has_str(waiting, run->msg_id);
}

/* The engine has the task, or may get it. */
static bool is_there(const struct run *run, struct json_object *t)
{
	return json_has_str(json_get_array(t, "running"), run->msg_id) ||
	       json_has_str(json_get_array(t, "finished"), run->msg_id);
}

static void take_run(struct run *run, struct json_object *t,
		     struct json_object *drop)
{
	static const struct ending aborted = {.event = EVENT_ABORT};
	bool back = comes_back(run, json_get_array(t, "waiting"));

	if (run->abort || back)
		json_push(drop, json_text(bytes_str(run->msg_id)));
	if (run->abort) {
		run_end(run, &aborted, NULL);
		return;
	}
	if (!back && is_there(run, t)) {
		run_note(run, SIGN_CLAIMED);
		return;
	}
	/* The task never got there: the engine keeps each one until its end is
	 * stored. */
	log_info(back ? "a task was not begun and waits again"
		      : "a task did not reach its engine and waits again",
		 log_int("result", (int64_t)run->result),
		 log_int("engine", run->engine->id));
	run_put_back(result_find(run->c, run->result), run);
}

void returned_submitted(struct engine *e, struct json_object *t,
			struct json_object *ret_drop)
{
	struct list *l, *tmp;

	add_unwanted(e->c, e, json_get_array(t, "running"), ret_drop);
	add_unwanted(e->c, e, json_get_array(t, "finished"), ret_drop);
	list_for_each_safe(l, tmp, &e->runs) {
		struct run *run = list_entry(l, struct run, engine_link);

		/* A task that was sent just now may still be on its way. */
		if (run->phase != RUN_SENT || run->ops->lost ||
		    (run->trace != RUN_RESTORED && !run->abort &&
		     mono_usec() - run->sent < LIMIT_FLIGHT * USEC_PER_SEC))
			continue;
		take_run(run, t, ret_drop);
	}
}

/* --- what was not begun ---------------------------------------------------- */

static bool is_of(const struct run *run, const struct engine *e)
{
	return run && run->engine == e && run->phase == RUN_SENT &&
	       !run->ops->lost;
}

/* What was said of another sending of the same task is late. */
static bool is_sending(const struct run *run, struct json_object *numbers, size_t i)
{
	struct json_object *v = json_object_array_get_idx(numbers, i);

	return json_object_is_type(v, json_type_int) &&
	       json_object_get_int64(v) == run->number;
}

void returned_given_back(struct engine *e, struct json_object *said)
{
	struct json_object *msg_ids = json_get_array(said, "msg_ids");
	struct json_object *numbers = json_get_array(said, "numbers");
	size_t i, n = msg_ids && numbers ? json_object_array_length(msg_ids) : 0;
	bool asked = true;

	for (i = 0; i < n; i++) {
		struct json_object *v = json_object_array_get_idx(msg_ids, i);
		struct run *run = run_find(e->c, json_object_get_string(v));

		if (!is_of(run, e) || !is_sending(run, numbers, i))
			continue;
		asked &= run->recalled || run->abort;
		run_put_back(result_find(e->c, run->result), run);
	}
	if (!asked)
		ahead_note_long(e);
}

void returned_unbegun(struct engine *e, struct json_object *said)
{
	struct list *l, *tmp;
	int64_t begun;

	if (!json_get_int(said, "begun", &begun))
		return;
	list_for_each_safe(l, tmp, &e->runs) {
		struct run *run = list_entry(l, struct run, engine_link);

		if (is_of(run, e) && run->number && run->number > begun)
			run_put_back(result_find(e->c, run->result), run);
	}
}

/* --- tasks of clients ------------------------------------------------------ */

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
