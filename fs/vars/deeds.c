#include "deeds.h"
#include "ask.h"
#include "link/link.h"
#include "mirror/variables.h"
#include "open/file.h"
#include "park/reply.h"
#include "push.h"
#include "tree/tree.h"
#include "vars.h"
#include "wire/limits.h"
#include "wire/variable.h"

#include <linux/fs.h>

struct deed {
	struct request q;
	struct fs *fs;
	struct parked *parked;	/* NULL: nobody waits any more */
	struct var_name *name;
	bool renames;
	uint64_t ino;		/* setattr: whose attributes are answered; else 0 */
};

static void answer(struct deed *d, int err)
{
	fuse_req_t req = park_take(d->parked);
	struct obj o;

	if (!err && d->ino)
		err = tree_obj(d->fs, d->ino, NULL, &o);
	/* mv(1) takes EINVAL for a mistake with directories. */
	if (err == -EINVAL && d->renames)
		err = -EPERM;
	if (err || !d->ino)
		reply_err(req, err);
	else
		tree_answer_attr(req, &o);
}

static void on_answer(struct request *q, int err, struct msg *reply)
{
	struct deed *d = container_of(q, struct deed, q);

	if (reply)
		vars_take_answer(d->fs, reply);
	if (err)
		vars_log("a variable cannot be changed", d->name, err, reply);
	if (d->parked)
		answer(d, err);
	var_name_put(d->fs->mirror, d->name);
	free(d);
}

static void interrupted(struct parked *p)
{
	struct deed *d = p->owner;

	d->parked = NULL;
}

/* Takes the content over. */
static void ask(fuse_req_t req, const struct obj *o, const char *type,
		struct json_object *content, bool shows)
{
	struct deed *d = zalloc(sizeof(*d));
	struct msg_out out = {.type = type, .content = content};
	int err;

	d->fs = o->fs;
	d->name = vars_name(o);
	d->ino = shows ? tree_ino(o) : 0;
	d->renames = json_get(content, "to") != NULL;
	d->q.done = on_answer;
	err = link_ask(o->fs->link, &d->q, &out, VARS_TIMEOUT);
	json_object_put(content);
	if (err) {
		free(d);
		reply_err(req, err);
		return;
	}
	d->name->users++;
	d->parked = park(o->fs->park, req, PARKED_OTHER);
	if (!d->parked)
		return;
	d->parked->owner = d;
	d->parked->interrupted = interrupted;
}

/* --- removing, renaming ------------------------------------------------- */

static void change(fuse_req_t req, const struct obj *o, const char *verb,
		   const char *to, bool exclusive)
{
	struct idlist owners = {0};
	int err = vars_owners(o, &owners);
	struct json_object *content;

	if (err) {
		reply_err(req, err);
	} else {
		content = vars_question(&owners, vars_name(o));
		json_add_bool(content, "now", true);
		json_add_str(content, "verb", verb);
		if (to)
			json_add_str(content, "to", to);
		if (exclusive)
			json_add_bool(content, "exclusive", true);
		ask(req, o, MSG_VARS_REQUEST, content, false);
	}
	idlist_done(&owners);
}

static void var_remove(fuse_req_t req, const struct obj *o)
{
	change(req, o, "remove", NULL, false);
}

static void var_rename(fuse_req_t req, const struct obj *o,
		       const struct obj *dir, struct bytes name,
		       unsigned flags)
{
	(void)dir;
	if (!variable_name_ok(name))
		reply_err(req, callers_refuse(o->fs->callers, o->by.tid, -EPERM,
					      "that is no name of a variable"));
	else if (flags & ~(unsigned)RENAME_NOREPLACE)
		reply_err(req, -EINVAL);
	else
		change(req, o, "rename", name.p,
		       (flags & RENAME_NOREPLACE) != 0);
}

/* --- sizes and times ---------------------------------------------------- */

static struct push_step step_of(const struct stat *attr, int to_set)
{
	struct push_step s = {.size = -1, .mtime = -1};

	if (to_set & FUSE_SET_ATTR_SIZE)
		s.size = attr->st_size;
	if (to_set & FUSE_SET_ATTR_MTIME)
		s.mtime = attr->st_mtim.tv_sec * 1000000LL +
			  attr->st_mtim.tv_nsec / 1000;
	if (to_set & FUSE_SET_ATTR_MTIME_NOW)
		s.mtime = now_usec();
	return s;
}

/* Changes a value that is there, when nobody is writing a new one. */
static struct json_object *whole_step(const struct obj *o,
				      const struct idlist *engines,
				      const struct push_step *s)
{
	struct json_object *content = vars_question(engines, vars_name(o));
	char upload[ID_SIZE];

	id_new(upload);
	json_add_str(content, "upload", upload);
	json_add_str(content, "begin",
		     s->size < 0 ? "append" : s->size ? "copy" : "empty");
	if (s->size >= 0)
		json_add_int(content, "size", s->size);
	if (s->mtime >= 0)
		json_add_int(content, "mtime", s->mtime);
	json_add_bool(content, "commit", true);
	json_add_bool(content, "now", true);
	return content;
}

/* The value somebody writes, by this descriptor or at all; or NULL. */
static struct push *find_push(const struct obj *o, const struct file *f)
{
	struct push *p = f ? f->private : NULL;

	return p && !p->append ? p : push_find(o->fs, tree_ino(o));
}

static void set(fuse_req_t req, const struct obj *o, const struct push_step *s,
		const struct file *f)
{
	struct push *p = find_push(o, f);
	struct idlist engines = {0};
	int err;

	if (p && p->patient) {
		push_send(p, s);
		tree_answer_attr(req, o);
		return;
	}
	if (p) {
		ask(req, o, MSG_PUSH_REQUEST, push_content(p, s), true);
		return;
	}
	err = vars_owners(o, &engines);
	if (err)
		reply_err(req, err);
	else
		ask(req, o, MSG_PUSH_REQUEST, whole_step(o, &engines, s),
		    true);
	idlist_done(&engines);
}

static void var_setattr(fuse_req_t req, const struct obj *o,
			const struct stat *attr, int to_set, struct file *f)
{
	struct push_step s = step_of(attr, to_set);

	if (tree_changes_owner(o, attr, to_set))
		reply_err(req, -EPERM);
	else if (s.size > (int64_t)LIMIT_VARIABLE)
		reply_err(req, -EFBIG);
	else if (s.mtime < -1 || s.mtime > LIMIT_TIME)
		reply_err(req, -EINVAL);
	else if (s.size < 0 && s.mtime < 0)
		tree_answer_attr(req, o);
	else
		set(req, o, &s, f);
}

/* A size or a time of what is scattered means nothing. */
static void scatter_setattr(fuse_req_t req, const struct obj *o,
			    const struct stat *attr, int to_set,
			    struct file *f)
{
	(void)f;
	if (tree_changes_owner(o, attr, to_set))
		reply_err(req, -EPERM);
	else
		tree_answer_attr(req, o);
}

const struct deeds scatter_deeds = {
	.remove = var_remove,
	.rename = var_rename,
	.setattr = scatter_setattr,
};

const struct deeds var_deeds = {
	.remove = var_remove,
	.rename = var_rename,
	.setattr = var_setattr,
};
