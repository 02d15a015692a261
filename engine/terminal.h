/*
 * terminal.h: a pseudo-terminal for what a task writes.
 *
 * It is no controlling terminal, and nobody types there: /dev/tty cannot be opened, as
 * without it. What is written arrives as it was written: no \n becomes \r\n.
 */
#ifndef TASKFS_ENGINE_TERMINAL_H
#define TASKFS_ENGINE_TERMINAL_H

#include "base/base.h"

#include <sys/ioctl.h>

/* What TERM is for a task that is told nothing else. */
#define TERMINAL_TYPE "xterm"

/*
 * What COLUMNS and LINES say in an environment; 80 and 24 where they say nothing, or no
 * number from 1 to 65535.
 */
struct winsize terminal_size(char *const *envp);
/*
 * ret_fd[0] is where the engine reads, ret_fd[1] the task's terminal; both are the
 * caller's, and closed at exec. 0 or -errno, and there are none then: none is left, or
 * /dev/pts is not mounted.
 */
int terminal_make(struct winsize size, int ret_fd[2]) must_check;

#endif
