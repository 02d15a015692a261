/*
 * nearby.h: the directory in which a controller keeps big outputs, seen by an engine
 * or a mount of the same user on the same host: they make and read files there instead
 * of sending the bytes.
 *
 * Whoever can open a file in it could read the cluster's key beside it. That it is
 * the same directory, and not one that is called the same on another host, is shown
 * by a file below it whose name only that controller knows, and tells: its instance.
 */
#ifndef TASKFS_NEARBY_H
#define TASKFS_NEARBY_H

#include "base/base.h"
#include "wire/stream.h"

/* Below it: outputs that engines write, until their tasks have ended. */
#define NEARBY_ENGINES ".engines"
/* The name of a file there: the engine's uuid and a number. */
#define NEARBY_NAME 96

/*
 * The controller's: makes NEARBY_ENGINES in `outputs`, removes what nobody has locked
 * there, and shows that it is here. -EOPNOTSUPP: files there have no second names;
 * -errno.
 */
int nearby_show(const char *outputs, const char *instance) must_check;
/* Files in NEARBY_ENGINES that nobody has locked are removed. */
void nearby_sweep(const char *outputs);
/*
 * The others': that directory, if it is this one and ours alone. A descriptor, the
 * caller's; -ENOENT: it is another one, or not here; -EPERM; -EREMOTE: its files are
 * on another host, who reads them may have to wait for ever; -errno.
 */
int nearby_open(const char *outputs, const char *instance) must_check;
/* The name of an output there. */
void nearby_output(char name[NEARBY_NAME], uint64_t result, uint32_t index,
		   enum stream s);
/* Can be the name of such a file. */
bool nearby_name_valid(const char *name);

#endif
