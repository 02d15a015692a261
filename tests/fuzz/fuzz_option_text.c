/* The file of an option: what is accepted can be shown, and read again. */
#include "tests/fuzz/fuzz.h"
#include "wire/task_text.h"

static const struct task_option *option(uint8_t n)
{
	size_t rows = 0;

	while (task_options[rows].name)
		rows++;
	assert(rows);
	return &task_options[n % rows];
}

static void show_and_read(const struct task_option *o, struct json_object *v)
{
	struct buf out = BUF_INIT, why = BUF_INIT;
	struct json_object *again;

	assert(task_option_check(o, v, &why) == 0);
	task_option_show(o, v, &out);
	if (out.n && o->type != TASK_BYTES) {
		assert(task_option_parse(o, buf_bytes(&out), &again, &why) ==
		       0);
		json_object_put(again);
	}
	buf_done(&out);
	buf_done(&why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf why = BUF_INIT;
	const struct task_option *o;
	struct json_object *v;
	struct bytes text;
	int err;

	if (size == 0)
		return 0;
	o = option(data[0]);
	text = bytes_of(data + 1, size - 1);
	err = task_option_parse(o, text, &v, &why);
	assert((err != 0) == (why.n != 0));
	if (!err) {
		show_and_read(o, v);
		json_object_put(v);
	}
	buf_done(&why);
	return 0;
}
