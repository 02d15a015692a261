#include "base/base.h"
#include "execute.h"

#include "base/parse.h"
#include "model/items.h"
#include "wire/members.h"
#include "wire/scan.h"
#include "wire/task_option.h"

/* The options that the engine honours. Bytes go as buffers of the message. */
static void put_options(struct buf *out, struct bytes options)
{
	struct bytes key, value;
	struct scan s;

	if (!scan_object(&s, options))
		return;
	while (scan_member(&s, &key, &value)) {
		const struct task_option *o = task_option_find(key);

		if (o && o->flags & TASK_BY_ENGINE && o->type != TASK_BYTES &&
		    !scan_is_null(value))
			member_raw(out, o->name, value);
	}
}

static void put_input(struct buf *out, const char *key, struct bytes b,
		      struct inputs *in)
{
	member_int(out, key, in->n);
	in->b[in->n++] = b;
}

void execute_put_metadata(const struct result *r, const struct run *run,
			  struct bytes code, struct bytes input,
			  struct json_object *stored, struct inputs *in,
			  struct buf *out)
{
	buf_puts(out, "{\"taskfs\":{");
	member_int(out, "result", (int64_t)r->id);
	member_int(out, "index", run->index);
	member_int(out, "attempt", run->attempt);
	put_options(out, bytes_str(r->options));
	if (!utf8_valid(code))
		put_input(out, "code", code, in);
	if (r->has_stdin)
		put_input(out, "stdin", input, in);
	if (items_of(r, run->index).n) {
		put_input(out, "items", items_of(r, run->index), in);
		member_int(out, "first_item", (int64_t)(run->index * r->chunk));
	}
	member_int(out, "engine", run->engine->id);
	if (run->engine->takes_ahead)
		member_int(out, "number", run->number);
	if (run->ahead)
		member_bool(out, "ahead", true);
	if (stored)
		member_raw(out, "stored", json_bytes(stored));
	buf_puts(out, "}}");
}

void execute_put_content(struct bytes code, bool silent, const char *wish,
			 struct buf *out)
{
	buf_putc(out, '{');
	member_bytes(out, "code", code);
	member_bool(out, "silent", silent);
	member_begin(out, "user_expressions");
	buf_putc(out, '{');
	if (wish)
		member_str(out, "taskfs", wish);
	buf_putc(out, '}');
	member_bool(out, "store_history", false);
	member_bool(out, "allow_stdin", false);
	member_bool(out, "stop_on_error", false);
	buf_putc(out, '}');
}
