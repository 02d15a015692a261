/*
 * forget.h: clients let the hub forget tasks.
 */
#ifndef TASKFS_CONTROLLER_RECORDS_FORGET_H
#define TASKFS_CONTROLLER_RECORDS_FORGET_H

#include "stock.h"

void stock_on_purge(struct controller *c, struct request *rq);

#endif
