/*
 * reserve.h: room on the disk that is kept free, so that results can still be purged when
 * the disk is full. It is a file of zeros beside the database. A purge that does not fit
 * gets its room.
 *
 * While the disk is full, nothing is stored that makes the database grow (`grows` in
 * store/ops.c): what is free is left to purges and to the ends of tasks. It is full from the
 * first operation that did not fit, or that needed the reserve, until there is as much
 * free as the reserve has, besides the reserve itself.
 */
#ifndef TASKFS_CONTROLLER_DISK_RESERVE_H
#define TASKFS_CONTROLLER_DISK_RESERVE_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes; on a small disk a sixteenth of it. */
#define RESERVE_SIZE (8UL << 20)

struct reserve {
	char *dir, *path;
	char *probe;	/* a file that is there only to see whether it fits */
	uint64_t size;	/* bytes that it is to have */
	bool whole;	/* it has them */
	bool full;	/* the disk is full */
};

void reserve_init(struct reserve *r, const char *dir);
/* The file stays. */
void reserve_done(struct reserve *r);
/* Makes the file in the directory, if there is room for it. */
void reserve_open(struct reserve *r);
/* There is room for as much again, besides the reserve. Before reserve_open() it says yes. */
bool reserve_has_room(const struct reserve *r);
/* An operation did not fit: finds out whether that was for want of room at all, or
 * because it was large. */
void reserve_did_not_fit(struct reserve *r);
/* Gives its room to whom it is for. False: there was none left. */
bool reserve_give(struct reserve *r);
/* Something is to be found out again: whether there is room by now. */
bool reserve_is_low(const struct reserve *r);
/* Finds it out. */
void reserve_look(struct reserve *r);

#endif
