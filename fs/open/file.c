#include "file.h"
#include "await.h"
#include "control.h"
#include "park/reply.h"
#include "tree/tree.h"

#include <fcntl.h>
#include <poll.h>

static bool writes(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY;
}

static bool is_writable(const struct node *n)
{
	return n->store || (n->io && n->io->writable);
}

/*
 * The entry of an open file. -ESTALE: another cluster's result has the number now.
 * When the entry is gone, a file that outlives it goes on with the number alone.
 */
static int find_obj(struct file *f, pid_t tid, struct obj *ret_o)
{
	const struct asker by = {tid, NO_USER, NO_GROUP};
	int err = tree_obj(f->fs, f->ino, &by, ret_o);

	if (err == -ENOENT && f->node->io && f->node->io->outlives)
		err = 0;
	if (!err && ret_o->result && tree_generation(ret_o) != f->generation)
		err = -ESTALE;
	return err;
}

/* --- reading ------------------------------------------------------------ */

static int show_read(struct file *f, struct obj *o, const struct ask *ask,
		     struct answer *a)
{
	int err;

	if (!f->rendered || ask->off == 0) {
		buf_clear(&f->copy);
		f->rendered = false;
		err = o->node->show(o, &f->copy);
		if (err)
			return err;
		f->rendered = true;
	}
	answer_slice(a, buf_bytes(&f->copy), ask->off, ask->size);
	return 0;
}

static int try_read(struct file *f, const struct ask *ask, struct answer *a)
{
	struct obj o;
	int err = find_obj(f, ask->tid, &o);

	a->pieces = 0;
	a->n = 0;
	if (!err)
		err = await_known(&o);
	if (err == -EINPROGRESS)
		waitq_add(&f->fs->load->waitq, &f->waiter);
	if (err)
		return err;
	if (o.node->io)
		err = o.node->io->read(f, &o, ask, a);
	else if (o.node->show)
		err = show_read(f, &o, ask, a);
	if (err == -EAGAIN && (o.node->flags & NODE_WAITS))
		waitq_add(tree_waitq(&o), &f->waiter);
	return err;
}

static bool parks(const struct file *f, int err, bool nonblock)
{
	if (err == -EINPROGRESS)
		return true;
	return err == -EAGAIN && !nonblock && (f->node->flags & NODE_WAITS);
}

static void park_read(struct file *f, fuse_req_t req, const struct ask *ask)
{
	struct parked *p = park(f->fs->park, req, PARKED_READ);

	if (!p)
		return;
	p->size = ask->size;
	p->off = ask->off;
	list_add_tail(&f->parked, &p->link);
}

void file_on_read(fuse_req_t req, struct file *f, size_t size, uint64_t off,
	       bool nonblock)
{
	struct ask ask = {size, off, fuse_req_ctx(req)->pid};
	struct answer a;
	int err = try_read(f, &ask, &a);

	if (parks(f, err, nonblock))
		park_read(f, req, &ask);
	else if (err)
		reply_err(req, err);
	else
		reply_answer(req, &a);
}

/* --- opening ------------------------------------------------------------ */

static int ready(struct file *f, struct obj *o)
{
	static struct buf b;

	if (!await_is_known(o))
		return -EINPROGRESS;
	if (o->node->io)
		return o->node->io->ready ? o->node->io->ready(f, o) : 0;
	/* A text whose size is known may be long, and is there. */
	if (!o->node->show || (o->node->size && o->node->size(o) >= 0))
		return 0;
	buf_clear(&b);
	return o->node->show(o, &b);
}

/*
 * The page cache is for what never changes and can be read: an error must
 * reach the reader as it is, and size 0 would hide it.
 */
static void set_caching(struct file *f, struct obj *o,
			struct fuse_file_info *fi)
{
	const struct io *io = o->node->io;
	bool cached = tree_is_steady(o) && !writes(f->flags) &&
		      ready(f, o) == 0 && (!io || !io->whole || io->whole(o));

	f->cached = cached;
	fi->keep_cache = cached;
	fi->direct_io = !cached;
	fi->noflush = !writes(f->flags);
}

static struct file *file_new(struct fs *fs, const struct obj *o, int flags)
{
	struct file *f = zalloc(sizeof(*f));

