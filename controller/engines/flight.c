#include "base/base.h"
#include "flight.h"

#include "away.h"
#include "base/log.h"
#include "drain.h"
#include "model/carrier.h"
#include "net/intake.h"
#include "schedule/ending.h"

#define FLIGHT (LIMIT_FLIGHT * USEC_PER_SEC)
/* A start is stored before it is sent. */
#define STORING (100 * USEC_PER_MSEC)
/* So many tasks are asked about in one message. */
#define LIMIT_ASKED 1024
/* So often an engine that beats does not answer, before it is given up. */
#define UNANSWERED 3
/* So many tasks in a row do not arrive, before the engine gets no more. */
#define ASTRAY 2

struct flight {
	struct controller *c;
	struct timer timer;
};

static bool is_silent(const struct run *run)
{
	return run->phase == RUN_SENT && run->engine->kind->answers_have &&
	       run->trace < RUN_HEARD;
}

/* The task was sent so short before that moment that it may not have arrived. */
static bool was_under_way(const struct run *run, uint64_t when)
{
	return run->sent + FLIGHT > when;
}

static struct json_object *silent_ones(struct engine *e, uint64_t now)
{
	struct json_object *ids = json_object_new_array();
	struct list *l;

	list_for_each(l, &e->runs) {
		const struct run *run =
			list_entry(l, struct run, engine_link);

		if (is_silent(run) && !was_under_way(run, now) &&
		    json_object_array_length(ids) < LIMIT_ASKED)
			json_push(ids, json_text(bytes_str(run->msg_id)));
	}
	return ids;
}

static void ask(struct engine *e, struct json_object *ids)
{
	struct msg_out out = {
		.type = MSG_HAVE_REQUEST,
		.msg_id = e->question,
		.content = json_object_new_object(),
	};

	session_msg_id(engine_session(e), e->question);
	e->asked = mono_usec();
	json_add(out.content, "msg_ids", ids);
	/* An engine that cannot be reached does not beat, or is asked again. */
	(void)!engine_send(e, LINE_CONTROL, &out);
	json_object_put(out.content);
}

/* False: the engine is lost. */
static bool is_patient(struct engine *e)
{
	if (e->pong > e->asked)
		e->unanswered++;
	if (e->unanswered < UNANSWERED)
		return true;
	engine_lose(e, "it beats, and does not say whether it has the task");
	return false;
}

static void look_at(struct engine *e)
{
	uint64_t now = mono_usec();
	struct json_object *ids;

	if (e->state != ENGINE_LIVE ||
	    (e->asked && now - e->asked < FLIGHT))
		return;
	ids = silent_ones(e, now);
	if (!json_object_array_length(ids)) {
		e->asked = 0;
		e->unanswered = 0;
	} else if (!e->asked || is_patient(e)) {
		ask(e, ids);
		return;
	}
	json_object_put(ids);
}

static bool has_silent(const struct engine *e)
{
	const struct list *l;

	list_for_each(l, &e->runs)
		if (is_silent(list_entry(l, struct run, engine_link)))
			return true;
	return false;
}

static void look(struct timer *t)
{
	struct controller *c = container_of(t, struct flight, timer)->c;
	struct list *l, *tmp;
	bool more = false;

	list_for_each_safe(l, tmp, &c->engines->order) {
		struct engine *e = list_entry(l, struct engine, order);

		more |= has_silent(e);
		look_at(e);
	}
	if (more)
		timer_set(c->loop, t, FLIGHT / 2);
}

/* The engine was given a task. */
static void busy(struct engine *e)
{
	struct controller *c = e->c;

	if (e->kind->answers_have && !timer_is_set(&c->flight->timer))
		timer_set(c->loop, &c->flight->timer, FLIGHT + STORING);
}

const struct engine_hooks flight_hooks = {.busy = busy};

void flight_doubt(struct run *run)
{
	struct controller *c = run->c;

	run_note(run, SIGN_UNSURE);
	timer_set(c->loop, &c->flight->timer, USEC_PER_MSEC);
}

/* --- answers ------------------------------------------------------------ */

static void went_astray(struct engine *e)
{
	if (++e->astray < ASTRAY)
		return;
	e->astray = 0;
	drain_because(e, "tasks that were sent to it did not arrive");
}

static void is_missing(struct run *run)
{
	static const struct ending aborted = {.event = EVENT_ABORT};
	struct engine *e = run->engine;
	struct controller *c = run->c;

	/* The engine does not keep the reply, which may have passed this answer. */
	if (run->ops->lost && (run->trace != RUN_MISSING ||
			       !intake_has_read(c, FLIGHT))) {
		run_note(run, SIGN_MISSING);
		return;
	}
	log_warning("a task did not reach its engine",
		    log_int("result", (int64_t)run->result),
		    log_int("engine", e->id), log_str("msg_id", run->msg_id));
	if (run->ops->lost) {
		/* Such a task gets lost when a connection breaks, and that is no
		 * fault of the engine. */
		run->ops->lost(run);
		return;
	}
	went_astray(e);
	if (run->abort)
		run_end(run, &aborted, NULL);
	else
		run_put_back(result_find(c, run->result), run);
}

static void take_answer(struct engine *e, struct json_object *missing)
{
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &e->runs) {
		struct run *run = list_entry(l, struct run, engine_link);

		if (!is_silent(run) || was_under_way(run, e->asked))
			continue;
		if (json_has_str(missing, run->msg_id)) {
			is_missing(run);
		} else {
			run_note(run, SIGN_HEARD);
			e->astray = 0;
		}
	}
}

bool flight_on_reply(struct engine *e, struct msg *m)
{
	const char *id = json_get_str(m->parent, "msg_id", NULL);
	struct json_object *content, *missing;

	if (strcmp(m->type, MSG_HAVE_REPLY) != 0)
		return false;
	content = msg_json(m, MSG_CONTENT);
	missing = json_get_array(content, "missing");
	/* An engine that does not know the question has what it was sent, as far as
	 * one can tell. */
	if (e->asked && id && strcmp(id, e->question) == 0) {
		take_answer(e, missing);
		e->asked = 0;
		e->unanswered = 0;
	}
	json_object_put(content);
	return true;
}

void flight_init(struct controller *c)
{
	c->flight = zalloc(sizeof(*c->flight));
	c->flight->c = c;
	c->flight->timer.fire = look;
}

void flight_done(struct controller *c)
{
	timer_cancel(&c->flight->timer);
	free(c->flight);
	c->flight = NULL;
}
