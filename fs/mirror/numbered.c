#include "numbered.h"
#include "mirror.h"

struct numbered_text {
	struct list used;
	uint32_t id;
	size_t n;
	char p[];
};

void numbered_init(struct numbered *t, size_t most)
{
	*t = (struct numbered){.most = most};
	list_init(&t->used);
}

static void forget(struct numbered *t, struct numbered_text *x)
{
	map_remove(&t->by_text, bytes_of(x->p, x->n));
	index_remove(&t->by_id, x->id);
	list_del(&x->used);
	free(x);
}

void numbered_done(struct numbered *t)
{
	while (!list_empty(&t->used))
		forget(t, list_first(&t->used, struct numbered_text, used));
	map_done(&t->by_text);
	index_done(&t->by_id);
}

static void touch(struct numbered *t, struct numbered_text *x)
{
	list_del(&x->used);
	list_add_tail(&t->used, &x->used);
}

static uint32_t new_id(struct numbered *t)
{
	do {
		t->last = t->last < MIRROR_MAX_ID ? t->last + 1 : 1;
	} while (index_get(&t->by_id, t->last));
	return t->last;
}

uint32_t numbered_put(struct numbered *t, struct bytes text)
{
	struct numbered_text *x = map_get(&t->by_text, text);

	if (x) {
		touch(t, x);
		return x->id;
	}
	if (index_count(&t->by_id) >= t->most)
		forget(t, list_first(&t->used, struct numbered_text, used));
	x = zalloc(sizeof(*x) + text.n);
	memcpy(x->p, text.p, text.n);
	x->n = text.n;
	x->id = new_id(t);
	map_put(&t->by_text, text, x);
	index_put(&t->by_id, x->id, x);
	list_add_tail(&t->used, &x->used);
	return x->id;
}

uint32_t numbered_find(const struct numbered *t, struct bytes text)
{
	const struct numbered_text *x = map_get(&t->by_text, text);

	return x ? x->id : 0;
}

bool numbered_get(struct numbered *t, uint32_t id, struct bytes *ret_text)
{
	struct numbered_text *x = index_get(&t->by_id, id);

	if (!x)
		return false;
	touch(t, x);
	*ret_text = bytes_of(x->p, x->n);
	return true;
}
