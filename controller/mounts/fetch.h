/*
 * fetch.h: the bytes of code, stdin, map and outputs, piece by piece.
 */
#ifndef TASKFS_CONTROLLER_MOUNTS_FETCH_H
#define TASKFS_CONTROLLER_MOUNTS_FETCH_H

#include "core/controller.h"

struct request;

void fetch_on_request(struct controller *c, struct request *rq);

#endif
