/*
 * line.h: the two lines between an engine of ours and the controller, which carry what
 * goes by eight connections with ipyparallel (doc/PROTOCOL.md, "Lines"): each connection
 * costs both sides a handshake, and libzmq's memory.
 *
 * There are two, and not one, because nothing is read from the line of tasks while the
 * disk is behind: hearts and orders are heard all the same.
 *
 * A message goes by the line of its channel; the channel's name is its first frame (the
 * first behind the engine's uuid, where the controller sees it).
 */
#ifndef TASKFS_LINE_H
#define TASKFS_LINE_H

#include "base/base.h"

enum engine_line { LINE_TASK, LINE_CONTROL, LINES };

/* The channels of an engine, by what ipyparallel's connection file calls them. */
enum carried {
	CARRY_REGISTRATION,
	CARRY_CONTROL,
	CARRY_PING,
	CARRY_PONG,
	CARRY_MUX,
	CARRY_TASK,
	CARRY_BROADCAST,
	CARRY_IOPUB,
	CARRIED,
};

enum engine_line line_of(enum carried c);
struct bytes line_tag(enum carried c);
/* False: no such channel on that line. */
bool line_find(enum engine_line l, struct bytes tag, enum carried *ret_c);

#endif
