#include "ssh/keeper.h"
#include "base/loop.h"
#include "base/parse.h"
#include "ssh/shell.h"
#include "ssh/shown.h"
#include "wire/limits.h"

#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <sys/wait.h>

/* Between the end of one ssh and the next: twice as long each time. */
#define PAUSE_MIN (250 * USEC_PER_MSEC)
#define PAUSE_MAX (30 * USEC_PER_SEC)
/* One that was through for so long has worked. */
#define WORKED (10 * USEC_PER_SEC)
/* Nobody is asked, and it is not through: it never will be. */
#define PATIENCE (30 * USEC_PER_SEC)
/* Between two looks for the connection file. */
#define LOOK (1 * USEC_PER_SEC)
/* A forwarding that failed is tried again. */
#define FORWARD_AGAIN (1 * USEC_PER_SEC)
/* What was sent is through by then. */
#define LINGER (2 * USEC_PER_SEC)
#define PIECE 4096

struct keeper {
	struct loop *loop;
	const struct ssh_url *url;
	enum connfile_kind kind;
	const char *dir;
	struct shown *shown;
	struct watch life;
	struct buf orders;
	struct shell ssh;
	pid_t forward;		/* 0: none */
	int null;
	struct buf taken;	/* the text of the file there */
	char *host;		/* of the controller, as called there */
	size_t forwarding;	/* of the wanted ports: asked for, */
	size_t forwarded;	/* and done; the first of them */
	uint64_t pause;
	bool gave_up;		/* it was ended because it took too long */
	bool ending;
	struct timer again, patience, look, forward_again, kill;
};

static void forward(struct keeper *k);

/* --- what is shown -------------------------------------------------------- */

static void show(struct keeper *k, enum tunnel_state state, struct bytes text)
{
	struct buf b = BUF_INIT;

	if (text.n)
		buf_printf(&b, "ssh %s: %.*s", k->url->host, (int)text.n,
			   (const char *)text.p);
	shown_say(k->shown, state, buf_bytes(&b));
	buf_done(&b);
}

static void no_file(struct keeper *k, enum tunnel_state state, struct bytes why)
{
	if (k->taken.p)
		sodium_memzero(k->taken.p, k->taken.room);
	buf_clear(&k->taken);
	show(k, state, why);
}

/* --- the connection file -------------------------------------------------- */

/* Where the controller is, for ssh: a name or an address. */
static bool take_host(struct keeper *k, const char *interface)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				      ".:_-[]";
	const char *host = interface + strlen("tcp://");

	if (strncmp(interface, "tcp://", 6) != 0 || !*host || *host == '-' ||
	    strspn(host, letters) != strlen(host))
		return false;
	/* What is forwarded leads to the old one. */
	if (k->host && strcmp(k->host, host) != 0 && k->forwarding)
		kill(k->ssh.pid, SIGTERM);
	free(k->host);
	k->host = xstrdup(host);
	return true;
}

static int show_file(struct keeper *k, struct connfile *c, struct buf *why)
{
	struct buf text = BUF_INIT;
	char *socket;
	int err;

	if (!take_host(k, c->interface)) {
		buf_puts(why, "\"interface\" is no address for ssh");
		return -EINVAL;
	}
	socket = ssh_socket(k->dir);
	free(c->interface);
	c->interface = xasprintf("ipc://%s", socket);
	free(socket);
	connfile_put(c, k->kind, &text);
	err = shown_file(k->shown, buf_bytes(&text));
	sodium_memzero(text.p, text.room);
	buf_done(&text);
	if (err)
		buf_puts(why, "it is too long");
	return err;
}

static void take_file(struct keeper *k, struct bytes text)
{
	struct buf why = BUF_INIT;
	struct connfile c;
	int err;

	if (k->taken.n && bytes_eq(text, buf_bytes(&k->taken)))
		return;
	buf_puts(&why, "the connection file there cannot be used: ");
	err = connfile_parse(&c, k->kind, text, &why);
	if (!err) {
		err = show_file(k, &c, &why);
		connfile_done(&c);
	}
	if (err) {
		no_file(k, TUNNEL_NO_FILE, buf_bytes(&why));
	} else {
		buf_clear(&k->taken);
		buf_put(&k->taken, text.p, text.n);
		forward(k);
	}
	buf_done(&why);
}

/* --- ports ---------------------------------------------------------------- */

