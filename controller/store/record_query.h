/*
 * record_query.h: a question to the store: which records somebody looks for, and which
 * columns of them; and the answer.
 */
#ifndef TASKFS_CONTROLLER_STORE_RECORD_QUERY_H
#define TASKFS_CONTROLLER_STORE_RECORD_QUERY_H

#include "base/buf.h"
#include "wire/json.h"

enum record_column {
	REC_MSG_ID,
	REC_HEADER,
	REC_METADATA,
	REC_CONTENT,
	REC_BUFFERS,
	REC_SUBMITTED,
	REC_CLIENT_UUID,
	REC_ENGINE_UUID,
	REC_STARTED,
	REC_COMPLETED,
	REC_RESUBMITTED,
	REC_RECEIVED,
	REC_RESULT_HEADER,
	REC_RESULT_METADATA,
	REC_RESULT_CONTENT,
	REC_RESULT_BUFFERS,
	REC_QUEUE,
	REC_EXECUTE_INPUT,
	REC_EXECUTE_RESULT,
	REC_ERROR,
	REC_STDOUT,
	REC_STDERR,
	REC_LABEL,
	REC_DISPLAY_DATA,
	RECORD_COLUMNS,
};

#define REC_BIT(column) (1UL << (column))
#define REC_ALL (REC_BIT(RECORD_COLUMNS) - 1)

/* A record that was found: its columns that were wanted, as JSON texts, and its
 * buffers. */
struct record {
	uint64_t result;
	uint32_t index;
	char *value[RECORD_COLUMNS];
	struct buf *buffers, *result_buffers;
	size_t nbuffers, nresult_buffers;
	bool dropped;		/* its buffers were too large to be kept */
};

struct record_query {
	struct buf where;	/* SQL behind WHERE; the columns by their names */
	struct json_object *args;	/* an array: the value of each ? in it */
	const char *order;
	unsigned long wanted;	/* REC_BIT()s */
	/* The answer. */
	struct record *found;
	size_t n, bytes;
	bool too_much;		/* more was found than may be sent */
	bool too_long;		/* it took too long */
	bool too_wide;		/* SQLite takes no statement that is so large */
};

struct record_query *record_query_new(unsigned long wanted);
void record_query_free(struct record_query *q);
/* Forgets the answer, and keeps the question. */
void record_query_reset(struct record_query *q);
/* Adds the condition that the record is of one of these results. */
void record_query_among(struct record_query *q, const uint64_t *ids, size_t n);

#endif
