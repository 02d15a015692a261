#include "pool_deeds.h"
#include "mirror/mirror.h"
#include "park/reply.h"
#include "pool_ask.h"
#include "pools.h"
#include "tree/tree.h"
#include "wire/pool_option.h"

struct pool_deed {
	struct pool_ask a;
	struct parked *parked;	/* NULL: nobody waits any more */
	struct obj o;		/* its node and numbers alone are used */
	/* Answers that it is done. */
	void (*answer)(fuse_req_t req, const struct pool_deed *d);
	char name[LIMIT_POOL_NAME + 1];
};

static void done(struct pool_ask *a, int err)
{
	struct pool_deed *d = container_of(a, struct pool_deed, a);

	if (d->parked && err)
		reply_err(park_take(d->parked), err);
	else if (d->parked)
		d->answer(park_take(d->parked), d);
	free(d);
}

/* The kernel tells nobody of what nobody waited for. */
static void interrupted(struct parked *p)
{
	struct pool_deed *d = p->owner;

	d->parked = NULL;
	list_del(&d->a.own.link);
}

/* Takes value over. */
static void ask(fuse_req_t req, const struct obj *o, const char *what,
		struct bytes name, struct json_object *value,
		void (*answer)(fuse_req_t req, const struct pool_deed *d))
{
	struct pool_deed *d = zalloc(sizeof(*d));
	int err;

	d->a.fs = o->fs;
	d->a.what = what;
	d->a.done = done;
	d->o = *o;
	d->answer = answer;
	snprintf(d->name, sizeof(d->name), "%.*s", (int)name.n,
		 (const char *)name.p);
	(void)!process_of_thread(o->by.tid, &d->a.who);
	err = pool_ask(&d->a, name, value, o->by.uid, true);
	if (err) {
		free(d);
		reply_err(req, err);
		return;
	}
	d->parked = park(o->fs->park, req, PARKED_OTHER);
	if (!d->parked) {
		list_del(&d->a.own.link);
		return;
	}
	d->parked->owner = d;
	d->parked->interrupted = interrupted;
}

/* --- mkdir, rmdir ------------------------------------------------------- */

static void answer_made(fuse_req_t req, const struct pool_deed *d)
{
	struct fuse_entry_param e;
	struct obj o = d->o;

	o.pool = pool_find(o.fs->mirror, bytes_str(d->name));
	if (!o.pool) {
		reply_err(req, -ENOENT);
		return;
	}
	o.id = o.pool->id;
	tree_entry(&o, &e);
	reply_entry(req, &e);
}

static void make(fuse_req_t req, const struct obj *o, struct bytes name)
{
	int err = pool_ask_possible(o->fs, o->by.tid);

	if (!err && !pool_name_ok(name))
		err = callers_refuse_name(o->fs->callers, o->by.tid, name,
					  "no name of a pool" POOL_NAME_RULE);
	if (!err && pool_find(o->fs->mirror, name))
		err = -EEXIST;
	if (err)
		reply_err(req, err);
	else
		ask(req, o, "make", name, json_object_new_boolean(true),
		    answer_made);
}

static void answer_gone(fuse_req_t req, const struct pool_deed *d)
{
	(void)d;
	reply_err(req, 0);
}

static void remove_pool(fuse_req_t req, const struct obj *o)
{
	int err = pool_ask_possible(o->fs, o->by.tid);

	if (err)
		reply_err(req, err);
	else
		ask(req, o, "remove", bytes_of(o->pool->name, o->pool->n),
		    json_object_new_boolean(true), answer_gone);
}

/* --- attributes --------------------------------------------------------- */

static void answer_emptied(fuse_req_t req, const struct pool_deed *d)
{
	struct obj o;

	if (tree_obj(d->o.fs, tree_ino(&d->o), NULL, &o))
		reply_err(req, -ENOENT);
	else
		tree_answer_attr(req, &o);
}

/* An option that is emptied is the standard again. */
static void empty(fuse_req_t req, const struct obj *o)
{
	struct json_object *value = json_object_new_object();
	int err = pool_ask_possible(o->fs, o->by.tid);

	json_add_str(value, pool_options[o->sub].name, "");
	if (!err) {
		ask(req, o, "set", bytes_of(o->pool->name, o->pool->n), value,
		    answer_emptied);
		return;
	}
	json_object_put(value);
	reply_err(req, err);
}

static void option_setattr(fuse_req_t req, const struct obj *o,
			   const struct stat *attr, int to_set, struct file *f)
{
	struct stat st;

	tree_attr(o, &st);
	if (!(to_set & FUSE_SET_ATTR_SIZE) || attr->st_size == st.st_size)
		tree_keep_attr(req, o, attr, to_set, f);
	else if (tree_changes_owner(o, attr, to_set))
		reply_err(req, -EPERM);
	else if (attr->st_size)
		reply_err(req, -EINVAL);
	else
		empty(req, o);
}

static void no_removal(fuse_req_t req, const struct obj *o)
{
	reply_err(req, callers_refuse(o->fs->callers, o->by.tid, -EPERM,
				      "an option of a pool stays; an empty one "
				      "is the standard; rmdir removes a pool"));
}

const struct deeds pool_deeds = {
	.make = make,
	.remove = remove_pool,
	.setattr = tree_keep_attr,
};

const struct deeds pool_option_deeds = {
	.remove = no_removal,
	.setattr = option_setattr,
};
