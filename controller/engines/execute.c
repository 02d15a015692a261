#include "base/base.h"
#include "execute.h"

#include "base/parse.h"
#include "model/items.h"

static void copy_member(struct json_object *to, struct json_object *from,
			const char *key)
{
	struct json_object *v = json_get(from, key);

	if (v)
		json_add(to, key, json_object_get(v));
}

struct json_object *execute_metadata(const struct result *r,
				     const struct run *run, struct bytes code,
				     struct bytes input, struct inputs *in)
{
	static const char *const passed[] = {"args", "env", "cwd",
					     "submit_dir", "time_limit"};
	struct json_object *options = json_parse(bytes_str(r->options), NULL);
	struct json_object *meta = json_object_new_object();
	struct json_object *t = json_object_new_object();
	size_t i;

	json_add_int(t, "result", (int64_t)r->id);
	json_add_int(t, "index", run->index);
	json_add_int(t, "attempt", run->attempt);
	for (i = 0; i < ARRAY_SIZE(passed); i++)
		copy_member(t, options, passed[i]);
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
