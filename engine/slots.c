#include "slots.h"
#include "base/parse.h"
#include "cgroup.h"
#include "wire/limits.h"
#include "wire/stream.h"

#include <sched.h>
#include <sys/resource.h>

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

/* The numbers of a set's processors. */
static size_t list(const cpu_set_t *set, size_t size, unsigned *ret)
{
	size_t i, n = 0;

	for (i = 0; i < size * 8; i++)
		if (CPU_ISSET_S(i, size, set))
			ret[n++] = (unsigned)i;
	return n;
}

/* The kernel refuses a set that has no room for all of its processors. */
size_t slots_processors(unsigned **ret)
{
	size_t room, n = 0;

	*ret = NULL;
	for (room = 1024; !n && room <= LIMIT_CPUS; room *= 2) {
		size_t size = CPU_ALLOC_SIZE(room);
		cpu_set_t *set = zalloc(size);

		if (sched_getaffinity(0, size, set) == 0) {
			*ret = xreallocarray(NULL, room, sizeof(**ret));
			n = list(set, size, *ret);
		}
		free(set);
	}
	return n;
}

static size_t affinity(void)
{
	unsigned *processor;
	size_t n = slots_processors(&processor);

	free(processor);
	return n ? n : 1;
}

/* --- cgroups ------------------------------------------------------------- */

static double least(double a, double b)
{
	if (a <= 0 || b <= 0)
		return a > 0 ? a : b;
	return a < b ? a : b;
}

/* That of one cgroup counts, too, if it has one. */
static void note_quota(const char *dir, bool v2, void *arg)
{
	int64_t n[2] = {-1, -1};
	double *quota = arg;

	if (v2 ? cgroup_numbers(dir, "cpu.max", n, 2) != 2
	       : cgroup_numbers(dir, "cpu.cfs_quota_us", n, 1) != 1 ||
			 cgroup_numbers(dir, "cpu.cfs_period_us", n + 1, 1) !=
				 1)
		return;
	if (n[0] > 0 && n[1] > 0)
		*quota = least(*quota, (double)n[0] / (double)n[1]);
}

double slots_quota(const char *cgroup, const char *mountinfo)
{
	const struct cgroup_files files = {cgroup, mountinfo};
	double quota = 0;

	cgroup_each(&files, "cpu", note_quota, &quota);
	return quota;
}

size_t slots_cores(void)
{
	double quota = slots_quota(cgroup_own.cgroup, cgroup_own.mountinfo);
	size_t n = affinity();

	if (quota > 0 && quota < (double)n) {
		n = (size_t)quota;
		n += (double)n < quota;
	}
	return n < 1 ? 1 : n > LIMIT_SLOTS ? LIMIT_SLOTS : n;
}

/* --- descriptors --------------------------------------------------------- */

/* A running task's launcher, its pipes, the files of its outputs, and two that the user
 * asked for. */
#define PER_SLOT ((rlim_t)1 + STREAM_OUTPUTS + STREAM_OUTPUTS + 2)
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
