#include "slots.h"
#include "base/file.h"
#include "base/parse.h"
#include "wire/limits.h"
#include "wire/stream.h"

#include <sched.h>
#include <sys/resource.h>

#define LIMIT_PROC (1024 * 1024)	/* bytes of a file there */
/* More processors than any kernel knows. */
#define LIMIT_CPUS (1 << 20)

int slots_parse(const char *text, size_t *ret)
{
	uint64_t n;
	int err;

	if (strcmp(text, "auto") == 0) {
		*ret = slots_cores();
		return 0;
	}
	err = parse_u64(bytes_str(text), 1, LIMIT_SLOTS, &n);
	if (!err)
		*ret = (size_t)n;
	return err;
}

/* --- affinity ------------------------------------------------------------ */

/* The kernel refuses a set that has no room for all of its processors. */
static size_t affinity(void)
{
	int room, n = 0;

	for (room = 1024; !n && room <= LIMIT_CPUS; room *= 2) {
		size_t size = CPU_ALLOC_SIZE(room);
		cpu_set_t *set = zalloc(size);

		if (sched_getaffinity(0, size, set) == 0)
			n = CPU_COUNT_S(size, set);
		free(set);
	}
	return n > 0 ? (size_t)n : 1;
}

/* --- cgroups ------------------------------------------------------------- */

/* A mounted hierarchy of cgroups. */
struct hierarchy {
	bool v2;
	struct bytes root;	/* what of it is mounted */
	struct bytes at;	/* where */
};

/* What is in front of a character; *text moves behind that, or to its end. */
static struct bytes cut(struct bytes *text, char c)
{
	const char *p = text->p, *at = text->n ? memchr(p, c, text->n) : NULL;
	size_t n = at ? (size_t)(at - p) : text->n;

	*text = bytes_of(at ? at + 1 : p + n, text->n - n - (at != NULL));
	return bytes_of(p, n);
}

static bool has_word(struct bytes list, const char *word)
{
	while (list.n)
		if (bytes_is(cut(&list, ','), word))
			return true;
	return false;
}

/* A line of mountinfo (proc(5)); false: it is no hierarchy that knows processors. */
static bool read_mount(struct bytes line, struct hierarchy *h)
{
	struct bytes word, type, options;
	int i;

	for (i = 1; (word = parse_word(&line)).n > 0; i++) {
		if (i == 4)
			h->root = word;
		else if (i == 5)
			h->at = word;
		else if (i > 6 && bytes_is(word, "-"))
			break;
	}
	type = parse_word(&line);
	(void)parse_word(&line);	/* its source */
	options = parse_word(&line);
	h->v2 = bytes_is(type, "cgroup2");
	return h->v2 || (bytes_is(type, "cgroup") && has_word(options, "cpu"));
}

/* "ID:CONTROLLERS:PATH": a process's place in the hierarchy; or empty. */
static struct bytes place_in(const struct hierarchy *h, struct bytes all)
{
	struct bytes line;

	while (parse_line(&all, &line)) {
		struct bytes names;

		(void)cut(&line, ':');
		names = cut(&line, ':');
		if (h->v2 ? names.n == 0 : has_word(names, "cpu"))
			return line;
	}
	return bytes_of(NULL, 0);
}

/* The first words of its first line as numbers; how many. "max" is -1. */
static int read_numbers(const char *dir, const char *name, int64_t *n, int most)
{
	char *path = xasprintf("%s/%s", dir, name);
	struct buf text = BUF_INIT;
	struct bytes rest, word;
	uint64_t value;
	int i = 0;

	if (file_read(path, LIMIT_PROC, &text) == 0) {
		rest = buf_bytes(&text);
		rest = cut(&rest, '\n');
		for (; i < most && (word = parse_word(&rest)).n > 0; i++) {
			n[i] = -1;
			if (parse_u64(word, 0, INT64_MAX, &value) == 0)
				n[i] = (int64_t)value;
		}
	}
	buf_done(&text);
	free(path);
	return i;
}

