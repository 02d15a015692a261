#include "mount.h"
#include "base/file.h"
#include "base/parse.h"
#include "base/spawn.h"
#include "kernel/kernel.h"
#include "kernel/ops.h"
#include "park/fuse.h"
#include "wire/connfile.h"

#include <glob.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* --- -o ----------------------------------------------------------------- */

static const struct mount_word {
	const char *word;	/* with "=": and what follows */
	enum { PASS, DROP, OURS } how;
	size_t at;		/* OURS: offsetof() a bool */
} words[] = {
	{"ro", PASS, 0},	{"rw", PASS, 0},
	{"suid", PASS, 0},	{"nosuid", PASS, 0},
	{"dev", PASS, 0},	{"nodev", PASS, 0},
	{"exec", PASS, 0},	{"noexec", PASS, 0},
	{"sync", PASS, 0},	{"async", PASS, 0},
	{"dirsync", PASS, 0},	{"atime", PASS, 0},
	{"noatime", PASS, 0},	{"default_permissions", PASS, 0},
	{"auto_unmount", PASS, 0},
	/* For mount(8) and systemd, not for a filesystem. */
	{"defaults", DROP, 0},	{"auto", DROP, 0},
	{"noauto", DROP, 0},	{"user", DROP, 0},
	{"nouser", DROP, 0},	{"users", DROP, 0},
	{"owner", DROP, 0},	{"group", DROP, 0},
	{"_netdev", DROP, 0},	{"nofail", DROP, 0},
	{"relatime", DROP, 0},	{"norelatime", DROP, 0},
	{"strictatime", DROP, 0}, {"lazytime", DROP, 0},
	{"nolazytime", DROP, 0}, {"silent", DROP, 0},
	{"user=", DROP, 0},	{"comment=", DROP, 0},
	{"x-", DROP, 0},	{"X-", DROP, 0},
	{"fsname=", DROP, 0},	{"subtype=", DROP, 0},
	{"nonempty", OURS, offsetof(struct mount_options, nonempty)},
	{"bg", OURS, offsetof(struct mount_options, background)},
	{"allow_other", OURS, offsetof(struct mount_options, allow_other)},
	{"noinotify", OURS, offsetof(struct mount_options, noinotify)},
};

static bool word_is(const struct mount_word *w, struct bytes text)
{
	size_t n = strlen(w->word);
	char last = w->word[n - 1];

	if (last != '=' && last != '-')
		return bytes_is(text, w->word);
	return text.n >= n && memcmp(text.p, w->word, n) == 0;
}

static int add_word(struct mount_options *m, struct bytes text,
		    struct buf *why)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		if (!word_is(&words[i], text))
			continue;
		if (words[i].how == OURS)
			*(bool *)(void *)((char *)m + words[i].at) = true;
		if (words[i].how == PASS)
			buf_printf(&m->fuse, "%s%.*s", m->fuse.n ? "," : "",
				   (int)text.n, (const char *)text.p);
		return 0;
	}
	buf_puts(why, "unknown mount option '");
	buf_put_escaped(why, text, 64);
	buf_putc(why, '\'');
	return -EINVAL;
}

int mount_options_add(struct mount_options *m, const char *list,
		      struct buf *why)
{
	int err = 0;

	while (*list && !err) {
		size_t n = strcspn(list, ",");

		if (n)
			err = add_word(m, bytes_of(list, n), why);
		list += n + (list[n] == ',');
	}
	return err;
}

void mount_options_done(struct mount_options *m)
{
	buf_done(&m->fuse);
}

/* --- SOURCE ------------------------------------------------------------- */

static char *absolute(const char *path)
{
	char here[PATH_MAX];
	char *real = realpath(path, NULL);

	if (real || *path == '/' || !getcwd(here, sizeof(here)))
		return real ? real : xstrdup(path);
	return xasprintf("%s/%s", here, path);
}

