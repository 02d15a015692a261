#include "base/base.h"
#include "heart.h"

#include "away.h"
#include "base/log.h"
#include "engine_parts.h"
#include "net/line.h"
#include "net/sockets.h"
#include "presence.h"
#include "removed.h"

/* As ipyparallel has it: an engine is dead at the 11th beat in a row that it does
 * not answer. */
#define MISSES 10
/* One with lines that has answered is asked at every third beat only, and asks itself
 * when it hears none (link_ask_beat() there). */
#define QUIET 3
/* An engine has so much time to begin to answer. */
#define JOINING (30 * USEC_PER_SEC)
/* A new engine is asked at once, and again after this (doubling), whether its
 * heart is connected: nobody has to wait for the next beat. */
#define PROBE (10 * USEC_PER_MSEC)
#define PROBES 10

struct heart {
	struct controller *c;
	struct timer beat_timer, probe_timer;
	uint64_t beat;		/* how many beats there were */
	unsigned probes;
};

#define BEAT_SIZE 96

static struct bytes beat_text(const struct controller *c, char text[BEAT_SIZE])
{
	snprintf(text, BEAT_SIZE, "%s:%llu", c->instance,
		 (unsigned long long)c->heart->beat);
	return bytes_str(text);
}

/* All that listen hear it, whoever it is meant for. */
static void publish(struct controller *c, struct bytes text)
{
	loop_socket_used(sock_of(c, S_HB_PING));
	(void)!zmq_send(sock_of(c, S_HB_PING), text.p, text.n, ZMQ_DONTWAIT);
}

static bool is_quiet(const struct engine *e)
{
	return e->by_line && e->state == ENGINE_LIVE && !e->missed &&
	       (e->c->heart->beat + (uint64_t)e->id) % QUIET;
}

/*
 * Pings all engines, or only those that are not there yet; false: there was none. One
 * of ours that has not come back since a restart of this controller has not said yet
 * whether it has lines.
 */
static bool ping(struct controller *c, bool all)
{
	bool any = false, published = false;
	char room[BEAT_SIZE];
	struct bytes text = beat_text(c, room);
	struct list *l;

	list_for_each(l, &c->engines->order) {
		struct engine *e = list_entry(l, struct engine, order);

		if (all ? is_quiet(e) : e->state == ENGINE_LIVE)
			continue;
		any = e->pinged = true;
		if (e->taskfs)
			line_ping(c, engine_ident(e), text);
		published |= !e->by_line;
	}
	/* Who is not known any more may listen, too. */
	if (all || published)
		publish(c, text);
	return any;
}

void heart_on_question(struct controller *c, const struct msg *m)
{
	char text[BEAT_SIZE];

	line_ping(c, msg_frame(m, 0), beat_text(c, text));
}

static void probe(struct timer *t)
{
	struct controller *c = container_of(t, struct heart, probe_timer)->c;

	if (ping(c, false) && c->heart->probes < PROBES)
		timer_set(c->loop, &c->heart->probe_timer, PROBE << c->heart->probes++);
}

void heart_probe(struct controller *c)
{
	c->heart->probes = 0;
	timer_set(c->loop, &c->heart->probe_timer, PROBE);
}

/* --- beats ---------------------------------------------------------------- */

void heart_on_pong(struct controller *c, struct msg *m)
{
	struct engine *e = engine_by_uuid(c, msg_frame(m, 0));
	size_t n = strlen(c->instance);

	/* A pong of another instance is an answer to a ping of the past. */
	if (m->frames != 2 || msg_frame(m, 1).n < n ||
	    memcmp(msg_frame(m, 1).p, c->instance, n) != 0)
		return;
	if (!e) {
		if (removed_has(c, msg_frame(m, 0)))
			removed_ask(c, msg_frame(m, 0), m->by_line);
		return;
	}
	e->answered = true;
	e->heard = now_usec();
	e->pong = mono_usec();
	/* The engine has to say what it runs. After a restart of the controller the
	 * engine does so by itself. */
	if (e->state == ENGINE_LOST && e->kind->returns) {
		if (e->given_up)
			removed_ask(c, engine_ident(e), m->by_line);
		return;
	}
	if (e->missed) {
		e->missed = 0;
		engine_turned(e);
	}
	if (e->state != ENGINE_LIVE)
		engine_joined(e);
}

uint64_t heart_limit(const struct controller *c)
{
	return (MISSES + 1 + QUIET) * c->config.ping;
}

static bool is_new(const struct engine *e)
{
	return e->state == ENGINE_JOINING || e->state == ENGINE_BACK;
}

static void count_beat(struct engine *e)
{
	if (e->by_line && !e->pinged)
		return;
	e->pinged = false;
	/* A Python engine takes its time between the registration and the first
	 * beat. */
	if (is_new(e) && !e->answered && mono_usec() - e->joining < JOINING)
		return;
	if (e->state == ENGINE_LOST && e->given_up) {
		away_beat(e);
		return;
	}
	if (e->answered && !(e->state == ENGINE_LOST && e->kind->returns)) {
		e->answered = false;
		engine_changed(e);
		return;
	}
	e->missed++;
	if (e->missed == 2)
		engine_turned(e);
	if (e->missed > MISSES)
		engine_lose(e, "its heart stopped");
}

static void beat(struct timer *t)
{
	struct controller *c = container_of(t, struct heart, beat_timer)->c;
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &c->engines->order)
		count_beat(list_entry(l, struct engine, order));
	c->heart->beat++;
	(void)ping(c, true);
	timer_set(c->loop, t, c->config.ping);
}

void heart_init(struct controller *c)
{
	c->heart = zalloc(sizeof(*c->heart));
	c->heart->c = c;
	c->heart->beat_timer.fire = beat;
	c->heart->probe_timer.fire = probe;
	/* The upstream controller listens to the hearts of its engines. */
	if (c->config.upstream)
		return;
	timer_set(c->loop, &c->heart->beat_timer, c->config.ping);
	/* Engines from before a restart see soon that the controller is a new one. */
	timer_set(c->loop, &c->heart->probe_timer, PROBE);
}

void heart_done(struct controller *c)
{
	timer_cancel(&c->heart->beat_timer);
	timer_cancel(&c->heart->probe_timer);
	free(c->heart);
	c->heart = NULL;
}
