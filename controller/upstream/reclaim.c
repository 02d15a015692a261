#include "base/base.h"
#include "reclaim.h"

#include "ask.h"
#include "base/log.h"
#include "ipython/foreign.h"
#include "ipython/listener.h"
#include "ipython/output.h"
#include "model/results.h"
#include "schedule/ending.h"
#include "upstream_parts.h"

/*
 * Runs from before a restart, on engines of an upstream controller: their
 * replies went to sockets that are closed. The hub has them.
 */

#define ASK_EVERY USEC_PER_SEC
/* When the end of a task was published, the hub has the reply soon. */
#define ASK_SOON (100 * USEC_PER_MSEC)
/* Of others' tasks the end is heard in most cases: they are asked for in every such
 * round alone. */
#define OTHERS_ROUND 10
/* When the hub has not known a task for so long, the task never got there: the hub
 * hears of tasks by another way than of questions, and takes its time after a start. */
#define UNKNOWN (10 * USEC_PER_SEC)
/* So often the hub may say that a task waits, though its engine has done all that it
 * was given before. */
#define STUCK 10
/* So often the hub may say that a task waits, though its engine is gone. */
#define ORPHANED 5
/* So long after the reply its outputs may still come to the hub, whose clock
 * may be another. */
#define OUTPUTS_LATE (5LL * 1000000)

struct reclaim {
	struct controller *c;
	struct timer timer;
	size_t waiting;		/* questions of the first round */
	bool done, soon;
	void (*on_done)(struct controller *c);
	bool no_records;	/* of the hub: it knows only what has ended */
	unsigned round;
};

/* So often it is asked for soon, until the hub has heard of it, too. */
#define NEWS 10

/* What was asked about a run, and answered. */
struct inquiry {
	bool asking;
	unsigned news;		/* ask so many times more, soon */
	uint64_t unknown;	/* mono_usec(): since when the hub knows nothing of it */
	unsigned stuck;		/* so often the hub said what cannot be */
	uint64_t printed;	/* 1 + bytes of output it told of last; 0: none */
	bool orphan;		/* its engine is gone */
};

static struct inquiry *inquiry_of(struct run *run)
{
	if (!run->inquiry)
		run->inquiry = zalloc(sizeof(*run->inquiry));
	return run->inquiry;
}

void reclaim_free(struct run *run)
{
	free(run->inquiry);
	run->inquiry = NULL;
}

static struct reclaim *reclaim_of(struct controller *c)
{
	return c->reclaim;
}

static uint64_t key_of(const struct run *run)
{
	return run->result << 24 | run->index;
}

/* The run of a question; NULL: it ended meanwhile. */
static struct run *run_of(struct controller *c, uint64_t key)
{
	struct result *r = result_find(c, key >> 24);
	struct task *t = r ? result_task(r, key & 0xffffff) : NULL;
	struct run *run = t && t->details ? run_find(c, t->details->msg_id)
					  : NULL;

	return run && run->trace == RUN_RESTORED ? run : NULL;
}

static bool is_unwanted(const struct run *run)
{
	struct result *r = result_find(run->c, run->result);

	return run->abort || r->aborting || r->task[run->index].aborting;
}

static void lost(struct run *run, const char *why)
{
	struct ending how = {
		.event = is_unwanted(run) ? EVENT_ABORT : EVENT_FAIL,
		.ename = "EngineError",
		.evalue = why,
	};

	run_end(run, &how, NULL);
}

static void lost_engine(struct run *run)
{
	struct result *r = result_find(run->c, run->result);
	char why[80];

	snprintf(why, sizeof(why), "engine %lld ended while running the task",
		 (long long)r->task[run->index].engine);
	lost(run, why);
}

/* A hub with --nodb has no records: it is asked only what has ended. */
static void ask_status(struct run *run)
{
	reclaim_of(run->c)->no_records = true;
	inquiry_of(run)->news = NEWS;
	reclaim_soon(run->c);
}

/* Why the hub tells nothing. "No such message": the task never came to it. Anything
 * else: its database keeps no record any more, and the task may have run. */
