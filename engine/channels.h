/*
 * channels.h: the table of channels: which sockets an engine has to the controller.
 */
#ifndef TASKFS_CHANNELS_H
#define TASKFS_CHANNELS_H

#include "wire/line.h"

enum channel {
	CHANNEL_REGISTRATION,
	CHANNEL_CONTROL,
	CHANNEL_MUX,
	CHANNEL_TASK,
	CHANNEL_IOPUB,
	CHANNEL_BROADCAST,	/* from here: after registration */
	CHANNEL_PONG,
	CHANNEL_PING,
	/* In their place, with a controller of ours (wire/line.h): */
	CHANNEL_LINE_CONTROL,
	CHANNEL_LINE_TASK,
	CHANNELS,
};

struct channel_row {
	const char *name;
	int type;
	size_t port;		/* offsetof() in struct ports */
	int send_hwm;
	bool anonymous;		/* its socket does not say the engine's uuid */
	/* Nothing is queued for a connection that is not there. What is said after a
	 * break follows a new registration, and that says all again. */
	bool immediate;
	bool late;		/* it is connected after registration */
	bool no_drop;		/* when it is full it refuses, and drops nothing */
	bool tasks;		/* tasks and their replies: a break is noticed */
	bool is_line;
	enum engine_line line;		/* that it is */
	enum carried carried;	/* of the others: what it is on a line */
};

extern const struct channel_row channels[CHANNELS];

const char *channel_name(enum channel c);
/* The channel that a line is, and the one of that name on a line. */
enum channel channel_of_line(enum engine_line l);
enum channel channel_carried(enum carried what);

#endif
