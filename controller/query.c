#include "base/base.h"
#include "query.h"

#include "base/log.h"
#include "base/parse.h"
#include "engines.h"
#include "events.h"
#include "results.h"
#include "run.h"
#include "sched.h"
#include "wire/task_option.h"

#define LIMIT_TOKEN 200
#define RESULTS_PER_REPLY 2000

struct request *request_new(struct controller *c, struct msg *m)
{
	struct request *rq = zalloc(sizeof(*rq));
	struct bytes ident = msg_ident(m, 0), parent = msg_part(m, MSG_HEADER);

	rq->c = c;
	rq->msg = m;
	buf_put(&rq->ident, ident.p, ident.n);
	buf_put(&rq->parent, parent.p, parent.n);
	return rq;
}

void request_free(struct request *rq)
{
	buf_done(&rq->ident);
	buf_done(&rq->parent);
	free(rq);
}

void request_reply(struct request *rq, const char *type,
		   struct json_object *content, struct bytes *buffers,
		   unsigned nbuffers)
{
	struct controller *c = rq->c;
	struct bytes ident = buf_bytes(&rq->ident);
	struct msg_out out = {
		.type = type,
		.parent = buf_bytes(&rq->parent),
		.content = content,
		.buffers = buffers,
		.nbuffers = nbuffers,
		.idents = &ident,
		.nidents = 1,
	};
	/* A peer that left hears nothing; there is nobody to tell. */
	(void)!msg_send(sock_of(c, S_REGISTRATION), &c->session, &out);
	json_object_put(content);
	request_free(rq);
}

static const char *errno_name(int err)
{
	const char *name = strerrorname_np(err < 0 ? -err : err);

	return name ? name : "EIO";
}

struct json_object *error_content(int err, const char *ename,
				  const char *evalue)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "status", "error");
	if (err)
		json_add_str(o, "errno", errno_name(err));
	json_add_str(o, "ename", ename);
	json_add_str(o, "evalue", evalue);
	json_add(o, "traceback", json_object_new_array());
	json_add(o, "engine_info", json_object_new_object());
	return o;
}

void request_fail(struct request *rq, const char *type, int err,
		  const char *ename, const char *evalue)
{
	request_reply(rq, type, error_content(err, ename, evalue), NULL, 0);
}

static struct json_object *ok_content(struct controller *c, bool with_seq)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "status", "ok");
	if (with_seq)
		json_add_int(o, "seq", (int64_t)c->seq);
	return o;
}

/* --- hello -------------------------------------------------------------- */

