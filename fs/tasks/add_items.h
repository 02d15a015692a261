/*
 * add_items.h: results/<id>/map: a read shows the items, and `>>` adds some while the
 * map is open. The write of whole lines returns when the controller has stored them.
 */
#ifndef TASKFS_FS_TASKS_ADD_ITEMS_H
#define TASKFS_FS_TASKS_ADD_ITEMS_H

#include "tree/node.h"

extern const struct io map_io;

#endif
