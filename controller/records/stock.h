/*
 * stock.h: what a client of ipyparallel asks of the hub on the registration
 * socket: queues.c (load), lookup.c (results and records), forget.c (purge),
 * resubmit.c.
 */
#ifndef TASKFS_CONTROLLER_RECORDS_STOCK_H
#define TASKFS_CONTROLLER_RECORDS_STOCK_H

#include "net/request.h"

struct record;
struct record_query;

/* Tasks as clients name them, in order of the names, each once. */
struct named_task {
	const char *msg_id;	/* of the content that was read */
	uint64_t result;	/* 0: nobody knows it */
	uint32_t index;
};

struct named_tasks {
	struct named_task *of;
	size_t n;
};

/* str(KeyError(text)), as ipyparallel sends it: in quotes. */
void stock_quoted(struct buf *out, const char *before, struct bytes text);

/* Whether Python takes v for true. */
bool stock_true(struct json_object *v);

#endif
