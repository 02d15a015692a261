/* Options of a task: what is accepted can be shown, and is accepted again. */
#include "tests/fuzz/fuzz.h"
#include "wire/task_text.h"

static void show_all(struct json_object *options)
{
	const struct task_option *t;
	struct buf out = BUF_INIT;
	struct json_object *v;

	for (t = task_options; t->name; t++) {
		v = json_get(options, t->name);
		if (!v)
			continue;
		buf_clear(&out);
		task_option_show(t, v, &out);
		assert(out.n == 0 || t->type == TASK_BYTES ||
		       out.p[out.n - 1] == '\n' ||
		       (t->type == TASK_ENV && out.p[out.n - 1] == '\0'));
	}
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_object *options = json_parse(bytes_of(data, size), NULL);
	struct buf why = BUF_INIT;
	int err;

	if (!json_object_is_type(options, json_type_object)) {
		json_object_put(options);
		return 0;
	}
	err = task_options_check(options, &why);
	assert((err != 0) == (why.n != 0));
	if (!err) {
		show_all(options);
		assert(task_options_check(options, &why) == 0);
	}
	json_object_put(options);
	buf_done(&why);
	return 0;
}
