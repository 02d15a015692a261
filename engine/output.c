#include "output.h"

#include <fcntl.h>

/* What a pipe holds at most. */
#define SPLICE_MOST ((uint64_t)1024 * 1024)

static unsigned files;

char *output_scratch(void)
{
	static char scratch[OUTPUT_PIECE];

	return scratch;
}

unsigned output_files(void)
{
	return files;
}

/* All of it, or -errno and the file as long as it was (or as it seems). */
static int append(struct output *o, struct bytes b)
{
	const char *p = b.p;
	size_t at = 0;

	while (at < b.n) {
		ssize_t n = pwrite(o->fd, p + at, b.n - at,
				   (off_t)(o->size + at));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += (size_t)n;
	}
	o->size += b.n;
	return 0;
}

static int open_file(struct output *o, struct spool *s)
{
	char name[NEARBY_NAME];
	int fd = spool_file_nearby(s, name);

	o->spool = s;
	if (fd < 0)
		return spool_file(s);
	o->name = xstrdup(name);
	return fd;
}

void output_keep(struct output *o)
{
	if (o->name)
		spool_drop_nearby(o->spool, o->name, o->fd);
	free(o->name);
	o->name = NULL;
}

static void close_file(struct output *o)
{
	output_keep(o);
	close(o->fd);
	o->fd = 0;
	files--;
}

/* Memory goes to a file, and with it everything that follows. */
static int spill(struct output *o, struct spool *s)
{
	int err, fd = open_file(o, s);

	if (fd < 0)
		return fd;
	assert(fd > 0);
	o->fd = fd;
	files++;
	o->size = 0;
	err = append(o, buf_bytes(&o->memory));
	if (err) {
		o->size = o->memory.n;
		close_file(o);
		return err;
	}
	buf_done(&o->memory);
	return 0;
}

int output_put(struct output *o, struct spool *s, struct bytes b,
	       uint64_t limit)
{
	uint64_t room = limit > o->size ? limit - o->size : 0;
	bool too_much = b.n > room;
	int err = 0;

	if (too_much)
		b.n = (size_t)room;
	if (!o->fd && o->size + b.n > OUTPUT_MEMORY)
		err = spill(o, s);
	if (!err && o->fd) {
		err = append(o, b);
	} else if (!err) {
		buf_put(&o->memory, b.p, b.n);
		o->size += b.n;
	}
	return err ? err : too_much ? -EFBIG : 0;
}

ssize_t output_splice(struct output *o, int from, uint64_t limit)
{
	loff_t at = (loff_t)o->size;
	ssize_t n;

	if (!o->fd || o->size >= limit)
		return -EINVAL;
	do {
		n = splice(from, NULL, o->fd, &at,
			   (size_t)min_u64(SPLICE_MOST, limit - o->size),
			   SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	o->size += (uint64_t)n;
	return n;
}

int output_read(const struct output *o, uint64_t offset, size_t max,
		struct bytes *ret_b)
{
	char *to = output_scratch();
	ssize_t n;

	assert(max <= OUTPUT_PIECE && offset <= o->size);
	max = (size_t)min_u64(max, o->size - offset);
	*ret_b = bytes_of(NULL, 0);
	if (!max)
		return 0;
	if (!o->fd) {
		*ret_b = bytes_of(o->memory.p + offset, max);
		return 0;
	}
	do {
		n = pread(o->fd, to, max, (off_t)offset);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : -EIO;
	*ret_b = bytes_of(to, (size_t)n);
	return 0;
}

void output_done(struct output *o)
{
	if (o->fd)
		close_file(o);
	buf_done(&o->memory);
	*o = (struct output)OUTPUT_INIT;
}
