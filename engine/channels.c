#include "channels.h"
#include "wire/connfile.h"
#include "wire/sock.h"

/* Messages on their way out; pieces of output among them. */
#define SEND_HWM 32

const struct channel_row channels[CHANNELS] = {
	[CHANNEL_REGISTRATION] = {
		.name = "registration", .type = ZMQ_DEALER,
		.port = offsetof(struct ports, registration),
		.send_hwm = SEND_HWM, .immediate = true,
	},
	[CHANNEL_CONTROL] = {
		.name = "control", .type = ZMQ_DEALER,
		.port = offsetof(struct ports, control),
		.send_hwm = SEND_HWM, .immediate = true,
	},
	[CHANNEL_MUX] = {
		.name = "mux", .type = ZMQ_DEALER,
		.port = offsetof(struct ports, mux),
		.send_hwm = SEND_HWM, .immediate = true, .tasks = true,
	},
	[CHANNEL_TASK] = {
		.name = "task", .type = ZMQ_DEALER,
		.port = offsetof(struct ports, task),
		.send_hwm = SEND_HWM, .immediate = true, .tasks = true,
	},
	[CHANNEL_IOPUB] = {
		.name = "iopub", .type = ZMQ_XPUB,
		.port = offsetof(struct ports, iopub),
		.send_hwm = SEND_HWM, .anonymous = true, .no_drop = true,
	},
	[CHANNEL_BROADCAST] = {
		.name = "broadcast", .type = ZMQ_DEALER,
		.send_hwm = SEND_HWM, .immediate = true, .late = true,
		.tasks = true,
	},
	[CHANNEL_PONG] = {
		.name = "hb_pong", .type = ZMQ_DEALER,
		.port = offsetof(struct ports, hb_pong),
		.send_hwm = 4, .immediate = true, .late = true,
	},
	[CHANNEL_PING] = {
		.name = "hb_ping", .type = ZMQ_SUB,
		.port = offsetof(struct ports, hb_ping),
		.send_hwm = 4, .anonymous = true, .late = true,
	},
};

const char *channel_name(enum channel c)
{
	return channels[c].name;
}
