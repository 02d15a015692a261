#include "base/base.h"
#include "control_reply.h"

#include "brief.h"
#include "model/results.h"
#include "result_json.h"
#include "wire/members.h"

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
static void put_result_now(const struct request *rq, struct buf *out)
{
	struct result *r = result_find(rq->c, rq->result);

	if (!r)
		return;
	member_begin(out, "result");
	buf_putc(out, '{');
	result_put_members(r, CHANGED_ALL, NULL, out);
	if (rq->task >= 0 && result_is_many(r)) {
		member_begin(out, "changed");
		buf_putc(out, '[');
		task_put_brief(r, (uint32_t)rq->task, out);
		buf_putc(out, ']');
	}
	buf_putc(out, '}');
}

void control_done(struct request *rq, int err, const char *why)
{
	struct buf out = BUF_INIT;

	if (err) {
		request_fail(rq, MSG_CONTROL_REPLY, err, "ControlError",
			     why ? why : usual_reason(err));
		return;
	}
	/* Who wrote to ctl sees at once what came of it. */
	buf_putc(&out, '{');
	ok_members(rq->c, &out);
	put_result_now(rq, &out);
	buf_putc(&out, '}');
	request_reply_text(rq, MSG_CONTROL_REPLY, buf_bytes(&out), NULL, 0);
	buf_done(&out);
}
