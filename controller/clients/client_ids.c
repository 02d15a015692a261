#include "base/base.h"
#include "client_ids.h"

#include "model/tasks.h"

void client_ids_init(struct controller *c)
{
	c->client_ids = zalloc(sizeof(*c->client_ids));
}

void client_ids_done(struct controller *c)
{
	map_done(&c->client_ids->results);
	free(c->client_ids);
	c->client_ids = NULL;
}

struct result *client_ids_find(struct controller *c, struct bytes msg_id)
{
	return map_get(&c->client_ids->results, msg_id);
}

void client_ids_put(struct result *r, const char *msg_id)
{
	if (!r->task[0].details)
		task_set_msg_id(&r->task[0], msg_id);
	map_put(&r->c->client_ids->results, bytes_str(msg_id), r);
}

void client_ids_remove(struct result *r)
{
	const struct details *d = r->task[0].details;

	if (d && d->msg_id &&
	    client_ids_find(r->c, bytes_str(d->msg_id)) == r)
		map_remove(&r->c->client_ids->results, bytes_str(d->msg_id));
}

uint64_t client_ids_task(struct controller *c, struct bytes msg_id,
			 uint32_t *ret_index)
{
	struct result *r = client_ids_find(c, msg_id);
	struct task_id id;

	*ret_index = 0;
	if (r)
		return r->id;
	if (task_id_parse(msg_id, c->cluster, &id))
		return 0;
	r = result_find(c, id.result);
	if (!r || r->ops->is_message || id.index >= r->ntasks || !id.attempt ||
	    id.attempt > max_u64(r->task[id.index].attempt, 1))
		return 0;
	*ret_index = id.index;
	return r->id;
}
