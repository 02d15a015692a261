#include "metrics.h"
#include "base/file.h"
#include "base/parse.h"
#include "cluster/controller.h"
#include "link/link.h"
#include "mirror/mirror.h"
#include "mirror/sync.h"
#include "notify/notifier.h"
#include "open/window.h"
#include "park/reply.h"
#include "wire/scan.h"

#include <math.h>
#include <sys/resource.h>

enum metric_type { COUNTER, GAUGE };

/* What the values are taken from. */
struct reading {
	const struct fs *fs;
	struct rusage used;
};

/*
 * One line. Rows of one name stand together; type and help are those of the
 * first.
 */
struct metric {
	const char *name, *label;	/* label: NULL or `state="ok"` */
	/* False: not known, then there is no line. */
	bool (*value)(const struct reading *r, const struct metric *m,
		      double *ret);
	const char *key;		/* for the value */
	size_t at;
	enum metric_type type;
	const char *help;
	/* Lines whose labels are no fixed ones, instead of value. */
	void (*put)(const struct reading *r, const struct metric *m,
		    struct buf *out);
	double (*of_pool)(const struct pool *p); /* of put_pools() */
};

/* --- values: the cluster's ---------------------------------------------- */

static bool member(const char *text, const char *key, double *ret)
{
	struct bytes name, value;
	struct scan s;

	if (!text || !scan_object(&s, bytes_str(text)))
		return false;
	while (scan_member(&s, &name, &value))
		if (bytes_is(name, key))
			return scan_real(value, ret);
	return false;
}

static bool counted(const struct reading *r, const struct metric *m,
		    double *ret)
{
	return member(r->fs->mirror->counts.counters, m->key, ret);
}

static bool gauged(const struct reading *r, const struct metric *m,
		   double *ret)
{
	return member(r->fs->mirror->counts.gauges, m->key, ret);
}

/* The at-th of the list. */
static bool tasks(const struct reading *r, const struct metric *m, double *ret)
{
	const char *text = r->fs->mirror->counts.tasks;
	struct bytes value;
	struct scan s;
	size_t i = 0;

	if (!text || !scan_array(&s, bytes_str(text)))
		return false;
	while (scan_element(&s, &value))
		if (i++ == m->at)
			return scan_real(value, ret);
	return false;
}

static bool unfinished(const struct reading *r, const struct metric *m,
		       double *ret)
{
	(void)m;
	*ret = (double)index_count(&r->fs->mirror->unfinished);
	return true;
}

static bool finished(const struct reading *r, const struct metric *m,
		     double *ret)
{
	const struct mirror *mi = r->fs->mirror;

	(void)m;
	*ret = (double)(index_count(&mi->results) -
			index_count(&mi->unfinished));
	return true;
}

static bool engines(const struct reading *r, const struct metric *m,
		    double *ret)
{
	const struct engine *e;
	uint64_t id = 0;

	*ret = 0;
	for (; (e = index_next(&r->fs->mirror->engines, id)); id = e->id + 1)
		*ret += e->state && strcmp(e->state, m->key) == 0;
	return true;
}

static bool engine_tasks(const struct reading *r, const struct metric *m,
			 double *ret)
{
	const struct engine *e;
	uint64_t id = 0;

	(void)m;
	*ret = 0;
	for (; (e = index_next(&r->fs->mirror->engines, id)); id = e->id + 1)
		*ret += (double)e->queue;
	return true;
}

static bool up(const struct reading *r, const struct metric *m, double *ret)
{
	(void)m;
	*ret = link_is_up(r->fs->link);
	return true;
}

static bool started(const struct reading *r, const struct metric *m,
		    double *ret)
{
	(void)m;
	*ret = (double)r->fs->link->started / 1e6;
	return r->fs->link->started > 0;
}

static bool uptime(const struct reading *r, const struct metric *m,
		   double *ret)
{
	(void)m;
	*ret = (double)(steady_usec() - r->fs->link->born) / 1e6;
	return link_is_up(r->fs->link);
}

/* --- values: the mount's ------------------------------------------------ */

#define OF_MOUNT(name, expression)                                             \
	static bool name(const struct reading *r, const struct metric *m,      \
			 double *ret)                                          \
	{                                                                      \
		const struct fs *fs = r->fs;                                   \
                                                                               \
		(void)m;                                                       \
		(void)fs;                                                      \
		*ret = (double)(expression);                                   \
		return true;                                                   \
	}

