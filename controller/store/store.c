#include "base/base.h"
#include "store.h"

#include "base/log.h"
#include "disk/reserve.h"
#include "files.h"
#include "load.h"
#include "open.h"
#include "ops.h"
#include "shrink.h"
#include "sql.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <time.h>

#define LOOK_EVERY 1 /* seconds: whether the disk has room again */

struct store {
	struct db db;
	struct loop *loop;
	struct list put;	/* in this turn; the loop's own */
	struct work hand_over;
	struct watch back_watch;	/* an eventfd: operations are in `back` */

	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct list queue;	/* for the thread to carry out; under lock */
	struct list back;	/* the thread has carried them out; under lock */
	bool stop;		/* under lock */
	bool mine;		/* under lock: the database is the thread's */
	bool full;		/* under lock: the disk is, as the thread found last */

	bool handed_over;	/* the database is the thread's; the loop's own */
	/* The database was not loaded, or not yet: it is left as it is. */
	bool refused;
	uint64_t backlog;	/* bytes; the loop's own */
	uint64_t errors;	/* failed operations; the loop's own */
	bool told_full;		/* the loop's own */
	void (*on_full)(void *arg);
	void *on_full_arg;
	void (*drained)(void *arg);
	void *drained_arg;
};

struct store_op *store_op_new(enum store_kind kind)
{
	struct store_op *op = zalloc(sizeof(*op));

	op->kind = kind;
	return op;
}

static void free_op(struct store_op *op)
{
	const struct op_kind *k = op_kind(op);

	if (k->free)
		k->free(op);
	free(op);
}

static uint64_t op_bytes(const struct store_op *op)
{
	const struct op_kind *k = op_kind(op);

	return sizeof(*op) + (k->bytes ? k->bytes(op) : 0);
}

static void move_all(struct list *from, struct list *to)
{
	while (!list_empty(from)) {
		struct list *l = from->next;

		list_del(l);
		list_add_tail(to, l);
	}
}

/* --- the thread --------------------------------------------------------- */

static void behind(struct db *db, struct store_op *op, int err)
{
	const struct op_kind *k = op_kind(op);

	if (k->behind)
		k->behind(db, op, err);
}

/* While the disk is full it is not even tried. */
static bool refuse(struct db *db, struct store_op *op)
{
	op->refused = op->refused || db_refuses(db, op);
	if (op->refused)
		op->err = -ENOSPC;
	return op->refused;
}

static int run_all(struct db *db, struct list *ops)
{
	struct list *l;
	int err = 0;

	list_for_each(l, ops) {
		struct store_op *op = list_entry(l, struct store_op, link);

		if (refuse(db, op))
			continue;
		/* When a question cannot be answered, the other operations are still
		 * carried out. */
		if (op_kind(op)->alone)
			op->err = db_run(db, op);
		else
			err = db_run(db, op);
		if (err)
			break;
	}
	return err;
}

/*
 * The row of a task may be put before the row of its result. When the row of the
 * result is still not there, the result could not be stored. The task is not stored
 * then either, and who submitted the result hears of that.
 */
static int run_early(struct db *db, struct list *ops)
{
	struct list *l;
	int err = 0;

	list_for_each(l, ops) {
		struct store_op *op = list_entry(l, struct store_op, link);

		if (op->early && !err)
			err = db_run(db, op);
	}
	return err;
}

static int run_together(struct db *db, struct list *ops)
{
	struct list *l;
	int err = db_begin(db);

	if (!err)
		err = run_all(db, ops);
	if (!err)
		err = run_early(db, ops);
	if (!err)
		err = db_commit(db);
	if (err)
		db_rollback(db);
	files_forgotten(db, !err);
	list_for_each(l, ops)
		behind(db, list_entry(l, struct store_op, link), err);
	return err;
}

/* Something did not fit. What SQLite has written twice, in the database and in its log,
 * takes room once then. */
static void did_not_fit(struct db *db)
{
	db_empty_log(db);
	reserve_did_not_fit(&db->reserve);
}

static void run_alone(struct db *db, struct store_op *op)
{
	if (op_kind(op)->once_more)
		op_kind(op)->once_more(op);
	op->err = db_begin(db);
	if (!op->err)
		op->err = db_run(db, op);
	if (!op->err)
		op->err = db_commit(db);
	if (op->err)
		db_rollback(db);
	files_forgotten(db, !op->err);
}

