/*
 * markup.h: text from somewhere else in a document of XML or HTML, between two tags or
 * in a quoted attribute. It stays text: what means something there is written as a name,
 * and what may not be there (control bytes, what is no UTF-8) is U+FFFD.
 */
#ifndef TASKFS_FS_DRAWING_MARKUP_H
#define TASKFS_FS_DRAWING_MARKUP_H

#include "base/buf.h"

void markup_put(struct buf *out, struct bytes text);

#endif
