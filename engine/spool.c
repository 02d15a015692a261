#include "spool.h"
#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

int spool_make(const char *parent, char **ret_dir)
{
	const char *tmp = getenv("TMPDIR");
	char *dir;
	int err;

	if (!parent)
		parent = tmp && *tmp ? tmp : "/tmp";
	err = file_mkdirs(parent, 0700);
	if (err)
		return err;
	dir = xasprintf("%s/taskfs-engine-%u-XXXXXX", parent,
			(unsigned)getuid());
	if (!mkdtemp(dir)) {
		err = -errno;
		free(dir);
		return err;
	}
	/* Tasks use it from other directories. */
	*ret_dir = realpath(dir, NULL);
	err = *ret_dir ? 0 : -errno;
	free(dir);
	return err;
}

int spool_remove(const char *dir)
{
	struct dirent *e;
	DIR *d = opendir(dir);

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	return rmdir(dir) < 0 && errno != ENOENT ? -errno : 0;
}

int spool_file(const struct spool *s)
{
	int fd = open(s->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char *path;

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR &&
			errno != EINVAL))
		return fd < 0 ? -errno : fd;
	/* A filesystem without O_TMPFILE. */
	path = xasprintf("%s/XXXXXX", s->dir);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	else
		unlink(path);
	free(path);
	return fd;
}

int spool_script(struct spool *s, struct bytes text, char **ret_path)
{
	char *path = xasprintf("%s/script-%lu", s->dir, s->scripts++);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	int err = fd < 0 ? -errno : 0;

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
