#include "base/base.h"
#include "outcome.h"

void outcome_init(struct outcome *o)
{
	*o = (struct outcome){
		.event = EVENT_FAIL,
		.ran = -1,
		.user = -1,
		.exit_status = -1,
		.signal = -1,
	};
}

void outcome_done(struct outcome *o)
{
	free(o->ename);
	free(o->evalue);
	free(o->cwd);
	buf_done(&o->traceback);
	*o = (struct outcome){0};
}

static char *copy_text(struct json_object *from, const char *key, size_t limit)
{
	const char *s = json_get_str(from, key, NULL);

	return s ? xmemdup_nul(s, min_u64(strlen(s), limit)) : NULL;
}

static int64_t read_date(struct json_object *from, const char *key)
{
	const char *s = json_get_str(from, key, NULL);
	int64_t t = 0;

	if (!s || date_parse(bytes_str(s), &t) || t <= 0 || t >= LIMIT_TIME)
		return 0;
	return t;
}

static void read_failure(struct outcome *o, struct json_object *content)
{
	o->event = EVENT_FAIL;
	o->ename = copy_text(content, "ename", LIMIT_ENAME);
	o->evalue = copy_text(content, "evalue", LIMIT_ERROR);
	json_put_lines(json_get_array(content, "traceback"), LIMIT_ERROR,
		       &o->traceback);
	if (!o->ename)
		o->ename = xstrdup("Error");
}

void outcome_read(struct outcome *o, struct json_object *header,
		  struct json_object *metadata, struct json_object *content)
{
	const char *status = json_get_str(content, "status", NULL);

	o->started = read_date(metadata, "started");
	o->completed = read_date(header, "date");
	if (status && strcmp(status, "ok") == 0)
		o->event = EVENT_SUCCEED;
	else if (status && strcmp(status, "aborted") == 0)
		o->event = EVENT_ABORT;
	else
		read_failure(o, content);
}

void outcome_read_usage(struct outcome *o, struct json_object *usage)
{
	o->user = json_real_or(usage, "user", -1);
	o->system = json_real_or(usage, "system", 0);
	o->memory = json_int_or(usage, "memory", 0);
}

void outcome_read_cwd(struct outcome *o, struct json_object *from)
{
	free(o->cwd);
	o->cwd = copy_text(from, "cwd", PATH_MAX);
}

static void read_exit(struct outcome *o, struct json_object *taskfs)
{
	int64_t status = -1, signo = -1;

	if (!json_get_range(taskfs, "exit_status", 0, LIMIT_EXIT, &status) ||
	    !json_get_range(taskfs, "signal", 1, LIMIT_SIGNAL, &signo)) {
		outcome_fail(o, "ReplyError",
			     "its engine says an exit status or signal that "
			     "there is not");
		return;
	}
	o->exit_status = (int)status;
	o->signal = (int)signo;
}

void outcome_read_ours(struct outcome *o, struct json_object *taskfs)
{
	read_exit(o, taskfs);
	o->ran = json_int_or(taskfs, "ran", -1);
	o->ago = json_int_or(taskfs, "ago", 0);
	outcome_read_usage(o, json_get_object(taskfs, "usage"));
	outcome_read_cwd(o, taskfs);
}

void outcome_fail(struct outcome *o, const char *ename, const char *evalue)
{
	free(o->ename);
	free(o->evalue);
	o->event = EVENT_FAIL;
	o->ename = xstrdup(ename);
	o->evalue = xstrdup(evalue);
	buf_clear(&o->traceback);
}

static void strip_text(char **text)
{
	struct buf b = BUF_INIT;

	if (!*text)
		return;
	buf_puts(&b, *text);
	buf_strip_colours(&b);
	free(*text);
	*text = buf_take(&b);
}

void outcome_strip_colours(struct outcome *o)
{
	strip_text(&o->ename);
	strip_text(&o->evalue);
	strip_text(&o->cwd);
	buf_strip_colours(&o->traceback);
}

struct ending outcome_ending(struct outcome *o)
{
	return (struct ending){
		.event = o->event,
		.ename = o->ename,
		.evalue = o->evalue,
		.traceback = o->traceback.n ? buf_str(&o->traceback) : NULL,
	};
}

void outcome_put(const struct outcome *o, struct task_row *row)
{
	row->cwd = str_copy(o->cwd);
	row->user = o->user;
	row->system = o->system;
	row->memory = o->memory;
	row->exit_status = o->exit_status;
	row->signal = o->signal;
}
