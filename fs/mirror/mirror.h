/*
 * mirror.h: what is known of the cluster: results, engines, the controller.
 *
 * The mirror owns its results and engines; pointers to them are good for the
 * rest of the turn. merge.c fills it from the controller's messages. Every
 * object carries the sequence number it was last told at: what is older never
 * overwrites what is newer.
 *
 * A change wakes the files that wait for the object (park/park.h) and adds a line
 * to the events (event_ring.h). Small outputs of results that ended are kept,
 * newest first, up to a budget; the others are fetched when somebody reads.
 */
#ifndef TASKFS_FS_MIRROR_MIRROR_H
#define TASKFS_FS_MIRROR_MIRROR_H

#include "base/base.h"
#include "base/index.h"
#include "base/list.h"
#include "base/map.h"
#include "note_what.h"
#include "park/event_ring.h"
#include "park/park.h"
#include "pool.h"
#include "queues.h"
#include "recent.h"
#include "task.h"
#include "variables.h"
#include "wire/ids.h"
#include "wire/state.h"

/* The longest an id can be: 30 bits of an inode number. */
#define MIRROR_MAX_ID ((1 << 30) - 1)
/* Bytes of outputs kept. */
#define MIRROR_KEPT (64UL * 1024 * 1024)

struct group;

/* Outputs that came with the result, one behind the other. */
struct kept {
	struct list link;	/* oldest first */
	struct result *result;
	size_t room;
	bool has[STREAM_OUTPUTS];
	size_t at[STREAM_OUTPUTS], n[STREAM_OUTPUTS];
	char bytes[];
};

/* Results of one user in the order of their ids: of one name, or ("") all. */
struct name {
	struct list results;	/* struct place */
	int64_t uid;
	size_t n;
	char text[];
};

struct place {
	struct list link;
	struct name *name;	/* NULL: it is in none */
	struct result *result;
};

struct result {
	uint64_t id;
	uint64_t seq;		/* the last word about it */
	unsigned round;		/* of the last full listing it was in */
	struct place by_name, by_owner;
	char kind[8];		/* task, map, view */
	int64_t tasks;
	uint64_t count[STATES];
	enum state status;
	int64_t submitted, started, completed, received; /* times of day; 0:
							    not yet */
	/* usec since it was submitted: when it began, and when it had ended */
	int64_t began, elapsed;
	int64_t born;		/* when that was, by this machine's steady_usec() */
	bool late;		/* it had ended when a listing told of it first: nobody
				   knows how long ago, and `born` is later */
	int64_t serial;		/* usec its tasks ran, added up */
	int64_t uid, gid;
	char *options;		/* JSON text; NULL: none */
	uint64_t given;		/* one bit per row of task_options[] */
	bool grows;		/* the option open was given */
	int64_t code;		/* bytes */
	int64_t stdin_size;	/* -1: not given */
	char *why;
	char *unstored;		/* its end waits for that; NULL: it does not */
	struct task *task;	/* of kind task: &one; else NULL */
	struct task one;
	struct detail detail;	/* of one task */
	struct group *group;	/* the tasks of a map or view, else NULL */
	bool used;		/* the next three are known; of those */
	double user, system;	/* seconds */
	int64_t memory;		/* bytes */
	int64_t map;		/* bytes of its items; -1: no map */
	uint32_t line;		/* bytes of its line in results/overview.c's list;
				   0: they are to be counted (again) */
	struct kept *kept;
	struct waitq waitq;
};

struct engine {
	uint64_t id;
	uint64_t seq, vars_seq;	/* the last word about it, about its variables */
	bool whole;		/* that word was a reply's */
	unsigned round;
	char *uuid, *state, *why, *host, *language;
	int64_t pid, since, until, heartbeat, slots, free, queue, completed;
	char *running;		/* one task a line */
	char *resources;	/* one a line */
	struct variables vars;
	struct waitq waitq;
};

/* The controller's own numbers. */
struct counts {
	uint64_t seq;
	int64_t waiting, running, completed, results;
	char *scheme;
	/* JSON text, as it was when somebody last asked; NULL: never. */
	char *tasks, *counters, *gauges;
	char *upstream_url, *upstream_state;	/* NULL: there is none */
	char *trouble;	/* its disk is full, in words; NULL: it is not */
};

/* Ids that were purged lately: a late word must not bring them back. */
#define PURGED_KEPT 256
#define GONE_KEPT 64

