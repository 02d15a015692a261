/*
 * measure: the numbers of the benchmark (tests/bench/run), one or two numbers on
 * stdout per call.
 *
 *	measure spawn TASKS AT_ONCE	tasks per second: vfork, exec of
 *					`/bin/sh -c :`, its stdout on a pipe, wait
 *	measure spawn-one TIMES		usec, median and 99th of 100, of one of these
 *					at a time
 *	measure submit MNT TASKS	tasks per second: as many JSON lines in
 *					one stream, until all of them are done
 *	measure drain MNT		waits until no task is unfinished
 *	measure value MNT TIMES		usec, median and 99th of 100: submit one, value
 *					in hand
 *	measure read FILE TIMES		usec, median: open, read all, close
 */
#include "base/buf.h"
#include "base/file.h"
#include "base/parse.h"
#include "base/spawn.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>

#define TASK "/bin/sh -c :"

static void fail(const char *what, const char *path)
{
	fprintf(stderr, "measure: %s %s: %s\n", what, path, strerror(errno));
	exit(1);
}

static unsigned number(const char *text)
{
	uint64_t n;

	if (parse_u64(bytes_str(text), 1, 100000000, &n)) {
		fprintf(stderr, "measure: '%s' is no number\n", text);
		exit(2);
	}
	return (unsigned)n;
}

/* --- bare processes ----------------------------------------------------- */

struct child {
	pid_t pid;
	int fd;
};

static struct child start(void)
{
	static char *const argv[] = {(char *)"/bin/sh", (char *)"-c",
				     (char *)":", NULL};
	struct spawn_fd fd = {.to = 1};
	struct spawn s = {
		.path = "/bin/sh",
		.argv = argv,
		.envp = environ,
		.fds = &fd,
		.nfds = 1,
	};
	struct child c;
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		fail("pipe", "");
	fd.from = p[1];
	c.pid = spawn_start(&s, NULL);
	if (c.pid < 0)
		fail("spawn", s.path);
	close(p[1]);
	c.fd = p[0];
	return c;
}

/* At the end of its output. */
static void finish(struct child *c)
{
	close(c->fd);
	while (waitpid(c->pid, NULL, 0) < 0)
		if (errno != EINTR)
			fail("wait", "");
}

static bool at_end(const struct child *c)
{
	char text[4096];

	return read(c->fd, text, sizeof(text)) <= 0;
}

static double spawn_many(unsigned tasks, unsigned at_once)
{
	struct child *c = xreallocarray(NULL, at_once, sizeof(*c));
	struct pollfd *p = xreallocarray(NULL, at_once, sizeof(*p));
	unsigned started = 0, ended = 0, i;
	uint64_t from = mono_usec();

	for (i = 0; i < at_once; i++)
		p[i] = (struct pollfd){.fd = -1, .events = POLLIN};
	while (ended < tasks) {
		for (i = 0; i < at_once; i++) {
			if (p[i].fd >= 0 || started == tasks)
				continue;
			c[i] = start();
			p[i].fd = c[i].fd;
			started++;
		}
		if (poll(p, at_once, -1) < 0)
			fail("poll", "");
		for (i = 0; i < at_once; i++) {
			if (p[i].fd < 0 || !p[i].revents || !at_end(&c[i]))
				continue;
			finish(&c[i]);
			p[i].fd = -1;
			ended++;
		}
	}
	free(c);
	free(p);
	return tasks * 1e6 / (double)(mono_usec() - from);
}

/* --- medians ------------------------------------------------------------ */

