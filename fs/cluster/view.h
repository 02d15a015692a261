/*
 * view.h: views: engines used as one, in an order. engines/all is every
 * engine at the time of use; engines/LIST ("0,2-3") those of the list, which
 * is found by name and not listed.
 *
 * The object id of a list is its number in fs->views; that of all is 0.
 */
#ifndef TASKFS_FS_CLUSTER_VIEW_H
#define TASKFS_FS_CLUSTER_VIEW_H

#include "base/idlist.h"
#include "tree/node.h"

#define VIEWS_MAX 1024		/* lists remembered */

/*
 * The engines an entry below engines/ stands for: the one of engines/<id>/, or
 * those of the view, in its order; added to *ret, the caller's to
 * idlist_done(). -ENOENT: one of them is gone; -ENXIO: there is no engine.
 */
int view_engines(const struct obj *o, struct idlist *ret) must_check;

extern const struct class view_class;

#endif
