#include "needs.h"
#include "mirror/detail.h"
#include "mirror/group.h"
#include "mirror/load.h"

/* The tasks of the result, if it is a map or view; else NULL. */
static struct group *group_of(const struct obj *o)
{
	return o->result->group;
}

int need_tasks(struct obj *o, bool ask)
{
	struct group *g = group_of(o);

	return g ? load_tasks(o->fs->load, g, ask) : 0;
}

int need_detail(struct obj *o, bool ask)
{
	struct group *g = group_of(o);
	int64_t i = obj_index(o);
	int err;

	if (!g || i < 0)
		return 0;
	err = load_detail(o->fs->load, g, (uint32_t)i, ask);
	o->detail = detail_find(g, (uint32_t)i);
	return err;
}

int need_tasks_or_detail(struct obj *o, bool ask)
{
	return obj_index(o) < 0 ? need_tasks(o, ask) : need_detail(o, ask);
}

/* All of them are asked for at once. */
static int need_failed(struct obj *o, bool ask)
{
	struct group *g = group_of(o);
	uint32_t failed[GROUP_ERRORS], n, k;
	int err = 0, one;

	n = group_failed(g, failed);
	for (k = 0; k < n; k++) {
		one = load_detail(o->fs->load, g, failed[k], ask);
		if (one && err != -EINPROGRESS)
			err = one;
	}
	return err;
}

int need_errors(struct obj *o, bool ask)
{
	int err = need_tasks_or_detail(o, ask);

	return err || !group_of(o) || obj_index(o) >= 0 ? err
							: need_failed(o, ask);
}

int need_items(struct obj *o, bool ask)
{
	struct group *g = group_of(o);
	int64_t i = obj_index(o);

	return g && i >= 0 ? load_items(o->fs->load, g, (uint32_t)i, ask) : 0;
}

int need_table(struct obj *o, bool ask)
{
	struct group *g = group_of(o);
	int err = need_tasks(o, ask);

	return err || !g || o->result->map <= 0
		       ? err
		       : load_blocks(o->fs->load, g, ask);
}
