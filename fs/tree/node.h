/*
 * node.h: what a row of THE TABLE (nodes.h) says of an entry of the tree, and
 * an entry while a request is handled.
 *
 * A row says where an entry is, what it is, what reading and writing it does,
 * and its help. tree.h goes through the rows; the functions that a row names
 * stand in the file of its directory, and know nothing of the other rows.
 */
#ifndef TASKFS_FS_TREE_NODE_H
#define TASKFS_FS_TREE_NODE_H

#include "base/buf.h"
#include "fs.h"
#include "park/fuse.h"
#include "park/park.h"
#include "wire/limits.h"

struct answer;
struct file;
struct idlist;
struct node;

/* Who asks: the thread (0: unknown), and for whom. */
struct asker {
	pid_t tid;
	uid_t uid;
	gid_t gid;
};
#define NO_USER ((uid_t)-1)
#define NO_GROUP ((gid_t)-1)

/* Whose something made in this mount is, and when it changed. */
struct making {
	uid_t uid;
	gid_t gid;
	int64_t changed;	/* usec */
};

/*
 * One entry of the tree, while a request is handled. Made by tree.h; what it
 * points to is borrowed for the turn.
 */
struct obj {
	struct fs *fs;
	const struct node *node;
	uint32_t id;		/* of the result, engine ..., or 0; 31 bits */
	uint32_t sub;		/* within it: sub_of() below results; 26 bits */
	struct result *result;	/* NULL outside of results */
	/*
	 * The task: results/7/3's, or that of a result of one task. NULL: the
	 * files are those of a map or view as a whole.
	 */
	const struct task *task;
	const struct detail *detail; /* its long texts; NULL: not known */
	struct engine *engine;
	struct draft *draft;
	struct pool *pool;
	const struct making *made;	/* the draft's; else NULL */
	struct asker by;	/* uid NO_USER: of a file that was opened before */
};

static inline struct asker asker_of(fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	return (struct asker){ctx->pid, ctx->uid, ctx->gid};
}

/* He may see the results of everybody. */
static inline bool asker_sees_all(const struct obj *o)
{
	return !o->fs->shared || o->by.uid == 0;
}

/*
 * Below results/<id>/: which task (-1: the result itself) and which option.
 * 20 + 6 bits.
 */
#define SUB_BITS 26
#define SUB_OPTIONS 64

static inline uint32_t sub_of(int64_t index, unsigned option)
{
	return (uint32_t)(index + 1) * SUB_OPTIONS + option;
}

static inline int64_t sub_index(uint32_t sub)
{
	return (int64_t)(sub / SUB_OPTIONS) - 1;
}

static inline unsigned sub_option(uint32_t sub)
{
	return sub % SUB_OPTIONS;
}

/* What a writer wants of the controller; see open/control.h. */
struct wish {
	const char *verb;	/* of control_request; static */
	char argument[LIMIT_LAUNCH + 1]; /* "": none */
	struct bytes queue;	/* its name, when it is about one; else empty */
	/* Answers that it is done, instead of what the kernel's request usually gets. */
	void (*answer)(fuse_req_t req, const struct obj *o);
	const char *option;	/* of set; or NULL */
	struct json_object *value; /* its value, which goes with the wish; or NULL */
	/* Which engines it is about, added to *ret; 0 or -errno. NULL: it is
	   about the result, task or pool of the entry, or else about all. */
	int (*engines)(const struct obj *o, struct idlist *ret);
};

/*
 * Entries with a name of their own: how a directory finds and lists them.
 * `find` and `next` get an obj that is the directory's with the row's node,
 * and fill in id, sub and the pointers.
 */
struct class {
	/* By name; false: there is none of that name. */
	bool (*find)(struct obj *o, struct bytes name);
	/* The first whose number is `from` or more; *ret_n is its number. */
	bool (*next)(struct obj *o, uint64_t from, uint64_t *ret_n);
	/* The pointers, from id and sub; false: it is gone. */
	bool (*resolve)(struct obj *o);
	void (*name)(const struct obj *o, struct buf *out);
	/* CREATE, mkdir: as find, of what is not there; flags of open().
	   0 or -errno. NULL: -EPERM. */
	int (*make)(struct obj *o, struct bytes name, int flags);
};

/* Which task of a map or view; -1: it is the result itself. */
static inline int64_t obj_index(const struct obj *o)
{
	return o->result ? sub_index(o->sub) : -1;
}

/* A READ or FLUSH as it came: what is asked for, where, and by whom. */
struct ask {
	size_t size;
	uint64_t off;
	pid_t tid;
};

/*
 * How an open file behaves that is more than a rendered text. Everything but
 * read may be missing. Negative returns are -errno, and two of them park the
 * request: -EAGAIN until what it waits for changes (under O_NONBLOCK it is
 * the answer), -EINPROGRESS until an answer of the controller (always).
 */
