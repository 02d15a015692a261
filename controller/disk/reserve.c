#include "base/base.h"
#include "reserve.h"

#include "base/log.h"

#include <fcntl.h>
#include <sys/statvfs.h>

static uint64_t free_bytes(const struct reserve *r)
{
	struct statvfs st;

	return statvfs(r->dir, &st) < 0
		       ? 0
		       : (uint64_t)st.f_bavail * st.f_frsize;
}

static uint64_t size_for(const struct reserve *r)
{
	struct statvfs st;

	if (statvfs(r->dir, &st) < 0)
		return RESERVE_SIZE;
	return min_u64(RESERVE_SIZE,
		       (uint64_t)st.f_blocks * st.f_frsize / 16);
}

/* Whether there is a file of so many bytes now. */
static bool make(const char *path, uint64_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int err = fd < 0 ? errno : posix_fallocate(fd, 0, (off_t)size);

	if (!err && ftruncate(fd, (off_t)size) < 0)
		err = errno;
	if (fd >= 0)
		close(fd);
	if (err)
		unlink(path);
	return err == 0;
}

/* A quota that is used up does not show in what the file system says is free. */
bool reserve_has_room(const struct reserve *r)
{
	bool fits;

	if (!r->size || free_bytes(r) < r->size)
		return !r->size;
	fits = make(r->probe, r->size);
	unlink(r->probe);
	return fits;
}

static void set_full(struct reserve *r, bool full)
{
	if (r->full == full)
		return;
	r->full = full;
	if (full)
		log_error("the disk is full: submissions are refused, and tasks "
			  "wait, until something is purged or deleted");
	else
		log_info("the disk has room again");
}

void reserve_init(struct reserve *r, const char *dir)
{
	*r = (struct reserve){.dir = xstrdup(dir),
			      .path = xasprintf("%s/reserve", dir),
			      .probe = xasprintf("%s/reserve.probe", dir)};
}

void reserve_done(struct reserve *r)
{
	free(r->dir);
	free(r->path);
	free(r->probe);
	*r = (struct reserve){0};
}

void reserve_open(struct reserve *r)
{
	r->size = size_for(r);
	unlink(r->probe);
	r->whole = make(r->path, r->size);
	if (!r->whole)
		log_warning("there is no room for the reserve, which lets "
			    "results be purged when the disk is full",
			    log_str("file", r->path),
			    log_int("bytes", (int64_t)r->size));
}

void reserve_did_not_fit(struct reserve *r)
{
	if (!r->whole || !reserve_has_room(r))
		set_full(r, true);
}

bool reserve_give(struct reserve *r)
{
	if (!r->whole)
		return false;
	r->whole = false;
	set_full(r, true);
	if (unlink(r->path) == 0)
		return true;
	log_error("the reserve cannot be given back", log_errno(-errno),
		  log_str("file", r->path));
	return false;
}

bool reserve_is_low(const struct reserve *r)
{
	return !r->whole || r->full;
}

void reserve_look(struct reserve *r)
{
	if (!r->whole && free_bytes(r) >= 2 * r->size)
		r->whole = make(r->path, r->size);
	if (r->whole && reserve_has_room(r))
		set_full(r, false);
}
