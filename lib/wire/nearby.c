#include "nearby.h"

#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#define PROOF "here-"

static void remove_if_left(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
				   O_CLOEXEC);

	if (fd < 0)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		unlinkat(dir, name, 0);
	close(fd);
}

static bool is_proof(const char *name)
{
	return strncmp(name, PROOF, strlen(PROOF)) == 0;
}

/* Those of engines, or those that show where earlier controllers were. */
static void sweep(const char *path, bool proofs)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' && is_proof(e->d_name) == proofs)
			remove_if_left(dirfd(d), e->d_name);
	if (d)
		closedir(d);
}

void nearby_sweep(const char *outputs)
{
	char *path = xasprintf("%s/" NEARBY_ENGINES, outputs);

	sweep(path, false);
	free(path);
}

/* A file with a second name, whose first one goes. */
static int show(int dir, const char *name)
{
	int fd = openat(dir, "new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	int err = fd < 0 ? -errno : 0;

	if (!err && linkat(dir, "new", dir, name, 0) < 0 && errno != EEXIST)
		err = errno == EPERM ? -EOPNOTSUPP : -errno;
	unlinkat(dir, "new", 0);
	if (fd >= 0)
		close(fd);
	return err;
}

int nearby_show(const char *outputs, const char *instance)
{
	char *path = xasprintf("%s/" NEARBY_ENGINES, outputs);
	char *name = xasprintf(PROOF "%s", instance);
	int dir, err = mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;

	dir = err ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
					    O_CLOEXEC);
	if (!err && dir < 0)
		err = -errno;
	if (!err) {
		sweep(path, true);
		sweep(path, false);
		err = show(dir, name);
	}
	if (dir >= 0)
		close(dir);
	free(path);
	free(name);
	return err;
}

static bool is_ours_alone(int dir)
{
	struct stat st;

	return fstat(dir, &st) == 0 && st.st_uid == geteuid() &&
	       (st.st_mode & 0077) == 0;
}

int nearby_open(const char *outputs, const char *instance)
{
	char *proof;
	int err = 0, dir = open(outputs, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
						 O_CLOEXEC);

	if (dir < 0)
		return -errno;
	proof = xasprintf(NEARBY_ENGINES "/" PROOF "%s", instance);
	if (!is_ours_alone(dir))
		err = -EPERM;
	else if (strchr(instance, '/') ||
		 faccessat(dir, proof, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		err = -ENOENT;
	/* Sizes there are known late, too. */
	else if (file_is_remote(dir))
		err = -EREMOTE;
	free(proof);
	if (!err)
		return dir;
	close(dir);
	return err;
}

void nearby_output(char name[NEARBY_NAME], uint64_t result, uint32_t index,
		   enum stream s)
{
	snprintf(name, NEARBY_NAME, "%llu.%u.%s", (unsigned long long)result,
		 index, stream_name(s));
}

bool nearby_name_valid(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n < NEARBY_NAME && name[0] != '.' &&
	       strspn(name, "0123456789abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ_.-") == n;
}
