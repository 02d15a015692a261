#include "base/base.h"
#include "removed.h"

#include "base/log.h"
#include "net/line.h"

/* So many of the engines that went last are known. */
#define LIMIT_REMOVED 4096

struct removed {
	/* By uuid, `stopped` or `gone`; those in `before` went earlier. */
	struct map last, before;
	struct log_limit limit;
};

static char gone, stopped;

void removed_add(struct engine *e)
{
	struct controller *c = e->c;

	if (!e->kind->returns)
		return;
	if (c->removed->last.n >= LIMIT_REMOVED) {
		map_done(&c->removed->before);
		c->removed->before = c->removed->last;
		c->removed->last = (struct map){0};
	}
	map_put(&c->removed->last, bytes_str(e->uuid),
		e->stopped ? &stopped : &gone);
}

void removed_forget(struct engine *e)
{
	map_remove(&e->c->removed->last, bytes_str(e->uuid));
	map_remove(&e->c->removed->before, bytes_str(e->uuid));
}

void removed_ask(struct controller *c, struct bytes uuid, bool by_line)
{
	struct json_object *content;
	struct msg_out out = {
		.type = MSG_REGISTER_REQUEST,
		.idents = &uuid,
		.nidents = 1,
	};
	unsigned skipped;
	int err;

	out.content = content = json_object_new_object();
	err = line_send(c, S_CONTROL_OUT, by_line, &out);
	json_object_put(content);
	if (!err && log_allowed(&c->removed->limit, 5, 60 * USEC_PER_SEC, &skipped))
		log_info("an engine beats and is not registered any more; it is "
			 "asked to register again", log_bytes("uuid", uuid),
			 log_int("not_logged", skipped));
}

bool removed_has(const struct controller *c, struct bytes uuid)
{
	return map_get(&c->removed->last, uuid) || map_get(&c->removed->before, uuid);
}

bool removed_is_stopped(const struct controller *c, struct bytes uuid)
{
	return map_get(&c->removed->last, uuid) == &stopped ||
	       map_get(&c->removed->before, uuid) == &stopped;
}

void removed_init(struct controller *c)
{
	c->removed = zalloc(sizeof(*c->removed));
}

void removed_done(struct controller *c)
{
	map_done(&c->removed->last);
	map_done(&c->removed->before);
	free(c->removed);
	c->removed = NULL;
}
