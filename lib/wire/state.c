#include "wire/state.h"

static const char *const names[STATES] = {
	[STATE_PENDING] = "pending", [STATE_RUNNING] = "running",
	[STATE_OK] = "ok",	     [STATE_ERROR] = "error",
	[STATE_ABORTED] = "aborted",
};

static const enum state next[STATES][STATE_EVENTS] = {
	[STATE_PENDING] = {
		[EVENT_START] = STATE_RUNNING,
		[EVENT_FAIL] = STATE_ERROR,
		[EVENT_ABORT] = STATE_ABORTED,
		[EVENT_REQUEUE] = STATE_PENDING,
	},
	[STATE_RUNNING] = {
		[EVENT_SUCCEED] = STATE_OK,
		[EVENT_FAIL] = STATE_ERROR,
		[EVENT_ABORT] = STATE_ABORTED,
		[EVENT_REQUEUE] = STATE_PENDING,
	},
};

enum state state_next(enum state s, enum state_event e)
{
	return next[s][e];
}

const char *state_name(enum state s)
{
	return names[s] ? names[s] : "none";
}

enum state state_parse(const char *s)
{
	int i;

	for (i = STATE_PENDING; s && i < STATES; i++)
		if (strcmp(names[i], s) == 0)
			return (enum state)i;
	return STATE_NONE;
}

bool state_is_final(enum state s)
{
	return s >= STATE_OK;
}

enum state state_of(const uint64_t count[STATES])
{
	uint64_t ended = count[STATE_OK] + count[STATE_ERROR] +
			 count[STATE_ABORTED];

	if (count[STATE_PENDING] + count[STATE_RUNNING] > 0)
		return count[STATE_RUNNING] || ended ? STATE_RUNNING
						     : STATE_PENDING;
	if (count[STATE_ERROR])
		return STATE_ERROR;
	return count[STATE_ABORTED] ? STATE_ABORTED : STATE_OK;
}
