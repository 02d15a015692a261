#include "request.h"
#include "base/log.h"
#include "wire/scan.h"

void requests_init(struct requests *rs)
{
	*rs = (struct requests){0};
	list_init(&rs->asked);
	list_init(&rs->lasting);
}

void requests_done(struct requests *rs)
{
	map_done(&rs->by_id);
}

void request_forget(struct requests *rs, struct request *q)
{
	if (!q->asked)
		return;
	if (q->id[0])
		map_remove(&rs->by_id, bytes_str(q->id));
	list_del(&q->link);
	q->asked = false;
}

int request_ask(struct requests *rs, struct request *q, void *socket,
		struct session *session, struct msg_out *out)
{
	int err;

	assert(!q->asked);
	session_msg_id(session, q->id);
	out->msg_id = q->id;
	err = msg_send(socket, session, out);
	if (err)
		return err;
	q->asked = true;
	list_add_tail(&rs->asked, &q->link);
	map_put(&rs->by_id, bytes_str(q->id), q);
	return 0;
}

static void answer(struct requests *rs, struct request *q, int err,
		   struct msg *m)
{
	request_forget(rs, q);
	q->done(q, err, m);
}

struct refusal {
	struct bytes status, name;
};

static const struct field refusal_fields[] = {
	{"status", FIELD_SPAN, offsetof(struct refusal, status), 0},
	{"errno", FIELD_SPAN, offsetof(struct refusal, name), 0},
	{.name = NULL},
};

int request_refusal(struct bytes content)
{
	struct refusal r = {0};
	struct bytes name;
	int e;

	if (!scan_fields(content, refusal_fields, &r))
		return -EREMOTEIO;
	if (bytes_is(r.status, "\"ok\""))
		return 0;
	if (!scan_plain(r.name, &name))
		return -EREMOTEIO;
	for (e = 1; e < 134; e++)
		if (strerrorname_np(e) && bytes_is(name, strerrorname_np(e)))
			return -e;
	return -EREMOTEIO;
}

char *request_reason(struct bytes content)
{
	static const struct field fields[] = {
		{"evalue", FIELD_TEXT, 0, 0},
		{.name = NULL},
	};
	char *why = NULL;

	(void)scan_fields(content, fields, &why);
	return why;
}

const char *request_meaning(int err)
{
	if (err == -EHOSTDOWN)
		return "no controller: controller/state says why";
	return strerror(-err);
}

bool requests_answer(struct requests *rs, struct msg *reply)
{
	const char *id = json_get_str(reply->parent, "msg_id", NULL);
	struct request *q = id ? map_get(&rs->by_id, bytes_str(id)) : NULL;

	if (q)
		answer(rs, q, request_refusal(request_content(reply)), reply);
	return q != NULL;
}

static bool is_asked(const struct request *q)
{
	return q->id[0] != '\0';
}

static bool is_late(const struct request *q, uint64_t now)
{
	return q->due <= now ||
	       (!is_asked(q) && q->lost + REQUEST_LASTS <= now);
}

/* Moves to *to, which may change while it is worked through. */
static void move_late(struct list *from, struct list *to, uint64_t now)
{
	struct list *at, *tmp;

	list_for_each_safe(at, tmp, from) {
		if (!is_late(list_entry(at, struct request, link), now))
			continue;
		list_del(at);
		list_add_tail(to, at);
	}
}

void requests_expire(struct requests *rs, uint64_t now)
{
	struct list late = LIST_INIT(late);

	move_late(&rs->asked, &late, now);
	move_late(&rs->lasting, &late, now);
	while (!list_empty(&late)) {
		struct request *q = list_first(&late, struct request, link);

		log_info("no answer in time", log_str("id", q->id));
		answer(rs, q, -EHOSTDOWN, NULL);
	}
}

void requests_lose(struct requests *rs)
{
	while (!list_empty(&rs->asked)) {
		struct request *q =
			list_first(&rs->asked, struct request, link);

		if (!q->again) {
			answer(rs, q, -EHOSTDOWN, NULL);
			continue;
		}
		request_forget(rs, q);
		q->asked = true;
		q->id[0] = '\0';
		q->lost = mono_usec();
		list_add_tail(&rs->lasting, &q->link);
	}
}

void requests_repeat(struct requests *rs)
{
	struct list again = LIST_INIT(again);

	move_late(&rs->lasting, &again, UINT64_MAX);
	while (!list_empty(&again)) {
		struct request *q = list_first(&again, struct request, link);

		request_forget(rs, q);
		q->again(q);
	}
}
