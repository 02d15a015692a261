/*
 * query.h: what is asked on the registration socket.
 */
#ifndef TASKFS_CONTROLLER_QUERY_H
#define TASKFS_CONTROLLER_QUERY_H

#include "core/controller.h"

struct request;

/* A message came from the registration socket; it is opened. */
void query_on_message(struct controller *c, struct msg *m);
/* A message from there cannot be read. */
void query_refuse(struct controller *c, struct msg *m);

#endif
