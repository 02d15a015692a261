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
	struct json_object *ours = NULL;

	list_init(&t->link);
	t->engine = e;
	t->channel = c;
	t->direct = c != CHANNEL_TASK;
	t->arrived = ++all->arrived;
	t->state = STATE_PENDING;
	t->apply = strcmp(m->type, MSG_APPLY_REQUEST) == 0;
	t->extended = extended;
	if (extended)
		ours = json_get_object(m->metadata, "taskfs");
	t->ahead = json_bool_or(ours, "ahead", false);
	t->number = json_int_or(ours, "number", 0);
	t->cpus = amounts_of_task(&t->need, ours);
	t->silent = json_bool_or(m->content, "silent", false);
	t->stop_on_error = json_bool_or(m->content, "stop_on_error", true);
	t->bytes = request_bytes(m);
	t->exit_status = -1;
	t->request = *m;
	*m = (struct msg){0};
	run_init(&t->run, &e->runner);
	map_put(&all->by_id, bytes_str(t->request.id), t);
	list_add_tail(&all->waiting[t->direct], &t->link);
	all->nwaiting++;
	all->bytes += t->bytes;
	return t;
}

bool task_fits(const struct task *t, bool ever)
{
	const struct tasks *all = &t->engine->tasks;

	return t->cpus <= all->slots - (ever ? 0 : all->used) &&
	       stock_has(&all->stock, &t->need, ever);
}

static void take_slots(struct task *t)
{
	struct tasks *all = &t->engine->tasks;
	unsigned i;

	for (i = 0; i < t->cpus; i++) {
		while (all->slot[all->free])
			all->free++;
		if (!i)
			t->slot = all->free;
		all->slot[all->free++] = t;
	}
	all->used += t->cpus;
	stock_take(&all->stock, &t->need, t);
	all->nrunning++;
	all->direct_runs |= t->direct;
}

static void give_slots_back(struct task *t)
{
	struct tasks *all = &t->engine->tasks;
	unsigned i, left = t->cpus;

	for (i = t->slot; left; i++) {
		if (all->slot[i] != t)
			continue;
		all->slot[i] = NULL;
		left--;
	}
	all->used -= t->cpus;
	stock_give(&all->stock, &t->need, t);
	all->free = (unsigned)min_u64(all->free, t->slot);
	all->nrunning--;
	all->direct_runs &= !t->direct;
}

/* Out of the list of its state. */
static void leave_list(struct task *t)
{
	struct tasks *all = &t->engine->tasks;

	list_del(&t->link);
	if (t->state == STATE_PENDING) {
		all->nwaiting--;
		all->bytes -= t->bytes;
	} else if (t->state == STATE_RUNNING) {
		give_slots_back(t);
	} else {
		all->nended--;
		all->files -= t->files;
	}
}

void task_to_running(struct task *t)
{
	struct tasks *all = &t->engine->tasks;

	leave_list(t);
	take_slots(t);
	list_add_tail(&all->running, &t->link);
	t->state = state_next(t->state, EVENT_START);
	t->count = ++all->count;
}

void task_to_ended(struct task *t, enum state_event event)
{
	struct tasks *all = &t->engine->tasks;

	leave_list(t);
	t->state = state_next(t->state, event);
	assert(state_is_final(t->state));
	list_add_tail(&all->ended, &t->link);
	all->nended++;
	t->files = run_files(&t->run);
	all->files += t->files;
	timer_cancel(&t->flush_timer);
}

void task_free(struct task *t)
{
	struct tasks *all = &t->engine->tasks;

	assert(t->state != STATE_RUNNING);
	leave_list(t);
	map_remove(&all->by_id, bytes_str(t->request.id));
	all->untold -= t->untold;
	timer_cancel(&t->flush_timer);
	run_done(&t->run);
	msg_done(&t->request);
	json_object_put(t->traceback);
	free(t->evalue);
	free(t->cwd);
	amounts_done(&t->need);
	free(t);
}

