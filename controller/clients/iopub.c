#include "base/base.h"
#include "iopub.h"

#include "engines/presence.h"
#include "ipython/foreign.h"
#include "ipython/listener.h"
#include "ipython/output.h"
#include "model/engines.h"
#include "model/tasks.h"
#include "net/sockets.h"
#include "relayed.h"

/* --- what clients can read ---------------------------------------------- */

/*
 * One message that a client cannot read stops iopub of that client of ipyparallel
 * for good, so what is passed on is looked at. These members of the content must be
 * there, and be strings.
 */
static const struct must_have {
	const char *type, *member[2];
} must_have[] = {
	{MSG_STREAM, {"name", "text"}},
	{MSG_STATUS, {"execution_state"}},
	{MSG_ERROR, {"ename", "evalue"}},
	{MSG_EXECUTE_INPUT, {"code"}},
};

static bool has_members(const struct msg *m, const struct must_have *n)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(n->member) && n->member[i]; i++)
		if (!json_get_str(m->content, n->member[i], NULL))
			return false;
	return true;
}

/* It is stdout or stderr: clients and their hub keep no other. */
static bool is_stream(const struct msg *m)
{
	int s = stream_parse(json_get_str(m->content, "name", NULL));

	return s == STREAM_STDOUT || s == STREAM_STDERR;
}

static bool is_readable(const struct msg *m)
{
	const char *version = json_get_str(m->header, "version", NULL);
	const char *date = json_get_str(m->header, "date", NULL);
	int64_t usec;
	size_t i;

	if (!version || *version != '5' ||
	    (date && date_parse(bytes_str(date), &usec)))
		return false;
	for (i = 0; i < ARRAY_SIZE(must_have); i++)
		if (strcmp(must_have[i].type, m->type) == 0 &&
		    !has_members(m, &must_have[i]))
			return false;
	return strcmp(m->type, MSG_STREAM) != 0 || is_stream(m);
}

/* --- what of it belongs to a client's task ------------------------------ */

static void take_output(void *task, enum stream s, struct bytes text)
{
	struct relayed *rel = task;
	struct result *r = result_find(rel->c, rel->result);

	if (r)
		(void)!task_output(r, 0, s, r->task[0].size[s], text);
}

static void take_idle(void *task)
{
	relayed_idle(task);
}

static void keep_content(struct buf *to, const struct msg *m)
{
	struct bytes b = msg_part(m, MSG_CONTENT);

	buf_clear(to);
	if (b.n <= LIMIT_INPUT_KEPT)
		buf_put(to, b.p, b.n);
}

static void take_value(void *task, const struct msg *m, struct bytes text)
{
	struct relayed *rel = task;
	const char *p = text.p;

	keep_content(&rel->execute_result, m);
	buf_clear(&rel->value);
	buf_put(&rel->value, p, text.n);
	/* The mounts show the value as a file, which ends with a newline. */
	if (text.n && p[text.n - 1] != '\n')
		buf_putc(&rel->value, '\n');
}

static void take_error(void *task, const struct msg *m)
{
	struct relayed *rel = task;

	keep_content(&rel->error, m);
}

static void take_display(void *task, const struct msg *m, struct bytes text)
{
	struct relayed *rel = task;

	(void)text;
	keep_content(&rel->display_data, m);
}

static void take_code(void *task, const struct msg *m)
{
	struct relayed *rel = task;
	size_t n = 0;
	const char *code = json_get_str(m->content, "code", &n);

	buf_clear(&rel->execute_input);
	if (n <= LIMIT_INPUT_KEPT)
		buf_put(&rel->execute_input, code, n);
}

static const struct listener listener = {
	.idle = take_idle,
	.code = take_code,
	.output = take_output,
	.value = take_value,
	.display = take_display,
	.error = take_error,
};

/* Of a try that is over only the end of its output counts. */
static const struct listener late_listener = {.idle = take_idle};

/* m is about a task of a mount on an engine of ipyparallel, or about what else such
 * an engine does. */
static void take_ours(struct controller *c, struct run *run, struct msg *m)
{
	struct engine *from;

	if (run && run->phase != RUN_ENDING)
		call_on_iopub(run, m);
	else if ((from = foreign_publisher(c, m)) && !foreign_on_iopub(from, m))
		foreign_note_end(from, m);
}

static void take(struct controller *c, struct msg *m)
{
	const char *id = json_get_str(m->parent, "msg_id", NULL);
	struct relayed *rel = relayed_find(c, id);
	struct run *run = run_find(c, id);

	if (rel)
		listener_hear(run ? &listener : &late_listener, rel, m);
	else if (!run || !run->relayed)
		take_ours(c, run, m);
}

/* The engine that says with m that it ends, or NULL. */
static struct engine *shut_down(struct controller *c, const struct msg *m)
{
	size_t n = 0;
	const char *s = json_get_str(m->header, "session", &n);

	if (!s || strcmp(m->type, MSG_SHUTDOWN_REPLY) != 0)
		return NULL;
	return engine_by_uuid(c, bytes_of(s, n));
}

void iopub_from_engine(struct controller *c, struct msg *m)
{
	struct bytes topic[RELAY_IDENTS];
	struct engine *e = shut_down(c, m);
	unsigned i;

	if (!is_readable(m) || m->idents < 1 || m->idents > RELAY_IDENTS) {
		c->count.bad_iopub++;
		return;
	}
	take(c, m);
	for (i = 0; i < m->idents; i++)
		topic[i] = msg_ident(m, i);
	(void)!msg_forward(sock_of(c, S_IOPUB_OUT), m, topic, m->idents);
	/* The engine may still have a task to end. */
	if (e && e->kind->unregisters)
		engine_leaves(e);
	else if (e)
		engine_remove(e, "shut down");
}
