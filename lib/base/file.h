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
/* A new file without a name in dir, for reading and writing: its descriptor. */
int file_unnamed(const char *dir) must_check;
/* All of it, to a blocking descriptor. */
int file_write_all(int fd, struct bytes text) must_check;

#endif
