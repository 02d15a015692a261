#include "base/base.h"
#include "others_busy.h"

#include "ask.h"
#include "ipython/foreign.h"

/*
 * A hub without records still knows what has ended. That is asked for where the
 * end of another client's task may not be published: when it was aborted.
 */

static void answered(struct controller *c, struct msg *reply, uint64_t id)
{
	struct engine *e = engine_find(c, (int64_t)id);
	const char *busy_with = e ? foreign_elsewhere(e) : NULL;
	struct json_object *ended = reply ? json_get_array(reply->content,
							   "completed") : NULL;
	const char *s = ended ? json_object_get_string(
					json_object_array_get_idx(ended, 0))
			      : NULL;

	if (busy_with && s && strcmp(s, busy_with) == 0)
		foreign_set_elsewhere(e, false);
}

void others_ask_busy(struct controller *c)
{
	struct map_iter it = {0};

	while (map_next(&c->engines->by_id, &it)) {
		struct engine *e = it.value;
		const char *id = foreign_elsewhere(e);
		struct json_object *o, *ids;

		if (!id)
			continue;
		o = json_object_new_object();
		ids = json_object_new_array();
		json_push(ids, json_text(bytes_str(id)));
		json_add(o, "msg_ids", ids);
		json_add_bool(o, "status_only", true);
		/* Without an answer the hub is asked again. */
		(void)!upstream_ask(c, MSG_RESULT_REQUEST, o, answered,
				    (uint64_t)e->id);
	}
}
