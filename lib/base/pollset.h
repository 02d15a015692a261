/*
 * pollset.h: watches of a loop that epoll(7) does not take (a file, a descriptor
 * that is watched twice), for poll(2). There are few, mostly none.
 *
 * Watches are borrowed; one of them knows its place (watch.slot). Those that come
 * while others are taken wait for the next pollset_wait().
 */
#ifndef TASKFS_POLLSET_H
#define TASKFS_POLLSET_H

#include "base/loop.h"

struct pollset {
	struct pollfd *item;	/* [n]: place for one more */
	struct watch **watch;	/* the same order; NULL: removed since */
	size_t n, room;
	bool holes;		/* some of watch[] are NULL */
};

void pollset_add(struct pollset *p, struct watch *w, short events);
void pollset_remove(struct pollset *p, struct watch *w);
/* Other events from now on. */
void pollset_want(struct pollset *p, const struct watch *w, short events);
/* How many there are; those removed since the last pollset_wait() count. */
size_t pollset_size(const struct pollset *p);

/*
 * Waits until one of them is ready, or `other` can be read (-1: no other), or
 * timeout milliseconds (-1: for ever). As poll(2).
 */
int pollset_wait(struct pollset *p, int other, int timeout) must_check;
/* The i-th when it is ready, once, with what it has; else NULL. */
struct watch *pollset_take(struct pollset *p, size_t i, short *ret_events);

void pollset_done(struct pollset *p);

#endif
