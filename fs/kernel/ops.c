#include "ops.h"
#include "base/log.h"
#include "echo.h"
#include "entries.h"
#include "open/await.h"
#include "open/file.h"
#include "park/reply.h"
#include "readdir.h"
#include "tree/tree.h"

#include <fcntl.h>

/*
 * Every handler begins with take() and ends with check(): whatever happened
 * in between, each request has one answer or is parked.
 */
static uint64_t taken;

static struct fs *take(fuse_req_t req, const char *what, fuse_ino_t ino,
		       const char *name)
{
	taken++;
	if (log_enabled(LOG_DEBUG))
		log_debug("kernel", log_str("op", what),
			  log_int("ino", (int64_t)ino), log_str("name", name),
			  log_int("caller", fuse_req_ctx(req)->pid));
	return fuse_req_userdata(req);
}

static void check(const struct fs *fs)
{
	assert(reply_given() + fs->park->count == taken);
}

static struct file *file_of(const struct fuse_file_info *fi)
{
	return (struct file *)(uintptr_t)fi->fh;
}

/* --- names and attributes ----------------------------------------------- */

static int find_name(struct fs *fs, uint64_t parent, const char *name,
		     const struct asker *by, struct obj *ret_o)
{
	struct obj dir;
	int err = tree_obj(fs, parent, by, &dir);

	return err ? err : tree_lookup(&dir, bytes_str(name), ret_o);
}

static void answer_entry(fuse_req_t req, const struct obj *o)
{
	struct fuse_entry_param e;

	tree_entry(o, &e);
	reply_entry(req, &e);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	static const struct await_op op = {find_name, answer_entry, false};
	struct fs *fs = take(req, "lookup", parent, name);

	if (!echo_lookup(fs, req, parent, name))
		await_answer(fs, req, &op, parent, name);
	check(fs);
}

static int find_ino(struct fs *fs, uint64_t ino, const char *name,
		    const struct asker *by, struct obj *ret_o)
{
	(void)name;
	return tree_obj(fs, ino, by, ret_o);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino,
		       struct fuse_file_info *fi)
{
	static const struct await_op op = {find_ino, tree_answer_attr, false};
	struct fs *fs = take(req, "getattr", ino, "");

	/* The kernel names a file for SEEK_END only. */
	if (fi && fi->fh)
		file_on_end(file_of(fi));
	if (!echo_getattr(fs, req, ino))
		await_answer(fs, req, &op, ino, NULL);
	check(fs);
}

/*
 * To set the size of a file that takes commands does nothing; nor does setting a
 * time, of any file.
 */
static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr,
		       int to_set, struct fuse_file_info *fi)
{
	const int harmless = FUSE_SET_ATTR_SIZE | FUSE_SET_ATTR_ATIME |
			     FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_ATIME_NOW |
			     FUSE_SET_ATTR_MTIME_NOW | FUSE_SET_ATTR_CTIME;
	struct fs *fs = take(req, "setattr", ino, "");
	struct obj o;
	int err = entry_of(fs, req, ino, &o);

	if (echo_setattr(fs, req, ino)) {
		check(fs);
		return;
	}
	if (!err && o.node->deeds) {
		o.node->deeds->setattr(req, &o, attr, to_set,
				       fi ? file_of(fi) : NULL);
		check(fs);
		return;
	}
	if (!err && ((to_set & ~harmless) || !(o.node->mode & 0222) ||
		     S_ISDIR(o.node->mode)))
		err = -EPERM;
	if (!err && (to_set & FUSE_SET_ATTR_SIZE) && o.node->resize)
		err = o.node->resize(&o, (uint64_t)attr->st_size);
	if (err)
		reply_err(req, err);
	else
		tree_answer_attr(req, &o);
	check(fs);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct fs *fs = take(req, "readlink", ino, "");
	struct buf b = BUF_INIT;
	struct obj o;
	int err = entry_of(fs, req, ino, &o);

	if (!err && !o.node->target)
		err = -EINVAL;
	if (err) {
		reply_err(req, err);
	} else {
		o.node->target(&o, &b);
		reply_link(req, buf_str(&b));
	}
	buf_done(&b);
	check(fs);
}

/* --- removing ----------------------------------------------------------- */

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = take(req, "unlink", parent, name);

	if (echo_remove(fs, req)) {
		check(fs);
		return;
	}
	entry_remove(fs, req, parent, name, false);
	check(fs);
}

static void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = take(req, "rmdir", parent, name);

	if (echo_remove(fs, req)) {
		check(fs);
		return;
	}
	entry_remove(fs, req, parent, name, true);
	check(fs);
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
		      fuse_ino_t to, const char *to_name, unsigned flags)
{
	struct fs *fs = take(req, "rename", parent, name);

	entry_rename(fs, req, parent, name, to, to_name, flags);
	check(fs);
}

/* --- making ------------------------------------------------------------- */

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name,
		     mode_t mode)
{
	struct fs *fs = take(req, "mkdir", parent, name);

	(void)mode;
	if (!echo_make(fs, req))
		entry_mkdir(fs, req, parent, name);
	check(fs);
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name,
		      mode_t mode, struct fuse_file_info *fi)
{
	struct fs *fs = take(req, "create", parent, name);
	struct obj o;
	int err = entry_make(fs, req, parent, name, S_IFREG, fi->flags, &o);

	if (echo_create(fs, req, fi)) {
		check(fs);
		return;
	}
	(void)mode;
	if (err)
		reply_err(req, err);
	else
		file_on_create(fs, req, &o, fi);
	check(fs);
}

