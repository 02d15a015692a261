/*
 * store.h: what survives: tasks.db (SQLite) and the files of big outputs
 * beside it, written by one thread of its own.
 *
 * The loop puts operations. At the end of the loop's turn they go to the thread,
 * which carries out all that have gathered, in one transaction, and gives them
 * back. The loop then calls done() of each operation, in the order in which they
 * were put, with op->err. When done() is called, what the operation stores is on
 * disk (with --durability=full it also survives a loss of power). Nobody may be told
 * anything that depends on a stored fact before that.
 *
 * Ownership: an operation is the caller's from store_op_new() to store_put(). done()
 * may take out of the operation what it wants; the rest is freed when done() returns.
 */
#ifndef TASKFS_CONTROLLER_STORE_H
#define TASKFS_CONTROLLER_STORE_H

#include "base/buf.h"
#include "base/list.h"
#include "base/loop.h"
#include "rows.h"
#include "wire/msg.h"
#include "wire/stream.h"

#include <sqlite3.h>

enum store_kind {
	STORE_RESULT,	/* a new result */
	STORE_TASK,	/* the row of a task, as it is now */
	STORE_START,	/* the same; gives back code and stdin if want_input */
	STORE_APPEND,	/* appends bytes to an output that is a file */
	STORE_READ,	/* gives back a piece of a stream */
	STORE_READ_MANY, /* gives back a stream of several tasks that ended */
	STORE_DETAILS,	/* gives back the strings of the row of a task */
	STORE_ITEMS,	/* gives back where the items of tasks begin */
	STORE_REST,	/* how those tasks of a result ended that were never begun */
	STORE_DEPS,	/* what a result waits for */
	STORE_NOTHING,	/* done() says that all before it is stored */
	STORE_HELD,	/* whether a result is held */
	STORE_TASK_HELD, /* whether one task of a map or view is held */
	STORE_OPTIONS,	/* the options of a result */
	STORE_GROW,	/* more tasks of a result, with their items */
	STORE_INPUT,	/* gives back code, stdin and items of a result */
	STORE_PURGE,	/* removes a result and everything of it */
	STORE_ADOPT,	/* a file that an engine writes becomes an output */
	STORE_ENGINE,	/* the row of an engine */
	STORE_ENGINE_GONE, /* removes the row of an engine */
	STORE_POOL,	/* the row of a pool */
	STORE_POOL_GONE, /* removes the row of a pool */
	STORE_LAUNCH,	/* the row of a launch */
	STORE_LAUNCH_GONE, /* removes the row of a launch */
	STORE_META,	/* a key and its value */
	STORE_RECORD,	/* the message of a client's task (clients/record.h) */
	STORE_RECORD_END, /* the reply to such a message */
	STORE_RECORD_IO, /* what else was published of such a task */
	STORE_RESUBMITTED, /* the msg_id of the task that was made anew from it */
	STORE_QUERY,	/* gives back the records that somebody looks for */
	STORE_KINDS,
};

/* An output of a result that is purged. */
struct purged_file {
	uint32_t index;
	enum stream stream;
};

