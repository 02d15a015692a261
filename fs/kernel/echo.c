#include "echo.h"
#include "open/await.h"
#include "park/reply.h"
#include "tree/tree.h"

static bool is_echo(const struct fs *fs, fuse_req_t req)
{
	pid_t tid = atomic_load(&fs->echo->tid);

	return tid && fuse_req_ctx(req)->pid == tid;
}

/*
 * The kernel that checks permissions lets nobody but root write to a file of
 * mode 0444. So the owner may, in the answers to the notifier, which are good
 * for the moment only.
 */
static mode_t permitted(const struct fs *fs, const struct obj *o)
{
	return atomic_load(&fs->echo->refused) && S_ISREG(o->node->mode)
		       ? 0200
		       : 0;
}

static void set_entry(const struct fs *fs, struct obj *o,
		      struct fuse_entry_param *e)
{
	bool known = await_is_known(o);

	tree_entry(o, e);
	e->attr.st_mode |= permitted(fs, o);
	/* The notifier does not wait for texts; nobody may keep that size. */
	if (permitted(fs, o) || !known)
		e->attr_timeout = 0;
}

/* The entry that the notifier is about to make, if it is there by now. */
static int hidden(struct fs *fs, struct fuse_entry_param *e)
{
	struct obj o;
	int err = tree_obj(fs, atomic_load(&fs->echo->hidden), NULL, &o);

	if (!err)
		tree_entry(&o, e);
	return err;
}

/* An entry that is gone, as the kernel still knows it; good for the moment only. */
static int gone(uint64_t ino, uint64_t generation, struct fuse_entry_param *e)
{
	const struct node *n = tree_number_row(ino);

	if (!n)
		return -ENOENT;
	*e = (struct fuse_entry_param){
		.ino = ino,
		.generation = generation,
		.attr = {
			.st_ino = ino,
			.st_mode = n->mode,
			.st_nlink = 1,
			.st_uid = getuid(),
			.st_gid = getgid(),
		},
	};
	return 0;
}

static void answer_entry(fuse_req_t req, int err,
			 const struct fuse_entry_param *e)
{
	if (err)
		reply_err(req, err);
	else
		reply_entry(req, e);
}

bool echo_lookup(struct fs *fs, fuse_req_t req, fuse_ino_t parent,
		 const char *name)
{
	struct asker by = asker_of(req);
	struct fuse_entry_param e;
	struct obj dir, o;
	int err;

	if (!is_echo(fs, req))
		return false;
	err = tree_obj(fs, parent, &by, &dir);
	if (!err)
		err = tree_lookup(&dir, bytes_str(name), &o);
	if (err)
		err = gone(atomic_load(&fs->echo->ghost),
			   atomic_load(&fs->echo->ghost_generation), &e);
	else if (tree_ino(&o) == atomic_load(&fs->echo->hidden))
		err = -ENOENT;
	else
		set_entry(fs, &o, &e);
	answer_entry(req, err, &e);
	return true;
}

static void answer_attr(struct fs *fs, fuse_req_t req, fuse_ino_t ino)
{
	struct asker by = asker_of(req);
	struct stat st;
	struct obj o;
	bool known;
	int err = tree_obj(fs, ino, &by, &o);

	if (err) {
		reply_err(req, err);
		return;
	}
	known = await_is_known(&o);
	tree_attr(&o, &st);
	st.st_mode |= permitted(fs, &o);
	reply_attr(req, &st,
		   permitted(fs, &o) || !known ? 0 : tree_attr_timeout(&o));
}

bool echo_getattr(struct fs *fs, fuse_req_t req, fuse_ino_t ino)
{
	if (!is_echo(fs, req))
		return false;
	if (ino == FUSE_ROOT_ID)
		atomic_store(&fs->echo->arrived, true);
	answer_attr(fs, req, ino);
	return true;
}

bool echo_setattr(struct fs *fs, fuse_req_t req, fuse_ino_t ino)
{
	if (!is_echo(fs, req))
		return false;
	answer_attr(fs, req, ino);
	return true;
}

bool echo_make(struct fs *fs, fuse_req_t req)
{
	uint64_t ino = atomic_load(&fs->echo->hidden);
	struct fuse_entry_param e;
	int err;

	if (!is_echo(fs, req))
		return false;
	err = hidden(fs, &e);
	/* The entry came and went: that it went is told, too, or was already. */
	if (err && !mirror_was_purged_quietly(fs->mirror,
					      tree_number_id(ino)))
		err = gone(ino, 0, &e);
	answer_entry(req, err, &e);
	return true;
}

static void set_open(struct fuse_file_info *fi)
{
	fi->fh = 0;
	fi->keep_cache = 1;
	fi->direct_io = 1;
	fi->noflush = 1;
}

bool echo_create(struct fs *fs, fuse_req_t req, struct fuse_file_info *fi)
{
	struct fuse_entry_param e;
	int err;

	if (!is_echo(fs, req))
		return false;
	set_open(fi);
	err = hidden(fs, &e);
	if (err)
		reply_err(req, err);
	else
		(void)!reply_create(req, &e, fi);
	return true;
}

bool echo_remove(struct fs *fs, fuse_req_t req)
{
	if (!is_echo(fs, req))
		return false;
	reply_err(req, 0);
	return true;
}

bool echo_open(struct fs *fs, fuse_req_t req, fuse_ino_t ino,
	       struct fuse_file_info *fi)
{
	struct obj o;
	int err;

	if (!is_echo(fs, req))
		return false;
	set_open(fi);
	err = tree_obj(fs, ino, NULL, &o);
	if (err)
		reply_err(req, err);
	else
		(void)!reply_open(req, fi);
	return true;
}

bool echo_close(fuse_req_t req, const struct fuse_file_info *fi)
{
	if (fi->fh)
		return false;
	reply_err(req, 0);
	return true;
}
