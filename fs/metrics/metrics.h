/*
 * metrics.h: what the controller and the mount count, in Prometheus' text format,
 * from one table (metrics.c).
 */
#ifndef TASKFS_FS_METRICS_METRICS_H
#define TASKFS_FS_METRICS_METRICS_H

#include "base/buf.h"
#include "tree/fs.h"

void metrics_put(const struct fs *fs, struct buf *out);

#endif
