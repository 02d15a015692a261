#include "spool.h"
#include "base/file.h"
#include "base/log.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>

/* A new directory is not locked at once. */
#define FRESH_SECONDS 60

/* Nobody has it locked; and so it stays while the descriptor is open. */
static int lock(const char *dir)
{
	return file_lock(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

static void remove_if_left(const char *dir)
{
	struct stat st;
	int fd = lock(dir);

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_uid == getuid() &&
	    st.st_mtime + FRESH_SECONDS < time(NULL))
		(void)spool_remove(dir);
	close(fd);
}

static void remove_left(const char *parent, const char *prefix)
{
	DIR *d = opendir(parent);
	struct dirent *e;

	while (d && (e = readdir(d)) != NULL) {
		char *dir;

		if (strncmp(e->d_name, prefix, strlen(prefix)) != 0)
			continue;
		dir = xasprintf("%s/%s", parent, e->d_name);
		remove_if_left(dir);
		free(dir);
	}
	if (d)
		closedir(d);
}

int spool_make(const char *parent, char **ret_dir, int *ret_lock)
{
	const char *tmp = getenv("TMPDIR");
	char prefix[64];
	char *dir;
	int err;

	if (!parent)
		parent = tmp && *tmp ? tmp : "/tmp";
	err = file_mkdirs(parent, 0700);
	if (err)
		return err;
	snprintf(prefix, sizeof(prefix), "taskfs-engine-%u-",
		 (unsigned)getuid());
	remove_left(parent, prefix);
	dir = xasprintf("%s/%sXXXXXX", parent, prefix);
	if (!mkdtemp(dir))
		err = -errno;
	/* Not every filesystem has locks; then nothing is removed either. */
	*ret_lock = err ? -1 : lock(dir);
	/* Tasks use it from other directories. */
	*ret_dir = err ? NULL : realpath(dir, NULL);
	if (!err && !*ret_dir)
		err = -errno;
	free(dir);
	return err;
}

/* A directory: there is more to remove. */
static _Thread_local bool opened_up;

static void open_up(const char *dir)
{
	struct stat st;

	if (lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) &&
	    (st.st_mode & 0700) != 0700 && chmod(dir, 0700) == 0)
		opened_up = true;
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *at)
{
	char *parent;

	(void)st;
	if (type == FTW_DNR) {
		open_up(path);
	} else if (at->level > 0 && remove(path) < 0 && errno == EACCES) {
		parent = xmemdup_nul(path, (size_t)at->base - 1);
		open_up(parent);
		free(parent);
	}
	return 0;
}

/*
 * Tasks may have made anything among the variables, also what cannot be read.
 * No link is followed.
 */
void spool_clear(const char *dir)
{
	if (!file_is_own_dir(dir))
		return;
	do {
		opened_up = false;
		(void)nftw(dir, remove_one, 16,
			   FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	} while (opened_up);
}

int spool_remove(const char *dir)
{
	struct stat st;

	/* Where one that is gone was somebody else may have put something. */
	if (lstat(dir, &st) == 0 && !file_is_own_dir(dir))
		return -EPERM;
	spool_clear(dir);
	return rmdir(dir) < 0 && errno != ENOENT ? -errno : 0;
}

static int make_again(struct spool *s)
{
	char *parent = xmemdup_nul(s->dir, (size_t)(strrchr(s->dir, '/') - s->dir));
	int err = *parent ? file_mkdirs(parent, 0700) : 0;

	free(parent);
	if (!err && mkdir(s->dir, 0700) < 0)
		err = errno == EEXIST ? -EPERM : -errno;
	if (err)
		return err;
	if (s->lock > 0)
		close(s->lock);
	s->lock = lock(s->dir);
	log_warning("the spool was removed; it is made anew",
		    log_str("path", s->dir));
	return 0;
}

int spool_ensure(struct spool *s)
{
	struct stat st;

	if (lstat(s->dir, &st) < 0)
		return errno == ENOENT ? make_again(s) : -errno;
	if (!file_is_own_dir(s->dir))
		return -EPERM;
	if ((st.st_mode & 0777) != 0700 && chmod(s->dir, 0700) < 0)
		return -errno;
	return 0;
}

int spool_file(struct spool *s)
{
	int err = spool_ensure(s);

	return err ? err : file_unnamed(s->dir);
}

void spool_set_nearby(struct spool *s, const char *outputs,
		      const char *instance)
{
	int dir = outputs ? nearby_open(outputs, instance) : -ENOENT;

	if (s->nearby > 0)
		close(s->nearby);
	s->nearby = dir > 0 ? dir : 0;
	if (!s->owner[0])
		id_new(s->owner);
}

/* Where nothing can be locked nobody would know that it is in use; or the controller
 * has just looked whether it is. */
static int unlocked(int dir, const char *name, int fd)
{
	unlinkat(dir, name, 0);
	close(fd);
	return -ENOENT;
}

int spool_file_nearby(struct spool *s, char name[NEARBY_NAME])
{
	int fd, dir;

	if (s->nearby <= 0)
		return -ENOENT;
	dir = openat(s->nearby, NEARBY_ENGINES,
		     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	snprintf(name, NEARBY_NAME, "%s-%lu", s->owner, s->made++);
	fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		fd = -errno;
	else if (flock(fd, LOCK_SH | LOCK_NB) < 0)
		fd = unlocked(dir, name, fd);
	close(dir);
	return fd;
}

bool spool_is_nearby(const struct spool *s, const char *name, int fd)
{
	char path[NEARBY_NAME + sizeof(NEARBY_ENGINES) + 1];
	struct stat a, b;

	snprintf(path, sizeof(path), NEARBY_ENGINES "/%s", name);
	return s->nearby > 0 &&
	       fstatat(s->nearby, path, &a, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstat(fd, &b) == 0 && a.st_ino == b.st_ino &&
	       a.st_dev == b.st_dev;
}

void spool_drop_nearby(const struct spool *s, const char *name, int fd)
{
	char path[NEARBY_NAME + sizeof(NEARBY_ENGINES) + 1];

	snprintf(path, sizeof(path), NEARBY_ENGINES "/%s", name);
	if (spool_is_nearby(s, name, fd))
		unlinkat(s->nearby, path, 0);
}

int spool_script(struct spool *s, struct bytes text, char **ret_path)
{
	int fd, err = spool_ensure(s);
	char *path;

	if (err)
		return err;
	path = xasprintf("%s/script-%lu", s->dir, s->made++);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	err = fd < 0 ? -errno : 0;
	if (!err)
		err = file_write_all(fd, text);
	if (fd >= 0 && close(fd) < 0 && !err)
		err = -errno;
	if (err) {
		if (fd >= 0)
			unlink(path);
		free(path);
		return err;
	}
	*ret_path = path;
	return 0;
}

int spool_dir(struct spool *s, char **ret_path)
{
	int err = spool_ensure(s);
	char *path;

	if (err)
		return err;
	path = xasprintf("%s/dir-%lu", s->dir, s->made++);
	if (mkdir(path, 0700) < 0) {
		err = -errno;
		free(path);
		return err;
	}
	*ret_path = path;
	return 0;
}

static void *remove_dir(void *path)
{
	(void)spool_remove(path);
	free(path);
	return NULL;
}

void spool_drop_dir(char *path)
{
	sigset_t all, old;
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	if (rmdir(path) == 0 || errno == ENOENT) {
		free(path);
		return;
	}
	/* The loop's thread alone hears signals. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	err = pthread_create(&thread, &attr, remove_dir, path);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		(void)remove_dir(path);
}
