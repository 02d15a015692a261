#include "base/base.h"
#include "resubmit.h"

#include "clients/channel.h"
#include "clients/record.h"
#include "clients/relayed.h"
#include "lookup.h"
#include "model/results.h"
#include "stock.h"
#include "store/search.h"

/*
 * resubmit_request: the tasks of clients again, through the task queue, under
 * new msg_ids. As ipyparallel's hub does it: the header is the old one but for
 * msg_id and date, the parent header is that too, and of the metadata nothing
 * is left. The reply goes to nobody: clients ask for the result.
 */
struct resubmit {
	struct request *rq;
	struct json_object *content;
	struct named_tasks tasks;
};

static void resubmit_free(struct resubmit *s)
{
	named_tasks_done(&s->tasks);
	json_object_put(s->content);
	free(s);
}

static void refuse(struct resubmit *s, const char *ename, const char *why)
{
	request_fail(s->rq, MSG_RESUBMIT_REPLY, 0, ename, why);
	resubmit_free(s);
}

/* The old header with a new id and date. */
static struct json_object *new_header(struct controller *c,
				      const struct record *rec)
{
	struct json_object *h = json_parse(bytes_str(rec->value[REC_HEADER]),
					   NULL);
	char id[MSG_ID_SIZE], date[DATE_SIZE];

	session_msg_id(&c->session, id);
	date_format(now_usec(), date);
	json_add_str(h, "msg_id", id);
	json_add_str(h, "date", date);
	return h;
}

/* Sends the task of a record again. Returns the new msg_id, the caller's; NULL: it
 * cannot be sent. */
static char *send_again(struct controller *c, const struct record *rec)
{
	struct json_object *header = new_header(c, rec);
	struct bytes h = json_bytes(header);
	struct bytes parts[4] = {h, h, bytes_str("{}"),
				 bytes_str(rec->value[REC_CONTENT])};
	struct msg m = {0};
	struct relayed *rel = NULL;
	char *id = NULL;
	size_t i;

	msg_make(&m, &c->session, parts);
	for (i = 0; i < rec->nbuffers; i++)
		msg_add_frame(&m, buf_bytes(&rec->buffers[i]));
	if (msg_open(&m, &c->session, MSG_RELAY) == 0 && relay_is_task(&m))
		rel = relayed_new(c, CHANNEL_TASK, &m);
	if (rel) {
		id = xstrdup(rel->msg_id);
		record_put_resubmitted(c, rec->result, id);
		relay_enqueue(rel, &m);
	}
	msg_done(&m);
	json_object_put(header);
	return id;
}

static void found(struct store_op *op)
{
	struct resubmit *s = op->arg;
	struct controller *c = s->rq->c;
	struct record_query *q = op->query;
	struct json_object *new_ids = json_object_new_object(), *o;
	bool whole = !op->err && !q->too_much;
	bool full = channel_room(c, CHANNEL_TASK) < s->tasks.n;
	size_t i;

	for (i = 0; i < s->tasks.n && whole && !full; i++) {
		struct record *rec = named_task_find(&s->tasks.of[i], q);
		char *id = rec && !rec->dropped ? send_again(c, rec) : NULL;

		whole = id != NULL;
		json_add_str(new_ids, s->tasks.of[i].msg_id, id);
		free(id);
	}
	record_query_free(q);
	if (full || !whole) {
		json_object_put(new_ids);
		refuse(s, "RuntimeError",
		       full ? "there are too many unfinished tasks: again "
			      "when some have ended"
			    : "the message of a task is not kept any more");
		return;
	}
	o = ok_content(c, false);
	json_add(o, "resubmitted", new_ids);
	request_reply(s->rq, MSG_RESUBMIT_REPLY, o, NULL, 0);
	resubmit_free(s);
}

/* Appends the msg_ids that nobody knows, as Python shows a list of strings. */
static void add_missing(const struct resubmit *s, struct buf *why)
{
	size_t i;

	for (i = 0; i < s->tasks.n; i++) {
		if (s->tasks.of[i].result)
			continue;
		buf_puts(why, why->n ? ", " : "\"No such msg(s): [");
		stock_quoted(why, "", bytes_str(s->tasks.of[i].msg_id));
	}
	if (why->n)
		buf_puts(why, "]\"");
}

/* Whether a mount submitted one of them: such a task is more than its code. */
static bool has_others(const struct resubmit *s)
{
	size_t i;

	for (i = 0; i < s->tasks.n; i++)
		if (!result_find(s->rq->c, s->tasks.of[i].result)->ops->is_message)
			return true;
	return false;
}

void stock_on_resubmit(struct controller *c, struct request *rq)
{
	struct resubmit *s = zalloc(sizeof(*s));
	struct record_query *q;
	struct buf why = BUF_INIT;

	s->rq = rq;
	s->content = json_object_get(rq->msg->content);
	if (!named_tasks_read(c, s->content, &s->tasks)) {
		refuse(s, "KeyError", "'msg_ids'");
		return;
	}
	add_missing(s, &why);
	if (why.n) {
		refuse(s, "KeyError", buf_str(&why));
	} else if (has_others(s)) {
		refuse(s, "ValueError", "it was submitted through a mount: "
					"write retry to its ctl file there");
	} else {
		q = record_query_new(REC_BIT(REC_HEADER) |
				     REC_BIT(REC_CONTENT) |
				     REC_BIT(REC_BUFFERS));
		named_tasks_query(&s->tasks, q);
		store_query(c->store, q, found, s);
	}
	buf_done(&why);
}