/* Of the clusters that have an id the only one there is; or NULL, and why. */
static char *file_with_id(const char *security, struct buf *why)
{
	char *pattern = xasprintf("%s/ipcontroller-*-client.json", security);
	char *file = NULL;
	glob_t found;
	size_t i;

	if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0) {
		if (found.gl_pathc == 1)
			file = xstrdup(found.gl_pathv[0]);
		for (i = 0; !file && i < found.gl_pathc; i++)
			buf_printf(why, "%s%s",
				   i ? ", " : "there are several clusters, "
					      "mount one of these files: ",
				   found.gl_pathv[i]);
		globfree(&found);
	}
	free(pattern);
	return file;
}

/* NULL: there are several. */
static char *file_in(const char *dir, struct buf *why)
{
	char *plain = connfile_path(dir, NULL, CONNFILE_CLIENT);
	char *security = xasprintf("%s/security", dir);
	char *file = connfile_path(security, NULL, CONNFILE_CLIENT);

	if (access(plain, F_OK) == 0) {
		free(file);
		file = xstrdup(plain);
	} else if (access(file, F_OK) < 0) {
		char *other = file_with_id(security, why);

		if (other || why->n) {
			free(file);
			file = other;
		}
	}
	free(security);
	free(plain);
	return file;
}

static bool has_file(const char *dir)
{
	struct buf why = BUF_INIT;
	char *file = dir ? file_in(dir, &why) : NULL;
	bool yes = why.n || (file && access(file, F_OK) == 0);

	free(file);
	buf_done(&why);
	return yes;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), len = strlen(end);

	return n >= len && strcmp(s + n - len, end) == 0;
}

/*
 * A cluster of ours or a profile of ipyparallel of that name: the one that runs
 * (of both ours, and that is said), else the one there is.
 */
static char *named_dir(const char *name, struct buf *why)
{
	char *ours = cluster_dir(name, why), *profile;
	struct buf ignored = BUF_INIT;
	bool ours_runs, theirs_runs, theirs;

	if (!ours)
		return NULL;
	profile = profile_dir(name, &ignored);
	buf_done(&ignored);
	ours_runs = has_file(ours);
	theirs_runs = has_file(profile);
	theirs = !ours_runs &&
		 (theirs_runs || (access(ours, F_OK) < 0 && profile &&
				  access(profile, F_OK) == 0));
	if (ours_runs && theirs_runs)
		fprintf(stderr, "taskfs: this is the cluster %s of taskfs; for "
				"ipyparallel's: taskfs %s DIR\n",
			name, profile);
	free(theirs ? ours : profile);
	return theirs ? profile : ours;
}

/* Who can write there says which controller is spoken to. */
static bool is_trusted(const char *dir, struct buf *why)
{
	char *security = xasprintf("%s/security", dir);
	bool no = file_check_dir(dir) == -EPERM ||
		  file_check_dir(security) == -EPERM;

	if (no)
		buf_printf(why, "%s belongs to another user, or anybody may "
				"write there; if you trust them, mount the "
				"connection file", dir);
	free(security);
	return !no;
}

char *mount_source(const char *source, struct buf *why)
{
	char *given, *dir, *file;
	struct stat st;

	given = cluster_is_path(source) ? xstrdup(source) : named_dir(source, why);
	if (!given)
		return NULL;
	/* The same whatever it is called: a bridge is known by it. */
	dir = absolute(given);
	free(given);
	if (stat(dir, &st) == 0 ? !S_ISDIR(st.st_mode)
				: ends_with(dir, ".json"))
		return dir;
	file = is_trusted(dir, why) ? file_in(dir, why) : NULL;
	free(dir);
	return file;
}

void mount_say_places(const char *source, struct buf *why)
{
	struct buf ignored = BUF_INIT;
	char *ours = cluster_is_path(source) ? NULL : cluster_dir(source, &ignored);
	char *theirs = ours ? profile_dir(source, &ignored) : NULL;

	if (theirs)
		buf_printf(why, " (%s can be the cluster in %s or the "
			   "ipyparallel profile in %s)", source, ours, theirs);
	free(theirs);
	free(ours);
	buf_done(&ignored);
}

/* --- DIR ---------------------------------------------------------------- */

