#include "vars.h"
#include "base/file.h"
#include "base/log.h"
#include "engine.h"
#include "wire/limits.h"
#include "wire/messages.h"
#include "wire/variable.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

/* What tasks write is told so late at most, to tell it together. */
#define TELL_USEC (10 * USEC_PER_MSEC)
/* Without inotify. */
#define SCAN_USEC (1 * USEC_PER_SEC)
/* More changes that could not be told, and all is told instead. */
#define LIMIT_UNTOLD (2 * LIMIT_VARIABLES)

struct variable {
	struct list untold;	/* in vars.untold, or in no list */
	bool gone;
	int64_t size, mtime;
	uint64_t version;
	ino_t ino;
	unsigned round;
	size_t n;
	char name[];
};

int64_t vars_mtime(const struct stat *st)
{
	return st->st_mtim.tv_sec * 1000000LL + st->st_mtim.tv_nsec / 1000;
}

static struct bytes name_of(const struct variable *v)
{
	return bytes_of(v->name, v->n);
}

/* --- what is known ------------------------------------------------------ */

static struct variable *variable_new(struct vars *vs, struct bytes name)
{
	struct variable *v = zalloc(sizeof(*v) + name.n + 1);

	memcpy(v->name, name.p, name.n);
	v->n = name.n;
	v->gone = true;
	list_init(&v->untold);
	map_put(&vs->by_name, name, v);
	return v;
}

static void variable_free(struct vars *vs, struct variable *v)
{
	if (!list_empty(&v->untold)) {
		list_del(&v->untold);
		vs->nuntold--;
	}
	map_remove(&vs->by_name, name_of(v));
	free(v);
}

/* Told, or to be told with all of them: those that are gone can go. */
static void forget_untold(struct vars *vs)
{
	while (!list_empty(&vs->untold)) {
		struct variable *v =
			list_first(&vs->untold, struct variable, untold);

		list_del(&v->untold);
		vs->nuntold--;
		if (v->gone)
			variable_free(vs, v);
	}
}

static void tell_soon(struct engine *e)
{
	if (!timer_is_set(&e->vars.tell))
		timer_set(e->loop, &e->vars.tell, TELL_USEC);
}

static void changed(struct engine *e, struct variable *v)
{
	struct vars *vs = &e->vars;

	v->version = ++vs->version;
	if (list_empty(&v->untold)) {
		list_add_tail(&vs->untold, &v->untold);
		vs->nuntold++;
	}
	tell_soon(e);
}

static void complain(struct vars *vs, const char *what, struct bytes name)
{
	if (vs->complained)
		return;
	vs->complained = true;
	log_warning(what, log_bytes("name", name),
		    log_str("directory", vs->path));
}

