#include "group.h"
#include "detail.h"

static bool is_fresh(const struct task *t)
{
	return t->state == STATE_PENDING && !t->attempt && !t->held;
}

/* A map that waits has none of its own, and may have a million tasks. */
static void keep_task(struct group *g, uint32_t i, const struct task *t)
{
	uint32_t k, b = i / GROUP_BLOCK, n = group_block_size(g, b);
	struct task **tasks = &g->block[b].task;

	if (!*tasks && is_fresh(t))
		return;
	if (!*tasks) {
		*tasks = xreallocarray(NULL, n, sizeof(**tasks));
		for (k = 0; k < n; k++)
			(*tasks)[k] = task_fresh;
	}
	(*tasks)[i % GROUP_BLOCK] = *t;
}

/* The tasks, and the blocks, from these on are new. */
static void init_blocks(struct group *g, uint32_t from, uint32_t block)
{
	uint32_t i;

	g->nblocks = (g->n + GROUP_BLOCK - 1) / GROUP_BLOCK;
	g->block = xreallocarray(g->block, g->nblocks, sizeof(*g->block));
	for (i = block; i < g->nblocks; i++)
		g->block[i] = (struct block){.known = true};
	g->attempt_digits += g->n - from;
}

struct group *group_new(struct mirror *m, struct result *r, uint32_t n)
{
	struct group *g = zalloc(sizeof(*g));
	uint32_t i;

	g->mirror = m;
	g->result = r;
	g->n = n;
	init_blocks(g, 0, 0);
	for (i = 0; i < OFFSETS; i++)
		offsets_init(&g->offsets[i], (enum offsets_of)i);
	list_init(&g->unread);
	return g;
}

/* The last block has room for more. */
static void grow_usage(struct block *b, uint32_t was, uint32_t n)
{
	if (!b->usage)
		return;
	b->usage = xreallocarray(b->usage, n, sizeof(*b->usage));
	for (; was < n; was++)
		b->usage[was] = USAGE_UNKNOWN;
}

static void grow_tasks(struct block *b, uint32_t was, uint32_t n)
{
	if (!b->task)
		return;
	b->task = xreallocarray(b->task, n, sizeof(*b->task));
	for (; was < n; was++)
		b->task[was] = task_fresh;
}

/* Where items are is asked for again: of the last block, and of all blocks. */
static void forget_last_items(struct group *g, uint32_t last, uint32_t nblocks)
{
	uint32_t b;

	group_set_grown(g, NULL);
	if (!g->items)
		return;
	g->items = xreallocarray(g->items, nblocks, sizeof(*g->items));
	for (b = last + 1; b < nblocks; b++)
		g->items[b] = NULL;
	free(g->items[last]);
	g->items[last] = NULL;
}

void group_grow(struct group *g, uint32_t n)
{
	uint32_t from = g->n, last = g->nblocks - 1, blocks = g->nblocks;
	uint32_t was = group_block_size(g, last);

	if (n <= from)
		return;
	forget_last_items(g, last, (n + GROUP_BLOCK - 1) / GROUP_BLOCK);
	g->n = n;
	init_blocks(g, from, blocks);
	grow_tasks(&g->block[last], was, group_block_size(g, last));
	grow_usage(&g->block[last], was, group_block_size(g, last));
	g->block[last].lines = 0;
}

static void free_waiting(struct group *g)
{
	struct map_iter it = {0};

	while (map_next(&g->waiting, &it)) {
		waitq_wake(g->mirror->park, it.value);
		free(it.value);
	}
	map_done(&g->waiting);
}

static void free_items(struct group *g)
{
	uint32_t i;

	for (i = 0; g->items && i < g->nblocks; i++)
		free(g->items[i]);
	free(g->items);
}

void group_free(struct group *g)
{
	uint32_t u;
	int i;

	if (!g)
		return;
	list_del(&g->unread);
	free_waiting(g);
	details_drop_all(g);
	for (i = 0; i < OFFSETS; i++)
		offsets_done(&g->offsets[i]);
	free_items(g);
	for (u = 0; u < g->nblocks; u++) {
		free(g->block[u].usage);
		free(g->block[u].task);
	}
	free(g->grown);
	free(g->share);
	free(g->done);
	free(g->block);
	free(g);
}

/* --- items -------------------------------------------------------------- */

const uint32_t *group_items(const struct group *g, uint32_t i)
{
	const uint32_t *at = g->items ? g->items[i / GROUP_BLOCK] : NULL;

	return at ? at + i % GROUP_BLOCK : NULL;
}

void group_set_items(struct group *g, uint32_t block, const uint32_t *at)
{
	size_t n = (group_block_size(g, block) + 1) * sizeof(*at);

	if (!g->items)
		g->items = zalloc(g->nblocks * sizeof(*g->items));
	free(g->items[block]);
	g->items[block] = xmalloc(n);
	memcpy(g->items[block], at, n);
}

void group_set_grown(struct group *g, uint64_t *grown)
{
	free(g->grown);
	g->grown = grown;
}

/* --- engines ------------------------------------------------------------ */

