#include "base/map.h"

#include <sodium.h>

static uint64_t hash(struct bytes key)
{
	static unsigned char secret[crypto_shorthash_KEYBYTES];
	static bool ready;
	uint64_t h;

	if (!ready) {
		crypto_shorthash_keygen(secret);
		ready = true;
	}
	crypto_shorthash((unsigned char *)&h, key.p, key.n, secret);
	return h;
}

void map_done(struct map *m)
{
	size_t i;

	for (i = 0; i < m->slots; i++) {
		while (m->slot[i]) {
			struct map_entry *e = m->slot[i];

			m->slot[i] = e->next;
			free(e);
		}
	}
	free(m->slot);
	*m = (struct map){0};
}

/* Where the pointer to the entry is, or would be. */
static struct map_entry **place(const struct map *m, struct bytes key)
{
	struct map_entry **at = &m->slot[hash(key) & (m->slots - 1)];

	while (*at && !bytes_eq(bytes_of((*at)->key, (*at)->key_len), key))
		at = &(*at)->next;
	return at;
}

void *map_get(const struct map *m, struct bytes key)
{
	struct map_entry *e = m->slots ? *place(m, key) : NULL;

	return e ? e->value : NULL;
}

static void grow(struct map *m)
{
	struct map old = *m;
	size_t i;

	m->slots = old.slots ? old.slots * 2 : 16;
	m->slot = zalloc(m->slots * sizeof(*m->slot));
	for (i = 0; i < old.slots; i++) {
		while (old.slot[i]) {
			struct map_entry *e = old.slot[i];
			struct map_entry **at;

			old.slot[i] = e->next;
			at = place(m, bytes_of(e->key, e->key_len));
			e->next = *at;
			*at = e;
		}
	}
	free(old.slot);
}

void *map_put(struct map *m, struct bytes key, void *value)
{
	struct map_entry **at, *e;

	assert(value);
	if (m->n >= m->slots)
		grow(m);
	at = place(m, key);
	if (*at) {
		void *old = (*at)->value;

		(*at)->value = value;
		return old;
	}
	e = xmalloc(sizeof(*e) + key.n);
	e->next = NULL;
	e->value = value;
	e->key_len = key.n;
	if (key.n)
		memcpy(e->key, key.p, key.n);
	*at = e;
	m->n++;
	return NULL;
}

void *map_remove(struct map *m, struct bytes key)
{
	struct map_entry **at, *e;
	void *value;

	if (!m->slots)
		return NULL;
	at = place(m, key);
	e = *at;
	if (!e)
		return NULL;
	*at = e->next;
	value = e->value;
	free(e);
	m->n--;
	return value;
}

bool map_next(const struct map *m, struct map_iter *it)
{
	struct map_entry *e = it->next;

	while (!e) {
		if (it->slot >= m->slots)
			return false;
		e = m->slot[it->slot++];
	}
	it->next = e->next;
	it->key = bytes_of(e->key, e->key_len);
	it->value = e->value;
	return true;
}
