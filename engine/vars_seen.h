/*
 * vars_seen.h: what was seen in the directory of the variables: which there are, and
 * which changes were not told yet. Each change has a number, and sets the timer of
 * telling (vars_tell.h).
 */
#ifndef TASKFS_ENGINE_VARS_SEEN_H
#define TASKFS_ENGINE_VARS_SEEN_H

#include "vars.h"

struct variable {
	struct list untold;	/* in vars.untold, or in no list */
	bool gone;		/* stays in vars.by_name until that is told */
	int64_t size, mtime;
	uint64_t version;	/* the number of its last change */
	ino_t ino;
	unsigned round;		/* of looking through all: it was seen in that */
	size_t n;
	char name[];
};

static inline struct bytes variable_name(const struct variable *v)
{
	return bytes_of(v->name, v->n);
}

/* Looks at one name, which has changed (or has not); at all of them. */
void vars_look(struct vars *vs, struct bytes name);
void vars_look_through(struct vars *vs);
/* There is room for one of that name; -ENOSPC. */
int vars_room(const struct vars *vs, struct bytes name) must_check;
/* Changes were told, or are to be told with all: variables that are gone can go. */
void vars_forget_untold(struct vars *vs);

#endif