/* The place of the first share of an engine with that id or a higher one. */
static uint32_t lower(const struct group *g, int64_t engine)
{
	uint32_t from = 0, to = g->nshares;

	while (from < to) {
		uint32_t mid = from + (to - from) / 2;

		if (g->share[mid].engine < engine)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

const struct share *group_share(const struct group *g, int64_t engine)
{
	uint32_t i = lower(g, engine);

	return i < g->nshares && g->share[i].engine >= engine ? &g->share[i]
							       : NULL;
}

static void join(struct group *g, int32_t engine)
{
	uint32_t i = lower(g, engine);

	if (i < g->nshares && g->share[i].engine == engine) {
		g->share[i].n++;
		return;
	}
	g->share = xreallocarray(g->share, g->nshares + 1, sizeof(*g->share));
	memmove(g->share + i + 1, g->share + i,
		(g->nshares - i) * sizeof(*g->share));
	g->share[i] = (struct share){engine, 1};
	g->nshares++;
}

static void leave(struct group *g, int32_t engine)
{
	uint32_t i = lower(g, engine);

	assert(i < g->nshares && g->share[i].engine == engine);
	if (--g->share[i].n)
		return;
	g->nshares--;
	memmove(g->share + i, g->share + i + 1,
		(g->nshares - i) * sizeof(*g->share));
}

/* --- changes ------------------------------------------------------------ */

static void note_end(struct group *g, uint32_t i)
{
	if (g->ndone == g->done_room) {
		g->done_room = min_u64(g->done_room ? g->done_room * 2ULL : 16,
				       g->n);
		g->done = xreallocarray(g->done, g->done_room,
					sizeof(*g->done));
	}
	g->done[g->ndone++] = i;
}

static void note_failure(struct group *g, uint32_t i)
{
	uint32_t at = g->nfailed;

	while (at && g->failed[at - 1] > i)
		at--;
	if (at == GROUP_ERRORS)
		return;
	if (g->nfailed < GROUP_ERRORS)
		g->nfailed++;
	memmove(g->failed + at + 1, g->failed + at,
		(g->nfailed - 1 - at) * sizeof(*g->failed));
	g->failed[at] = i;
}

static void wake(struct group *g, uint32_t i)
{
	struct waitq *q = g->waiting.n ? map_remove_u64(&g->waiting, i) : NULL;

	if (!q)
		return;
	waitq_wake(g->mirror->park, q);
	free(q);
}

static bool is_other_try(const struct task *a, const struct task *b)
{
	return a->state != b->state || a->attempt != b->attempt ||
	       a->engine != b->engine;
}

/* How many digits of the task the lists of results/task_lines.c show. */
static unsigned exit_digits(const struct task *t)
{
	if (t->exit_status < 0)
		return 0;
	return offsets_number_size((uint32_t)t->exit_status) - 1;
}

static unsigned attempt_digits(const struct task *t)
{
	return offsets_number_size(t->attempt ? t->attempt : 1) - 1;
}

static void count(struct group *g, const struct task *old,
		  const struct task *t)
{
	g->tries += (uint64_t)t->attempt - old->attempt;
	g->exit_digits += (uint64_t)exit_digits(t) - exit_digits(old);
	g->attempt_digits += (uint64_t)attempt_digits(t) - attempt_digits(old);
}

/* Tells who watches results/<id>/<n>. Nobody can before that was looked up. */
static void note_change(struct group *g, uint32_t i, const struct task *old,
			const struct task *t)
{
	static const unsigned grew[STREAM_OUTPUTS] = {
		[STREAM_STDOUT] = NOTE_STDOUT,
		[STREAM_STDERR] = NOTE_STDERR,
		[STREAM_DATA] = NOTE_DATA,
	};
	unsigned what = 0;
	int s;

	if (!g->seen)
		return;
	if (old->state != t->state)
		what |= NOTE_STATUS;
	if (state_is_final((enum state)t->state))
		what |= NOTE_END | NOTE_PROGRESS;
	for (s = 0; s < STREAM_OUTPUTS; s++)
		if (old->size[s] != t->size[s])
			what |= grew[s];
	mirror_note_task(g->mirror, g->result, i, what);
}

struct usage group_usage(const struct group *g, uint32_t i)
{
	const struct usage *u = g->block[i / GROUP_BLOCK].usage;

	return u ? u[i % GROUP_BLOCK] : USAGE_UNKNOWN;
}

static void set_usage(struct group *g, uint32_t i, const struct usage *u)
{
	struct block *b = &g->block[i / GROUP_BLOCK];
	uint32_t k, n = group_block_size(g, i / GROUP_BLOCK);

	if (!b->usage && u->user < 0)
		return;
	if (!b->usage) {
		b->usage = xreallocarray(NULL, n, sizeof(*b->usage));
		for (k = 0; k < n; k++)
			b->usage[k] = USAGE_UNKNOWN;
	}
	b->usage[i % GROUP_BLOCK] = *u;
}

static void set(struct group *g, uint32_t i, const struct task *t,
		const struct usage *u)
{
	const struct task *old = group_task(g, i);

	if (state_is_final((enum state)old->state))
		return;
	if (old->engine != t->engine) {
		if (old->engine >= 0)
			leave(g, old->engine);
		if (t->engine >= 0)
			join(g, t->engine);
	}
	if (g->details.n && is_other_try(old, t))
		detail_drop(g, i);
	count(g, old, t);
	note_change(g, i, old, t);
	g->block[i / GROUP_BLOCK].lines = 0;
	keep_task(g, i, t);
	set_usage(g, i, u);
	if (state_is_final((enum state)t->state)) {
		note_end(g, i);
		recent_add(&g->mirror->recent, g->result, i, t);
	}
	if (t->state == STATE_ERROR)
		note_failure(g, i);
	wake(g, i);
}

void group_change(struct group *g, uint32_t i, const struct task *t,
		  const struct usage *u, uint64_t seq)
{
	struct block *b = &g->block[i / GROUP_BLOCK];

	if (!b->known)
		b->missed = max_u64(b->missed, seq);
	else if (seq > b->seq)
		set(g, i, t, u);
}

void group_end_rest(struct group *g, const struct rest *rest, uint64_t seq)
{
	struct task t = {
		.engine = -1,
		.exit_status = -1,
		.signal = -1,
		.state = (uint8_t)rest->state,
		.completed = rest->when,
		.received = rest->when,
		.elapsed = rest->elapsed,
		.timed_out = rest->timed_out,
	};
	uint32_t i;

	for (i = rest->from; i < g->n; i++)
		group_change(g, i, &t, &USAGE_UNKNOWN, seq);
}

static const struct group *sorted; /* by_time()'s */

static int by_time(const void *a, const void *b)
{
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	int64_t s = group_task(sorted, i)->elapsed, t = group_task(sorted, j)->elapsed;

	if (s != t)
		return s < t ? -1 : 1;
	return i < j ? -1 : i > j;
}

void group_sort(const struct group *g, uint32_t *index, uint32_t n)
{
	uint32_t i;

	sorted = g;
	for (i = 1; i < n; i++)
		if (by_time(&index[i - 1], &index[i]) > 0)
			break;
	if (i < n)
		qsort(index, n, sizeof(*index), by_time);
}

/*
 * What became known by reading blocks is put in order when they are all
 * there; until then nobody is told of it.
 */
static void become_known(struct group *g)
{
	uint32_t told = g->offsets[OFFSETS_NUMBERS].next;

	told = max_u64(told, g->offsets[OFFSETS_OUTPUT_DONE].next);
	list_del(&g->unread);
	group_sort(g, g->done + told, g->ndone - told);
	waitq_wake(g->mirror->park, &g->result->waitq);
}

bool group_fill(struct group *g, uint32_t block, const struct task *t,
		const struct usage *u, uint32_t n, uint64_t seq)
{
	struct block *b = &g->block[block];
	uint32_t from = block * GROUP_BLOCK, i;

	if (b->known)
		return true;
	if (seq < b->missed)
		return false;
	assert(from + n <= g->n);
	for (i = 0; i < n; i++)
		set(g, from + i, &t[i], &u[i]);
	b->seq = seq;
	b->missed = 0;
	b->known = true;
	if (--g->unknown == 0)
		become_known(g);
	return true;
}

static bool has_ended(const struct group *g, uint32_t block)
{
	uint32_t i = block * GROUP_BLOCK;
	uint32_t end = (uint32_t)min_u64(g->n, i + (uint64_t)GROUP_BLOCK);

	for (; i < end; i++)
		if (!state_is_final((enum state)group_task(g, i)->state))
			return false;
	return true;
}

void group_doubt(struct group *g, uint64_t seq)
{
	const struct result *r = g->result;
	uint32_t b;

	if (result_is_single(g->result) || (!r->started && r->count[STATE_PENDING] == g->n))
		return; /* the result says it all */
	for (b = 0; b < g->nblocks; b++) {
		if (g->block[b].known && has_ended(g, b))
			continue;
		g->unknown += g->block[b].known;
		g->block[b].known = false;
		g->block[b].missed = max_u64(g->block[b].missed, seq);
	}
	if (g->unknown && list_empty(&g->unread))
		list_add_tail(&g->mirror->unread, &g->unread);
}

void group_forget_numbers(struct group *g)
{
	uint32_t b;

	for (b = 0; b < g->nblocks; b++)
		g->block[b].seq = g->block[b].missed = 0;
}

struct waitq *group_waitq(struct group *g, uint32_t i)
{
	struct waitq *q = map_get_u64(&g->waiting, i);

	if (q)
		return q;
	q = xmalloc(sizeof(*q));
	waitq_init(q);
	map_put_u64(&g->waiting, i, q);
	return q;
}

uint32_t group_failed(const struct group *g, uint32_t ret_i[GROUP_ERRORS])
{
	uint32_t n = (uint32_t)min_u64(g->result->count[STATE_ERROR],
				       g->nfailed);

	memcpy(ret_i, g->failed, n * sizeof(*ret_i));
	return n;
}
