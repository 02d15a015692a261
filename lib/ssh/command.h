/*
 * command.h: the processes of ssh, and their command lines.
 *
 * $TASKFS_SSH is the command instead of "ssh", as of taskfs-cluster; it may hold
 * options, quoted as for a shell.
 * What the user has configured holds; what is set here is what forwarding needs,
 * that ssh asks nobody where nobody is, and that it notices a dead network.
 */
#ifndef TASKFS_SSH_COMMAND_H
#define TASKFS_SSH_COMMAND_H

#include "ssh/url.h"

struct ssh_command {
	const struct ssh_url *url;
	const char *dir;	/* private: the control socket is there */
	bool ask;		/* it may ask on the terminal */
};

/*
 * The connection, with /bin/sh at the other end; in, out and err are that one's. It
 * ends with this process. The pid, or -errno.
 */
pid_t ssh_connect(const struct ssh_command *c, int in, int out, int err)
	must_check;
/*
 * null: /dev/null. That connection forwards, from now on, the Unix sockets
 * ssh_socket() to these ports of `host`, as it is called over there. Status 0 at its
 * end: it does.
 */
pid_t ssh_forward(const struct ssh_command *c, const char *host,
		  const unsigned *ports, size_t n, int null) must_check;
/* "DIR/s", which the port follows, as of an interface (connfile.h); caller frees. */
char *ssh_socket(const char *dir);
/* Before ssh_connect(): what one that was killed left in dir. */
void ssh_clear(const char *dir);

#endif