static void detach(const char *dir)
{
	char *tool, *argv[] = {(char *)(uintptr_t)"fusermount3",
			       (char *)(uintptr_t)"-uz",
			       (char *)(uintptr_t)"--",
			       (char *)(uintptr_t)dir, NULL};
	struct spawn s = {.argv = argv, .envp = environ};
	pid_t pid;

	if (umount2(dir, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		return;
	tool = spawn_find("fusermount3", "/usr/bin:/bin:/usr/local/bin");
	s.path = tool;
	pid = tool ? spawn_start(&s, NULL) : -1;
	if (pid > 0)
		waitpid(pid, NULL, 0);
	free(tool);
}

static bool is_empty(const char *dir)
{
	DIR *d = opendir(dir);
	int n = 0;

	if (!d)
		return true; /* the mount will say what is wrong */
	while (n <= 2 && readdir(d))
		n++;
	closedir(d);
	return n <= 2;
}

char *mount_dir(const char *dir, const struct mount_options *m,
		struct buf *why)
{
	struct stat st;
	char *real;

	if (stat(dir, &st) < 0 && errno == ENOTCONN)
		detach(dir);
	if (stat(dir, &st) < 0) {
		buf_printf(why, "cannot mount on %s: %s%s", dir,
			   strerror(errno),
			   errno == ENOENT ? "; make the directory first" : "");
		return NULL;
	}
	if (!S_ISDIR(st.st_mode)) {
		buf_printf(why, "cannot mount on %s: it is no directory", dir);
		return NULL;
	}
	if (!m->nonempty && !is_empty(dir)) {
		buf_printf(why, "cannot mount on %s: it is not empty; take "
			   "another directory, or -o nonempty to hide what is "
			   "there", dir);
		return NULL;
	}
	real = realpath(dir, NULL);
	return real ? real : xstrdup(dir);
}

/* --- the mount ---------------------------------------------------------- */

/* libfuse's lists end a word at a comma unless a backslash is before it. */
static void put_fsname(struct buf *b, const char *source)
{
	buf_puts(b, ",fsname=");
	for (; *source; source++) {
		if (*source == ',' || *source == '\\')
			buf_putc(b, '\\');
		buf_putc(b, *source);
	}
}

static struct fuse_session *new_session(struct fs *fs,
					const struct mount_options *m)
{
	struct buf list = BUF_INIT;
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_session *se = NULL;

	buf_puts(&list, "subtype=taskfs");
	put_fsname(&list, fs->source);
	if (m->allow_other)
		buf_puts(&list, ",allow_other,default_permissions");
	if (m->fuse.n)
		buf_putc(&list, ',');
	buf_put(&list, m->fuse.p, m->fuse.n);
	if (fuse_opt_add_arg(&args, "taskfs") == 0 &&
	    fuse_opt_add_arg(&args, "-o") == 0 &&
	    fuse_opt_add_arg(&args, buf_str(&list)) == 0)
		se = fuse_session_new(&args, &ops, sizeof(ops), fs);
	fuse_opt_free_args(&args);
	buf_done(&list);
	return se;
}

int mount_start(struct fs *fs, const struct mount_options *m, struct buf *why)
{
	int fd, flags;

	fs->shared = m->allow_other;
	fs->se = new_session(fs, m);
	if (!fs->se) {
		buf_puts(why, "libfuse does not accept the mount options");
		return -EINVAL;
	}
	if (fuse_session_mount(fs->se, fs->dir) != 0) {
		buf_printf(why, "cannot mount on %s; see the line above",
			   fs->dir);
		fuse_session_destroy(fs->se);
		fs->se = NULL;
		return -EIO;
	}
	fd = fuse_session_fd(fs->se);
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		buf_printf(why, "/dev/fuse: %s", strerror(errno));
		return -errno;
	}
	return 0;
}

void mount_end(struct fs *fs)
{
	if (!fs->se)
		return;
	kernel_stop(fs->kernel);
	fuse_session_unmount(fs->se);
	fuse_session_destroy(fs->se);
	fs->se = NULL;
}
