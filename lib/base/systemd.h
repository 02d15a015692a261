/*
 * systemd.h: what the service manager that started this program is told, as sd_notify(3)
 * describes it. Without one (there is no NOTIFY_SOCKET in the environment) nothing is
 * done. libsystemd is not used: it brings six libraries into each process.
 */
#ifndef TASKFS_SYSTEMD_H
#define TASKFS_SYSTEMD_H

#include "base/loop.h"

/* Takes what is meant for this program out of the environment: no child has it. */
void systemd_begin(void);
/* Lines of KEY=VALUE: "READY=1", "STATUS=...". One that cannot be told is logged. */
void systemd_tell(const char *lines);
/* Tells at half of WATCHDOG_USEC, from now on, that the loop goes round. */
void systemd_watch(struct loop *l);
/* Before the loop is freed. */
void systemd_done(void);

#endif
