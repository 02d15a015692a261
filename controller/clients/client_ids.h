/*
 * client_ids.h: what clients of ipyparallel call results: the msg_id of the request,
 * as long as the result is there.
 */
#ifndef TASKFS_CONTROLLER_CLIENTS_CLIENT_IDS_H
#define TASKFS_CONTROLLER_CLIENTS_CLIENT_IDS_H

#include "model/results.h"

struct client_ids {
	struct map results;	/* msg_id -> struct result, also ended ones */
};

void client_ids_init(struct controller *c);
/* When there are no results any more. */
void client_ids_done(struct controller *c);

/* For struct result_ops: from now on r is called so; it is freed. */
void client_ids_put(struct result *r, const char *msg_id);
void client_ids_remove(struct result *r);

/* The result of a client's request, or NULL. */
struct result *client_ids_find(struct controller *c, struct bytes msg_id);
/* The same, also of the tasks that mounts submitted: the id of the result, and which
 * of its tasks; 0: nothing of that name. */
uint64_t client_ids_task(struct controller *c, struct bytes msg_id,
			 uint32_t *ret_index);

#endif