OF_MOUNT(requests, reply_given() + fs->park->count)
OF_MOUNT(parked, fs->park->count)
OF_MOUNT(kept, fs->mirror->kept_bytes)
OF_MOUNT(windows, window_bytes())
OF_MOUNT(connects, fs->link->connects)
OF_MOUNT(fills, fs->sync->fills)
OF_MOUNT(events, fs->mirror->events.next - fs->mirror->events.first)
OF_MOUNT(told, atomic_load(&fs->notifier->told))
OF_MOUNT(looks, atomic_load(&fs->notifier->looks))
OF_MOUNT(untold, fs->notifier->notes.dropped)
OF_MOUNT(received, fs->link->session.count.received)
OF_MOUNT(malformed, fs->link->session.count.malformed)
OF_MOUNT(unreadable, fs->link->session.count.unreadable)
OF_MOUNT(unsigned_, fs->link->session.count.unsigned_)
OF_MOUNT(forged, fs->link->session.count.forged)
OF_MOUNT(mounted, (double)fs->born / 1e6)
OF_MOUNT(mount_age, (double)(steady_usec() - fs->begun) / 1e6)
OF_MOUNT(cpu, (double)(r->used.ru_utime.tv_sec + r->used.ru_stime.tv_sec) +
		      (double)(r->used.ru_utime.tv_usec +
			       r->used.ru_stime.tv_usec) / 1e6)

static bool open_files(const struct reading *r, const struct metric *m,
		       double *ret)
{
	const struct list *l;

	(void)m;
	*ret = 0;
	list_for_each(l, &r->fs->park->files)
		++*ret;
	return true;
}

static bool resident(const struct reading *r, const struct metric *m,
		     double *ret)
{
	struct buf text = BUF_INIT;
	struct bytes rest, pages;
	uint64_t n = 0;
	bool ok = file_read("/proc/self/statm", 256, &text) == 0;

	(void)r;
	(void)m;
	rest = buf_bytes(&text);
	(void)parse_word(&rest);	/* all of it; what is in memory: */
	pages = parse_word(&rest);
	ok = ok && parse_u64(pages, 0, UINT64_MAX, &n) == 0;
	*ret = (double)n * (double)sysconf(_SC_PAGESIZE);
	buf_done(&text);
	return ok;
}

/* --- lines -------------------------------------------------------------- */

static void put_number(struct buf *out, double x)
{
	if (fabs(x) < 9e15 && x == (double)(int64_t)x)
		buf_printf(out, " %lld\n", (long long)x);
	else
		buf_printf(out, " %.6f\n", x);
}

/* What was answered with an error; their number is that of errno values. */
static void put_errors(const struct reading *r, const struct metric *m,
		       struct buf *out)
{
	int i;

	(void)r;
	for (i = 1; i < REPLY_ERRORS; i++) {
		const char *name = strerrorname_np(i);

		if (!reply_errors(i) || !name)
			continue;
		buf_printf(out, "%s{errno=\"%s\"}", m->name, name);
		put_number(out, (double)reply_errors(i));
	}
}

/* A line for each pool. Their names need no quotes. */
static void put_pools(const struct reading *r, const struct metric *m,
		      struct buf *out)
{
	const struct pool *p;
	uint64_t id;

	for (id = 0; (p = pool_next(r->fs->mirror, id)); id = p->id + 1) {
		buf_printf(out, "%s{pool=\"%s\"}", m->name, p->name);
		put_number(out, m->of_pool(p));
	}
}

static double pool_engines_there(const struct pool *p)
{
	return (double)p->engines.n;
}

static double pool_launches_there(const struct pool *p)
{
	return (double)p->launches;
}

static double pool_engines_wanted(const struct pool *p)
{
	return (double)p->wanted;
}

static double pool_is_stopped(const struct pool *p)
{
	return p->state && strcmp(p->state, "stopped") == 0;
}

/* A label's value is one of few words, but foreign. */
static void put_word(struct buf *out, const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz");

	buf_put(out, s, min_u64(n, 32));
}

static void put_controller(const struct reading *r, const struct metric *m,
			   struct buf *out)
{
	const struct obj o = {.fs = (struct fs *)(uintptr_t)r->fs};
	const char *scheme = r->fs->mirror->counts.scheme;
	struct buf kind = BUF_INIT;

	(void)controller_kind(&o, &kind);
	buf_printf(out, "%s{kind=\"", m->name);
	put_word(out, buf_str(&kind));
	buf_puts(out, "\",scheme=\"");
	put_word(out, scheme ? scheme : "");
	buf_puts(out, "\"} 1\n");
	buf_done(&kind);
}

static void put_build(const struct reading *r, const struct metric *m,
		      struct buf *out)
{
	(void)r;
	buf_printf(out, "%s{version=\"" TASKFS_VERSION "\"} 1\n", m->name);
}