/* Those that are wanted and not forwarded yet. */
static void forward(struct keeper *k)
{
	struct ssh_command c = {.url = k->url, .dir = k->dir};
	pid_t pid;

	if (k->forward || k->ending || !k->ssh.through || !k->host ||
	    k->forwarded == k->shown->ports || timer_is_set(&k->forward_again))
		return;
	pid = ssh_forward(&c, k->host, k->shown->port + k->forwarded,
			  k->shown->ports - k->forwarded, k->null);
	if (pid < 0) {
		timer_set(k->loop, &k->forward_again, FORWARD_AGAIN);
		return;
	}
	k->forward = pid;
	k->forwarding = k->shown->ports;
}

static void forward_due(struct timer *t)
{
	forward(container_of(t, struct keeper, forward_again));
}

static void forward_ended(struct keeper *k, int status)
{
	k->forward = 0;
	if (!k->ssh.pid)
		return;
	if (status == 0)
		k->forwarded = k->forwarding;
	else
		timer_set(k->loop, &k->forward_again, FORWARD_AGAIN);
	forward(k);
}

static void want(struct keeper *k, unsigned port)
{
	struct shown *s = k->shown;
	size_t i;

	for (i = 0; i < s->ports; i++)
		if (s->port[i] == port)
			return;
	/* Of controllers that are gone: who wants one still says so again. */
	if (s->ports == LIMIT_SSH_PORTS) {
		s->ports = k->forwarded = k->forwarding = 0;
		if (k->ssh.pid)
			kill(k->ssh.pid, SIGTERM);
	}
	s->port[s->ports++] = port;
	forward(k);
}

/* --- ssh ------------------------------------------------------------------ */

/* On a terminal, and not behind somebody's back there. */
static bool may_ask(const struct keeper *k)
{
	int fd = k->shown->was_through ? -1
				       : open("/dev/tty", O_RDWR | O_CLOEXEC);
	bool yes = fd >= 0 && tcgetpgrp(fd) == getpgrp();

	if (fd >= 0)
		close(fd);
	return yes;
}

static void start_later(struct keeper *k)
{
	uint64_t jitter = randombytes_uniform((uint32_t)(k->pause / 4));

	timer_set(k->loop, &k->again, k->pause + jitter);
	k->pause = min_u64(2 * k->pause, PAUSE_MAX);
}

static void start(struct keeper *k)
{
	struct ssh_command c = {.url = k->url, .dir = k->dir,
				.ask = may_ask(k)};
	int err;

	ssh_clear(k->dir);
	k->gave_up = false;
	err = shell_start(&k->ssh, k->loop, &c, k->kind);
	if (err) {
		show(k, TUNNEL_FAILED, bytes_str(strerror(-err)));
		start_later(k);
	} else if (!c.ask) {
		timer_set(k->loop, &k->patience, PATIENCE);
	}
	/* What it says of the last one stands until this one is through. */
}

static void again_due(struct timer *t)
{
	start(container_of(t, struct keeper, again));
}

static void out_of_patience(struct timer *t)
{
	struct keeper *k = container_of(t, struct keeper, patience);

	k->gave_up = true;
	kill(k->ssh.pid, SIGTERM);
}

static void answer(struct shell *s, enum remote_says says, struct bytes text)
{
	struct keeper *k = container_of(s, struct keeper, ssh);

	timer_cancel(&k->patience);
	k->shown->was_through = true;
	(void)setsid(); /* no terminal any more */
	if (says == REMOTE_FILE) {
		take_file(k, text);
	} else {
		no_file(k, TUNNEL_NO_FILE, text);
		timer_set(k->loop, &k->look, LOOK);
	}
}

/* While it is up that is about what it forwards. */
static void said(struct shell *s)
{
	struct keeper *k = container_of(s, struct keeper, ssh);
	struct buf words = BUF_INIT;

	if (!k->taken.n)
		return;
	shell_last_words(s, 1, &words);
	show(k, TUNNEL_UP, buf_bytes(&words));
	buf_done(&words);
}

static void say_why_it_ended(struct keeper *k, int status)
{
	struct buf why = BUF_INIT;

	if (k->gave_up)
		buf_printf(&why, "not through in %d seconds",
			   (int)(PATIENCE / USEC_PER_SEC));
	else
		shell_last_words(&k->ssh, 2, &why);
	if (!why.n && WIFSIGNALED(status))
		buf_printf(&why, "killed by signal %d", WTERMSIG(status));
	else if (!why.n)
		buf_printf(&why, "ended with status %d", WEXITSTATUS(status));
	no_file(k, TUNNEL_FAILED, buf_bytes(&why));
	buf_done(&why);
}

