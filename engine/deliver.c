#include "deliver.h"
#include "answer.h"
#include "base/parse.h"
#include "engine.h"
#include "outcome.h"
#include "reply.h"
#include "vars_tell.h"
#include "wire/limits.h"
#include "wire/messages.h"

/* Bytes wait so long for more of them (or for the end of the task). */
#define FLUSH_USEC (10 * USEC_PER_MSEC)
/* So much is sent at once; so much of an ended output goes with the reply. */
#define INLINE_MAX OUTPUT_MEMORY
/* Text of one `stream` message. */
#define STREAM_PIECE ((size_t)64 * 1024)
/* A value that stock clients get as text. */
#define RESULT_TEXT (16 * MIB)
/* iopub is full: again after this. */
#define AGAIN_USEC (5 * USEC_PER_MSEC)

static bool ended(const struct task *t)
{
	return state_is_final(t->state);
}

/* --- sending ------------------------------------------------------------ */

/* Sends to where the request came from. */
static int send_back(struct task *t, const struct msg_out *out)
{
	struct bytes idents[LIMIT_IDENTS];
	struct msg_out to = *out;

	to.idents = idents;
	to.nidents = (unsigned)min_u64(t->request.idents, LIMIT_IDENTS);
	for (unsigned i = 0; i < to.nidents; i++)
		idents[i] = msg_ident(&t->request, i);
	return link_send(&t->engine->link, t->channel, &to);
}

int deliver_publish(struct engine *e, const char *type, const char *topic,
		    struct bytes parent, struct bytes content)
{
	struct buf metadata = BUF_INIT;
	char name[64];
	struct bytes ident;
	struct msg_out out = {
		.type = type,
		.parent = parent,
		.content_text = content,
		.idents = &ident,
		.nidents = 1,
	};
	int err;

	snprintf(name, sizeof(name), "engine.%lld.%s", (long long)e->member.id,
		 topic);
	ident = bytes_str(name);
	answer_metadata(e, &metadata);
	out.metadata_text = buf_bytes(&metadata);
	err = link_send(&e->link, CHANNEL_IOPUB, &out);
	buf_done(&metadata);
	return err == -EAGAIN ? -ENOBUFS : err;
}

/* Frees content. */
static int publish(struct task *t, const char *type, const char *topic,
		   struct buf *content)
{
	int err = deliver_publish(t->engine, type, topic,
				  msg_part(&t->request, MSG_HEADER),
				  buf_bytes(content));

	buf_done(content);
	return err;
}

int deliver_state(struct engine *e, struct bytes parent, const char *state)
{
	struct buf content = BUF_INIT;
	int err;

	buf_printf(&content, "{\"execution_state\":\"%s\"}", state);
	err = deliver_publish(e, MSG_STATUS, "status", parent,
			      buf_bytes(&content));
	buf_done(&content);
	return err;
}

/* The output's file cannot be read: what was sent is all there is. */
static void output_lost(struct task *t, struct output *o, int err)
{
	log_error("output of a task is lost", log_str("msg_id", t->request.id),
		  log_errno(err));
	o->size = o->sent;
	if (t->state == STATE_ABORTED)
		return;
	/* Nobody was told yet how it ended. */
	outcome_set(t, "OutputError",
		    xasprintf("the engine cannot read its output again: %s",
			      strerror(-err)));
	if (!ended(t))
		run_end(&t->run, RUN_OUTPUT_ERROR);
	else
		t->state = STATE_ERROR;
}

static bool read_unsent(struct task *t, enum stream s, size_t max,
			struct bytes *ret)
{
	struct output *o = &t->run.out[s];
	int err = output_read(o, o->sent, max, ret);

	if (err)
		output_lost(t, o, err);
	return !err && ret->n > 0;
}

/* --- with extensions ---------------------------------------------------- */

/*
 * The controller takes the file itself, and all of it: what was sent before there was
 * a file is in it, too.
 */
static bool gives_file(struct task *t, struct output *o)
{
	if (o->given && o->sent > 0)
		return true;
	o->given = o->name &&
		   spool_is_nearby(&t->engine->spool, o->name, o->fd);
	if (o->given)
		o->sent = 0;
	else
		output_keep(o);
	return o->given;
}