struct io {
	bool writable;
	/* An open file answers also when its entry is gone: what is read there
	   is the answer to what was written. `o` has its number alone then. */
	bool outlives;
	/* -EINPROGRESS: again() says when it is open. */
	int (*open)(struct file *f, struct obj *o);
	/* What a READ now would say: 0, -EAGAIN, -errno. For poll, and to
	   know whether the page cache may have it. NULL: 0. */
	int (*ready)(struct file *f, const struct obj *o);
	/* Nothing of it will ever be an error. NULL: as ready() says. */
	bool (*whole)(const struct obj *o);
	int (*read)(struct file *f, struct obj *o, const struct ask *ask,
		    struct answer *a);
	uint64_t (*size)(const struct obj *o);
	int64_t (*mtime)(const struct obj *o); /* NULL: as of the object */
	/* lseek(SEEK_END) is about to use the size. */
	void (*end)(struct file *f);
	/* What changes when a READ becomes possible; NULL: the object. */
	struct waitq *(*waitq)(const struct obj *o);
	/* *ret_taken: bytes, when 0 or -EINPROGRESS. What only takes words
	   does not look at the offset. */
	int (*write)(struct file *f, struct bytes data, uint64_t off,
		     size_t *ret_taken);
	int (*flush)(struct file *f, const struct ask *ask);
	/* A parked OPEN, WRITE or FLUSH again; -EINPROGRESS: wait on. */
	int (*again)(struct file *f, enum parked_kind kind);
	void (*release)(struct file *f);
};

/*
 * What is done to an entry by asking the controller for it, when that needs
 * more than a wish. Each answers req, or parks it.
 */
struct deeds {
	/* mkdir: of what is not there; o is the directory, with this row. NULL: as
	   the class says. */
	void (*make)(fuse_req_t req, const struct obj *o, struct bytes name);
	void (*remove)(fuse_req_t req, const struct obj *o);
	/* NULL: -EPERM. */
	void (*rename)(fuse_req_t req, const struct obj *o,
		       const struct obj *dir, struct bytes name,
		       unsigned flags);
	/* f: of ftruncate(); else NULL */
	void (*setattr)(fuse_req_t req, const struct obj *o,
			const struct stat *attr, int to_set, struct file *f);
};

enum node_flag {
	NODE_WAITS = 1,		/* -EAGAIN of show parks the reader */
	NODE_STEADY = 2,	/* never changes while mounted */
	NODE_HIDDEN = 4,	/* can be looked up, is not listed */
	NODE_BRIEF = 8,		/* its name is looked up each time */
	NODE_GROUP = 16,	/* of a result as a whole, not of its tasks */
	NODE_LISTING = 32,	/* its refresh is for who lists it, not for LOOKUPs */
};

struct node {
	const char *path;	/* "/results/<id>/status": as the user sees it */
	mode_t mode;
	unsigned flags;
	const struct class *each; /* entries with names of their own */
	const char *like;	/* a directory with the entries of that one,
				   but those that are NODE_GROUP */
	/* False: this one is not there. NULL: always there. */
	bool (*exists)(const struct obj *o);
	/*
	 * What the controller must tell before this entry can be shown (open/await.h).
	 * 0: all of that is known (o->detail is set); -EINPROGRESS: not yet, and
	 * with `ask` it has been asked for; -errno: it cannot be had. NULL: 0.
	 */
	int (*await)(struct obj *o, bool ask);
	/*
	 * The same of what engines must tell whenever somebody looks at this
	 * entry, or into this directory: what is known is not older than
	 * `since` (mono_usec()), or -EINPROGRESS: it was asked for. NULL: 0.
	 */
	int (*refresh)(const struct obj *o, uint64_t since);
	/* A small file's text. 0, -EAGAIN, -errno. */
	int (*show)(const struct obj *o, struct buf *out);
	/* The size of that text, when it is known without it; else -1. */
	int64_t (*size)(const struct obj *o);
	/* One whole value, without the newline at its end. 0 or -errno. */
	int (*store)(const struct obj *o, struct bytes value,
		     struct wish *ret_wish);
	/* A symlink's target. */
	void (*target)(const struct obj *o, struct buf *out);
	const struct io *io;	/* a file that is more than show and store */
	/* unlink, rmdir: 0: the wish is to be asked for; 1: nothing to do;
	   -errno. NULL: -EPERM. */
	int (*remove)(const struct obj *o, struct wish *ret_wish);
	/* truncate(). NULL: nothing happens. 0 or -errno. */
	int (*resize)(const struct obj *o, uint64_t size);
	const struct deeds *deeds; /* instead of remove and resize */
	const char *help;
};

#endif
