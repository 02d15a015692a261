#include "bridge.h"
#include "base/file.h"
#include "base/log.h"
#include "base/spawn.h"
#include "link.h"
#include "wire/connfile.h"

#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/wait.h>

#define TICK (500 * USEC_PER_MSEC)
/* A bridge that did not come up is started again after this time. */
#define PATIENCE (3 * USEC_PER_SEC)

/* --- where -------------------------------------------------------------- */

/* The program of the bridge: beside our own, else in PATH. */
static char *find_program(void)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash, *beside, *found;

	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		*slash = '\0';
		beside = xasprintf("%s/taskfs-controller", self);
		found = spawn_find(beside, "");
		free(beside);
		if (found && access(found, X_OK) == 0)
			return found;
		free(found);
	}
	return spawn_find("taskfs-controller", getenv("PATH"));
}

/* The name of the directory before "security", for people who look. */
static struct bytes profile_of(const char *path)
{
	const char *end = path + strlen(path), *from;
	int up;

	for (up = 0; up < 2; up++) {
		while (end > path && end[-1] != '/')
			end--;
		if (end > path)
			end--;
	}
	for (from = end; from > path && from[-1] != '/'; from--)
		;
	return bytes_of(from, (size_t)(end - from));
}

/* One for each connection file, on each host: a home may be shared. */
static char *dir_of(const char *upstream, struct buf *why)
{
	unsigned char hash[8];
	char host[256] = "", hex[sizeof(hash) * 2 + 1];
	struct bytes profile = profile_of(upstream);
	char *near = cluster_dir("default", why), *key, *dir;

	if (!near)
		return NULL;
	/* Beside the clusters; no cluster's name begins with a dot. */
	*strrchr(near, '/') = '\0';
	gethostname(host, sizeof(host) - 1);
	key = xasprintf("%s:%s", host, upstream);
	crypto_generichash(hash, sizeof(hash), (unsigned char *)key,
			   strlen(key), NULL, 0);
	sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
	dir = xasprintf("%s/.bridges/%.*s-%s", near, (int)profile.n,
			(const char *)profile.p, hex);
	free(key);
	free(near);
	return dir;
}

/* As long as somebody has it locked, the bridge is wanted. */
static int take_part(const char *dir)
{
	char *pid = xasprintf("%s/pid", dir);
	char *users = xasprintf("%s/users", pid);
	int err = file_mkdirs(dir, 0700);
	int fd = -1;

	if (!err)
		err = file_mkdirs(pid, 0700);
	if (!err) {
		fd = open(users, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		err = fd < 0 ? -errno : 0;
	}
	if (!err && flock(fd, LOCK_SH) < 0) {
		err = -errno;
		close(fd);
	}
	free(users);
	free(pid);
	return err ? err : fd;
}

/* --- running it --------------------------------------------------------- */

static void start(struct bridge *b)
{
	char *log = xasprintf("%s/bridge.log", b->dir);
	char *argv[] = {
		(char *)(uintptr_t)"taskfs-controller",
		(char *)(uintptr_t)"--upstream", b->upstream,
		(char *)(uintptr_t)"--cluster-dir", b->dir,
		/* Not that of the environment: its own has none. */
		(char *)(uintptr_t)"--cluster-id=",
		(char *)(uintptr_t)"--log-file", log,
		(char *)(uintptr_t)"--until-unused", NULL,
	};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct spawn_fd fds[] = {{null, 0}, {null, 1}, {null, 2}};
	struct spawn s = {
		.path = b->program,
		.argv = argv,
		.envp = environ,
		.fds = fds,
		.nfds = ARRAY_SIZE(fds),
		.own_group = true,
	};
	pid_t pid = null < 0 ? -errno : spawn_start(&s, NULL);

	b->started = mono_usec();
	if (pid > 0) {
		b->child = pid;
		log_info("the bridge to an ipyparallel controller is started",
			 log_str("upstream", b->upstream),
			 log_str("dir", b->dir), log_int("bridge", pid));
	} else {
		log_error("the bridge to an ipyparallel controller does not "
			  "start", log_str("program", b->program),
			  log_errno(pid));
	}
	if (null >= 0)
		close(null);
	free(log);
}

/* The child ends at once when another mount's bridge runs already. */
static void tick(struct timer *t)
{
	struct bridge *b = container_of(t, struct bridge, tick);
	int status;

	if (b->child && waitpid(b->child, &status, WNOHANG) == b->child)
		b->child = 0;
	if (!b->child && !link_is_up(b->link) &&
	    mono_usec() - b->started > PATIENCE)
		start(b);
	timer_set(b->link->loop, &b->tick, TICK);
}

static void forget(struct bridge *b)
{
	free(b->program);
	free(b->upstream);
	free(b->dir);
	b->program = b->upstream = b->dir = NULL;
}

/* What an attempt finds stays in b, and is forgotten if it is not everything. */
static int find_parts(struct bridge *b, struct buf *why)
{
	b->program = find_program();
	if (!b->program) {
		buf_puts(why, "to mount an ipyparallel cluster needs "
			      "taskfs-controller beside taskfs, or in PATH");
		return -ENOENT;
	}
	b->upstream = xstrdup(b->link->path);
	b->dir = dir_of(b->upstream, why);
	if (!b->dir)
		return -EINVAL;
	b->users = take_part(b->dir);
	if (b->users < 0) {
		buf_printf(why, "cannot use the directory %s: %s", b->dir,
			   strerror(-b->users));
		return b->users;
	}
	return 0;
}

int bridge_begin(struct bridge *b, struct buf *why)
{
	char *security, *path;
	int err;

	if (b->link->tunnel) {
		buf_puts(why, "it is a cluster of ipyparallel; over ssh:// "
			      "only those of taskfs are mounted. Mount it on "
			      "its own host");
		return -EOPNOTSUPP;
	}
	err = find_parts(b, why);
	if (err) {
		forget(b);
		b->users = -1;
		return err;
	}
	start(b);
	security = xasprintf("%s/security", b->dir);
	path = connfile_path(security, NULL, CONNFILE_CLIENT);
	link_redirect(b->link, path);
	free(path);
	free(security);
	b->tick.fire = tick;
	timer_set(b->link->loop, &b->tick, TICK);
	return 0;
}

void bridge_init(struct bridge *b, struct link *link)
{
	*b = (struct bridge){.link = link, .users = -1};
}

void bridge_done(struct bridge *b)
{
	timer_cancel(&b->tick);
	if (b->users >= 0)
		close(b->users);
	forget(b);
}
