/*
 * command.h: a command of a user, run by /bin/sh in the cluster's directory. It has a
 * process group of its own, and so much time (--pool-command-limit): then TERM, and
 * KILL. The shell ends with the controller, too. What it leaves behind, an engine say,
 * lives on, and nobody waits for that.
 */
#ifndef TASKFS_CONTROLLER_POOLS_COMMAND_H
#define TASKFS_CONTROLLER_POOLS_COMMAND_H

#include "base/buf.h"
#include "core/controller.h"

/* Of its outputs the last so many bytes are kept. */
#define COMMAND_KEPT (4 * KIB)

struct command;

/*
 * env: NAME=VALUE strings, ended by NULL, which go before those of the controller; both
 * are copied. done() is called from the loop when its process has ended, and frees it.
 * NULL: it could not be started, *ret_err says why.
 */
struct command *command_start(struct controller *c, const char *text,
			      const char *const *env,
			      void (*done)(struct command *cmd), void *arg,
			      int *ret_err);
/* NULL is fine. A process that runs goes on as long as we do, and nobody hears of it. */
void command_free(struct command *cmd);

void *command_arg(const struct command *cmd);
/* Its exit status; -1: it was killed by a signal, or by the limit. */
int command_status(const struct command *cmd);
/* "exit status 3", "signal KILL", "it took longer than 60 s". */
void command_put_end(const struct command *cmd, struct buf *out);
/* The last of what it wrote, as text, without white space around it. */
void command_put_last(const struct command *cmd, struct buf *out);
/* The first line of its standard output, or its beginning; the caller's; NULL: none. */
char *command_first_line(const struct command *cmd);

#endif
