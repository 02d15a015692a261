#include "base/base.h"
#include "hello.h"

#include "engines/notify.h"
#include "model/engines.h"
#include "net/intake.h"
#include "net/request.h"
#include "net/sockets.h"

/* So long a client may take from the connection_reply to its subscription. */
#define HELLO_WAIT (2 * USEC_PER_SEC)

struct hello {
	struct controller *c;
	uint64_t answered, listeners;	/* connection_replies; peers that hear iopub */
	struct timer timer;
};

bool hello_keeps(const struct controller *c, enum socket s)
{
	return timer_is_set(&c->hello->timer) &&
	       (s == S_MUX_IN || s == S_TASK_IN || s == S_BROADCAST_IN);
}

static void over(struct timer *t)
{
	struct hello *h = container_of(t, struct hello, timer);

	h->answered = h->listeners;
	intake_now(h->c);
}

static void note_hello(struct controller *c)
{
	c->hello->answered++;
	notify_hello(c);
	timer_set(c->loop, &c->hello->timer, HELLO_WAIT);
	intake_now(c);
}

void hello_heard(struct controller *c, unsigned more)
{
	struct hello *h = c->hello;

	h->listeners += more;
	if (timer_is_set(&h->timer) && h->listeners >= h->answered) {
		timer_cancel(&h->timer);
		intake_now(c);
	}
}

void hello_on_request(struct controller *c, struct request *rq)
{
	struct json_object *o = ok_content(c, false);
	struct json_object *engines = json_object_new_object();
	struct json_object *t = json_object_new_object();
	struct list *l;
	bool ours;

	list_for_each(l, &c->engines->order) {
		struct engine *e = list_entry(l, struct engine, order);
		char id[24];

		if (e->state != ENGINE_LIVE)
			continue;
		snprintf(id, sizeof(id), "%lld", (long long)e->id);
		json_add_str(engines, id, e->uuid);
	}
	json_add(o, "engines", engines);
	json_add_int(t, "version", TASKFS_PROTOCOL);
	json_add_str(t, "instance", c->instance);
	json_add_str(t, "cluster", c->cluster);
	json_add_int(t, "events", c->sock[S_EVENTS].port);
	json_add_str(t, "program", "taskfs-controller " TASKFS_VERSION);
	json_add_int(t, "since", c->since);
	json_add_int(t, "uptime", steady_usec() - c->begun);
	if (c->nearby)
		json_add_str(t, "outputs", c->nearby);
	json_add(o, "taskfs", t);
	ours = json_get(rq->msg->content, "taskfs") != NULL;
	request_reply(rq, MSG_CONNECTION_REPLY, o, NULL, 0);
	if (!ours)
		note_hello(c);
}

void hello_init(struct controller *c)
{
	c->hello = zalloc(sizeof(*c->hello));
	c->hello->c = c;
	c->hello->timer.fire = over;
}

void hello_done(struct controller *c)
{
	timer_cancel(&c->hello->timer);
	free(c->hello);
	c->hello = NULL;
}
