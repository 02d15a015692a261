/*
 * script.h: options that stand in a script itself, as sbatch has them:
 *
 *	#!/bin/sh
 *	#TASKFS time_limit=600 label=build
 *	#TASKFS after="12 prepare"
 *
 * Such lines count until the first line that is neither empty nor begins with #. A value
 * is what the file of a draft takes; one with blanks stands in quotes of either kind.
 */
#ifndef TASKFS_SCRIPT_H
#define TASKFS_SCRIPT_H

#include "base/buf.h"
#include "wire/json.h"

/*
 * Adds to options those of the script that options does not have yet: what is said
 * outside of the script wins. -EINVAL or -EFBIG with the reason and the line in *why.
 */
int script_options(struct bytes code, struct json_object *options,
		   struct buf *why) must_check;

#endif
