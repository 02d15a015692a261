/*
 * options.h: the command line, and what of ipcontroller's command line and
 * environment has a meaning here (doc/ipyparallel.md tells users).
 */
#ifndef TASKFS_CONTROLLER_OPTIONS_H
#define TASKFS_CONTROLLER_OPTIONS_H

#include "core/controller.h"

/*
 * Fills *k and finds the policy. Not 0: the program ends with *ret_exit; what
 * there is to say is said. options_done() frees.
 */
int options_read(int argc, char **argv, struct config *k,
		 const struct policy **ret_policy, int *ret_exit) must_check;
void options_done(struct config *k);
/* Opens the log, after the cluster directory was made. -errno: the reason was said. */
int options_open_log(const struct config *k) must_check;

#endif
