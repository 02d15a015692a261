/*
 * command.h: from a task's code and options to something to execute.
 *
 *	#! in its first line	a script of its own, executed as it is
 *	a simple command	the program, found in PATH, without a shell
 *	anything else		/bin/sh -c
 *
 * There is a next way to try when one cannot be executed (no such program: the
 * shell says so better; a spool that forbids execution: the interpreter gets
 * the script); command_next() goes on to it.
 */
#ifndef TASKFS_COMMAND_H
#define TASKFS_COMMAND_H

#include "base/buf.h"
#include "spool.h"
#include "wire/json.h"

/* What is to be run. All borrowed, while the command exists. */
struct command_spec {
	struct bytes code;
	struct json_object *args;	/* array of octets.h, or NULL */
	struct json_object *env;	/* object of octets.h, or NULL */
	struct bytes items;		/* of a map: each ended by a NUL */
	const char *cwd;		/* or NULL */
	char *const *own_env;		/* the engine's environment */
	const char *const *extra_env;	/* names and values in turns, NULL */
};

enum command_way {
	COMMAND_SCRIPT,		/* #!, the kernel reads it */
	COMMAND_INTERPRETER,	/* #!, read by us */
	COMMAND_DIRECT,
	COMMAND_SHELL,		/* sh -c CODE */
	COMMAND_SHELL_FILE,	/* sh FILE */
};

struct command {
	enum command_way way;
	char *path;
	char **argv;
	char **envp;
	/* its own */
	const struct command_spec *spec;
	struct buf args;	/* of the option, each with a NUL behind it */
	char *text;		/* NUL-terminated code, cut up for argv */
	char *script;		/* a file to be removed */
	char **owned;		/* strings of envp that are ours */
	size_t nowned;
};

/*
 * Prepares the first way. 0, -EINVAL (*why: a sentence), or -errno of the
 * spool. The caller calls command_done() in any case.
 */
int command_init(struct command *c, const struct command_spec *spec,
		 struct spool *s, struct buf *why) must_check;
/* Prepares the next way after a failed exec; false: that was the last. */
bool command_next(struct command *c, int err);
/* Frees everything; the script's file goes, too. */
void command_done(struct command *c);

/* For tests: how code would be run (with nothing but code given). */
enum command_way command_way(struct bytes code);

#endif
