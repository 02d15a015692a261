/*
 * url.h: ssh://[USER@]HOST[:PORT]/SOURCE, a cluster as another host knows it.
 *
 * USER and HOST become arguments of ssh: they hold only what names hold and begin
 * with no `-`. SOURCE is what taskfs would be given over there, as it is written
 * (nothing is decoded): the name of a cluster, or a path from the home directory;
 * an absolute one has two slashes, ssh://HOST//PATH. None means "default".
 */
#ifndef TASKFS_SSH_URL_H
#define TASKFS_SSH_URL_H

#include "base/buf.h"

struct ssh_url {
	char *user;	/* NULL: as ssh's configuration has it */
	char *host;	/* no brackets around an address */
	char *source;
	unsigned port;	/* 0: as ssh's configuration has it */
};

bool ssh_is_url(const char *text);
/* -EINVAL: *why says what is wrong. ssh_url_done() in either case. */
int ssh_url_parse(struct ssh_url *u, const char *text, struct buf *why)
	must_check;
void ssh_url_done(struct ssh_url *u);

#endif