	f->fs = fs;
	f->ino = tree_ino(o);
	f->generation = o->result ? tree_generation(o) : 0;
	f->node = o->node;
	f->flags = flags;
	f->tid = o->by.tid;
	list_init(&f->waiter.link);
	list_init(&f->parked);
	list_add_tail(&fs->park->files, &f->all);
	return f;
}

/* What the answer to an OPEN or CREATE that waits is made of. */
struct opening {
	struct fuse_file_info fi;
	bool create;
};

static void answer_open(fuse_req_t req, struct file *f, struct obj *o,
			struct fuse_file_info *fi, bool create)
{
	struct fuse_entry_param e;
	bool wanted;

	set_caching(f, o, fi);
	fi->fh = (uint64_t)(uintptr_t)f;
	if (create) {
		tree_entry(o, &e);
		wanted = reply_create(req, &e, fi);
	} else {
		wanted = reply_open(req, fi);
	}
	if (!wanted)
		file_free(f);
}

static void park_open(fuse_req_t req, struct file *f,
		      const struct fuse_file_info *fi, bool create)
{
	struct parked *p = park(f->fs->park, req, PARKED_OPEN);

	f->opening = xmalloc(sizeof(*f->opening));
	*f->opening = (struct opening){*fi, create};
	if (p)
		list_add_tail(&f->parked, &p->link);
	/* When the OPEN was interrupted open_again() ends it. */
}

static void open_file(struct fs *fs, fuse_req_t req, struct obj *o,
		      struct fuse_file_info *fi, bool create)
{
	struct file *f;
	int err = 0;

	if (writes(fi->flags) && !is_writable(o->node)) {
		reply_err(req, -EACCES);
		return;
	}
	f = file_new(fs, o, fi->flags);
	if (o->node->io && o->node->io->open)
		err = o->node->io->open(f, o);
	if (err == -EINPROGRESS) {
		park_open(req, f, fi, create);
	} else if (err) {
		file_free(f);
		reply_err(req, err);
	} else {
		answer_open(req, f, o, fi, create);
	}
}

/* The file is open now, or will not be; or nobody waits for it any more. */
static void open_again(struct file *f)
{
	int err = f->node->io->again(f, PARKED_OPEN);
	struct opening opening = *f->opening;
	fuse_req_t req;
	struct obj o;

	if (err == -EINPROGRESS)
		return;
	free(f->opening);
	f->opening = NULL;
	if (list_empty(&f->parked)) {
		file_free(f);
		return;
	}
	req = park_take(list_first(&f->parked, struct parked, link));
	if (!err)
		err = find_obj(f, f->tid, &o);
	if (err) {
		file_free(f);
		reply_err(req, err);
	} else {
		answer_open(req, f, &o, &opening.fi, opening.create);
	}
}

void file_on_open(struct fs *fs, fuse_req_t req, struct obj *o,
	       struct fuse_file_info *fi)
{
	open_file(fs, req, o, fi, false);
}

void file_on_create(struct fs *fs, fuse_req_t req, struct obj *o,
		    struct fuse_file_info *fi)
{
	open_file(fs, req, o, fi, true);
}

void file_free(struct file *f)
{
	assert(list_empty(&f->parked));
	free(f->opening);
	if (f->node->io && f->node->io->release)
		f->node->io->release(f);
	if (f->poll)
		fuse_pollhandle_destroy(f->poll);
	list_del(&f->waiter.link);
	list_del(&f->all);
	buf_done(&f->copy);
	free(f);
}

void file_on_end(struct file *f)
{
	if (f->node->io && f->node->io->end)
		f->node->io->end(f);
}

void file_on_release(fuse_req_t req, struct file *f)
{
	file_free(f);
	reply_err(req, 0);
}

/* --- writing ------------------------------------------------------------ */

/* One value per write; the newline that echo adds is not part of it. */
static void store(fuse_req_t req, struct file *f, struct bytes data)
{
	struct obj o;
	struct wish wish = {0};
	size_t all = data.n;
	int err = find_obj(f, fuse_req_ctx(req)->pid, &o);

	if (data.n && ((const char *)data.p)[data.n - 1] == '\n')
		data.n--;
	if (!err)
		err = f->node->store(&o, data, &wish);
	if (err)
		reply_err(req, err);
	else
		control_ask(f->fs, req, &o, &wish, all);
}

