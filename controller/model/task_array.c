#include "base/base.h"
#include "task_array.h"

#include <sys/mman.h>

/* From here on it is worth the system calls. */
#define LARGE 65536
/* Tasks that are written once, and mapped again and again. */
#define PIECE 16384

static bool is_large(size_t n)
{
	return n >= LARGE;
}

static void fill(struct task *tasks, size_t n)
{
	static const struct task fresh = {
		.state = STATE_PENDING,
		.engine = -1,
		.exit_status = -1,
		.signal = -1,
		.user = -1,
	};
	size_t i;

	for (i = 0; i < n; i++)
		tasks[i] = fresh;
}

/* PIECE tasks are whole pages, whatever the size of one is: PIECE is a multiple of the
 * size of a page. */
static size_t piece_size(void)
{
	assert(PIECE % (size_t)sysconf(_SC_PAGESIZE) == 0);
	return PIECE * sizeof(struct task);
}

/* So much is mapped for n tasks. */
static size_t mapped_size(size_t n)
{
	return (n + PIECE - 1) / PIECE * piece_size();
}

/* A file of PIECE tasks; -errno. */
static int make_piece(void)
{
	int fd = memfd_create("taskfs-tasks", MFD_CLOEXEC), err = 0;
	struct task *tasks;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)piece_size()) < 0)
		err = -errno;
	tasks = err ? MAP_FAILED
		    : mmap(NULL, piece_size(), PROT_READ | PROT_WRITE,
			   MAP_SHARED, fd, 0);
	if (tasks == MAP_FAILED) {
		close(fd);
		return err ? err : -ENOMEM;
	}
	fill(tasks, PIECE);
	munmap(tasks, piece_size());
	return fd;
}

/* The first place keeps the addresses together; each piece replaces a part of it. */
static char *map_pieces(int fd, size_t size)
{
	char *all = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			 0);
	size_t at;

	if (all == MAP_FAILED)
		return NULL;
	for (at = 0; at < size; at += piece_size()) {
		if (mmap(all + at, piece_size(), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_FIXED, fd, 0) == MAP_FAILED) {
			munmap(all, size);
			return NULL;
		}
	}
	return all;
}

/* Where nothing can be shared: no descriptor is left, say. */
static struct task *map_all(size_t n)
{
	struct task *tasks = mmap(NULL, mapped_size(n), PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (tasks == MAP_FAILED)
		abort();	/* as for any other memory */
	fill(tasks, n);
	return tasks;
}

static struct task *new_large(size_t n)
{
	int fd = make_piece();
	char *all = fd < 0 ? NULL : map_pieces(fd, mapped_size(n));

	if (fd >= 0)
		close(fd);
	return all ? (struct task *)(void *)all : map_all(n);
}

struct task *task_array_new(size_t n)
{
	struct task *tasks;

	if (is_large(n))
		return new_large(n);
	tasks = xreallocarray(NULL, n, sizeof(*tasks));
	fill(tasks, n);
	return tasks;
}

struct task *task_array_grow(struct task *tasks, size_t was, size_t n)
{
	struct task *all = task_array_new(n);

	memcpy(all, tasks, was * sizeof(*all));
	task_array_free(tasks, was);
	return all;
}

void task_array_free(struct task *tasks, size_t n)
{
	if (!tasks)
		return;
	if (is_large(n))
		munmap(tasks, mapped_size(n));
	else
		free(tasks);
}
