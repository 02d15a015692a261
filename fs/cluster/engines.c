#include "engines.h"
#include "base/parse.h"
#include "mirror/mirror.h"
#include "tree/format.h"

static bool set_engine(struct obj *o, struct engine *e)
{
	o->engine = e;
	if (e)
		o->id = (uint32_t)e->id;
	return e != NULL;
}

static bool engine_find(struct obj *o, struct bytes name)
{
	uint64_t id;

	if ((name.n > 1 && *(const char *)name.p == '0') ||
	    parse_u64(name, 0, MIRROR_MAX_ID, &id))
		return false;
	return set_engine(o, mirror_engine(o->fs->mirror, id));
}

static bool engine_next(struct obj *o, uint64_t from, uint64_t *ret_n)
{
	if (!set_engine(o, index_next(&o->fs->mirror->engines, from)))
		return false;
	*ret_n = o->id;
	return true;
}

static bool engine_resolve(struct obj *o)
{
	return set_engine(o, mirror_engine(o->fs->mirror, o->id));
}

static void engine_name(const struct obj *o, struct buf *out)
{
	buf_printf(out, "%u", o->id);
}

const struct class engine_class = {
	.find = engine_find,
	.next = engine_next,
	.resolve = engine_resolve,
	.name = engine_name,
};

int engine_state(const struct obj *o, struct buf *out)
{
	return format_text(out, o->engine->state);
}

int engine_why(const struct obj *o, struct buf *out)
{
	return format_text(out, o->engine->why);
}

int engine_host(const struct obj *o, struct buf *out)
{
	return format_text(out, o->engine->host);
}

int engine_pid(const struct obj *o, struct buf *out)
{
	return o->engine->pid ? format_number(out, o->engine->pid) : 0;
}

int engine_uuid(const struct obj *o, struct buf *out)
{
	return format_text(out, o->engine->uuid);
}

int engine_language(const struct obj *o, struct buf *out)
{
	return format_text(out, o->engine->language);
}

int engine_since(const struct obj *o, struct buf *out)
{
	return format_time(out, o->engine->since);
}

int engine_until(const struct obj *o, struct buf *out)
{
	return o->engine->until ? format_time(out, o->engine->until) : 0;
}

int engine_heartbeat(const struct obj *o, struct buf *out)
{
	return format_time(out, o->engine->heartbeat);
}

int engine_slots(const struct obj *o, struct buf *out)
{
	return format_number(out, o->engine->slots);
}

int engine_free(const struct obj *o, struct buf *out)
{
	return format_number(out, o->engine->free);
}

int engine_queue(const struct obj *o, struct buf *out)
{
	return format_number(out, o->engine->queue);
}

int engine_resources(const struct obj *o, struct buf *out)
{
	if (o->engine->resources)
		buf_puts(out, o->engine->resources);
	return 0;
}

int engine_running(const struct obj *o, struct buf *out)
{
	if (o->engine->running)
		buf_puts(out, o->engine->running);
	return 0;
}

int engine_completed(const struct obj *o, struct buf *out)
{
	return format_number(out, o->engine->completed);
}
