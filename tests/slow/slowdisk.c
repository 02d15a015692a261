/*
 * A slow disk: preloaded, it delays what a program changes in regular files and
 * directories, as a disk that is old, full or far away does. SLOWDISK_SYNC and
 * SLOWDISK_CHANGE: microseconds for each fsync, and for each other change.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
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

/* The function of that name behind this one. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int fsync(int fd)
{
	delay("SLOWDISK_SYNC");
	return REAL(fsync)(fd);
}

int fdatasync(int fd)
{
	delay("SLOWDISK_SYNC");
	return REAL(fdatasync)(fd);
}

ssize_t write(int fd, const void *from, size_t n)
{
	delay_if_file(fd);
	return REAL(write)(fd, from, n);
}

ssize_t pwrite(int fd, const void *from, size_t n, off_t at)
{
	delay_if_file(fd);
	return REAL(pwrite)(fd, from, n, at);
}

ssize_t pwrite64(int fd, const void *from, size_t n, off64_t at)
{
	delay_if_file(fd);
	return REAL(pwrite64)(fd, from, n, at);
}

int ftruncate(int fd, off_t size)
{
	delay("SLOWDISK_CHANGE");
	return REAL(ftruncate)(fd, size);
}

int ftruncate64(int fd, off64_t size)
{
	delay("SLOWDISK_CHANGE");
	return REAL(ftruncate64)(fd, size);
}

int unlink(const char *path)
{
	delay("SLOWDISK_CHANGE");
	return REAL(unlink)(path);
}

int rename(const char *from, const char *to)
{
	delay("SLOWDISK_CHANGE");
	return REAL(rename)(from, to);
}

int mkdir(const char *path, mode_t mode)
{
	delay("SLOWDISK_CHANGE");
	return REAL(mkdir)(path, mode);
}
