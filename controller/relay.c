#include "base/base.h"
#include "relay.h"

#include "base/log.h"
#include "call.h"
#include "events.h"
#include "foreign.h"
#include "sched.h"

/* After the reply, output may still be on its way on another socket. */
#define IDLE_WAIT USEC_PER_SEC
#define LIMIT_WIRES 100000

/* A task a client sent itself, until its result is final. */
struct wire {
	struct controller *c;
	enum channel channel;
	char *msg_id;
	uint64_t result;
	struct buf client;	/* its ident on the socket it came by */
	struct buf header;	/* of its request, raw */
	struct msg msg;		/* a task's frames until they are sent */
	bool replied, idle;
	struct timer idle_timer;
	/* How it ended, from the reply. */
	struct task_row row;
	enum state_event event;
	char *ename, *evalue;
	struct buf traceback, value;
};

static const struct {
	enum socket in, out;
} sockets_of[] = {
	[CHANNEL_MUX] = {S_MUX_IN, S_MUX_OUT},
	[CHANNEL_TASK] = {S_TASK_IN, S_TASK_OUT},
	[CHANNEL_CONTROL] = {S_CONTROL_IN, S_CONTROL_OUT},
	[CHANNEL_BROADCAST] = {S_BROADCAST_IN, S_BROADCAST_OUT},
};

static void wire_free(struct wire *w)
{
	struct result *r = result_find(w->c, w->result);

	timer_cancel(&w->idle_timer);
	if (r && r->wire == w)
		r->wire = NULL;
	if (map_get(&w->c->wires, bytes_str(w->msg_id)) == w)
		map_remove(&w->c->wires, bytes_str(w->msg_id));
	buf_done(&w->client);
	buf_done(&w->header);
	buf_done(&w->traceback);
	buf_done(&w->value);
	msg_done(&w->msg);
	task_row_done(&w->row);
	free(w->msg_id);
	free(w->ename);
	free(w->evalue);
	free(w);
}

void relay_init(struct controller *c)
{
	c->wires = (struct map){0};
}

void relay_done(struct controller *c)
{
	struct map_iter it = {0};

	while (map_next(&c->wires, &it))
		wire_free(it.value);
	map_done(&c->wires);
}

/* --- a client's task becomes a result ----------------------------------- */

static void wire_stored(struct store_op *op)
{
	struct result *r = result_find(op->arg, op->result.id);

	if (r && !op->err)
		result_set_stored(r);
	else if (op->err)
		log_error("a client's task was not stored",
			  log_errno(op->err));
}

static void read_code(struct msg *m, struct buf *code)
{
	struct json_object *content = json_parse(msg_part(m, MSG_CONTENT),
						 NULL);
	size_t n = 0;
	const char *s = json_get_str(content, "code", &n);

	if (s && n <= LIMIT_CODE)
		buf_put(code, s, n);
	else
		buf_puts(code, m->type);
	json_object_put(content);
}

static struct result *new_result(struct controller *c, struct msg *m)
{
	struct result_spec spec = {
		.kind = "task",
		.options = json_object_new_object(),
		.ntasks = 1,
		.uid = getuid(),
		.gid = getgid(),
	};
	struct store_op *op;
	struct result *r;

	read_code(m, &spec.code);
	r = result_new(c, &spec);
	r->wired = true;
	json_object_put(spec.options);
	op = result_store_op(r);
	op->arg = c;
	op->done = wire_stored;
	store_put(c->store, op);
	return r;
}

static struct wire *wire_new(struct controller *c, enum channel ch,
			     struct msg *m)
{
	struct bytes client = msg_ident(m, 0), header = msg_part(m, MSG_HEADER);
	struct wire *w = zalloc(sizeof(*w));
	struct result *r;

	w->c = c;
	w->channel = ch;
	w->msg_id = xstrdup(m->id);
	r = new_result(c, m);
	r->wire = w;
	/* Known by what its client calls it, also while it waits. */
	task_set_msg_id(&r->task[0], w->msg_id);
	w->result = r->id;
	w->row.user = -1;
	buf_put(&w->client, client.p, client.n);
	buf_put(&w->header, header.p, header.n);
	map_put(&c->wires, bytes_str(w->msg_id), w);
	return w;
}

