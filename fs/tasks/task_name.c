#include "task_name.h"
#include "base/parse.h"
#include "submission.h"
#include "wire/task_option.h"

#include <fcntl.h>

bool task_is_temporary(struct bytes name, int flags)
{
	const char *p = name.p;
	uint64_t n;

	if (name.n == 0 || strchr(".#", p[0]) || strchr("~#", p[name.n - 1]))
		return true;
	if (!(flags & O_EXCL))
		return false;
	return parse_u64(name, 0, UINT64_MAX, &n) == 0 ||
	       (name.n == 9 && memcmp(p, "sed", 3) == 0);
}

int task_temporary_refused(const struct obj *o, struct bytes name)
{
	struct buf why = BUF_INIT;

	buf_putc(&why, '"');
	buf_put_escaped(&why, name, 64);
	buf_puts(&why, "\" looks like a temporary file of an editor, which "
		       "would be a task; write the file itself");
	(void)callers_refuse(o->fs->callers, o->by.tid, 0, buf_str(&why));
	buf_done(&why);
	return -EPERM;
}

int task_name_refused(const struct obj *o, struct bytes name)
{
	struct buf why = BUF_INIT;

	buf_putc(&why, '"');
	buf_put_escaped(&why, name, 64);
	buf_puts(&why, "\" is no name for a task" TASK_NAME_RULE);
	(void)submission_refused(o->fs, o->by.tid, -EINVAL, buf_bytes(&why));
	buf_done(&why);
	return -EINVAL;
}
