#include "notes.h"

void notes_init(struct notes *ns)
{
	pthread_condattr_t attr;

	*ns = (struct notes){0};
	list_init(&ns->queue);
	pthread_mutex_init(&ns->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&ns->more, &attr);
	pthread_condattr_destroy(&attr);
}

void note_free(struct note *n)
{
	free(n->name);
	free(n);
}

void notes_done(struct notes *ns)
{
	while (!list_empty(&ns->queue)) {
		struct note *n = list_first(&ns->queue, struct note, link);

		list_del(&n->link);
		note_free(n);
	}
	map_done(&ns->by_ino);
	pthread_cond_destroy(&ns->more);
	pthread_mutex_destroy(&ns->lock);
}

static void add(struct notes *ns, uint64_t ino, uint64_t generation,
		unsigned what, const char *name)
{
	struct note *n = map_get_u64(&ns->by_ino, ino);

	if (!n && ns->n >= NOTES_MAX) {
		ns->dropped++;
		ns->overflow = true;
		return;
	}
	if (!n) {
		n = zalloc(sizeof(*n));
		n->ino = ino;
		n->name = str_copy(name);
		map_put_u64(&ns->by_ino, ino, n);
		list_add_tail(&ns->queue, &n->link);
		/* Who waits for the first need not be told of the others. */
		if (ns->n++ == 0 || ns->n == NOTES_MAX)
			pthread_cond_signal(&ns->more);
	}
	n->generation = generation;
	n->what |= what;
}

void notes_add(struct notes *ns, uint64_t ino, uint64_t generation,
	       unsigned what, const char *name)
{
	pthread_mutex_lock(&ns->lock);
	add(ns, ino, generation, what, name);
	pthread_mutex_unlock(&ns->lock);
}

void notes_stop(struct notes *ns)
{
	pthread_mutex_lock(&ns->lock);
	ns->stop = true;
	pthread_cond_signal(&ns->more);
	pthread_mutex_unlock(&ns->lock);
}

bool notes_stopped(struct notes *ns)
{
	bool stop;

	pthread_mutex_lock(&ns->lock);
	stop = ns->stop;
	pthread_mutex_unlock(&ns->lock);
	return stop;
}

static void sleep_until(struct notes *ns, uint64_t usec)
{
	struct timespec t = {
		.tv_sec = (time_t)(usec / USEC_PER_SEC),
		.tv_nsec = (long)(usec % USEC_PER_SEC * 1000),
	};

	if (usec)
		pthread_cond_timedwait(&ns->more, &ns->lock, &t);
	else
		pthread_cond_wait(&ns->more, &ns->lock);
}

bool notes_wait(struct notes *ns, uint64_t later, uint64_t until)
{
	bool stop;

	pthread_mutex_lock(&ns->lock);
	while (!ns->stop && ns->n < NOTES_MAX) {
		uint64_t now = mono_usec();
		uint64_t due = ns->n ? later : 0;

		if ((ns->n && now >= later) || (until && now >= until))
			break;
		if (until && (!due || until < due))
			due = until;
		sleep_until(ns, due);
	}
	stop = ns->stop;
	pthread_mutex_unlock(&ns->lock);
	return !stop;
}

void notes_take(struct notes *ns, struct list *to, bool *ret_overflow)
{
	pthread_mutex_lock(&ns->lock);
	while (!list_empty(&ns->queue)) {
		struct list *l = ns->queue.next;

		list_del(l);
		list_add_tail(to, l);
	}
	map_done(&ns->by_ino);
	ns->by_ino = (struct map){0};
	ns->n = 0;
	*ret_overflow = ns->overflow;
	ns->overflow = false;
	pthread_mutex_unlock(&ns->lock);
}
