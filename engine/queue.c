#include "queue.h"
#include "ahead.h"
#include "begin.h"
#include "deliver.h"
#include "engine.h"
#include "outcome.h"
#include "slots.h"
#include "together.h"
#include "vars_tell.h"

/* Waiting requests of an engine: more are refused. A controller of ours takes in
 * fewer of its clients (--client-tasks). */
#define LIMIT_WAITING 131072
#define LIMIT_WAITING_BYTES (1 * GIB)
/* Ended and not yet stored: nothing new begins. */
#define LIMIT_ENDED 4096

/* --- the end of a task -------------------------------------------------- */

/* Its last state. What there is to say about it is said. */
static void end(struct task *t, enum state_event event)
{
	task_to_ended(t, event);
	if (t->ran)
		health_note(t->engine, t);
	if (t->unwanted)
		task_free(t);
	else
		together_end(t);
}

/* Never begun: refused. */
static void refuse(struct task *t, const char *ename, const char *evalue)
{
	outcome_set(t, ename, xstrdup(evalue));
	end(t, EVENT_FAIL);
}

static void take_away_files(struct task *t)
{
	if (t->script)
		unlink(t->script);
	free(t->script);
	t->script = NULL;
	if (t->empty_dir)
		spool_drop_dir(t->empty_dir);
	t->empty_dir = NULL;
}

/* As a stock engine does: what its client has queued is answered aborted. */
static bool stops_others(const struct task *t, enum state_event event)
{
	return event == EVENT_FAIL && !t->extended && !t->silent &&
	       t->stop_on_error;
}

static void next(struct engine *e);

static void run_ended(struct run *r)
{
	struct task *t = container_of(r, struct task, run);
	struct engine *e = t->engine;
	enum state_event event;
	bool stops;

	take_away_files(t);
	/* What it wrote into variables is told before its end. */
	vars_settle(e);
	event = outcome_note(t);
	if (r->cause == RUN_LEAVING)
		t->unwanted = true;
	stops = stops_others(t, event);
	end(t, event);
	if (stops)
		queue_abort_waiting(e);
	if (e->leave.on)
		leave_go_on(e);
	else
		next(e);
}

static void run_grew(struct run *r, enum stream s)
{
	deliver_output(container_of(r, struct task, run), s);
}

/* --- its beginning ------------------------------------------------------ */

/* Starts it; or it has ended. */
static void begin(struct task *t)
{
	if (!task_fits(t, true)) {
		refuse(t, "StartError", "this engine has not got what the task "
					"needs: cpus, memory or resources");
		return;
	}
	vars_task_begins(t->engine);
	task_to_running(t);
	ahead_begins(t);
	t->ran = true;
	run_note_start(&t->run);
	if (task_begin(t) < 0) {
		run_note_end(&t->run);
		take_away_files(t);
		t->traceback = json_object_new_array();
		end(t, EVENT_FAIL);
		return;
	}
	if (t->extended)
		msg_shed(&t->request);
	else
		deliver(t);
}

static bool may_begin(const struct engine *e)
{
	const struct tasks *all = &e->tasks;

	return !e->leave.on && all->used < all->slots &&
	       all->nended < LIMIT_ENDED && all->files < SLOTS_FILES_KEPT;
}

/* What it needs is free; or can never be, and begin() says so. */
static bool can_begin(const struct task *t)
{
	return task_fits(t, false) || !task_fits(t, true);
}

/* The first of one kind that is not held (few are, and not for long), if it can begin;
 * or NULL: the others do not pass it. */
static struct task *first_of(const struct list *waiting)
{
	const struct list *l;

	list_for_each(l, waiting) {
		struct task *t = list_entry(l, struct task, link);

		if (!t->held)
			return can_begin(t) ? t : NULL;
	}
	return NULL;
}

/* Whose turn it is; or NULL. */
static struct task *first(const struct tasks *all)
{
	struct task *queued = first_of(&all->waiting[false]);
	struct task *direct = all->direct_runs
				      ? NULL
				      : first_of(&all->waiting[true]);

	if (!queued || !direct)
		return queued ? queued : direct;
	return queued->arrived < direct->arrived ? queued : direct;
}

/* Starts those that can be. */
static void next(struct engine *e)
{
	struct task *t;

	while (may_begin(e) && (t = first(&e->tasks)) != NULL)
		begin(t);
}

/* --- its arrival -------------------------------------------------------- */

/*
 * With the extensions only what the controller itself sends on its own
 * channel, and only a controller that has said that it speaks them.
 */
static bool is_extended(const struct engine *e, enum channel c,
			const struct msg *m)
{
	return e->member.extended && c == CHANNEL_TASK &&
	       json_get_object(m->metadata, "taskfs");
}

/* The same id again: it does not run twice, but its end is told twice. */
static bool is_here(struct tasks *all, const struct msg *m)
{
	struct task *t = tasks_find(all, bytes_str(m->id));

	if (!t)
		return false;
	log_warning("a task that is here already arrived again",
		    log_str("msg_id", m->id));
	if (t->extended && state_is_final(t->state)) {
		deliver_again(t);
		deliver(t);
	}
	return true;
}

/* It begins now, if it can. */
static void take_turn(struct task *t)
{
	ahead_arrived(t);
	next(t->engine);
}

