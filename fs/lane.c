#include "base/base.h"
#include "group.h"

unsigned lane_digits(uint32_t n)
{
	unsigned d = 2; /* a digit and the newline */

	while (n >= 10) {
		n /= 10;
		d++;
	}
	return d;
}

static bool is_ok(const struct task *t)
{
	return t->state == STATE_OK;
}

static bool has_ended(const struct task *t)
{
	return state_is_final((enum state)t->state);
}

static uint64_t value_bytes(const struct task *t, uint32_t i)
{
	(void)i;
	return task_size(t, STREAM_VALUE);
}

static uint64_t stdout_bytes(const struct task *t, uint32_t i)
{
	(void)i;
	return t->size[STREAM_STDOUT];
}

static uint64_t stderr_bytes(const struct task *t, uint32_t i)
{
	(void)i;
	return t->size[STREAM_STDERR];
}

static uint64_t data_bytes(const struct task *t, uint32_t i)
{
	(void)i;
	return t->size[STREAM_DATA];
}

static uint64_t output_bytes(const struct task *t, uint32_t i)
{
	(void)i;
	return t->size[STREAM_STDOUT] + t->size[STREAM_STDERR];
}

static uint64_t number_bytes(const struct task *t, uint32_t i)
{
	(void)t;
	return lane_digits(i);
}

static const struct {
	bool (*ready)(const struct task *t);
	uint64_t (*bytes)(const struct task *t, uint32_t i);
	bool as_done;	/* the tasks in the order in which they ended */
	bool tail;	/* what a task that is not ready wrote can be shown */
} kinds[LANES] = {
	[LANE_VALUE] = {is_ok, value_bytes, false, false},
	[LANE_STDOUT] = {has_ended, stdout_bytes, false, true},
	[LANE_STDERR] = {has_ended, stderr_bytes, false, true},
	[LANE_DATA] = {has_ended, data_bytes, false, true},
	[LANE_OUTPUT] = {has_ended, output_bytes, false, false},
	[LANE_OUTPUT_DONE] = {has_ended, output_bytes, true, false},
	[LANE_NUMBERS] = {has_ended, number_bytes, true, false},
};

void lane_init(struct lane *l, enum lane_of of)
{
	*l = (struct lane){.of = of};
}

void lane_done(struct lane *l)
{
	free(l->before);
	*l = (struct lane){.of = l->of};
}

uint32_t lane_task(const struct lane *l, const struct group *g,
		   uint32_t place)
{
	if (l->order)
		return l->order[place];
	return kinds[l->of].as_done ? g->done[place] : place;
}

uint64_t lane_size(const struct lane *l, const struct group *g,
		   uint32_t place)
{
	uint32_t i = lane_task(l, g, place);

	return kinds[l->of].bytes(&g->task[i], i);
}

static void note_sum(struct lane *l)
{
	uint32_t k = l->next / LANE_STEP;

	if (k == l->room) {
		l->room = l->room ? l->room * 2 : 4;
		l->before = xreallocarray(l->before, l->room,
					  sizeof(*l->before));
	}
	l->before[k] = l->bytes;
}

uint64_t lane_grow(struct lane *l, const struct group *g)
{
	uint32_t end = kinds[l->of].as_done ? g->ndone : g->n;

	/* A task that is not known yet may be in any state. */
	if (!group_is_known(g))
		return l->bytes;
	for (; l->next < end; l->next++) {
		uint32_t i = lane_task(l, g, l->next);

		if (!kinds[l->of].ready(&g->task[i]))
			break;
		if (l->next % LANE_STEP == 0)
			note_sum(l);
		l->bytes += kinds[l->of].bytes(&g->task[i], i);
	}
	return l->bytes;
}

uint64_t lane_tail(const struct lane *l, const struct group *g)
{
	if (!kinds[l->of].tail || !group_is_known(g) || l->next == g->n)
		return 0;
	return lane_size(l, g, l->next);
}

uint32_t lane_find(const struct lane *l, const struct group *g, uint64_t off,
		   uint64_t *ret_start)
{
	uint32_t from = 0, to = (l->next + LANE_STEP - 1) / LANE_STEP, place;
	uint64_t at, n;

	assert(off < l->bytes);
	while (to - from > 1) {
		uint32_t mid = from + (to - from) / 2;

		if (l->before[mid] <= off)
			from = mid;
		else
			to = mid;
	}
	at = l->before[from];
	for (place = from * LANE_STEP;; place++) {
		assert(place < l->next);
		n = lane_size(l, g, place);
		if (off < at + n)
			break;
		at += n;
	}
	*ret_start = at;
	return place;
}