/* What makes room gets the reserve. */
static void run_with_reserve(struct db *db, struct store_op *op)
{
	const struct op_kind *k = op_kind(op);
	bool given = reserve_give(&db->reserve);
	int err = k->in_parts ? k->in_parts(db, op) : 0;

	if (err)
		op->err = err;
	else if (given || k->in_parts)
		run_alone(db, op);
}

/*
 * One of the operations cannot be carried out (the disk is full, say). Now each gets a
 * transaction of its own, and an error of its own.
 */
static void run_one_by_one(struct db *db, struct list *ops)
{
	bool no_room = false;
	struct list *l;

	list_for_each(l, ops) {
		struct store_op *op = list_entry(l, struct store_op, link);

		if (refuse(db, op))
			continue;
		run_alone(db, op);
		if (op->err == -ENOSPC && op_kind(op)->makes_room)
			run_with_reserve(db, op);
		behind(db, op, op->err);
		no_room |= op->err == -ENOSPC;
	}
	list_for_each(l, ops) {
		struct store_op *op = list_entry(l, struct store_op, link);

		if (op->early && !op->err)
			op->err = db_run(db, op);
	}
	files_forgotten(db, true);
	if (no_room)
		did_not_fit(db);
}

/* Best without the lock, for which the loop would wait at once. */
static void wake_loop(struct store *s)
{
	uint64_t one = 1;

	if (write(s->back_watch.fd, &one, sizeof(one)) < 0)
		abort(); /* only a full eventfd fails: impossible */
}

/* Under lock. True: that is news. */
static bool note_full(struct store *s)
{
	bool was = s->full;

	s->full = s->db.reserve.full;
	return s->full != was;
}

/* What was carried out. The loop is not woken again before it took what was there. */
static void give_back(struct store *s, struct list *done)
{
	bool wake;

	pthread_mutex_lock(&s->lock);
	wake = list_empty(&s->back);
	move_all(done, &s->back);
	wake |= note_full(s);
	pthread_mutex_unlock(&s->lock);
	if (wake)
		wake_loop(s);
}

