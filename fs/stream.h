/*
 * stream.h: bytes by offset: stdout, stderr, data, value, output, code,
 * stdin.
 *
 * What the mirror keeps is answered at once. The rest is fetched in pieces of
 * up to LIMIT_FETCH into a window of the open file (window.h), ahead of a
 * reader that goes forward; READs that need bytes of a piece under way are
 * parked until it is there. The head of the parked READs decides where the
 * window is, so all get on.
 */
#ifndef TASKFS_FS_STREAM_H
#define TASKFS_FS_STREAM_H

#include "nodes.h"

extern const struct io stdout_io, stderr_io, data_io, value_io, output_io,
	code_io, stdin_io;

#endif
