#include "base/base.h"
#include "files.h"

#include "base/file.h"
#include "base/parse.h"
#include "sql.h"
#include "wire/nearby.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

static char *output_path(const struct db *db, uint64_t result, uint32_t index,
			 enum stream s)
{
	char name[NEARBY_NAME];

	nearby_output(name, result, index, s);
	return xasprintf("%s/%s", db->outputs, name);
}

static int sync_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 || fsync(fd) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

/* The files come first: a row never names bytes that are not there. */
int files_sync(struct db *db, const struct task_row *t)
{
	bool any = false;
	int i, err = 0;

	for (i = 0; i < STREAM_OUTPUTS && !err && db->full; i++) {
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

/* The file now belongs to the next try, so it does not go. */
static void remember(struct db *db, const struct store_op *op)
{
	uint64_t key = (uint64_t)store_key(op->io.result, op->io.index);
	uintptr_t bits = (uintptr_t)map_get_u64(&db->forget, key);

	bits &= ~((uintptr_t)1 << op->io.stream);
	if (bits)
		map_put_u64(&db->forget, key, (void *)bits);
	else
		map_remove_u64(&db->forget, key);
}

/* An engine that was given up may still write into a file that it gave. */
static void leave_to_engine(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0 && st.st_nlink > 1)
		unlink(path);
}

int files_append(struct db *db, struct store_op *op)
{
	char *path = output_path(db, op->io.result, op->io.index,
				 op->io.stream);
	int fd, err;

	if (op->io.offset == 0)
		leave_to_engine(path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	err = fd < 0 ? -errno : 0;
	/* The bytes before these could not be stored: the file must not have a hole. */
	if (!err && lseek(fd, 0, SEEK_END) < (off_t)op->io.offset)
		err = -ENODATA;
	if (!err && lseek(fd, (off_t)op->io.offset, SEEK_SET) < 0)
		err = -errno;
	if (!err && op->io.offset == 0 && ftruncate(fd, 0) < 0)
		err = -errno;
	if (!err)
		err = file_write_all(fd, buf_bytes(&op->io.bytes));
	if (!err)
		remember(db, op);
	if (fd >= 0)
		close(fd);
	free(path);
	return err;
}

/* The file gets the output's name as well: the engine may have to tell it again. */
static int adopt(struct db *db, const char *name, const char *path)
{
	char *from = xasprintf("%s/" NEARBY_ENGINES "/%s", db->outputs, name);
	char *temp = xasprintf("%s/" NEARBY_ENGINES "/.new", db->outputs);
	struct stat st;
	int err = 0;

	unlink(temp);
	if (lstat(from, &st) < 0)
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	else if (link(from, temp) < 0 || rename(temp, path) < 0)
		err = -errno;
	/* rename() does nothing when both are the same file already. */
	unlink(temp);
	free(from);
	free(temp);
	return err;
}

int files_adopt(struct db *db, struct store_op *op)
{
	char *path = output_path(db, op->io.result, op->io.index,
				 op->io.stream);
	struct stat st;
	int err = 0;

	if (op->io.offset == 0)
		err = adopt(db, op->io.name, path);
	if (!err && lstat(path, &st) < 0)
		err = -errno;
	if (!err && (uint64_t)st.st_size < op->io.offset + op->io.length)
		err = -ENODATA;
	if (!err)
		remember(db, op);
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

void files_unlink(struct db *db, const struct store_op *op)
{
	const struct purged_file *f = (const void *)op->purge.files.p;
	size_t n = op->purge.files.n / sizeof(*f);

	for (; n--; f++) {
		char *path = output_path(db, op->purge.result, f->index,
					 f->stream);

		unlink(path);
		free(path);
	}
}

void files_forget(struct db *db, uint64_t result, uint32_t index)
{
	map_put_u64(&db->forget, (uint64_t)store_key(result, index),
		    (void *)(((uintptr_t)1 << STREAM_OUTPUTS) - 1));
}

static void forget(const struct db *db, uint64_t key, uintptr_t bits)
{
	int i;

	for (i = 0; i < STREAM_OUTPUTS; i++) {
		char *path;

		if (!(bits & (uintptr_t)1 << i))
			continue;
		path = output_path(db, key >> INDEX_BITS,
				   (uint32_t)(key & ((1 << INDEX_BITS) - 1)),
				   (enum stream)i);
		unlink(path);
		free(path);
	}
}

void files_forgotten(struct db *db, bool stored)
{
	struct map_iter it = {0};

	while (db->forget.n && map_next(&db->forget, &it)) {
		uint64_t key;

		memcpy(&key, it.key.p, sizeof(key));
		if (stored)
			forget(db, key, (uintptr_t)it.value);
		map_remove_u64(&db->forget, key);
	}
}

int files_size(const struct db *db, uint64_t result, uint32_t index,
	       enum stream s, uint64_t *ret_size)
{
	char *path = output_path(db, result, index, s);
	struct stat st;
	int err = stat(path, &st) < 0 ? -errno : 0;

	*ret_size = err ? 0 : (uint64_t)st.st_size;
	free(path);
	return err;
}

bool files_any(const struct db *db)
{
	DIR *dir = opendir(db->outputs);
	struct dirent *d;
	bool any = false;

	/* Some file systems do not say of what type an entry is. */
	while (dir && !any && (d = readdir(dir)))
		any = d->d_name[0] != '.' && d->d_type != DT_DIR;
	if (dir)
		closedir(dir);
	return any;
}

/* Of "7.0.stdout": whether there is a result 7. Returns what SQLite says. */
static int is_wanted(sqlite3_stmt *st, const char *name, bool *ret_wanted)
{
	const char *dot = strchr(name, '.');
	uint64_t id;
	int rc;

	*ret_wanted = false;
	if (!dot || parse_u64(bytes_of(name, (size_t)(dot - name)), 1,
			      INT64_MAX, &id))
		return SQLITE_OK;
	sqlite3_bind_int64(st, 1, (int64_t)id);
	rc = sqlite3_step(st);
	*ret_wanted = rc == SQLITE_ROW;
	sqlite3_reset(st);
	return rc;
}

static int put_aside(struct db *db, int from, const char *name)
{
	int to, i, err = file_mkdirs(db->lost, 0700);
	char *other;

	if (err)
		return err;
	to = open(db->lost, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0)
		return -errno;
	/* link() never replaces a file, but rename() would. */
	err = linkat(from, name, to, name, 0) < 0 ? -errno : 0;
	for (i = 1; err == -EEXIST && i < 1000; i++) {
		other = xasprintf("%s.%d", name, i);
		err = linkat(from, name, to, other, 0) < 0 ? -errno : 0;
		free(other);
	}
	if (!err && unlinkat(from, name, 0) < 0)
		err = -errno;
	close(to);
	return err;
}

int files_put_aside(struct db *db, uint64_t *ret_n)
{
	DIR *dir = opendir(db->outputs);
	struct dirent *d;
	sqlite3_stmt *st;
	bool wanted;
	int err;

	*ret_n = 0;
	if (!dir)
		return -errno;
	err = db_said(db, sqlite3_prepare_v2(db->sql, "SELECT 1 FROM results "
					     "WHERE id=?", -1, &st, NULL));
	while (!err && (d = readdir(dir))) {
		if (d->d_name[0] == '.' ||
		    (d->d_type != DT_REG && d->d_type != DT_UNKNOWN))
			continue;
		err = db_said(db, is_wanted(st, d->d_name, &wanted));
		if (err || wanted)
			continue;
		err = put_aside(db, dirfd(dir), d->d_name);
		if (!err)
			++*ret_n;
	}
	sqlite3_finalize(st);
	closedir(dir);
	return err;
}