void queue_add(struct engine *e, enum channel c, struct msg *m)
{
	bool doubtful = link_is_doubtful(&e->link, c);
	struct tasks *all = &e->tasks;
	enum unwanted how;
	struct task *t;

	if (e->leave.on || is_here(all, m))
		return;
	if (doubtful && !is_extended(e, c, m)) {
		log_warning("a task came by a connection over which the engine "
			    "is not registered; it is not taken",
			    log_str("msg_id", m->id));
		return;
	}
	t = task_new(e, c, is_extended(e, c, m), m);
	t->run.grew = run_grew;
	t->run.ended = run_ended;
	t->held = doubtful;
	how = tasks_unwanted(all, bytes_str(t->request.id));
	if (how && ahead_give_back(t))
		return;
	if (how == UNWANTED_ABORT)
		end(t, EVENT_ABORT);
	else if (t->apply)
		refuse(t, "NotSupported",
		       "this engine runs shell commands (language: sh), no "
		       "Python functions; use execute()");
	else if (all->nwaiting > LIMIT_WAITING ||
		 all->bytes > LIMIT_WAITING_BYTES)
		refuse(t, "QueueFull",
		       "too many tasks wait for this engine; submit it again "
		       "when some have ended");
	else
		take_turn(t);
}

/* --- what the controller says of them ----------------------------------- */

/* One of a list of msg_ids; NULL: it is not here. */
static struct task *nth(struct engine *e, struct json_object *msg_ids, size_t i)
{
	struct json_object *v = json_object_array_get_idx(msg_ids, i);

	if (!json_object_is_type(v, json_type_string))
		return NULL;
	return tasks_find(&e->tasks, bytes_str(json_object_get_string(v)));
}

void queue_stored(struct engine *e, struct json_object *msg_ids)
{
	size_t i, n = msg_ids ? json_object_array_length(msg_ids) : 0;

	for (i = 0; i < n; i++) {
		struct task *t = nth(e, msg_ids, i);

		if (t && state_is_final(t->state))
			task_free(t);
	}
	next(e);
}

static void drop(struct task *t)
{
	if (t->state == STATE_RUNNING) {
		t->unwanted = true;
		run_end(&t->run, RUN_ABORT);
	} else {
		task_free(t);
	}
}

/* What was named and is still here is the controller's. */
static bool let_go(struct tasks *all)
{
	struct list *l;
	bool more = false;

	/* Those that are held are the controller's own. */
	list_for_each(l, &all->waiting[false]) {
		struct task *t = list_entry(l, struct task, link);

		t->held &= !t->named;
		more |= t->held;
	}
	return more;
}

bool queue_registered(struct engine *e, struct json_object *unwanted)
{
	struct tasks *all = &e->tasks;
	size_t i, n = unwanted ? json_object_array_length(unwanted) : 0;
	struct list *l;
	bool more;

	for (i = 0; i < n; i++) {
		struct task *t = nth(e, unwanted, i);

		if (t && t->extended)
			drop(t);
	}
	list_for_each(l, &all->running)
		deliver_again(list_entry(l, struct task, link));
	list_for_each(l, &all->ended)
		deliver_again(list_entry(l, struct task, link));
	more = let_go(all);
	vars_registered(e);
	health_tell(e);
	deliver_all(e);
	next(e);
	return more;
}

/* --- what nobody wants -------------------------------------------------- */

void queue_abort_task(struct task *t)
{
	if (ahead_give_back(t))
		return;
	if (t->state == STATE_PENDING)
		end(t, EVENT_ABORT);
	else if (t->state == STATE_RUNNING)
		run_end(&t->run, RUN_ABORT);
}

void queue_abort(struct engine *e, struct bytes msg_id)
{
	struct task *t = tasks_find(&e->tasks, msg_id);

	if (!t)
		tasks_unwanted_later(&e->tasks, msg_id, UNWANTED_ABORT);
	else if (t->state == STATE_PENDING)
		queue_abort_task(t);
}

static void abort_all(struct list *waiting)
{
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, waiting) {
		struct task *t = list_entry(l, struct task, link);

		if (!t->extended)
			queue_abort_task(t);
	}
}

void queue_abort_waiting(struct engine *e)
{
	abort_all(&e->tasks.waiting[true]);
	abort_all(&e->tasks.waiting[false]);
}

void queue_signal(struct engine *e, int signo)
{
	struct list *l;

	list_for_each(l, &e->tasks.running)
		(void)run_signal(&list_entry(l, struct task, link)->run, signo);
}

/* --- all of it ---------------------------------------------------------- */

void queue_init(struct engine *e)
{
	tasks_init(&e->tasks, e->config->slots, &e->config->resources);
	if (e->config->bind)
		(void)slots_processors(&e->tasks.processor);
	deliver_init(e);
	together_init(e);
	ahead_init(e);
}

void queue_done(struct engine *e)
{
	while (!list_empty(&e->tasks.running)) {
		struct task *t = list_first(&e->tasks.running, struct task,
					    link);

		run_forget(&t->run);
		t->unwanted = true;
		end(t, EVENT_ABORT);
	}
	ahead_done(e);
	together_done(e);
	tasks_done(&e->tasks);
}
