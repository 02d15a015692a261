/*
 * view.h: views: engines used as one, in an order. engines/all is every
 * engine at the time of use; engines/LIST ("0,2-3") those of the list, which
 * is found by name and not listed.
 *
 * An inode number has no room for a list, so a list that was looked up gets a
 * small number here. Only the VIEWS_MAX used last are remembered, and the name
 * is looked up each time: an inode whose list was forgotten is gone, as that of
 * an engine that went.
 */
#ifndef TASKFS_FS_VIEW_H
#define TASKFS_FS_VIEW_H

#include "base/idlist.h"
#include "base/list.h"
#include "base/map.h"
#include "index.h"

#define VIEWS_MAX 1024

struct obj;

struct views {
	struct map by_text;
	struct index by_id;
	struct list used;	/* the one used longest ago first */
	uint32_t last;		/* id given */
};

void views_init(struct views *v);
void views_done(struct views *v);

/*
 * The engines an entry below engines/ stands for: the one of engines/<id>/, or
 * those of the view, in its order; added to *ret, the caller's to
 * idlist_done(). -ENOENT: one of them is gone; -ENXIO: there is no engine.
 */
int view_engines(const struct obj *o, struct idlist *ret) must_check;

#endif
