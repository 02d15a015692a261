#include "heart.h"
#include "engine.h"

/* Between two beats of a controller that does not say it. */
#define STANDARD_MSEC 3000
/* Our own engines: so many looks without a beat, and the controller is lost. */
#define LOST_MISSES 3
/* By lines only every third beat comes, between which there may be three looks. After
 * more it asks for a beat: who it asks may not know it any more. */
#define ASK_MISSES 4
#define LOST_BY_LINE 6
/* By then the controller, if it is there, has given the engine up: it may have new
 * connections. */
#define DEAF_MISSES 11
/* The rule of a stock engine: so many looks, period + 500 ms apart. */
#define STOCK_MISSES 50
#define LATE_USEC (500 * USEC_PER_MSEC)
/* A stock controller gives an engine up that does not answer so many beats. */
#define STOCK_PATIENCE 10
/* A controller stores what it is told within this, or it did not hear it. */
#define STORE_USEC (15 * USEC_PER_SEC)
#define LIMIT_PERIOD (24 * 3600 * USEC_PER_SEC)

static void note_beat(struct heart *h)
{
	h->heard = mono_usec();
	h->missed = 0;
	h->lost = false;
}

/* A ping of one of our controllers is "<instance>:<number>". */
static bool is_instance(const struct member *m, struct bytes ping)
{
	const char *colon = ping.n ? memchr(ping.p, ':', ping.n) : NULL;

	if (!colon)
		return true;
	return bytes_is(bytes_of(ping.p, (size_t)(colon - (char *)ping.p)),
			m->instance);
}

/*
 * The engine stood still (SIGSTOP), and the controller may have given it up: one
 * of ours takes it again. A stock controller does not, and no client hears of the
 * engine any more.
 */
static void stood_still(struct engine *e)
{
	if (e->member.extended) {
		log_warning("the engine stood still; registering again");
		member_register_again(e);
	} else {
		log_error("the engine stood still until the controller gave it "
			  "up");
		leave_begin(e, EXIT_LOST);
	}
}

static unsigned lost_misses(const struct engine *e)
{
	return e->link.lines ? LOST_BY_LINE : LOST_MISSES;
}

static bool was_still(const struct engine *e, uint64_t silence)
{
	uint64_t period = e->heart.period;

	return silence > (e->member.extended
				  ? lost_misses(e) * period
				  : STOCK_PATIENCE * (period - LATE_USEC));
}

void heart_beat(struct engine *e, struct bytes ping)
{
	const struct member *m = &e->member;
	struct heart *h = &e->heart;
	uint64_t silence = mono_usec() - h->heard;
	bool was_lost = h->lost;

	note_beat(h);
	if (was_lost)
		log_info("the controller is back");
	if (!member_is_in(m) || e->leave.on)
		return;
	if (m->extended && (was_lost || !is_instance(m, ping)))
		member_register_again(e);
	else if (was_still(e, silence))
		stood_still(e);
}

static void connect_again(struct engine *e)
{
	if (!link_connect_again(&e->link))
		return;
	log_info("the connections to the controller are made anew");
	member_connected_again(e);
}

static void look_for_lost(struct engine *e)
{
	bool in = member_is_in(&e->member);
	uint64_t orphan = e->config->orphan_timeout;
	struct heart *h = &e->heart;

	if (!h->lost && h->missed >= lost_misses(e)) {
		h->lost = true;
		log_warning("no heartbeat from the controller; waiting for it "
			    "to come back");
	}
	if (orphan && mono_usec() - h->heard >= orphan) {
		log_error("the controller did not come back");
		leave_begin(e, EXIT_LOST);
	} else if (h->lost && in && link_file_changed(&e->link)) {
		member_start_over(e);
	} else if (h->lost && h->missed % DEAF_MISSES == 0) {
		connect_again(e);
	} else if (!h->lost && in && tasks_unstored(&e->tasks) > STORE_USEC) {
		log_warning("the controller did not store a result; telling "
			    "it again");
		member_register_again(e);
	} else if (in && h->missed >= ASK_MISSES) {
		link_ask_beat(&e->link);
	}
}

static void look_due(struct timer *t)
{
	struct engine *e = container_of(t, struct engine, heart.look);
	struct heart *h = &e->heart;

	h->missed++;
	timer_set(e->loop, &h->look, h->period);
	if (e->member.extended) {
		look_for_lost(e);
	} else if (h->missed >= STOCK_MISSES) {
		log_error("no heartbeat from the controller");
		leave_begin(e, EXIT_LOST);
	}
}

void heart_start(struct engine *e, struct json_object *registered)
{
	int64_t ms = json_int_or(registered, "hb_period", STANDARD_MSEC);
	struct heart *h = &e->heart;

	if (ms < 1 || (uint64_t)ms > LIMIT_PERIOD / USEC_PER_MSEC)
		ms = STANDARD_MSEC;
	h->period = (uint64_t)ms * USEC_PER_MSEC + LATE_USEC;
	h->look.fire = look_due;
	note_beat(h);
	timer_set(e->loop, &h->look, h->period);
}

void heart_stop(struct engine *e)
{
	timer_cancel(&e->heart.look);
}