/* --- all of them -------------------------------------------------------- */

void tasks_init(struct tasks *all, size_t slots, const struct resources *r)
{
	*all = (struct tasks){.slots = slots};
	all->slot = zalloc(slots * sizeof(*all->slot));
	stock_init(&all->stock, r);
	list_init(&all->waiting[false]);
	list_init(&all->waiting[true]);
	list_init(&all->running);
	list_init(&all->ended);
}

static void free_all(struct list *list)
{
	while (!list_empty(list))
		task_free(list_first(list, struct task, link));
}

void tasks_done(struct tasks *all)
{
	assert(list_empty(&all->running));
	free_all(&all->waiting[false]);
	free_all(&all->waiting[true]);
	free_all(&all->ended);
	free(all->slot);
	free(all->processor);
	stock_done(&all->stock);
	timer_cancel(&all->again);
	work_cancel(&all->more);
	map_done(&all->by_id);
	map_done(&all->unwanted);
	map_done(&all->unwanted_before);
	map_done(&all->answered);
}

/* What the maps have for each kind. */
static enum unwanted kinds[] = {UNWANTED_NOT, UNWANTED_ABORT, UNWANTED_AHEAD};

void tasks_unwanted_later(struct tasks *all, struct bytes msg_id,
			  enum unwanted how)
{
	if (msg_id.n > MSG_ID_SIZE * 4)
		return;
	/* Those that were known when there were as many are forgotten. */
	if (all->unwanted.n >= LIMIT_ABORTED) {
		map_done(&all->unwanted_before);
		all->unwanted_before = all->unwanted;
		all->unwanted = (struct map){0};
	}
	map_put(&all->unwanted, msg_id, &kinds[how]);
}

enum unwanted tasks_unwanted(struct tasks *all, struct bytes msg_id)
{
	enum unwanted *how = map_remove(&all->unwanted, msg_id);

	if (!how)
		how = map_remove(&all->unwanted_before, msg_id);
	return how ? *how : UNWANTED_NOT;
}

struct task *tasks_find(const struct tasks *all, struct bytes msg_id)
{
	return map_get(&all->by_id, msg_id);
}

uint64_t tasks_unstored(const struct tasks *all)
{
	const struct list *l;
	uint64_t oldest = UINT64_MAX;

	list_for_each(l, &all->ended) {
		const struct task *t = list_entry(l, struct task, link);

		if (t->extended && t->told)
			oldest = min_u64(oldest, t->told);
	}
	return oldest == UINT64_MAX ? 0 : mono_usec() - oldest;
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

static void push_ids(struct json_object *list, struct json_object *relayed,
		     const struct list *tasks)
{
	const struct list *l;

	list_for_each(l, tasks) {
		struct task *t = list_entry(l, struct task, link);

		t->named |= t->state == STATE_PENDING;
		/* One that was answered before the break may have been lost with
		 * it. */
		if (!t->unwanted && !t->replied)
			json_push(t->extended ? list : relayed,
				  json_object_new_string(t->request.id));
	}
}

void tasks_hold_ahead(struct tasks *all, struct json_object *ret_ids)
{
	struct list *l;

	list_for_each(l, &all->waiting[false]) {
		struct task *t = list_entry(l, struct task, link);

		if (!t->ahead)
			continue;
		t->held = t->named = true;
		json_push(ret_ids, json_text(bytes_str(t->request.id)));
	}
}

void tasks_list(struct tasks *all, struct json_object *running,
		struct json_object *finished, struct json_object *relayed)
{
	struct map_iter it = {0};

	while (map_next(&all->answered, &it))
		json_push(relayed, json_text(it.key));
	push_ids(running, relayed, &all->running);
	push_ids(running, relayed, &all->waiting[false]);
	push_ids(running, relayed, &all->waiting[true]);
	push_ids(finished, relayed, &all->ended);
}
