/*
 * iopub.h: what engines publish while they run: to all clients as it is, and into the
 * result it belongs to.
 */
#ifndef TASKFS_CONTROLLER_CLIENTS_IOPUB_H
#define TASKFS_CONTROLLER_CLIENTS_IOPUB_H

#include "relay.h"

void iopub_from_engine(struct controller *c, struct msg *m);

#endif