static int compare(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

static double median(unsigned times, void (*once)(const char *arg),
		     const char *arg, double *ret_p99)
{
	uint64_t *t = xreallocarray(NULL, times, sizeof(*t));
	uint64_t m;
	unsigned i;

	once(arg); /* not counted: the first finds nothing ready */
	for (i = 0; i < times; i++) {
		uint64_t from = mono_usec();

		once(arg);
		t[i] = mono_usec() - from;
	}
	qsort(t, times, sizeof(*t), compare);
	m = t[times / 2];
	*ret_p99 = (double)t[(uint64_t)times * 99 / 100];
	free(t);
	return (double)m;
}

/* For what takes less than the clock shows: the mean of runs of 100. */
static double median_short(unsigned times, void (*once)(const char *arg),
			   const char *arg)
{
	enum { RUN = 100 };
	unsigned runs = times / RUN + 1, i, k;
	double *t = xreallocarray(NULL, runs, sizeof(*t));
	double best;

	once(arg);
	for (i = 0; i < runs; i++) {
		uint64_t from = mono_usec();

		for (k = 0; k < RUN; k++)
			once(arg);
		t[i] = (double)(mono_usec() - from) / RUN;
	}
	/* Insertion into order; there are few runs. */
	for (i = 1; i < runs; i++) {
		double x = t[i];

		for (k = i; k > 0 && t[k - 1] > x; k--)
			t[k] = t[k - 1];
		t[k] = x;
	}
	best = t[runs / 2];
	free(t);
	return best;
}

static void spawn_one(const char *arg)
{
	struct child c = start();

	(void)arg;
	while (!at_end(&c))
		;
	finish(&c);
}

static void read_file(const char *path)
{
	static char text[1 << 20];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail("open", path);
	for (;;) {
		ssize_t n = read(fd, text, sizeof(text));

		if (n < 0)
			fail("read", path);
		if (n < (ssize_t)sizeof(text))
			break;
	}
	close(fd);
}

/* --- through the mount -------------------------------------------------- */

static int open_in(const char *mnt, const char *name, int flags)
{
	char *path = xasprintf("%s/%s", mnt, name);
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		fail("open", path);
	free(path);
	return fd;
}

static ssize_t read_in(const char *mnt, const char *name, char *text, size_t n)
{
	int fd = open_in(mnt, name, O_RDONLY);
	ssize_t got = read(fd, text, n);

	if (got < 0)
		fail("read", name);
	close(fd);
	return got;
}

/* Submit, read the id, read the value: what a shell user does. */
static void one_value(const char *mnt)
{
	char id[32], path[64], text[4096];
	int fd = open_in(mnt, "tasks/new", O_RDWR);
	ssize_t n;

	if (write(fd, TASK, strlen(TASK)) < 0)
		fail("write", "tasks/new");
	n = read(fd, id, sizeof(id) - 1);
	if (n <= 1)
		fail("read", "tasks/new");
	id[n - 1] = '\0';
	close(fd);
	snprintf(path, sizeof(path), "results/%s/value", id);
	read_in(mnt, path, text, sizeof(text));
}

/* An unfinished task of tasks/, if there is one. */
static bool unfinished(const char *mnt, char *name, size_t room)
{
	char *path = xasprintf("%s/tasks", mnt);
	DIR *d = opendir(path);
	struct dirent *e;
	bool found = false;

	if (!d)
		fail("open", path);
	while (!found && (e = readdir(d))) {
		found = e->d_name[0] >= '0' && e->d_name[0] <= '9';
		if (found)
			snprintf(name, room, "results/%s/wait", e->d_name);
	}
	closedir(d);
	free(path);
	return found;
}

static void drain(const char *mnt)
{
	char path[320], text[64];

	while (unfinished(mnt, path, sizeof(path)))
		read_in(mnt, path, text, sizeof(text));
}

static double submit_many(const char *mnt, unsigned tasks)
{
	static const char line[] = "{\"code\":\"" TASK "\"}\n";
	struct buf b = BUF_INIT;
	uint64_t from;
	unsigned i;
	int fd;

	for (i = 0; i < tasks; i++)
		buf_puts(&b, line);
	from = mono_usec();
	fd = open_in(mnt, "tasks/new", O_WRONLY);
	for (i = 0; i < b.n; i += 65536)
		if (file_write_all(fd, bytes_of(b.p + i,
						min_u64(65536, b.n - i))) < 0)
			fail("write", "tasks/new");
	if (close(fd) < 0)
		fail("close", "tasks/new");
	drain(mnt);
	buf_done(&b);
	return tasks * 1e6 / (double)(mono_usec() - from);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	double x, p99 = 0;

	if (strcmp(what, "spawn") == 0 && argc == 4)
		x = spawn_many(number(argv[2]), number(argv[3]));
	else if (strcmp(what, "spawn-one") == 0 && argc == 3)
		x = median(number(argv[2]), spawn_one, NULL, &p99);
	else if (strcmp(what, "submit") == 0 && argc == 4)
		x = submit_many(argv[2], number(argv[3]));
	else if (strcmp(what, "value") == 0 && argc == 4)
		x = median(number(argv[3]), one_value, argv[2], &p99);
	else if (strcmp(what, "read") == 0 && argc == 4)
		x = median_short(number(argv[3]), read_file, argv[2]);
	else if (strcmp(what, "drain") == 0 && argc == 3)
		return drain(argv[2]), 0;
	else
		return fprintf(stderr, "measure: see measure.c\n"), 2;
	printf("%.2f", x);
	if (p99 > 0)
		printf(" %.2f", p99);
	printf("\n");
	return 0;
}
