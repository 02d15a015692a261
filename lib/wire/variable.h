/*
 * variable.h: what a variable of an engine may be called. It is a file there,
 * and one in every mount.
 */
#ifndef TASKFS_VARIABLE_H
#define TASKFS_VARIABLE_H

#include "base/base.h"

/*
 * Letters (also beyond ASCII), digits, and ._+-@; not beginning with a dot; at
 * most LIMIT_NAME bytes.
 */
bool variable_name_ok(struct bytes name);

#endif