/* --- the table ---------------------------------------------------------- */

#define C_ "taskfs_controller_"
#define M_ "taskfs_mount_"

/* A counter of the controller. */
#define COUNTED(as, counter, text)                                             \
	{.name = C_ as "_total", .value = counted, .key = counter,             \
	 .help = text}
#define COUNTED_AS(as, what, counter, text)                                    \
	{.name = C_ as "_total", .label = what, .value = counted,              \
	 .key = counter, .help = text}
#define GAUGED(as, gauge, text)                                                \
	{.name = as, .value = gauged, .key = gauge, .type = GAUGE,             \
	 .help = text}
#define TASKS(index, word)                                                     \
	{.name = "taskfs_tasks", .label = "state=\"" word "\"",                \
	 .value = tasks, .at = index, .type = GAUGE,                           \
	 .help = "Tasks of all results, by state."}
#define ENGINES(word)                                                          \
	{.name = "taskfs_engines", .label = "state=\"" word "\"",              \
	 .value = engines, .key = word, .type = GAUGE,                         \
	 .help = "Engines, by state."}
#define GAUGE_OF(as, from, text)                                               \
	{.name = as, .value = from, .type = GAUGE, .help = text}
#define COUNTER_OF(as, from, text)                                             \
	{.name = as, .value = from, .help = text}

#define POOLS(as, from, text)                                                  \
	{.name = as, .type = GAUGE, .put = put_pools, .of_pool = from,         \
	 .help = text}

#define DROPPED "Messages dropped, by reason."
#define ENDED "Tasks that ended, by outcome."

