#include "vars_queue.h"
#include "engine.h"
#include "vars_request.h"
#include "wire/messages.h"

/* Requests that wait; one more is not answered. */
#define LIMIT_QUEUE 256

struct waiting {
	struct list link;
	struct msg m;
};

static void handle(struct engine *e, struct msg *m)
{
	if (strcmp(m->type, MSG_PUSH_REQUEST) == 0)
		push_request(e, m);
	else if (strcmp(m->type, MSG_PULL_REQUEST) == 0)
		pull_request(e, m);
	else
		vars_request(e, m);
}

void vars_queue_add(struct engine *e, enum channel c, struct msg *m)
{
	struct waiting *w;

	if (list_empty(&e->vars_queue.all) && link_can_send(&e->link, c)) {
		handle(e, m);
		return;
	}
	if (e->vars_queue.n >= LIMIT_QUEUE) {
		log_warning("too many requests for variables wait: one is not "
			    "answered");
		return;
	}
	w = zalloc(sizeof(*w));
	w->m = *m;
	*m = (struct msg){0};
	list_add_tail(&e->vars_queue.all, &w->link);
	e->vars_queue.n++;
	link_want(&e->link, c);
}

static void waiting_free(struct engine *e, struct waiting *w)
{
	list_del(&w->link);
	e->vars_queue.n--;
	msg_done(&w->m);
	free(w);
}

void vars_queue_go_on(struct engine *e)
{
	while (!list_empty(&e->vars_queue.all)) {
		struct waiting *w =
			list_first(&e->vars_queue.all, struct waiting, link);

		if (!link_can_send(&e->link, CHANNEL_CONTROL)) {
			link_want(&e->link, CHANNEL_CONTROL);
			return;
		}
		handle(e, &w->m);
		waiting_free(e, w);
	}
}

void vars_queue_init(struct engine *e)
{
	e->vars_queue = (struct vars_queue){0};
	list_init(&e->vars_queue.all);
}

void vars_queue_done(struct engine *e)
{
	struct list *all = &e->vars_queue.all;

	while (!list_empty(all))
		waiting_free(e, list_first(all, struct waiting, link));
}
