#include "base/log.h"
#include "inotify.h"
#include "kernel/echo.h"
#include "kernel/kernel.h"
#include "tree/fs.h"
#include "tree/tree.h"

#define LOOK_SHARE 100	/* looking takes a hundredth of the time */
#define LOOK_LEAST (20 * USEC_PER_MSEC)
#define LOOK_MOST (2 * USEC_PER_SEC)
#define PATIENCE (2 * USEC_PER_SEC) /* with a thread that does not end */
#define STACK (256UL * 1024)

/* --- the thread --------------------------------------------------------- */

/* When those who watch may be looked for again. */
struct pace {
	uint64_t all, known;	/* everybody; those known; mono_usec() */
};

static uint64_t rest_after(uint64_t began, uint64_t least)
{
	uint64_t took = mono_usec() - began;

	return mono_usec() + min_u64(max_u64(took * LOOK_SHARE, least),
				     LOOK_MOST);
}

/* True: everybody who watches is known now. */
static bool look(struct inotify *t, struct pace *pace, bool now)
{
	uint64_t began = mono_usec();

	if (!now && began < pace->all) {
		watchers_refresh(&t->watchers);
		pace->known = rest_after(began, 0);
		return false;
	}
	atomic_fetch_add(&t->n->looks, 1);
	if (!t->watchers.dev)
		(void)!inotify_enter(t);
	inotify_leave(t);
	if (!t->err)
		t->err = watchers_find(&t->watchers);
	pace->all = rest_after(began, LOOK_LEAST);
	pace->known = 0;
	return true;
}

/*
 * Somebody may watch who was not known when a note came. So a note that nobody
 * was told of is kept in `again` until everybody has been looked for.
 */
static void tell_all(struct inotify *t, struct list *notes, bool all,
		     struct list *again)
{
	struct list *l, *tmp;

	list_for_each_safe (l, tmp, notes) {
		struct note *note = list_entry(l, struct note, link);

		list_del(l);
		if (t->watchers.n && !t->err && !notes_stopped(&t->n->notes))
			inotify_tell(t, note);
		if (all || !note->what)
			note_free(note);
		else
			list_add_tail(again, l);
	}
}

static void turn(struct inotify *t, struct pace *pace, struct list *again)
{
	struct list notes;
	bool overflow, all;

	list_init(&notes);
	notes_take(&t->n->notes, &notes, &overflow);
	all = look(t, pace, overflow);
	if (all)
		tell_all(t, again, true, again);
	tell_all(t, &notes, all, again);
	if (overflow)
		inotify_tell_overflow(t);
	inotify_leave(t);
}

/* Logs once that nothing can be told; the reason may go away. */
static void say_hidden(const struct inotify *t, bool *said)
{
	if (!t->err || *said)
		return;
	*said = true;
	log_info("cannot raise inotify events", log_errno(t->err));
}

static void *run(void *arg)
{
	struct notifier *n = arg;
	struct pace pace = {0};
	struct inotify t;
	struct list again;
	bool said = false;

	atomic_store(&n->fs->echo->tid, gettid());
	inotify_begin(&t, n);
	list_init(&again);
	while (!inotify_is_over(&t) &&
	       notes_wait(&n->notes, t.watchers.nknown ? pace.known : pace.all,
			  list_empty(&again) ? 0 : pace.all)) {
		t.err = 0;
		turn(&t, &pace, &again);
		if (!notes_stopped(&n->notes))
			say_hidden(&t, &said);
	}
	tell_all(&t, &again, true, &again);
	inotify_end(&t);
	/* The thread's number may be given to another thread. */
	atomic_store(&n->fs->echo->tid, 0);
	atomic_store(&n->ended, true);
	return NULL;
}

/* --- the serving thread ------------------------------------------------- */

void notifier_start(struct notifier *n, struct fs *fs)
{
	pthread_attr_t attr;
	int err;

	n->fs = fs;
	notes_init(&n->notes);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	err = pthread_create(&n->thread, &attr, run, n);
	pthread_attr_destroy(&attr);
	n->started = err == 0;
	if (err)
		log_warning("no inotify events: no thread", log_errno(err));
}

void notifier_stop(struct notifier *n)
{
	uint64_t until = mono_usec() + PATIENCE;

	if (!n->started)
		return;
	n->started = false;
	notes_stop(&n->notes);
	while (!atomic_load(&n->ended) && mono_usec() < until)
		kernel_serve(n->fs->kernel, 10);
	if (!atomic_load(&n->ended)) {
		log_warning("the notifier does not end");
		return;
	}
	pthread_join(n->thread, NULL);
	atomic_store(&n->fs->echo->tid, 0);
	notes_done(&n->notes);
}

void notifier_note(struct notifier *n, enum event_of of, uint64_t id,
		   int64_t index, uint64_t generation, unsigned what)
{
	static const struct node *rows[4], *task;
	const struct pool *p = NULL;
	const struct node *row;

	if (!n->started || atomic_load(&n->ended))
		return;
	if (!rows[0]) {
		rows[EVENT_OF_RESULT] = tree_row("/results/<id>");
		rows[EVENT_OF_ENGINE] = tree_row("/engines/<id>");
		rows[EVENT_OF_CONTROLLER] = tree_row("/controller");
		rows[EVENT_OF_POOL] = tree_row("/pools/NAME");
		task = tree_row("/results/<id>/<n>");
	}
	row = index < 0 ? rows[of] : task;
	if (of == EVENT_OF_POOL)
		p = pool_get(n->fs->mirror, id);
	notes_add(&n->notes, tree_number(row, id, sub_of(index, 0)),
		  generation, what, p ? p->name : NULL);
}
