#include "watchers.h"
#include "base/buf.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#define FDINFO_MOST (16UL * 1024 * 1024) /* more watches are not seen */

void watchers_done(struct watchers *w)
{
	free(w->ino);
	free(w->known);
	*w = (struct watchers){0};
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void sort(struct watchers *w)
{
	if (w->n)
		qsort(w->ino, w->n, sizeof(*w->ino), compare);
}

static size_t first_from(const struct watchers *w, uint64_t from)
{
	size_t low = 0, high = w->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (w->ino[mid] < from)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

uint64_t watchers_next(const struct watchers *w, uint64_t from)
{
	size_t i = first_from(w, from);

	return i < w->n ? w->ino[i] : 0;
}

bool watchers_has(const struct watchers *w, uint64_t ino)
{
	return ino && watchers_next(w, ino) == ino;
}

/* --- one descriptor ----------------------------------------------------- */

static void add(struct watchers *w, uint64_t ino)
{
	if (w->n == w->room) {
		w->room = w->room ? w->room * 2 : 64;
		w->ino = xreallocarray(w->ino, w->room, sizeof(*w->ino));
	}
	w->ino[w->n++] = ino;
}

/* The number in hexadecimal behind a word of the line. */
static bool number_after(const char *line, const char *word, uint64_t *ret_n)
{
	const char *p = strstr(line, word);
	char *end;

	if (!p)
		return false;
	p += strlen(word);
	errno = 0;
	*ret_n = strtoull(p, &end, 16);
	return isxdigit((unsigned char)*p) && errno == 0;
}

/* "inotify wd:1 ino:2a01 sdev:39 mask:..." */
bool watchers_parse(struct watchers *w, struct bytes text)
{
	const char *p = text.p, *end = p + text.n;
	uint64_t ino, dev;
	size_t before = w->n;
	char line[256];

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl ? nl : end) - p);

		snprintf(line, sizeof(line), "%.*s", (int)min_u64(n, 255), p);
		if (number_after(line, " ino:", &ino) &&
		    number_after(line, " sdev:", &dev) && dev == w->dev)
			add(w, ino);
		p += n + 1;
	}
	return w->n > before;
}

static bool read_one(struct watchers *w, int pid, int fd)
{
	static struct buf b;
	char path[64];
	ssize_t n = 0;
	int info;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		return false;
	buf_clear(&b);
	do {
		b.n += (size_t)n;
		n = read(info, buf_reserve(&b, 65536), 65536);
	} while (n > 0 && b.n < FDINFO_MOST);
	close(info);
	return watchers_parse(w, buf_bytes(&b));
}

/* --- all of them -------------------------------------------------------- */

static void know(struct watchers *w, int pid, int fd)
{
	if (!read_one(w, pid, fd))
		return;
	if (w->nknown == w->known_room) {
		w->known_room = w->known_room ? w->known_room * 2 : 8;
		w->known = xreallocarray(w->known, w->known_room,
					 sizeof(*w->known));
	}
	w->known[w->nknown++] = (struct watcher){pid, fd};
}

static bool is_number(const char *name)
{
	return *name && name[strspn(name, "0123456789")] == '\0' &&
	       strlen(name) < 10;
}

static void look_at_process(struct watchers *w, int pid)
{
	char path[32], to[32];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		ssize_t n;

		if (!is_number(e->d_name))
			continue;
		n = readlinkat(dirfd(d), e->d_name, to, sizeof(to));
		if (n > 14 && (memcmp(to, "anon_inode:ino", 14) == 0 ||
			       memcmp(to, "anon_inode:[fa", 14) == 0))
			know(w, pid, (int)strtol(e->d_name, NULL, 10));
	}
	if (d)
		closedir(d);
}

int watchers_find(struct watchers *w)
{
	DIR *d = opendir("/proc");
	struct dirent *e;

	w->n = w->nknown = 0;
	if (!d)
		return -errno;
	while ((e = readdir(d)))
		if (is_number(e->d_name))
			look_at_process(w, (int)strtol(e->d_name, NULL, 10));
	closedir(d);
	sort(w);
	return 0;
}

void watchers_refresh(struct watchers *w)
{
	size_t i, n = w->nknown;

	w->n = w->nknown = 0;
	for (i = 0; i < n; i++)
		know(w, w->known[i].pid, w->known[i].fd);
	sort(w);
}
