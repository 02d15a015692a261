#include "task.h"
#include "begin.h"
#include "deliver.h"
#include "engine.h"
#include "outcome.h"
#include "wire/limits.h"
#include "wire/messages.h"

/* Waiting requests of an engine: more are refused. A controller of ours takes in
 * fewer of its clients (--client-tasks). */
#define LIMIT_WAITING 131072
#define LIMIT_WAITING_BYTES (1 * GIB)
/* Ended and not yet stored: nothing new begins. */
#define LIMIT_ENDED 4096
#define LIMIT_FILES 256
/* msg_ids to abort that have not arrived: so many of the last ones are known. */
#define LIMIT_ABORTED LIMIT_WAITING

static void run_grew(struct run *r, enum run_stream s);
static void run_ended(struct run *r);

/* --- one task ----------------------------------------------------------- */

static uint64_t request_bytes(const struct msg *m)
{
	uint64_t n = 0;
	unsigned i;

	for (i = 0; i < m->frames; i++)
		n += msg_frame(m, i).n;
	return n;
}

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

static struct task *task_new(struct engine *e, enum channel c, struct msg *m)
{
	struct task *t = zalloc(sizeof(*t));

	list_init(&t->link);
	t->engine = e;
	t->channel = c;
	t->state = STATE_PENDING;
	t->apply = strcmp(m->type, MSG_APPLY_REQUEST) == 0;
	t->extended = is_extended(e, c, m);
	t->silent = json_bool_or(m->content, "silent", false);
	t->stop_on_error = json_bool_or(m->content, "stop_on_error", true);
	t->bytes = request_bytes(m);
	t->exit_status = -1;
	t->request = *m;
	*m = (struct msg){0};
	t->run.grew = run_grew;
	t->run.ended = run_ended;
	run_init(&t->run, &e->runner);
	return t;
}

void task_free(struct task *t)
{
	struct tasks *all = &t->engine->tasks;

	assert(all->running != t);
	if (t->state == STATE_PENDING) {
		all->nwaiting--;
		all->bytes -= t->bytes;
	} else {
		all->nended--;
	}
	list_del(&t->link);
	map_remove(&all->by_id, bytes_str(t->request.id));
	timer_cancel(&t->flush_timer);
	run_done(&t->run);
	msg_done(&t->request);
	json_object_put(t->traceback);
	free(t->evalue);
	free(t->cwd);
	free(t);
}

/* Out of `waiting`. */
static void leave_queue(struct task *t)
{
	struct tasks *all = &t->engine->tasks;

	list_del(&t->link);
	all->nwaiting--;
	all->bytes -= t->bytes;
}

/* Into `ended`: its last state. What there is to say is said. */
static void task_end(struct task *t, enum state_event event)
{
	struct tasks *all = &t->engine->tasks;

	if (t->state == STATE_PENDING)
		leave_queue(t);
	t->state = state_next(t->state, event);
	assert(state_is_final(t->state));
	if (all->running == t)
		all->running = NULL;
	list_add_tail(&all->ended, &t->link);
	all->nended++;
	timer_cancel(&t->flush_timer);
	if (t->ran)
		health_note(t->engine, t);
	if (t->unwanted)
		task_free(t);
	else
		deliver(t);
}

/* Never begun: refused. */
static void refuse(struct task *t, const char *ename, const char *evalue)
{
	outcome_set(t, ename, xstrdup(evalue));
	task_end(t, EVENT_FAIL);
}

void task_abort(struct task *t)
{
	if (t->state == STATE_PENDING)
		task_end(t, EVENT_ABORT);
	else if (t->state == STATE_RUNNING)
		run_end(&t->run, RUN_ABORT);
}

/* --- its run ------------------------------------------------------------ */

