/*
 * fuse.h: libfuse, in the version of its interface that we speak.
 */
#ifndef TASKFS_FS_PARK_FUSE_H
#define TASKFS_FS_PARK_FUSE_H

#include "base/base.h"

#define FUSE_USE_VERSION 312
#include <fuse3/fuse_lowlevel.h>

#endif
