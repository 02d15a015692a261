/*
 * pool.h: pools, their launches, and the engines that these have started.
 *
 * A pool is how more engines are had: by a command that starts some, or asks a queue for
 * them. Each run of that command is a launch, with a name (its token) that its engines
 * say when they register. The controller owns pools and launches; both are stored. Which
 * engines are members of a launch is known from the engines.
 *
 * Nobody holds a pointer to a pool or launch over turns, but by these structs: hold
 * names and ids.
 */
#ifndef TASKFS_CONTROLLER_POOLS_POOL_H
#define TASKFS_CONTROLLER_POOLS_POOL_H

#include "core/controller.h"
#include "plan.h"
#include "store/store.h"
#include "wire/pool_option.h"
#include "wire/resource.h"

struct command;
struct engine;

/* So many failures in a row stop a pool, each after the pause of the one before: that is
 * after a quarter of an hour at least. */
#define POOL_FAILURES 12
#define POOL_OPTIONS 8 /* rows of pool_options[] */

enum pool_state {
	POOL_EMPTY,	/* it has no launch command */
	POOL_READY,
	POOL_PAUSED,
	POOL_WAITING,	/* after a failure */
	POOL_STOPPED,	/* after too many */
	POOL_OFF,	/* --pools=no */
	POOL_STATES,
};

struct pool {
	struct list link;		/* pools.all, by name */
	struct controller *c;
	int64_t id;
	char *name;
	char *option[POOL_OPTIONS];	/* as set; NULL: the standard */
	bool made, removing;		/* that it is there is stored; that it goes is not */
	bool paused;
	uint64_t failures;		/* in a row */
	int64_t until;			/* clock_now(): nothing is launched before */
	char *why;			/* of the last failure; NULL: none */
	/* What an engine has, as the last one said; slots 0: none has registered. */
	unsigned slots;
	struct amounts has;
	struct list launches;		/* oldest first */
	struct plan plan;		/* as of the last look */
	unsigned full;			/* times that the store took nothing, in a row */
	char *told_why;			/* as told last; so are the next two */
	enum pool_state told_state;
	uint64_t told_wanted;
	bool changed, options_changed;	/* not told yet */
};

struct launch {
	struct list link;		/* pool.launches */
	struct pool *pool;
	int64_t id;
	char *token;
	uint64_t count, registered;	/* engines asked for; of them, ever */
	enum launch_state state;
	bool gone;			/* nobody comes any more */
	int64_t since;			/* time of day */
	char *job;			/* what its command printed first; or NULL */
	char *said;			/* the last of what its command printed; or NULL */
	struct command *command;	/* that runs for it; NULL: none */
	struct list members;
	/* mono_usec(): when it is checked, or cancelled, next; and how often it was. */
	uint64_t check_at, cancel_at;
	unsigned checks, cancels;
	bool cancelled;			/* nothing of it is left to be cancelled */
	char *note;			/* what check printed while it is there; or NULL */
	uint64_t missing;		/* mono_usec(): fewer are there since; 0: not */
	char *trouble;			/* why it could not be cancelled; or NULL */
	uint64_t spare;			/* nobody has wanted it since; 0: it is wanted */
};

/* An engine of a launch. */
struct member {
	struct list link;		/* launch.members */
	struct launch *launch;
	struct engine *engine;
	uint64_t since;			/* mono_usec(): registered; 0: before our start */
	uint64_t idle;			/* mono_usec(): with nothing to do since; 0: it has */
	bool proven;			/* it was there for long enough, or ended a task */
	uint64_t told;			/* mono_usec(): to end; 0: not */
};

struct pools {
	struct controller *c;
	struct list all;		/* by name */
	struct map by_name;		/* -> struct pool */
	struct map launch_by_id;	/* -> struct launch */
	struct map launch_by_token;
	struct map members;		/* id of an engine -> struct member */
	int64_t next_launch;
	unsigned commands;		/* that run */
	bool loaded;
	/* pools.c's */
	struct work look;
	struct timer soon, tick;
	uint64_t looked;
	uint64_t face;			/* why.c's: what tasks were told last */
	char *note;			/* note.c's: as written last; NULL: not yet */
	int note_err;			/* ... or why it could not be */
	bool stopped;			/* all of it ends: stop.h */
	/* stop.c's */
	int stop_lock;			/* while that is so; -1: there is no such file */
};

struct pool *pool_find(const struct controller *c, struct bytes name);
/* A new one, not stored yet. */
struct pool *pool_new(struct controller *c, int64_t id, const char *name);
/* It has no launches. */
void pool_free(struct pool *p);
/* Its row, as it is now; done() (may be NULL) gets arg as op->arg. */
void pool_store(struct pool *p, void (*done)(struct store_op *op), void *arg);
/* The mounts are told of it soon. */
void pool_changed(struct pool *p);

enum pool_state pool_state(const struct pool *p);
const char *pool_state_word(enum pool_state state);
const char *pool_option_text(const struct pool *p, const char *name); /* or NULL */
uint64_t pool_number(const struct pool *p, const char *name);
/* An option that was checked; "": the standard. */
void pool_set_option(struct pool *p, const struct pool_option *o,
		     struct bytes value);
/* As an object of texts; the caller's. */
struct json_object *pool_options_json(const struct pool *p);
/* What is wrong, or hinders it; nothing when all is well. */
void pool_put_why(const struct pool *p, struct buf *out);

/*
 * Something failed: nothing is launched for a while. Or, at the last time of POOL_FAILURES,
 * until somebody says resume. What fails within the pause counts for nothing more. said:
 * what a command printed; or NULL.
 */
void pool_fail(struct pool *p, const char *what, const char *said);
/* The store took nothing: that is tried again, and counts for nothing else. */
void pool_store_failed(struct pool *p, int err);
/* All is well again, or somebody says so. */
void pool_recover(struct pool *p);

struct launch *launch_find(const struct controller *c, int64_t id);
struct launch *launch_by_token(const struct controller *c, struct bytes token);
struct launch *launch_new(struct pool *p, int64_t id, const char *token);
/* It has no members, and no command runs for it. */
void launch_free(struct launch *l);
/* Engines that may still come of it. */
uint64_t launch_coming(const struct launch *l);
void launch_store(struct launch *l, void (*done)(struct store_op *op));
void launch_set_state(struct launch *l, enum launch_state state);
const char *launch_state_word(enum launch_state state);

/* A second (--pool-pause), doubled with every time from the second on, but not more than
 * most. */
uint64_t pool_pause(const struct controller *c, uint64_t times, uint64_t most);

#endif
