#include "base/base.h"
#include "purge.h"

#include "control_reply.h"
#include "model/results.h"
#include "schedule/lifetime.h"

/* All results that have ended, some at a time. */

#define AT_A_TIME 1000

struct sweep {
	struct request *rq;
	struct json_object *purged;	/* ids */
	size_t waiting;
	int err;
	struct errand {
		struct sweep *sweep;
		uint64_t id;
	} of[AT_A_TIME];
};

static void sweep_some(struct sweep *s);

static void finish(struct sweep *s)
{
	struct json_object *o;

	if (s->err) {
		json_object_put(s->purged);
		control_done(s->rq, s->err, NULL);
	} else {
		o = ok_content(s->rq->c, true);
		json_add(o, "purged", s->purged);
		request_reply(s->rq, MSG_CONTROL_REPLY, o, NULL, 0);
	}
	free(s);
}

static void one_done(void *arg, int err)
{
	struct errand *e = arg;
	struct sweep *s = e->sweep;

	if (err)
		s->err = err;
	else
		json_push(s->purged, json_object_new_int64((int64_t)e->id));
	if (--s->waiting)
		return;
	if (s->err)
		finish(s);
	else
		sweep_some(s);
}

static void sweep_some(struct sweep *s)
{
	struct list *l, *tmp;
	size_t n = 0;

	list_for_each_safe(l, tmp, &s->rq->c->results->finished) {
		struct result *r = list_entry(l, struct result, finished);

		if (n == AT_A_TIME)
			break;
		s->of[n] = (struct errand){s, r->id};
		if (result_purge(r, one_done, &s->of[n]) == 0)
			n++;
	}
	s->waiting = n;
	if (!n)
		finish(s);
}

void control_purge_all(struct request *rq)
{
	struct sweep *s = zalloc(sizeof(*s));

	s->rq = rq;
	s->purged = json_object_new_array();
	sweep_some(s);
}