static void wire_started(struct store_op *op)
{
	struct controller *c = op->arg;
	struct result *r = result_find(c, op->task.row.result);

	if (!r)
		return;
	if (op->err)
		log_error("a client's task was not stored",
			  log_errno(op->err));
	task_apply(r, &op->task.row, EVENT_START);
}

static void wire_start(struct wire *w, struct engine *e)
{
	struct result *r = result_find(w->c, w->result);
	struct store_op *op = store_op_new(STORE_TASK);

	assert(r);
	task_claim(r, 0);
	op->task.row = task_row(r, 0);
	op->task.row.state = STATE_RUNNING;
	op->task.row.engine = e->id;
	op->task.row.engine_uuid = xstrdup(e->uuid);
	op->task.row.attempt = 1;
	op->task.row.started = now_usec();
	op->arg = w->c;
	op->done = wire_started;
	store_put(w->c->store, op);
	run_relayed(r, w->msg_id, e, w);
}

static bool is_task(const struct msg *m)
{
	return strcmp(m->type, MSG_EXECUTE_REQUEST) == 0 ||
	       strcmp(m->type, MSG_APPLY_REQUEST) == 0;
}

/* --- from clients ------------------------------------------------------- */

#define LIMIT_IDENTS 8

/*
 * The first two idents change places; the rest stays as it was signed. The
 * idents are m's own: msg_forward() moves only what is behind them.
 */
static int swap(struct controller *c, struct msg *m, enum socket to)
{
	struct bytes idents[LIMIT_IDENTS];
	unsigned i;

	if (m->idents < 2 || m->idents > LIMIT_IDENTS)
		return -EMSGSIZE;
	for (i = 0; i < m->idents; i++)
		idents[i] = msg_ident(m, i < 2 ? 1 - i : i);
	return msg_forward(sock_of(c, to), m, idents, m->idents);
}

static const struct ending unreachable = {
	.event = EVENT_FAIL,
	.ename = "EngineError",
	.evalue = "the engine cannot be reached",
};

/* Not one too many, and its id neither in use nor of our own making. */
static bool may_be_wire(struct controller *c, const struct msg *m)
{
	return c->wires.n < LIMIT_WIRES &&
	       !map_get(&c->wires, bytes_str(m->id)) &&
	       !run_find(c, m->id) &&
	       strncmp(m->id, c->cluster, strlen(c->cluster)) != 0;
}

static void relay_direct(struct controller *c, enum channel ch, struct msg *m)
{
	struct engine *e = engine_by_uuid(c, msg_ident(m, 1));

	struct wire *w = NULL;

	if (m->idents < 2 || !e || e->state != ENGINE_LIVE)
		return; /* as stock does: the client sees nothing */
	if (ch == CHANNEL_MUX && is_task(m) && may_be_wire(c, m))
		w = wire_new(c, ch, m);
	if (swap(c, m, sockets_of[ch].out) == 0 && w)
		wire_start(w, e);
	else if (w)
		result_end_waiting(result_find(c, w->result), &unreachable);
}

static void relay_queue(struct controller *c, struct msg *m)
{
	struct wire *w;

	if (m->idents != 1 || !is_task(m) || !may_be_wire(c, m)) {
		c->count.dropped_unknown++;
		return;
	}
	w = wire_new(c, CHANNEL_TASK, m);
	w->msg = *m;
	*m = (struct msg){0};
	sched_add(result_find(c, w->result));
}

void relay_from_client(struct controller *c, enum channel ch, struct msg *m)
{
	if (ch == CHANNEL_TASK)
		relay_queue(c, m);
	else if (ch == CHANNEL_MUX || ch == CHANNEL_CONTROL)
		relay_direct(c, ch, m);
	else
		c->count.dropped_unknown++;
}

int relay_send(struct result *r, struct engine *e)
{
	struct wire *w = r->wire;
	struct bytes idents[2];
	int err;

	if (!w)
		return -ENOENT;
	idents[0] = engine_ident(e);
	idents[1] = buf_bytes(&w->client);
	/* An engine that is not there is an error of the first ident: then
	 * all frames are still here. */
	err = msg_forward(sock_of(r->c, S_TASK_OUT), &w->msg, idents, 2);
	if (!err)
		wire_start(w, e);
	return err;
}

