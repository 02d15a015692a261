#include "base/base.h"
#include "lookup.h"

#include "clients/client_ids.h"
#include "filter.h"
#include "model/results.h"
#include "stock.h"
#include "store/columns.h"
#include "store/search.h"

static void fail_query(struct request *rq, const char *type,
		       const struct record_query *q, int err)
{
	if (q->too_much)
		request_fail(rq, type, 0, "ValueError",
			     "what was found does not fit into one reply: ask "
			     "for less, or for fewer keys");
	else if (q->too_long)
		request_fail(rq, type, 0, "TimeoutError",
			     "the query took too long: ask for less, or for "
			     "fewer records");
	else if (q->too_wide)
		request_fail(rq, type, -E2BIG, "ValueError",
			     "the query has too many conditions or values: ask "
			     "in parts, or with $in");
	else
		request_fail(rq, type, err, "RuntimeError",
			     "the records could not be read");
}

/* --- naming tasks ------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct named_task *)a)->msg_id,
		      ((const struct named_task *)b)->msg_id);
}

static void drop_doubles(struct named_tasks *t)
{
	size_t i, n = 0;

	for (i = 0; i < t->n; i++)
		if (!n || strcmp(t->of[n - 1].msg_id, t->of[i].msg_id) != 0)
			t->of[n++] = t->of[i];
	t->n = n;
}

bool named_tasks_read(struct controller *c, struct json_object *content,
		      struct named_tasks *t)
{
	struct json_object *list = json_get(content, "msg_ids");
	bool is_list = json_object_is_type(list, json_type_array);
	size_t i, n = is_list ? json_object_array_length(list) : list ? 1 : 0;

	t->of = xreallocarray(NULL, n + 1, sizeof(*t->of));
	for (i = 0; i < n; i++) {
		struct json_object *v =
			is_list ? json_object_array_get_idx(list, i) : list;
		struct named_task *one = &t->of[t->n];

		if (!json_object_is_type(v, json_type_string))
			return false;
		one->msg_id = json_object_get_string(v);
		one->result = client_ids_task(c, bytes_str(one->msg_id),
					      &one->index);
		t->n++;
	}
	qsort(t->of, t->n, sizeof(*t->of), by_text);
	drop_doubles(t);
	return list != NULL;
}

void named_tasks_done(struct named_tasks *t)
{
	free(t->of);
}

void named_tasks_query(const struct named_tasks *t, struct record_query *q)
{
	uint64_t *ids = xreallocarray(NULL, t->n + 1, sizeof(*ids));
	size_t i, n = 0;

	for (i = 0; i < t->n; i++)
		if (t->of[i].result)
			ids[n++] = t->of[i].result;
	record_query_among(q, ids, n);
	buf_puts(&q->where, " AND (key IS NULL OR key IN (");
	for (i = 0, n = 0; i < t->n; i++)
		if (t->of[i].result)
			buf_printf(&q->where, "%s%llu", n++ ? "," : "",
				   (unsigned long long)(t->of[i].result << 24 |
							t->of[i].index));
	buf_puts(&q->where, "))");
	free(ids);
}

struct record *named_task_find(const struct named_task *t,
			       const struct record_query *q)
{
	size_t low = 0, high = q->n;

	/* The rows come in order of result and task. */
	while (low < high) {
		size_t mid = (low + high) / 2;
		const struct record *r = &q->found[mid];

		if (r->result == t->result && r->index == t->index)
			return &q->found[mid];
		if (r->result < t->result ||
		    (r->result == t->result && r->index < t->index))
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* --- result_request ----------------------------------------------------- */

struct lookup {
	struct request *rq;
	struct json_object *content;	/* keeps the msg_ids alive */
	struct named_tasks tasks;
	struct json_object *pending, *completed;
};

static void lookup_free(struct lookup *l)
{
	json_object_put(l->content);
	json_object_put(l->pending);
	json_object_put(l->completed);
	named_tasks_done(&l->tasks);
	free(l);
}

/* Whether the task has ended. whole: also all of its output is here. */
static bool has_ended(const struct result *r, uint32_t index, bool whole)
{
	if (state_is_final((enum state)r->task[index].state))
		return true;
	return !whole && r->ops->answered && r->ops->answered(r);
}

/* Parts what has ended from what has not. False: one of them is no task; rq was
 * answered. */
static bool sort_out(struct lookup *l, bool whole)
{
	struct controller *c = l->rq->c;
	struct buf why = BUF_INIT;
	size_t i;

	for (i = 0; i < l->tasks.n; i++) {
		const struct named_task *t = &l->tasks.of[i];
		struct result *r = result_find(c, t->result);

		if (!r || r->purging) {
			stock_quoted(&why, "No such message: ",
				     bytes_str(t->msg_id));
			request_fail(l->rq, MSG_RESULT_REPLY, 0, "KeyError",
				     buf_str(&why));
			buf_done(&why);
			return false;
		}
		json_push(has_ended(r, t->index, whole) ? l->completed
							: l->pending,
			  json_text(bytes_str(t->msg_id)));
	}
	return true;
}

static void put_json(struct buf *b, const char *key, const char *json)
{
	buf_printf(b, "\"%s\":", key);
	buf_puts(b, json);
}

static void put_columns(struct buf *b, const struct record *r,
			const enum record_column *which, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (i)
			buf_putc(b, ',');
		put_json(b, record_columns[which[i]].key, r->value[which[i]]);
	}
}

