#include "vars_seen.h"
#include "base/log.h"
#include "wire/limits.h"
#include "wire/variable.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

/* What tasks write is told so late at most, to tell it together. */
#define TELL_USEC (10 * USEC_PER_MSEC)

/* Modification, microseconds since 1970. */
static int64_t mtime_of(const struct stat *st)
{
	return st->st_mtim.tv_sec * 1000000LL + st->st_mtim.tv_nsec / 1000;
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
	map_remove(&vs->by_name, variable_name(v));
	free(v);
}

void vars_forget_untold(struct vars *vs)
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

static void changed(struct vars *vs, struct variable *v)
{
	v->version = ++vs->version;
	if (list_empty(&v->untold)) {
		list_add_tail(&vs->untold, &v->untold);
		vs->nuntold++;
	}
	if (!timer_is_set(&vs->tell))
		timer_set(vs->loop, &vs->tell, TELL_USEC);
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

int vars_room(const struct vars *vs, struct bytes name)
{
	const struct variable *v = map_get(&vs->by_name, name);

	return (!v || v->gone) && vs->count >= LIMIT_VARIABLES ? -ENOSPC : 0;
}

static void note_there(struct vars *vs, struct bytes name,
		       const struct stat *st)
{
	struct variable *v = map_get(&vs->by_name, name);
	int64_t mtime = mtime_of(st);

	if (vars_room(vs, name)) {
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
	changed(vs, v);
}

static void note_gone(struct vars *vs, struct variable *v)
{
	if (v->gone)
		return;
	v->gone = true;
	vs->count--;
	changed(vs, v);
}

static void look(struct vars *vs, struct bytes name)
{
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
		note_there(vs, name, &st);
		return;
	}
	v = map_get(&vs->by_name, name);
	if (v)
		note_gone(vs, v);
}

/* --- looking through all ------------------------------------------------ */

static void drop_missing(struct vars *vs)
{
	struct map_iter it = {0};

	/* What is gone stays in the map until it is told. */
	while (map_next(&vs->by_name, &it)) {
		struct variable *v = it.value;

		if (v->round != vs->round)
			note_gone(vs, v);
	}
}

static void look_at_all(struct vars *vs)
{
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
			look(vs, bytes_str(entry->d_name));
	closedir(d);
	drop_missing(vs);
}

void vars_look_through(struct vars *vs)
{
	look_at_all(vs);
	/* What was one too many may not be, without those that are gone. */
	if (vs->hidden && vs->count < LIMIT_VARIABLES)
		look_at_all(vs);
}

void vars_look(struct vars *vs, struct bytes name)
{
	size_t before = vs->count;

	look(vs, name);
	if (vs->hidden && vs->count < before)
		vars_look_through(vs); /* one of those is shown now */
}
