#include "base/base.h"
#include "execute.h"

#include "base/parse.h"
#include "model/items.h"
#include "wire/task_option.h"

/* The options that the engine honours. Bytes go as buffers of the message. */
static void pass_options(struct json_object *to, struct json_object *options)
{
	const struct task_option *o;

	for (o = task_options; o->name; o++) {
		struct json_object *v = json_get(options, o->name);

		if (v && o->flags & TASK_BY_ENGINE && o->type != TASK_BYTES)
			json_add(to, o->name, json_object_get(v));
	}
}

struct json_object *execute_metadata(const struct result *r,
				     const struct run *run, struct bytes code,
				     struct bytes input, struct inputs *in)
{
	struct json_object *options = json_parse(bytes_str(r->options), NULL);
	struct json_object *meta = json_object_new_object();
	struct json_object *t = json_object_new_object();

	json_add_int(t, "result", (int64_t)r->id);
	json_add_int(t, "index", run->index);
	json_add_int(t, "attempt", run->attempt);
	pass_options(t, options);
	if (!utf8_valid(code)) {
		json_add_int(t, "code", in->n);
		in->b[in->n++] = code;
	}
	if (r->has_stdin) {
		json_add_int(t, "stdin", in->n);
		in->b[in->n++] = input;
	}
	if (items_of(r, run->index).n) {
		json_add_int(t, "items", in->n);
		in->b[in->n++] = items_of(r, run->index);
		json_add_int(t, "first_item",
			     (int64_t)(run->index * r->chunk));
	}
	json_add_int(t, "engine", run->engine->id);
	json_add(meta, "taskfs", t);
	json_object_put(options);
	return meta;
}

struct json_object *execute_content(struct bytes code, bool silent,
				    const char *wish)
{
	struct json_object *o = json_object_new_object();
	struct json_object *wishes = json_object_new_object();

	if (wish)
		json_add_str(wishes, "taskfs", wish);
	json_add_bytes(o, "code", code);
	json_add_bool(o, "silent", silent);
	json_add(o, "user_expressions", wishes);
	json_add_bool(o, "store_history", false);
	json_add_bool(o, "allow_stdin", false);
	json_add_bool(o, "stop_on_error", false);
	return o;
}
