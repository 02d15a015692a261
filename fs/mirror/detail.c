#include "detail.h"
#include "group.h"

struct kept_detail {
	struct list link;	/* mirror->details, oldest first */
	struct group *group;
	uint32_t index;
	size_t room;
	struct detail d;
};

static void drop(struct kept_detail *k)
{
	struct mirror *m = k->group->mirror;

	map_remove_u64(&k->group->details, k->index);
	list_del(&k->link);
	m->detail_bytes -= k->room;
	detail_done(&k->d);
	free(k);
}

/* A task that has not begun has no texts. */
static bool is_blank(const struct task *t)
{
	return !t->attempt && !state_is_final((enum state)t->state);
}

const struct detail *detail_find(const struct group *g, uint32_t i)
{
	static const struct detail blank;
	struct kept_detail *k;

	if (result_is_single(g->result))
		return &g->result->detail;
	if (is_blank(group_task(g, i)))
		return &blank;
	k = map_get_u64(&g->details, i);
	if (!k)
		return NULL;
	list_del(&k->link);
	list_add_tail(&g->mirror->details, &k->link);
	return &k->d;
}

static size_t length(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

void detail_keep(struct group *g, uint32_t i, struct detail *d)
{
	struct mirror *m = g->mirror;
	struct kept_detail *k = zalloc(sizeof(*k));

	detail_drop(g, i);
	k->group = g;
	k->index = i;
	k->d = *d;
	*d = (struct detail){0};
	k->room = sizeof(*k) + length(k->d.msg_id) + length(k->d.ename) +
		  length(k->d.evalue) + length(k->d.traceback) +
		  length(k->d.cwd) + length(k->d.attempts) + 128;
	map_put_u64(&g->details, i, k);
	list_add_tail(&m->details, &k->link);
	m->detail_bytes += k->room;
	while (m->detail_bytes > DETAILS_KEPT &&
	       list_first(&m->details, struct kept_detail, link) != k)
		drop(list_first(&m->details, struct kept_detail, link));
}

void detail_drop(struct group *g, uint32_t i)
{
	struct kept_detail *k = map_get_u64(&g->details, i);

	if (k)
		drop(k);
}

void details_drop_all(struct group *g)
{
	struct map_iter it = {0};

	while (map_next(&g->details, &it))
		drop(it.value);
	map_done(&g->details);
}
