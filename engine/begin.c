#include "begin.h"
#include "about.h"
#include "base/file.h"
#include "engine.h"
#include "outcome.h"
#include "wire/limits.h"

#include <sys/mman.h>

#define STDIN_MEMORY ((size_t)1024 * 1024)	/* more goes to a file */

static int fail(struct task *t, int exit_status, int err, char *evalue)
{
	outcome_set(t, "StartError", evalue);
	t->exit_status = exit_status;
	return err;
}

/* The engine's own failure: another task would fare no better. */
static int fail_of_ours(struct task *t, int err, const char *what)
{
	t->fault = true;
	return fail(t, 126, err, xasprintf("the engine cannot %s: %s", what,
					   strerror(-err)));
}

/* What cannot be executed, in the user's words. */
static int fail_exec(struct task *t, const struct command *c, int err)
{
	const char *why = strerror(-err);
	int status = err == -ENOENT ? 127 : 126;

	if (err == -E2BIG)
		why = "the code, arguments and environment are too long for "
		      "this system";
	else if (c->way == COMMAND_SCRIPT && err == -ENOENT)
		why = "no such interpreter";
	else if (c->way == COMMAND_SCRIPT && err == -ENOEXEC)
		why = "no interpreter in the first line";
	if (c->way == COMMAND_SCRIPT || c->way == COMMAND_INTERPRETER) {
		const char *line = c->spec->code.p;
		size_t n = min_u64(c->spec->code.n, 128);
		const char *end = memchr(line, '\n', n);
		struct buf b = BUF_INIT;

		buf_put_escaped(&b, bytes_of(line, end ? (size_t)(end - line)
						       : n), 128);
		buf_printf(&b, ": %s", why);
		return fail(t, status, err, buf_take(&b));
	}
	return fail(t, status, err, xasprintf("%s: %s", c->path, why));
}

static int fail_run(struct task *t, const struct command *c,
		    const struct run_failure *f)
{
	if (f->step == SPAWN_EXEC)
		return fail_exec(t, c, f->err);
	/* Tasks without one fare well. */
	if (f->terminal)
		return fail(t, 126, f->err,
			    xasprintf("pty: there is no terminal to be had: %s",
				      strerror(-f->err)));
	return fail_of_ours(t, f->err, "make a process");
}

