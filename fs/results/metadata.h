/*
 * metadata.h: results/<id>/metadata: one JSON object. The first members are ipyparallel's
 * (AsyncResult.metadata), the others ours. Nothing in it may change once the
 * result is final.
 */
#ifndef TASKFS_FS_RESULTS_METADATA_H
#define TASKFS_FS_RESULTS_METADATA_H

#include "tree/node.h"

int result_metadata(const struct obj *o, struct buf *out);

#endif
