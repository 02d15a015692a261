#include "kernel.h"
#include "answer.h"
#include "deliver.h"
#include "engine.h"
#include "queue.h"
#include "wire/messages.h"

#include <signal.h>

#define LIMIT_TYPE 64	/* of a request's name that is said again */

static void add_complete(struct json_object *o, struct json_object *asked)
{
	int64_t at = json_int_or(asked, "cursor_pos", 0);

	json_add(o, "matches", json_object_new_array());
	json_add_int(o, "cursor_start", at);
	json_add_int(o, "cursor_end", at);
	json_add(o, "metadata", json_object_new_object());
}

static void add_inspect(struct json_object *o, struct json_object *asked)
{
	(void)asked;
	json_add_bool(o, "found", false);
	json_add(o, "data", json_object_new_object());
	json_add(o, "metadata", json_object_new_object());
}

static void add_history(struct json_object *o, struct json_object *asked)
{
	(void)asked;
	json_add(o, "history", json_object_new_array());
}

static void add_is_complete(struct json_object *o, struct json_object *asked)
{
	(void)asked;
	json_add_str(o, "status", "unknown");
}

static void add_comm_info(struct json_object *o, struct json_object *asked)
{
	(void)asked;
	json_add(o, "comms", json_object_new_object());
}

/* Names of Jupyter's messaging protocol, without "_request" and "_reply". */
static const struct kernel_row {
	const char *name;
	void (*add)(struct json_object *o, struct json_object *asked);
} rows[] = {
	{"complete", add_complete},
	{"inspect", add_inspect},
	{"history", add_history},
	{"is_complete", add_is_complete},
	{"comm_info", add_comm_info},
};

static struct json_object *not_known(const char *type)
{
	char *evalue = xasprintf("this engine runs shell commands (language: "
				 "sh); it does not know %s", type);
	struct json_object *o = answer_error("NotImplementedError",
					     "EOPNOTSUPP", evalue);

	free(evalue);
	return o;
}

static struct json_object *content_of(const char *name, const char *type,
				      struct json_object *asked)
{
	struct json_object *o;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(rows[i].name, name) != 0)
			continue;
		o = answer_ok();
		rows[i].add(o, asked);
		return o;
	}
	return not_known(type);
}

void kernel_request(struct engine *e, enum channel c, struct msg *m)
{
	struct bytes part = message_request_name(m->type);
	char *name, *reply;

	if (!part.n || strlen(m->type) > LIMIT_TYPE) {
		log_debug("message ignored", log_str("type", m->type),
			  log_str("channel", channel_name(c)));
		return;
	}
	name = xmemdup_nul(part.p, part.n);
	reply = xasprintf("%s_reply", name);
	answer_request(e, c, m, reply,
		       content_of(name, m->type, m->content));
	free(reply);
	free(name);
}

void kernel_interrupt_request(struct engine *e, enum channel c, struct msg *m)
{
	queue_signal(e, SIGINT);
	answer_request(e, c, m, MSG_INTERRUPT_REPLY, answer_ok());
}

void kernel_info_request(struct engine *e, enum channel c, struct msg *m)
{
	struct json_object *o = answer_ok();
	struct json_object *language = json_object_new_object();
	struct bytes parent = msg_part(m, MSG_HEADER);

	json_add_str(language, "name", "sh");
	json_add_str(language, "version", "POSIX");
	json_add_str(language, "mimetype", "text/x-sh");
	json_add_str(language, "file_extension", ".sh");
	json_add_str(o, "protocol_version", MSG_VERSION);
	json_add_str(o, "implementation", "taskfs");
	json_add_str(o, "implementation_version", TASKFS_VERSION);
	json_add(o, "language_info", language);
	/* For a mount behind ipyparallel's controller. */
	json_add_str(o, "host", e->host);
	json_add_int(o, "pid", getpid());
	json_add_str(o, "banner", "taskfs: runs shell commands");
	json_add(o, "help_links", json_object_new_array());
	/*
	 * As of a stock engine: who has heard the end of it will hear what tasks
	 * print. A full iopub keeps it back; it can be asked for again.
	 */
	(void)!deliver_state(e, parent, "busy");
	answer_request(e, c, m, MSG_KERNEL_INFO_REPLY, o);
	(void)!deliver_state(e, parent, "idle");
}