struct store_op {
	struct list link;
	enum store_kind kind;
	void (*done)(struct store_op *op);	/* NULL: nobody waits for it */
	void *arg;				/* the caller's */
	int err;				/* 0 or -errno */
	bool early;	/* the row of a task came before the row of its result */
	bool refused;	/* not tried, as the disk is full */
	union {
		struct result_row result;
		struct {
			struct task_row row;
			bool want_input;	/* STORE_START */
			struct buf code, stdin_, items;
		} task;
		struct {
			uint64_t result;
			int state;
			int64_t when, elapsed;
			char *ename, *evalue;	/* owned */
		} rest;
		struct {
			uint64_t result;
			uint32_t index;
			enum stream stream;
			uint64_t offset, length;
			bool in_file;
			/* APPEND: in; READ: out; ITEMS: field_growth() of those
			 * of each, uint64_t. */
			struct buf bytes;
			char *name;	/* owned; ADOPT: in NEARBY_ENGINES */
			uint64_t size;		/* READ: bytes of the whole stream */
			/* The caller's: the stream has at least so many bytes. */
			uint64_t least;
			/* READ_MANY: how many tasks at most; ITEMS: how many. */
			uint64_t count;
			/* ITEMS: items of each task, or of a row of tasks that
			 * counts as one. */
			uint64_t chunk;
			/* READ_MANY: how long the stream of each task is, uint64_t.
			 * ITEMS: at which offset the items of each task begin,
			 * uint32_t, and where the last of them end. */
			struct buf sizes;
		} io;
		struct {
			uint64_t result;
			struct buf files;	/* struct purged_file each */
		} purge;
		struct {
			uint64_t result;
			const char *queue;
			char *msg_id, *engine_uuid;	/* owned, like the next four */
			char *execute_input, *execute_result, *error;
			char *display_data;
			int64_t submitted, started, completed, received;
			struct msg msg;		/* only its frames */
			uint64_t kept;		/* out: bytes of the buffers */
		} record;
		struct record_query *query;	/* the caller's */
		struct engine_row engine;
		struct pool_row pool;
		struct launch_row launch;
		struct {
			const char *key;
			char *value;	/* owned */
		} meta;
	};
};

struct store;
struct record_query;

/*
 * Opens (or makes) <dir>/tasks.db and <dir>/outputs and starts the thread.
 * full: what is stored survives a loss of power, too. -errno with a sentence in *why;
 * -EUCLEAN: what is stored is damaged, or not whole, and is left as it is.
 */
int store_open(struct store **ret_store, struct loop *loop, const char *dir,
	       bool full, struct buf *why) must_check;
/* Waits until all operations that were put are on disk; calls done() of each. */
void store_close(struct store *s);

struct store_op *store_op_new(enum store_kind kind);
void store_put(struct store *s, struct store_op *op);

/* Looks up records (search.h): done() gets an operation with the query, op->err and
 * arg. */
void store_query(struct store *s, struct record_query *q,
		 void (*done)(struct store_op *op), void *arg);

/* Bytes that were put and are not stored yet. Above STORE_BACKLOG the controller takes
 * no more in (net/intake.h). */
#define STORE_BACKLOG (64UL << 20)
uint64_t store_backlog(const struct store *s);
/* How many operations failed. A question that has no answer did not fail. */
uint64_t store_errors(const struct store *s);
/* The disk is full: what makes the database grow is refused with -ENOSPC. */
bool store_is_full(const struct store *s);
/* Calls changed(arg) whenever store_is_full() says something else than before. */
void store_on_full(struct store *s, void (*changed)(void *arg), void *arg);
/* Called (from the loop) whenever the backlog falls to half of that. */
void store_on_drained(struct store *s, void (*drained)(void *arg), void *arg);

/*
 * Reads everything back at the start, before anything is put. What a visitor is given
 * is valid during the call only: the visitor copies what it needs. What is damaged is
 * refused, and nothing is changed: -EUCLEAN, or another -errno, with a sentence in
 * *why. Files of outputs that belong to no result are moved into lost+found; *ret_lost
 * says how many.
 */
struct store_visitor {
	/* False: such a row cannot be, so what is stored is damaged. */
	bool (*result)(void *arg, const struct result_row *r);
	bool (*task)(void *arg, const struct task_row *t);
	/* Each of these may be NULL. */
	void (*held)(void *arg, uint64_t result, uint32_t index);
	void (*engine)(void *arg, const struct engine_row *e);
	void (*pool)(void *arg, const struct pool_row *p);
	void (*launch)(void *arg, const struct launch_row *l);
	/* kept: bytes of the buffers of the record */
	void (*record)(void *arg, uint64_t result, const char *msg_id,
		       uint64_t kept);
	void *arg;
};
int store_load(struct store *s, const struct store_visitor *v,
	       uint64_t *ret_lost, struct buf *why) must_check;
/* Reads pools and launches, and nothing else, after store_load(); -errno. */
int store_load_pools(struct store *s, const struct store_visitor *v,
		     struct buf *why) must_check;
/* A value of the table `meta`, the caller's; NULL: there is none. Like store_load()
 * only before the loop runs: from then on the database is the thread's. */
char *store_meta(struct store *s, const char *key);

#endif
