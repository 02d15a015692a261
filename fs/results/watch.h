/*
 * watch.h: results/<id>/watch: a line that says how far the result is, drawn
 * again (behind a carriage return) when that changes, and ended with it.
 *
 * It is drawn WATCH_OFTEN apart at least, and WATCH_SELDOM at most, because
 * time passes also when nothing changes; a timer runs only while somebody
 * waits for it.
 */
#ifndef TASKFS_FS_RESULTS_WATCH_H
#define TASKFS_FS_RESULTS_WATCH_H

#include "tree/node.h"

#define WATCH_OFTEN (USEC_PER_SEC / 10)
#define WATCH_SELDOM USEC_PER_SEC

extern const struct io watch_io;

#endif
