/*
 * vars.h: the engine's variables: files in a directory of its own ($TASKFS_VARS
 * of its tasks), known here by name, size and time, and told to a controller
 * that speaks the extensions.
 *
 * Tasks write there as they like, so the directory is watched (inotify; where
 * that cannot be had it is looked through at every task's end and once a
 * second while one runs). What was seen in it, vars_seen.h knows. What is no
 * regular file, has a name that is none (wire/variable.h), or is one too many
 * (LIMIT_VARIABLES), is not there.
 *
 * Changes are counted: a variable carries the number of its last change as its
 * version. vars_tell.h tells them soon, those of a task before its end.
 */
#ifndef TASKFS_ENGINE_VARS_H
#define TASKFS_ENGINE_VARS_H

#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/map.h"
#include "wire/json.h"

#include <sys/stat.h>

struct engine;

struct vars {
	struct loop *loop;
	char *path;		/* of the directory */
	int dir;		/* open; -1: it is not */
	dev_t dev;		/* of that which is open */
	ino_t ino;
	struct watch watch;	/* inotify; fd -1: there is none */
	struct map by_name;	/* struct variable; also gone ones, until told */
	size_t count;		/* those that are there */
	uint64_t version;	/* so many changes */
	struct list untold;	/* struct variable: changed since it was told */
	size_t nuntold;
	bool tell_all;		/* and not only those */
	bool late;		/* it could not be told when it was to be */
	bool hidden;		/* some are one too many */
	bool complained;	/* of that, or of a name: once is enough */
	struct log_limit no_place;	/* lines about that */
	unsigned round;		/* of looking through all */
	struct timer tell, scan;
};

/* -errno. */
int vars_init(struct engine *e) must_check;
void vars_done(struct engine *e);

/* Their directory is there: one that a task removed is made anew, empty. -errno,
 * said. */
int vars_ensure(struct engine *e);
/* What tasks have done so far is known, and told as far as can be. */
void vars_settle(struct engine *e);
/* A task begins. */
void vars_task_begins(struct engine *e);
/* vars_about_all(), when what was changed just now is seen. */
struct json_object *vars_all(struct engine *e);
/* Removes all of them. */
void vars_clear(struct engine *e);

/* The name of a variable that a request gives; NULL: none, or none of a variable. */
const char *vars_get_name(struct json_object *content, const char *key);
/* Opens one, with O_NOFOLLOW and the like; -errno. -EINVAL: no plain file. */
int vars_open(const struct engine *e, const char *name, int flags,
	      struct stat *ret_st) must_check;

#endif
