/*
 * store.h: what survives: tasks.db (SQLite) and the files of big outputs
 * beside it, written by one thread of its own.
 *
 * The loop puts operations; at the end of its turn they go to the thread,
 * which carries out all that have gathered in one transaction and gives them
 * back: done() is then called from the loop, in the order they were put, with
 * op->err. What an operation promises is on disk when done() is called (with
 * durability full also through a loss of power). Nothing that depends on a
 * fact being stored may be said to anybody before.
 *
 * Ownership: store_op_new() to store_put() the op is the caller's; done() may
 * take what it wants out of it, the rest is freed behind it.
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
	STORE_TASK,	/* a task's row, as it is now */
	STORE_START,	/* the same; gives back code and stdin if wanted */
	STORE_APPEND,	/* bytes of an output that is a file */
	STORE_READ,	/* a piece of a stream */
	STORE_READ_MANY, /* a stream of several tasks that ended */
	STORE_DETAILS,	/* gives back the strings of a task's row */
	STORE_ITEMS,	/* gives back where the items of tasks begin */
	STORE_REST,	/* how the tasks ended that were never begun */
	STORE_DEPS,	/* deps of a result */
	STORE_NOTHING,	/* done() when all before it is stored */
	STORE_HELD,	/* held of a result */
	STORE_TASK_HELD, /* held of one task of many */
	STORE_OPTIONS,	/* options of a result */
	STORE_INPUT,	/* gives back code and stdin of a result */
	STORE_PURGE,	/* a result and everything of it */
	STORE_ENGINE,	/* an engine's row */
	STORE_ENGINE_GONE,
	STORE_META,	/* a key and its value */
	STORE_RECORD,	/* a message of a client; see record.h */
	STORE_RECORD_END, /* its reply */
	STORE_RECORD_IO, /* what else was published of it */
	STORE_RESUBMITTED, /* the msg_id it got as a new one */
	STORE_QUERY,	/* which records? */
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
	void (*done)(struct store_op *op);	/* NULL: nobody waits */
	void *arg;				/* the caller's */
	int err;				/* 0 or -errno */
	bool early;	/* a task's row that came before that of its result */
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
			struct buf bytes;	/* APPEND: in; READ: out */
			uint64_t size;		/* READ: of the whole */
			uint64_t least;		/* the caller's: it has so many */
			uint64_t count;		/* READ_MANY: tasks at most;
						   ITEMS: tasks */
			uint64_t chunk;		/* ITEMS: of each task */
			/* READ_MANY: uint64_t each; ITEMS: uint32_t each,
			   offsets, `count` and the end of the last */
			struct buf sizes;
		} io;
		struct {
			uint64_t result;
			struct buf files;	/* struct purged_file each */
		} purge;
		struct {
			uint64_t result;
			const char *queue;
			char *msg_id, *engine_uuid;	/* owned, as below */
			char *execute_input, *execute_result, *error;
			char *display_data;
			int64_t submitted, started, completed, received;
			struct msg msg;		/* frames only */
			uint64_t kept;		/* out: bytes of buffers */
		} record;
		struct record_query *query;	/* the caller's */
		struct engine_row engine;
		struct {
			const char *key;
			char *value;	/* owned */
		} meta;
	};
};

struct store;

/*
 * Opens (or makes) <dir>/tasks.db and <dir>/outputs and starts the thread.
 * full: survive a loss of power too. -errno with a sentence in *why; -EUCLEAN:
 * what is stored is damaged, or not whole, and is left as it is.
 */
int store_open(struct store **ret_store, struct loop *loop, const char *dir,
	       bool full, struct buf *why) must_check;
/* Waits until everything put is on disk; done() is called for all. */
void store_close(struct store *s);

struct store_op *store_op_new(enum store_kind kind);
void store_put(struct store *s, struct store_op *op);

/* Bytes put and not yet stored: above STORE_BACKLOG stop taking more in. */
#define STORE_BACKLOG (64UL << 20)
uint64_t store_backlog(const struct store *s);
/* Operations that did not work. */
uint64_t store_errors(const struct store *s);
/* Called (from the loop) whenever the backlog falls to half of that. */
void store_on_drained(struct store *s, void (*drained)(void *arg), void *arg);

/*
 * Reading everything back at the start, before anything is put. The visitors
 * own what they are given only during the call (copy it). What is damaged is
 * refused, and nothing is changed then: -EUCLEAN; -errno, with a sentence in
 * *why. Output files that no result has are put into lost+found, *ret_lost says
 * how many.
 */
struct store_visitor {
	/* false: it cannot be, what is stored is damaged */
	bool (*result)(void *arg, const struct result_row *r);
	bool (*task)(void *arg, const struct task_row *t);
	/* NULL: nobody wants to know */
	void (*held)(void *arg, uint64_t result, uint32_t index);
	void (*engine)(void *arg, const struct engine_row *e);
	/* kept: bytes of its buffers */
	void (*record)(void *arg, uint64_t result, const char *msg_id,
		       uint64_t kept);
	void *arg;
};
int store_load(struct store *s, const struct store_visitor *v,
	       uint64_t *ret_lost, struct buf *why) must_check;
/* A value of the meta table; caller frees; NULL: there is none. As store_load()
 * only before the loop runs: then the database is the thread's. */
char *store_meta(struct store *s, const char *key);

#endif