static void piece_content(const struct task *t, enum stream s, uint64_t n,
			  struct buf *content)
{
	const struct output *o = &t->run.out[s];

	buf_puts(content, "{\"msg_id\":");
	json_put_text(content, bytes_str(t->request.id));
	buf_printf(content, ",\"stream\":\"%s\",\"offset\":%llu",
		   stream_name(s), (unsigned long long)o->sent);
	if (o->given)
		buf_printf(content, ",\"file\":\"%s\",\"length\":%llu",
			   o->name, (unsigned long long)n);
	buf_putc(content, '}');
}

static int send_piece(struct task *t, enum stream s)
{
	struct output *o = &t->run.out[s];
	struct buf content = BUF_INIT;
	struct bytes b;
	struct msg_out out = {.type = MSG_OUTPUT, .buffers = &b};
	uint64_t n;
	int err;

	/* What is read into memory should not be read in vain. */
	if (!link_can_send(&t->engine->link, t->channel))
		return link_want(&t->engine->link, t->channel);
	if (gives_file(t, o)) {
		n = output_unsent(o);
	} else {
		if (!read_unsent(t, s, OUTPUT_PIECE, &b))
			return 0;
		out.nbuffers = 1;
		n = b.n;
	}
	piece_content(t, s, n, &content);
	out.content_text = buf_bytes(&content);
	err = send_back(t, &out);
	buf_done(&content);
	if (!err)
		o->sent += n;
	return err;
}

/* So much goes with the reply; nothing of what is given as a file. */
static uint64_t kept_back(const struct task *t, int s)
{
	const struct output *o = &t->run.out[s];

	return ended(t) && !o->given ? INLINE_MAX : 0;
}

/* A piece of each: who has more to say waits until others had their turn. */
static int send_outputs(struct task *t)
{
	bool more = false;
	int s, err = 0;

	if (!ended(t) && !t->flush)
		return -EINPROGRESS;
	for (s = 0; s < STREAM_OUTPUTS; s++) {
		if (!err && output_unsent(&t->run.out[s]) > kept_back(t, s))
			err = send_piece(t, (enum stream)s);
		more |= output_unsent(&t->run.out[s]) > kept_back(t, s);
	}
	if (err || more)
		return err ? err : -EBUSY;
	t->flush = false;
	return ended(t) ? 0 : -EINPROGRESS;
}

/* What tasks wrote into variables is told before their end: queue.c has tried. */
static int send_variables(struct task *t)
{
	if (!ended(t) || vars_are_told(t->engine))
		return 0;
	return link_want(&t->engine->link, t->channel);
}

/* The rest of each output in a buffer of its own. */
static unsigned add_rests(struct task *t, struct bytes rest[STREAM_OUTPUTS],
			  struct buf *copy, int buffers[STREAM_OUTPUTS])
{
	unsigned n = 0;
	int s;

	for (s = 0; s < STREAM_OUTPUTS; s++) {
		struct bytes b;

		buffers[s] = -1;
		if (!output_unsent(&t->run.out[s]) ||
		    !read_unsent(t, (enum stream)s, INLINE_MAX, &b))
			continue;
		/* One read from a file is gone with the next. */
		if (t->run.out[s].fd) {
			buf_put(&copy[s], b.p, b.n);
			b = buf_bytes(&copy[s]);
		}
		buffers[s] = (int)n;
		rest[n++] = b;
	}
	return n;
}

/* The reply, in either dialect. */
static int send_reply_with(struct task *t, const char *type,
			   struct bytes *rest, unsigned nrest,
			   const int buffers[STREAM_OUTPUTS])
{
	struct buf content = BUF_INIT, metadata = BUF_INIT;
	struct msg_out out = {
		.type = type,
		.parent = msg_part(&t->request, MSG_HEADER),
		.buffers = rest,
		.nbuffers = nrest,
	};
	int err;

	reply_content(t, &content);
	reply_metadata(t, buffers, &metadata);
	out.content_text = buf_bytes(&content);
	out.metadata_text = buf_bytes(&metadata);
	err = send_back(t, &out);
	buf_done(&content);
	buf_done(&metadata);
	return err;
}

