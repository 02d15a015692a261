/*
 * options.h: the command line, and what of ipengine's command line and
 * environment has a meaning here (doc/ipyparallel.md tells users).
 */
#ifndef TASKFS_ENGINE_OPTIONS_H
#define TASKFS_ENGINE_OPTIONS_H

#include "base/log.h"
#include "resources.h"

/* The command line. */
struct config {
	char *path;			/* of the connection file; owned */
	struct tunnel *tunnel;		/* to where that is; NULL: here */
	const char *connection;		/* its text; NULL: it is in the file */
	char *dir;			/* of the cluster, or NULL; owned */
	const char *file, *given_dir, *profile, *name, *cluster_id;
	const char *ipython_dir;
	const char *spool, *work_dir;
	const char *launch;		/* of a pool that started it; or NULL */
	char *from_env;			/* the same, when the environment says it; owned */
	const char *log_file;
	uint64_t id;			/* asked for; NO_NUMBER: any */
	uint64_t ahead;		/* usec; 0: no task is taken ahead */
	uint64_t grace, timeout, orphan_timeout; /* usec */
	uint64_t file_timeout;		/* usec: ipyparallel's other one */
	uint64_t output_limit;		/* bytes */
	uint64_t lifetime;		/* usec; 0: none; NO_NUMBER: not said */
	uint64_t drains, ends;		/* mono_usec(); 0: never */
	size_t slots;			/* tasks at a time */
	struct resources resources;	/* what else they can have */
	bool bind;			/* each slot is a processor of its own */
	char *groups;			/* subgroups_enter()'s; main.c's */
	uint64_t ready_fd;		/* NO_NUMBER: none */
	bool wait, mpi;
	bool respawn;			/* a worker that died is replaced */
	bool debug, log_to_file;
	enum log_level log_level;
};

#define NO_NUMBER UINT64_MAX

/*
 * Fills *c. Not 0: the program ends with *ret_exit; what there is to say is
 * said. options_done() frees.
 */
int options_read(int argc, char **argv, struct config *c, int *ret_exit)
	must_check;
void options_done(struct config *c);
/* Where the log goes. -errno, said. */
int options_open_log(const struct config *c) must_check;

#endif
