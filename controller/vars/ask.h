/*
 * ask.h: requests for variables: whether an engine can be asked, and asking it.
 */
#ifndef TASKFS_CONTROLLER_VARS_ASK_H
#define TASKFS_CONTROLLER_VARS_ASK_H

#include "forward.h"

/* Asks the engines, or waits for one, or refuses. m: the request. */
void forward_begin(struct forward *f, struct msg *m);

#endif