void file_on_write(fuse_req_t req, struct file *f, struct bytes data,
		   uint64_t off)
{
	struct parked *p;
	size_t taken = 0;
	int err;

	if (f->node->store) {
		store(req, f, data);
		return;
	}
	err = f->node->io->write(f, data, off, &taken);
	/* What is taken is taken: an interrupt must not look like a failure. */
	if (err == 0 || (err == -EINPROGRESS && fuse_req_interrupted(req))) {
		reply_write(req, taken);
	} else if (err == -EINPROGRESS) {
		p = park(f->fs->park, req, PARKED_WRITE);
		if (!p)
			return;
		p->size = taken;
		list_add_tail(&f->parked, &p->link);
	} else {
		reply_err(req, err);
	}
}

void file_on_flush(fuse_req_t req, struct file *f)
{
	struct ask ask = {.tid = fuse_req_ctx(req)->pid};
	struct parked *p;
	int err = 0;

	if (f->node->io && f->node->io->flush)
		err = f->node->io->flush(f, &ask);
	if (err != -EINPROGRESS) {
		reply_err(req, err);
		return;
	}
	p = park(f->fs->park, req, PARKED_FLUSH);
	if (p)
		list_add_tail(&f->parked, &p->link);
}

/* --- waking up ---------------------------------------------------------- */

static bool retry_read(struct file *f, struct parked *p)
{
	struct ask ask = {p->size, p->off, f->tid};
	struct answer a;
	int err = try_read(f, &ask, &a);

	if (parks(f, err, false))
		return false;
	if (err)
		reply_err(park_take(p), err);
	else
		reply_answer(park_take(p), &a);
	return true;
}

static void retry_other(struct file *f, struct parked *p)
{
	enum parked_kind kind = p->kind;
	size_t taken = p->size;
	int err = f->node->io->again(f, kind);

	if (err == -EINPROGRESS)
		return;
	if (err || kind == PARKED_FLUSH)
		reply_err(park_take(p), err);
	else
		reply_write(park_take(p), taken);
}

/*
 * Small texts that change are polled as in sysfs: POLLPRI when the text is
 * another one than this file was read with, or was not read yet.
 */
static bool is_changed(const struct file *f, const struct obj *o)
{
	static struct buf b;

	if (!o->node->show || (o->node->flags & NODE_WAITS))
		return false;
	if (!f->rendered)
		return !tree_is_steady(o);
	buf_clear(&b);
	return o->node->show(o, &b) < 0 || b.n != f->copy.n ||
	       (b.n && memcmp(b.p, f->copy.p, b.n) != 0);
}

/* What poll says now. The next change wakes the file. */
static unsigned poll_now(struct file *f)
{
	unsigned events = 0;
	struct obj o;
	int err;

	if (writes(f->flags))
		events |= POLLOUT | POLLWRNORM;
	if ((f->flags & O_ACCMODE) == O_WRONLY)
		return events;
	err = find_obj(f, f->tid, &o);
	if (err)
		return events | POLLIN | POLLRDNORM | POLLPRI | POLLERR;
	if (ready(f, &o) != -EAGAIN)
		events |= POLLIN | POLLRDNORM;
	if (is_changed(f, &o))
		events |= POLLPRI | POLLERR;
	/* A file that is about to be tried again comes here again. */
	if (list_empty(&f->waiter.link))
		waitq_add(tree_waitq(&o), &f->waiter);
	return events;
}

/* What poll says of a text is of interest when the text changes. */
static bool is_worth_telling(const struct file *f, unsigned events)
{
	bool text = f->node->show && !(f->node->flags & NODE_WAITS);

	return events & (text ? POLLPRI : POLLIN);
}

void file_retry(struct waiter *w)
{
	struct file *f = container_of(w, struct file, waiter);
	struct list *l, *tmp;

	if (f->opening) {
		open_again(f);
		return;
	}
	list_for_each_safe (l, tmp, &f->parked) {
		struct parked *p = list_entry(l, struct parked, link);

		if (p->kind == PARKED_READ)
			retry_read(f, p);
		else
			retry_other(f, p);
	}
	if (f->poll && is_worth_telling(f, poll_now(f)))
		fuse_lowlevel_notify_poll(f->poll);
}

void file_on_poll(fuse_req_t req, struct file *f, struct fuse_pollhandle *ph)
{
	if (ph) {
		if (f->poll)
			fuse_pollhandle_destroy(f->poll);
		f->poll = ph;
	}
	reply_poll(req, poll_now(f));
}
