/*
 * note.h: what pools do now, in the file pools.state beside tasks.db, for
 * `taskfs-cluster`, which may find no mount, and no controller either. A launch is
 * there before its command runs, and until nothing is left of it. Lines of fields with
 * a tab between them, "-" for none:
 *
 *	stopped				pools/stop.h: only while that is so
 *	pool	NAME STATE ENGINES LAUNCHES
 *	launch	NAME TOKEN STATE JOB TROUBLE
 *
 * Without pools there is no such file. It is not synced: the truth is in the store.
 */
#ifndef TASKFS_CONTROLLER_POOLS_NOTE_H
#define TASKFS_CONTROLLER_POOLS_NOTE_H

#include "core/controller.h"

/* Writes it if something is different. What cannot be written is tried again. */
void pools_note(struct controller *c);

#endif
