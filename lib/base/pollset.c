#include "base/pollset.h"

static void make_room(struct pollset *p)
{
	if (p->n + 1 < p->room)
		return;
	p->room = p->room ? p->room * 2 : 8;
	p->item = xreallocarray(p->item, p->room, sizeof(*p->item));
	p->watch = xreallocarray(p->watch, p->room, sizeof(*p->watch));
}

void pollset_add(struct pollset *p, struct watch *w, short events)
{
	make_room(p);
	w->slot = p->n;
	p->watch[p->n] = w;
	p->item[p->n++] = (struct pollfd){.fd = w->fd, .events = events};
}

void pollset_remove(struct pollset *p, struct watch *w)
{
	p->watch[w->slot] = NULL;
	p->item[w->slot] = (struct pollfd){.fd = -1};
	p->holes = true;
}

void pollset_want(struct pollset *p, const struct watch *w, short events)
{
	p->item[w->slot].events = events;
}

size_t pollset_size(const struct pollset *p)
{
	return p->n;
}

static void close_holes(struct pollset *p)
{
	size_t from, to = 0;

	for (from = 0; p->holes && from < p->n; from++) {
		if (!p->watch[from])
			continue;
		p->watch[to] = p->watch[from];
		p->item[to] = p->item[from];
		p->watch[to]->slot = to;
		to++;
	}
	if (p->holes)
		p->n = to;
	p->holes = false;
}

int pollset_wait(struct pollset *p, int other, int timeout)
{
	close_holes(p);
	make_room(p);
	p->item[p->n] = (struct pollfd){.fd = other, .events = POLLIN};
	return poll(p->item, p->n + 1, timeout);
}

struct watch *pollset_take(struct pollset *p, size_t i, short *ret_events)
{
	short got = p->item[i].revents;

	p->item[i].revents = 0;
	*ret_events = got;
	return got ? p->watch[i] : NULL;
}

void pollset_done(struct pollset *p)
{
	free(p->item);
	free(p->watch);
}
