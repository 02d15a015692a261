#include "ssh/shell.h"
#include "base/parse.h"
#include "wire/limits.h"

#include <fcntl.h>
#include <signal.h>
#include <sodium.h>

#define PIECE 16384
#define WORDS 4096	/* so much of what ssh says is kept */
#define LINES 2

static void read_answers(struct shell *s)
{
	enum remote_says says;

	while (s->pid && (says = remote_answer(&s->text, s->mark,
					       &s->answered)) != REMOTE_NOTHING) {
		s->looking = false;
		if (!s->through)
			s->through = mono_usec();
		s->answer(s, says, buf_bytes(&s->answered));
		sodium_memzero(s->answered.p, s->answered.n);
	}
	/* A login that says and says. */
	if (s->text.n > LIMIT_SSH_NOISE)
		buf_shift(&s->text, s->text.n - LIMIT_SSH_NOISE / 2);
}

/* Appends what there is; false: nothing more will come. */
static bool read_some(int fd, struct buf *to)
{
	ssize_t n = read(fd, buf_reserve(to, PIECE), PIECE);

	if (n > 0)
		to->n += (size_t)n;
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void out_ready(struct watch *w, short events)
{
	struct shell *s = container_of(w, struct shell, out);

	(void)events;
	if (!read_some(w->fd, &s->text))
		watch_want(w, 0);
	read_answers(s);
}

static void err_ready(struct watch *w, short events)
{
	struct shell *s = container_of(w, struct shell, err);

	(void)events;
	if (!read_some(w->fd, &s->noise))
		watch_want(w, 0);
	if (s->noise.n > WORDS)
		buf_shift(&s->noise, s->noise.n - WORDS);
	if (s->pid)
		s->said(s);
}

/* --- beginning and end ---------------------------------------------------- */

struct shell_pipes {
	int in[2], out[2], err[2];
};

static void close_pair(int fd[2])
{
	if (fd[0] >= 0)
		close(fd[0]);
	if (fd[1] >= 0)
		close(fd[1]);
	fd[0] = fd[1] = -1;
}

static void close_pipes(struct shell_pipes *p)
{
	close_pair(p->in);
	close_pair(p->out);
	close_pair(p->err);
}

/* Our ends do not block. */
static int make_pipes(struct shell_pipes *p)
{
	*p = (struct shell_pipes){{-1, -1}, {-1, -1}, {-1, -1}};
	if (pipe2(p->in, O_CLOEXEC) == 0 && pipe2(p->out, O_CLOEXEC) == 0 &&
	    pipe2(p->err, O_CLOEXEC) == 0 &&
	    fcntl(p->in[1], F_SETFL, O_NONBLOCK) == 0 &&
	    fcntl(p->out[0], F_SETFL, O_NONBLOCK) == 0 &&
	    fcntl(p->err[0], F_SETFL, O_NONBLOCK) == 0)
		return 0;
	close_pipes(p);
	return -EMFILE;
}

static void add_watch(struct loop *loop, struct watch *w, int *fd,
		      void (*ready)(struct watch *w, short events))
{
	*w = (struct watch){.ready = ready, .fd = *fd, .events = POLLIN};
	*fd = -1;
	loop_add(loop, w);
}

/* The pipe takes the script before there is a reader: it is small. */
static int send_script(struct shell *s, int fd, const char *source,
		       enum connfile_kind kind)
{
	struct buf b = BUF_INIT;
	ssize_t n;

	remote_new_mark(s->mark);
	remote_script(&b, s->mark, source, kind);
	n = write(fd, b.p, b.n);
	if (n >= 0 && (size_t)n != b.n)
		errno = EIO;
	n = n >= 0 && (size_t)n == b.n ? 0 : -errno;
	buf_done(&b);
	return (int)n;
}

int shell_start(struct shell *s, struct loop *loop,
		const struct ssh_command *c, enum connfile_kind kind)
{
	struct shell_pipes p;
	int err = make_pipes(&p);

	assert(!s->pid);
	if (!err)
		err = send_script(s, p.in[1], c->url->source, kind);
	if (!err) {
		pid_t pid = ssh_connect(c, p.in[0], p.out[1], p.err[1]);

		err = pid < 0 ? (int)pid : 0;
		s->pid = pid > 0 ? pid : 0;
	}
	if (!err) {
		buf_clear(&s->text);
		buf_clear(&s->noise);
		s->through = 0;
		s->looking = true;
		s->in = p.in[1];
		p.in[1] = -1;
		add_watch(loop, &s->out, &p.out[0], out_ready);
		add_watch(loop, &s->err, &p.err[0], err_ready);
	}
	close_pipes(&p);
	return err;
}

void shell_look(struct shell *s)
{
	if (!s->through || s->looking || s->in < 0)
		return;
	s->looking = write(s->in, "look\n", 5) == 5;
}

void shell_close(struct shell *s)
{
	if (s->pid && s->in >= 0) {
		close(s->in);
		s->in = -1;
	}
}

static void close_watch(struct watch *w)
{
	loop_remove(w);
	close(w->fd);
}

void shell_ended(struct shell *s)
{
	s->pid = 0;
	err_ready(&s->err, POLLIN); /* its last words */
	if (s->in >= 0)
		close(s->in);
	close_watch(&s->out);
	close_watch(&s->err);
	if (s->text.p)
		sodium_memzero(s->text.p, s->text.room);
	buf_clear(&s->text);
}

void shell_done(struct shell *s)
{
	buf_done(&s->text);
	buf_done(&s->noise);
	if (s->answered.p)
		sodium_memzero(s->answered.p, s->answered.room);
	buf_done(&s->answered);
}

/* "channel 3: open failed ..." is the same each time without its number. */
static struct bytes without_channel(struct bytes line)
{
	const char *p = line.p, *colon;

	if (line.n < 8 || memcmp(p, "channel ", 8) != 0)
		return line;
	colon = memchr(p, ':', line.n);
	return colon ? parse_trim(bytes_of(colon + 1,
					   line.n - (size_t)(colon + 1 - p)))
		     : line;
}

void shell_last_words(const struct shell *s, size_t lines, struct buf *out)
{
	struct bytes said = buf_bytes(&s->noise), line, last[LINES];
	size_t n = 0, i;

	assert(lines <= LINES);
	while (parse_line(&said, &line)) {
		line = without_channel(parse_trim(line));
		if (line.n)
			last[n++ % LINES] = line;
	}
	for (i = n > lines ? n - lines : 0; i < n; i++)
		buf_printf(out, "%s%.*s", out->n ? "; " : "",
			   (int)last[i % LINES].n,
			   (const char *)last[i % LINES].p);
}