/* A descriptor to read `text` from, at its beginning; -errno. */
static int make_stdin(struct engine *e, struct bytes text)
{
	int err, fd;

	if (text.n <= STDIN_MEMORY)
		fd = memfd_create("stdin", MFD_CLOEXEC);
	else
		fd = spool_file(&e->spool);
	if (fd < 0)
		return text.n <= STDIN_MEMORY ? -errno : fd;
	err = file_write_all(fd, text);
	if (!err && lseek(fd, 0, SEEK_SET) < 0)
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

static const char *text_option(struct json_object *o, const char *key)
{
	size_t n;
	const char *s = json_get_str(o, key, &n);

	return s && strlen(s) == n ? s : NULL;
}

/* Where a separator stands in the items, there is a NUL in the copy: $1, $2 ... */
static void split_items(struct bytes items, const char *separator,
			struct buf *out)
{
	size_t n = strlen(separator), i = 0;

	while (i < items.n) {
		const char *at = (const char *)items.p + i;

		if (items.n - i >= n && memcmp(at, separator, n) == 0) {
			buf_putc(out, '\0');
			i += n;
		} else {
			buf_putc(out, *at);
			i++;
		}
	}
}

static void make_columns(struct json_object *o, struct command_spec *s,
			 struct buf *to)
{
	const char *separator = text_option(o, "columns");

	if (!separator || !*separator)
		return;
	split_items(s->items, strcmp(separator, "\\t") == 0 ? "\t" : separator,
		    to);
	s->items = buf_bytes(to);
}

/* What the request says; false: it has no code. */
static bool read_spec(const struct task *t, struct json_object *o,
		      struct command_spec *s)
{
	size_t n;
	const char *code = json_get_str(t->request.content, "code", &n);

	if (!msg_named_buffer(&t->request, o, "code", &s->code)) {
		if (!code)
			return false;
		s->code = bytes_of(code, n);
	}
	s->args = json_get_array(o, "args");
	s->env = json_get_object(o, "env");
	(void)msg_named_buffer(&t->request, o, "items", &s->items);
	s->cwd = text_option(o, "cwd");
	s->own_env = environ;
	return true;
}

/*
 * The files that get the outputs. Where s->cwd is not there run_start() says so. What
 * was written in an empty directory would go with it.
 */
static int open_copies(struct task *t, const struct command_spec *s)
{
	struct json_object *o = json_get_object(t->request.metadata, "taskfs");
	struct buf why = BUF_INIT;
	int err;

	if (s->cwd && access(s->cwd, X_OK) < 0)
		return 0;
	err = copies_open(t->run.copy, o, s->cwd, &why);
	if (!err && t->empty_dir && copies_are_below(t->run.copy, t->empty_dir)) {
		err = -ENOENT;
		buf_puts(&why, "stdout and stderr need a path from the root, or cwd: "
			       "the directory where the task was submitted from is not "
			       "on this host");
	}
	return err ? fail(t, 126, err, buf_take(&why)) : 0;
}

/* -ENOTDIR: s->cwd is not there; *ret_why says it in the system's words. */
static int start(struct task *t, struct command_spec *s, int stdin_fd,
		 uint64_t limit, int *ret_why)
{
	struct run_failure f;
	struct buf why = BUF_INIT;
	struct command c;
	int err = open_copies(t, s);

	if (err)
		return err;
	err = command_init(&c, s, &t->engine->spool, &why);
	if (err && why.n) {
		fail(t, 126, err, buf_take(&why));
	} else if (err) {
		fail_of_ours(t, err, "keep the code");
	} else {
		err = run_start(&t->run, &c, stdin_fd, s->cwd, limit, &f);
		if (!err) {
			t->script = c.script;
			c.script = NULL;
		} else if (f.step != SPAWN_CWD) {
			fail_run(t, &c, &f);
		} else {
			*ret_why = err;
			err = -ENOTDIR;
		}
	}
	if (err)
		copies_done(t->run.copy);
	buf_done(&why);
	command_done(&c);
	return err;
}

/* A relative one would begin in the engine's own directory. */
static int start_in(struct task *t, struct command_spec *s, const char *dir,
		    int stdin_fd, uint64_t limit, int *ret_why)
{
	int err;

	*ret_why = -EINVAL;
	if (*dir != '/')
		return -ENOTDIR;
	s->cwd = dir;
	err = start(t, s, stdin_fd, limit, ret_why);
	if (!err)
		t->cwd = xstrdup(dir);
	return err;
}

/*
 * Where it says; or where it was submitted from, or, when that is not here, in an
 * empty directory; or, when nobody says anything, in the engine's own.
 */
static int start_somewhere(struct task *t, struct command_spec *s,
			   const char *submit_dir, int stdin_fd, uint64_t limit)
{
	const char *dir = s->cwd ? s->cwd : submit_dir;
	int err, why;

	if (!dir)
		return start(t, s, stdin_fd, limit, &why);
	err = start_in(t, s, dir, stdin_fd, limit, &why);
	if (err != -ENOTDIR || t->ename)
		return err;
	if (dir != submit_dir)
		return fail(t, 126, err, xasprintf("cwd: %s: %s", dir,
						   strerror(-why)));
	err = spool_dir(&t->engine->spool, &t->empty_dir);
	if (!err)
		err = start_in(t, s, t->empty_dir, stdin_fd, limit, &why);
	if (err && !t->ename)
		return fail_of_ours(t, err, "make a directory for the task");
	return err;
}

/* The processors of its slots; bind_done() frees. */
static void bind_init(struct task *t)
{
	const struct tasks *all = &t->engine->tasks;
	struct bind *b = &t->run.bind;
	size_t i, last = 0;

	if (!all->processor)
		return;
	for (i = t->slot; i < all->slots; i++)
		if (all->slot[i] == t)
			last = all->processor[i];
	/* Their numbers rise. */
	b->size = CPU_ALLOC_SIZE(last + 1);
	b->set = zalloc(b->size);
	for (i = t->slot; i < all->slots; i++)
		if (all->slot[i] == t)
			CPU_SET_S(all->processor[i], b->size, b->set);
}

static void bind_done(struct task *t)
{
	free(t->run.bind.set);
	t->run.bind.set = NULL;
}

static uint64_t memory_limit(const struct task *t)
{
	const struct amount *of = amounts_find(&t->need, "memory");

	return of ? (uint64_t)of->n : 0;
}

static uint64_t time_limit(struct json_object *o)
{
	double s = json_real_or(o, "time_limit", 0);

	return s > 0 && s <= LIMIT_SECONDS
		       ? max_u64((uint64_t)(s * USEC_PER_SEC), 1)
		       : 0;
}

void task_limit(struct task *t, double seconds)
{
	struct json_object *o = json_get_object(t->request.metadata, "taskfs");

	json_object_object_del(o, "time_limit");
	json_add_real(o, "time_limit", seconds);
	if (t->state == STATE_RUNNING)
		run_limit(&t->run, time_limit(o));
}

int task_begin(struct task *t)
{
	struct json_object *o = json_get_object(t->request.metadata, "taskfs");
	struct command_spec spec = {0};
	struct about about = {0};
	struct buf columns = BUF_INIT;
	struct bytes input;
	int err, fd = -1;

	if (!read_spec(t, o, &spec))
		return fail(t, 126, -EINVAL, xstrdup("the request holds no "
						     "code"));
	if (msg_named_buffer(&t->request, o, "stdin", &input) && input.n) {
		fd = make_stdin(t->engine, input);
		if (fd < 0)
			return fail_of_ours(t, fd, "keep the task's stdin");
	}
	about_task(&about, t, o, spec.items.n ? spec.items.p : NULL);
	spec.extra_env = about.env;
	make_columns(o, &spec, &columns);
	bind_init(t);
	t->run.memory_limit = memory_limit(t);
	t->run.terminal = json_flag(o, "pty");
	err = start_somewhere(t, &spec, text_option(o, "submit_dir"), fd,
			      time_limit(o));
	bind_done(t);
	about_done(&about);
	buf_done(&columns);
	if (fd >= 0)
		close(fd);
	return err;
}
