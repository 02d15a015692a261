#include "tests/unit/unit.h"
#include "base/file.h"

#include <ftw.h>
#include <sodium.h>

static char dir[4096];
static pid_t owner;

static int remove_one(const char *path, const struct stat *st, int kind,
		      struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

/* Children of a test that exit() leave the directory alone. */
static void remove_dir(void)
{
	if (dir[0] && getpid() == owner)
		nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void unit_begin(void)
{
	owner = getpid();
	if (sodium_init() < 0 || atexit(remove_dir) != 0)
		abort();
}

void unit_assert_bytes(struct bytes got, struct bytes want, const char *file,
		       int line)
{
	struct buf b = BUF_INIT;

	if (bytes_eq(got, want))
		return;
	buf_printf(&b, "%zu bytes: \"", got.n);
	buf_put_escaped(&b, got, 200);
	buf_printf(&b, "\"\nnot the %zu: \"", want.n);
	buf_put_escaped(&b, want, 200);
	buf_puts(&b, "\"\n");
	print_error("%s", buf_str(&b));
	buf_done(&b);
	_fail(file, line);
}

struct json_object *unit_fixture(const char *name)
{
	char *path = xasprintf("%s/tests/fixtures/%s", SOURCE_DIR, name);
	struct buf text = BUF_INIT;
	struct json_object *o;

	if (file_read(path, 64 << 20, &text) < 0)
		fail_msg("cannot read %s", path);
	o = json_parse(buf_bytes(&text), NULL);
	if (!o)
		fail_msg("%s is not JSON", path);
	buf_done(&text);
	free(path);
	return o;
}

void unit_base64(struct buf *out, const char *text)
{
	size_t n = strlen(text), got;
	char *at = buf_reserve(out, n + 1);

	if (sodium_base642bin((unsigned char *)at, n + 1, text, n, "\n", &got,
			      NULL, sodium_base64_VARIANT_ORIGINAL) < 0)
		fail_msg("not base64: %s", text);
	out->n += got;
}

const char *unit_dir(void)
{
	if (!dir[0]) {
		snprintf(dir, sizeof(dir), "%s/taskfs-unit-XXXXXX",
			 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
		if (!mkdtemp(dir))
			fail_msg("mkdtemp: %s", strerror(errno));
	}
	return dir;
}

const char *unit_path(const char *name)
{
	static char path[sizeof(dir) + 128];

	snprintf(path, sizeof(path), "%s/%s", unit_dir(), name);
	return path;
}

void unit_put(const char *name, const char *text)
{
	char *path = xstrdup(unit_path(name));
	char *parent = xmemdup_nul(path, (size_t)(strrchr(path, '/') - path));

	assert_int_equal(file_mkdirs(parent, 0700), 0);
	assert_int_equal(file_write_atomic(path, 0600, bytes_str(text)), 0);
	free(parent);
	free(path);
}
