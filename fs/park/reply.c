#include "reply.h"
#include "base/log.h"

static uint64_t given, errors[REPLY_ERRORS];

uint64_t reply_given(void)
{
	return given;
}

uint64_t reply_errors(int err)
{
	return errors[err];
}

/*
 * libfuse reports -ENOENT when the kernel has given a request up; that is no
 * failure of ours, and the request is freed in any case.
 */
static void count(int err, const char *what, int64_t value)
{
	given++;
	log_debug("reply", log_str("what", what), log_int("value", value),
		  log_int("lost", err != 0));
}

void answer_slice(struct answer *a, struct bytes text, uint64_t off,
		  size_t size)
{
	if (off < text.n)
		answer_add(a, (const char *)text.p + off,
			   min_u64(size, text.n - off));
}

void reply_err(fuse_req_t req, int err)
{
	if (err < 0 && -err < REPLY_ERRORS)
		errors[-err]++;
	count(fuse_reply_err(req, -err), err ? strerrorname_np(-err) : "ok",
	      err);
}

void reply_answer(fuse_req_t req, const struct answer *a)
{
	count(fuse_reply_iov(req, a->iov, a->pieces), "bytes", (int64_t)a->n);
}

void reply_buf(fuse_req_t req, struct bytes b)
{
	count(fuse_reply_buf(req, b.p, b.n), "bytes", (int64_t)b.n);
}

void reply_entry(fuse_req_t req, const struct fuse_entry_param *e)
{
	count(fuse_reply_entry(req, e), "entry", (int64_t)e->ino);
}

void reply_attr(fuse_req_t req, const struct stat *st, double timeout)
{
	count(fuse_reply_attr(req, st, timeout), "attr", (int64_t)st->st_size);
}

void reply_link(fuse_req_t req, const char *target)
{
	count(fuse_reply_readlink(req, target), "link", 0);
}

bool reply_open(fuse_req_t req, const struct fuse_file_info *fi)
{
	int err = fuse_reply_open(req, fi);

	count(err, "open", 0);
	return err != -ENOENT;
}

bool reply_create(fuse_req_t req, const struct fuse_entry_param *e,
		  const struct fuse_file_info *fi)
{
	int err = fuse_reply_create(req, e, fi);

	count(err, "create", (int64_t)e->ino);
	return err != -ENOENT;
}

void reply_write(fuse_req_t req, size_t n)
{
	count(fuse_reply_write(req, n), "written", (int64_t)n);
}

void reply_poll(fuse_req_t req, unsigned events)
{
	count(fuse_reply_poll(req, events), "poll", events);
}

void reply_statfs(fuse_req_t req, const struct statvfs *st)
{
	count(fuse_reply_statfs(req, st), "statfs", 0);
}