/* --- what cannot be made here ------------------------------------------- */

static void refuse(fuse_req_t req, const char *what, fuse_ino_t ino,
		   const char *name)
{
	struct fs *fs = take(req, what, ino, name);

	reply_err(req, -EPERM);
	check(fs);
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name,
		     mode_t mode, dev_t dev)
{
	(void)mode;
	(void)dev;
	refuse(req, "mknod", parent, name);
}

static void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent,
		       const char *name)
{
	struct fs *fs = take(req, "symlink", parent, name);

	(void)target;
	if (!echo_make(fs, req))
		reply_err(req, -EPERM);
	check(fs);
}

static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent,
		    const char *name)
{
	(void)parent;
	refuse(req, "link", ino, name);
}

/* --- directories -------------------------------------------------------- */

static void answer_opendir(fuse_req_t req, const struct obj *o)
{
	struct fuse_file_info fi = {0};

	(void)o;
	(void)!reply_open(req, &fi);
}

static void op_opendir(fuse_req_t req, fuse_ino_t ino,
		       struct fuse_file_info *fi)
{
	static const struct await_op op = {find_ino, answer_opendir, true};
	struct fs *fs = take(req, "opendir", ino, "");
	const struct node *n = tree_number_row(ino);

	/* Nothing else makes a listing wait. */
	if (n && n->refresh)
		await_answer(fs, req, &op, ino, NULL);
	else
		(void)!reply_open(req, fi);
	check(fs);
}

static void list(fuse_req_t req, const char *what, fuse_ino_t ino, size_t size,
		 off_t off, bool plus)
{
	struct fs *fs = take(req, what, ino, "");
	static struct buf b;
	struct obj dir;
	int err = entry_of(fs, req, ino, &dir);

	if (!err && !S_ISDIR(dir.node->mode))
		err = -ENOTDIR;
	if (err) {
		reply_err(req, err);
	} else {
		buf_clear(&b);
		buf_reserve(&b, size);
		b.n = readdir_fill(req, &dir, b.p, size, (uint64_t)off, plus);
		reply_buf(req, buf_bytes(&b));
	}
	check(fs);
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		       struct fuse_file_info *fi)
{
	(void)fi;
	list(req, "readdir", ino, size, off, false);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size,
			   off_t off, struct fuse_file_info *fi)
{
	(void)fi;
	list(req, "readdirplus", ino, size, off, true);
}

/* --- files -------------------------------------------------------------- */

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = take(req, "open", ino, "");
	struct obj o;
	int err = entry_of(fs, req, ino, &o);

	if (echo_open(fs, req, ino, fi)) {
		check(fs);
		return;
	}
	if (err)
		reply_err(req, err);
	else
		file_on_open(fs, req, &o, fi);
	check(fs);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	struct fs *fs = take(req, "read", ino, "");

	file_on_read(req, file_of(fi), size, (uint64_t)off,
		  (fi->flags & O_NONBLOCK) != 0);
	check(fs);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *p, size_t n,
		     off_t off, struct fuse_file_info *fi)
{
	struct fs *fs = take(req, "write", ino, "");

	file_on_write(req, file_of(fi), bytes_of(p, n), (uint64_t)off);
	check(fs);
}

static void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = take(req, "flush", ino, "");

	if (echo_close(req, fi)) {
		check(fs);
		return;
	}
	file_on_flush(req, file_of(fi));
	check(fs);
}

static void op_release(fuse_req_t req, fuse_ino_t ino,
		       struct fuse_file_info *fi)
{
	struct fs *fs = take(req, "release", ino, "");

	if (echo_close(req, fi)) {
		check(fs);
		return;
	}
	file_on_release(req, file_of(fi));
	check(fs);
}

/* Submissions are on disk when FLUSH is answered. */
static void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
		     struct fuse_file_info *fi)
{
	struct fs *fs = take(req, "fsync", ino, "");

	(void)datasync;
	(void)fi;
	reply_err(req, 0);
	check(fs);
}

static void op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
		    struct fuse_pollhandle *ph)
{
	struct fs *fs = take(req, "poll", ino, "");

	file_on_poll(req, file_of(fi), ph);
	check(fs);
}

/* No blocks: the bytes are the controller's, here are only names. */
static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct fs *fs = take(req, "statfs", ino, "");
	struct statvfs st = {
		.f_bsize = 4096,
		.f_frsize = 4096,
		.f_files = index_count(&fs->mirror->results),
		.f_namemax = 255,
	};

	reply_statfs(req, &st);
	check(fs);
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	(void)userdata;
	/* What a file shows is decided at open; sizes are always exact. */
	conn->want &= ~(unsigned)FUSE_CAP_AUTO_INVAL_DATA;
	/* One READ is worth one piece. */
	conn->max_readahead = 1024 * 1024;
}

const struct fuse_lowlevel_ops ops = {
	.init = op_init,
	.lookup = op_lookup,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.readlink = op_readlink,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.symlink = op_symlink,
	.rename = op_rename,
	.link = op_link,
	.open = op_open,
	.read = op_read,
	.write = op_write,
	.flush = op_flush,
	.release = op_release,
	.fsync = op_fsync,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.statfs = op_statfs,
	.create = op_create,
	.poll = op_poll,
};
