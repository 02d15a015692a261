#include "base/base.h"
#include "away.h"

#include "base/log.h"
#include "engine_parts.h"
#include "model/clock.h"
#include "presence.h"
#include "schedule/sched.h"
#include "wire/process.h"

/*
 * An engine that was killed with its guard says no goodbye. The controller, if it
 * runs on the same machine, sees that the process is not there; and whatever ran
 * before a machine was started has ended.
 */
bool away_has_ended(const struct engine *e, const char *newer)
{
	if (e->state != ENGINE_LOST || !e->process)
		return false;
	return process_fate(e->pid, e->process) == PROCESS_ENDED ||
	       (newer && process_rebooted(e->process, newer));
}

/* What the engine ran ends. False: nobody waits for the engine, and it is gone. */
static bool put_away(struct engine *e, int64_t since, const char *why)
{
	struct controller *c = e->c;

	if (!e->lost) {
		e->lost = clock_now(c);
		e->away_since = since;
	}
	if (e->state == ENGINE_JOINING || !c->config.keep_id) {
		engine_remove(e, why);
		return false;
	}
	log_info("engine lost", log_int("engine", e->id),
		 log_str("uuid", e->uuid), log_str("why", why),
		 log_int("tasks", e->load));
	e->state = ENGINE_LOST;
	engine_give_up(e);
	e->given_up = true;
	engine_tell_hooks(e, lost);
	return true;
}

static void tell_away(struct engine *e)
{
	engine_store(e);
	engine_turned(e);
	sched_kick(e->c);
}

void engine_lose(struct engine *e, const char *why)
{
	struct controller *c = e->c;

	c->count.lost_engines++;
	e->unknown_end = why;
	if (!put_away(e, e->heard ? e->heard : c->since, why))
		return;
	tell_away(e);
	away_beat(e);
}

void engine_die(struct engine *e, struct json_object *guard)
{
	if (!put_away(e, now_usec(), "it died, and is started again"))
		return;
	e->respawns = true;
	engine_read_pid(e, guard);
	engine_read_text(&e->process, guard, "process");
	tell_away(e);
}

void away_beat(struct engine *e)
{
	struct controller *c = e->c;

	if (away_has_ended(e, NULL))
		engine_remove(e, "its process has ended");
	else if (clock_now(c) - e->lost >= (int64_t)c->config.keep_id)
		engine_remove(e, "it did not come back");
}

bool away_make_room(struct controller *c)
{
	struct engine *oldest = NULL;
	struct list *l;

	list_for_each(l, &c->engines->order) {
		struct engine *e = list_entry(l, struct engine, order);

		if (e->given_up && (!oldest || e->lost < oldest->lost))
			oldest = e;
	}
	if (oldest)
		engine_remove(oldest, "there are too many engines");
	return oldest != NULL;
}
