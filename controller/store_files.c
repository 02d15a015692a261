#include "base/base.h"
#include "store_sql.h"

#include "base/file.h"
#include "base/parse.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

static char *output_path(const struct db *db, uint64_t result, uint32_t index,
			 enum stream s)
{
	return xasprintf("%s/%llu.%u.%s", db->outputs,
			 (unsigned long long)result, index, stream_name(s));
}

static int sync_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 || fsync(fd) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

/* Files first: a row never points to bytes that are not there. */
int files_sync(struct db *db, const struct task_row *t)
{
	bool any = false;
	int i, err = 0;

	for (i = 0; i < STREAMS && !err && db->full; i++) {
		char *path;
		int fd;

		if (!t->in_file[i])
			continue;
		path = output_path(db, t->result, t->index, (enum stream)i);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || fdatasync(fd) < 0)
			err = -errno;
		if (fd >= 0)
			close(fd);
		free(path);
		any = true;
	}
	return any && !err ? sync_dir(db->outputs) : err;
}

int files_append(struct db *db, struct store_op *op)
{
	char *path = output_path(db, op->io.result, op->io.index,
				 op->io.stream);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	int err = fd < 0 ? -errno : 0;

	/* No holes: what was before could not be stored. */
	if (!err && lseek(fd, 0, SEEK_END) < (off_t)op->io.offset)
		err = -ENODATA;
	if (!err && op->io.offset == 0 && ftruncate(fd, 0) < 0)
		err = -errno;
	if (!err && lseek(fd, (off_t)op->io.offset, SEEK_SET) < 0)
		err = -errno;
	if (!err)
		err = file_write_all(fd, buf_bytes(&op->io.bytes));
	if (fd >= 0)
		close(fd);
	free(path);
	return err;
}

int files_read(struct db *db, struct store_op *op)
{
	char *path = output_path(db, op->io.result, op->io.index,
				 op->io.stream);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	int err = 0;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0) {
		err = -errno;
	} else {
		n = pread(fd, buf_reserve(&op->io.bytes, op->io.length),
			  op->io.length, (off_t)op->io.offset);
		if (n < 0)
			err = -errno;
		else
			op->io.bytes.n += (size_t)n;
		op->io.size = (uint64_t)st.st_size;
	}
	if (fd >= 0)
		close(fd);
	free(path);
	return err;
}

void files_unlink(struct db *db, uint64_t result)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(db->sql,
				    "SELECT key, in_file FROM tasks WHERE "
				    "key>=? AND key<? AND in_file>0",
				    -1, &st, NULL);
	int i;

	if (rc != SQLITE_OK)
		return;
	sqlite3_bind_int64(st, 1, store_key(result, 0));
	sqlite3_bind_int64(st, 2, store_key(result + 1, 0));
	while (sqlite3_step(st) == SQLITE_ROW) {
		uint32_t index = (uint32_t)(sqlite3_column_int64(st, 0) &
					    ((1 << INDEX_BITS) - 1));

		for (i = 0; i < STREAMS; i++) {
			char *path = output_path(db, result, index,
						 (enum stream)i);

			if (sqlite3_column_int(st, 1) & 1 << i)
				unlink(path);
			free(path);
		}
	}
	sqlite3_finalize(st);
}

void files_forget(struct db *db, uint64_t result, uint32_t index)
{
	int i;

	for (i = 0; i < STREAMS; i++) {
		char *path = output_path(db, result, index, (enum stream)i);

		unlink(path);
		free(path);
	}
}

/* "7.0.stdout": is there a result 7? */
static bool is_wanted(sqlite3_stmt *st, const char *name)
{
	const char *dot = strchr(name, '.');
	uint64_t id;
	bool found;

	if (!dot || parse_u64(bytes_of(name, (size_t)(dot - name)), 1,
			      INT64_MAX, &id))
		return false;
	sqlite3_bind_int64(st, 1, (int64_t)id);
	found = sqlite3_step(st) == SQLITE_ROW;
	sqlite3_reset(st);
	return found;
}

void files_sweep(struct db *db)
{
	DIR *dir = opendir(db->outputs);
	struct dirent *d;
	sqlite3_stmt *st;

	if (!dir)
		return;
	if (sqlite3_prepare_v2(db->sql, "SELECT 1 FROM results WHERE id=?", -1,
			       &st, NULL) == SQLITE_OK) {
		while ((d = readdir(dir)))
			if (d->d_type == DT_REG && !is_wanted(st, d->d_name))
				unlinkat(dirfd(dir), d->d_name, 0);
		sqlite3_finalize(st);
	}
	closedir(dir);
}
