#include "base/base.h"
#include "demand.h"

#include "client_ids.h"
#include "model/engines.h"
#include "schedule/run.h"
#include "schedule/unbegun.h"

static void refuse(struct demand *d, const char *ename, const char *why)
{
	if (d->ename)
		return;
	d->ename = ename;
	buf_puts(&d->why, why);
}

/* --- reading ------------------------------------------------------------ */

static void read_targets(struct demand *d, struct controller *c,
			 struct json_object *list)
{
	size_t i, n = json_object_array_length(list);

	if (n > LIMIT_TARGETS) {
		refuse(d, "ValueError", "metadata.targets are too many");
		return;
	}
	for (i = 0; i < n; i++) {
		struct json_object *v = json_object_array_get_idx(list, i);
		struct engine *e;

		if (!json_object_is_type(v, json_type_string)) {
			refuse(d, "ValueError",
			       "metadata.targets is a list of engine uuids");
			return;
		}
		e = engine_by_uuid(c, bytes_str(json_object_get_string(v)));
		if (!e)
			continue;
		if (!d->targets)
			d->targets = json_object_new_array();
		json_push(d->targets, json_object_new_int64(e->id));
	}
	d->nowhere = n && !d->targets;
}

static bool add_id(struct condition *k, uint64_t id)
{
	if (k->n >= LIMIT_DEPENDENCIES)
		return false;
	k->id = xreallocarray(k->id, k->n + 1, sizeof(*k->id));
	k->id[k->n++] = id;
	return true;
}

/* Reads one result that a condition names; it can name neither its own nor one that
 * is not there. */
static void read_id(struct demand *d, struct controller *c,
		    struct condition *k, struct json_object *v)
{
	const char *s = json_object_get_string(v);
	uint32_t index;
	uint64_t id;

	if (!json_object_is_type(v, json_type_string)) {
		refuse(d, "ValueError", "a dependency is no msg_id");
		return;
	}
	id = client_ids_task(c, bytes_str(s), &index);
	if (!id)
		k->unknown = true;
	else if (!add_id(k, id))
		refuse(d, "ValueError", "there are too many dependencies");
}

static void read_ids(struct demand *d, struct controller *c,
		     struct condition *k, struct json_object *v)
{
	size_t i, n;

	if (!v)
		return;
	if (!json_object_is_type(v, json_type_array)) {
		read_id(d, c, k, v);
		return;
	}
	n = json_object_array_length(v);
	for (i = 0; i < n; i++)
		read_id(d, c, k, json_object_array_get_idx(v, i));
}

/* Reads a condition: a list of msg_ids, or {dependencies, all, success, failure}. */
static void read_condition(struct demand *d, struct controller *c,
			   struct condition *k, struct json_object *v)
{
	bool ok, bad;

	k->on = ON_OK;
	if (!json_object_is_type(v, json_type_object)) {
		read_ids(d, c, k, v);
		return;
	}
	ok = json_bool_or(v, "success", true);
	bad = json_bool_or(v, "failure", false);
	k->any = !json_bool_or(v, "all", true);
	k->on = ok && bad ? ON_ANY : bad ? ON_FAIL : ON_OK;
	if (!ok && !bad)
		refuse(d, "ValueError", "Must depend on at least one of "
					"successes or failures!");
	read_ids(d, c, k, json_get(v, "dependencies"));
}

/* Reads a number between 0 and max; none and null are 0. */
static double read_number(struct demand *d, struct json_object *meta,
			  const char *key, double max)
{
	struct json_object *v = json_get(meta, key);
	double x = v ? json_object_get_double(v) : 0;

	if (v && !json_object_is_type(v, json_type_int) &&
	    !json_object_is_type(v, json_type_double)) {
		refuse(d, "ValueError", "metadata: not a number: ");
		buf_puts(&d->why, key);
		return 0;
	}
	return x > max ? max : x > 0 ? x : 0;
}

void demand_read(struct demand *d, struct controller *c, const struct msg *m)
{
	struct json_object *meta = m->metadata;
	struct json_object *targets = json_get(meta, "targets");

	d->follow.follow = true;
	if (json_object_is_type(targets, json_type_array))
		read_targets(d, c, targets);
	else if (targets)
		refuse(d, "ValueError",
		       "metadata.targets is a list of engine uuids");
	d->retries = (uint64_t)read_number(d, meta, "retries", LIMIT_RETRIES);
	d->timeout = read_number(d, meta, "timeout", LIMIT_SECONDS);
	read_condition(d, c, &d->after, json_get(meta, "after"));
	read_condition(d, c, &d->follow, json_get(meta, "follow"));
}

struct json_object *demand_options(const struct demand *d)
{
	struct json_object *o = json_object_new_object();

	if (d->targets)
		json_add(o, "targets", json_object_get(d->targets));
	if (d->retries)
		json_add_int(o, "retries", (int64_t)d->retries);
	if (d->timeout > 0)
		json_add_real(o, "timeout", d->timeout);
	return o;
}

/* --- applying ----------------------------------------------------------- */

static void end(struct demand *d, struct result *r)
{
	struct ending how = {
		.event = EVENT_FAIL,
		.ename = d->ename,
		.evalue = buf_str(&d->why),
	};

	result_end_waiting(r, &how);
}

void demand_apply(struct demand *d, struct result *r)
{
	struct condition *k[] = {&d->after, &d->follow};
	size_t i;

	if (d->nowhere)
		refuse(d, "ImpossibleDependency",
		       "none of the engines it may run on is there");
	for (i = 0; i < ARRAY_SIZE(k); i++)
		if (k[i]->unknown && !graph_is_met(r->c, k[i]))
			refuse(d, "InvalidDependency",
			       "it depends on a task that nobody submitted");
	if (d->ename) {
		end(d, r);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(k); i++)
		if (!graph_add_condition(r, k[i]))
			return;
}

void demand_done(struct demand *d)
{
	json_object_put(d->targets);
	free(d->after.id);
	free(d->follow.id);
	buf_done(&d->why);
}