static void ssh_ended(struct keeper *k, int status)
{
	uint64_t through = k->ssh.through;

	timer_cancel(&k->patience);
	timer_cancel(&k->look);
	timer_cancel(&k->forward_again);
	shell_ended(&k->ssh);
	k->ssh.through = 0;
	k->forwarded = k->forwarding = 0;
	if (k->ending)
		return;
	say_why_it_ended(k, status);
	if (through && mono_usec() - through > WORKED)
		k->pause = PAUSE_MIN;
	start_later(k);
}

static void look_due(struct timer *t)
{
	struct keeper *k = container_of(t, struct keeper, look);

	shell_look(&k->ssh);
}

/* --- orders, and the end -------------------------------------------------- */

static void stop_when_alone(struct keeper *k)
{
	if (k->ending && !k->ssh.pid && !k->forward)
		loop_stop(k->loop, 0);
}

/* What was sent still goes through: ssh ends when that is done. */
static void end(struct keeper *k)
{
	if (k->ending)
		return;
	k->ending = true;
	loop_remove(&k->life);
	timer_cancel(&k->again);
	if (k->ssh.pid && !k->ssh.through)
		kill(k->ssh.pid, SIGTERM);
	shell_close(&k->ssh);
	timer_set(k->loop, &k->kill, LINGER);
	stop_when_alone(k);
}

static void kill_due(struct timer *t)
{
	struct keeper *k = container_of(t, struct keeper, kill);
	int signo = k->gave_up ? SIGKILL : SIGTERM;

	k->gave_up = true;
	if (k->ssh.pid)
		kill(k->ssh.pid, signo);
	if (k->forward)
		kill(k->forward, signo);
	timer_set(k->loop, &k->kill, LINGER);
}

static void take_orders(struct keeper *k)
{
	struct bytes rest = buf_bytes(&k->orders), line;
	size_t taken = 0;
	uint64_t port;

	while (memchr(rest.p ? rest.p : "", '\n', rest.n) &&
	       parse_line(&rest, &line)) {
		if (parse_u64(line, 0, 65535, &port) == 0 && port)
			want(k, (unsigned)port);
		if (!timer_is_set(&k->look))
			timer_set(k->loop, &k->look, LOOK / 4);
		taken = k->orders.n - rest.n;
	}
	buf_shift(&k->orders, taken);
}

static void life_ready(struct watch *w, short events)
{
	struct keeper *k = container_of(w, struct keeper, life);
	ssize_t n = read(w->fd, buf_reserve(&k->orders, PIECE), PIECE);

	(void)events;
	if (n > 0) {
		k->orders.n += (size_t)n;
		take_orders(k);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		end(k);
	}
}

static void on_signal(void *arg, int signo)
{
	struct keeper *k = arg;
	int status;
	pid_t pid;

	(void)signo;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == k->ssh.pid)
			ssh_ended(k, status);
		else if (pid == k->forward)
			forward_ended(k, status);
	}
	stop_when_alone(k);
}

static int keep(struct keeper *k)
{
	static const int signals[] = {SIGCHLD, 0};
	int err, code;

	k->loop = loop_new();
	err = loop_signals(k->loop, signals, on_signal, k);
	if (!err) {
		k->life = (struct watch){.ready = life_ready,
					 .fd = STDIN_FILENO, .events = POLLIN};
		loop_add(k->loop, &k->life);
		start(k);
		code = loop_run(k->loop);
		err = code < 0 ? code : 0;
	}
	loop_free(k->loop);
	shown_remove_dir(k->dir);
	return err;
}

static void keeper_done(struct keeper *k)
{
	if (k->taken.p)
		sodium_memzero(k->taken.p, k->taken.room);
	buf_done(&k->taken);
	buf_done(&k->orders);
	shell_done(&k->ssh);
	free(k->host);
	if (k->null >= 0)
		close(k->null);
}

int keeper_run(const struct ssh_url *url, enum connfile_kind kind,
	       const char *dir, struct shown *shown)
{
	struct keeper k = {
		.url = url,
		.kind = kind,
		.dir = dir,
		.shown = shown,
		.null = open("/dev/null", O_RDWR | O_CLOEXEC),
		.pause = PAUSE_MIN,
		.ssh = {.answer = answer, .said = said, .in = -1},
		.again.fire = again_due,
		.patience.fire = out_of_patience,
		.look.fire = look_due,
		.forward_again.fire = forward_due,
		.kill.fire = kill_due,
	};
	int err = k.null < 0 ? -errno : keep(&k);

	keeper_done(&k);
	return err;
}
