#include "base/base.h"
#include "control_reply.h"

#include "brief.h"
#include "model/results.h"
#include "result_json.h"

static const char *usual_reason(int err)
{
	static const struct {
		int err;
		const char *why;
	} rows[] = {
		{-ESRCH, "it has ended already"},
		{-EBUSY, "it has not ended yet"},
		{-EAGAIN, "it does not run yet"},
		{-EALREADY, "it is being purged already"},
		{-EHOSTUNREACH, "its engine cannot be reached"},
		{-EOPNOTSUPP, "its engine cannot do that"},
		{-ENOSPC, "it could not be stored yet; the controller's disk "
			  "is full"},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].err == err)
			return rows[i].why;
	return "that did not work";
}

/* The result as it is now; what of its tasks changed is named too. */
static struct json_object *result_now(struct request *rq)
{
	struct result *r = result_find(rq->c, rq->result);
	struct json_object *o, *changed;

	if (!r)
		return NULL;
	o = result_json(r, CHANGED_ALL, NULL);
	if (rq->task >= 0 && r->ntasks > 1) {
		changed = json_object_new_array();
		json_push(changed, task_json_brief(r, (uint32_t)rq->task));
		json_add(o, "changed", changed);
	}
	return o;
}

void control_done(struct request *rq, int err, const char *why)
{
	struct json_object *o, *r;

	if (err) {
		request_fail(rq, MSG_CONTROL_REPLY, err, "ControlError",
			     why ? why : usual_reason(err));
		return;
	}
	/* Who wrote to ctl sees at once what came of it. */
	o = ok_content(rq->c, true);
	r = result_now(rq);
	if (r)
		json_add(o, "result", r);
	request_reply(rq, MSG_CONTROL_REPLY, o, NULL, 0);
}
