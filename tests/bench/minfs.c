/*
 * minfs DIR: the least a FUSE filesystem can be, as a floor for the benchmark:
 * libfuse's low-level interface, one thread, its own loop, three levels of
 * directories and two files of a few bytes that are always the same:
 *
 *	DIR/results/7/live	read from here at each read (direct_io)
 *	DIR/results/7/kept	kept in the page cache
 *
 * Runs in the foreground until it is unmounted; writes a line to stdout when
 * it is mounted.
 */
#define FUSE_USE_VERSION 314

#include "base/base.h"

#include <fuse_lowlevel.h>
#include <sys/stat.h>

static const char text[] = "running\n";
#define TIMEOUT 60.0

enum { ROOT = 1, RESULTS, SEVEN, LIVE, KEPT };

static const struct {
	fuse_ino_t parent, ino;
	const char *name;
} entries[] = {
	{ROOT, RESULTS, "results"},
	{RESULTS, SEVEN, "7"},
	{SEVEN, LIVE, "live"},
	{SEVEN, KEPT, "kept"},
};

static struct stat attr(fuse_ino_t ino)
{
	bool file = ino >= LIVE;

	return (struct stat){
		.st_ino = ino,
		.st_mode = file ? S_IFREG | 0444 : S_IFDIR | 0755,
		.st_nlink = file ? 1 : 2,
		.st_size = file ? sizeof(text) - 1 : 0,
	};
}

static void lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = {
		.attr_timeout = TIMEOUT,
		.entry_timeout = TIMEOUT,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		if (entries[i].parent != parent ||
		    strcmp(entries[i].name, name) != 0)
			continue;
		e.ino = entries[i].ino;
		e.attr = attr(e.ino);
		fuse_reply_entry(req, &e);
		return;
	}
	fuse_reply_err(req, ENOENT);
}

static void getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st = attr(ino);

	(void)fi;
	fuse_reply_attr(req, &st, TIMEOUT);
}

static void open_file(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	fi->direct_io = ino == LIVE;
	fi->keep_cache = ino == KEPT;
	fuse_reply_open(req, fi);
}

static void read_file(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at,
		      struct fuse_file_info *fi)
{
	size_t n = sizeof(text) - 1;

	(void)ino;
	(void)fi;
	if ((size_t)at >= n)
		fuse_reply_buf(req, NULL, 0);
	else
		fuse_reply_buf(req, text + at, min_u64(size, n - (size_t)at));
}

static const struct fuse_lowlevel_ops ops = {
	.lookup = lookup,
	.getattr = getattr,
	.open = open_file,
	.read = read_file,
};

int main(int argc, char **argv)
{
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct fuse_session *se;
	int rc;

	if (argc != 2)
		return fprintf(stderr, "usage: minfs DIR\n"), 2;
	se = fuse_session_new(&args, &ops, sizeof(ops), NULL);
	if (!se || fuse_set_signal_handlers(se) < 0 ||
	    fuse_session_mount(se, argv[1]) < 0)
		return 1;
	printf("mounted\n");
	fflush(stdout);
	rc = fuse_session_loop(se);
	fuse_session_unmount(se);
	fuse_remove_signal_handlers(se);
	fuse_session_destroy(se);
	fuse_opt_free_args(&args);
	return rc < 0;
}
