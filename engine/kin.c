#include "kin.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/parse.h"

#include <dirent.h>
#include <signal.h>

#define LIMIT_CHILDREN (4 * 1024 * 1024)	/* bytes of one list of pids */
#define LIMIT_KIN 1000000

void kin_done(struct kin *k)
{
	free(k->pid);
	*k = (struct kin)KIN_INIT;
}

void kin_add(struct kin *k, pid_t pid)
{
	if (k->n == k->room) {
		k->room = k->room ? k->room * 2 : 16;
		k->pid = xreallocarray(k->pid, k->room, sizeof(*k->pid));
	}
	k->pid[k->n++] = pid;
}

bool kin_has(const struct kin *k, pid_t pid)
{
	size_t i;

	for (i = 0; k && i < k->n; i++)
		if (k->pid[i] == pid)
			return true;
	return false;
}

void kin_remove(struct kin *k, pid_t pid)
{
	size_t i;

	for (i = 0; i < k->n; i++)
		if (k->pid[i] == pid)
			k->pid[i--] = k->pid[--k->n];
}

/* The children of one thread; a thread that is gone has none. */
static void add_of_thread(const char *path, struct kin *ret)
{
	struct buf text = BUF_INIT;
	struct bytes rest, word;
	uint64_t pid;

	if (file_read(path, LIMIT_CHILDREN, &text) < 0)
		text.n = 0;
	rest = buf_bytes(&text);
	while ((word = parse_word(&rest)).n > 0)
		if (parse_u64(word, 1, INT_MAX, &pid) == 0)
			kin_add(ret, (pid_t)pid);
	buf_done(&text);
}

/* The children of one process (of all its threads). */
void kin_children(pid_t root, struct kin *ret)
{
	char dir[64];
	DIR *d;
	struct dirent *e;

	snprintf(dir, sizeof(dir), "/proc/%d/task", (int)root);
	d = opendir(dir);
	if (!d)
		return;
	while ((e = readdir(d)) != NULL) {
		char path[PATH_MAX];

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s/children", dir, e->d_name);
		add_of_thread(path, ret);
	}
	closedir(d);
}

void kin_descendants(pid_t root, struct kin *ret)
{
	size_t i = ret->n;

	kin_children(root, ret);
	for (; i < ret->n && ret->n < LIMIT_KIN; i++)
		kin_children(ret->pid[i], ret);
}

void kin_signal(pid_t root, pid_t group, int signo)
{
	struct kin all = KIN_INIT;
	size_t i;

	kill(-group, signo);
	kin_descendants(root, &all);
	for (i = 0; i < all.n; i++)
		if (getpgid(all.pid[i]) != group)
			kill(all.pid[i], signo);
	kin_done(&all);
}

size_t kin_kill(pid_t root, const struct kin *spared)
{
	struct kin children = KIN_INIT;
	size_t i, killed = 0;

	kin_children(root, &children);
	for (i = 0; i < children.n; i++) {
		pid_t pid = children.pid[i], group = getpgid(pid);

		if (kin_has(spared, pid))
			continue;
		/* A child nobody waited for keeps its pid, and its group
		   the group's id: nobody else can be meant. */
		if (group > 1 && group != getpgrp())
			kill(-group, SIGKILL);
		kill(pid, SIGKILL);
		killed++;
	}
	kin_done(&children);
	return killed;
}
