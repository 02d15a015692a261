/*
 * json_reader.h: one JSON value after the other, out of a text that comes in
 * pieces; json.h for what is whole.
 *
 * json-c sees no byte beyond ASCII: a strict one (0.18) takes none in a string,
 * and a character may be cut in two by the end of a piece. They are checked here,
 * and given to it as escapes. Of two members of one name in an object it keeps the
 * last, without a word: `members` counts both.
 */
#ifndef TASKFS_JSON_READER_H
#define TASKFS_JSON_READER_H

#include "base/base.h"

#include <json-c/json.h>

/* All zero: nothing was read. */
struct json_reader {
	struct json_tokener *tok;
	char part[4];		/* a character that is not whole yet */
	size_t nparts;
	bool string;		/* within one */
	bool escaped;		/* the next character of it */
	size_t depth;		/* objects and lists that are open */
	size_t members;		/* of objects that were read; the owner sets it to 0 */
};

/* Forgets what was read, too; a reset of the tokener would keep half a surrogate
 * pair. */
void json_reader_done(struct json_reader *r);
/*
 * *ret_n: bytes of the text that belong to the value. 1: it has ended, *ret_o is
 * it (NULL: null). 0: it has not. -EINVAL: a mistake, which *ret_why names, at
 * byte *ret_n; the reader is good for nothing but json_reader_done() then.
 */
int json_reader_take(struct json_reader *r, struct bytes text, size_t *ret_n,
		     struct json_object **ret_o,
		     const char **ret_why) must_check;

#endif
