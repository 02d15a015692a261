#include "caller.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/parse.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

struct caller {
	struct list used;
	struct process p;
	struct process parent;	/* as it was when first heard of */
	uint64_t last;
	bool has_error;		/* something was submitted or refused */
	char *error;		/* NULL: it was not refused */
	struct untold untold;
};

/* --- /proc -------------------------------------------------------------- */

/* proc(5): the numbers of the fields from 1; the second is a name. */
enum stat_field {
	STAT_PARENT = 4,
	STAT_FLAGS = 9,
	STAT_START = 22,
	STAT_EXIT_CODE = 52,
};

static bool parse_field(struct bytes text, enum stat_field field,
			uint64_t *ret_n)
{
	return parse_u64(parse_stat_field(text, (int)field), 0, UINT64_MAX,
			 ret_n) == 0;
}

bool process_parse_stat(struct bytes text, struct process *ret_p)
{
	uint64_t parent, start;

	if (!parse_field(text, STAT_PARENT, &parent) || parent > INT32_MAX ||
	    !parse_field(text, STAT_START, &start))
		return false;
	ret_p->parent = (pid_t)parent;
	ret_p->start = start;
	return true;
}

#define NAME_SHOWN 80	/* bytes of a name that is refused */
#define EXITING 0x4	/* PF_EXITING of linux/sched.h */

bool process_parse_killed(struct bytes text)
{
	uint64_t flags, code;

	return parse_field(text, STAT_FLAGS, &flags) && (flags & EXITING) &&
	       parse_field(text, STAT_EXIT_CODE, &code) && (code & 0x7f);
}

/* ret_uid: whose process it is; may be NULL. */
static bool read_proc(pid_t pid, const char *what, char *text, size_t *n,
		      uid_t *ret_uid)
{
	char path[64];
	struct stat st = {0};
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, text, *n);
	if (ret_uid) {
		(void)!fstat(fd, &st);
		*ret_uid = st.st_uid;
	}
	close(fd);
	*n = got > 0 ? (size_t)got : 0;
	return got > 0;
}

static bool read_stat(pid_t pid, struct process *ret_p)
{
	char text[1024];
	size_t n = sizeof(text);

	if (pid <= 0 || !read_proc(pid, "stat", text, &n, &ret_p->uid) ||
	    !process_parse_stat(bytes_of(text, n), ret_p))
		return false;
	ret_p->pid = pid;
	return true;
}

bool process_is_killed(pid_t tid)
{
	char text[1024];
	size_t n = sizeof(text);

	return tid > 0 && read_proc(tid, "stat", text, &n, NULL) &&
	       process_parse_killed(bytes_of(text, n));
}

