#include "base/base.h"
#include "mirror.h"
#include "wire/limits.h"
#include "wire/pool_option.h"
#include "wire/scan.h"

#define Q(member) offsetof(struct queue, member)

static const struct field queue_fields[] = {
	{"queue", FIELD_TEXT, Q(name), 0},
	{"limit", FIELD_INT, Q(limit), 0},
	{"paused", FIELD_BOOL, Q(paused), 0},
	{"waiting", FIELD_INT, Q(waiting), 0},
	{"running", FIELD_INT, Q(running), 0},
	{.name = NULL},
};

void queues_init(struct queues *qs)
{
	numbered_init(&qs->numbers, 2UL * LIMIT_QUEUES);
}

static void drop_all(struct queues *qs)
{
	size_t i;

	for (i = 0; i < qs->n; i++)
		free(qs->of[i].name);
	qs->n = 0;
}

void queues_done(struct queues *qs)
{
	drop_all(qs);
	free(qs->of);
	numbered_done(&qs->numbers);
}

const struct queue *queue_find(const struct queues *qs, struct bytes name)
{
	size_t i;

	for (i = 0; i < qs->n; i++)
		if (bytes_is(name, qs->of[i].name))
			return &qs->of[i];
	return NULL;
}

const struct queue *queue_get(struct queues *qs, uint32_t number)
{
	struct bytes name;

	return numbered_get(&qs->numbers, number, &name) ? queue_find(qs, name)
							 : NULL;
}

void queues_set(struct mirror *m, struct bytes list)
{
	struct queues *qs = &m->queues;
	size_t was = qs->n;
	struct bytes v;
	struct scan s;

	qs->known = scan_array(&s, list);
	if (!qs->known)
		return;
	drop_all(qs);
	while (qs->n < LIMIT_QUEUES && scan_element(&s, &v)) {
		struct queue q = {0};

		(void)scan_fields(v, queue_fields, &q);
		if (!q.name || !pool_name_ok(bytes_str(q.name))) {
			free(q.name);
			continue;
		}
		if (!qs->of)
			qs->of = zalloc(LIMIT_QUEUES * sizeof(*qs->of));
		qs->of[qs->n++] = q;
	}
	if (qs->n != was)
		m->changed = now_usec();
}
