/*
 * vars.h: files that are variables: of one engine, or of the engines of a view
 * at once (engines/<id>/vars/, engines/VIEW/vars/, scatter/, gather/).
 *
 *   vars        the rows, and open files
 *   pull        reads values, those of several engines one behind the other
 *   push        writes one value, to one engine or to several
 *   scatter     ... and to each its share of the lines
 *   fresh       engines that tell only when they are asked
 *   vardeeds    removes, renames, cuts, sets times
 *   variables   what the mirror knows
 */
#ifndef TASKFS_FS_VARS_H
#define TASKFS_FS_VARS_H

#include "mirror.h"
#include "node.h"
#include "request.h"

#include "wire/json.h"

extern const struct class engine_var_class, view_var_class;
extern const struct class scatter_class, gather_class;
extern const struct io var_io, gather_io;

struct vars {
	struct list pushes;		/* struct push */
	struct list scatters;		/* scatter.c's */
	struct var_name *made;		/* for a CREATE */
};

void vars_init(struct vars *v);

/* The controller answers for its engines within 20 s. */
#define VARS_TIMEOUT (30 * USEC_PER_SEC)
/* ... but for those that answer between their tasks, however long those are. */
#define VARS_PATIENCE (366 * 86400 * USEC_PER_SEC)

/* {engines, [name]}: what every question begins with. */
struct json_object *vars_question(const struct idlist *engines,
				  const struct var_name *name);
/* What of an answer is news: takes it into the mirror. */
void vars_take_answer(struct fs *fs, const struct msg *reply);
/* Says once in a while in the log why something failed. */
void vars_log(const char *what, const struct var_name *name, int err,
	      const struct msg *reply);

/* The variable's name. */
struct var_name *vars_name(const struct obj *o);
/* The engines it is to be written to; -errno, as view_engines(), -EHOSTDOWN. */
int vars_engines(const struct obj *o, struct idlist *ret) must_check;
/* One of them answers between its tasks. */
bool vars_wait(const struct fs *fs, const struct idlist *engines);
/* For link_ask(): how long to wait for them. */
uint64_t vars_timeout(const struct fs *fs, const struct idlist *engines);
/* It shows lists as lines (scatter, gather). */
bool vars_as_lines(const struct obj *o);
/* Those that have it. -ENOENT: none. */
int vars_owners(const struct obj *o, struct idlist *ret) must_check;

/* An empty value is on its way to them, shown at once; or it did not arrive. */
void vars_expect(struct fs *fs, const struct idlist *engines,
		 struct var_name *name, bool arrives);
/* Of all engines together: bytes; the newest time. */
uint64_t vars_size(const struct obj *o);
int64_t vars_mtime(const struct obj *o);

/* At the end: a name that was made for a CREATE. */
void vars_forget_made(struct fs *fs);

#endif
