/*
 * connection.h: the connection file of a cluster, as an engine reads it: where the
 * controller is, and the key. The environment may hold its text instead
 * (IPP_CONNECTION_INFO); then there is no file.
 */
#ifndef TASKFS_ENGINE_CONNECTION_H
#define TASKFS_ENGINE_CONNECTION_H

#include "base/buf.h"
#include "options.h"
#include "wire/connfile.h"

/*
 * *text becomes what stands there, *ret_file what that says: connfile_done() of the
 * caller. 0; -ENOENT: there is no file yet; -EAGAIN: a tunnel does not know yet
 * whether there is; -EPERM: the directory of the cluster is
 * not to be trusted; -errno; all but -ENOENT with a sentence in *why.
 */
int connection_read(const struct config *config, struct buf *text,
		    struct connfile *ret_file, struct buf *why) must_check;
/* It no longer says what it said when it was read. */
bool connection_changed(const struct config *config, struct bytes text);

#endif