static void on_connection(struct controller *c, struct request *rq)
{
	struct json_object *o = ok_content(c, false);
	struct json_object *engines = json_object_new_object();
	struct json_object *t = json_object_new_object();
	struct list *l;

	list_for_each(l, &c->engine_order) {
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
	json_add_int(t, "events", c->sock[S_EVENTS].port);
	json_add_str(t, "program", "taskfs-controller " TASKFS_VERSION);
	json_add_int(t, "since", c->since);
	json_add(o, "taskfs", t);
	request_reply(rq, MSG_CONNECTION_REPLY, o, NULL, 0);
}

static void on_state(struct controller *c, struct request *rq)
{
	struct json_object *o = ok_content(c, true);
	struct json_object *a = json_object_new_array();
	struct list *l;

	list_for_each(l, &c->engine_order) {
		struct engine *e = list_entry(l, struct engine, order);

		if (e->state != ENGINE_JOINING)
			json_push(a, engine_json(e));
	}
	json_add(o, "engines", a);
	json_add(o, "controller", controller_json(c));
	request_reply(rq, MSG_STATE_REPLY, o, NULL, 0);
}

static void on_shutdown(struct controller *c, struct request *rq)
{
	struct json_object *o = ok_content(c, false);
	struct msg_out out = {
		.type = MSG_SHUTDOWN_NOTIFICATION,
		.parent = buf_bytes(&rq->parent),
		.content = o,
	};

	log_info("a client asks for the end");
	(void)!msg_send(sock_of(c, S_NOTIFICATION), &c->session, &out);
	request_reply(rq, MSG_SHUTDOWN_REPLY, o, NULL, 0);
	loop_stop(c->loop, 0);
}

/* --- results ------------------------------------------------------------ */

static void add_purged(struct controller *c, struct json_object *o,
		       uint64_t since)
{
	struct json_object *a = json_object_new_array();
	size_t n = min_u64(c->npurged, ARRAY_SIZE(c->purged)), i;
	bool reset = false;

	for (i = 0; i < n; i++) {
		if (c->purged[i].seq > since)
			json_push(a, json_object_new_int64(
					     (int64_t)c->purged[i].id));
	}
	if (c->npurged > ARRAY_SIZE(c->purged))
		reset = c->purged[c->npurged % ARRAY_SIZE(c->purged)].seq >
			since;
	json_add(o, "purged", a);
	json_add_bool(o, "reset", reset || since > c->seq);
}

static void on_results(struct controller *c, struct request *rq)
{
	int64_t since = json_int_or(rq->msg->content, "since", 0);
	int64_t after = json_int_or(rq->msg->content, "after", 0);
	int64_t limit = json_int_or(rq->msg->content, "limit",
				    RESULTS_PER_REPLY);
	bool all = !json_get(rq->msg->content, "since");
	struct result *first = result_find(c, (uint64_t)after);
	struct list *l = first ? first->by_id.next : c->by_id.next;
	struct json_object *o = ok_content(c, true);
	struct json_object *a = json_object_new_array();

	limit = limit > 0 && limit < RESULTS_PER_REPLY ? limit
						       : RESULTS_PER_REPLY;
	for (; l != &c->by_id && limit > 0; l = l->next) {
		struct result *r = list_entry(l, struct result, by_id);

		if (!r->stored || r->purging || (int64_t)r->id <= after ||
		    (!all && (int64_t)r->seq <= since && !r->changed))
			continue;
		json_push(a, result_json(r, CHANGED_ALL, NULL));
		limit--;
	}
	json_add(o, "results", a);
	json_add_bool(o, "more", l != &c->by_id);
	add_purged(c, o, all ? c->seq : (uint64_t)since);
	request_reply(rq, MSG_RESULTS_REPLY, o, NULL, 0);
}

/* --- submission --------------------------------------------------------- */

/* One submit_request until all its results are stored. */
struct submission {
	struct request *rq;
	size_t n, waiting;
	struct {
		uint64_t id;			/* 0: refused */
		struct json_object *refusal;
	} of[];
};

static void submission_done(struct submission *s)
{
	struct controller *c = s->rq->c;
	struct json_object *o = ok_content(c, true);
	struct json_object *a = json_object_new_array();
	size_t i;

	for (i = 0; i < s->n; i++) {
		struct result *r = result_find(c, s->of[i].id);

		if (s->of[i].refusal)
			json_push(a, s->of[i].refusal);
		else if (r)
			json_push(a, result_json(r, CHANGED_ALL, NULL));
		else
			json_push(a, error_content(ENOENT, "KeyError",
						   "it was purged already"));
	}
	json_add(o, "results", a);
	request_reply(s->rq, MSG_SUBMIT_REPLY, o, NULL, 0);
	free(s);
}

static void refuse(struct submission *s, size_t i, int err, const char *why)
{
	s->of[i].id = 0;
	s->of[i].refusal = error_content(err, "SubmitError", why);
}

static void stored(struct store_op *op)
{
	struct submission *s = op->arg;
	struct controller *c = s->rq->c;
	struct result *r = result_find(c, op->result.id);
	size_t i;

	if (r && !op->err)
		result_set_stored(r);
	if (r && op->err) {
		log_error("a submission was not stored", log_errno(op->err));
		for (i = 0; i < s->n; i++)
			if (s->of[i].id == r->id)
				refuse(s, i, op->err,
				       "the controller could not store it");
		result_doom(r);
	}
	if (--s->waiting == 0)
		submission_done(s);
}

static int read_bytes(const struct msg *m, struct json_object *o,
		      const char *key, size_t limit, struct buf *to)
{
	struct bytes b;

	if (!msg_named_buffer(m, o, key, &b))
		return -ENOENT;
	if (b.n > limit)
		return -EFBIG;
	buf_put(to, b.p, b.n);
	return 0;
}

static int read_spec(const struct msg *m, struct json_object *o,
		     struct result_spec *spec, struct buf *why)
{
	int err;

	spec->kind = "task";
	spec->ntasks = 1;
	spec->uid = (uint32_t)json_int_or(o, "uid", 65534);
	spec->gid = (uint32_t)json_int_or(o, "gid", 65534);
	spec->options = json_get_object(o, "options");
	spec->token = json_get_str(o, "token", NULL);
	spec->name = json_get_str(spec->options, "label", NULL);
	if (!spec->options) {
		buf_puts(why, "there are no options");
		return -EINVAL;
	}
	err = task_options_check(spec->options, why);
	if (err)
		return err;
	if (spec->token && strlen(spec->token) > LIMIT_TOKEN) {
		buf_puts(why, "the token is too long");
		return -EINVAL;
	}
	err = read_bytes(m, o, "code", LIMIT_CODE, &spec->code);
	if (err || !spec->code.n) {
		buf_puts(why, err == -EFBIG ? "the code is too long"
					    : "there is no code");
		return err == -EFBIG ? err : -EINVAL;
	}
	err = read_bytes(m, o, "stdin", LIMIT_STDIN, &spec->stdin_);
	spec->has_stdin = err == 0;
	if (err == -EFBIG)
		buf_puts(why, "the standard input is too long");
	return err == -EFBIG ? err : 0;
}

static void submit_one(struct submission *s, size_t i, struct json_object *o)
{
	struct controller *c = s->rq->c;
	struct result_spec spec = {0};
	struct buf why = BUF_INIT;
	const char *token = json_get_str(o, "token", NULL);
	struct result *r = token ? result_by_token(c, token) : NULL;
	struct store_op *op;
	int err;

	if (r && r->stored) {
		s->of[i].id = r->id;
		return;
	}
	err = r ? -EAGAIN : read_spec(s->rq->msg, o, &spec, &why);
	if (err) {
		refuse(s, i, err, why.n ? buf_str(&why)
					: "it is being stored right now");
	} else {
		r = result_new(c, &spec);
		s->of[i].id = r->id;
		s->waiting++;
		op = result_store_op(r);
		op->arg = s;
		op->done = stored;
		store_put(c->store, op);
		sched_add(r);
	}
	buf_done(&spec.code);
	buf_done(&spec.stdin_);
	buf_done(&why);
}

static void on_submit(struct controller *c, struct request *rq)
{
	struct json_object *all = json_get_array(rq->msg->content, "results");
	size_t i, n = all ? json_object_array_length(all) : 0;
	struct submission *s;

	if (n == 0 || n > LIMIT_SUBMIT) {
		request_fail(rq, MSG_SUBMIT_REPLY, -EINVAL, "SubmitError",
			     "results must be a list of 1 to 4096 objects");
		return;
	}
	if (store_backlog(c->store) > STORE_BACKLOG * 4) {
		request_fail(rq, MSG_SUBMIT_REPLY, -EAGAIN, "SubmitError",
			     "the store cannot keep up; try again later");
		return;
	}
	s = zalloc(sizeof(*s) + n * sizeof(s->of[0]));
	s->rq = rq;
	s->n = n;
	s->waiting = 1; /* until all are put */
	for (i = 0; i < n; i++)
		submit_one(s, i, json_object_array_get_idx(all, i));
	if (--s->waiting == 0)
		submission_done(s);
}

/* --- fetching ----------------------------------------------------------- */

static void fetch_answer(struct request *rq, uint64_t offset, uint64_t size,
			 struct bytes b)
{
	struct json_object *o = ok_content(rq->c, false);

	json_add_int(o, "offset", (int64_t)offset);
	json_add_int(o, "size", (int64_t)size);
	request_reply(rq, MSG_FETCH_REPLY, o, &b, 1);
}

static void fetched(struct store_op *op)
{
	struct request *rq = op->arg;

	if (op->err)
		request_fail(rq, MSG_FETCH_REPLY, op->err, "FetchError",
			     "the output could not be read");
	else
		fetch_answer(rq, op->io.offset, op->io.size,
			     buf_bytes(&op->io.bytes));
}

static struct bytes slice(struct bytes b, uint64_t offset, uint64_t length)
{
	if (offset >= b.n)
		return bytes_of(NULL, 0);
	return bytes_of((const char *)b.p + offset,
			min_u64(length, b.n - offset));
}

/* Small outputs of a task that runs are here, all others in the store. */
static const struct buf *in_memory(const struct result *r,
				   const struct task *t, enum stream s)
{
	static const struct buf nothing;

	if (s == STREAM_CODE)
		return r->input_here ? &r->code : NULL;
	if (s == STREAM_STDIN)
		return r->input_here ? &r->stdin_ : NULL;
	if (t->out && t->out->of[s].mem.n == t->size[s])
		return &t->out->of[s].mem;
	return t->size[s] ? NULL : &nothing;
}

static bool is_in_file(const struct task *t, enum stream s)
{
	if (s >= STREAMS)
		return false;
	return t->out ? t->out->of[s].in_file : t->in_file & 1 << s;
}

static void on_fetch(struct controller *c, struct request *rq)
{
	struct json_object *q = rq->msg->content;
	struct result *r = result_find(
		c, (uint64_t)json_int_or(q, "result", 0));
	int64_t index = json_int_or(q, "task", 0);
	struct task *t = r && index >= 0 ? result_task(r, (uint64_t)index)
					 : NULL;
	int s = stream_parse(json_get_str(q, "stream", NULL));
	int64_t offset = json_int_or(q, "offset", 0);
	int64_t length = json_int_or(q, "length", LIMIT_FETCH);
	const struct buf *mem;
	struct store_op *op;

	if (!t) {
		request_fail(rq, MSG_FETCH_REPLY, -ENOENT, "KeyError",
			     "there is no such result");
		return;
	}
	if (s < 0 || offset < 0 || length < 0) {
		request_fail(rq, MSG_FETCH_REPLY, -EINVAL, "ValueError",
			     "no such stream, or a negative number");
		return;
	}
	length = (int64_t)min_u64((uint64_t)length, LIMIT_FETCH);
	mem = in_memory(r, t, (enum stream)s);
	if (mem) {
		fetch_answer(rq, (uint64_t)offset, mem->n,
			     slice(buf_bytes(mem), (uint64_t)offset,
				   (uint64_t)length));
		return;
	}
	op = store_op_new(STORE_READ);
	op->io.result = r->id;
	op->io.index = (uint32_t)index;
	op->io.stream = (enum stream)s;
	op->io.offset = (uint64_t)offset;
	op->io.length = (uint64_t)length;
	op->io.in_file = is_in_file(t, (enum stream)s);
	op->arg = rq;
	op->done = fetched;
	store_put(c->store, op);
}

/* --- control ------------------------------------------------------------ */

static void control_done(struct request *rq, int err)
{
	const char *why = err == -ESRCH	 ? "it has ended already"
			  : err == -EBUSY ? "it has not ended yet"
			  : err == -EINVAL ? "that is no signal"
			  : err == -EAGAIN ? "it does not run yet"
			  : err == -EOPNOTSUPP ? "its engine cannot do that"
					       : "that did not work";

	if (err)
		request_fail(rq, MSG_CONTROL_REPLY, err, "ControlError", why);
	else
		request_reply(rq, MSG_CONTROL_REPLY, ok_content(rq->c, false),
			      NULL, 0);
}

static void verb_abort(struct request *rq, struct result *r, const char *arg)
{
	(void)arg;
	control_done(rq, result_abort(r));
}

static void verb_signal(struct request *rq, struct result *r, const char *arg)
{
	int signo, err = arg ? parse_signal(bytes_str(arg), &signo) : -EINVAL;

	control_done(rq, err ? err : result_signal(r, signo));
}

static void purge_done(void *arg, int err)
{
	control_done(arg, err);
}

static void verb_purge(struct request *rq, struct result *r, const char *arg)
{
	int err = result_purge(r, purge_done, rq);

	(void)arg;
	if (err)
		control_done(rq, err);
}

static const struct {
	const char *name;
	void (*run)(struct request *rq, struct result *r, const char *arg);
} verbs[] = {
	{"abort", verb_abort},
	{"signal", verb_signal},
	{"purge", verb_purge},
};

static void on_control(struct controller *c, struct request *rq)
{
	struct json_object *q = rq->msg->content;
	const char *verb = json_get_str(q, "verb", NULL);
	struct result *r = result_find(
		c, (uint64_t)json_int_or(q, "result", 0));
	size_t i;

	if (!r || !r->stored) {
		request_fail(rq, MSG_CONTROL_REPLY, -ENOENT, "KeyError",
			     "there is no such result");
		return;
	}
	for (i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (verb && strcmp(verbs[i].name, verb) == 0) {
			verbs[i].run(rq, r, json_get_str(q, "argument", NULL));
			return;
		}
	}
	request_fail(rq, MSG_CONTROL_REPLY, -EINVAL, "KeyError",
		     "there is no such verb");
}

/* --- dispatch ----------------------------------------------------------- */

static const struct {
	const char *type;
	void (*handle)(struct controller *c, struct request *rq);
} handlers[] = {
	{MSG_SUBMIT_REQUEST, on_submit},
	{MSG_FETCH_REQUEST, on_fetch},
	{MSG_RESULTS_REQUEST, on_results},
	{MSG_STATE_REQUEST, on_state},
	{MSG_CONTROL_REQUEST, on_control},
	{MSG_CONNECTION_REQUEST, on_connection},
	{MSG_REGISTRATION_REQUEST, engines_on_registration},
	{MSG_UNREGISTRATION_REQUEST, engines_on_unregistration},
	{MSG_SHUTDOWN_REQUEST, on_shutdown},
};

void query_on_message(struct controller *c, struct msg *m)
{
	struct buf why = BUF_INIT;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(handlers); i++) {
		if (strcmp(handlers[i].type, m->type) == 0) {
			handlers[i].handle(c, request_new(c, m));
			return;
		}
	}
	c->count.dropped_unknown++;
	buf_puts(&why, "\"Bad Message Type: '");
	buf_put_escaped(&why, bytes_str(m->type), 64);
	buf_puts(&why, "'\"");
	request_fail(request_new(c, m), MSG_HUB_ERROR, 0, "KeyError",
		     buf_str(&why));
	buf_done(&why);
}
