/*
 * table.h: results/<id>/table: a head, and a line for each task of a result, in the
 * order of their numbers.
 *
 * A map may have a million tasks, so lines are made when they are read, and stay for
 * READs that overlap. What a task is then is what its line says: who reads forward
 * gets whole lines, each task once, also while they change. Who goes elsewhere finds
 * the place by the lines as they are now; of a result that has ended nothing moves.
 */
#ifndef TASKFS_FS_RESULTS_TABLE_H
#define TASKFS_FS_RESULTS_TABLE_H

#include "tree/node.h"

extern const struct io table_io;

#endif
