#include "base/base.h"
#include "channel.h"

#include "base/log.h"
#include "net/intake.h"
#include "relay.h"

/* How many unfinished tasks of clients there are, and when that is enough. */

uint64_t channel_room(const struct controller *c, enum channel ch)
{
	uint64_t n = c->channel[ch].wires, limit = c->config.client_tasks;

	return limit > n ? limit - n : 0;
}

void channel_more(struct controller *c, enum channel ch)
{
	static struct log_limit often;
	unsigned skipped;

	c->channel[ch].wires++;
	if (channel_room(c, ch) || c->channel[ch].full)
		return;
	c->channel[ch].full = true;
	c->count.clients_paused++;
	intake_again(c);
	if (log_allowed(&often, 3, 60 * USEC_PER_SEC, &skipped))
		log_info("clients have too many unfinished tasks; more are "
			 "taken in when some have ended",
			 log_int("tasks", (int64_t)c->channel[ch].wires),
			 log_int("not_logged", skipped));
}

void channel_less(struct controller *c, enum channel ch)
{
	c->channel[ch].wires--;
	/* Not one by one. */
	if (!c->channel[ch].full ||
	    channel_room(c, ch) <= c->config.client_tasks / 8)
		return;
	c->channel[ch].full = false;
	intake_again(c);
}

bool channel_is_full(const struct controller *c, enum socket s)
{
	int ch;

	for (ch = 0; ch < CHANNELS; ch++)
		if (relay_in((enum channel)ch) == s)
			return c->channel[ch].full;
	return false;
}