/* Sleeps until there is more to do, or it is time to look for room. */
static void sleep_until_more(struct store *s)
{
	struct timespec until;

	if (!s->mine || !reserve_is_low(&s->db.reserve)) {
		pthread_cond_wait(&s->more, &s->lock);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += LOOK_EVERY;
	if (pthread_cond_timedwait(&s->more, &s->lock, &until) != ETIMEDOUT)
		return;
	pthread_mutex_unlock(&s->lock);
	reserve_look(&s->db.reserve);
	pthread_mutex_lock(&s->lock);
	if (note_full(s))
		wake_loop(s);
}

/* The thread has nothing to do: it makes the database smaller, or sleeps. */
static void rest(struct store *s)
{
	if (!s->db.shrinks) {
		sleep_until_more(s);
		return;
	}
	pthread_mutex_unlock(&s->lock);
	s->db.shrinks = db_shrink(&s->db);
	pthread_mutex_lock(&s->lock);
}

static void *work(void *arg)
{
	struct store *s = arg;
	struct list now = LIST_INIT(now);

	pthread_setname_np(pthread_self(), "store");
	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (list_empty(&s->queue) && !s->stop)
			rest(s);
		if (list_empty(&s->queue))
			break;
		move_all(&s->queue, &now);
		pthread_mutex_unlock(&s->lock);
		if (run_together(&s->db, &now))
			run_one_by_one(&s->db, &now);
		give_back(s, &now);
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* --- the loop's side ---------------------------------------------------- */

static void hand_over(struct work *w)
{
	struct store *s = container_of(w, struct store, hand_over);

	s->handed_over = true;
	pthread_mutex_lock(&s->lock);
	s->mine = true;
	move_all(&s->put, &s->queue);
	pthread_mutex_unlock(&s->lock);
	/* Not under the lock: who is woken needs it. */
	pthread_cond_signal(&s->more);
}

void store_put(struct store *s, struct store_op *op)
{
	s->backlog += op_bytes(op);
	list_add_tail(&s->put, &op->link);
	loop_defer(s->loop, &s->hand_over);
}

static void take_back(struct store *s)
{
	struct list done = LIST_INIT(done);
	uint64_t before = s->backlog;
	bool full;

	pthread_mutex_lock(&s->lock);
	move_all(&s->back, &done);
	full = s->full;
	pthread_mutex_unlock(&s->lock);
	if (full != s->told_full) {
		s->told_full = full;
		if (s->on_full)
			s->on_full(s->on_full_arg);
	}
	while (!list_empty(&done)) {
		struct store_op *op = list_first(&done, struct store_op, link);

		list_del(&op->link);
		s->backlog -= min_u64(op_bytes(op), s->backlog);
		s->errors += op->err && op->err != -ENOENT &&
			     op->err != -ETIME && op->err != -E2BIG;
		if (op->done)
			op->done(op);
		else if (op->err)
			log_error("not stored", log_int("kind", op->kind),
				  log_errno(op->err));
		free_op(op);
	}
	if (before > STORE_BACKLOG / 2 && s->backlog <= STORE_BACKLOG / 2 &&
	    s->drained)
		s->drained(s->drained_arg);
}

static void back_ready(struct watch *w, short events)
{
	struct store *s = container_of(w, struct store, back_watch);
	uint64_t n;

	(void)events;
	if (read(w->fd, &n, sizeof(n)) == sizeof(n))
		take_back(s);
}

bool store_is_full(const struct store *s)
{
	return s->told_full;
}

void store_on_full(struct store *s, void (*changed)(void *arg), void *arg)
{
	s->on_full = changed;
	s->on_full_arg = arg;
}

uint64_t store_errors(const struct store *s)
{
	return s->errors;
}

uint64_t store_backlog(const struct store *s)
{
	return s->backlog;
}

void store_on_drained(struct store *s, void (*drained)(void *arg), void *arg)
{
	s->drained = drained;
	s->drained_arg = arg;
}

int store_open(struct store **ret_store, struct loop *loop, const char *dir,
	       bool full, struct buf *why)
{
	struct store *s = zalloc(sizeof(*s));
	pthread_condattr_t attr;
	int err = db_open(&s->db, dir, full, why);

	if (err) {
		free(s);
		return err;
	}
	s->loop = loop;
	s->refused = true;
	s->hand_over.run = hand_over;
	/* What the scheduler decides this turn goes into the same commit. */
	s->hand_over.last = true;
	list_init(&s->put);
	list_init(&s->queue);
	list_init(&s->back);
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->more, &attr);
	pthread_condattr_destroy(&attr);
	s->back_watch = (struct watch){
		.ready = back_ready,
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.events = POLLIN,
	};
	if (s->back_watch.fd < 0 ||
	    pthread_create(&s->thread, NULL, work, s) != 0) {
		buf_puts(why, "cannot start the store's thread");
		db_close(&s->db);
		free(s);
		return -EAGAIN;
	}
	loop_add(loop, &s->back_watch);
	*ret_store = s;
	return 0;
}

/* Carries out what the last calls of done() have put: the thread has ended. */
static void finish_here(struct store *s)
{
	while (!list_empty(&s->put)) {
		struct list now = LIST_INIT(now);

		move_all(&s->put, &now);
		if (run_together(&s->db, &now))
			run_one_by_one(&s->db, &now);
		move_all(&now, &s->back);
		take_back(s);
	}
}

/* Frees operations that were put; none is carried out. */
static void drop_all(struct list *ops)
{
	while (!list_empty(ops)) {
		struct store_op *op = list_first(ops, struct store_op, link);

		list_del(&op->link);
		free_op(op);
	}
}

void store_close(struct store *s)
{
	if (!s)
		return;
	work_cancel(&s->hand_over);
	if (s->refused)
		drop_all(&s->put);
	hand_over(&s->hand_over);
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->more);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	take_back(s);
	finish_here(s);
	work_cancel(&s->hand_over);
	loop_remove(&s->back_watch);
	close(s->back_watch.fd);
	db_close(&s->db);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->more);
	free(s);
}

/*
 * Until an operation is handed over the thread does not touch the database. When two
 * threads use one connection at once, the log of the database breaks without a word,
 * and what is committed afterwards is not found any more.
 */
int store_load(struct store *s, const struct store_visitor *v,
	       uint64_t *ret_lost, struct buf *why)
{
	int err;

	assert(!s->handed_over);
	err = db_load(&s->db, v, ret_lost, why);
	s->refused = err;
	return err;
}

int store_load_pools(struct store *s, const struct store_visitor *v,
		     struct buf *why)
{
	assert(!s->handed_over);
	return db_read_pools(&s->db, v, why);
}

char *store_meta(struct store *s, const char *key)
{
	assert(!s->handed_over);
	return db_meta(&s->db, key);
}

void store_query(struct store *s, struct record_query *q,
		 void (*done)(struct store_op *op), void *arg)
{
	struct store_op *op = store_op_new(STORE_QUERY);

	op->query = q;
	op->done = done;
	op->arg = arg;
	store_put(s, op);
}
