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

void stock_on_queue(struct controller *c, struct request *rq);
void stock_on_load(struct controller *c, struct request *rq);
void stock_on_result(struct controller *c, struct request *rq);
void stock_on_history(struct controller *c, struct request *rq);
void stock_on_db(struct controller *c, struct request *rq);
void stock_on_purge(struct controller *c, struct request *rq);
void stock_on_resubmit(struct controller *c, struct request *rq);
/* Of dask, which is Python. */
void stock_on_become_dask(struct controller *c, struct request *rq);
void stock_on_stop_distributed(struct controller *c, struct request *rq);

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

/* Those of content.msg_ids; false: there is none, or one that is no string. */
bool named_tasks_read(struct controller *c, struct json_object *content,
		      struct named_tasks *t);
void named_tasks_done(struct named_tasks *t);
/* Asks for their records, and finds one in the answer (NULL: it has none). */
void named_tasks_query(const struct named_tasks *t, struct record_query *q);
struct record *named_task_find(const struct named_task *t,
			       const struct record_query *q);

/* str(KeyError(text)), as ipyparallel sends it: in quotes. */
void stock_quoted(struct buf *out, const char *before, struct bytes text);
/* What Python takes for true. */
bool stock_true(struct json_object *v);

#endif
