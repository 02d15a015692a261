/*
 * others_record.h: a record of the hub becomes a result.
 */
#ifndef TASKFS_CONTROLLER_UPSTREAM_OTHERS_RECORD_H
#define TASKFS_CONTROLLER_UPSTREAM_OTHERS_RECORD_H

#include "upstream.h"

/* Of results that other clients of the upstream controller made. */
extern const struct result_ops result_ops_others;

/* When the task of a record was submitted, usec; 0: the record does not say. */
int64_t others_date(struct json_object *record);

/* Whether the msg_id is of a task of this controller; of a result that is known
 * here. */
bool others_is_ours(struct controller *c, const char *msg_id);
bool others_know(struct controller *c, const char *msg_id);

/* Takes the record over. False: there is not enough in it yet. */
bool others_take(struct controller *c, struct json_object *record) must_check;

#endif
