/*
 * file.h: whole small files and directories. Paths are NUL-terminated; all
 * functions return 0 (or a descriptor) or -errno.
 */
#ifndef TASKFS_FILE_H
#define TASKFS_FILE_H

#include "base/buf.h"

/* Appends the file to *out. More than `limit` bytes: -EFBIG. */
int file_read(const char *path, size_t limit, struct buf *out) must_check;
/* Writes a temporary file beside path, syncs it and renames it over path. */
int file_write_atomic(const char *path, mode_t mode, struct bytes text)
	must_check;
/* Makes the directory and its parents; parents get mode 0777 & ~umask. */
int file_mkdirs(const char *path, mode_t mode) must_check;
/* A directory, no link to one, and ours. */
bool file_is_own_dir(const char *path);
/*
 * What is in the directory nobody has put there but us and root. -EPERM: it is
 * another user's, or anybody may write there; -errno.
 */
int file_check_dir(const char *path) must_check;
/*
 * To append to, made with mode 0600 if it is not there. What somebody may have
 * planted is refused: a link, a pipe, a file of another user or with another
 * name. A descriptor; -errno, and *ret_why is a text for people.
 */
int file_open_log(const char *path, const char **ret_why) must_check;
/* A new file without a name in dir, for reading and writing: its descriptor. */
int file_unnamed(const char *dir) must_check;
/*
 * Opens it with these flags (made with mode 0600) and locks it for this process alone.
 * A descriptor, which holds the lock; -EWOULDBLOCK: another process has it.
 */
int file_lock(const char *path, int flags) must_check;
/* The file is on a network file system (or FUSE, which may be one), or that cannot be
 * told. */
bool file_is_remote(int fd);
/* All of it, to a blocking descriptor. */
int file_write_all(int fd, struct bytes text) must_check;

#endif
