/*
 * pipes.h: the pipes through which a run's outputs come. One of them may be a terminal,
 * which takes both standard output and standard error.
 *
 * pipes_init() once, then pipes_make() and pipes_close() for each run. Nothing is
 * read before pipes_watch(), or pipes_drain().
 */
#ifndef TASKFS_ENGINE_PIPES_H
#define TASKFS_ENGINE_PIPES_H

#include "base/loop.h"
#include "terminal.h"
#include "wire/stream.h"

struct pipes {
	/* the owner's */
	struct loop *loop;
	/* There is something to be read (pipes_read()). */
	void (*ready)(struct pipes *p, enum stream s);
	/* To be tried first: what is in the pipe goes on without being read. How many
	 * bytes, 0 at its end; -EAGAIN: nothing is; -EINVAL: it is to be read; else it
	 * has failed, and the pipe may be closed. */
	ssize_t (*move)(struct pipes *p, enum stream s);
	/* What one read brought; it may close that pipe. */
	void (*took)(struct pipes *p, enum stream s, struct bytes b);
	/* its own */
	struct pipes_one {
		struct watch watch;	/* fd -1: closed */
		bool terminal;
		struct pipes *all;
	} one[STREAM_OUTPUTS];
};

void pipes_init(struct pipes *p);
/* The writing ends are the caller's. 0 or -errno, and there are none then. */
int pipes_make(struct pipes *p, int write_end[STREAM_OUTPUTS]) must_check;
/*
 * After pipes_make(): standard output and error are a terminal of that size. 0, or
 * -errno and all is as it was.
 */
int pipes_use_terminal(struct pipes *p, struct winsize size,
		       int write_end[STREAM_OUTPUTS]) must_check;
/* From now on they are read as they fill. */
void pipes_watch(struct pipes *p);
void pipes_close(struct pipes *p);
void pipes_close_one(struct pipes *p, enum stream s);
/* One read; true when there may be more. The caller knows that it will not wait. */
bool pipes_read(struct pipes *p, enum stream s);
/* What is in them now; nobody waits for their end. */
void pipes_drain(struct pipes *p);

#endif
