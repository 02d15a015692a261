/* others.h: what other clients run on an upstream controller: which tasks the hub is
 * asked for. */
#ifndef TASKFS_CONTROLLER_UPSTREAM_OTHERS_H
#define TASKFS_CONTROLLER_UPSTREAM_OTHERS_H

#include "upstream.h"

/* Before the loop runs: reads what is known from before a restart. */
void others_open(struct controller *c);

/* The upstream controller is there: the hub is asked. */
void others_begin(struct controller *c);

/* An iopub message about something that is not known here. */
void others_note(struct controller *c, const struct msg *m);
void others_done(struct controller *c);

#endif
