#include "copy.h"
#include "base/base.h"
#include "base/file.h"
#include "wire/out_path.h"

#include <fcntl.h>
#include <sys/stat.h>

/* A pipe or a terminal that nobody reads would hold up all tasks. */
static int check_kind(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) || S_ISCHR(st.st_mode) ? 0 : -EOPNOTSUPP;
}

/* Two of them may be one file: each write goes to its end. */
static int open_file(const char *path, bool append)
{
	int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY |
		    O_NONBLOCK | (append ? 0 : O_TRUNC);
	int fd = open(path, flags, 0666);
	int err = fd < 0 ? -errno : check_kind(fd);

	if (!err)
		return fd;
	if (fd >= 0)
		close(fd);
	return err == -ENXIO ? -EOPNOTSUPP : err;
}

static int open_one(struct copy *copy, const char *name, struct bytes option,
		    struct json_object *metadata, const char *dir,
		    struct buf *why)
{
	struct buf path = BUF_INIT;
	bool append;
	int fd;

	append = out_path_put(option,
			      (uint64_t)json_int_or(metadata, "result", 0),
			      (uint64_t)json_int_or(metadata, "index", 0), &path);
	copy->path = *buf_str(&path) == '/' || !dir
			     ? xstrdup(buf_str(&path))
			     : xasprintf("%s/%s", dir, buf_str(&path));
	buf_done(&path);
	fd = open_file(copy->path, append);
	if (fd >= 0) {
		copy->fd = fd;
		return 0;
	}
	buf_printf(why, "%s: %s: %s", name, copy->path,
		   fd == -EOPNOTSUPP ? "it is no file" : strerror(-fd));
	return fd;
}

int copies_open(struct copy copy[STREAM_OUTPUTS], struct json_object *metadata,
		const char *dir, struct buf *why)
{
	static const enum stream of[] = {STREAM_STDOUT, STREAM_STDERR};
	size_t i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(of) && !err; i++) {
		const char *name = stream_name(of[i]);
		struct bytes option = json_get_bytes(metadata, name);

		if (option.p)
			err = open_one(&copy[of[i]], name, option, metadata, dir,
				       why);
	}
	if (err)
		copies_done(copy);
	return err;
}

static void fail(struct copy *copy, int err)
{
	if (!copy->err)
		copy->err = err;
	if (copy->fd)
		close(copy->fd);
	copy->fd = 0;
}

void copy_put(struct copy *copy, struct bytes b)
{
	int err;

	if (!copy->fd)
		return;
	err = file_write_all(copy->fd, b);
	if (err)
		fail(copy, err);
}

void copies_close(struct copy copy[STREAM_OUTPUTS])
{
	int i;

	for (i = 0; i < STREAM_OUTPUTS; i++) {
		/* Some file systems say only now that they are full. */
		if (copy[i].fd && close(copy[i].fd) < 0 && !copy[i].err)
			copy[i].err = -errno;
		copy[i].fd = 0;
	}
}

bool copies_are_below(const struct copy copy[STREAM_OUTPUTS], const char *dir)
{
	size_t n = strlen(dir);
	int i;

	for (i = 0; i < STREAM_OUTPUTS; i++)
		if (copy[i].path && strncmp(copy[i].path, dir, n) == 0 &&
		    copy[i].path[n] == '/')
			return true;
	return false;
}

void copies_put_errors(const struct copy copy[STREAM_OUTPUTS], struct buf *out)
{
	int i;

	for (i = 0; i < STREAM_OUTPUTS; i++)
		if (copy[i].err)
			buf_printf(out, "%s%s: %s: %s", out->n ? "; " : "",
				   stream_name((enum stream)i), copy[i].path,
				   strerror(-copy[i].err));
}

void copies_done(struct copy copy[STREAM_OUTPUTS])
{
	int i;

	copies_close(copy);
	for (i = 0; i < STREAM_OUTPUTS; i++) {
		free(copy[i].path);
		copy[i] = (struct copy){0};
	}
}
