/* Options in a script: what is taken is good, what is not has a reason. */
#include "tests/fuzz/fuzz.h"
#include "wire/script.h"
#include "wire/task_option.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_object *o = json_object_new_object();
	struct buf why = BUF_INIT;
	int err = script_options(bytes_of(data, size), o, &why);

	assert((err != 0) == (why.n != 0));
	if (!err)
		assert(task_options_check(o, &why) == 0);
	json_object_put(o);
	buf_done(&why);
	return 0;
}
