/*
 * screen.h: the files `top` and `status.html`, open. Each is made when somebody opens
 * it, and has the size of what was made last: so who asks for the size first reads all
 * of it. However often they are opened, they cost a part of the time at most.
 */
#ifndef TASKFS_FS_GLANCE_SCREEN_H
#define TASKFS_FS_GLANCE_SCREEN_H

#include "tree/node.h"

extern const struct io top_io, page_io;

#endif
