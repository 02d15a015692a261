#include "ssh/command.h"
#include "base/spawn.h"

#include <signal.h>

#define MAX_ARGS 256

/* ssh's arguments; those that are made stand in `made` too, to be freed. */
struct args {
	char *word[MAX_ARGS];
	size_t n;
	char *made[MAX_ARGS];
	size_t nmade;
};

static void add(struct args *a, const char *word)
{
	assert(a->n < MAX_ARGS - 1);
	a->word[a->n++] = (char *)(uintptr_t)word;
}

static void add_made(struct args *a, char *word)
{
	a->made[a->nmade++] = word;
	add(a, word);
}

static void add_command(struct args *a)
{
	const char *command = getenv("TASKFS_SSH");

	if (!command || !*command)
		command = "ssh";
	add(a, "/bin/sh");
	add(a, "-c");
	/* ^C is for who started us: what they still have to say goes through. */
	add_made(a, xasprintf("trap '' INT HUP; exec %s \"$@\"", command));
	add(a, "ssh");
}

static void add_where(struct args *a, const struct ssh_command *c)
{
	if (c->url->user) {
		add(a, "-l");
		add(a, c->url->user);
	}
	if (c->url->port) {
		add(a, "-p");
		add_made(a, xasprintf("%u", c->url->port));
	}
	add(a, "--");
	add(a, c->url->host);
}

static void add_control(struct args *a, const struct ssh_command *c)
{
	add_made(a, xasprintf("-oControlPath=%s/ctl", c->dir));
}

static pid_t run(struct args *a, const struct spawn_fd fds[3], bool own_group)
{
	struct spawn s = {
		.path = "/bin/sh",
		.argv = a->word,
		.envp = environ,
		.fds = fds,
		.nfds = 3,
		.own_group = own_group,
		.death_signal = SIGTERM,
	};
	pid_t pid = spawn_start(&s, NULL);

	while (a->nmade)
		free(a->made[--a->nmade]);
	return pid;
}

pid_t ssh_connect(const struct ssh_command *c, int in, int out, int err)
{
	static const char *const options[] = {
		"-T", "-x", "-a",
		"-oControlMaster=yes", "-oControlPersist=no",
		"-oClearAllForwardings=yes", "-oRemoteCommand=none",
		"-oPermitLocalCommand=no", "-oTunnel=no",
		"-oStreamLocalBindUnlink=yes", "-oStreamLocalBindMask=0177",
		"-oConnectTimeout=10",
		"-oServerAliveInterval=5", "-oServerAliveCountMax=3",
	};
	const struct spawn_fd fds[] = {{in, 0}, {out, 1}, {err, 2}};
	struct args a = {.n = 0};
	size_t i;

	add_command(&a);
	for (i = 0; i < ARRAY_SIZE(options); i++)
		add(&a, options[i]);
	if (!c->ask)
		add(&a, "-oBatchMode=yes");
	add_control(&a, c);
	add_where(&a, c);
	add(&a, "/bin/sh");
	/* Who is in a group of its own may not ask. */
	return run(&a, fds, !c->ask);
}

/* A colon in the path would end it. */
static char *forwarding(const struct ssh_command *c, const char *host,
			unsigned port)
{
	char *socket = ssh_socket(c->dir);
	char *text = xasprintf("%s\\:%u:%s:%u", socket, port, host, port);

	free(socket);
	return text;
}

pid_t ssh_forward(const struct ssh_command *c, const char *host,
		  const unsigned *ports, size_t n, int null)
{
	const struct spawn_fd fds[] = {{null, 0}, {null, 1}, {null, 2}};
	struct args a = {.n = 0};
	size_t i;

	add_command(&a);
	/* The connection has all of the configuration, of which this would forward
	 * more than is asked for. */
	add(&a, "-Fnone");
	add_control(&a, c);
	add(&a, "-Oforward");
	for (i = 0; i < n; i++) {
		add(&a, "-L");
		add_made(&a, forwarding(c, host, ports[i]));
	}
	add_where(&a, c);
	return run(&a, fds, true);
}

char *ssh_socket(const char *dir)
{
	return xasprintf("%s/s", dir);
}

void ssh_clear(const char *dir)
{
	char *control = xasprintf("%s/ctl", dir);

	unlink(control);
	free(control);
}