static void unknown(struct run *run, const char *ename, const char *evalue)
{
	struct result *r = result_find(run->c, run->result);
	struct inquiry *q = inquiry_of(run);

	if (ename && strcmp(ename, "NoData") == 0) {
		ask_status(run);
		return;
	}
	if (!q->unknown)
		q->unknown = mono_usec();
	if (mono_usec() - q->unknown < UNKNOWN)
		return;
	if (run->ops->is_watched) {
		lost(run, "ipyparallel's hub does not know it any more");
		return;
	}
	/* Another hub than the one that the task went to may be there by now. */
	if (!run->engine || run->engine->state != ENGINE_LIVE) {
		lost_engine(run);
		return;
	}
	if (!evalue || !strstr(evalue, "No such message")) {
		lost(run, "ipyparallel's hub does not keep its record any more");
		return;
	}
	log_info("a task did not reach the upstream controller and waits "
		 "again", log_int("result", (int64_t)run->result));
	run_put_back(r, run);
}

static uint64_t length_of(struct json_object *io, const char *stream)
{
	size_t n = 0;

	(void)json_get_str(io, stream, &n);
	return n;
}

static bool ended_lately(struct json_object *record)
{
	const char *s = json_get_str(record, "received", NULL);
	int64_t t = 0;

	return s && date_parse(bytes_str(s), &t) == 0 &&
	       llabs(now_usec() - t) < OUTPUTS_LATE;
}

/*
 * Outputs come to the hub by another way than the reply: a task that has just
 * ended is asked for until they are the same twice.
 */
static bool prints_still(struct run *run, struct json_object *record)
{
	struct json_object *io = json_get_object(record, "io");
	struct inquiry *q = inquiry_of(run);
	uint64_t was = q->printed;

	q->printed = 1 + length_of(io, "stdout") + length_of(io, "stderr");
	if (q->printed == was || !ended_lately(record))
		return false;
	q->news = NEWS;
	reclaim_soon(run->c);
	return true;
}

static void take_record(struct run *run, struct msg *reply)
{
	struct json_object *content = reply->content;
	struct json_object *record = json_get_object(content, run->msg_id);
	bool ended = json_has_str(json_get_array(content, "completed"),
			      run->msg_id);
	struct inquiry *q = inquiry_of(run);

	q->unknown = 0;
	/* A task that was aborted publishes no end. */
	if (ended && run->ops->is_watched && run->engine)
		foreign_set_elsewhere(run->engine, false);
	if (record && json_get_object(record, "result_content")) {
		if (!prints_still(run, record))
			call_on_record(run, record, reply);
	} else if (ended && reclaim_of(run->c)->no_records)
		lost(run, "it ended while nobody listened, and ipyparallel's "
			  "hub keeps no results");
	else if (q->orphan && !run->ops->is_watched && ++q->stuck > ORPHANED)
		lost_engine(run);
	else if (!run->ops->is_watched && run->engine &&
		 foreign_has_done_all(run->engine) && ++q->stuck > STUCK)
		lost(run, "its engine works again, and the hub has no answer "
			  "of the task");
}

static void answered(struct controller *c, struct msg *reply, uint64_t key)
{
	struct reclaim *rc = reclaim_of(c);
	struct run *run = run_of(c, key);
	const char *status;

	if (run) {
		inquiry_of(run)->asking = false;
		status = reply ? json_get_str(reply->content, "status", NULL)
			       : NULL;
		if (status && strcmp(status, "ok") == 0)
			take_record(run, reply);
		else if (status)
			unknown(run,
				json_get_str(reply->content, "ename", NULL),
				json_get_str(reply->content, "evalue", NULL));
	}
	rc->waiting -= rc->waiting > 0;
	/* A question without an answer is asked again. */
	if (rc->done || rc->waiting || !reply)
		return;
	rc->done = true;
	rc->on_done(c);
}

