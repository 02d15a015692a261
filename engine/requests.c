#include "requests.h"
#include "ahead.h"
#include "answer.h"
#include "base/parse.h"
#include "begin.h"
#include "deliver.h"
#include "engine.h"
#include "kernel.h"
#include "queue.h"
#include "vars_queue.h"
#include "vars_tell.h"
#include "wire/messages.h"

#include <signal.h>

#define ON(c) (1u << (c))
#define ON_SHELL (ON(CHANNEL_MUX) | ON(CHANNEL_TASK) | ON(CHANNEL_BROADCAST))
#define ON_CONTROL ON(CHANNEL_CONTROL)

/* --- tasks -------------------------------------------------------------- */

static void execute(struct engine *e, enum channel c, struct msg *m)
{
	struct json_object *t = json_get_object(m->metadata, "taskfs");

	/* Acknowledgements come with the next task, to save a message. */
	queue_stored(e, json_get_array(t, "stored"));
	queue_add(e, c, m);
}

static void stored(struct engine *e, enum channel c, struct msg *m)
{
	(void)c;
	queue_stored(e, json_get_array(m->content, "msg_ids"));
}

/* The signal that a request names, as a number or by name; 0 asks whether there is
 * a task; -1: it names none. */
static int get_signal(struct json_object *content, const char *key)
{
	int64_t n = 0;
	size_t len;
	const char *s = json_get_str(content, key, &len);
	int signo;

	if (s && parse_signal(bytes_of(s, len), &signo) == 0)
		return signo;
	if (json_get_int(content, key, &n) && n >= 0 && n <= SIGRTMAX)
		return (int)n;
	return -1;
}

static struct json_object *no_such_signal(void)
{
	return answer_error("BadSignal", "EINVAL", "there is no such signal");
}

static struct json_object *signal_task(struct task *t,
				       struct json_object *content)
{
	int signo = get_signal(content, "signal");

	if (signo <= 0)
		return no_such_signal();
	if (!t || t->state != STATE_RUNNING || run_signal(&t->run, signo) < 0)
		return answer_error("TaskNotRunning", "ESRCH",
				    "the task is not running");
	return answer_ok();
}

static void kill_request(struct engine *e, enum channel c, struct msg *m)
{
	const char *id = json_get_str(m->content, "msg_id", NULL);
	struct task *t = id ? tasks_find(&e->tasks, bytes_str(id)) : NULL;
	bool abort = json_bool_or(m->content, "abort", false);

	if (abort && t)
		queue_abort_task(t);
	else if (abort && id) /* it may still be on its way, elsewhere */
		queue_abort(e, bytes_str(id));
	answer_request(e, c, m, MSG_KILL_REPLY,
		       abort ? answer_ok() : signal_task(t, m->content));
}

static void limit_request(struct engine *e, enum channel c, struct msg *m)
{
	const char *id = json_get_str(m->content, "msg_id", NULL);
	struct task *t = id ? tasks_find(&e->tasks, bytes_str(id)) : NULL;

	if (t && t->extended)
		task_limit(t, json_real_or(m->content, "time_limit", 0));
	answer_request(e, c, m, MSG_LIMIT_REPLY, answer_ok());
}

static void signal_request(struct engine *e, enum channel c, struct msg *m)
{
	int signo = get_signal(m->content, "sig");
	const char *id = json_get_str(m->content, "msg_id", NULL);
	struct task *t = id ? tasks_find(&e->tasks, bytes_str(id)) : NULL;

	/* With a msg_id only that task: when it has ended no other is meant. */
	if (signo > 0 && !id)
		queue_signal(e, signo);
	else if (signo > 0 && t && t->state == STATE_RUNNING)
		(void)run_signal(&t->run, signo);
	answer_request(e, c, m, MSG_SIGNAL_REPLY,
		       signo >= 0 ? answer_ok() : no_such_signal());
}

static void abort_ids(struct engine *e, struct json_object *ids)
{
	size_t i, n = json_object_array_length(ids);

	if (n == 0)
		queue_abort_waiting(e);
	for (i = 0; i < n; i++) {
		struct json_object *v = json_object_array_get_idx(ids, i);

		if (json_object_is_type(v, json_type_string))
			queue_abort(e, bytes_str(json_object_get_string(v)));
	}
}

static struct json_object *no_ids(void)
{
	return answer_error("TypeError", "EINVAL",
			    "msg_ids must be a list or a string");
}

static void abort_request(struct engine *e, enum channel c, struct msg *m)
{
	struct json_object *ids = json_get_array(m->content, "msg_ids");
	const char *id = json_get_str(m->content, "msg_ids", NULL);

	if (ids)
		abort_ids(e, ids);
	else if (id)
		queue_abort(e, bytes_str(id));
	answer_request(e, c, m, MSG_ABORT_REPLY,
		       ids || id ? answer_ok() : no_ids());
}

/* --- the engine --------------------------------------------------------- */

static void registration_reply(struct engine *e, enum channel c, struct msg *m)
{
	(void)c;
	if (member_answered(e, m))
		heart_start(e, m->content);
}

static void have_request(struct engine *e, enum channel c, struct msg *m)
{
	struct json_object *ids = json_get_array(m->content, "msg_ids");
	struct json_object *o = answer_ok(), *missing = json_object_new_array();
	size_t i, n = ids ? json_object_array_length(ids) : 0;

	for (i = 0; i < n; i++) {
		struct json_object *v = json_object_array_get_idx(ids, i);
		const char *id = json_object_get_string(v);

		if (id && !tasks_find(&e->tasks, bytes_str(id)))
			json_push(missing, json_object_get(v));
	}
	json_add(o, "missing", missing);
	answer_request(e, c, m, MSG_HAVE_REPLY, o);
}

