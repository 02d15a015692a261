#include "channels.h"
#include "wire/connfile.h"
#include "wire/sock.h"

/* Messages on their way out; pieces of output among them. */
#define SEND_HWM 32

const struct channel_row channels[CHANNELS] = {
	[CHANNEL_REGISTRATION] = {
		.name = "registration", .carried = CARRY_REGISTRATION,
		.type = ZMQ_DEALER,
		.port = offsetof(struct ports, registration),
		.send_hwm = SEND_HWM, .immediate = true,
	},
	[CHANNEL_CONTROL] = {
		.name = "control", .carried = CARRY_CONTROL,
		.type = ZMQ_DEALER,
		.port = offsetof(struct ports, control),
		.send_hwm = SEND_HWM, .immediate = true,
	},
	[CHANNEL_MUX] = {
		.name = "mux", .carried = CARRY_MUX,
		.type = ZMQ_DEALER,
		.port = offsetof(struct ports, mux),
		.send_hwm = SEND_HWM, .immediate = true, .tasks = true,
	},
	[CHANNEL_TASK] = {
		.name = "task", .carried = CARRY_TASK,
		.type = ZMQ_DEALER,
		.port = offsetof(struct ports, task),
		.send_hwm = SEND_HWM, .immediate = true, .tasks = true,
	},
	[CHANNEL_IOPUB] = {
		.name = "iopub", .carried = CARRY_IOPUB,
		.type = ZMQ_XPUB,
		.port = offsetof(struct ports, iopub),
		.send_hwm = SEND_HWM, .anonymous = true, .no_drop = true,
	},
	[CHANNEL_BROADCAST] = {
		.name = "broadcast", .carried = CARRY_BROADCAST,
		.type = ZMQ_DEALER,
		.send_hwm = SEND_HWM, .immediate = true, .late = true,
		.tasks = true,
	},
	[CHANNEL_PONG] = {
		.name = "hb_pong", .carried = CARRY_PONG,
		.type = ZMQ_DEALER,
		.port = offsetof(struct ports, hb_pong),
		.send_hwm = 4, .immediate = true, .late = true,
	},
	[CHANNEL_PING] = {
		.name = "hb_ping", .carried = CARRY_PING,
		.type = ZMQ_SUB,
		.port = offsetof(struct ports, hb_ping),
		.send_hwm = 4, .anonymous = true, .late = true,
	},
	[CHANNEL_LINE_CONTROL] = {
		.name = "line of control", .type = ZMQ_DEALER,
		.port = offsetof(struct ports, line_control),
		.send_hwm = SEND_HWM, .immediate = true,
		.is_line = true, .line = LINE_CONTROL,
	},
	[CHANNEL_LINE_TASK] = {
		.name = "line of tasks", .type = ZMQ_DEALER,
		.port = offsetof(struct ports, line_task),
		.send_hwm = SEND_HWM, .immediate = true, .tasks = true,
		.is_line = true, .line = LINE_TASK,
	},
};

const char *channel_name(enum channel c)
{
	return channels[c].name;
}

enum channel channel_of_line(enum engine_line l)
{
	return l == LINE_TASK ? CHANNEL_LINE_TASK : CHANNEL_LINE_CONTROL;
}

enum channel channel_carried(enum carried what)
{
	int c = 0;

	while (channels[c].is_line || channels[c].carried != what)
		c++;
	return (enum channel)c;
}
