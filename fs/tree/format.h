/*
 * format.h: values as the files of the tree show them: one, and a newline. All
 * append to *out and return 0, as the show() of a row does.
 */
#ifndef TASKFS_FS_TREE_FORMAT_H
#define TASKFS_FS_TREE_FORMAT_H

#include "base/buf.h"

/* Text from elsewhere, escaped; NULL: nothing, as of what is not known. */
int format_text(struct buf *out, const char *s);
/* A word of our own. */
int format_word(struct buf *out, const char *word);
int format_number(struct buf *out, int64_t n);
/* Microseconds as seconds with six decimals; what is negative is 0. */
int format_seconds(struct buf *out, int64_t usec);
/* Microseconds since 1970 as a date; 0: nothing. */
int format_time(struct buf *out, int64_t usec);

#endif
