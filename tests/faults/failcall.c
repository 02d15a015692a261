/*
 * A disk that fails: preloaded, it lets a call of a program about a file below $FAIL_DIR
 * fail, or kills the program there.
 *
 *	FAIL_CALLS	which calls: write, sync, size, name, open
 *	FAIL_AT		the number of the call, from 1; 0: all of them
 *	FAIL_WHILE	a file: other calls than those while it is there do not count
 *	FAIL_HOW	KILL: the program is killed before it; TORN: in the middle of what
 *			it writes; SHORT: half of it is written; or the name of an error
 *	FAIL_TOLD	a file: a line when that call came, and one for each sync that
 *			was done ("synced NAME SIZE")
 *	FAIL_FSTYPE	what statfs() says the file system is: a number
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <unistd.h>

/* real: the function of that name behind this one. */
#define REAL(name)                                      \
	static __typeof__(&name) real;                  \
	do {                                            \
		if (!real)                              \
			*(void **)&real = dlsym(RTLD_NEXT, #name); \
	} while (0)

enum outcome { GO_ON, FAIL, SHORT, TORN };

static const struct {
	const char *name;
	int err;
} errors[] = {
	{"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT}, {"EIO", EIO},
	{"EINTR", EINTR},   {"EMFILE", EMFILE}, {"EROFS", EROFS},
};

static const char *setting(const char *name)
{
	const char *text = getenv(name);

	return text ? text : "";
}

static void tell(const char *what, const char *name, long long size)
{
	static __typeof__(&write) real_write;
	static __typeof__(&open) real_open;
	char line[PATH_MAX + 64];
	int n, fd;

	*(void **)&real_write = dlsym(RTLD_NEXT, "write");
	*(void **)&real_open = dlsym(RTLD_NEXT, "open");
	fd = real_open(setting("FAIL_TOLD"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
		       0600);
	if (fd < 0)
		return;
	n = snprintf(line, sizeof(line), "%s %s %lld\n", what, name, size);
	if (real_write(fd, line, (size_t)n) < 0)
		abort();
	close(fd);
}

static bool is_below(const char *path)
{
	const char *dir = setting("FAIL_DIR");

	return *dir && strncmp(path, dir, strlen(dir)) == 0;
}

/* Of the file, or "". */
static void name_of(int fd, char path[PATH_MAX])
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_MAX - 1);
	path[n < 0 ? 0 : n] = '\0';
}

/* Whether it is this call's turn. */
static bool is_due(const char *kind, const char *path)
{
	static atomic_long calls;
	long at = strtol(setting("FAIL_AT"), NULL, 10);
	const char *only = setting("FAIL_WHILE");

	if (!strstr(setting("FAIL_CALLS"), kind) || !is_below(path) ||
	    (*only && access(only, F_OK) != 0))
		return false;
	return !at || atomic_fetch_add(&calls, 1) + 1 == at;
}

static enum outcome fails(const char *kind, const char *path)
{
	const char *how = setting("FAIL_HOW");
	size_t i;

	if (!is_due(kind, path))
		return GO_ON;
	tell("failed", path, 0);
	if (strcmp(how, "KILL") == 0)
		raise(SIGKILL);
	if (strcmp(how, "SHORT") == 0)
		return SHORT;
	if (strcmp(how, "TORN") == 0)
		return TORN;
	for (i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (strcmp(how, errors[i].name) == 0)
			errno = errors[i].err;
	return FAIL;
}

static enum outcome fails_at(const char *kind, int fd)
{
	char path[PATH_MAX];
	int was = errno;
	enum outcome o;

	name_of(fd, path);
	errno = was;
	o = fails(kind, path);
	return o;
}

/* --- writing ------------------------------------------------------------ */

#define WRITE(name, parameters, whole, half)                    \
	ssize_t name parameters                                 \
	{                                                       \
		enum outcome o;                                 \
		ssize_t put;                                    \
		REAL(name);                                     \
		o = fails_at("write", fd);                      \
		if (o == FAIL)                                  \
			return -1;                              \
		put = o == GO_ON ? real whole : real half;      \
		if (o == TORN)                                  \
			raise(SIGKILL);                         \
		return put;                                     \
	}
WRITE(write, (int fd, const void *from, size_t n), (fd, from, n), (fd, from, n / 2))
WRITE(pwrite, (int fd, const void *from, size_t n, off_t at), (fd, from, n, at),
      (fd, from, n / 2, at))
WRITE(pwrite64, (int fd, const void *from, size_t n, off64_t at), (fd, from, n, at),
      (fd, from, n / 2, at))

/* --- calls with a descriptor --------------------------------------------- */

static void synced(int fd)
{
	char path[PATH_MAX];
	struct stat st;

	name_of(fd, path);
	if (is_below(path) && fstat(fd, &st) == 0)
		tell("synced", path, (long long)st.st_size);
}

#define SYNC(name)                                              \
	int name(int fd)                                        \
	{                                                       \
		int err;                                        \
		REAL(name);                                     \
		if (fails_at("sync", fd) != GO_ON)              \
			return -1;                              \
		err = real(fd);                                 \
		if (!err && *setting("FAIL_TOLD"))              \
			synced(fd);                             \
		return err;                                     \
	}
SYNC(fsync)
SYNC(fdatasync)

#define SIZE(name, type)                                        \
	int name(int fd, type size)                             \
	{                                                       \
		REAL(name);                                     \
		return fails_at("size", fd) != GO_ON ? -1 : real(fd, size); \
	}
SIZE(ftruncate, off_t)
SIZE(ftruncate64, off64_t)

/* It gives back the error, and not -1. */
#define ALLOCATE(name, type)                                    \
	int name(int fd, type at, type n)                       \
	{                                                       \
		REAL(name);                                     \
		return fails_at("size", fd) != GO_ON ? errno : real(fd, at, n); \
	}
ALLOCATE(posix_fallocate, off_t)
ALLOCATE(posix_fallocate64, off64_t)

/* --- names ---------------------------------------------------------------- */

#define NAME(name, parameters, which, arguments)                \
	int name parameters                                     \
	{                                                       \
		REAL(name);                                     \
		return fails("name", which) != GO_ON ? -1 : real arguments; \
	}
NAME(rename, (const char *from, const char *to), to, (from, to))
NAME(link, (const char *from, const char *to), to, (from, to))
NAME(unlink, (const char *path), path, (path))
NAME(rmdir, (const char *path), path, (path))
NAME(mkdir, (const char *path, mode_t mode), path, (path, mode))

#define OPEN(name)                                              \
	int name(const char *path, int flags, ...)              \
	{                                                       \
		va_list args;                                   \
		mode_t mode;                                    \
		REAL(name);                                     \
		va_start(args, flags);                          \
		mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0; \
		va_end(args);                                   \
		return fails("open", path) != GO_ON ? -1 : real(path, flags, mode); \
	}
OPEN(open)
OPEN(open64)

int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
#define OPEN_2(name)                                            \
	int name(const char *path, int flags)                   \
	{                                                       \
		REAL(name);                                     \
		return fails("open", path) != GO_ON ? -1 : real(path, flags); \
	}
OPEN_2(__open_2)
OPEN_2(__open64_2)

/* --- which file system it is ----------------------------------------------- */

#define STATFS(name, parameters, arguments)                     \
	int name parameters                                     \
	{                                                       \
		int err;                                        \
		REAL(name);                                     \
		err = real arguments;                           \
		if (!err && *setting("FAIL_FSTYPE"))            \
			st->f_type = strtol(setting("FAIL_FSTYPE"), NULL, 0); \
		return err;                                     \
	}
STATFS(statfs, (const char *path, struct statfs *st), (path, st))
STATFS(fstatfs, (int fd, struct statfs *st), (fd, st))
