#include "await.h"
#include "mirror/group.h"
#include "park/reply.h"
#include "tree/tree.h"

struct waiting {
	struct list link;
	struct fs *fs;
	struct parked *parked;
	const struct await_op *op;
	uint64_t ino;
	char *name;
	struct asker by;
	uint64_t since, due;	/* mono_usec() */
};

/* --- what is needed ----------------------------------------------------- */

/* Of one task of many it must be known what it is, whatever the row says. */
static int await(struct obj *o, bool ask)
{
	struct group *g = o->result ? o->result->group : NULL;
	int err = 0;

	if (g && obj_index(o) >= 0)
		err = load_tasks(o->fs->load, g, ask);
	return err || !o->node->await ? err : o->node->await(o, ask);
}

int await_known(struct obj *o)
{
	return await(o, true);
}

bool await_is_known(struct obj *o)
{
	return await(o, false) == 0;
}

/* --- waiting for it ----------------------------------------------------- */

static void waiting_free(struct waiting *w)
{
	list_del(&w->link);
	free(w->name);
	free(w);
}

static void interrupted(struct parked *p)
{
	waiting_free(p->owner);
}

/* Asks engines what is in this directory, or about the entry itself, if the row
   says so. */
static int refresh(struct fs *fs, const struct waiting *w)
{
	struct obj o;

	if (tree_obj(fs, w->ino, &w->by, &o) < 0 ||
	    !o.node->refresh ||
	    (S_ISDIR(o.node->mode) && !w->op->lists &&
	     (!w->name || o.node->flags & NODE_LISTING)))
		return 0;
	return o.node->refresh(&o, w->since);
}

static int find(struct fs *fs, const struct waiting *w, struct obj *ret_o)
{
	int err = refresh(fs, w);

	if (!err)
		err = w->op->find(fs, w->ino, w->name, &w->by, ret_o);
	return err ? err : await_known(ret_o);
}

static void answer(fuse_req_t req, const struct await_op *op, int err,
		   const struct obj *o)
{
	if (err)
		reply_err(req, err);
	else
		op->reply(req, o);
}

static void try_again(struct waiting *w)
{
	uint64_t heard = max_u64(w->fs->load->block_at, w->fs->awaits->heard);
	bool late = mono_usec() >= max_u64(w->due, heard + AWAIT_PATIENCE);
	struct obj o;
	int err;

	if (late)
		w->since = 0; /* what is known is good enough */
	err = find(w->fs, w, &o);
	if (err == -EINPROGRESS && !late)
		return;
	answer(park_take(w->parked), w->op,
	       err == -EINPROGRESS ? -EHOSTDOWN : err, &o);
	waiting_free(w);
}

static void run(struct work *work)
{
	struct awaits *ws = container_of(work, struct awaits, work);
	struct list *l, *tmp;

	list_for_each_safe (l, tmp, &ws->waiting)
		try_again(list_entry(l, struct waiting, link));
}

static void late(struct timer *t)
{
	struct awaits *ws = container_of(t, struct awaits, timer);
	struct waiting *w;

	run(&ws->work);
	if (list_empty(&ws->waiting))
		return;
	w = list_first(&ws->waiting, struct waiting, link);
	timer_set(w->fs->loop, t, AWAIT_PATIENCE / 4);
}

void await_answer(struct fs *fs, fuse_req_t req, const struct await_op *op,
		  uint64_t ino, const char *name)
{
	uint64_t now = mono_usec();
	struct waiting it = {
		.fs = fs,
		.op = op,
		.ino = ino,
		.name = (char *)(uintptr_t)name,
		.by = asker_of(req),
		.since = now,
		.due = now + AWAIT_PATIENCE,
	}, *w;
	struct parked *p;
	struct obj o;
	int err = find(fs, &it, &o);

	if (err != -EINPROGRESS) {
		answer(req, op, err, &o);
		return;
	}
	p = park(fs->park, req, PARKED_OTHER);
	if (!p)
		return;
	w = zalloc(sizeof(*w));
	*w = it;
	w->parked = p;
	w->name = name ? xstrdup(name) : NULL;
	p->owner = w;
	p->interrupted = interrupted;
	list_add_tail(&fs->awaits->waiting, &w->link);
	if (!timer_is_set(&fs->awaits->timer))
		timer_set(fs->loop, &fs->awaits->timer, AWAIT_PATIENCE);
}

void await_again(struct fs *fs)
{
	if (!list_empty(&fs->awaits->waiting))
		loop_defer(fs->loop, &fs->awaits->work);
}

static void arrived(void *fs)
{
	await_again(fs);
}

void awaits_init(struct fs *fs)
{
	list_init(&fs->awaits->waiting);
	fs->awaits->timer.fire = late;
	fs->awaits->work.run = run;
	fs->load->arrived = arrived;
	fs->load->arrived_arg = fs;
}

void awaits_done(struct fs *fs)
{
	timer_cancel(&fs->awaits->timer);
	work_cancel(&fs->awaits->work);
}
