#include "push.h"
#include "answer.h"
#include "engine.h"
#include "vars_seen.h"
#include "vars_tell.h"
#include "wire/limits.h"
#include "wire/messages.h"
#include "wire/variable.h"

#include <fcntl.h>
#include <sys/stat.h>

#define FORGET_USEC (3600 * USEC_PER_SEC)
/* So much of a value is copied in one turn. */
#define COPY_PIECE (8 * MIB)

struct upload {
	struct list link;
	struct engine *engine;
	char token[LIMIT_UPLOAD + 1];
	char name[LIMIT_NAME + 1];
	int fd;
	char *temp;		/* its file; NULL: it is the variable's */
	bool append, exclusive;
	uint64_t used;		/* mono_usec() */
	/* Copying what there was: */
	int from;		/* -1: it is done */
	struct msg waiting;	/* the request that waits for it */
	struct work copy;
};

/* --- uploads ------------------------------------------------------------ */

static struct upload *find(struct engine *e, const char *token)
{
	struct list *l;

	list_for_each(l, &e->uploads.all) {
		struct upload *u = list_entry(l, struct upload, link);

		if (strcmp(u->token, token) == 0)
			return u;
	}
	return NULL;
}

static void upload_free(struct upload *u)
{
	struct uploads *us = &u->engine->uploads;

	work_cancel(&u->copy);
	msg_done(&u->waiting);
	if (u->from >= 0)
		close(u->from);
	if (u->fd >= 0)
		close(u->fd);
	if (u->temp)
		unlink(u->temp);
	free(u->temp);
	list_del(&u->link);
	us->n--;
	free(u);
}

static void used(struct upload *u)
{
	struct uploads *us = &u->engine->uploads;

	u->used = mono_usec();
	list_del(&u->link);
	list_add_tail(&us->all, &u->link);
	if (!timer_is_set(&us->expire))
		timer_set(u->engine->loop, &us->expire, FORGET_USEC);
}

static void expire(struct timer *t)
{
	struct engine *e = container_of(t, struct engine, uploads.expire);
	struct uploads *us = &e->uploads;
	uint64_t now = mono_usec();

	while (!list_empty(&us->all)) {
		struct upload *u = list_first(&us->all, struct upload, link);

		if (now - u->used < FORGET_USEC) {
			timer_set(e->loop, t, FORGET_USEC - (now - u->used));
			return;
		}
		log_info("a push was not finished: forgotten",
			 log_str("variable", u->name));
		upload_free(u);
	}
}

void uploads_init(struct engine *e)
{
	e->uploads = (struct uploads){.expire.fire = expire};
	list_init(&e->uploads.all);
}

void uploads_done(struct engine *e)
{
	timer_cancel(&e->uploads.expire);
	while (!list_empty(&e->uploads.all))
		upload_free(list_first(&e->uploads.all, struct upload, link));
}

/* --- the beginning ------------------------------------------------------ */

