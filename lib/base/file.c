#include "base/file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>

/* Not in linux/magic.h. */
#define LUSTRE_MAGIC 0x0bd00bd0UL
#define GPFS_MAGIC 0x47504653UL
#ifndef SMB2_SUPER_MAGIC
#define SMB2_SUPER_MAGIC 0xfe534d42UL
#endif
#ifndef CIFS_SUPER_MAGIC
#define CIFS_SUPER_MAGIC 0xff534d42UL
#endif

int file_read(const char *path, size_t limit, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t start = out->n;
	int err = 0;

	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t n = read(fd, buf_reserve(out, 4096), 4096);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = -errno;
		if (n <= 0)
			break;
		out->n += (size_t)n;
		if (out->n - start > limit) {
			err = -EFBIG;
			break;
		}
	}
	close(fd);
	return err;
}

int file_lock(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);
	int err;

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int file_write_all(int fd, struct bytes text)
{
	const char *p = text.p;

	while (text.n > 0) {
		ssize_t n = write(fd, p, text.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		text.n -= (size_t)n;
	}
	return 0;
}

int file_write_atomic(const char *path, mode_t mode, struct bytes text)
{
	char *tmp = xasprintf("%s.%d.tmp", path, (int)getpid());
	int err = 0;
	int fd;

	unlink(tmp);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0) {
		err = -errno;
		goto out;
	}
	if (fchmod(fd, mode) < 0)
		err = -errno;
	if (!err)
		err = file_write_all(fd, text);
	if (!err && fsync(fd) < 0)
		err = -errno;
	if (close(fd) < 0 && !err)
		err = -errno;
	if (!err && rename(tmp, path) < 0)
		err = -errno;
	if (err)
		unlink(tmp);
out:
	free(tmp);
	return err;
}

static int make_dir(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int file_mkdirs(const char *path, mode_t mode)
{
	char *copy = xstrdup(path);
	char *p;
	int err = 0;

	for (p = copy + 1; *p && !err; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		err = make_dir(copy, 0777);
		*p = '/';
	}
	if (!err)
		err = make_dir(copy, mode);
	free(copy);
	return err;
}

int file_unnamed(const char *dir)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char *path;

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR &&
			errno != EINVAL))
		return fd < 0 ? -errno : fd;
	/* A filesystem without O_TMPFILE. */
	path = xasprintf("%s/XXXXXX", dir);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	else
		unlink(path);
	free(path);
	return fd;
}

bool file_is_own_dir(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
	       st.st_uid == geteuid();
}

int file_check_dir(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	return (st.st_uid == geteuid() || st.st_uid == 0) &&
			       !(st.st_mode & S_IWOTH)
		       ? 0
		       : -EPERM;
}

/* What is wrong with it; NULL: nothing. */
static const char *look_at_log(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return strerror(errno);
	if (S_ISCHR(st.st_mode))
		return NULL;
	if (!S_ISREG(st.st_mode))
		return "it is no plain file";
	if (st.st_uid != geteuid())
		return "it belongs to another user";
	if (st.st_nlink != 1)
		return "the file has another name, too";
	/* One of before may be there for everybody to read. */
	return fchmod(fd, 0600) < 0 ? strerror(errno) : NULL;
}

int file_open_log(const char *path, const char **ret_why)
{
	/* A pipe that nobody reads would be waited for. */
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC |
				    O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
		      0600);
	int err = fd < 0 ? -errno : 0;

	*ret_why = err == -ELOOP  ? "it is a link; name the file itself"
		   : err == -ENXIO ? "it is no plain file"
		   : err	   ? strerror(-err)
				   : look_at_log(fd);
	if (!*ret_why)
		return fd;
	if (fd >= 0)
		close(fd);
	return err ? err : -EPERM;
}

bool file_is_remote(int fd)
{
	static const unsigned long types[] = {
		NFS_SUPER_MAGIC, FUSE_SUPER_MAGIC, SMB2_SUPER_MAGIC,
		CIFS_SUPER_MAGIC, SMB_SUPER_MAGIC, AFS_SUPER_MAGIC,
		CEPH_SUPER_MAGIC, CODA_SUPER_MAGIC, V9FS_MAGIC, LUSTRE_MAGIC,
		GPFS_MAGIC,
	};
	struct statfs fs;
	size_t i;

	if (fstatfs(fd, &fs) < 0)
		return true;
	for (i = 0; i < ARRAY_SIZE(types); i++)
		if (((unsigned long)fs.f_type & 0xffffffff) == types[i])
			return true;
	return false;
}
