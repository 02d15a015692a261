/*
 * stock.h: the resources of an engine, and which of them its running tasks have.
 */
#ifndef TASKFS_ENGINE_STOCK_H
#define TASKFS_ENGINE_STOCK_H

#include "base/buf.h"
#include "resources.h"

struct stock {
	struct stock_item {
		const struct resource *resource;
		int64_t used;
		const void **owner;	/* of each label; NULL: nobody's */
	} of[LIMIT_RESOURCES];
	size_t n;
};

/* r is borrowed. */
void stock_init(struct stock *s, const struct resources *r);
void stock_done(struct stock *s);
/* As much is free; or, with `ever`, there at all. */
bool stock_has(const struct stock *s, const struct amounts *need, bool ever);
/* Of what is free (stock_has()), the first; and back. */
void stock_take(struct stock *s, const struct amounts *need, const void *owner);
void stock_give(struct stock *s, const struct amounts *need, const void *owner);
/* "0,2": those of a list that the owner has; or, false, how much it has. */
bool stock_put(const struct stock *s, const struct amount *of, const void *owner,
	       struct buf *out);
/* All of them, for the registration. */
struct json_object *stock_json(const struct stock *s);

#endif
