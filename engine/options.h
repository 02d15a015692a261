/*
 * options.h: the command line, and what of ipengine's command line and
 * environment has a meaning here (doc/ipyparallel.md tells users).
 */
#ifndef TASKFS_ENGINE_OPTIONS_H
#define TASKFS_ENGINE_OPTIONS_H

#include "engine.h"

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