static bool is_taken(struct engine *e, const char *name)
{
	struct list *l;
	struct stat st;

	list_for_each(l, &e->uploads.all) {
		const struct upload *u = list_entry(l, struct upload, link);

		if (u->exclusive && u->temp && strcmp(u->name, name) == 0)
			return true;
	}
	return fstatat(e->vars.dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int open_temp(struct upload *u)
{
	int err = spool_ensure(&u->engine->spool);

	if (err)
		return err;
	u->temp = xasprintf("%s/push-%lu", u->engine->spool.dir,
			    u->engine->uploads.made++);
	u->fd = open(u->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return u->fd < 0 ? -errno : 0;
}

static int open_same(struct upload *u)
{
	struct stat st;

	u->append = true;
	u->fd = vars_open(u->engine, u->name, O_WRONLY | O_APPEND | O_CREAT,
			  &st);
	return u->fd < 0 ? u->fd : 0;
}

static void copy_some(struct work *w);

/* The value that there is is copied turn by turn; there may be none. */
static int begin_copy(struct upload *u)
{
	struct stat st;
	int err = open_temp(u);

	if (err)
		return err;
	u->from = vars_open(u->engine, u->name, O_RDONLY, &st);
	if (u->from < 0)
		return u->from == -ENOENT ? 0 : u->from;
	if (st.st_size > (off_t)LIMIT_VARIABLE)
		return -EFBIG;
	u->copy.run = copy_some;
	loop_defer(u->engine->loop, &u->copy);
	return 0;
}

static int begin(struct upload *u, const char *how)
{
	if (u->exclusive && is_taken(u->engine, u->name))
		return -EEXIST;
	if (strcmp(how, "empty") == 0)
		return open_temp(u);
	if (strcmp(how, "copy") == 0)
		return begin_copy(u);
	return strcmp(how, "append") == 0 ? open_same(u) : -EINVAL;
}

static int upload_new(struct engine *e, const char *token, const char *name,
		      struct json_object *q, struct upload **ret_u)
{
	const char *how = json_get_str(q, "begin", NULL);
	struct uploads *us = &e->uploads;
	struct upload *u;
	int err;

	if (!how)
		return -ESTALE;
	err = vars_ensure(e);
	if (!err)
		err = vars_room(&e->vars, bytes_str(name));
	if (err)
		return err;
	if (us->n >= LIMIT_UPLOADS)
		upload_free(list_first(&us->all, struct upload, link));
	u = zalloc(sizeof(*u));
	*u = (struct upload){.engine = e, .fd = -1, .from = -1};
	snprintf(u->token, sizeof(u->token), "%s", token);
	snprintf(u->name, sizeof(u->name), "%s", name);
	u->exclusive = json_bool_or(q, "exclusive", false);
	list_add_tail(&us->all, &u->link);
	us->n++;
	err = begin(u, how);
	if (err) {
		upload_free(u);
		return err;
	}
	*ret_u = u;
	return 0;
}

/* --- the pieces --------------------------------------------------------- */

static int write_at(struct upload *u, struct bytes b, int64_t off)
{
	const char *p = b.p;

	while (b.n) {
		ssize_t n = u->append ? write(u->fd, p, b.n)
				      : pwrite(u->fd, p, b.n, off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		off += n;
		b.n -= (size_t)n;
	}
	return 0;
}

static int put_bytes(struct upload *u, struct json_object *q,
		     const struct msg *m)
{
	struct bytes b = msg_buffer(m, 0);
	int64_t off = json_int_or(q, "offset", 0);
	struct stat st;

	if (b.n == 0)
		return 0;
	if (b.n > LIMIT_PIECE || off < 0)
		return -EINVAL;
	if (u->append && fstat(u->fd, &st) == 0)
		off = st.st_size;
	if ((uint64_t)off + b.n > LIMIT_VARIABLE)
		return -EFBIG;
	return write_at(u, b, off);
}

static int set_size(struct upload *u, struct json_object *q)
{
	int64_t n;

	if (!json_get_int(q, "size", &n))
		return 0;
	if (n < 0 || (uint64_t)n > LIMIT_VARIABLE)
		return n < 0 ? -EINVAL : -EFBIG;
	return ftruncate(u->fd, n) < 0 ? -errno : 0;
}

static int set_mtime(struct upload *u, struct json_object *q)
{
	struct timespec t[2] = {{.tv_nsec = UTIME_OMIT}};
	int64_t usec;

	if (!json_get_int(q, "mtime", &usec))
		return 0;
	if (usec < 0 || usec > LIMIT_TIME)
		return -EINVAL;
	t[1].tv_sec = usec / 1000000;
	t[1].tv_nsec = usec % 1000000 * 1000;
	return futimens(u->fd, t) < 0 ? -errno : 0;
}

/* The upload's file gets the variable's name, and is the variable from now on. */
static int commit(struct upload *u)
{
	const struct engine *e = u->engine;
	int err;

	if (!u->temp)
		return 0;
	err = vars_room(&e->vars, bytes_str(u->name));
	if (!err && renameat2(AT_FDCWD, u->temp, e->vars.dir, u->name,
			      u->exclusive ? RENAME_NOREPLACE : 0) < 0)
		err = -errno;
	if (err)
		return err;
	free(u->temp);
	u->temp = NULL;
	return 0;
}

/* Everything a request asks of an upload, in this order. */
static int apply(struct upload *u, const struct msg *m)
{
	struct json_object *q = m->content;
	int err = set_size(u, q);

	if (!err)
		err = put_bytes(u, q, m);
	if (!err)
		err = set_mtime(u, q);
	if (!err && json_bool_or(q, "commit", false))
		err = commit(u);
	return err;
}

static const char *explain(int err)
{
	switch (-err) {
	case EFBIG:
		return "a variable may have 1 GiB";
	case ESTALE:
		return "the engine has forgotten this push";
	case EEXIST:
		return "there is a variable of that name";
	default:
		return NULL;
	}
}

static void apply_and_answer(struct upload *u, const struct msg *m)
{
	struct engine *e = u->engine;
	struct bytes name = bytes_str(u->name);
	int err = apply(u, m);
	struct json_object *about = NULL;

	if (!err && !u->temp) {
		vars_look(&e->vars, name);
		about = vars_about(e, name);
	}
	answer_variable(e, m, MSG_PUSH_REPLY, err, explain(err), about);
	if (err)
		upload_free(u);
	else
		used(u);
}

static void copied(struct upload *u, int err)
{
	struct msg m = u->waiting;

	close(u->from);
	u->from = -1;
	u->waiting = (struct msg){0};
	if (err) {
		answer_variable(u->engine, &m, MSG_PUSH_REPLY, err, NULL, NULL);
		upload_free(u);
	} else {
		apply_and_answer(u, &m);
	}
	msg_done(&m);
}

static void copy_some(struct work *w)
{
	struct upload *u = container_of(w, struct upload, copy);
	ssize_t n = copy_file_range(u->from, NULL, u->fd, NULL, COPY_PIECE, 0);

	if (n > 0)
		loop_defer(u->engine->loop, w);
	else
		copied(u, n < 0 ? -errno : 0);
}

static int find_upload(struct engine *e, struct json_object *q,
		       struct upload **ret_u)
{
	const char *name = vars_get_name(q, "name");
	size_t n = 0;
	const char *token = json_get_str(q, "upload", &n);

	if (!name || !token || n == 0 || n > LIMIT_UPLOAD || strlen(token) != n)
		return -EINVAL;
	*ret_u = find(e, token);
	if (!*ret_u)
		return upload_new(e, token, name, q, ret_u);
	if (strcmp((*ret_u)->name, name) != 0)
		return -EINVAL;
	return (*ret_u)->from >= 0 ? -EBUSY : 0;
}

void push_request(struct engine *e, struct msg *m)
{
	const char *token = json_get_str(m->content, "upload", NULL);
	struct upload *u = NULL;
	int err = 0;

	if (json_bool_or(m->content, "abandon", false)) {
		u = token ? find(e, token) : NULL;
		if (u)
			upload_free(u);
		answer_variable(e, m, MSG_PUSH_REPLY, 0, NULL, NULL);
		return;
	}
	err = find_upload(e, m->content, &u);
	if (err) {
		answer_variable(e, m, MSG_PUSH_REPLY, err, explain(err), NULL);
	} else if (u->from >= 0) {
		u->waiting = *m;
		*m = (struct msg){0};
		used(u);
	} else {
		apply_and_answer(u, m);
	}
}
