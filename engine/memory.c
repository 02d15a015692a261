#include "memory.h"
#include "base/file.h"
#include "base/parse.h"
#include "kin.h"
#include "subgroup.h"
#include "wire/limits.h"

#define LIMIT_PROC (1024 * 1024)	/* bytes of a file there */
#define LOOK_USEC (100 * USEC_PER_MSEC)
/* Looking takes one part in so many of the time. */
#define SHARE 20

/* --- how much ---------------------------------------------------------------- */

static bool read_file(pid_t pid, const char *name, struct buf *out)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	out->n = 0;
	return file_read(path, LIMIT_PROC, out) == 0;
}

/* The second number of statm, as bytes; 0: it is gone. */
static uint64_t resident(pid_t pid)
{
	struct buf text = BUF_INIT;
	uint64_t pages = 0;

	if (read_file(pid, "statm", &text)) {
		struct bytes rest = buf_bytes(&text);

		(void)parse_word(&rest);
		if (parse_u64(parse_word(&rest), 0, UINT64_MAX / MIB, &pages))
			pages = 0;
	}
	buf_done(&text);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

#define MOST_KIB (INT64_MAX / 1024)

/* Its part of what it has; all that is resident where the kernel does not tell. */
static uint64_t proportional(pid_t pid)
{
	struct buf text = BUF_INIT;
	uint64_t kib, files = 0, n;

	if (read_file(pid, "smaps_rollup", &text) &&
	    cgroup_number(buf_bytes(&text), "Pss:", MOST_KIB, &kib)) {
		(void)cgroup_number(buf_bytes(&text), "Pss_File:", MOST_KIB,
				    &files);
		n = (kib - min_u64(files, kib)) * 1024;
	} else {
		n = resident(pid);
	}
	buf_done(&text);
	return n;
}

static uint64_t sum(const struct kin *all, uint64_t (*of)(pid_t pid))
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < all->n; i++)
		n += of(all->pid[i]);
	return n;
}

uint64_t memory_used(pid_t root, uint64_t enough)
{
	struct kin all = KIN_INIT;
	uint64_t n;

	kin_descendants(root, &all);
	n = sum(&all, resident);
	if (n > enough)
		n = sum(&all, proportional);
	kin_done(&all);
	return n;
}

/* --- who has too much ---------------------------------------------------------- */

/* In a cgroup it is killed when it needs more than it can have. */
static bool has_more(const struct memory_hold *h)
{
	return (h->group && subgroup_kills(h->group) > 0) ||
	       memory_used(h->root, h->limit) > h->limit;
}

static void look(struct timer *t)
{
	struct memory_watch *w = container_of(t, struct memory_watch, timer);
	uint64_t began = mono_usec(), took;
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &w->holds) {
		struct memory_hold *h = list_entry(l, struct memory_hold, link);

		if (!has_more(h))
			continue;
		memory_let_go(h);
		h->over(h);
	}
	took = mono_usec() - began;
	if (!list_empty(&w->holds))
		timer_set(w->loop, &w->timer, max_u64(LOOK_USEC, took * SHARE));
}

void memory_hold(struct memory_watch *w, struct memory_hold *h)
{
	list_add_tail(&w->holds, &h->link);
	if (!timer_is_set(&w->timer))
		timer_set(w->loop, &w->timer, LOOK_USEC);
}

void memory_let_go(struct memory_hold *h)
{
	list_del(&h->link);
}

/* --- whom the kernel has killed --------------------------------------------------- */

/* Of the first directory, our own cgroup's. */
static void note_file(const char *dir, bool v2, void *arg)
{
	const char *name = v2 ? "memory.events" : "memory.oom_control";
	char **file = arg;

	if (!*file && cgroup_named(dir, name, "oom_kill") >= 0)
		*file = xasprintf("%s/%s", dir, name);
}

char *memory_kills_file(const struct cgroup_files *files)
{
	char *file = NULL;

	cgroup_each(files, "memory", note_file, &file);
	return file ? file : xstrdup("/proc/vmstat");
}

int64_t memory_kills(const struct memory_watch *w)
{
	return cgroup_named("", w->kills, "oom_kill");
}

int64_t memory_kills_lately(struct memory_watch *w)
{
	uint64_t now = mono_usec();

	if (!w->read || now - w->read >= LOOK_USEC) {
		w->killed = memory_kills(w);
		w->read = now;
	}
	return w->killed;
}

/* --- all ------------------------------------------------------------------------ */

void memory_init(struct memory_watch *w, struct loop *loop)
{

	*w = (struct memory_watch){.loop = loop};
	list_init(&w->holds);
	w->timer.fire = look;
	w->kills = memory_kills_file(&cgroup_own);
}

void memory_done(struct memory_watch *w)
{
	timer_cancel(&w->timer);
	free(w->kills);
	w->kills = NULL;
}
