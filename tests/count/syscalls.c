/*
 * syscalls NAME=PID[,PID...]... -- COMMAND [ARG]...
 *
 * Runs COMMAND, and prints as JSON which system calls the processes of each NAME
 * made meanwhile: all their threads, and what they fork until it becomes another
 * program. Those whose name does not begin with "taskfs" are not looked at, and
 * run at full speed. Exits with 77 where the kernel does not let it look.
 */
#include "base/parse.h"

#include <dirent.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define GROUPS	16
#define CALLS	1024
#define THREADS (1 << 22) /* the kernel's largest number of one, and one more */
#define OPTIONS                                                             \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | \
	 PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC)

static const struct {
	int number;
	const char *name;
} names[] = {
#include "syscall_names.inc"
};

struct group {
	const char *name;
	unsigned long calls[CALLS];
};

static struct group groups[GROUPS];
static unsigned ngroups;

/* Of each thread: its group's index + 1. */
static unsigned char *group_of;
/* Whether it stands at its first stop, and its group is not known yet. */
static unsigned char *is_held;

static void fail(const char *what)
{
	fprintf(stderr, "syscalls: %s: %s\n", what, strerror(errno));
	exit(errno == EPERM || errno == EACCES ? 77 : 1);
}

/* Who has gone meanwhile says so at the next wait. */
static void go_on(pid_t tid, int signal)
{
	if (ptrace(PTRACE_SYSCALL, tid, NULL, signal) < 0 && errno != ESRCH)
		fail("PTRACE_SYSCALL");
}

static void let_go(pid_t tid)
{
	ptrace(PTRACE_DETACH, tid, NULL, NULL);
	group_of[tid] = 0;
}

static pid_t number(const char *text)
{
	uint64_t n;

	if (parse_u64(bytes_str(text), 1, THREADS - 1, &n)) {
		fprintf(stderr, "syscalls: '%s' is no process\n", text);
		exit(2);
	}
	return (pid_t)n;
}

/* --- who is looked at ---------------------------------------------------- */

/* False: it is already, or has gone. */
static bool take(pid_t tid, unsigned group)
{
	int status;

	if (group_of[tid])
		return false;
	if (ptrace(PTRACE_SEIZE, tid, NULL, OPTIONS) < 0) {
		if (errno == ESRCH)
			return false;
		fail("PTRACE_SEIZE");
	}
	group_of[tid] = (unsigned char)(group + 1);
	if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0 ||
	    waitpid(tid, &status, __WALL) < 0 || !WIFSTOPPED(status))
		return false;
	go_on(tid, 0);
	return true;
}

static void take_process(pid_t pid, unsigned group)
{
	char path[64];
	bool more = true;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	/* Until none has come while we looked. */
	while (more) {
		DIR *d = opendir(path);
		struct dirent *e;

		if (!d)
			fail(path);
		more = false;
		while ((e = readdir(d)))
			if (e->d_name[0] != '.')
				more |= take(number(e->d_name), group);
		closedir(d);
	}
}

/* NAME=PID[,PID...] */
static void take_group(char *text)
{
	char *pid, *rest = strchr(text, '=');

	if (!rest || ngroups == GROUPS) {
		fprintf(stderr, "syscalls: '%s'? See syscalls.c\n", text);
		exit(2);
	}
	*rest++ = '\0';
	groups[ngroups].name = text;
	while ((pid = strsep(&rest, ",")))
		take_process(number(pid), ngroups);
	ngroups++;
}

/* --- what they do --------------------------------------------------------- */

static void count_call(pid_t tid)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) > 0 &&
	    info.op == PTRACE_SYSCALL_INFO_ENTRY && group_of[tid] &&
	    info.entry.nr < CALLS)
		groups[group_of[tid] - 1].calls[info.entry.nr]++;
}

/* The stop of a new thread may come before its parent tells of it. */
static void adopt(pid_t parent)
{
	unsigned long child;

	if (ptrace(PTRACE_GETEVENTMSG, parent, NULL, &child) < 0)
		return;
	group_of[child] = group_of[parent];
	if (is_held[child]) {
		is_held[child] = 0;
		go_on((pid_t)child, 0);
	}
}

static bool is_ours(pid_t pid)
{
	char path[64], name[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(name, sizeof(name), f))
		name[0] = '\0';
	fclose(f);
	return strncmp(name, "taskfs", 6) == 0;
}

static void first_or_group_stop(pid_t tid, int signal)
{
	if (signal != SIGTRAP)
		ptrace(PTRACE_LISTEN, tid, NULL, NULL);
	else if (group_of[tid])
		go_on(tid, 0);
	else
		is_held[tid] = 1;
}

static void stopped(pid_t tid, int status)
{
	int signal = WSTOPSIG(status);

	switch (status >> 16) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		adopt(tid);
		go_on(tid, 0);
		break;
	case PTRACE_EVENT_EXEC:
		is_ours(tid) ? go_on(tid, 0) : let_go(tid);
		break;
	case PTRACE_EVENT_STOP:
		first_or_group_stop(tid, signal);
		break;
	default:
		if (signal != (SIGTRAP | 0x80)) {
			go_on(tid, signal);
			break;
		}
		count_call(tid);
		go_on(tid, 0);
	}
}

/* --- the command ---------------------------------------------------------- */

/* What it says is not what we say. */
static pid_t start(char **argv)
{
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (pid > 0)
		return pid;
	if (!freopen("/dev/null", "w", stdout))
		fail("/dev/null");
	execvp(argv[0], argv);
	fprintf(stderr, "syscalls: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static int until_end_of(pid_t command)
{
	int status;
	pid_t tid;

	for (;;) {
		tid = waitpid(-1, &status, __WALL);
		if (tid < 0 && errno != EINTR)
			fail("waitpid");
		if (tid == command && !WIFSTOPPED(status))
			return status;
		if (tid > 0 && WIFSTOPPED(status))
			stopped(tid, status);
		else if (tid > 0)
			group_of[tid] = 0;
	}
}

static void print_group(const struct group *g)
{
	const char *comma = "";
	size_t i;

	printf("\"%s\": {", g->name);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int nr = names[i].number;

		if (nr >= CALLS || !g->calls[nr])
			continue;
		printf("%s\"%s\": %lu", comma, names[i].name, g->calls[nr]);
		comma = ", ";
	}
	printf("}");
}

/* Who traces lets go when it ends. */
int main(int argc, char **argv)
{
	int i, status;
	unsigned g;

	group_of = calloc(THREADS, 1);
	is_held = calloc(THREADS, 1);
	if (!group_of || !is_held)
		fail("calloc");
	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		take_group(argv[i]);
	if (i + 1 >= argc) {
		fprintf(stderr, "syscalls: which command? See syscalls.c\n");
		return 2;
	}
	status = until_end_of(start(argv + i + 1));
	printf("{");
	for (g = 0; g < ngroups; g++) {
		printf("%s", g ? ",\n" : "");
		print_group(&groups[g]);
	}
	printf("}\n");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
