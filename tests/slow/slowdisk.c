/*
 * A slow disk: preloaded, it delays what a program changes in regular files and
 * directories, as a disk that is old, full or far away does. SLOWDISK_SYNC and
 * SLOWDISK_CHANGE: microseconds for each fsync, and for each other change.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void delay(const char *variable)
{
	const char *text = getenv(variable);
	long usec = text ? strtol(text, NULL, 10) : 0;
	struct timespec t = {usec / 1000000, usec % 1000000 * 1000};

	if (usec > 0)
		nanosleep(&t, NULL);
}

static void delay_if_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		delay("SLOWDISK_CHANGE");
}

/* real: the function of that name behind this one. */
#define REAL(name)                                      \
	static __typeof__(&name) real;                  \
	do {                                            \
		if (!real)                              \
			*(void **)&real = dlsym(RTLD_NEXT, #name); \
	} while (0)

int fsync(int fd)
{
	REAL(fsync);

	delay("SLOWDISK_SYNC");
	return real(fd);
}

int fdatasync(int fd)
{
	REAL(fdatasync);

	delay("SLOWDISK_SYNC");
	return real(fd);
}

ssize_t write(int fd, const void *from, size_t n)
{
	REAL(write);

	delay_if_file(fd);
	return real(fd, from, n);
}

ssize_t pwrite(int fd, const void *from, size_t n, off_t at)
{
	REAL(pwrite);

	delay_if_file(fd);
	return real(fd, from, n, at);
}

ssize_t pwrite64(int fd, const void *from, size_t n, off64_t at)
{
	REAL(pwrite64);

	delay_if_file(fd);
	return real(fd, from, n, at);
}

int ftruncate(int fd, off_t size)
{
	REAL(ftruncate);

	delay("SLOWDISK_CHANGE");
	return real(fd, size);
}

int ftruncate64(int fd, off64_t size)
{
	REAL(ftruncate64);

	delay("SLOWDISK_CHANGE");
	return real(fd, size);
}

int unlink(const char *path)
{
	REAL(unlink);

	delay("SLOWDISK_CHANGE");
	return real(path);
}

int rename(const char *from, const char *to)
{
	REAL(rename);

	delay("SLOWDISK_CHANGE");
	return real(from, to);
}

int mkdir(const char *path, mode_t mode)
{
	REAL(mkdir);

	delay("SLOWDISK_CHANGE");
	return real(path, mode);
}
