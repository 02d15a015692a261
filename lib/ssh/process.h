/*
 * process.h: the two processes of a tunnel, both called taskfs-tunnel: a keeper
 * (keeper.h), and one that waits for it and makes another when somebody kills that.
 *
 * They are nobody's children: an engine kills what is below it. Only the end of who
 * started them ends them, seen at their standard input.
 */
#ifndef TASKFS_SSH_PROCESS_H
#define TASKFS_SSH_PROCESS_H

#include "wire/connfile.h"

/* fd: the keeper's standard input; shown_fd: of shown_new(). -errno. */
int process_start(const char *url, enum connfile_kind kind, const char *dir,
		  int fd, int shown_fd) must_check;
/* Never returns in a process that process_start() has executed. */
void process_main(int argc, char **argv);

#endif
