#include "base/base.h"
#include "ask.h"

#include "upstream_parts.h"

#define LIMIT_QUESTIONS 10000
#define PATIENCE (20 * USEC_PER_SEC)

struct question {
	struct list link;
	char msg_id[MSG_ID_SIZE];
	void (*done)(struct controller *c, struct msg *reply, uint64_t arg);
	uint64_t arg, due;
};

static void answer(struct upstream *u, struct question *q, struct msg *reply)
{
	list_del(&q->link);
	u->nquestions--;
	q->done(u->c, reply, q->arg);
	free(q);
}

void upstream_lose_questions(struct upstream *u, uint64_t due_before)
{
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &u->questions) {
		struct question *q = list_entry(l, struct question, link);

		if (q->due < due_before)
			answer(u, q, NULL);
	}
}

int upstream_ask(struct controller *c, const char *type,
		 struct json_object *content,
		 void (*done)(struct controller *c, struct msg *reply,
			      uint64_t arg),
		 uint64_t arg)
{
	struct upstream *u = c->upstream;
	struct msg_out out = {.type = type, .content = content};
	struct question *q;
	int err = -EHOSTUNREACH;

	if (!u->part[U_QUERY].socket || u->nquestions >= LIMIT_QUESTIONS) {
		json_object_put(content);
		return err;
	}
	q = zalloc(sizeof(*q));
	session_msg_id(&u->session, q->msg_id);
	out.msg_id = q->msg_id;
	err = msg_send(u->part[U_QUERY].socket, &u->session, &out);
	json_object_put(content);
	if (err) {
		free(q);
		return err;
	}
	q->done = done;
	q->arg = arg;
	q->due = mono_usec() + PATIENCE;
	list_add_tail(&u->questions, &q->link);
	u->nquestions++;
	return 0;
}

void upstream_on_answer(struct upstream *u, struct msg *m)
{
	const char *id = json_get_str(m->parent, "msg_id", NULL);
	struct list *l;

	list_for_each(l, &u->questions) {
		struct question *q = list_entry(l, struct question, link);

		if (id && strcmp(q->msg_id, id) == 0) {
			answer(u, q, m);
			return;
		}
	}
}

void upstream_drop_questions(struct upstream *u)
{
	while (!list_empty(&u->questions)) {
		struct question *q =
			list_first(&u->questions, struct question, link);

		list_del(&q->link);
		free(q);
	}
}
