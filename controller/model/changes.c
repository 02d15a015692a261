#include "base/base.h"
#include "changes.h"

#include "results.h"

void changes_init(struct controller *c)
{
	c->changes = zalloc(sizeof(*c->changes));
	list_init(&c->changes->results);
}

void changes_done(struct controller *c)
{
	free(c->changes->purged);
	free(c->changes);
	c->changes = NULL;
}

static void wake(struct controller *c, enum changed what)
{
	if (c->changes->wake)
		c->changes->wake(c, what);
}

void result_changed(struct result *r, enum changed what)
{
	if (!r->stored)
		return;
	r->changed |= what;
	if (list_empty(&r->changed_link))
		list_add_tail(&r->c->changes->results, &r->changed_link);
	wake(r->c, what);
}

void task_changed(struct result *r, uint32_t index)
{
	if (!result_is_many(r) || r->task[index].dirty)
		return;
	r->task[index].dirty = true;
	if (r->ntold == r->told_room) {
		r->told_room = r->told_room ? r->told_room * 2 : 16;
		r->told = xreallocarray(r->told, r->told_room,
					sizeof(*r->told));
	}
	r->told[r->ntold++] = index;
}

void changes_purged(struct controller *c, uint64_t id)
{
	struct changes *ch = c->changes;

	if (ch->npurged == ch->purged_room) {
		ch->purged_room = ch->purged_room ? ch->purged_room * 2 : 16;
		ch->purged = xreallocarray(ch->purged, ch->purged_room,
					   sizeof(*ch->purged));
	}
	ch->purged[ch->npurged++] = id;
	wake(c, CHANGED_END);
}

void changes_engine(struct controller *c)
{
	if (c->changes->wake_engines)
		c->changes->wake_engines(c);
}
