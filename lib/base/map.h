/*
 * map.h: from counted bytes (or a number) to a pointer.
 *
 * The map copies the keys and never touches the values: whoever puts a value
 * in owns it. Keys are hashed with a secret of the process, so peers cannot
 * choose keys that collide. Zeroes are an empty map; map_done() frees it.
 * No pointer into the map survives map_put() or map_remove().
 */
#ifndef TASKFS_MAP_H
#define TASKFS_MAP_H

#include "base/base.h"

struct map_entry {
	struct map_entry *next;
	void *value;
	size_t key_len;
	char key[];
};

struct map {
	struct map_entry **slot;
	size_t slots;	/* a power of two, or 0 */
	size_t n;	/* entries */
};

void map_done(struct map *m);
void *map_get(const struct map *m, struct bytes key);
/* Returns the value that was there before, or NULL. value is not NULL. */
void *map_put(struct map *m, struct bytes key, void *value);
/* Returns the value removed, or NULL. */
void *map_remove(struct map *m, struct bytes key);

/*
 * Visit all entries in no order. Start with it = {0}; returns false at the
 * end. The entry just returned may be removed, no other.
 */
struct map_iter {
	size_t slot;
	struct map_entry *next;
	struct bytes key;
	void *value;
};
bool map_next(const struct map *m, struct map_iter *it);

static inline struct bytes map_key_u64(const uint64_t *k)
{
	return bytes_of(k, sizeof(*k));
}

static inline void *map_get_u64(const struct map *m, uint64_t k)
{
	return map_get(m, map_key_u64(&k));
}

static inline void *map_put_u64(struct map *m, uint64_t k, void *value)
{
	return map_put(m, map_key_u64(&k), value);
}

static inline void *map_remove_u64(struct map *m, uint64_t k)
{
	return map_remove(m, map_key_u64(&k));
}

#endif