static const struct metric metrics[] = {
GAUGE_OF("taskfs_up", up, "1 while the mount is connected to a controller."),
{.name = "taskfs_build_info", .type = GAUGE, .put = put_build,
 .help = "1, with the version of the mount."},
TASKS(0, "pending"),
TASKS(1, "running"),
TASKS(2, "ok"),
TASKS(3, "error"),
TASKS(4, "aborted"),
{.name = "taskfs_results", .label = "state=\"unfinished\"",
 .value = unfinished, .type = GAUGE,
 .help = "Results the mount knows, finished and not."},
{.name = "taskfs_results", .label = "state=\"finished\"", .value = finished},
ENGINES("idle"),
ENGINES("busy"),
ENGINES("draining"),
ENGINES("lost"),
GAUGE_OF("taskfs_engine_tasks", engine_tasks,
	 "Tasks given to engines that have not ended."),
POOLS("taskfs_pool_engines", pool_engines_there, "Engines of each pool."),
POOLS("taskfs_pool_launches", pool_launches_there,
      "Launches of each pool that have not ended."),
POOLS("taskfs_pool_wanted", pool_engines_wanted,
      "Engines that waiting tasks could use, of each pool."),
POOLS("taskfs_pool_stopped", pool_is_stopped,
      "1 when too many launches failed in a row."),

{.name = C_ "info", .type = GAUGE, .put = put_controller,
 .help = "1, with what the controller is and how it chooses engines."},
GAUGE_OF(C_ "start_time_seconds", started,
	 "When it was started, in seconds since 1970."),
GAUGE_OF(C_ "uptime_seconds", uptime, "Since it was started."),
GAUGED(C_ "runs", "runs", "Tries of tasks that are under way."),
GAUGED(C_ "client_tasks", "client_tasks",
       "Unfinished tasks that ipyparallel's clients sent."),
GAUGED(C_ "stored_bytes", "stored_bytes",
       "Outputs and submissions of finished results, and what their "
       "records keep."),
GAUGED(C_ "store_backlog_bytes", "store_backlog_bytes",
       "Waiting to be written to disk."),
COUNTED("results_submitted", "results_submitted", "Results taken in."),
COUNTED("results_refused", "results_refused",
	"Submissions that were refused."),
COUNTED("results_purged", "results_purged",
	"Results purged because there were too many, too large or too old."),
COUNTED("clients_paused", "clients_paused",
	"Times ipyparallel's clients had too many unfinished tasks; see "
	"--client-tasks."),
COUNTED("tasks_begun", "tasks_begun", "Tries that began on an engine."),
COUNTED("tasks_retried", "tasks_retried", "Tries that failed, but the last."),
COUNTED_AS("tasks_ended", "outcome=\"ok\"", "tasks_ok", ENDED),
COUNTED_AS("tasks_ended", "outcome=\"error\"", "tasks_error", ENDED),
COUNTED_AS("tasks_ended", "outcome=\"aborted\"", "tasks_aborted", ENDED),
COUNTED("engines_lost", "engines_lost", "Engines whose heart stopped."),
COUNTED("pool_launches", "pool_launches", "Launches of pools."),
COUNTED("pool_failures", "pool_failures", "Launches of pools that failed."),
COUNTED("replies_late", "replies_late",
	"Answers of engines about tasks given up before."),
COUNTED("outputs_incomplete", "outputs_bad",
	"Outputs that did not come whole."),
COUNTED("store_errors", "store_errors",
	"What the database or the disk refused."),
COUNTED("connections_refused", "connections_refused",
	"Connections that were not let in: they showed no key of the cluster."),
COUNTED("messages_received", "messages_received", "Messages believed."),
COUNTED_AS("messages_dropped", "reason=\"malformed\"", "messages_malformed",
	   DROPPED),
COUNTED_AS("messages_dropped", "reason=\"unreadable\"", "messages_unreadable",
	   DROPPED),
COUNTED_AS("messages_dropped", "reason=\"unsigned\"", "messages_unsigned",
	   DROPPED),
COUNTED_AS("messages_dropped", "reason=\"forged\"", "messages_forged",
	   DROPPED),
COUNTED_AS("messages_dropped", "reason=\"replayed\"", "messages_replayed",
	   DROPPED),
COUNTED_AS("messages_dropped", "reason=\"oversize\"", "messages_oversize",
	   DROPPED),
COUNTED_AS("messages_dropped", "reason=\"unknown\"", "messages_unknown",
	   DROPPED),
COUNTED_AS("messages_dropped", "reason=\"iopub\"", "iopub_bad", DROPPED),

GAUGE_OF(M_ "start_time_seconds", mounted,
	 "When it was mounted, in seconds since 1970."),
GAUGE_OF(M_ "uptime_seconds", mount_age, "Since it was mounted."),
COUNTER_OF(M_ "requests_total", requests, "Requests of the kernel."),
{.name = M_ "errors_total", .put = put_errors,
 .help = "Requests answered with an error, by its name; EFBIG, ENOSPC and "
	 "EAGAIN tell of limits."},
GAUGE_OF(M_ "parked_requests", parked,
	 "Requests that wait: readers of value, and the like."),
GAUGE_OF(M_ "open_files", open_files, "Files that somebody has open."),
GAUGE_OF(M_ "kept_bytes", kept, "Outputs kept to be read again."),
GAUGE_OF(M_ "window_bytes", windows, "Outputs fetched for open files."),
COUNTER_OF(M_ "events_total", events, "Lines written to the file events."),
COUNTER_OF(M_ "inotify_total", told,
	   "Operations that raised inotify events."),
COUNTER_OF(M_ "inotify_dropped_total", untold,
	   "Changes not told by inotify because there were too many."),
COUNTER_OF(M_ "inotify_looks_total", looks,
	   "Times it was looked who watches with inotify."),
COUNTER_OF(M_ "connects_total", connects, "Connections to a controller."),
COUNTER_OF(M_ "fills_total", fills,
	   "How often the controller was asked for everything that changed."),
COUNTER_OF(M_ "messages_received_total", received, "Messages believed."),
{.name = M_ "messages_dropped_total", .label = "reason=\"malformed\"",
 .value = malformed, .help = DROPPED},
{.name = M_ "messages_dropped_total", .label = "reason=\"unreadable\"",
 .value = unreadable},
{.name = M_ "messages_dropped_total", .label = "reason=\"unsigned\"",
 .value = unsigned_},
{.name = M_ "messages_dropped_total", .label = "reason=\"forged\"",
 .value = forged},

COUNTER_OF("process_cpu_seconds_total", cpu,
	   "Processor time of the mount's process."),
GAUGE_OF("process_resident_memory_bytes", resident,
	 "Memory of the mount's process."),
{.name = NULL},
};

static void put_head(const struct metric *m, struct buf *out)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help,
		   m->name, m->type == COUNTER ? "counter" : "gauge");
}

static void put_line(const struct reading *r, const struct metric *m,
		     struct buf *out)
{
	double x;

	if (m->put) {
		m->put(r, m, out);
	} else if (m->value(r, m, &x)) {
		buf_puts(out, m->name);
		if (m->label)
			buf_printf(out, "{%s}", m->label);
		put_number(out, x);
	}
}

void metrics_put(const struct fs *fs, struct buf *out)
{
	struct reading r = {.fs = fs};
	const struct metric *m;
	const char *last = "";

	getrusage(RUSAGE_SELF, &r.used);
	for (m = metrics; m->name; m++) {
		if (strcmp(m->name, last) != 0)
			put_head(m, out);
		last = m->name;
		put_line(&r, m, out);
	}
}