static bool find_file(const struct vars *vs, const char *name,
		      struct stat *ret_st)
{
	return fstatat(vs->dir, name, ret_st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(ret_st->st_mode);
}

int vars_room(const struct engine *e, struct bytes name)
{
	const struct vars *vs = &e->vars;
	const struct variable *v = map_get(&vs->by_name, name);

	return (!v || v->gone) && vs->count >= LIMIT_VARIABLES ? -ENOSPC : 0;
}

static void note_there(struct engine *e, struct bytes name,
		       const struct stat *st)
{
	struct vars *vs = &e->vars;
	struct variable *v = map_get(&vs->by_name, name);
	int64_t mtime = vars_mtime(st);

	if (vars_room(e, name)) {
		vs->hidden = true;
		complain(vs, "too many variables: not all are shown", name);
		return;
	}
	if (!v)
		v = variable_new(vs, name);
	v->round = vs->round;
	if (!v->gone && v->size == st->st_size && v->mtime == mtime &&
	    v->ino == st->st_ino)
		return;
	vs->count += v->gone;
	v->gone = false;
	v->size = st->st_size;
	v->mtime = mtime;
	v->ino = st->st_ino;
	changed(e, v);
}

static void note_gone(struct engine *e, struct variable *v)
{
	if (v->gone)
		return;
	v->gone = true;
	e->vars.count--;
	changed(e, v);
}

static void look(struct engine *e, struct bytes name)
{
	struct vars *vs = &e->vars;
	struct variable *v;
	struct stat st;
	char text[LIMIT_NAME + 1];

	if (!variable_name_ok(name)) {
		if (name.n)
			complain(vs, "a file in the directory of the variables "
				     "has no name of one: it is not shown",
				 name);
		return;
	}
	memcpy(text, name.p, name.n);
	text[name.n] = '\0';
	if (find_file(vs, text, &st)) {
		note_there(e, name, &st);
		return;
	}
	v = map_get(&vs->by_name, name);
	if (v)
		note_gone(e, v);
}

/* --- looking through all ------------------------------------------------ */

static void drop_missing(struct engine *e)
{
	struct map_iter it = {0};

	/* What is gone stays in the map until it is told. */
	while (map_next(&e->vars.by_name, &it)) {
		struct variable *v = it.value;

		if (v->round != e->vars.round)
			note_gone(e, v);
	}
}

static void look_at_all(struct engine *e)
{
	struct vars *vs = &e->vars;
	int fd = openat(vs->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!d) {
		log_warning("the variables cannot be listed", log_errno(errno));
		if (fd >= 0)
			close(fd);
		return;
	}
	vs->round++;
	vs->hidden = false;
	while ((entry = readdir(d)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			look(e, bytes_str(entry->d_name));
	closedir(d);
	drop_missing(e);
}

static void look_through(struct engine *e)
{
	look_at_all(e);
	/* What was one too many may not be, without those that are gone. */
	if (e->vars.hidden && e->vars.count < LIMIT_VARIABLES)
		look_at_all(e);
}

void vars_look(struct engine *e, struct bytes name)
{
	struct vars *vs = &e->vars;
	size_t before = vs->count;

	look(e, name);
	if (vs->hidden && vs->count < before)
		look_through(e); /* one of those is shown now */
}

static void scan_due(struct timer *t)
{
	struct engine *e = container_of(t, struct engine, vars.scan);

	look_through(e);
	if (e->tasks.running)
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
			look_through(e);
		else if (ev->len)
			vars_look(e, bytes_str(ev->name));
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

/* --- telling ------------------------------------------------------------ */

static void add(struct json_object *list, const struct variable *v)
{
	struct json_object *a = json_object_new_array();

	json_push(a, json_text(name_of(v)));
	json_push(a, v->gone ? NULL : json_object_new_int64(v->size));
	json_push(a, json_object_new_int64(v->gone ? 0 : v->mtime));
	json_push(a, json_object_new_int64((int64_t)v->version));
	json_push(list, a);
}

static struct json_object *content_of(struct vars *vs, bool all)
{
	struct json_object *o = json_object_new_object();
	struct json_object *list = json_object_new_array();
	struct map_iter it = {0};
	struct list *l;

	json_add_int(o, "version", (int64_t)vs->version);
	json_add_bool(o, "all", all);
	while (all && map_next(&vs->by_name, &it))
		if (!((struct variable *)it.value)->gone)
			add(list, it.value);
	if (!all)
		list_for_each(l, &vs->untold)
			add(list, list_entry(l, struct variable, untold));
	json_add(o, "list", list);
	return o;
}

static void tell(struct engine *e)
{
	struct vars *vs = &e->vars;
	struct msg_out out = {.type = MSG_VARS};
	int err;

	timer_cancel(&vs->tell);
	if (!e->member.extended || !member_is_in(&e->member)) {
		vs->tell_all = true;
		forget_untold(vs);
		return;
	}
	if (!vs->tell_all && list_empty(&vs->untold))
		return;
	out.content = content_of(vs, vs->tell_all);
	err = link_send(&e->link, CHANNEL_TASK, &out);
	json_object_put(out.content);
	if (err && vs->nuntold <= LIMIT_UNTOLD)
		return; /* vars_can_send() */
	vs->tell_all = err != 0;
	forget_untold(vs);
}

static void tell_due(struct timer *t)
{
	tell(container_of(t, struct engine, vars.tell));
}

void vars_can_send(struct engine *e)
{
	if (!timer_is_set(&e->vars.tell))
		tell(e);
}

void vars_registered(struct engine *e)
{
	e->vars.tell_all = true;
	forget_untold(&e->vars);
	tell(e);
}

void vars_settle(struct engine *e)
{
	if (!e->vars.path || vars_ensure(e) < 0)
		return;
	if (e->vars.watch.fd >= 0)
		read_events(e);
	else
		look_through(e);
	tell(e);
}

struct json_object *vars_all(struct engine *e)
{
	vars_settle(e);
	return content_of(&e->vars, true);
}

void vars_about_too(const struct engine *e, struct bytes name,
		    struct json_object *about)
{
	const struct variable *v = map_get(&e->vars.by_name, name);

	if (v)
		add(json_get_array(about, "list"), v);
}

struct json_object *vars_about(const struct engine *e, struct bytes name)
{
	struct json_object *o = json_object_new_object();

	json_add_int(o, "version", (int64_t)e->vars.version);
	json_add_bool(o, "all", false);
	json_add(o, "list", json_object_new_array());
	vars_about_too(e, name, o);
	return o;
}

/* --- the files ---------------------------------------------------------- */

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
	look_through(e);
	tell(e);
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
	int err;

	vs->dir = open(vs->path,
		       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (vs->dir < 0)
		return -errno;
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
	struct stat is, at;

	return fstat(vs->dir, &is) == 0 && lstat(vs->path, &at) == 0 &&
	       is.st_dev == at.st_dev && is.st_ino == at.st_ino;
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
		look_through(e);
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

	*vs = (struct vars){.dir = -1, .watch.fd = -1, .tell.fire = tell_due,
			    .scan.fire = scan_due, .tell_all = true};
	list_init(&vs->untold);
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
