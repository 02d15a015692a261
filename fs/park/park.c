#include "park.h"
#include "reply.h"

static void run(struct work *work)
{
	struct park *pk = container_of(work, struct park, work);

	while (!list_empty(&pk->woken)) {
		struct waiter *w = list_first(&pk->woken, struct waiter, link);

		list_del(&w->link);
		pk->retry(w);
	}
}

void park_init(struct park *pk, struct loop *loop,
	       void (*retry)(struct waiter *w))
{
	*pk = (struct park){.loop = loop, .retry = retry, .work.run = run};
	list_init(&pk->all);
	list_init(&pk->files);
	list_init(&pk->woken);
}

/*
 * libfuse calls this while it handles the kernel's INTERRUPT, holding the
 * request's own lock; answering from here is allowed.
 */
static void interrupt(fuse_req_t req, void *arg)
{
	struct parked *p = arg;
	size_t taken = p->size;
	bool write = p->kind == PARKED_WRITE;

	assert(p->req == req);
	if (p->interrupted)
		p->interrupted(p);
	/* Bytes that were taken must not be written again. */
	if (write)
		reply_write(park_take(p), taken);
	else
		reply_err(park_take(p), -EINTR);
}

struct parked *park(struct park *pk, struct fuse_req *req,
		    enum parked_kind kind)
{
	struct parked *p;

	/* The function would be called at once, with a lock held. */
	if (fuse_req_interrupted(req)) {
		reply_err(req, -EINTR);
		return NULL;
	}
	p = zalloc(sizeof(*p));
	p->park = pk;
	p->req = req;
	p->kind = kind;
	list_init(&p->link);
	list_add_tail(&pk->all, &p->all);
	pk->count++;
	fuse_req_interrupt_func(req, interrupt, p);
	return p;
}

struct fuse_req *park_take(struct parked *p)
{
	struct fuse_req *req = p->req;

	list_del(&p->link);
	list_del(&p->all);
	p->park->count--;
	free(p);
	return req;
}

void park_done(struct park *pk, int err)
{
	while (!list_empty(&pk->all)) {
		struct parked *p = list_first(&pk->all, struct parked, all);

		if (p->interrupted)
			p->interrupted(p);
		reply_err(park_take(p), err);
	}
	work_cancel(&pk->work);
}

void waitq_init(struct waitq *q)
{
	list_init(&q->waiters);
}

void waitq_add(struct waitq *q, struct waiter *w)
{
	list_del(&w->link);
	list_add_tail(&q->waiters, &w->link);
}

void park_wake(struct park *pk, struct waiter *w)
{
	list_del(&w->link);
	list_add_tail(&pk->woken, &w->link);
	loop_defer(pk->loop, &pk->work);
}

void waitq_wake(struct park *pk, struct waitq *q)
{
	while (!list_empty(&q->waiters))
		park_wake(pk, list_first(&q->waiters, struct waiter, link));
}
