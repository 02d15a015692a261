#include "dress.h"
#include "inherit.h"
#include "origin.h"
#include "wire/moment.h"
#include "wire/script.h"
#include "wire/task_option.h"

/* A local time would be another one where the controller is. */
static void settle_begin(struct json_object *options)
{
	struct bytes begin = json_get_bytes(options, "begin");
	char *text = begin.p ? moment_anywhere(begin, now_usec()) : NULL;

	if (text)
		json_add_str(options, "begin", text);
	free(text);
}

int dress_options(pid_t tid, const char *origin, struct bytes code, bool has_map,
		  struct json_object *options, struct buf *why)
{
	int err = script_options(code, options, why);

	if (!err && !has_map)
		err = task_options_need_map(options, why);
	if (!err)
		err = inherit_add(tid, options, why);
	settle_begin(options);
	return err ? err : origin_add(origin, options, why);
}
