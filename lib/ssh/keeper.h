/*
 * keeper.h: what keeps one ssh running (tunnel.h), in a process of its own (process.h).
 *
 * It lives as long as the other end of its standard input is open, where it reads
 * which ports are wanted. ssh is started again when it ends, at longer and longer
 * intervals. It may ask on the terminal until it was through once; from then on there
 * is none.
 */
#ifndef TASKFS_SSH_KEEPER_H
#define TASKFS_SSH_KEEPER_H

#include "ssh/shown.h"
#include "ssh/url.h"

/* Until the end; then dir is gone. -errno. */
int keeper_run(const struct ssh_url *url, enum connfile_kind kind,
	       const char *dir, struct shown *shown) must_check;

#endif
