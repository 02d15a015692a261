#include "base/base.h"
#include "place.h"

#include "base/file.h"
#include "wire/nearby.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#define PREFIX "cluster-"
#define LOCK "controller.lock"
#define UNUSED_SECONDS (7 * 24 * 3600)

static bool has_id(const struct config *k)
{
	return k->cluster_id && *k->cluster_id;
}

char *place_data(const char *dir, const char *cluster_id)
{
	if (!cluster_id || !*cluster_id)
		return xstrdup(dir);
	return xasprintf("%s/" PREFIX "%s", dir, cluster_id);
}

static int make_own(const char *path, mode_t mode, struct buf *why)
{
	int err = file_mkdirs(path, mode);

	if (!err)
		err = file_check_dir(path);
	if (err == -EPERM)
		buf_printf(why, "%s belongs to another user, or anybody may "
				"write there", path);
	else if (err)
		buf_printf(why, "%s: %s", path, strerror(-err));
	return err;
}

int place_make(const struct config *k, struct buf *why)
{
	static const struct {
		const char *name;
		mode_t mode;
	} dirs[] = {{"security", 0700}, {"pid", 0700}, {"log", 0755},
		    {"startup", 0755}};
	int err = make_own(k->dir, 0700, why);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dirs) && !err; i++) {
		char *path = xasprintf("%s/%s", k->dir, dirs[i].name);

		err = make_own(path, dirs[i].mode, why);
		free(path);
	}
	return err ? err : make_own(k->data, 0700, why);
}

static int lock_data(const struct config *k, int flags)
{
	char *path = xasprintf("%s/%s" LOCK, k->data, has_id(k) ? "" : "pid/");
	int fd = file_lock(path, flags);

	free(path);
	return fd < 0 ? fd : 0;
}

int place_lock(const struct config *k)
{
	return lock_data(k, O_RDWR | O_CREAT);
}

int place_lock_if_any(const struct config *k)
{
	int err = lock_data(k, O_RDONLY);

	return err == -ENOENT ? 0 : err;
}

/* --- sweeping ------------------------------------------------------------ */

/* "cluster-1700000000-a1b2": ipyparallel's seconds and four characters. */
static bool is_made_up(const char *name)
{
	static const char digits[] = "0123456789";
	size_t n = strlen(PREFIX);

	if (strncmp(name, PREFIX, n) != 0)
		return false;
	name += n;
	n = strspn(name, digits);
	return n == 10 && name[n] == '-' &&
	       strspn(name + n + 1, "abcdefghijklmnopqrstuvwxyz0123456789") ==
		       4 &&
	       name[n + 5] == '\0';
}

static bool is_old(const char *dir)
{
	char *path = xasprintf("%s/tasks.db", dir);
	struct stat st;
	bool old = stat(path, &st) == 0 &&
		   st.st_mtime < time(NULL) - UNUSED_SECONDS;

	free(path);
	return old;
}

static void remove_files(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
}

/* Removes what a store makes, and nothing else that may be there. */
static void remove_data(const char *dir)
{
	char *outputs = xasprintf("%s/outputs", dir);
	char *engines = xasprintf("%s/" NEARBY_ENGINES, outputs);

	remove_files(engines);
	rmdir(engines);
	free(engines);
	remove_files(outputs);
	rmdir(outputs);
	remove_files(dir);
	rmdir(dir);
	free(outputs);
}

static void sweep_one(const struct config *k, const char *name)
{
	char *dir = xasprintf("%s/%s", k->dir, name);
	char *path = xasprintf("%s/" LOCK, dir);
	int fd = -1;

	if (strcmp(dir, k->data) != 0 && is_old(dir))
		fd = file_lock(path, O_RDWR | O_CREAT);
	if (fd >= 0) {
		remove_data(dir);
		close(fd);
	}
	free(path);
	free(dir);
}

void place_sweep(const struct config *k)
{
	DIR *d = opendir(k->dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (is_made_up(e->d_name))
			sweep_one(k, e->d_name);
	if (d)
		closedir(d);
}