static void recall(struct engine *e, enum channel c, struct msg *m)
{
	struct json_object *ids = json_get_array(m->content, "msg_ids");
	size_t i, n = ids ? json_object_array_length(ids) : 0;

	(void)c;
	for (i = 0; i < n; i++) {
		struct json_object *v = json_object_array_get_idx(ids, i);
		const char *id = json_object_get_string(v);
		struct task *t = id ? tasks_find(&e->tasks, bytes_str(id)) : NULL;

		if (t)
			(void)ahead_give_back(t);
		else if (id) /* it may be on its way, by the other line */
			tasks_unwanted_later(&e->tasks, bytes_str(id),
					     UNWANTED_AHEAD);
	}
}

static void register_request(struct engine *e, enum channel c, struct msg *m)
{
	(void)c;
	(void)m;
	member_forgotten(e);
}

static void clear_request(struct engine *e, enum channel c, struct msg *m)
{
	vars_clear(e);
	answer_request(e, c, m, MSG_CLEAR_REPLY, answer_ok());
}

static struct json_object *shutting_down(const struct msg *m)
{
	struct json_object *o = answer_ok();

	json_add_bool(o, "restart", json_bool_or(m->content, "restart", false));
	return o;
}

static void shutdown_request(struct engine *e, enum channel c, struct msg *m)
{
	bool restart = json_bool_or(m->content, "restart", false);
	struct json_object *content = shutting_down(m);

	answer_request(e, c, m, MSG_SHUTDOWN_REPLY, shutting_down(m));
	if (deliver_publish(e, MSG_SHUTDOWN_REPLY, "shutdown",
			    msg_part(m, MSG_HEADER), json_bytes(content)) < 0)
		log_warning("iopub is full: no word of the shutdown");
	json_object_put(content);
	log_info(restart ? "told to restart" : "told to shut down");
	leave_begin(e, restart ? EXIT_RESTART : EXIT_OK);
}

/* --- the table ---------------------------------------------------------- */

static const struct request {
	const char *type;
	unsigned channels;
	void (*handle)(struct engine *e, enum channel c, struct msg *m);
} requests[] = {
	{MSG_EXECUTE_REQUEST, ON_SHELL, execute},
	{MSG_APPLY_REQUEST, ON_SHELL, execute},
	{MSG_STORED, ON(CHANNEL_TASK), stored},
	{MSG_KILL_REQUEST, ON_CONTROL, kill_request},
	{MSG_LIMIT_REQUEST, ON_CONTROL, limit_request},
	{MSG_ABORT_REQUEST, ON_CONTROL, abort_request},
	{MSG_SIGNAL_REQUEST, ON_CONTROL, signal_request},
	{MSG_HAVE_REQUEST, ON_CONTROL, have_request},
	{MSG_RECALL, ON_CONTROL, recall},
	{MSG_REGISTER_REQUEST, ON_CONTROL, register_request},
	{MSG_CLEAR_REQUEST, ON_CONTROL, clear_request},
	{MSG_PUSH_REQUEST, ON_CONTROL, vars_queue_add},
	{MSG_PULL_REQUEST, ON_CONTROL, vars_queue_add},
	{MSG_VARS_REQUEST, ON_CONTROL, vars_queue_add},
	{MSG_SHUTDOWN_REQUEST, ON_CONTROL, shutdown_request},
	{MSG_KERNEL_INFO_REQUEST, ON_SHELL | ON_CONTROL, kernel_info_request},
	{MSG_INTERRUPT_REQUEST, ON_CONTROL, kernel_interrupt_request},
	{MSG_REGISTRATION_REPLY, ON(CHANNEL_REGISTRATION), registration_reply},
};

void requests_handle(struct engine *e, enum channel c, struct msg *m)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		if (strcmp(requests[i].type, m->type) == 0 &&
		    (requests[i].channels & ON(c))) {
			requests[i].handle(e, c, m);
			return;
		}
	}
	if ((ON_SHELL | ON_CONTROL) & ON(c))
		kernel_request(e, c, m);
}

/* The sender of a message that cannot be read does not wait for ever. */
void requests_refuse(struct engine *e, enum channel c, struct msg *m)
{
	struct bytes name = message_request_name(m->type ? m->type : "");
	struct json_object *content;
	char *type, *why;

	if (!name.n || !((ON_SHELL | ON_CONTROL) & ON(c)))
		return;
	type = xasprintf("%.*s_reply", (int)name.n, m->type);
	why = xasprintf("the message's JSON cannot be read: %s", m->why);
	content = answer_error("ValueError", "EINVAL", why);
	/* A stock client shows nothing but the traceback. */
	json_push(json_get_array(content, "traceback"),
		  json_text(bytes_str(why)));
	answer_request(e, c, m, type, content);
	free(type);
	free(why);
	/* It also waits for the end of what is printed. */
	if (ON_SHELL & ON(c))
		(void)!deliver_state(e, msg_echo(m), "idle");
}

void requests_can_send(struct engine *e)
{
	member_step(e);
	vars_can_send(e);
	health_tell(e);
	deliver_all(e);
	vars_queue_go_on(e);
}
