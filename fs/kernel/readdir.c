#include "readdir.h"
#include "open/await.h"
#include "tree/tree.h"

#include <sys/stat.h>

/* Places 0 and 1 of readdir are "." and ".."; the tree's come behind. */
#define DOTS 2

static size_t add_dot(fuse_req_t req, char *p, size_t room, uint64_t i,
		      fuse_ino_t ino, bool plus)
{
	struct fuse_entry_param e = {.attr = {.st_ino = ino,
					      .st_mode = S_IFDIR}};
	const char *name = i == 0 ? "." : "..";

	/* ino 0 in readdirplus: an entry that is not looked up. */
	return plus ? fuse_add_direntry_plus(req, p, room, name, &e,
					     (off_t)(i + 1))
		    : fuse_add_direntry(req, p, room, name, &e.attr,
					(off_t)(i + 1));
}

static size_t add_entry(fuse_req_t req, char *p, size_t room,
			struct obj *o, const char *name, uint64_t next,
			bool plus)
{
	struct stat st = {.st_ino = tree_ino(o), .st_mode = o->node->mode};
	struct fuse_entry_param e;

	if (!plus)
		return fuse_add_direntry(req, p, room, name, &st,
					 (off_t)(next + DOTS));
	if (fuse_add_direntry_plus(req, NULL, 0, name, NULL, 0) > room)
		return room + 1;
	/* Without an inode: the kernel looks it up when it needs it. */
	if (await_is_known(o))
		tree_entry(o, &e);
	else
		e = (struct fuse_entry_param){.attr = st};
	return fuse_add_direntry_plus(req, p, room, name, &e,
				      (off_t)(next + DOTS));
}

size_t readdir_fill(fuse_req_t req, const struct obj *dir, char *p,
		    size_t room, uint64_t off, bool plus)
{
	static struct buf name;
	size_t n = 0, len;
	uint64_t at;
	struct obj o;

	for (; off < DOTS; off++, n += len) {
		len = add_dot(req, p + n, room - n, off, tree_ino(dir), plus);
		if (len > room - n)
			return n;
	}
	at = off - DOTS;
	for (;; n += len) {
		buf_clear(&name);
		if (!tree_next(dir, &at, &o, &name))
			return n;
		len = add_entry(req, p + n, room - n, &o, buf_str(&name), at,
				plus);
		if (len > room - n)
			return n;
	}
}
