#include "entries.h"

#include "open/control.h"
#include "park/caller.h"
#include "park/reply.h"
#include "tree/tree.h"

int entry_of(struct fs *fs, fuse_req_t req, fuse_ino_t ino, struct obj *ret_o)
{
	struct asker by = asker_of(req);

	return tree_obj(fs, ino, &by, ret_o);
}

int entry_make(struct fs *fs, fuse_req_t req, fuse_ino_t parent,
	       const char *name, mode_t type, int flags, struct obj *ret_o)
{
	struct obj dir;
	int err = entry_of(fs, req, parent, &dir);

	return err ? err
		   : tree_make(&dir, bytes_str(name), type, flags, ret_o);
}

static void answer_entry(fuse_req_t req, const struct obj *o)
{
	struct fuse_entry_param e;

	tree_entry(o, &e);
	reply_entry(req, &e);
}

void entry_mkdir(struct fs *fs, fuse_req_t req, fuse_ino_t parent,
		 const char *name)
{
	const struct node *n = NULL;
	struct obj dir, o;
	int err = entry_of(fs, req, parent, &dir);

	if (!err)
		n = tree_made_by_deed(&dir);
	if (n) {
		dir.node = n;
		n->deeds->make(req, &dir, bytes_str(name));
		return;
	}
	if (!err)
		err = tree_make(&dir, bytes_str(name), S_IFDIR, 0, &o);
	if (err)
		reply_err(req, err);
	else
		answer_entry(req, &o);
}

static int no_removal(const struct obj *dir)
{
	return callers_refuse(dir->fs->callers, dir->by.tid, -EPERM,
			      "this cannot be removed; what can be removed are "
			      "whole results, unfinished tasks in tasks/, drafts, "
			      "pools (rmdir) and variables");
}

void entry_remove(struct fs *fs, fuse_req_t req, fuse_ino_t parent,
		  const char *name, bool is_dir)
{
	struct wish wish = {0};
	struct obj dir, o = {0};
	int err = entry_of(fs, req, parent, &dir);

	if (!err)
		err = tree_lookup(&dir, bytes_str(name), &o);
	if (!err && S_ISDIR(o.node->mode) != is_dir)
		err = is_dir ? -ENOTDIR : -EISDIR;
	if (!err && o.node->deeds) {
		o.node->deeds->remove(req, &o);
		return;
	}
	if (!err)
		err = o.node->remove ? o.node->remove(&o, &wish)
				     : no_removal(&dir);
	if (err)
		reply_err(req, err < 0 ? err : 0);
	else
		control_ask(fs, req, &o, &wish, 0);
}

void entry_rename(struct fs *fs, fuse_req_t req, fuse_ino_t parent,
		  const char *name, fuse_ino_t to, const char *to_name,
		  unsigned flags)
{
	struct obj dir, o;
	int err = entry_of(fs, req, parent, &dir);

	if (!err)
		err = tree_lookup(&dir, bytes_str(name), &o);
	if (!err && (!o.node->deeds || !o.node->deeds->rename))
		reply_err(req, callers_refuse(
				       fs->callers, dir.by.tid, -EPERM,
				       "only variables can get another name"));
	else if (err || parent != to)
		reply_err(req, err ? err : -EXDEV);
	else
		o.node->deeds->rename(req, &o, &dir, bytes_str(to_name), flags);
}
