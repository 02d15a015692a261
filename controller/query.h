/*
 * query.h: what is asked on the registration socket.
 */
#ifndef TASKFS_QUERY_H
#define TASKFS_QUERY_H

#include "controller.h"

struct request;

/* submit.c, fetch.c, listing.c */
void query_on_submit(struct controller *c, struct request *rq);
void query_on_fetch(struct controller *c, struct request *rq);
void query_on_tasks(struct controller *c, struct request *rq);

/* A message from the registration socket, opened already. */
void query_on_message(struct controller *c, struct msg *m);
/* One that cannot be read. */
void query_refuse(struct controller *c, struct msg *m);

#endif
