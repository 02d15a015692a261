#include "base/base.h"
#include "hook.h"

/*
 * What an engine of ipyparallel runs once, before its first task. The Makefile
 * makes hook.inc of hook.py and hook_vars.py: their bytes as numbers.
 */
static const char source[] = {
#include "controller/hook.inc"
};

void hook_put(struct buf *out)
{
	buf_puts(out, "exec(r'''");
	buf_put(out, source, sizeof(source));
	buf_printf(out,
		   "''', {'__name__': 'taskfs', 'LIMIT_NAME': %d, "
		   "'LIMIT_VARIABLE': %lu, 'LIMIT_VARIABLES': %d, "
		   "'LIMIT_PIECE': %lu, 'LIMIT_UPLOADS': %d})\n",
		   LIMIT_NAME, LIMIT_VARIABLE, LIMIT_VARIABLES, LIMIT_PIECE,
		   LIMIT_UPLOADS);
}