/* --- the end ------------------------------------------------------------ */

static void wire_finish(struct wire *w)
{
	struct controller *c = w->c;
	struct run *run = run_find(c, w->msg_id);
	struct result *r = result_find(c, w->result);
	struct task_row row;
	struct ending how = {
		.event = w->event,
		.ename = w->ename,
		.evalue = w->evalue,
		.traceback = w->traceback.n ? buf_str(&w->traceback) : NULL,
	};

	if (run && r) {
		if (w->value.n)
			(void)!task_output(r, 0, STREAM_VALUE, 0,
					   buf_bytes(&w->value));
		row = task_row(r, 0);
		free(row.msg_id);
		free(row.engine_uuid);
		row.msg_id = xstrdup(w->msg_id);
		row.engine_uuid = run->engine ? xstrdup(run->engine->uuid)
					      : NULL;
		row.engine = run->engine ? run->engine->id : row.engine;
		row.attempt = 1;
		row.started = w->row.started ? w->row.started : row.started;
		row.completed = w->row.completed;
		task_known_outputs(r, 0, &row);
		run->wire = NULL;
		if (run->engine)
			run->engine->completed++;
		run_end(run, &how, &row);
	}
	wire_free(w);
}

static void idle_late(struct timer *t)
{
	wire_finish(container_of(t, struct wire, idle_timer));
}

static void read_date(struct json_object *o, const char *key, int64_t *ret)
{
	const char *s = json_get_str(o, key, NULL);

	if (!s || date_parse(bytes_str(s), ret) || *ret <= 0 ||
	    *ret >= LIMIT_TIME)
		*ret = now_usec();
}

static char *copy_str(struct json_object *o, const char *key, size_t limit)
{
	const char *s = json_get_str(o, key, NULL);

	return s ? xstrndup(s, min_u64(strlen(s), limit)) : NULL;
}

static void read_failure(struct wire *w, struct json_object *content)
{
	w->ename = copy_str(content, "ename", LIMIT_ENAME);
	w->evalue = copy_str(content, "evalue", LIMIT_ERROR);
	json_put_lines(json_get_array(content, "traceback"), LIMIT_ERROR,
		       &w->traceback);
}

static void read_reply(struct wire *w, struct msg *m)
{
	struct json_object *content = json_parse(msg_part(m, MSG_CONTENT),
						 NULL);
	const char *status = json_get_str(content, "status", NULL);
	unsigned i;

	read_date(m->metadata, "started", &w->row.started);
	read_date(m->header, "date", &w->row.completed);
	w->event = EVENT_FAIL;
	if (status && strcmp(status, "ok") == 0)
		w->event = EVENT_SUCCEED;
	else if (status && strcmp(status, "aborted") == 0)
		w->event = EVENT_ABORT;
	else
		read_failure(w, content);
	for (i = 0; i < msg_buffers(m); i++)
		buf_put(&w->value, msg_buffer(m, i).p, msg_buffer(m, i).n);
	json_object_put(content);
}

/* The wire a reply is for: only its own engine can answer. */
static struct wire *wire_of(struct controller *c, enum channel ch,
			    const struct msg *m)
{
	const char *id = json_get_str(m->parent, "msg_id", NULL);
	struct wire *w = id ? map_get(&c->wires, bytes_str(id)) : NULL;
	struct run *run = w ? run_find(c, id) : NULL;

	if (!run || run->wire != w || w->channel != ch || w->replied ||
	    !run->engine || !bytes_is(msg_ident(m, 0), run->engine->uuid))
		return NULL;
	return w;
}

void relay_from_engine(struct controller *c, enum channel ch, struct msg *m)
{
	struct wire *w = wire_of(c, ch, m);

	if (w) {
		read_reply(w, m);
		w->replied = true;
		if (w->idle || w->event == EVENT_ABORT) {
			wire_finish(w);
		} else {
			w->idle_timer.fire = idle_late;
			timer_set(c->loop, &w->idle_timer, IDLE_WAIT);
		}
	}
	(void)!swap(c, m, sockets_of[ch].in);
}

bool relay_finish(struct wire *w)
{
	if (!w->replied)
		return false;
	wire_finish(w);
	return true;
}