/* The quota of one cgroup; 0: none. */
static double quota_of(const struct hierarchy *h, const char *dir)
{
	int64_t n[2] = {-1, -1};

	if (h->v2 ? read_numbers(dir, "cpu.max", n, 2) != 2
		  : read_numbers(dir, "cpu.cfs_quota_us", n, 1) != 1 ||
			    read_numbers(dir, "cpu.cfs_period_us", n + 1, 1) !=
				    1)
		return 0;
	return n[0] > 0 && n[1] > 0 ? (double)n[0] / (double)n[1] : 0;
}

static double least(double a, double b)
{
	if (a <= 0 || b <= 0)
		return a > 0 ? a : b;
	return a < b ? a : b;
}

/* Of the cgroup and of all above it, as far as they can be seen from here. */
static double quota_up(const struct hierarchy *h, struct bytes path)
{
	char *at = xmemdup_nul(h->at.p, h->at.n);
	char *all = xmemdup_nul(path.p, path.n);
	char *root = xmemdup_nul(h->root.p, h->root.n);
	size_t n = strcmp(root, "/") == 0 ? 0 : strlen(root);
	double quota = 0;
	char *dir, *end;

	/* What is not below the part that is mounted cannot be seen. */
	if (strncmp(all, root, n) != 0 || !strchr("/", all[n]))
		dir = xstrdup(at);
	else
		dir = xasprintf("%s%s", at, all + n);
	while (strlen(dir) >= strlen(at)) {
		quota = least(quota, quota_of(h, dir));
		end = strrchr(dir, '/');
		if (!end || end == dir)
			break;
		*end = '\0';
	}
	free(dir);
	free(root);
	free(all);
	free(at);
	return quota;
}

double slots_quota(const char *cgroup, const char *mountinfo)
{
	struct buf places = BUF_INIT, mounts = BUF_INIT;
	struct bytes rest, line, place;
	double quota = 0;

	if (file_read(cgroup, LIMIT_PROC, &places) == 0 &&
	    file_read(mountinfo, LIMIT_PROC, &mounts) == 0) {
		rest = buf_bytes(&mounts);
		while (parse_line(&rest, &line)) {
			struct hierarchy h = {0};

			if (!read_mount(line, &h))
				continue;
			place = place_in(&h, buf_bytes(&places));
			if (place.n)
				quota = least(quota, quota_up(&h, place));
		}
	}
	buf_done(&places);
	buf_done(&mounts);
	return quota;
}

size_t slots_cores(void)
{
	double quota = slots_quota("/proc/self/cgroup", "/proc/self/mountinfo");
	size_t n = affinity();

	if (quota > 0 && quota < (double)n) {
		n = (size_t)quota;
		n += (double)n < quota;
	}
	return n < 1 ? 1 : n > LIMIT_SLOTS ? LIMIT_SLOTS : n;
}

/* --- descriptors --------------------------------------------------------- */

/* A running task's launcher, its pipes, the files of its outputs. */
#define PER_SLOT ((rlim_t)1 + STREAM_OUTPUTS + STREAM_OUTPUTS)
/* Sockets, the log, variables that are read and written; the next task's stdin
 * and the other ends of its pipes. */
#define OTHERS ((rlim_t)256)

#define BASE (OTHERS + SLOTS_FILES_KEPT)

size_t slots_possible(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_max < BASE + PER_SLOT)
		return 1;
	return (size_t)min_u64((l.rlim_max - BASE) / PER_SLOT, LIMIT_SLOTS);
}

int slots_raise_limit(size_t slots)
{
	rlim_t need = BASE + slots * PER_SLOT;
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return -errno;
	need = min_u64(need, l.rlim_max);
	if (need <= l.rlim_cur)
		return 0;
	l.rlim_cur = need;
	return setrlimit(RLIMIT_NOFILE, &l) < 0 ? -errno : 0;
}