static int send_extended_reply(struct task *t)
{
	struct bytes rest[STREAM_OUTPUTS];
	struct buf copy[STREAM_OUTPUTS] = {BUF_INIT};
	int buffers[STREAM_OUTPUTS], s, err;
	unsigned n = add_rests(t, rest, copy, buffers);

	err = send_reply_with(t, MSG_EXECUTE_REPLY, rest, n, buffers);
	for (s = 0; s < STREAM_OUTPUTS; s++)
		buf_done(&copy[s]);
	return err;
}

/* --- stock -------------------------------------------------------------- */

static bool never_began(const struct task *t)
{
	return !t->ran && !t->apply;
}

static int send_state(struct task *t, const char *state)
{
	if (never_began(t))
		return 0;
	return deliver_state(t->engine, msg_part(&t->request, MSG_HEADER),
			     state);
}

static int send_busy(struct task *t)
{
	return send_state(t, "busy");
}

static int send_idle(struct task *t)
{
	return send_state(t, "idle");
}

static int send_input(struct task *t)
{
	size_t n;
	const char *code = json_get_str(t->request.content, "code", &n);
	struct buf content = BUF_INIT;
	int err = 0;

	if (t->ran && !t->silent && code) {
		buf_puts(&content, "{\"code\":");
		json_put_text(&content, bytes_of(code, n));
		buf_printf(&content, ",\"execution_count\":%lld}",
			   (long long)t->count);
		err = publish(t, MSG_EXECUTE_INPUT, "execute_input", &content);
	}
	if (!err)
		msg_shed(&t->request);
	return err;
}

/* 0 when something was sent, or nothing can be sent now. */
static int send_text(struct task *t, enum stream s)
{
	struct output *o = &t->run.out[s];
	struct buf content = BUF_INIT;
	struct bytes b;
	int err;

	if (!read_unsent(t, s, STREAM_PIECE, &b))
		return 0;
	if (!ended(t) || o->sent + b.n < o->size)
		b.n = utf8_whole(b);
	if (!b.n)
		return -ENODATA;
	buf_printf(&content, "{\"name\":\"%s\",\"text\":",
		   stream_name(s));
	json_put_text(&content, b);
	buf_putc(&content, '}');
	err = publish(t, MSG_STREAM, stream_name(s), &content);
	if (!err)
		o->sent += b.n;
	return err;
}

static int send_streams(struct task *t)
{
	int s, err;

	if (!ended(t) && !t->flush)
		return -EINPROGRESS;
	for (s = STREAM_STDOUT; s <= STREAM_STDERR; s++) {
		err = 0;
		while (!err && output_unsent(&t->run.out[s]))
			err = send_text(t, (enum stream)s);
		if (err && err != -ENODATA)
			return err;
	}
	t->flush = false;
	return ended(t) ? 0 : -EINPROGRESS;
}

/* A task's value as text, without the newline at its end. */
static void put_value(struct task *t, struct buf *out)
{
	const struct output *o = &t->run.out[STREAM_VALUE];
	struct buf all = BUF_INIT;
	struct bytes b;

	if (!o->size)
		o = &t->run.out[STREAM_STDOUT];
	while (all.n < o->size && all.n <= RESULT_TEXT &&
	       output_read(o, all.n, OUTPUT_PIECE, &b) == 0)
		buf_put(&all, b.p, b.n);
	if (all.n < o->size) {
		buf_clear(&all);
		buf_printf(&all, "(a value of %llu bytes: too large to be "
				 "shown here)",
			   (unsigned long long)o->size);
	}
	if (all.n && all.p[all.n - 1] == '\n')
		all.n--;
	json_put_text(out, buf_bytes(&all));
	buf_done(&all);
}

static int send_result(struct task *t)
{
	const struct output *out = t->run.out;
	struct buf content = BUF_INIT;

	if (t->silent || (!out[STREAM_VALUE].size && !out[STREAM_STDOUT].size))
		return 0;
	buf_puts(&content, "{\"data\":{\"text/plain\":");
	put_value(t, &content);
	buf_printf(&content, "},\"metadata\":{},\"execution_count\":%lld}",
		   (long long)t->count);
	return publish(t, MSG_EXECUTE_RESULT, "execute_result", &content);
}

