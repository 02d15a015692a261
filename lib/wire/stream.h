/*
 * stream.h: the bytes that belong to a task, by the words of fetch_request
 * (doc/PROTOCOL.md).
 */
#ifndef TASKFS_STREAM_H
#define TASKFS_STREAM_H

#include "base/base.h"

enum stream {
	/* What a task makes. */
	STREAM_STDOUT,
	STREAM_STDERR,
	STREAM_VALUE,
	STREAM_DATA,
	STREAM_OUTPUTS,
	/* What was submitted, the same for all tasks of a result. */
	STREAM_CODE = STREAM_OUTPUTS,
	STREAM_STDIN,
	STREAM_MAP,
	STREAMS,
};

/* "stdout" ... Static. */
const char *stream_name(enum stream s);
/* -1: there is no such stream; also of NULL. */
int stream_parse(const char *name);

#endif
