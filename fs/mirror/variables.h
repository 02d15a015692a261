/*
 * variables.h: the variables of the engines, as far as the mirror knows them:
 * names, sizes, times. The values are pulled when somebody reads (vars/pull.h).
 *
 * Every name has a number, which is part of inode numbers; it stays the same
 * as long as an engine has a variable of that name, or a file of that name is
 * open. What a variable is, the engine tells with a version: what is older
 * never overwrites what is newer, also not what is gone.
 */
#ifndef TASKFS_FS_MIRROR_VARIABLES_H
#define TASKFS_FS_MIRROR_VARIABLES_H

#include "base/index.h"
#include "base/list.h"
#include "base/map.h"

struct mirror;
struct engine;

/* A name's number has so many bits: part of an inode number (tree/node.h). */
#define VAR_NAME_BITS 25

struct var_name {
	uint32_t id;
	unsigned users;
	size_t n;
	char text[];
};

struct var_names {
	struct map by_text;
	struct index by_id;
	uint32_t last;
};

struct variable {
	struct var_name *name;
	bool gone;		/* remembered until the engine has told it */
	bool expected;		/* written here, not told yet */
	bool unnamed;		/* by the listing that is being read */
	int64_t size, mtime;	/* bytes; usec */
	int64_t lines;		/* bytes as lines; -1: the same */
	int64_t size_was, mtime_was;	/* when another is expected */
	uint64_t version;
};

/* Of an engine. */
struct variables {
	struct index by_name;	/* number of the name -> struct variable */
	/* It tells only when it is asked (vars/refresh.h); mono_usec() when it was
	 * asked last, and when it was for what has been answered. */
	bool on_demand, asking;
	uint64_t asked, answered;
};

/* The name of this text, made if need be; and given back. */
struct var_name *var_name_get(struct mirror *m, struct bytes text);
void var_name_put(struct mirror *m, struct var_name *name);
/* NULL: there is none. */
struct var_name *var_name_find(const struct mirror *m, struct bytes text);
struct var_name *var_name_of(const struct mirror *m, uint32_t id);

/* NULL: it has none of that name. */
struct variable *variable_find(const struct engine *e, uint32_t name);
/* The first whose name's number is `from` or more; or NULL. */
struct variable *variable_next(const struct engine *e, uint32_t from);

/*
 * What the engine says: {version, all, list, [on_demand]}. reply: in answer to us,
 * so that what it said before may still come.
 */
void variables_merge(struct mirror *m, struct engine *e, struct bytes object,
		     bool reply);
/* Forgets all: another engine has this id. */
void variables_drop(struct mirror *m, struct engine *e);
/*
 * An empty value was written and is on its way: shown until the engine tells.
 * ... or until it turns out that it did not arrive.
 */
void variable_expect(struct mirror *m, struct engine *e,
		     struct var_name *name);
void variable_unexpect(struct mirror *m, struct engine *e, uint32_t name);

/* At the end, behind all engines. */
void var_names_done(struct mirror *m);

#endif
