#include "base/base.h"
#include "engines.h"

#include "base/log.h"
#include "changes.h"
#include "wire/ids.h"

struct engine *engine_find(struct controller *c, int64_t id)
{
	return map_get_u64(&c->engines->by_id, (uint64_t)id);
}

struct engine *engine_by_uuid(struct controller *c, struct bytes uuid)
{
	return map_get(&c->engines->by_uuid, uuid);
}

unsigned engine_free_slots(const struct engine *e)
{
	if (e->elsewhere || e->cpus >= e->slots)
		return 0;
	return e->slots - e->cpus;
}

bool engine_usable(const struct engine *e)
{
	return e->state == ENGINE_LIVE && !e->draining && !e->leaving &&
	       (!e->not_before || e->not_before <= mono_usec());
}

bool engine_is_away(const struct engine *e)
{
	return e->state == ENGINE_LOST || e->state == ENGINE_BACK ||
	       e->missed > 1;
}

void engine_put_away(const struct engine *e, struct buf *out)
{
	char date[DATE_SIZE];

	date_format(e->state == ENGINE_LIVE ? e->heard : e->away_since, date);
	buf_printf(out, "away since %s%s", date,
		   e->respawns ? ": it died, and is started again" : "");
}

void engine_changed(struct engine *e)
{
	if (e->state == ENGINE_JOINING)
		return;
	e->changed = true;
	changes_engine(e->c);
}

void engine_set_taskfs(struct engine *e, bool taskfs)
{
	e->taskfs = taskfs;
	engine_tell_hooks(e, known);
}

void engine_store(struct engine *e)
{
	struct store_op *op = store_op_new(STORE_ENGINE);

	op->engine = (struct engine_row){
		.id = e->id,
		.uuid = xstrdup(e->uuid),
		.host = str_copy(e->host),
		.language = str_copy(e->language),
		.pid = e->pid,
		.since = e->since,
		.taskfs = e->taskfs,
		.process = str_copy(e->process),
		.launch = str_copy(e->launch),
		.lost = e->lost,
		.heard = e->lost ? e->away_since : 0,
		.slots = e->slots,
	};
	store_put(e->c->store, op);
}

/* --- coming and going --------------------------------------------------- */

struct engine *engine_new(struct controller *c, int64_t id, const char *uuid)
{
	struct engine *e = zalloc(sizeof(*e));

	e->c = c;
	e->id = id;
	e->uuid = xstrdup(uuid);
	e->slots = 1;
	e->since = now_usec();
	list_init(&e->runs);
	list_init(&e->ahead);
	/* A new engine is used first. */
	list_add(&c->engines->order, &e->order);
	/* A time of day, so that it is larger than before a restart of the
	 * controller. */
	e->ran = now_usec();
	map_put_u64(&c->engines->by_id, (uint64_t)id, e);
	map_put(&c->engines->by_uuid, bytes_str(uuid), e);
	if (id >= c->engines->next_id)
		c->engines->next_id = id + 1;
	return e;
}

void engine_free(struct engine *e)
{
	struct controller *c = e->c;

	engine_tell_hooks(e, freed);
	list_del(&e->order);
	map_remove_u64(&c->engines->by_id, (uint64_t)e->id);
	map_remove(&c->engines->by_uuid, bytes_str(e->uuid));
	free(e->uuid);
	free(e->host);
	free(e->language);
	free(e->ended);
	free(e->drain_why);
	free(e->process);
	free(e->launch);
	stocks_done(&e->stocks);
	free(e);
}

void engine_restore(struct controller *c, const struct engine_row *row)
{
	struct engine *e;

	if (!row->uuid || engine_find(c, row->id))
		return;
	e = engine_new(c, row->id, row->uuid);
	e->state = ENGINE_LOST;
	e->lost = row->lost;
	e->away_since = row->lost ? row->heard : c->since;
	e->host = str_copy(row->host);
	e->language = str_copy(row->language);
	e->process = str_copy(row->process);
	e->launch = str_copy(row->launch);
	e->pid = row->pid;
	e->since = row->since;
	if (row->slots > 0 && row->slots <= LIMIT_SLOTS)
		e->slots = (unsigned)row->slots;
	engine_set_taskfs(e, row->taskfs);
}

void engine_read_pid(struct engine *e, struct json_object *o)
{
	if (!json_get_range(o, "pid", 0, LIMIT_PID, &e->pid))
		log_warning("an engine says a pid that there is not",
			    log_str("uuid", e->uuid));
}

void engine_read_text(char **member, struct json_object *o, const char *name)
{
	const char *s = json_get_str(o, name, NULL);

	free(*member);
	*member = s ? xmemdup_nul(s, strnlen(s, 255)) : NULL;
}

void engine_add_load(struct engine *e, const struct needs *needs, int by)
{
	assert(by > 0 || e->load > 0);
	if (!e->load)
		e->began = mono_usec();
	e->load += (unsigned)by;
	e->cpus += (unsigned)by * needs->cpus;
	stocks_take(&e->stocks, &needs->other, by);
	if (by > 0)
		engine_tell_hooks(e, busy);
	else if (!e->load)
		engine_tell_hooks(e, idle);
}

bool engine_is_expected(struct controller *c, int64_t id)
{
	const struct engine_hooks *const *h;

	if (engine_find(c, id))
		return true;
	for (h = c->engine_hooks; *h; h++)
		if ((*h)->awaited && (*h)->awaited(c, id))
			return true;
	return false;
}

/* --- all of them -------------------------------------------------------- */

void engines_init(struct controller *c)
{
	c->engines = zalloc(sizeof(*c->engines));
	list_init(&c->engines->order);
}

void engines_done(struct controller *c)
{
	while (!list_empty(&c->engines->order))
		engine_free(list_first(&c->engines->order, struct engine, order));
	map_done(&c->engines->by_id);
	map_done(&c->engines->by_uuid);
	free(c->engines);
	c->engines = NULL;
}
