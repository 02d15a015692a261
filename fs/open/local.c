#include "local.h"
#include "wire/limits.h"
#include "wire/nearby.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

/* Files of others need descriptors, too. */
#define LOCAL_FILES 64
/* As much as the kernel asks for at once. */
#define LOCAL_MOST ((size_t)(1 * MIB))

static unsigned files;

int local_open(const struct link *l, uint64_t result, uint32_t task,
	       enum stream s, uint64_t size)
{
	char name[NEARBY_NAME];
	struct stat st;
	int fd;

	if (l->nearby <= 0 || files >= LOCAL_FILES || size < LOCAL_LEAST ||
	    s >= STREAM_OUTPUTS)
		return 0;
	nearby_output(name, result, task, s);
	fd = openat(l->nearby, name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return 0;
	/* It may be longer: what came of a try that was given up. */
	if (fd == 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_size < size) {
		close(fd);
		return 0;
	}
	files++;
	return fd;
}

/* The pieces of an answer follow each other there, also those of several files. */
bool local_read(int fd, uint64_t off, size_t n, struct answer *a)
{
	static char *room;
	struct iovec to;

	if (a->n + n > LOCAL_MOST || a->pieces == ANSWER_PIECES)
		return false;
	if (!room)
		room = xmalloc(LOCAL_MOST);
	to = (struct iovec){room + a->n, n};
	/* The loop does not wait for the disk: the controller's thread does. */
	if (preadv2(fd, &to, 1, (off_t)off, RWF_NOWAIT) != (ssize_t)n)
		return false;
	answer_add(a, to.iov_base, n);
	return true;
}

void local_close(int fd)
{
	if (fd <= 0)
		return;
	close(fd);
	files--;
}