void relay_ended(struct result *r)
{
	const struct details *d = r->task[0].details;
	struct ending how = {
		.event = r->task[0].state == STATE_ABORTED ? EVENT_ABORT
							   : EVENT_FAIL,
		.ename = d ? d->ename : NULL,
		.evalue = d ? d->evalue : NULL,
	};

	if (r->wire)
		relay_failed(r->wire, &how);
}

void relay_failed(struct wire *w, const struct ending *how)
{
	struct controller *c = w->c;
	struct bytes ident = buf_bytes(&w->client);
	struct msg_out out = {
		.type = MSG_APPLY_REPLY,
		.parent = buf_bytes(&w->header),
		.idents = &ident,
		.nidents = 1,
	};

	/* Of mux a client makes the error itself (it knows the engine). */
	if (w->channel == CHANNEL_TASK && !w->replied) {
		struct json_object *o = json_object_new_object();
		const char *status = how->event == EVENT_ABORT ? "aborted"
							       : "error";

		out.metadata = json_object_new_object();
		json_add_str(out.metadata, "status", status);
		json_add_str(o, "status", status);
		if (how->event != EVENT_ABORT) {
			json_add(o, "traceback", json_object_new_array());
			json_add_str(o, "ename", how->ename);
			json_add_str(o, "evalue", how->evalue);
			json_add(o, "engine_info", json_object_new_object());
		}
		out.content = o;
		(void)!msg_send(sock_of(c, S_TASK_IN), &c->session, &out);
		json_object_put(o);
		json_object_put(out.metadata);
	}
	wire_free(w);
}

/* --- iopub -------------------------------------------------------------- */

static void take_stream(struct wire *w, struct msg *m)
{
	struct result *r = result_find(w->c, w->result);
	int s = stream_parse(json_get_str(m->content, "name", NULL));
	size_t n = 0;
	const char *text = json_get_str(m->content, "text", &n);

	if (r && text && (s == STREAM_STDOUT || s == STREAM_STDERR))
		(void)!task_output(r, 0, (enum stream)s, r->task[0].size[s],
				   bytes_of(text, n));
}

static void take_status(struct wire *w, struct msg *m)
{
	const char *s = json_get_str(m->content, "execution_state", NULL);

	if (!s || strcmp(s, "idle") != 0)
		return;
	w->idle = true;
	if (w->replied)
		wire_finish(w);
}

static void take_value(struct wire *w, struct msg *m)
{
	struct json_object *data = json_get_object(m->content, "data");
	size_t n = 0;
	const char *text = json_get_str(data, "text/plain", &n);

	if (text)
		buf_put(&w->value, text, n);
}

static const struct {
	const char *type;
	void (*take)(struct wire *w, struct msg *m);
} takers[] = {
	{MSG_STREAM, take_stream},
	{MSG_STATUS, take_status},
	{MSG_EXECUTE_RESULT, take_value},
};

void relay_iopub(struct controller *c, struct msg *m)
{
	const char *id = json_get_str(m->parent, "msg_id", NULL);
	struct wire *w = id ? map_get(&c->wires, bytes_str(id)) : NULL;
	struct run *run = run_find(c, id);
	struct engine *from;
	struct bytes topic[LIMIT_IDENTS];
	struct engine *e = NULL;
	unsigned i;

	if (strcmp(m->type, MSG_SHUTDOWN_REPLY) == 0) {
		size_t n = 0;
		const char *s = json_get_str(m->header, "session", &n);

		e = s ? engine_by_uuid(c, bytes_of(s, n)) : NULL;
	}
	if (run && !run->wire)
		call_on_iopub(run, m);
	else if (!w && (from = foreign_publisher(c, m)))
		(void)foreign_on_iopub(from, m);
	for (i = 0; w && i < ARRAY_SIZE(takers); i++) {
		if (strcmp(takers[i].type, m->type) == 0) {
			takers[i].take(w, m);
			break;
		}
	}
	for (i = 0; i < m->idents && i < LIMIT_IDENTS; i++)
		topic[i] = msg_ident(m, i);
	if (m->idents >= 1 && m->idents <= LIMIT_IDENTS)
		(void)!msg_forward(sock_of(c, S_IOPUB_OUT), m, topic,
				   m->idents);
	if (e)
		engine_remove(e, "shut down");
}
