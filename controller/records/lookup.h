/*
 * lookup.h: results and records by msg_id, and the queries of the hub over records.
 */
#ifndef TASKFS_CONTROLLER_RECORDS_LOOKUP_H
#define TASKFS_CONTROLLER_RECORDS_LOOKUP_H

#include "stock.h"

void stock_on_result(struct controller *c, struct request *rq);
void stock_on_history(struct controller *c, struct request *rq);
void stock_on_db(struct controller *c, struct request *rq);

/* Reads content.msg_ids; false: it is not there, or has what is no string. */
bool named_tasks_read(struct controller *c, struct json_object *content,
		      struct named_tasks *t);
void named_tasks_done(struct named_tasks *t);

/* Asks for their records, and finds one in the answer (NULL: it has none). */
void named_tasks_query(const struct named_tasks *t, struct record_query *q);
struct record *named_task_find(const struct named_task *t,
			       const struct record_query *q);

#endif
