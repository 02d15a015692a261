#include "base/base.h"
#include "group.h"

unsigned offsets_number_size(uint32_t n)
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
	return offsets_number_size(i);
}

static const struct {
	bool (*ready)(const struct task *t);
	uint64_t (*bytes)(const struct task *t, uint32_t i);
	bool as_done;	/* the tasks in the order in which they ended */
	bool tail;	/* what a task that is not ready wrote can be shown */
} kinds[OFFSETS] = {
	[OFFSETS_VALUE] = {is_ok, value_bytes, false, false},
	[OFFSETS_STDOUT] = {has_ended, stdout_bytes, false, true},
	[OFFSETS_STDERR] = {has_ended, stderr_bytes, false, true},
	[OFFSETS_DATA] = {has_ended, data_bytes, false, true},
	[OFFSETS_OUTPUT] = {has_ended, output_bytes, false, false},
	[OFFSETS_OUTPUT_DONE] = {has_ended, output_bytes, true, false},
	[OFFSETS_NUMBERS] = {has_ended, number_bytes, true, false},
};

void offsets_init(struct offsets *l, enum offsets_of of)
{
	*l = (struct offsets){.of = of};
}

void offsets_done(struct offsets *l)
{
	free(l->before);
	*l = (struct offsets){.of = l->of};
}

uint32_t offsets_task(const struct offsets *l, const struct group *g,
		      uint32_t place)
{
	if (l->order)
		return l->order[place];
	return kinds[l->of].as_done ? g->done[place] : place;
}

/* Bytes at a place. */
static uint64_t size_at(const struct offsets *l, const struct group *g,
			uint32_t place)
{
	uint32_t i = offsets_task(l, g, place);

	return kinds[l->of].bytes(group_task(g, i), i);
}

static void note_sum(struct offsets *l)
{
	uint32_t k = l->next / OFFSETS_STEP;

	if (k == l->room) {
		l->room = l->room ? l->room * 2 : 4;
		l->before = xreallocarray(l->before, l->room,
					  sizeof(*l->before));
	}
	l->before[k] = l->bytes;
}

uint64_t offsets_grow(struct offsets *l, const struct group *g)
{
	uint32_t end = kinds[l->of].as_done ? g->ndone : g->n;

	/* A task that is not known yet may be in any state. */
	if (!group_is_known(g))
		return l->bytes;
	for (; l->next < end; l->next++) {
		uint32_t i = offsets_task(l, g, l->next);

		if (!kinds[l->of].ready(group_task(g, i)))
			break;
		if (l->next % OFFSETS_STEP == 0)
			note_sum(l);
		l->bytes += kinds[l->of].bytes(group_task(g, i), i);
	}
	return l->bytes;
}

uint64_t offsets_tail(const struct offsets *l, const struct group *g)
{
	if (!kinds[l->of].tail || !group_is_known(g) || l->next == g->n)
		return 0;
	return size_at(l, g, l->next);
}

uint32_t offsets_find(const struct offsets *l, const struct group *g,
		      uint64_t off, uint64_t *ret_start)
{
	uint32_t to = (l->next + OFFSETS_STEP - 1) / OFFSETS_STEP;
	uint32_t from = 0, place;
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
	for (place = from * OFFSETS_STEP;; place++) {
		assert(place < l->next);
		n = size_at(l, g, place);
		if (off < at + n)
			break;
		at += n;
	}
	*ret_start = at;
	return place;
}
