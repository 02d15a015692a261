#include "reply.h"
#include "engine.h"

static void put_str(struct buf *out, const char *s)
{
	json_put_text(out, bytes_str(s));
}

static const char *bool_word(bool b)
{
	return b ? "true" : "false";
}

static void put_engine_info(const struct task *t, struct buf *out)
{
	const struct member *m = &t->engine->member;

	buf_printf(out,
		   "\"engine_info\":{\"engine_uuid\":\"%s\","
		   "\"engine_id\":%lld,\"method\":\"%s\"}",
		   m->uuid, (long long)m->id, t->apply ? "apply" : "execute");
}

/*
 * A stock client shows nothing but the traceback; one of ours shows ename and
 * evalue, too.
 */
static void put_traceback(const struct task *t, struct buf *out)
{
	struct buf last = BUF_INIT;
	size_t i, n = 0;

	if (t->traceback)
		n = json_object_array_length(t->traceback);
	buf_putc(out, '[');
	for (i = 0; i < n; i++) {
		if (i)
			buf_putc(out, ',');
		put_str(out, json_object_get_string(
				     json_object_array_get_idx(t->traceback,
							       i)));
	}
	if (!t->extended) {
		buf_printf(&last, "%s: %s", t->ename, t->evalue);
		if (n)
			buf_putc(out, ',');
		json_put_text(out, buf_bytes(&last));
		buf_done(&last);
	}
	buf_putc(out, ']');
}

static void put_error(const struct task *t, struct buf *out)
{
	buf_puts(out, "\"ename\":");
	put_str(out, t->ename);
	buf_puts(out, ",\"evalue\":");
	put_str(out, t->evalue);
	buf_puts(out, ",\"traceback\":");
	put_traceback(t, out);
}

void reply_error(const struct task *t, struct buf *out)
{
	buf_putc(out, '{');
	put_error(t, out);
	buf_putc(out, '}');
}

void reply_content(const struct task *t, struct buf *out)
{
	buf_printf(out, "{\"status\":\"%s\"", state_name(t->state));
	if (t->state == STATE_ERROR) {
		buf_putc(out, ',');
		put_error(t, out);
		buf_putc(out, ',');
		put_engine_info(t, out);
	}
	if (t->state != STATE_ABORTED)
		buf_printf(out, ",\"execution_count\":%lld",
			   (long long)t->count);
	if (t->state != STATE_ABORTED && !t->extended)
		buf_puts(out, ",\"user_expressions\":{},\"payload\":[]");
	buf_putc(out, '}');
}

static void put_seconds(struct buf *out, const char *key, struct timeval tv)
{
	buf_printf(out, "\"%s\":%lld.%06ld,", key, (long long)tv.tv_sec,
		   (long)tv.tv_usec);
}

static void put_usage(const struct run *r, struct buf *out)
{
	buf_puts(out, ",\"usage\":");
	if (!r->pid) {
		buf_puts(out, "null");
		return;
	}
	buf_putc(out, '{');
	put_seconds(out, "user", r->usage.ru_utime);
	put_seconds(out, "system", r->usage.ru_stime);
	buf_printf(out, "\"memory\":%lld}",
		   (long long)r->usage.ru_maxrss * 1024);
}

/* A number, or null when it is less than `least`. */
static void put_number(struct buf *out, const char *key, int n, int least)
{
	if (n >= least)
		buf_printf(out, ",\"%s\":%d", key, n);
	else
		buf_printf(out, ",\"%s\":null", key);
}

static void put_outputs(const struct run *r, const int buffers[STREAM_OUTPUTS],
			struct buf *out)
{
	bool any = false;
	int i;

	for (i = 0; i < STREAM_OUTPUTS; i++)
		buf_printf(out, "\"%s\":%llu,", stream_name((enum stream)i),
			   (unsigned long long)r->out[i].size);
	buf_puts(out, "\"buffers\":{");
	for (i = 0; i < STREAM_OUTPUTS; i++) {
		if (buffers[i] < 0)
			continue;
		buf_printf(out, "%s\"%s\":%d", any ? "," : "",
			   stream_name((enum stream)i), buffers[i]);
		any = true;
	}
	buf_printf(out, "},\"value_is_stdout\":%s",
		   bool_word(r->out[STREAM_VALUE].size == 0));
}

/* When it ended; how long it ran; and how long ago that was, now. */
static void put_times(const struct run *r, struct buf *out)
{
	int64_t now = steady_usec();
	int64_t ended = r->steady_ended ? r->steady_ended : now;
	int64_t began = r->steady_began ? r->steady_began : ended;

	buf_printf(out, ",\"completed\":%lld,\"ran\":%lld,\"ago\":%lld",
		   (long long)(r->ended_at ? r->ended_at : now_usec()),
		   (long long)(ended - began), (long long)(now - ended));
}

/* What our controller and our mount know more than stock ones. */
static void put_particulars(const struct task *t,
			    const int buffers[STREAM_OUTPUTS], struct buf *out)
{
	const struct run *r = &t->run;

	buf_puts(out, ",\"taskfs\":{");
	put_outputs(r, buffers, out);
	put_number(out, "exit_status", t->exit_status, 0);
	put_number(out, "signal", t->signal, 1);
	put_usage(r, out);
	if (r->pid) {
		buf_puts(out, ",\"cwd\":");
		put_str(out, t->cwd ? t->cwd : t->engine->cwd);
	}
	put_times(r, out);
	buf_putc(out, '}');
}

/* What the request's metadata said and the reply's has to say again. */
static void put_echo(struct json_object *metadata, struct buf *out)
{
	const char *original = json_get_str(metadata, "original_msg_id", NULL);
	struct json_object *label = json_get(metadata, "label");

	buf_printf(out, ",\"is_broadcast\":%s,\"is_coalescing\":%s",
		   bool_word(json_bool_or(metadata, "is_broadcast", false)),
		   bool_word(json_bool_or(metadata, "is_coalescing", false)));
	buf_puts(out, ",\"original_msg_id\":");
	put_str(out, original ? original : "");
	if (label) {
		struct bytes text = json_bytes(label);

		buf_puts(out, ",\"label\":");
		buf_put(out, text.p, text.n);
	}
}

void reply_metadata(const struct task *t, const int buffers[STREAM_OUTPUTS],
		    struct buf *out)
{
	char date[DATE_SIZE];

	date_format(t->run.began ? t->run.began : now_usec(), date);
	buf_printf(out,
		   "{\"engine\":\"%s\",\"started\":\"%s\","
		   "\"dependencies_met\":true,\"status\":\"%s\"",
		   t->engine->member.uuid, date, state_name(t->state));
	if (!t->extended)
		put_echo(t->request.metadata, out);
	if (t->state == STATE_ERROR && !t->extended) {
		buf_putc(out, ',');
		put_engine_info(t, out);
	}
	if (json_get_object(t->request.metadata, "taskfs"))
		put_particulars(t, buffers, out);
	buf_putc(out, '}');
}
