#include "task.h"
#include "engine.h"
#include "wire/messages.h"

/* msg_ids to abort that have not arrived: so many of the last ones are known. */
#define LIMIT_ABORTED 131072

/* --- one task ----------------------------------------------------------- */

static uint64_t request_bytes(const struct msg *m)
{
	uint64_t n = 0;
	unsigned i;

	for (i = 0; i < m->frames; i++)
		n += msg_frame(m, i).n;
	return n;
}

struct task *task_new(struct engine *e, enum channel c, bool extended,
		      struct msg *m)
{
	struct tasks *all = &e->tasks;
	struct task *t = zalloc(sizeof(*t));

	list_init(&t->link);
	t->engine = e;
	t->channel = c;
	t->state = STATE_PENDING;
	t->apply = strcmp(m->type, MSG_APPLY_REQUEST) == 0;
	t->extended = extended;
	t->silent = json_bool_or(m->content, "silent", false);
	t->stop_on_error = json_bool_or(m->content, "stop_on_error", true);
	t->bytes = request_bytes(m);
	t->exit_status = -1;
	t->request = *m;
	*m = (struct msg){0};
	run_init(&t->run, &e->runner);
	map_put(&all->by_id, bytes_str(t->request.id), t);
	list_add_tail(&all->waiting, &t->link);
	all->nwaiting++;
	all->bytes += t->bytes;
	return t;
}

/* Out of `waiting`, or of `ended`. */
static void leave_list(struct task *t)
{
	struct tasks *all = &t->engine->tasks;

	list_del(&t->link);
	if (t->state == STATE_PENDING) {
		all->nwaiting--;
		all->bytes -= t->bytes;
	} else {
		all->nended--;
	}
}

void task_to_running(struct task *t)
{
	struct tasks *all = &t->engine->tasks;

	assert(!all->running);
	leave_list(t);
	all->running = t;
	t->state = state_next(t->state, EVENT_START);
	t->count = ++all->count;
}

void task_to_ended(struct task *t, enum state_event event)
{
	struct tasks *all = &t->engine->tasks;

	if (all->running == t)
		all->running = NULL;
	else
		leave_list(t);
	t->state = state_next(t->state, event);
	assert(state_is_final(t->state));
	list_add_tail(&all->ended, &t->link);
	all->nended++;
	timer_cancel(&t->flush_timer);
}

void task_free(struct task *t)
{
	struct tasks *all = &t->engine->tasks;

	assert(all->running != t);
	leave_list(t);
	map_remove(&all->by_id, bytes_str(t->request.id));
	timer_cancel(&t->flush_timer);
	run_done(&t->run);
	msg_done(&t->request);
	json_object_put(t->traceback);
	free(t->evalue);
	free(t->cwd);
	free(t);
}

/* --- all of them -------------------------------------------------------- */

void tasks_init(struct tasks *all)
{
	*all = (struct tasks){0};
	list_init(&all->waiting);
	list_init(&all->ended);
}

void tasks_done(struct tasks *all)
{
	assert(!all->running);
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

void tasks_abort_later(struct tasks *all, struct bytes msg_id)
{
	if (msg_id.n > MSG_ID_SIZE * 4)
		return;
	/* Those that were known when there were as many are forgotten. */
	if (all->aborted.n >= LIMIT_ABORTED) {
		map_done(&all->aborted_before);
		all->aborted_before = all->aborted;
		all->aborted = (struct map){0};
	}
	map_put(&all->aborted, msg_id, all);
}

bool tasks_was_aborted(struct tasks *all, struct bytes msg_id)
{
	return map_remove(&all->aborted, msg_id) ||
	       map_remove(&all->aborted_before, msg_id);
}

struct task *tasks_find(const struct tasks *all, struct bytes msg_id)
{
	return map_get(&all->by_id, msg_id);
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