static const enum record_column result_keys[] = {
	REC_HEADER,	   REC_METADATA, REC_RESULT_METADATA,
	REC_RESULT_HEADER, REC_RESULT_CONTENT, REC_RECEIVED,
};
static const enum record_column io_keys[] = {
	REC_EXECUTE_INPUT, REC_EXECUTE_RESULT, REC_ERROR, REC_STDOUT,
	REC_STDERR,
};

static void put_record(struct buf *b, const char *msg_id,
		       const struct record *r)
{
	buf_putc(b, ',');
	json_put_text(b, bytes_str(msg_id));
	buf_puts(b, ":{");
	put_columns(b, r, result_keys, ARRAY_SIZE(result_keys));
	buf_puts(b, ",\"io\":{");
	put_columns(b, r, io_keys, ARRAY_SIZE(io_keys));
	buf_puts(b, "}}");
}

/* The buffers of many records, one behind the other. */
struct frames {
	struct bytes *b;
	size_t n;
};

static void add_frames(struct frames *f, const struct buf *b, size_t n)
{
	size_t i;

	f->b = xreallocarray(f->b, f->n + n + 1, sizeof(*f->b));
	for (i = 0; i < n; i++)
		f->b[f->n++] = buf_bytes(&b[i]);
}

static void results_found(struct store_op *op)
{
	struct lookup *l = op->arg;
	struct record_query *q = op->query;
	struct frames frames = {0};
	struct buf b = BUF_INIT;
	const struct record *culled = NULL;
	size_t i;

	buf_puts(&b, "{\"status\":\"ok\",\"pending\":");
	buf_puts(&b, json_object_to_json_string(l->pending));
	buf_puts(&b, ",\"completed\":");
	buf_puts(&b, json_object_to_json_string(l->completed));
	for (i = 0; i < l->tasks.n; i++) {
		const struct record *r = named_task_find(&l->tasks.of[i], q);

		if (!r)
			continue;
		put_record(&b, l->tasks.of[i].msg_id, r);
		add_frames(&frames, r->result_buffers, r->nresult_buffers);
		if (r->dropped)
			culled = r;
	}
	buf_putc(&b, '}');
	if (op->err || q->too_much || b.n > LIMIT_QUERY)
		fail_query(l->rq, MSG_RESULT_REPLY, q, op->err);
	else if (culled)
		request_fail(l->rq, MSG_RESULT_REPLY, 0, "KeyError",
			     "'it has been culled for size'");
	else
		request_reply_text(l->rq, MSG_RESULT_REPLY, buf_bytes(&b),
				   frames.b, (unsigned)frames.n);
	free(frames.b);
	buf_done(&b);
	record_query_free(q);
	lookup_free(l);
}

static void ask_results(struct lookup *l)
{
	struct record_query *q = record_query_new(
		REC_BIT(REC_RESULT_BUFFERS));
	struct named_tasks ended = {.of = l->tasks.of};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(result_keys); i++)
		q->wanted |= REC_BIT(result_keys[i]);
	for (i = 0; i < ARRAY_SIZE(io_keys); i++)
		q->wanted |= REC_BIT(io_keys[i]);
	/* Keeps those that have ended, in place. */
	for (i = 0; i < l->tasks.n; i++) {
		struct named_task t = l->tasks.of[i];

		if (has_ended(result_find(l->rq->c, t.result), t.index, true))
			ended.of[ended.n++] = t;
	}
	l->tasks = ended;
	named_tasks_query(&l->tasks, q);
	store_query(l->rq->c->store, q, results_found, l);
}

static void answer_status(struct lookup *l)
{
	struct json_object *o = ok_content(l->rq->c, false);

	json_add(o, "pending", json_object_get(l->pending));
	json_add(o, "completed", json_object_get(l->completed));
	request_reply(l->rq, MSG_RESULT_REPLY, o, NULL, 0);
	lookup_free(l);
}

void stock_on_result(struct controller *c, struct request *rq)
{
	struct json_object *content = rq->msg->content;
	bool whole = !stock_true(json_get(content, "status_only"));
	struct lookup *l = zalloc(sizeof(*l));

	l->rq = rq;
	l->content = json_object_get(content);
	l->pending = json_object_new_array();
	l->completed = json_object_new_array();
	if (!named_tasks_read(c, content, &l->tasks)) {
		request_fail(rq, MSG_HUB_ERROR, 0, "KeyError", "'msg_ids'");
		lookup_free(l);
	} else if (!sort_out(l, whole)) {
		lookup_free(l);
	} else if (whole && json_object_array_length(l->completed)) {
		ask_results(l);
	} else {
		answer_status(l);
	}
}