/* As a stock engine does: what its client has queued is answered aborted. */
static void stop_on_error(struct engine *e, const struct task *t)
{
	if (t->state == STATE_ERROR && !t->extended && !t->silent &&
	    t->stop_on_error)
		tasks_abort_waiting(e);
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

static void run_ended(struct run *r)
{
	struct task *t = container_of(r, struct task, run);
	struct engine *e = t->engine;
	enum state_event event;
	struct task was = {0};

	take_away_files(t);
	/* Before its end. */
	vars_settle(e);
	event = outcome_note(t);
	if (r->cause == RUN_LEAVING)
		t->unwanted = true;
	was.state = state_next(t->state, event);
	was.extended = t->extended;
	was.silent = t->silent;
	was.stop_on_error = t->stop_on_error;
	task_end(t, event);
	stop_on_error(e, &was);
	if (e->leave.on)
		leave_go_on(e);
	else
		tasks_next(e);
}

static void run_grew(struct run *r, enum run_stream s)
{
	deliver_output(container_of(r, struct task, run), s);
}

/* --- the queue ---------------------------------------------------------- */

void tasks_init(struct engine *e)
{
	struct tasks *all = &e->tasks;

	*all = (struct tasks){0};
	list_init(&all->waiting);
	list_init(&all->ended);
	deliver_init(e);
}

/* Before there are too many, those that were known when there were as many. */
static void forget_aborted(struct tasks *all)
{
	map_done(&all->aborted_before);
	all->aborted_before = all->aborted;
	all->aborted = (struct map){0};
}

static bool was_aborted(struct tasks *all, struct bytes msg_id)
{
	return map_remove(&all->aborted, msg_id) ||
	       map_remove(&all->aborted_before, msg_id);
}

void tasks_done(struct engine *e)
{
	struct tasks *all = &e->tasks;

	if (all->running) {
		run_forget(&all->running->run);
		all->running->unwanted = true;
		task_end(all->running, EVENT_ABORT);
	}
	while (!list_empty(&all->waiting))
		task_free(list_first(&all->waiting, struct task, link));
	while (!list_empty(&all->ended))
		task_free(list_first(&all->ended, struct task, link));
	timer_cancel(&all->again);
	map_done(&all->by_id);
	map_done(&all->aborted);
	map_done(&all->aborted_before);
	map_done(&all->answered);
}

struct task *tasks_find(const struct tasks *all, struct bytes msg_id)
{
	return map_get(&all->by_id, msg_id);
}

/* Starts it; or it has ended. */
static void begin(struct task *t)
{
	struct tasks *all = &t->engine->tasks;

	leave_queue(t);
	all->running = t;
	vars_task_begins(t->engine);
	t->state = state_next(t->state, EVENT_START);
	t->ran = true;
	t->count = ++all->count;
	run_note_start(&t->run);
	if (task_begin(t) < 0) {
		run_note_end(&t->run);
		take_away_files(t);
		t->traceback = json_object_new_array();
		task_end(t, EVENT_FAIL);
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

	return !e->leave.on && !all->running && !list_empty(&all->waiting) &&
	       !list_first(&all->waiting, struct task, link)->held &&
	       all->nended < LIMIT_ENDED && output_files() < LIMIT_FILES;
}

void tasks_next(struct engine *e)
{
	while (may_begin(e))
		begin(list_first(&e->tasks.waiting, struct task, link));
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

void tasks_add(struct engine *e, enum channel c, struct msg *m)
{
	struct tasks *all = &e->tasks;
	struct task *t;

	if (e->leave.on || is_here(all, m))
		return;
	if (link_is_doubtful(&e->link, c) && !is_extended(e, c, m)) {
		log_warning("a task came by a connection over which the engine "
			    "is not registered; it is not taken",
			    log_str("msg_id", m->id));
		return;
	}
	t = task_new(e, c, m);
	t->held = link_is_doubtful(&e->link, c);
	map_put(&all->by_id, bytes_str(t->request.id), t);
	list_add_tail(&all->waiting, &t->link);
	all->nwaiting++;
	all->bytes += t->bytes;
	if (was_aborted(all, bytes_str(t->request.id)))
		task_end(t, EVENT_ABORT);
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
		tasks_next(e);
}

void tasks_stored(struct engine *e, struct json_object *msg_ids)
{
	size_t i, n = msg_ids ? json_object_array_length(msg_ids) : 0;

	for (i = 0; i < n; i++) {
		struct json_object *v = json_object_array_get_idx(msg_ids, i);
		struct task *t = NULL;

		if (json_object_is_type(v, json_type_string))
			t = tasks_find(&e->tasks,
				       bytes_str(json_object_get_string(v)));
		if (t && state_is_final(t->state))
			task_free(t);
	}
	tasks_next(e);
}

uint64_t tasks_unstored(const struct tasks *all)
{
	const struct list *l;

	list_for_each(l, &all->ended) {
		const struct task *t = list_entry(l, struct task, link);

		if (t->extended && t->told)
			return mono_usec() - t->told;
	}
	return 0;
}

/* --- all of them -------------------------------------------------------- */

void tasks_note_answers(struct tasks *all, bool note)
{
	all->noting = note;
	map_done(&all->answered);
}

void tasks_answered(struct task *t)
{
	struct tasks *all = &t->engine->tasks;

	t->replied = true;
	if (all->noting)
		map_put(&all->answered, bytes_str(t->request.id), all);
}

static void push_id(struct json_object *list, struct json_object *relayed,
		    const struct task *t)
{
	/* One that was answered before the break may have been lost with it. */
	if (!t->unwanted && !t->replied)
		json_push(t->extended ? list : relayed,
			  json_object_new_string(t->request.id));
}

void tasks_list(struct tasks *all, struct json_object *running,
		struct json_object *finished, struct json_object *relayed)
{
	struct map_iter it = {0};
	const struct list *l;

	while (map_next(&all->answered, &it))
		json_push(relayed, json_text(it.key));
	if (all->running)
		push_id(running, relayed, all->running);
	list_for_each(l, &all->waiting) {
		push_id(running, relayed, list_entry(l, struct task, link));
		list_entry(l, struct task, link)->named = true;
	}
	list_for_each(l, &all->ended)
		push_id(finished, relayed, list_entry(l, struct task, link));
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

	list_for_each(l, &all->waiting) {
		struct task *t = list_entry(l, struct task, link);

		t->held &= !t->named;
		more |= t->held;
	}
	return more;
}

bool tasks_registered(struct engine *e, struct json_object *unwanted)
{
	struct tasks *all = &e->tasks;
	size_t i, n = unwanted ? json_object_array_length(unwanted) : 0;
	struct list *l;
	bool more;

	for (i = 0; i < n; i++) {
		struct json_object *v = json_object_array_get_idx(unwanted, i);
		struct task *t = NULL;

		if (json_object_is_type(v, json_type_string))
			t = tasks_find(all,
				       bytes_str(json_object_get_string(v)));
		if (t && t->extended)
			drop(t);
	}
	if (all->running)
		deliver_again(all->running);
	list_for_each(l, &all->ended)
		deliver_again(list_entry(l, struct task, link));
	more = let_go(all);
	vars_registered(e);
	health_tell(e);
	deliver_all(e);
	tasks_next(e);
	return more;
}

void tasks_abort(struct engine *e, struct bytes msg_id)
{
	struct tasks *all = &e->tasks;
	struct task *t = tasks_find(all, msg_id);

	if (t) {
		if (t->state == STATE_PENDING)
			task_abort(t);
		return;
	}
	if (msg_id.n > MSG_ID_SIZE * 4)
		return;
	if (all->aborted.n >= LIMIT_ABORTED)
		forget_aborted(all);
	map_put(&all->aborted, msg_id, all);
}

void tasks_abort_waiting(struct engine *e)
{
	struct list *l, *tmp;

	list_for_each_safe(l, tmp, &e->tasks.waiting) {
		struct task *t = list_entry(l, struct task, link);

		if (!t->extended)
			task_abort(t);
	}
}
