#include "base/base.h"
#include "channel.h"

#include "base/log.h"
#include "net/intake.h"
#include "net/sockets.h"

static const struct {
	enum socket in, out;
} sockets_of[] = {
	[CHANNEL_MUX] = {S_MUX_IN, S_MUX_OUT},
	[CHANNEL_TASK] = {S_TASK_IN, S_TASK_OUT},
	[CHANNEL_CONTROL] = {S_CONTROL_IN, S_CONTROL_OUT},
	[CHANNEL_BROADCAST] = {S_BROADCAST_IN, S_BROADCAST_OUT},
};

enum socket channel_in(enum channel ch)
{
	return sockets_of[ch].in;
}

enum socket channel_out(enum channel ch)
{
	return sockets_of[ch].out;
}

struct channels {
	struct {
		uint64_t unfinished;
		bool full;	/* nothing more is taken in */
	} of[CHANNELS];
};

void channels_init(struct controller *c)
{
	c->channels = zalloc(sizeof(*c->channels));
}

void channels_done(struct controller *c)
{
	free(c->channels);
	c->channels = NULL;
}

uint64_t channel_room(const struct controller *c, enum channel ch)
{
	uint64_t n = c->channels->of[ch].unfinished, limit = c->config.client_tasks;

	return limit > n ? limit - n : 0;
}

void channel_more(struct controller *c, enum channel ch)
{
	static struct log_limit often;
	unsigned skipped;

	c->channels->of[ch].unfinished++;
	c->count.client_tasks++;
	if (channel_room(c, ch) || c->channels->of[ch].full)
		return;
	c->channels->of[ch].full = true;
	c->count.clients_paused++;
	intake_again(c);
	if (log_allowed(&often, 3, 60 * USEC_PER_SEC, &skipped))
		log_info("clients have too many unfinished tasks; more are "
			 "taken in when some have ended",
			 log_int("tasks", (int64_t)c->channels->of[ch].unfinished),
			 log_int("not_logged", skipped));
}

void channel_less(struct controller *c, enum channel ch)
{
	c->channels->of[ch].unfinished--;
	c->count.client_tasks--;
	/* Clients go on when an eighth is free, not one task at a time. */
	if (!c->channels->of[ch].full ||
	    channel_room(c, ch) <= c->config.client_tasks / 8)
		return;
	c->channels->of[ch].full = false;
	intake_again(c);
}

bool channel_is_full(const struct controller *c, enum socket s)
{
	int ch;

	for (ch = 0; ch < CHANNELS; ch++)
		if (channel_in((enum channel)ch) == s)
			return c->channels->of[ch].full;
	return false;
}
