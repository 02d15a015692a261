#include "base/base.h"
#include "listener.h"

static struct bytes plain(const struct msg *m)
{
	return json_get_bytes(json_get_object(m->content, "data"), "text/plain");
}

bool iopub_says(const struct msg *m, const char *state)
{
	const char *s = json_get_str(m->content, "execution_state", NULL);

	return strcmp(m->type, MSG_STATUS) == 0 && s && strcmp(s, state) == 0;
}

static void hear_status(const struct listener *l, void *task, struct msg *m)
{
	if (l->busy && iopub_says(m, "busy"))
		l->busy(task);
	else if (l->idle && iopub_says(m, "idle"))
		l->idle(task);
}

static void hear_input(const struct listener *l, void *task, struct msg *m)
{
	if (l->code)
		l->code(task, m);
}

static void hear_stream(const struct listener *l, void *task, struct msg *m)
{
	int s = stream_parse(json_get_str(m->content, "name", NULL));

	if (l->output && (s == STREAM_STDOUT || s == STREAM_STDERR))
		l->output(task, (enum stream)s, json_get_bytes(m->content, "text"));
}

static void hear_value(const struct listener *l, void *task, struct msg *m)
{
	if (l->value)
		l->value(task, m, plain(m));
}

static void hear_display(const struct listener *l, void *task, struct msg *m)
{
	if (l->display)
		l->display(task, m, plain(m));
}

static void hear_error(const struct listener *l, void *task, struct msg *m)
{
	if (l->error)
		l->error(task, m);
}

static const struct hearing {
	const char *type;
	void (*hear)(const struct listener *l, void *task, struct msg *m);
} hearings[] = {
	{MSG_STATUS, hear_status},
	{MSG_EXECUTE_INPUT, hear_input},
	{MSG_STREAM, hear_stream},
	{MSG_EXECUTE_RESULT, hear_value},
	{MSG_DISPLAY_DATA, hear_display},
	{MSG_ERROR, hear_error},
};

static const struct hearing *hearing_of(const struct msg *m)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(hearings); i++)
		if (strcmp(hearings[i].type, m->type) == 0)
			return &hearings[i];
	return NULL;
}

bool listener_knows(const struct msg *m)
{
	return hearing_of(m) != NULL;
}

void listener_hear(const struct listener *l, void *task, struct msg *m)
{
	const struct hearing *h = hearing_of(m);

	if (h)
		h->hear(l, task, m);
}
