#include "base/base.h"
#include "items.h"

uint64_t items_count(struct bytes block)
{
	const char *p = block.p;
	uint64_t n = 0;
	size_t i;

	if (block.n == 0 || p[block.n - 1] != '\0')
		return 0;
	for (i = 0; i < block.n; i++)
		n += p[i] == '\0';
	return n;
}

void items_index(struct result *r)
{
	if (r->items.n)
		items_index_from(r, 0);
}

void items_index_from(struct result *r, uint64_t task)
{
	uint32_t at = task ? r->item_at[task] : 0;
	const char *p = r->items.p + at, *end = r->items.p + r->items.n;
	uint64_t i = 0;

	r->item_at = xreallocarray(r->item_at, r->ntasks + 1, sizeof(*r->item_at));
	for (; p < end && task < r->ntasks; i++) {
		if (i % r->chunk == 0)
			r->item_at[task++] = (uint32_t)(p - r->items.p);
		p = memchr(p, '\0', (size_t)(end - p));
		p++;
	}
	r->item_at[r->ntasks] = (uint32_t)r->items.n;
}

struct bytes items_of(const struct result *r, uint64_t index)
{
	uint32_t from;

	if (!r->item_at)
		return bytes_of(NULL, 0);
	from = r->item_at[index];
	return bytes_of(r->items.p + from, r->item_at[index + 1] - from);
}

void items_free(struct result *r)
{
	buf_done(&r->items);
	free(r->item_at);
	r->item_at = NULL;
}
