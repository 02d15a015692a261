/*
 * record.h: what a client's own task leaves for the records of the hub (store/search.h).
 */
#ifndef TASKFS_CONTROLLER_CLIENTS_RECORD_H
#define TASKFS_CONTROLLER_CLIENTS_RECORD_H

#include "core/controller.h"

struct relayed;

/* A client's message came; its reply passed through; its output has ended. */
void record_put(struct relayed *rel, const struct msg *m);
void record_put_end(struct relayed *rel, const struct msg *m);
void record_put_io(struct relayed *rel);
void record_put_resubmitted(struct controller *c, uint64_t result,
			    const char *msg_id);

#endif