struct mirror {
	struct park *park;
	/* Called with every change (enum note_what); NULL: nobody.
	   index: of a task of many, or -1. */
	void (*note)(struct mirror *m, enum event_of of, uint64_t id,
		     int64_t index, uint64_t generation, unsigned what);
	bool quiet;	/* the kernel itself tells of what is removed now */
	struct index results;
	struct index unfinished;	/* the same results */
	struct index running, failed;	/* the same; error or aborted */
	struct recent recent;
	struct index engines;
	struct var_names var_names;
	struct pools pools;
	struct queues queues;
	struct map names;		/* uid and text -> struct name */
	struct counts counts;
	struct event_ring events;
	unsigned round;
	struct list kept;
	size_t kept_bytes;
	struct list unread;	/* struct group: to be read; load.h */
	struct list details;	/* detail.c's */
	size_t detail_bytes;
	uint64_t purged[PURGED_KEPT];
	bool purged_quietly[PURGED_KEPT];
	unsigned purges;
	struct {
		uint64_t id, seq;
	} gone[GONE_KEPT];		/* engines */
	unsigned ngone;
	int64_t changed;	/* when a result or a pool came or went, usec */
};

void mirror_init(struct mirror *m, struct park *park);
void mirror_done(struct mirror *m);

struct result *mirror_result(const struct mirror *m, uint64_t id);
struct engine *mirror_engine(const struct mirror *m, uint64_t id);
/* The newest result; NULL: none. */
struct result *mirror_latest(const struct mirror *m);
/* The newest of this user and of that name; "": whatever its name is. */
struct result *mirror_newest(const struct mirror *m, int64_t uid,
			     struct bytes name);
/* It is the one to which its name leads its owner. */
bool result_is_newest_of_name(const struct result *r);
/* NULL: it has none. */
const char *result_name(const struct result *r);
bool result_is_final(const struct result *r);
/* It has one task, and gets no more: what is said of the result is said of that. */
static inline bool result_is_single(const struct result *r)
{
	return r->tasks == 1 && !r->grows;
}
/* Nothing of it or of its tasks changes any more, and all is known. */
bool result_is_settled(const struct result *r);
/* usec since it was submitted; until its end, once that is there. */
int64_t result_age(const struct result *r);
/* What its one task used. */
struct usage result_short_usage(const struct result *r);
/* Bytes of any stream of a result of one task. */
uint64_t result_size(const struct result *r, enum stream s);

static inline void mirror_note(struct mirror *m, enum event_of of, uint64_t id,
			       int64_t generation, unsigned what)
{
	if (m->note && what)
		m->note(m, of, id, -1, (uint64_t)generation, what);
}

/* Of task `index` of a map or view. */
static inline void mirror_note_task(struct mirror *m, const struct result *r,
				    int64_t index, unsigned what)
{
	if (m->note && what)
		m->note(m, EVENT_OF_RESULT, r->id, index,
			(uint64_t)r->submitted, what);
}

/* For merge.c. */
struct result *mirror_add_result(struct mirror *m, uint64_t id);
void mirror_purge(struct mirror *m, uint64_t id);
bool mirror_was_purged(const struct mirror *m, uint64_t id);
/* By somebody in this mount: the kernel has told that it went. */
bool mirror_was_purged_quietly(const struct mirror *m, uint64_t id);
/* Whose it is (r->uid) never changes after that. */
void mirror_set_owner(struct mirror *m, struct result *r);
void mirror_set_name(struct mirror *m, struct result *r, struct bytes name);
/* Its state changed: the lists it is in, the events. */
void mirror_set_status(struct mirror *m, struct result *r, enum state s);
struct engine *mirror_add_engine(struct mirror *m, uint64_t id);
void mirror_remove_engine(struct mirror *m, uint64_t id);
/* The same; what is said of it as of `seq` or before does not bring it back. */
void mirror_engine_gone(struct mirror *m, uint64_t id, uint64_t seq);
bool mirror_engine_was_gone(const struct mirror *m, uint64_t id, uint64_t seq);

/* Keeps a copy of whole outputs; one with p NULL is not kept. */
void mirror_keep(struct mirror *m, struct result *r,
		 const struct bytes out[STREAM_OUTPUTS]);
/* False when that output is not kept. */
bool mirror_kept(const struct result *r, enum stream s,
		 struct bytes *ret_b) must_check;

#endif
