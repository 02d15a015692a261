/*
 * others_busy.h: of engines that others keep busy: whether they still do.
 */
#ifndef TASKFS_CONTROLLER_UPSTREAM_OTHERS_BUSY_H
#define TASKFS_CONTROLLER_UPSTREAM_OTHERS_BUSY_H

#include "upstream.h"

/* Asks the hub of every such engine. */
void others_ask_busy(struct controller *c);

#endif
