#include "vars.h"
#include "base/file.h"
#include "base/log.h"
#include "engine.h"
#include "vars_seen.h"
#include "vars_tell.h"
#include "wire/variable.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

/* Without inotify the directory is looked through so often while a task runs. */
#define SCAN_USEC (1 * USEC_PER_SEC)

static void scan_due(struct timer *t)
{
	struct engine *e = container_of(t, struct engine, vars.scan);

	vars_look_through(&e->vars);
	if (e->tasks.nrunning)
		timer_set(e->loop, t, SCAN_USEC);
}

void vars_task_begins(struct engine *e)
{
	struct vars *vs = &e->vars;

	(void)vars_ensure(e);
	if (vs->watch.fd < 0 && vs->path && !timer_is_set(&vs->scan))
		timer_set(e->loop, &vs->scan, SCAN_USEC);
}

/* --- watching ----------------------------------------------------------- */

static void take_events(struct engine *e, const char *p, size_t n)
{
	const struct inotify_event *ev;

	for (; n >= sizeof(*ev); p += sizeof(*ev) + ev->len,
				 n -= sizeof(*ev) + ev->len) {
		ev = (const struct inotify_event *)(const void *)p;
		if (ev->mask & IN_Q_OVERFLOW)
			vars_look_through(&e->vars);
		else if (ev->len)
			vars_look(&e->vars, bytes_str(ev->name));
	}
}

static void read_events(struct engine *e)
{
	_Alignas(struct inotify_event) char b[4096];
	ssize_t n;

	while (e->vars.watch.fd >= 0 &&
	       (n = read(e->vars.watch.fd, b, sizeof(b))) > 0)
		take_events(e, b, (size_t)n);
}

static void watch_ready(struct watch *w, short events)
{
	(void)events;
	read_events(container_of(w, struct engine, vars.watch));
}

static int watch_directory(struct vars *vs)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	if (inotify_add_watch(fd, vs->path,
			      IN_CREATE | IN_MODIFY | IN_ATTRIB | IN_MOVE |
				      IN_CLOSE_WRITE | IN_DELETE |
				      IN_ONLYDIR) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	vs->watch = (struct watch){.ready = watch_ready, .fd = fd,
				   .events = POLLIN};
	return 0;
}

/* --- what is there now -------------------------------------------------- */

void vars_settle(struct engine *e)
{
	if (!e->vars.path || vars_ensure(e) < 0)
		return;
	if (e->vars.watch.fd >= 0)
		read_events(e);
	else
		vars_look_through(&e->vars);
	vars_tell(e);
}

struct json_object *vars_all(struct engine *e)
{
	vars_settle(e);
	return vars_about_all(e);
}

/* --- the files ---------------------------------------------------------- */

const char *vars_get_name(struct json_object *content, const char *key)
{
	size_t n;
	const char *s = json_get_str(content, key, &n);

	return s && variable_name_ok(bytes_of(s, n)) ? s : NULL;
}

int vars_open(const struct engine *e, const char *name, int flags,
	      struct stat *ret_st)
{
	int err, fd = openat(e->vars.dir, name,
			     flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC |
				     O_NOCTTY,
			     0600);

	if (fd < 0)
		return errno == ELOOP || errno == ENXIO ? -EINVAL : -errno;
	if (fstat(fd, ret_st) == 0 && S_ISREG(ret_st->st_mode))
		return fd;
	err = -EINVAL;
	close(fd);
	return err;
}

void vars_clear(struct engine *e)
{
	struct map_iter it = {0};

	vars_settle(e);
	while (map_next(&e->vars.by_name, &it)) {
		struct variable *v = it.value;

		if (!v->gone && unlinkat(e->vars.dir, v->name, 0) < 0 &&
		    errno != ENOENT)
			log_warning("a variable cannot be removed",
				    log_str("name", v->name),
				    log_errno(errno));
	}
	vars_look_through(&e->vars);
	vars_tell(e);
}

static void close_directory(struct vars *vs)
{
	if (vs->watch.fd >= 0) {
		loop_remove(&vs->watch);
		close(vs->watch.fd);
	}
	if (vs->dir >= 0)
		close(vs->dir);
	vs->dir = vs->watch.fd = -1;
}

static int make_directory(struct engine *e)
{
	struct vars *vs = &e->vars;
	int err = spool_ensure(&e->spool);

	free(vs->path);
	vs->path = xasprintf("%s/vars", e->spool.dir);
	if (!err && mkdir(vs->path, 0700) < 0 && errno == EEXIST) {
		/* Of an engine before this one, and it could not be removed. */
		free(vs->path);
		vs->path = xasprintf("%s/vars-XXXXXX", e->spool.dir);
		(void)!mkdtemp(vs->path);
	}
	return err;
}

static int open_directory(struct engine *e)
{
	struct vars *vs = &e->vars;
	struct stat is;
	int err;

	vs->dir = open(vs->path,
		       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (vs->dir < 0 || fstat(vs->dir, &is) < 0)
		return -errno;
	vs->dev = is.st_dev;
	vs->ino = is.st_ino;
	err = watch_directory(vs);
	if (err)
		log_info("no inotify: what tasks write into their variables "
			 "is seen late; see fs.inotify.max_user_instances",
			 log_errno(err));
	else
		loop_add(e->loop, &vs->watch);
	return 0;
}

/* The directory that is open is the one tasks find. */
static bool is_in_place(const struct vars *vs)
{
	struct stat at;

	return vs->dir >= 0 && lstat(vs->path, &at) == 0 &&
	       vs->dev == at.st_dev && vs->ino == at.st_ino;
}

int vars_ensure(struct engine *e)
{
	struct vars *vs = &e->vars;
	size_t before = vs->count;
	unsigned skipped;
	int err;

	if (is_in_place(vs))
		return 0;
	close_directory(vs);
	/* A task may have made another itself. */
	err = file_is_own_dir(vs->path) ? spool_ensure(&e->spool)
					: make_directory(e);
	if (!err && chmod(vs->path, 0700) < 0)
		err = -errno;
	if (!err)
		err = open_directory(e);
	if (!err) {
		vars_look_through(&e->vars);
		log_warning("the directory of the variables was removed; it is "
			    "made anew", log_str("path", vs->path),
			    log_int("lost", (int64_t)(before - vs->count)));
	} else if (log_allowed(&vs->no_place, 3, 60 * USEC_PER_SEC,
			       &skipped)) {
		log_error("there is no directory for variables",
			  log_str("path", vs->path), log_errno(err));
	}
	return err;
}

int vars_init(struct engine *e)
{
	struct vars *vs = &e->vars;
	int err;

	*vs = (struct vars){.loop = e->loop, .dir = -1, .watch.fd = -1,
			    .scan.fire = scan_due};
	list_init(&vs->untold);
	vars_tell_init(e);
	err = make_directory(e);
	return err ? err : open_directory(e);
}

void vars_done(struct engine *e)
{
	struct vars *vs = &e->vars;
	struct map_iter it = {0};

	timer_cancel(&vs->tell);
	timer_cancel(&vs->scan);
	close_directory(vs);
	while (map_next(&vs->by_name, &it))
		free(it.value);
	map_done(&vs->by_name);
	free(vs->path);
}
