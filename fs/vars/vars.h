/*
 * vars.h: files that are variables: of one engine, or of the engines of a view
 * at once (engines/<id>/vars/, engines/VIEW/vars/, scatter/, gather/).
 *
 *   vars        the entries
 *   value       an open file that is a variable
 *   pull        reads values, those of several engines one behind the other
 *   push        writes one value, to one engine or to several
 *   scatter     ... and to each its share of the lines
 *   refresh     engines that tell only when they are asked
 *   deeds       removes, renames, cuts, sets times
 *   ask         what all of them ask
 *   mirror/variables   what the mirror knows
 */
#ifndef TASKFS_FS_VARS_VARS_H
#define TASKFS_FS_VARS_VARS_H

#include "mirror/mirror.h"
#include "tree/node.h"


extern const struct class engine_var_class, view_var_class;
extern const struct class scatter_class, gather_class;

struct vars {
	struct list pushes;		/* struct push */
	struct list scatters;		/* scatter.c's */
	struct var_name *made;		/* for a CREATE */
};

void vars_init(struct vars *v);

/* The variable's name. */
struct var_name *vars_name(const struct obj *o);
/* The engines it is to be written to; -errno, as view_engines(), -EHOSTDOWN. */
int vars_engines(const struct obj *o, struct idlist *ret) must_check;
/* It shows lists as lines (scatter, gather). */
bool vars_as_lines(const struct obj *o);
/* Those that have it. -ENOENT: none. */
int vars_owners(const struct obj *o, struct idlist *ret) must_check;

/* Of all engines together: bytes; the newest time. */
uint64_t vars_size(const struct obj *o);
int64_t vars_mtime(const struct obj *o);

/* At the end: a name that was made for a CREATE. */
void vars_forget_made(struct fs *fs);

#endif