static bool ask(struct run *run)
{
	struct json_object *o = json_object_new_object();
	struct json_object *ids = json_object_new_array();
	struct inquiry *q = inquiry_of(run);

	json_push(ids, json_text(bytes_str(run->msg_id)));
	json_add(o, "msg_ids", ids);
	json_add_bool(o, "status_only", reclaim_of(run->c)->no_records);
	q->asking = upstream_ask(run->c, MSG_RESULT_REQUEST, o, answered,
				 key_of(run)) == 0;
	return q->asking;
}

/* Asks for all of them; returns how many wait for an answer. */
static size_t ask_all(struct reclaim *rc)
{
	struct map_iter it = {0};
	size_t n = 0, left = 0;
	bool soon = false;

	rc->soon = false;
	rc->round++;
	while (map_next(&rc->c->runs->by_msg_id, &it)) {
		struct run *run = it.value;
		struct inquiry *q;

		if (run->trace != RUN_RESTORED || run->phase != RUN_SENT)
			continue;
		left++;
		q = inquiry_of(run);
		if (q->asking || (run->ops->is_watched && !q->news &&
				  rc->round % OTHERS_ROUND))
			continue;
		q->news -= q->news > 0;
		soon |= q->news > NEWS / 2;
		n += ask(run);
	}
	if (left)
		timer_set(rc->c->loop, &rc->timer,
			  soon ? ASK_SOON : ASK_EVERY);
	return n;
}

static void again(struct timer *t)
{
	struct reclaim *rc = container_of(t, struct reclaim, timer);
	size_t n = ask_all(rc);

	if (rc->done)
		return;
	rc->waiting += n;
	/* The last run of the first round ended another way. */
	if (!rc->waiting) {
		rc->done = true;
		rc->on_done(rc->c);
	}
}

void reclaim_begin(struct controller *c,
		   void (*on_done)(struct controller *c))
{
	struct reclaim *rc = c->reclaim;

	if (!rc) {
		rc = c->reclaim = zalloc(sizeof(*rc));
		rc->c = c;
		rc->timer.fire = again;
		rc->on_done = on_done;
	}
	rc->no_records = false;
	if (rc->done) {
		(void)ask_all(rc);
		return;
	}
	rc->waiting += ask_all(rc);
	if (!rc->waiting)
		rc->done = true;
}

bool reclaim_is_done(struct controller *c)
{
	return c->reclaim && c->reclaim->done;
}

void reclaim_soon(struct controller *c)
{
	struct reclaim *rc = c->reclaim;

	/* Something new all the time does not put the questions off. */
	if (!rc || rc->soon)
		return;
	rc->soon = true;
	timer_set(c->loop, &rc->timer, ASK_SOON);
}

bool reclaim_orphan(struct run *run)
{
	struct inquiry *q = inquiry_of(run);

	if (!run->c->upstream->up)
		return false;
	run_leave_engine(run);
	run_note(run, SIGN_CUT);
	q->orphan = true;
	q->stuck = 0;
	q->news = NEWS;
	reclaim_soon(run->c);
	return true;
}

void reclaim_end_orphans(struct controller *c, const char *why)
{
	struct map_iter it = {0};

	while (map_next(&c->runs->by_msg_id, &it)) {
		struct run *run = it.value;

		if (run->inquiry && run->inquiry->orphan &&
		    run->phase == RUN_SENT)
			lost(run, why);
	}
}

void reclaim_run(struct run *run)
{
	reclaim_soon(run->c);
}

void reclaim_again(struct run *run)
{
	inquiry_of(run)->unknown = 0;
}

void reclaim_others(struct run *run)
{
	inquiry_of(run)->news = NEWS;
}

void reclaim_on_iopub(struct run *run, struct msg *m)
{
	if (iopub_says(m, "idle")) {
		call_note_end(run);
		inquiry_of(run)->news = NEWS;
		reclaim_run(run);
	}
}

void reclaim_done(struct controller *c)
{
	if (!c->reclaim)
		return;
	timer_cancel(&c->reclaim->timer);
	free(c->reclaim);
	c->reclaim = NULL;
}
