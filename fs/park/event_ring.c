#include "event_ring.h"

void event_ring_init(struct event_ring *ev, struct park *park)
{
	*ev = (struct event_ring){.park = park};
	ev->first = ev->next = (uint64_t)now_usec() / 100;
	ev->ring = xreallocarray(NULL, EVENTS_KEPT, sizeof(*ev->ring));
	waitq_init(&ev->waitq);
}

void event_ring_done(struct event_ring *ev)
{
	free(ev->ring);
	*ev = (struct event_ring){0};
}

void event_ring_add(struct event_ring *ev, enum event_of of, uint64_t id,
		    const char *word)
{
	struct event *e = &ev->ring[ev->next++ % EVENTS_KEPT];

	e->of = of;
	e->id = id;
	snprintf(e->word, sizeof(e->word), "%s", word);
	e->name[0] = '\0';
	waitq_wake(ev->park, &ev->waitq);
}

/* The end of a launch's name says which it is, the beginning whose. */
static void put_name(struct event *e, const char *name)
{
	static const size_t end = EVENT_NAME - 12;
	size_t n = strlen(name);

	if (n <= EVENT_NAME)
		snprintf(e->name, sizeof(e->name), "%s", name);
	else
		snprintf(e->name, sizeof(e->name), "%.10s..%s", name,
			 name + n - end);
}

void event_ring_add_named(struct event_ring *ev, enum event_of of,
			  const char *name, const char *word)
{
	uint64_t n = ev->next;

	event_ring_add(ev, of, 0, word);
	put_name(&ev->ring[n % EVENTS_KEPT], name);
}

uint64_t event_ring_oldest(const struct event_ring *ev)
{
	return ev->next - min_u64(ev->next - ev->first, EVENTS_KEPT);
}

const struct event *event_ring_get(const struct event_ring *ev, uint64_t n)
{
	return &ev->ring[n % EVENTS_KEPT];
}
