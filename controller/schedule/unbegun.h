/*
 * unbegun.h: the end of all tasks of a result that wait, however many: those that
 * were never begun have no row in the store.
 */
#ifndef TASKFS_CONTROLLER_SCHEDULE_UNBEGUN_H
#define TASKFS_CONTROLLER_SCHEDULE_UNBEGUN_H

#include "run.h"

/* All tasks of r that wait end so. */
void result_end_waiting(struct result *r, const struct ending *how);

/* The same; its evalue is this text. */
void result_end_saying(struct result *r, const struct ending *as,
		       const char *fmt, ...) printf_like(3, 4);

/* At the start: all tasks of r that have no row ended so. */
void result_load_unbegun(struct result *r, enum state s);

#endif
