#include "base/base.h"
#include "queues.h"

#include "base/log.h"
#include "base/parse.h"
#include "controller_json.h"
#include "events.h"
#include "model/queues.h"
#include "schedule/sched.h"
#include "wire/pool_option.h"

/* --- until it is stored ------------------------------------------------------ */

/* A new value holds at once; the old one comes back when it cannot be stored. */
struct queue_deed {
	struct request *rq;
	char *name;
	bool made;
	uint64_t limit_was;
	bool paused_was;
};

static void refuse(struct request *rq, int err, const char *why)
{
	request_fail(rq, MSG_CONTROL_REPLY, err, "QueueError", why);
}

/* What waits is asked for again, and told why it still does. */
static void changed(struct controller *c)
{
	events_on_controller(c);
	sched_tell_all(c);
	sched_kick(c);
}

static void undo(struct queue *q, const struct queue_deed *d)
{
	bool empty = !q->results && !q->active;

	q->removing = false;
	q->limit = d->limit_was;
	q->paused = d->paused_was;
	if (d->made && empty)
		queue_free(q);
}

static void deed_done(struct store_op *op)
{
	struct queue_deed *d = op->arg;
	struct controller *c = d->rq->c;
	struct queue *q = queue_find(c, bytes_str(d->name));
	struct json_object *o;

	if (q && op->err)
		undo(q, d);
	else if (q && q->removing)
		queue_free(q);
	changed(c);
	if (op->err) {
		refuse(d->rq, op->err, "it could not be stored");
	} else {
		o = ok_content(c, true);
		json_add(o, "controller", controller_json(c, false));
		request_reply(d->rq, MSG_CONTROL_REPLY, o, NULL, 0);
	}
	free(d->name);
	free(d);
}

static struct queue_deed *deed_new(struct request *rq, const struct queue *q)
{
	struct queue_deed *d = zalloc(sizeof(*d));

	d->rq = rq;
	d->name = xstrdup(q->name);
	d->limit_was = q->limit;
	d->paused_was = q->paused;
	return d;
}

static void put(struct queue_deed *d)
{
	struct store_op *op = queues_store_op(d->rq->c);

	op->arg = d;
	op->done = deed_done;
	changed(d->rq->c);
	store_put(d->rq->c->store, op);
}

/* --- the verbs ---------------------------------------------------------------- */

static void make(struct request *rq, struct bytes name)
{
	struct controller *c = rq->c;
	struct queue_deed *d;

	if (!pool_name_ok(name)) {
		refuse(rq, -EINVAL, "that is no name of a queue" POOL_NAME_RULE);
	} else if (queue_find(c, name)) {
		refuse(rq, -EEXIST, "there is a queue of this name");
	} else if (c->queues->by_name.n >= LIMIT_QUEUES) {
		refuse(rq, -ENOSPC, "there are too many queues");
	} else {
		d = deed_new(rq, queue_new(c, name));
		d->made = true;
		log_info("a queue was made", log_str("queue", d->name));
		put(d);
	}
}

static void verb_remove(struct request *rq, struct queue *q, struct bytes arg)
{
	struct queue_deed *d;

	(void)arg;
	if (q->results || q->active) {
		refuse(rq, -EBUSY, "results that have not ended are in it");
		return;
	}
	d = deed_new(rq, q);
	q->removing = true;
	log_info("a queue is removed", log_str("queue", d->name));
	put(d);
}

static void verb_limit(struct request *rq, struct queue *q, struct bytes arg)
{
	struct queue_deed *d;
	uint64_t n;

	if (parse_u64(arg, 0, LIMIT_TASKS, &n)) {
		refuse(rq, -EINVAL, "the limit must be a whole number");
		return;
	}
	d = deed_new(rq, q);
	q->limit = n;
	put(d);
}

static void set_paused(struct request *rq, struct queue *q, bool paused)
{
	struct queue_deed *d = deed_new(rq, q);

	q->paused = paused;
	put(d);
}

static void verb_pause(struct request *rq, struct queue *q, struct bytes arg)
{
	(void)arg;
	set_paused(rq, q, true);
}

static void verb_resume(struct request *rq, struct queue *q, struct bytes arg)
{
	(void)arg;
	set_paused(rq, q, false);
}

static const struct queue_verb {
	const char *name;
	void (*run)(struct request *rq, struct queue *q, struct bytes arg);
} verbs[] = {
	{"remove", verb_remove},
	{"limit", verb_limit},
	{"pause", verb_pause},
	{"resume", verb_resume},
};

static const struct queue_verb *find_verb(struct bytes name)
{
	size_t i;

	for (i = 0; name.p && i < ARRAY_SIZE(verbs); i++)
		if (bytes_is(name, verbs[i].name))
			return &verbs[i];
	return NULL;
}

void queues_on_control(struct controller *c, struct request *rq)
{
	struct json_object *o = rq->msg->content;
	struct bytes name = json_get_bytes(o, "queue");
	struct bytes verb = json_get_bytes(o, "verb");
	struct bytes arg = json_get_bytes(o, "argument");
	const struct queue_verb *v = find_verb(verb);
	struct queue *q = queue_find(c, name);

	if (!name.p)
		refuse(rq, -EINVAL, "queue must be a name");
	else if (verb.p && bytes_is(verb, "make"))
		make(rq, name);
	else if (!q || q->removing)
		refuse(rq, -ENOENT, "there is no such queue");
	else if (!v)
		refuse(rq, -EINVAL, "there is no such verb");
	else
		v->run(rq, q, arg.p ? arg : bytes_of("", 0));
}
