#include "origin.h"
#include "base/parse.h"
#include "wire/json.h"

#define UNKNOWN "(not known)"
#define DELETED " (deleted)"	/* the kernel's */
#define NOT_UTF8 " (not UTF-8)"
#define OF_THE_MOUNT " (of the mount)"

static bool is_inside(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 &&
	       (path[n] == '\0' || path[n] == '/');
}

/* JSON has no other bytes than UTF-8's. */
static char *readable(const char *path)
{
	struct buf b = BUF_INIT;

	for (; *path; path++)
		buf_putc(&b, (unsigned char)*path < 0x80 ? *path : '?');
	return buf_take(&b);
}

static char *with_reason(char *path, const char *why)
{
	char *s = xasprintf("%.*s%s", PATH_MAX - 64, path, why);

	free(path);
	return s;
}

/*
 * The name only: looking at it could mean a request to ourselves. The kernel
 * itself adds " (deleted)".
 */
char *origin_find(const struct fs *fs, pid_t tid)
{
	char link[64], path[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/cwd", (int)tid);
	n = tid > 0 ? readlink(link, path, sizeof(path)) : -1;
	if (n <= 0 || (size_t)n >= sizeof(path) || path[0] != '/')
		return xstrdup(UNKNOWN);
	path[n] = '\0';
	if (!utf8_valid(bytes_of(path, (size_t)n)))
		return with_reason(readable(path), NOT_UTF8);
	if (is_inside(path, fs->dir))
		return with_reason(xstrdup(path), OF_THE_MOUNT);
	return xstrdup(path);
}

/* The text says why no task can run there. */
static bool is_none(const char *origin)
{
	static const char *const reasons[] = {DELETED, NOT_UTF8, OF_THE_MOUNT};
	size_t i, n = strlen(origin);

	for (i = 0; i < ARRAY_SIZE(reasons); i++)
		if (n > strlen(reasons[i]) &&
		    strcmp(origin + n - strlen(reasons[i]), reasons[i]) == 0)
			return true;
	return false;
}

static int make_absolute(const char *origin, struct json_object *options,
			 const char *cwd, struct buf *why)
{
	struct buf b = BUF_INIT;
	int err = 0;

	if (*origin != '/' || is_none(origin)) {
		buf_puts(why, "\"cwd\" must begin with / here: it is submitted "
			      "from ");
		buf_put_escaped(why, bytes_str(origin), 200);
		return -EINVAL;
	}
	buf_printf(&b, "%s%s%s", origin, origin[1] ? "/" : "", cwd);
	if (b.n < PATH_MAX) {
		json_add_str(options, "cwd", buf_str(&b));
	} else {
		buf_puts(why, "\"cwd\" is too long");
		err = -EFBIG;
	}
	buf_done(&b);
	return err;
}

int origin_add(const char *origin, struct json_object *options,
	       struct buf *why)
{
	const char *cwd = json_get_str(options, "cwd", NULL);
	const char *given = json_get_str(options, "submit_dir", NULL);

	if (!given)
		json_add_str(options, "submit_dir", origin);
	if (!cwd || *cwd == '/')
		return 0;
	return make_absolute(given ? given : origin, options, cwd, why);
}
