/*
 * resubmit.h: clients send tasks again that the hub knows.
 */
#ifndef TASKFS_CONTROLLER_RECORDS_RESUBMIT_H
#define TASKFS_CONTROLLER_RECORDS_RESUBMIT_H

#include "stock.h"

void stock_on_resubmit(struct controller *c, struct request *rq);

#endif