/* --- history_request ---------------------------------------------------- */

static void history_found(struct store_op *op)
{
	struct request *rq = op->arg;
	struct record_query *q = op->query;
	struct buf b = BUF_INIT;
	size_t i;

	buf_puts(&b, "{\"status\":\"ok\",\"history\":[");
	for (i = 0; i < q->n; i++) {
		if (i)
			buf_putc(&b, ',');
		buf_puts(&b, q->found[i].value[REC_MSG_ID]);
	}
	buf_puts(&b, "]}");
	if (op->err || q->too_much || b.n > LIMIT_QUERY)
		fail_query(rq, MSG_HISTORY_REPLY, q, op->err);
	else
		request_reply_text(rq, MSG_HISTORY_REPLY, buf_bytes(&b), NULL,
				   0);
	buf_done(&b);
	record_query_free(q);
}

void stock_on_history(struct controller *c, struct request *rq)
{
	struct record_query *q = record_query_new(REC_BIT(REC_MSG_ID));

	q->order = "submitted, rid, key";
	store_query(c->store, q, history_found, rq);
}

/* --- db_request --------------------------------------------------------- */

static void put_row(struct buf *b, const struct record *r)
{
	const char *before = "{";
	int i;

	for (i = 0; i < RECORD_COLUMNS; i++) {
		if (!r->value[i])
			continue;
		buf_puts(b, before);
		put_json(b, record_columns[i].key, r->value[i]);
		before = ",";
	}
	buf_putc(b, '}');
}

/* How many of the reply's buffers each record has. */
static void put_lens(struct buf *b, const char *key,
		     const struct record_query *q, enum record_column which)
{
	size_t i;

	buf_printf(b, ",\"%s\":", key);
	if (!(q->wanted & REC_BIT(which))) {
		buf_puts(b, "null");
		return;
	}
	buf_putc(b, '[');
	for (i = 0; i < q->n; i++)
		buf_printf(b, "%s%zu", i ? "," : "",
			   which == REC_BUFFERS
				   ? q->found[i].nbuffers
				   : q->found[i].nresult_buffers);
	buf_putc(b, ']');
}

static void rows_found(struct store_op *op)
{
	struct request *rq = op->arg;
	struct record_query *q = op->query;
	struct frames frames = {0};
	struct buf b = BUF_INIT;
	size_t i;

	buf_puts(&b, "{\"status\":\"ok\",\"records\":[");
	for (i = 0; i < q->n; i++) {
		const struct record *r = &q->found[i];

		if (i)
			buf_putc(&b, ',');
		put_row(&b, r);
		add_frames(&frames, r->buffers, r->nbuffers);
		add_frames(&frames, r->result_buffers, r->nresult_buffers);
	}
	buf_putc(&b, ']');
	put_lens(&b, "buffer_lens", q, REC_BUFFERS);
	put_lens(&b, "result_buffer_lens", q, REC_RESULT_BUFFERS);
	buf_putc(&b, '}');
	if (op->err || q->too_much || b.n > LIMIT_QUERY ||
	    frames.n > LIMIT_FRAMES - 16) {
		q->too_much |= !op->err;
		fail_query(rq, MSG_DB_REPLY, q, op->err);
	} else {
		request_reply_text(rq, MSG_DB_REPLY, buf_bytes(&b), frames.b,
				   (unsigned)frames.n);
	}
	free(frames.b);
	buf_done(&b);
	record_query_free(q);
}

/* False with a sentence: one of the keys is no key of a record. */
static bool read_keys(struct json_object *keys, struct record_query *q,
		      struct buf *why)
{
	size_t i, n = keys ? json_object_array_length(keys) : 0;

	if (!n) {
		q->wanted = REC_ALL & ~REC_BIT(REC_BUFFERS) &
			    ~REC_BIT(REC_RESULT_BUFFERS);
		return true;
	}
	q->wanted = REC_BIT(REC_MSG_ID);
	for (i = 0; i < n; i++) {
		const char *s = json_object_get_string(
			json_object_array_get_idx(keys, i));
		int column = s ? record_column(s) : -1;

		if (column < 0) {
			stock_quoted(why, "", bytes_str(s ? s : "None"));
			return false;
		}
		q->wanted |= REC_BIT(column);
	}
	return true;
}

void stock_on_db(struct controller *c, struct request *rq)
{
	struct json_object *content = rq->msg->content;
	struct json_object *query = json_get(content, "query");
	struct json_object *empty = json_object_new_object();
	struct record_query *q = record_query_new(0);
	struct buf why = BUF_INIT;
	const char *ename = "KeyError";

	if (!read_keys(json_get_array(content, "keys"), q, &why) ||
	    !filter_read(c, query ? query : empty, q, &ename, &why)) {
		request_fail(rq, MSG_DB_REPLY, 0, ename, buf_str(&why));
		record_query_free(q);
	} else {
		store_query(c->store, q, rows_found, rq);
	}
	json_object_put(empty);
	buf_done(&why);
}
