#include "base/blob.h"
#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>

void blob_init(struct blob *b)
{
	*b = (struct blob){.fd = -1};
}

static void unmap(struct blob *b)
{
	if (b->map)
		munmap(b->map, b->mapped);
	b->map = NULL;
}

void blob_done(struct blob *b)
{
	unmap(b);
	if (b->fd >= 0)
		close(b->fd);
	buf_done(&b->mem);
	blob_init(b);
}

static int write_at(int fd, uint64_t off, struct bytes data)
{
	const char *p = data.p;

	while (data.n > 0) {
		ssize_t n = pwrite(fd, p, data.n, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		off += (uint64_t)n;
		data.n -= (size_t)n;
	}
	return 0;
}

static int move_to_file(struct blob *b)
{
	const char *tmp = getenv("TMPDIR");
	int fd = file_unnamed(tmp && *tmp ? tmp : "/tmp");
	int err;

	if (fd < 0)
		return fd;
	err = write_at(fd, 0, buf_bytes(&b->mem));
	if (err) {
		close(fd);
		return err;
	}
	b->fd = fd;
	buf_done(&b->mem);
	return 0;
}

static int resize_file(struct blob *b, uint64_t size)
{
	int err = b->fd < 0 ? move_to_file(b) : 0;

	/* No holes: reading one of a full tmpfs in blob_bytes() is SIGBUS. */
	if (!err && size > b->size)
		err = -posix_fallocate(b->fd, (off_t)b->size,
				       (off_t)(size - b->size));
	if ((!err && size < b->size) || err)
		if (b->fd >= 0 &&
		    ftruncate(b->fd, (off_t)(err ? b->size : size)) < 0 && !err)
			err = -errno;
	return err;
}

static void resize_memory(struct blob *b, size_t size)
{
	if (size > b->mem.n)
		memset(buf_reserve(&b->mem, size - b->mem.n), 0,
		       size - b->mem.n);
	b->mem.n = size;
}

int blob_resize(struct blob *b, uint64_t size)
{
	int err = 0;

	unmap(b);
	if (size == 0)
		blob_done(b);
	else if (b->fd < 0 && size <= BLOB_IN_MEMORY)
		resize_memory(b, size);
	else
		err = resize_file(b, size);
	if (!err)
		b->size = size;
	return err;
}

int blob_write(struct blob *b, uint64_t off, struct bytes data)
{
	uint64_t end = off + data.n, was = b->size;
	int err = end > was ? blob_resize(b, end) : 0;

	unmap(b);
	if (err || data.n == 0)
		return err;
	if (b->fd < 0) {
		memcpy(b->mem.p + off, data.p, data.n);
		return 0;
	}
	err = write_at(b->fd, off, data);
	if (err && end > was)
		(void)!blob_resize(b, was);
	return err;
}

int blob_read(const struct blob *b, uint64_t off, size_t n, struct buf *out)
{
	ssize_t got;

	if (off >= b->size)
		return 0;
	n = min_u64(n, b->size - off);
	if (b->fd < 0) {
		buf_put(out, b->mem.p + off, n);
		return 0;
	}
	got = pread(b->fd, buf_reserve(out, n), n, (off_t)off);
	if (got < 0)
		return -errno;
	out->n += (size_t)got;
	return 0;
}

int blob_bytes(struct blob *b, struct bytes *ret)
{
	void *p;

	*ret = buf_bytes(&b->mem);
	if (b->fd < 0 || b->size == 0)
		return 0;
	if (!b->map) {
		p = mmap(NULL, b->size, PROT_READ, MAP_SHARED, b->fd, 0);
		if (p == MAP_FAILED)
			return -errno;
		b->map = p;
		b->mapped = b->size;
	}
	*ret = bytes_of(b->map, b->mapped);
	return 0;
}
