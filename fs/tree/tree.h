/*
 * tree.h: the tree as loops over THE TABLE (nodes.h).
 *
 * An inode number is object id (31 bits) | sub (25 bits) | row + 1 (8 bits),
 * so the root is 1, an inode needs no memory, and nothing has to be forgotten. The generation
 * tells one cluster's result 7 from another's.
 */
#ifndef TASKFS_FS_TREE_TREE_H
#define TASKFS_FS_TREE_TREE_H

#include "node.h"

#include <sys/stat.h>

/* Seconds the kernel may keep what never changes. */
#define FOREVER 86400.0
/* ... and a name that is there until someone purges it elsewhere. */
#define A_MOMENT 1.0

/* Once, before everything else; checks the table, whose row 0 is the root. */
void tree_init(const struct node *nodes);
/* The table; a row without path ends it. */
const struct node *tree_rows(void);

uint64_t tree_ino(const struct obj *o);
uint64_t tree_generation(const struct obj *o);
/* The entry behind an inode number; by: NULL, or who asks. -ENOENT: it is gone. */
int tree_obj(struct fs *fs, uint64_t ino, const struct asker *by,
	     struct obj *ret_o) must_check;
/* -ENOENT, -ENOTDIR. */
int tree_lookup(const struct obj *dir, struct bytes name, struct obj *ret_o)
	must_check;

/*
 * A new entry of dir, a S_IFREG or S_IFDIR, for who asks for dir. flags are
 * those of open(). -EPERM: nothing of that type can be made there.
 */
int tree_make(const struct obj *dir, struct bytes name, mode_t type, int flags,
	      struct obj *ret_o) must_check;

/* The row of what is made in dir by a deed (struct deeds), or NULL. */
const struct node *tree_made_by_deed(const struct obj *dir);

/*
 * A place in a directory that survives comings and goings; it is readdir's
 * offset. 0 is the beginning.
 */
/* The entry at *at, its name appended, *at moved behind it; false: the end. */
bool tree_next(const struct obj *dir, uint64_t *at, struct obj *ret_o,
	       struct buf *name) must_check;

void tree_attr(const struct obj *o, struct stat *st);
/* A SETATTR would give the entry another owner or mode. To set those that it has is
 * fine. */
bool tree_changes_owner(const struct obj *o, const struct stat *attr, int to_set);
/* The answer to a GETATTR, or to a SETATTR. */
void tree_answer_attr(fuse_req_t req, const struct obj *o);
/* The deed setattr of what can be given no attributes. To set those that it has, or
 * times, which mean nothing, is fine. */
void tree_keep_attr(fuse_req_t req, const struct obj *o, const struct stat *attr,
		    int to_set, struct file *f);
/* What a LOOKUP is told. */
void tree_entry(const struct obj *o, struct fuse_entry_param *e);
/* Seconds the kernel may keep the name; the attributes. */
double tree_entry_timeout(const struct obj *o);
double tree_attr_timeout(const struct obj *o);
/* What it is now it will always be. */
bool tree_is_steady(const struct obj *o);
/* What changes when the object does. */
struct waitq *tree_waitq(const struct obj *o);

/*
 * Inode numbers without a struct obj, from any thread: for entries whose path
 * is made of names in the table, of numbers, and of one name that is given.
 */
const struct node *tree_row(const char *path);
uint64_t tree_number(const struct node *n, uint64_t id, uint32_t sub);
/* The row, or NULL; those of the same id and sub differ in TREE_ROWS. */
const struct node *tree_number_row(uint64_t ino);
uint64_t tree_number_id(uint64_t ino);
#define TREE_ROWS 0xffULL
/* Rows of dir, also of one that is like another. */
bool tree_has(const struct node *dir, const struct node *n);
/* "results/7/status"; name: what NAME is in it, or NULL. False: there is another name
   in its path. */
bool tree_path(uint64_t ino, const char *name, struct buf *out) must_check;

/* For the documentation. */
const char *tree_basename(const struct node *n);
bool tree_is_child(const struct node *dir, const struct node *n);

#endif
