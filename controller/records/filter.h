/*
 * filter.h: the queries of ipyparallel's db_query: an object of keys of the
 * record, each with a value (equal) or an object of operators; all of them
 * must hold. $or, $and and $nor take a list of such objects.
 */
#ifndef TASKFS_CONTROLLER_RECORDS_FILTER_H
#define TASKFS_CONTROLLER_RECORDS_FILTER_H

#include "core/controller.h"
#include "store/search.h"

/* Adds the query to what q asks for. False: *ename (a static string) and why say
 * what is wrong with the query. */
bool filter_read(struct controller *c, struct json_object *query,
		 struct record_query *q, const char **ret_ename,
		 struct buf *why);

#endif
