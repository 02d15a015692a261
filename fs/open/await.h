/*
 * await.h: LOOKUPs and GETATTRs that wait until what the entry shows is known.
 *
 * Metadata is answered from memory and does not wait, with this exception:
 * right after a mount (or a reconnection) the tasks of maps are still being
 * read, and the long texts of a map's task, and which items it has, are read
 * when somebody looks at a file that shows them (`await` of struct node). Then
 * the answer waits for the controller's: at most AWAIT_PATIENCE, or while the tasks
 * of maps come in without such a pause (a million need seconds); interruptible,
 * and not at all without a controller; both are -EHOSTDOWN. A listing gives such
 * entries without attributes and waits for nothing.
 *
 * Which variables an engine of ipyparallel has is asked when somebody looks
 * (`refresh` of struct node): that waits likewise, but after AWAIT_PATIENCE what is
 * known is shown. What a query matches (query/by.h) is looked for in parts when its
 * directory is opened; whoever does that says in `heard` that it goes on.
 */
#ifndef TASKFS_FS_OPEN_AWAIT_H
#define TASKFS_FS_OPEN_AWAIT_H

#include "mirror/load.h"
#include "tree/node.h"

#define AWAIT_PATIENCE LOAD_PATIENCE

/* LOOKUPs and GETATTRs that wait. */
struct awaits {
	struct list waiting;
	uint64_t heard;		/* when something came for them last, mono_usec() */
	struct timer timer;
	struct work work;
};


void awaits_init(struct fs *fs);
void awaits_done(struct fs *fs);

/*
 * 0: everything that this entry shows is known (o->detail is set). Else
 * -EINPROGRESS: it was asked for, fs->load tells when it comes; or -errno.
 */
int await_known(struct obj *o) must_check;
/* The same without asking for what is not known. */
bool await_is_known(struct obj *o);

/* LOOKUP, GETATTR or OPENDIR: how to find the entry again, how to answer. */
struct await_op {
	int (*find)(struct fs *fs, uint64_t ino, const char *name,
		    const struct asker *by, struct obj *ret_o);
	void (*reply)(fuse_req_t req, const struct obj *o);
	bool lists;	/* OPENDIR: what is in the directory is needed */
};
/* Answers now, or when what the entry needs has come. */
void await_answer(struct fs *fs, fuse_req_t req, const struct await_op *op,
		  uint64_t ino, const char *name);
/* Something has come that may have been waited for. */
void await_again(struct fs *fs);

#endif
