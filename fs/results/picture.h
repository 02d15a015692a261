/*
 * picture.h: results/<id>/timeline.svg: what of a result is drawn (drawing/timeline.h).
 *
 * The last picture is kept: of what has ended it never changes, of another
 * until something changes or a second is over, so that its size is that of
 * the text somebody reads next. One of a million tasks is kept for longer:
 * drawing takes no more than a part of the time.
 */
#ifndef TASKFS_FS_RESULTS_PICTURE_H
#define TASKFS_FS_RESULTS_PICTURE_H

#include "tree/node.h"

int result_timeline(const struct obj *o, struct buf *out);

#endif
