#include "base/base.h"
#include "metrics.h"

#include "model/results.h"
#include "schedule/run.h"
#include "store/store.h"

#define AT(member) offsetof(struct controller, member)

/* What was counted since the start of this process. */
static const struct counter {
	const char *name;
	size_t at;	/* a uint64_t of struct controller */
} counters[] = {
	{"messages_received", AT(session.count.received)},
	{"messages_malformed", AT(session.count.malformed)},
	{"messages_unreadable", AT(session.count.unreadable)},
	{"messages_unsigned", AT(session.count.unsigned_)},
	{"messages_forged", AT(session.count.forged)},
	{"messages_replayed", AT(session.count.replayed)},
	{"messages_oversize", AT(count.dropped_oversize)},
	{"connections_refused", AT(count.refused_peers)},
	{"messages_unknown", AT(count.dropped_unknown)},
	{"engines_lost", AT(count.lost_engines)},
	{"results_submitted", AT(count.submitted)},
	{"results_refused", AT(count.refused)},
	{"results_purged", AT(count.purged)},
	{"clients_paused", AT(count.clients_paused)},
	{"tasks_begun", AT(count.begun)},
	{"tasks_retried", AT(count.retried)},
	{"tasks_ok", AT(count.ended[STATE_OK])},
	{"tasks_error", AT(count.ended[STATE_ERROR])},
	{"tasks_aborted", AT(count.ended[STATE_ABORTED])},
	{"replies_late", AT(count.late_replies)},
	{"outputs_bad", AT(count.bad_outputs)},
	{"pool_launches", AT(count.pool_launches)},
	{"pool_failures", AT(count.pool_failures)},
	{"iopub_bad", AT(count.bad_iopub)},
};

static uint64_t value_at(const struct controller *c, size_t at)
{
	uint64_t n;

	memcpy(&n, (const char *)c + at, sizeof(n));
	return n;
}

static struct json_object *counters_json(const struct controller *c)
{
	struct json_object *o = json_object_new_object();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(counters); i++)
		json_add_int(o, counters[i].name,
			     (int64_t)value_at(c, counters[i].at));
	json_add_int(o, "store_errors", (int64_t)store_errors(c->store));
	return o;
}

static struct json_object *gauges_json(const struct controller *c)
{
	const struct {
		const char *name;
		uint64_t n;
	} rows[] = {
		{"runs", c->runs->by_msg_id.n},
		{"results_finished", c->results->nfinished},
		{"stored_bytes", c->results->stored_bytes},
		{"store_backlog_bytes", store_backlog(c->store)},
		{"orders", c->count.orders},
		{"client_tasks", c->count.client_tasks},
		{"pools", c->count.pools},
		{"launches", c->count.launches},
		{"pool_engines", c->count.pool_engines},
	};
	struct json_object *o = json_object_new_object();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		json_add_int(o, rows[i].name, (int64_t)rows[i].n);
	return o;
}

void metrics_add(struct json_object *o, const struct controller *c)
{
	struct json_object *tasks = json_object_new_array();
	int s;

	for (s = STATE_PENDING; s < STATES; s++)
		json_push(tasks, json_object_new_int64((int64_t)c->results->tasks[s]));
	json_add(o, "tasks", tasks);
	json_add(o, "counters", counters_json(c));
	json_add(o, "gauges", gauges_json(c));
}