static int send_outcome(struct task *t)
{
	struct buf content = BUF_INIT;

	if (t->state == STATE_OK)
		return send_result(t);
	if (t->state != STATE_ERROR || never_began(t))
		return 0;
	reply_error(t, &content);
	return publish(t, MSG_ERROR, "error", &content);
}

static int send_reply(struct task *t)
{
	static const int none[STREAM_OUTPUTS] = {-1, -1, -1, -1};

	int err = send_reply_with(t,
				  t->apply ? MSG_APPLY_REPLY
					   : MSG_EXECUTE_REPLY,
				  NULL, 0, none);

	if (!err)
		tasks_answered(t);
	return err;
}

/* --- step by step ------------------------------------------------------- */

/*
 * 0: on to the next; -EINPROGRESS: when the task goes on; -EBUSY: when others had
 * their turn; -EAGAIN: when the socket takes more; any other: after a while.
 */
typedef int step_fn(struct task *t);

static step_fn *const extended_steps[] = {
	send_outputs, send_variables, send_extended_reply, NULL,
};

static step_fn *const stock_steps[] = {
	send_busy, send_input, send_streams, send_outcome, send_reply,
	send_idle, NULL,
};

/* It goes on at the end of the turn, or when the loop comes round again. */
static void let_others(struct task *t)
{
	struct tasks *all = &t->engine->tasks;

	list_del(&t->link);
	list_add_tail(ended(t) ? &all->ended : &all->running, &t->link);
	loop_defer(t->engine->loop, &all->more);
}

void deliver(struct task *t)
{
	step_fn *const *steps = t->extended ? extended_steps : stock_steps;
	struct engine *e = t->engine;
	bool late = t->untold;
	int err = 0;

	e->tasks.untold -= t->untold;
	t->untold = false;
	if ((e->leave.on && !late) || t->unwanted ||
	    (t->extended && !member_is_in(&e->member)))
		return;
	while (steps[t->step] && (err = steps[t->step](t)) == 0)
		t->step++;
	if (!steps[t->step] && t->extended)
		t->told = t->told ? t->told : mono_usec();
	else if (!steps[t->step])
		task_free(t);
	else if (err == -EBUSY)
		let_others(t);
	else if (err && err != -EINPROGRESS && err != -EAGAIN &&
		 e->link.open && !timer_is_set(&e->tasks.again))
		timer_set(e->loop, &e->tasks.again, AGAIN_USEC);
}

/* Each of a list once: one that has more to say goes to its end. */
static void deliver_list(struct list *list, size_t n)
{
	struct list *l = list->next, *tmp;

	for (; n > 0; n--, l = tmp) {
		tmp = l->next;
		deliver(list_entry(l, struct task, link));
	}
}

/* Also when there is room for little, all have their turn. */
void deliver_all(struct engine *e)
{
	struct tasks *all = &e->tasks;

	all->ended_first = !all->ended_first;
	if (all->ended_first)
		deliver_list(&all->ended, all->nended);
	deliver_list(&all->running, all->nrunning);
	if (!all->ended_first)
		deliver_list(&all->ended, all->nended);
}

static void again_due(struct timer *t)
{
	deliver_all(container_of(t, struct engine, tasks.again));
}

static void go_on(struct work *w)
{
	deliver_all(container_of(w, struct engine, tasks.more));
}

void deliver_init(struct engine *e)
{
	e->tasks.again.fire = again_due;
	e->tasks.more.run = go_on;
}

static void flush_due(struct timer *timer)
{
	struct task *t = container_of(timer, struct task, flush_timer);

	t->flush = true;
	deliver(t);
}

void deliver_output(struct task *t, enum stream s)
{
	t->flush_timer.fire = flush_due;
	if (output_unsent(&t->run.out[s]) >= INLINE_MAX &&
	    !t->run.out[s].given) {
		t->flush = true;
		deliver(t);
	} else if (!timer_is_set(&t->flush_timer)) {
		timer_set(t->engine->loop, &t->flush_timer, FLUSH_USEC);
	}
}

void deliver_again(struct task *t)
{
	int s;

	if (!t->extended)
		return;
	t->step = 0;
	t->told = 0;
	t->flush = true;
	for (s = 0; s < STREAM_OUTPUTS; s++)
		t->run.out[s].sent = 0;
}
