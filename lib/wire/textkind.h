/*
 * textkind.h: whether what is written is a script or JSON, found as it comes.
 *
 * A shell's group of commands begins with { too, and a blank behind it. A list
 * of objects is neither: a shell would run it as a command.
 */
#ifndef TASKFS_TEXTKIND_H
#define TASKFS_TEXTKIND_H

#include "base/base.h"

enum text_kind {
	TEXT_NONE,	/* blanks only; or more of it has to come */
	TEXT_PLAIN,
	TEXT_JSON,
	TEXT_LIST,	/* JSON objects between [ and ] */
};

/* All zero: nothing has come. */
struct textkind {
	unsigned char state;
	unsigned char name;	/* characters of a name so far */
};

/* The next bytes; not any more when it has been told. */
enum text_kind textkind_take(struct textkind *k, struct bytes data);
/* No more will come. TEXT_NONE: there were only blanks. */
enum text_kind textkind_end(const struct textkind *k);

#endif
