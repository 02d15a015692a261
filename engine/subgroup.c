#include "subgroup.h"
#include "base/file.h"
#include "base/parse.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#define LIMIT_FILE 4096
/* Where the engine itself is. */
#define OWN "taskfs-engine"
#define OTHERS "taskfs-task-"

/* --- files ------------------------------------------------------------------- */

static int put(const char *dir, const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int err = fd < 0 ? -errno : file_write_all(fd, bytes_str(text));

	if (fd >= 0)
		close(fd);
	free(path);
	return err;
}

static bool has_word(const char *dir, const char *name, const char *word)
{
	char *path = xasprintf("%s/%s", dir, name);
	struct buf text = BUF_INIT;
	struct bytes rest, line, found = {0};

	if (file_read(path, LIMIT_FILE, &text) < 0)
		text.n = 0;
	rest = buf_bytes(&text);
	if (parse_line(&rest, &line))
		while ((found = parse_word(&line)).n && !bytes_is(found, word))
			;
	buf_done(&text);
	free(path);
	return found.n > 0;
}

int subgroup_add(const char *group, pid_t pid)
{
	char text[24];

	snprintf(text, sizeof(text), "%d\n", (int)pid);
	return put(group, "cgroup.procs", text);
}

/* This process, and no other. */
static bool is_alone(const char *dir)
{
	char *path = xasprintf("%s/cgroup.procs", dir), own[24];
	struct buf text = BUF_INIT;
	bool is;

	snprintf(own, sizeof(own), "%d\n", (int)getpid());
	is = file_read(path, LIMIT_FILE, &text) == 0 &&
	     bytes_is(buf_bytes(&text), own);
	buf_done(&text);
	free(path);
	return is;
}

/* --- the engine's own ---------------------------------------------------------- */

/* The first one is ours, the others are above it. */
static void note_first(const char *dir, bool v2, void *arg)
{
	char **first = arg;

	if (v2 && !*first)
		*first = xstrdup(dir);
}

static bool enter(const char *dir)
{
	char *own = xasprintf("%s/" OWN, dir);
	bool made = mkdir(own, 0755) == 0 || errno == EEXIST;
	bool in = made && subgroup_add(own, getpid()) == 0;
	bool can = in && put(dir, "cgroup.subtree_control", "+memory\n") == 0;

	if (in && !can)
		(void)!subgroup_add(dir, getpid());
	if (made && !can)
		rmdir(own);
	free(own);
	return can;
}

char *subgroups_enter(const struct cgroup_files *files)
{
	char *dir = NULL;

	cgroup_each(files, "memory", note_first, &dir);
	if (dir && is_alone(dir) && has_word(dir, "cgroup.controllers", "memory") &&
	    enter(dir))
		return dir;
	free(dir);
	return NULL;
}

/* Those of tasks that ended with the engine. */
static void drop_others(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)) != NULL) {
		char *path;

		if (strncmp(e->d_name, OTHERS, strlen(OTHERS)) != 0)
			continue;
		path = xasprintf("%s/%s", dir, e->d_name);
		rmdir(path);
		free(path);
	}
	if (d)
		closedir(d);
}

void subgroups_leave(char *dir)
{
	char *own;

	if (!dir)
		return;
	own = xasprintf("%s/" OWN, dir);
	drop_others(dir);
	(void)!put(dir, "cgroup.subtree_control", "-memory\n");
	(void)!subgroup_add(dir, getpid());
	rmdir(own);
	free(own);
	free(dir);
}

/* --- one of a task ---------------------------------------------------------------- */

char *subgroup_make(const char *dir, uint64_t limit)
{
	static unsigned n;
	char *group = xasprintf("%s/" OTHERS "%d-%u", dir, (int)getpid(), n++);
	char text[24];

	snprintf(text, sizeof(text), "%llu\n", (unsigned long long)limit);
	if (mkdir(group, 0755) < 0) {
		free(group);
		return NULL;
	}
	if (put(group, "memory.max", text) < 0) {
		rmdir(group);
		free(group);
		return NULL;
	}
	/* Memory on a disk is no more memory; not every kernel has swap. */
	(void)!put(group, "memory.swap.max", "0\n");
	return group;
}

int64_t subgroup_kills(const char *group)
{
	return cgroup_named(group, "memory.events", "oom_kill");
}

void subgroup_drop(const char *dir, char *group, pid_t pid)
{
	char *own = xasprintf("%s/" OWN, dir);

	if (pid)
		(void)!subgroup_add(own, pid);
	rmdir(group);
	free(own);
	free(group);
}
