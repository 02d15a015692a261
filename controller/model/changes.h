/*
 * changes.h: what changed and was not told to the mounts yet.
 *
 * Who changes a result, a task or an engine marks it here. Who tells the mounts
 * (mounts/events.h) is woken by that, and takes the marks away, once a turn.
 */
#ifndef TASKFS_CONTROLLER_MODEL_CHANGES_H
#define TASKFS_CONTROLLER_MODEL_CHANGES_H

#include "core/controller.h"

struct result;

/* What of a result is to be told. */
enum changed {
	CHANGED_ALL = 1,
	CHANGED_STATE = 2,
	CHANGED_SIZES = 4,
	CHANGED_END = 8,
};

struct changes {
	struct list results;	/* by result.changed_link; result.changed says what */
	uint64_t *purged;	/* ids of results */
	size_t npurged, purged_room;
	/* Wakes who tells the mounts. NULL: nobody does. */
	void (*wake)(struct controller *c, enum changed what);
	void (*wake_engines)(struct controller *c);
};

void changes_init(struct controller *c);
void changes_done(struct controller *c);

/* A result changed. Nothing is told of one whose submission is not stored. */
void result_changed(struct result *r, enum changed what);
/* A task changed: that is told with the next change of its result. */
void task_changed(struct result *r, uint32_t index);
/* A result is gone. */
void changes_purged(struct controller *c, uint64_t id);
/* The mark `changed` of an engine was set. */
void changes_engine(struct controller *c);

#endif
