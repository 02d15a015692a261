/*
 * listing.h: the tasks of a map or view, many at a time.
 */
#ifndef TASKFS_CONTROLLER_MOUNTS_LISTING_H
#define TASKFS_CONTROLLER_MOUNTS_LISTING_H

#include "core/controller.h"

struct request;

void listing_on_request(struct controller *c, struct request *rq);

#endif
