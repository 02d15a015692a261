#include "stock.h"

void stock_init(struct stock *s, const struct resources *r)
{
	size_t i;

	*s = (struct stock){.n = r->n};
	for (i = 0; i < r->n; i++) {
		const struct resource *of = &r->of[i];

		s->of[i].resource = of;
		if (of->label)
			s->of[i].owner = zalloc((size_t)of->n *
						sizeof(*s->of[i].owner));
	}
}

void stock_done(struct stock *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		free(s->of[i].owner);
	s->n = 0;
}

static struct stock_item *find(const struct stock *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (strcmp(s->of[i].resource->name, name) == 0)
			return (struct stock_item *)(uintptr_t)&s->of[i];
	return NULL;
}

bool stock_has(const struct stock *s, const struct amounts *need, bool ever)
{
	size_t i;

	for (i = 0; i < need->n; i++) {
		const struct stock_item *item = find(s, need->of[i].name);

		if (!item || item->resource->n - (ever ? 0 : item->used) <
				     need->of[i].n)
			return false;
	}
	return true;
}

/* n of the labels that `from` has are `to`'s now. */
static void hand_over(struct stock_item *item, int64_t n, const void *from,
		      const void *to)
{
	int64_t i;

	for (i = 0; item->owner && n && i < item->resource->n; i++) {
		if (item->owner[i] != from)
			continue;
		item->owner[i] = to;
		n--;
	}
}

void stock_take(struct stock *s, const struct amounts *need, const void *owner)
{
	size_t i;

	for (i = 0; i < need->n; i++) {
		struct stock_item *item = find(s, need->of[i].name);

		item->used += need->of[i].n;
		hand_over(item, need->of[i].n, NULL, owner);
	}
}

void stock_give(struct stock *s, const struct amounts *need, const void *owner)
{
	size_t i;

	for (i = 0; i < need->n; i++) {
		struct stock_item *item = find(s, need->of[i].name);

		item->used -= need->of[i].n;
		hand_over(item, need->of[i].n, owner, NULL);
	}
}

bool stock_put(const struct stock *s, const struct amount *of, const void *owner,
	       struct buf *out)
{
	const struct stock_item *item = find(s, of->name);
	const char *separator = "";
	int64_t i;

	if (!item->owner)
		buf_printf(out, "%lld", (long long)of->n);
	for (i = 0; item->owner && i < item->resource->n; i++) {
		if (item->owner[i] != owner)
			continue;
		buf_printf(out, "%s%s", separator, item->resource->label[i]);
		separator = ",";
	}
	return item->owner != NULL;
}

struct json_object *stock_json(const struct stock *s)
{
	struct json_object *o = json_object_new_object();
	size_t i;

	for (i = 0; i < s->n; i++)
		json_add_int(o, s->of[i].resource->name, s->of[i].resource->n);
	return o;
}
