/*
 * queues.h: what engines have to do: the queries about queues and loads.
 */
#ifndef TASKFS_CONTROLLER_RECORDS_QUEUES_H
#define TASKFS_CONTROLLER_RECORDS_QUEUES_H

#include "stock.h"

void stock_on_queue(struct controller *c, struct request *rq);
void stock_on_load(struct controller *c, struct request *rq);

/* dask is Python: such a request is refused. */
void stock_on_become_dask(struct controller *c, struct request *rq);
void stock_on_stop_distributed(struct controller *c, struct request *rq);

#endif
