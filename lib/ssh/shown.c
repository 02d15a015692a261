#include "ssh/shown.h"

#include <dirent.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* "DIR/ctl" and what ssh adds, "DIR/s:65535": a socket's name has 107 bytes. */
#define LIMIT_BASE 60
/* A writer that is interrupted so long is asked again another time. */
#define TRIES 1000

static struct shown *map(int fd)
{
	void *p = mmap(NULL, sizeof(struct shown), PROT_READ | PROT_WRITE,
		       MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

int shown_new(struct shown **ret, int *ret_fd)
{
	int fd = memfd_create("taskfs-tunnel", MFD_CLOEXEC);
	struct shown *s = NULL;
	int err;

	if (fd >= 0 && ftruncate(fd, sizeof(*s)) == 0)
		s = map(fd);
	if (!s) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	*ret = s;
	*ret_fd = fd;
	return 0;
}

struct shown *shown_open(int fd)
{
	struct stat st;
	struct shown *s = NULL;

	if (fstat(fd, &st) == 0 && st.st_size == (off_t)sizeof(*s))
		s = map(fd);
	close(fd);
	return s;
}

void shown_free(struct shown *s)
{
	if (s)
		munmap(s, sizeof(*s));
}

/* --- one writer, whoever reads -------------------------------------------- */

/* Also behind one that was killed between these two. */
static void write_begin(struct shown *s)
{
	__atomic_store_n(&s->turn, s->turn | 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void write_end(struct shown *s)
{
	__atomic_store_n(&s->turn, s->turn + 1, __ATOMIC_RELEASE);
}

static void set_why(struct shown *s, struct bytes why)
{
	struct buf b = BUF_INIT;

	buf_put_escaped(&b, why, sizeof(s->why) / 4);
	s->nwhy = min_u64(b.n, sizeof(s->why));
	if (s->nwhy)
		memcpy(s->why, b.p, s->nwhy);
	buf_done(&b);
}

void shown_say(struct shown *s, enum tunnel_state state, struct bytes why)
{
	write_begin(s);
	s->state = state;
	set_why(s, why);
	if (state != TUNNEL_UP) {
		sodium_memzero(s->file, sizeof(s->file));
		s->nfile = 0;
	}
	write_end(s);
}

int shown_file(struct shown *s, struct bytes text)
{
	if (text.n > sizeof(s->file))
		return -EFBIG;
	write_begin(s);
	s->state = TUNNEL_UP;
	s->nwhy = 0;
	s->nfile = text.n;
	memcpy(s->file, text.p, text.n);
	write_end(s);
	return 0;
}

/* What is in from[] as one writer left it, *n bytes of it. */
static bool read_whole(const struct shown *s, const char *from, const size_t *n,
		       size_t room, struct buf *out, enum tunnel_state *ret_state)
{
	size_t before = out->n;
	int i;

	for (i = 0; i < TRIES; i++) {
		unsigned turn = __atomic_load_n(&s->turn, __ATOMIC_ACQUIRE);
		size_t bytes = *n;

		if (turn % 2 || bytes > room)
			continue;
		*ret_state = s->state;
		buf_put(out, from, bytes);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&s->turn, __ATOMIC_RELAXED) == turn)
			return true;
		out->n = before;
	}
	return false;
}

enum tunnel_state shown_get(const struct shown *s, struct buf *why)
{
	enum tunnel_state state;

	return read_whole(s, s->why, &s->nwhy, sizeof(s->why), why, &state)
		       ? state : TUNNEL_CONNECTING;
}

int shown_text(const struct shown *s, struct buf *text)
{
	enum tunnel_state state;

	return read_whole(s, s->file, &s->nfile, sizeof(s->file), text,
			  &state) && state == TUNNEL_UP ? 0 : -ENOENT;
}

/* --- the directory -------------------------------------------------------- */

/* ssh gives % and ~ in a path, and $ in some, a meaning of their own. */
static bool is_plain(const char *dir)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				      "/._-";

	return dir && dir[0] == '/' && strlen(dir) <= LIMIT_BASE &&
	       strspn(dir, letters) == strlen(dir);
}

int shown_new_dir(char **ret_dir)
{
	const char *base[] = {getenv("XDG_RUNTIME_DIR"), "/tmp"};
	int err = -ENOENT;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(base); i++) {
		char *dir = is_plain(base[i])
				    ? xasprintf("%s/taskfs-XXXXXX", base[i])
				    : NULL;

		if (dir && mkdtemp(dir)) {
			*ret_dir = dir;
			return 0;
		}
		err = -errno;
		free(dir);
	}
	return err;
}

/* Where it was, another user may have made something else meanwhile. */
void shown_remove_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (d && (e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			(void)unlinkat(fd, e->d_name, 0);
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	(void)rmdir(dir);
}
