#include "inotify.h"
#include "kernel/echo.h"
#include "tree/fs.h"
#include "tree/tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

void inotify_begin(struct inotify *t, struct notifier *n)
{
	*t = (struct inotify){.n = n, .echo = n->fs->echo, .root = -1};
}

void inotify_end(struct inotify *t)
{
	inotify_leave(t);
	watchers_done(&t->watchers);
}

/* --- to the mount ------------------------------------------------------- */

/*
 * The path may lead elsewhere by now (unmounted lazily, mounted over), and
 * nothing may be done there. It leads here if this GETATTR comes to us.
 */
static int arrive(struct inotify *t)
{
	struct statx st;

	t->root = open(t->n->fs->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (t->root < 0)
		return -errno;
	atomic_store(&t->echo->arrived, false);
	if (statx(t->root, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC,
		  STATX_MODE, &st) < 0)
		return -errno;
	if (!atomic_load(&t->echo->arrived))
		return -ESTALE;
	t->watchers.dev = (unsigned long)st.stx_dev_major << 20 |
			  st.stx_dev_minor;
	return 0;
}

int inotify_enter(struct inotify *t)
{
	if (t->root < 0 && !t->err) {
		t->err = arrive(t);
		if (t->err)
			inotify_leave(t);
	}
	return t->err;
}

void inotify_leave(struct inotify *t)
{
	if (t->root >= 0)
		close(t->root);
	t->root = -1;
}

bool inotify_is_over(const struct inotify *t)
{
	return t->err == -ENOTCONN || t->err == -ECONNABORTED ||
	       t->err == -ENODEV || t->err == -EROFS;
}

static void check(struct inotify *t, int err)
{
	atomic_fetch_add(&t->n->told, 1);
	t->err = -err;
	if (!inotify_is_over(t))
		t->err = 0; /* e.g. the entry is gone by now */
}

static bool path_of(struct inotify *t, uint64_t ino, struct buf *path)
{
	return !t->err && tree_path(ino, t->name, path) &&
	       inotify_enter(t) == 0;
}

/* --- events ------------------------------------------------------------- */

/*
 * Without permission the attributes the kernel has must go; those we give the
 * notifier from now on are kinder (kernel/echo.c).
 */
static bool is_refused(struct inotify *t, uint64_t ino, bool failed)
{
	if (!failed || errno != EACCES || geteuid() == 0)
		return false;
	atomic_store(&t->echo->refused, true);
	fuse_lowlevel_notify_inval_inode(t->n->fs->se, ino, -1, 0);
	return true;
}

static void modify(struct inotify *t, uint64_t ino)
{
	struct buf path = BUF_INIT;
	char *all;
	int err;

	if (path_of(t, ino, &path)) {
		all = xasprintf("/proc/self/fd/%d/%s", t->root, buf_str(&path));
		err = truncate(all, 0);
		if (is_refused(t, ino, err < 0))
			err = truncate(all, 0);
		check(t, err < 0 ? errno : 0);
		free(all);
	}
	buf_done(&path);
}

static int open_once(struct inotify *t, struct buf *path, int flags)
{
	return openat(t->root, buf_str(path),
		      O_WRONLY | O_CLOEXEC | O_NOFOLLOW | flags, 0444);
}

static void open_and_close(struct inotify *t, uint64_t ino, int flags)
{
	struct buf path = BUF_INIT;
	int fd;

	if (path_of(t, ino, &path)) {
		fd = open_once(t, &path, flags);
		if (is_refused(t, ino, fd < 0))
			fd = open_once(t, &path, flags);
		check(t, fd < 0 ? errno : 0);
		if (fd >= 0)
			close(fd);
	}
	buf_done(&path);
}

static void create_file(struct inotify *t, uint64_t ino)
{
	atomic_store(&t->echo->hidden, ino);
	open_and_close(t, ino, O_CREAT | O_EXCL);
	atomic_store(&t->echo->hidden, 0);
}

static int make_once(struct inotify *t, const struct node *n, const char *path)
{
	int err;

	if (S_ISDIR(n->mode))
		err = mkdirat(t->root, path, n->mode & 0777);
	else
		err = symlinkat("?", t->root, path);
	return err < 0 ? errno : 0;
}

/*
 * Whoever asked for the name before has made the kernel know it; it must
 * forget the name (this is not the serving thread: it may wait).
 */
static void forget_name(struct inotify *t, const struct node *dir,
			const char *path)
{
	const char *name = strrchr(path, '/') + 1;

	fuse_lowlevel_notify_inval_entry(t->n->fs->se, tree_number(dir, 0, 0),
					 name, strlen(name));
}

static void create(struct inotify *t, const struct node *dir, uint64_t ino)
{
	const struct node *n = tree_number_row(ino);
	struct buf path = BUF_INIT;
	int err;

	if (path_of(t, ino, &path)) {
		atomic_store(&t->echo->hidden, ino);
		err = make_once(t, n, buf_str(&path));
		if (err == EEXIST) {
			forget_name(t, dir, buf_str(&path));
			err = make_once(t, n, buf_str(&path));
		}
		atomic_store(&t->echo->hidden, 0);
		check(t, err);
	}
	buf_done(&path);
}

static void delete(struct inotify *t, uint64_t ino, uint64_t generation)
{
	bool dir = S_ISDIR(tree_number_row(ino)->mode);
	struct buf path = BUF_INIT;

	if (path_of(t, ino, &path)) {
		atomic_store(&t->echo->ghost_generation, generation);
		atomic_store(&t->echo->ghost, ino);
		check(t, unlinkat(t->root, buf_str(&path),
				  dir ? AT_REMOVEDIR : 0) < 0 ? errno : 0);
		atomic_store(&t->echo->ghost, 0);
	}
	buf_done(&path);
}

/* --- files -------------------------------------------------------------- */

/* What changes with what, and is told to who watches the directory. */
static const struct told_file {
	const char *path;
	unsigned what;		/* these modify it */
	bool closed;		/* told to be final at the end */
} told_files[] = {
	{"/results/<id>/stdout", NOTE_STDOUT, true},
	{"/results/<id>/stderr", NOTE_STDERR, true},
	{"/results/<id>/output", NOTE_STDOUT | NOTE_STDERR, true},
	{"/results/<id>/data", NOTE_DATA, true},
	{"/results/<id>/progress", NOTE_PROGRESS, true},
	{"/results/<id>/error", NOTE_END, true},
	{"/results/<id>/value", NOTE_END, true},
	/* The last: who acts on it finds everything else told. */
	{"/results/<id>/status", NOTE_STATUS, true},
	{"/engines/<id>/state", NOTE_STATUS, false},
	{"/engines/<id>/queue", NOTE_WORK, false},
	{"/engines/<id>/running", NOTE_WORK, false},
	{"/engines/<id>/completed", NOTE_WORK, false},
	{"/pools/NAME/state", NOTE_STATUS, false},
	{"/pools/NAME/why", NOTE_STATUS | NOTE_WORK, false},
	{"/pools/NAME/wanted", NOTE_WORK, false},
	{"/pools/NAME/engines", NOTE_WORK, false},
	{"/pools/NAME/jobs", NOTE_WORK, false},
	{"/controller/state", NOTE_STATUS, false},
	{"/controller/waiting", NOTE_WORK, false},
	{"/controller/running", NOTE_WORK, false},
	{"/controller/completed", NOTE_WORK, false},
	{.path = NULL},
};

static uint64_t sibling(uint64_t ino, const struct node *n)
{
	return (ino & ~TREE_ROWS) | tree_number(n, 0, 0);
}

static bool is_listed(const struct node *n)
{
	const struct told_file *f;

	for (f = told_files; f->path; f++)
		if (strcmp(f->path, n->path) == 0)
			return true;
	return false;
}

/* Files that are not listed above: who watches one is told of any change. */
static bool tell_others(struct inotify *t, const struct note *note)
{
	const struct node *dir = tree_number_row(note->ino);
	uint64_t end = note->ino | TREE_ROWS;
	uint64_t ino = watchers_next(&t->watchers, note->ino & ~TREE_ROWS);
	bool any = false;

	for (; ino && ino < end; ino = watchers_next(&t->watchers, ino + 1)) {
		const struct node *n = tree_number_row(ino);

		if (!n || !S_ISREG(n->mode) || (n->mode & 0222) ||
		    !tree_has(dir, n) || is_listed(n))
			continue;
		modify(t, ino);
		if (note->what & NOTE_END)
			open_and_close(t, ino, 0);
		any = true;
	}
	return any;
}

static bool tell_files(struct inotify *t, const struct note *note)
{
	const struct node *dir = tree_number_row(note->ino);
	bool all = watchers_has(&t->watchers, note->ino);
	const struct told_file *f;
	bool any = all;
	int end;

	/* All that changed, then all that is final. */
	for (end = 0; end < 2; end++)
		for (f = told_files; f->path; f++) {
			const struct node *n = tree_row(f->path);
			uint64_t ino = sibling(note->ino, n);

			if (!tree_has(dir, n) ||
			    (!all && !watchers_has(&t->watchers, ino)))
				continue;
			any = true;
			if (!end && (note->what & f->what))
				modify(t, ino);
			if (end && f->closed && (note->what & NOTE_END))
				open_and_close(t, ino, 0);
		}
	return any;
}

static bool tell_inside(struct inotify *t, const struct note *note)
{
	const struct node *ok = tree_row("/results/<id>/ok");
	uint64_t first = watchers_next(&t->watchers, note->ino & ~TREE_ROWS);
	bool all = watchers_has(&t->watchers, note->ino), any;

	/* Mostly nobody watches this thing: a map has a million of them. */
	if (!first || first > (note->ino | TREE_ROWS))
		return false;
	if (all && (note->what & NOTE_END) &&
	    tree_has(tree_number_row(note->ino), ok))
		create_file(t, sibling(note->ino, ok));
	any = tell_others(t, note);
	return tell_files(t, note) || any;
}

/* --- a note ------------------------------------------------------------- */

/* A thing that comes and goes within one note was never there. */
static void tell_coming(struct inotify *t, struct note *note, const char *where,
			uint64_t ino, unsigned comes, unsigned goes)
{
	const struct node *dir = tree_row(where);
	unsigned what = note->what & (comes | goes);

	/* Also who watches the thing itself is told that it goes. */
	if (!what || (!watchers_has(&t->watchers, tree_number(dir, 0, 0)) &&
		      !watchers_has(&t->watchers, ino)))
		return;
	note->what &= ~what;
	if (what == comes)
		create(t, dir, ino);
	else if (what == goes)
		delete(t, ino, note->generation);
}

void inotify_tell(struct inotify *t, struct note *note)
{
	const unsigned around = NOTE_NEW | NOTE_GONE | NOTE_LISTED |
				NOTE_UNLISTED;
	const struct node *task = tree_row("/tasks/<id>");
	const struct node *row = tree_number_row(note->ino);
	bool result = row == tree_row("/results/<id>");
	const char *where = result			   ? "/results"
			    : row == tree_row("/pools/NAME") ? "/pools"
							     : "/engines";
	unsigned gone = note->what & NOTE_GONE;

	t->name = note->name;

	if (result)
		tell_coming(t, note, "/tasks", sibling(note->ino, task),
			    NOTE_LISTED, NOTE_UNLISTED);
	if (!gone)
		tell_coming(t, note, where, note->ino, NOTE_NEW, NOTE_GONE);
	if ((note->what & ~around) && tell_inside(t, note))
		note->what &= around;
	if (gone)
		tell_coming(t, note, where, note->ino, NOTE_NEW, NOTE_GONE);
	t->name = NULL;
}

void inotify_tell_overflow(struct inotify *t)
{
	static const char *const dirs[] = {"/results", "/tasks", "/engines",
					  "/pools"};
	struct buf path = BUF_INIT;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		uint64_t ino = tree_number(tree_row(dirs[i]), 0, 0);

		buf_clear(&path);
		if (watchers_has(&t->watchers, ino) && path_of(t, ino, &path))
			check(t, utimensat(t->root, buf_str(&path), NULL, 0) < 0
					 ? errno : 0);
	}
	buf_done(&path);
}