/* A pidfd exists for processes only, not for their other threads. */
static bool is_process(pid_t tid)
{
	int fd = (int)syscall(SYS_pidfd_open, tid, 0);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static pid_t tgid_of(pid_t tid)
{
	char text[4096];
	size_t n = sizeof(text);
	struct bytes all, line, word;
	uint64_t pid;

	if (is_process(tid))
		return tid;
	if (!read_proc(tid, "status", text, &n, NULL))
		return 0;
	all = bytes_of(text, n);
	while (parse_line(&all, &line)) {
		if (line.n < 5 || memcmp(line.p, "Tgid:", 5) != 0)
			continue;
		line = bytes_of((const char *)line.p + 5, line.n - 5);
		word = parse_word(&line);
		return parse_u64(word, 1, INT32_MAX, &pid) ? 0 : (pid_t)pid;
	}
	return 0;
}

bool process_of_thread(pid_t tid, struct process *ret_p)
{
	*ret_p = (struct process){0};
	return tid > 0 && read_stat(tgid_of(tid), ret_p);
}

/* --- the table ---------------------------------------------------------- */

static struct bytes key_of(const struct process *p, uint64_t key[2])
{
	key[0] = (uint64_t)p->pid;
	key[1] = p->start;
	return bytes_of(key, 2 * sizeof(key[0]));
}

static struct caller *find(const struct callers *c, const struct process *p)
{
	uint64_t key[2];

	return p->pid ? map_get(&c->known, key_of(p, key)) : NULL;
}

static void forget(struct callers *c, struct caller *k)
{
	uint64_t key[2];

	map_remove(&c->known, key_of(&k->p, key));
	list_del(&k->used);
	free(k->untold.id);
	free(k->error);
	free(k);
}

static struct caller *get(struct callers *c, const struct process *p)
{
	struct caller *k = find(c, p);
	uint64_t key[2];

	if (k) {
		list_del(&k->used);
		list_add_tail(&c->used, &k->used);
		return k;
	}
	if (c->known.n >= CALLERS_MAX)
		forget(c, list_first(&c->used, struct caller, used));
	k = zalloc(sizeof(*k));
	k->p = *p;
	(void)!read_stat(p->parent, &k->parent);
	list_add_tail(&c->used, &k->used);
	map_put(&c->known, key_of(p, key), k);
	return k;
}

void callers_init(struct callers *c)
{
	*c = (struct callers){0};
	list_init(&c->used);
}

void callers_done(struct callers *c)
{
	while (!list_empty(&c->used))
		forget(c, list_first(&c->used, struct caller, used));
	map_done(&c->known);
}

struct news {
	const uint64_t *id;	/* of results; those that are 0 are none */
	unsigned n;
	bool says;		/* `error` is new: a text, or NULL for none */
	const char *error;
};

static void untold_add(struct untold *u, uint64_t id)
{
	if (u->n - u->first == CALLER_UNTOLD) {
		u->lost = true;
		u->first++;
		u->ended = max_u64(u->ended, u->first);
	}
	if (u->n == u->room && u->first > u->n / 2) {
		memmove(u->id, u->id + u->first,
			(u->n - u->first) * sizeof(*u->id));
		u->n -= u->first;
		u->ended -= u->first;
		u->first = 0;
	}
	if (u->n == u->room) {
		u->room = u->room ? 2 * u->room : 8;
		u->id = xreallocarray(u->id, u->room, sizeof(*u->id));
	}
	u->id[u->n++] = (uint32_t)id;
}

static void set(struct caller *k, const struct news *n)
{
	unsigned i;

	for (i = 0; i < n->n; i++) {
		if (!n->id[i])
			continue;
		k->last = n->id[i];
		untold_add(&k->untold, n->id[i]);
	}
	if (!n->says)
		return;
	free(k->error);
	k->error = n->error ? xmemdup_nul(n->error,
					  strnlen(n->error, CALLER_ERROR))
			    : NULL;
	k->has_error = true;
}

/*
 * The ancestors are read once, when a process is first heard of: a parent
 * that ended since is recorded in vain, which harms nobody.
 */
/* Parents that are somebody else's (init, sudo) are told nothing. */
static void record(struct callers *c, const struct process *who,
		   const struct news *n)
{
	struct process p = *who;
	int depth;

	for (depth = 0;
	     p.pid && p.uid == who->uid && depth < CALLERS_DEPTH; depth++) {
		struct caller *k = get(c, &p);

		set(k, n);
		p = k->parent;
	}
}

void callers_submitted(struct callers *c, const struct process *p,
		       const uint64_t *ids, unsigned n, bool keep_error)
{
	record(c, p, &(struct news){.id = ids, .n = n, .says = !keep_error});
}

void callers_refused(struct callers *c, const struct process *p,
		     const char *why)
{
	record(c, p, &(struct news){.says = true, .error = why});
}

int callers_refuse(struct callers *c, pid_t tid, int err, const char *why)
{
	struct process who;

	if (process_of_thread(tid, &who))
		callers_refused(c, &who, why);
	return err;
}

int callers_refuse_name(struct callers *c, pid_t tid, struct bytes name,
			const char *what)
{
	struct buf why = BUF_INIT;
	int err;

	buf_puts(&why, "\"");
	buf_put_escaped(&why, name, NAME_SHOWN);
	buf_printf(&why, "\" is %s", what);
	err = callers_refuse(c, tid, -EINVAL, buf_str(&why));
	buf_done(&why);
	return err;
}

static bool has_last(const struct caller *k)
{
	return k->last != 0;
}

static bool has_error(const struct caller *k)
{
	return k->has_error;
}

static struct caller *nearest(struct callers *c, pid_t tid,
				    bool (*wanted)(const struct caller *k))
{
	struct process p;
	bool there = process_of_thread(tid, &p);
	uid_t uid = p.uid;
	int depth;

	for (depth = 0; there && p.uid == uid && depth < CALLERS_DEPTH;
	     depth++) {
		struct caller *k = find(c, &p);

		if (k && wanted(k))
			return k;
		there = read_stat(p.parent, &p);
	}
	return NULL;
}

uint64_t callers_last(struct callers *c, pid_t tid)
{
	const struct caller *k = nearest(c, tid, has_last);

	return k ? k->last : 0;
}

struct untold *callers_untold(struct callers *c, pid_t tid)
{
	struct caller *k = nearest(c, tid, has_last);

	return k ? &k->untold : NULL;
}

const char *callers_error(struct callers *c, pid_t tid)
{
	const struct caller *k = nearest(c, tid, has_error);

	return k ? k->error : NULL;
}
