#include "base/base.h"
#include "run.h"

#include "base/log.h"
#include "call.h"
#include "relay.h"
#include "upstream.h"
#include "wire.h"

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

void runs_reclaim(struct engine *e, struct json_object *running,
		  struct json_object *finished, struct json_object *ret_drop)
{
	static const struct ending aborted = {.event = EVENT_ABORT};
	struct list *l, *tmp;

	add_unwanted(e->c, e, running, ret_drop);
	add_unwanted(e->c, e, finished, ret_drop);
	list_for_each_safe(l, tmp, &e->runs) {
		struct run *run = list_entry(l, struct run, engine_link);
		struct result *r = result_find(e->c, run->result);

		/* What was sent just now may still be on its way. */
		if (run->phase != RUN_SENT || run->wire ||
		    (!run->restored && !run->abort &&
		     mono_usec() - run->sent < LIMIT_FLIGHT * USEC_PER_SEC))
			continue;
		run->restored = false;
		if (run->abort) {
			json_push(ret_drop, json_text(bytes_str(run->msg_id)));
			run_end(run, &aborted, NULL);
			continue;
		}
		run->heard = json_has_str(running, run->msg_id) ||
			     json_has_str(finished, run->msg_id);
		if (run->heard)
			continue;
		/* It never got there: the engine keeps all until stored. */
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
 * What clients sent it before it registered last, and it does not have: it is
 * lost, or its reply is. Nobody but the client could send it again.
 */
static void end_lost(struct engine *e, struct json_object *relayed)
{
	struct map here = {0};
	struct list *l, *tmp;

	put_ids(&here, relayed);
	list_for_each_safe(l, tmp, &e->runs) {
		struct run *run = list_entry(l, struct run, engine_link);

		if (!run->doubtful || run->wire->replied ||
		    map_get(&here, bytes_str(run->msg_id)))
			continue;
		log_info("a client's task was lost on its way",
			 log_str("msg_id", run->msg_id),
			 log_int("engine", e->id));
		wire_lost(run->wire);
	}
	map_done(&here);
}

bool runs_reclaim_relayed(struct engine *e, struct json_object *relayed)
{
	struct list *l;

	/* Replies that are here may not have been read. */
	if (relayed && (e->c->paused || mono_usec() - e->c->fed <
						LIMIT_FLIGHT * USEC_PER_SEC))
		return false;
	if (relayed)
		end_lost(e, relayed);
	list_for_each(l, &e->runs) {
		struct run *run = list_entry(l, struct run, engine_link);

		run->doubtful = !relayed && run->phase == RUN_SENT && run->wire;
	}
	return true;
}

static void say_gone(const struct engine *e, struct buf *why)
{
	buf_printf(why, "engine %lld (pid %lld on %s) ", (long long)e->id,
		   (long long)e->pid, e->host ? e->host : "an unknown host");
	if (e->unknown_end)
		buf_printf(why, "was given up while it ran the task, which may "
				"go on there: %s", e->unknown_end);
	else
		buf_puts(why, "ended while running the task");
}

/* To clients in the words they know. */
static void say_died(const struct run *run, const struct engine *e,
		     struct buf *why)
{
	if (run->wire)
		buf_printf(why, "Engine b'%s' died while running task '%s'",
			   e->uuid, run->msg_id);
	else if (upstream_is_gone(e->c))
		buf_printf(why,
			   "ipyparallel's controller ended while engine %lld "
			   "ran the task, which may go on there",
			   (long long)e->id);
	else
		say_gone(e, why);
}

/* Its end may be known all the same. */
static bool goes_on(struct run *run)
{
	return run->phase == RUN_SENT && !run->wire &&
	       (call_engine_gone(run) || reclaim_orphan(run));
}

void runs_engine_gone(struct engine *e)
{
	struct buf why = BUF_INIT;
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &e->runs) {
		struct run *run = list_entry(l, struct run, engine_link);
		struct ending how = {
			.event = run->abort ? EVENT_ABORT : EVENT_FAIL,
			.ename = "EngineError",
			.unknown = e->unknown_end != NULL,
		};

		if (run->wire && relay_finish(run->wire))
			continue;
		if (run->phase == RUN_STARTING) {
			run_leave_engine(run);
			continue;
		}
		if (goes_on(run))
			continue;
		buf_clear(&why);
		say_died(run, e, &why);
		how.evalue = buf_str(&why);
		run_end(run, &how, NULL);
	}
	buf_done(&why);
}
