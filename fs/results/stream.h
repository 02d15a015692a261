/*
 * stream.h: bytes by offset: stdout, stderr, data, value, output, code,
 * stdin, map and items, which are a part of it.
 *
 * What the mirror keeps is answered at once. The rest is fetched in pieces of
 * up to LIMIT_FETCH into a window of the open file (open/window.h), ahead of a
 * reader that goes forward; READs that need bytes of a piece under way are
 * parked until it is there. The head of the parked READs decides where the
 * window is, so all get on.
 */
#ifndef TASKFS_FS_RESULTS_STREAM_H
#define TASKFS_FS_RESULTS_STREAM_H

#include "mirror/mirror.h"
#include "tree/node.h"

extern const struct io stdout_io, stderr_io, data_io, value_io, output_io,
	code_io, stdin_io, items_io;

/* For files that have several streams. */
struct window;

/* Bytes of a stream of a task, or of what was submitted. */
uint64_t stream_size(const struct obj *o, enum stream s);
/* n of its bytes at off, all of which are there by now; *w is made at need. */
int stream_part(struct file *f, struct window **w, const struct obj *o,
		enum stream s, uint64_t off, size_t n,
		struct answer *a) must_check;
/* Of what was submitted the items, one a line. */
int stream_map_read(struct file *f, struct obj *o, const struct ask *ask,
		    struct answer *a);
uint64_t stream_map_size(const struct obj *o);
/* f->private is a window, or NULL. */
void stream_release(struct file *f);

#endif
