#include "merge.h"
#include "base/buf.h"
#include "base/parse.h"
#include "group.h"
#include "merge_task.h"
#include "wire/limits.h"
#include "wire/scan.h"
#include "wire/task_option.h"

/* --- a result ----------------------------------------------------------- */

#define NOBODY 65534
#define R(member) offsetof(struct result, member)

static const struct field result_fields[] = {
	{"tasks", FIELD_INT, R(tasks), 0},
	{"submitted", FIELD_INT, R(submitted), 0},
	{"gid", FIELD_INT, R(gid), 0},
	{"code", FIELD_INT, R(code), 0},
	{"stdin", FIELD_INT, R(stdin_size), -1},
	{"map", FIELD_INT, R(map), -1},
	{"started", FIELD_INT, R(started), 0},
	{"completed", FIELD_INT, R(completed), 0},
	{"received", FIELD_INT, R(received), 0},
	{"began", FIELD_INT, R(began), 0},
	{"serial", FIELD_INT, R(serial), 0},
	{"why", FIELD_TEXT, R(why), 0},
	{"unstored", FIELD_TEXT, R(unstored), 0},
	{.name = NULL},
};

struct result_rest {
	int64_t id, submitted, uid, elapsed, tasks;
	struct bytes name, kind, options, count, status, task, usage;
};

#define X(member) offsetof(struct result_rest, member)

static const struct field result_rest_fields[] = {
	{"id", FIELD_INT, X(id), 0},
	{"uid", FIELD_INT, X(uid), 0},
	{"tasks", FIELD_INT, X(tasks), 0},
	{"name", FIELD_SPAN, X(name), 0},
	{"kind", FIELD_SPAN, X(kind), 0},
	{"submitted", FIELD_INT, X(submitted), 0},
	{"elapsed", FIELD_INT, X(elapsed), -1},
	{"options", FIELD_SPAN, X(options), 0},
	{"count", FIELD_SPAN, X(count), 0},
	{"status", FIELD_SPAN, X(status), 0},
	{"task", FIELD_SPAN, X(task), 0},
	{"usage", FIELD_SPAN, X(usage), 0},
	{.name = NULL},
};

static uint64_t option_bit(struct bytes name)
{
	const struct task_option *o = task_option_find(name);
	ptrdiff_t i = o ? o - task_options : 64;

	return i < 64 ? 1ULL << i : 0;
}

/* Some can be changed; the first word of them is none of a change. */
static void tell_options(struct mirror *mi, const struct result *r,
			 struct bytes options)
{
	if (r->options && !bytes_is(options, r->options))
		event_ring_add(&mi->events, EVENT_OF_RESULT, r->id, "changed");
}

static void set_options(struct mirror *mi, struct result *r,
			struct bytes options)
{
	struct bytes key, value;
	struct scan s;

	if (!options.p)
		return;
	tell_options(mi, r, options);
	free(r->options);
	r->options = NULL;
	r->given = 0;
	if (!scan_object(&s, options))
		return;
	while (scan_member(&s, &key, &value))
		r->given |= option_bit(key);
	r->grows = r->given & option_bit(bytes_str("open"));
	if (s.begun)
		r->options = xmemdup_nul(options.p, options.n);
}

/* The id of a user or a group. Cut to 32 bits, 2^32 would be root. */
static int64_t known_id(int64_t id)
{
	return id < 0 || id > LIMIT_ID ? NOBODY : id;
}

/* The owner is told when a result comes; later words do not tell it again. */
static void set_owner(struct mirror *mi, struct result *r, int64_t uid)
{
	if (r->by_owner.name)
		return;
	r->uid = known_id(uid);
	mirror_set_owner(mi, r);
}

static void set_name(struct mirror *mi, struct result *r, struct bytes name)
{
	struct bytes text;

	if (scan_plain(name, &text) && task_name_ok(text))
		mirror_set_name(mi, r, text);
}

static void set_kind(struct result *r, struct bytes kind)
{
	struct bytes text;

	if (scan_plain(kind, &text) && text.n < sizeof(r->kind))
		snprintf(r->kind, sizeof(r->kind), "%.*s", (int)text.n,
			 (const char *)text.p);
}

static void set_counts(struct result *r, struct bytes count)
{
	int64_t n[STATES] = {0};
	struct bytes value;
	struct scan s;
	int i = STATE_PENDING;

	if (!scan_array(&s, count))
		return;
	while (i < STATES && scan_element(&s, &value))
		if (!scan_int(value, &n[i]) || n[i++] < 0)
			return;
	for (i = STATE_PENDING; i < STATES; i++)
		r->count[i] = (uint64_t)n[i];
}

/*
 * How long it is since it was submitted, when that was told. The message took its
 * time: what was told fastest is nearest, and nobody sees it go back.
 */
static void set_elapsed(struct result *r, int64_t elapsed)
{
	int64_t born = steady_usec() - elapsed;

	if (elapsed < 0)
		return;
	r->elapsed = elapsed;
	if (born < r->born)
		r->born = born;
}

/* What is said of the result is said of its one task. */
static void set_only_task(struct mirror *mi, struct result *r, uint64_t seq)
{
	bool had_ended = state_is_final((enum state)r->one.state);
	struct usage u;

	r->one.state = (uint8_t)r->status;
	r->one.started = r->started;
	r->one.completed = r->completed;
	r->one.received = r->received;
	r->one.began = r->began;
	r->one.elapsed = r->elapsed;
	r->one.ran = r->serial;
	if (r->group && result_is_single(r)) {
		u = result_short_usage(r);
		group_change(r->group, 0, &r->one, &u, seq);
	} else if (!r->group && result_is_final(r) && !had_ended) {
		recent_add(&mi->recent, r, 0, &r->one);
	}
}

static void set_shape(struct mirror *mi, struct result *r)
{
	bool many = strcmp(r->kind, "map") == 0 || strcmp(r->kind, "view") == 0;

	if (many && !r->group && r->tasks > 0 && r->tasks <= LIMIT_TASKS)
		r->group = group_new(mi, r, (uint32_t)r->tasks);
	r->task = r->group ? NULL : &r->one;
}

static void set_sum(struct result *r, struct bytes usage)
{
	static const struct field fields[] = {
		{"user", FIELD_REAL, R(user), 0},
		{"system", FIELD_REAL, R(system), 0},
		{"memory", FIELD_INT, R(memory), 0},
		{.name = NULL},
	};

	r->used = !scan_is_null(usage) && scan_fields(usage, fields, r);
}

/* --- the whole ---------------------------------------------------------- */

/* The same id, but submitted at another time: from another cluster. */
static bool is_another(const struct result *r, int64_t submitted)
{
	return r->submitted && submitted && r->submitted != submitted;
}

static struct result *find(struct mirror *mi, const struct result_rest *rest,
			   bool whole, int *ret_err)
{
	uint64_t id = (uint64_t)rest->id;
	struct result *r;

	if (rest->id <= 0 || rest->id > MIRROR_MAX_ID)
		return NULL;
	r = mirror_result(mi, id);
	if (r && whole && is_another(r, rest->submitted)) {
		mirror_purge(mi, id);
		return mirror_add_result(mi, id);
	}
	if (r || mirror_was_purged(mi, id))
		return r;
	if (!whole && !rest->submitted) {
		*ret_err = -ESTALE;
		return NULL;
	}
	return mirror_add_result(mi, id);
}

static void set_status(struct mirror *mi, struct result *r,
		       struct bytes status)
{
	enum state s = merge_state(status);

	if (s == STATE_NONE)
		s = r->status == STATE_NONE ? state_of(r->count) : r->status;
	mirror_set_status(mi, r, s);
}

/* What of a result those who watch are told about, but its status. */
static struct shown {
	uint64_t ended;
	uint64_t size[STREAM_OUTPUTS];
} shown_of(const struct result *r)
{
	struct shown s = {
		.ended = r->count[STATE_OK] + r->count[STATE_ERROR] +
			 r->count[STATE_ABORTED],
	};

	memcpy(s.size, r->one.size, sizeof(s.size));
	return s;
}

static void note_changes(struct mirror *mi, const struct result *r,
			 const struct shown *was)
{
	static const unsigned grew[STREAM_OUTPUTS] = {
		[STREAM_STDOUT] = NOTE_STDOUT,
		[STREAM_STDERR] = NOTE_STDERR,
		[STREAM_DATA] = NOTE_DATA,
	};
	struct shown now = shown_of(r);
	unsigned what = 0;
	int i;

	if (now.ended != was->ended)
		what |= NOTE_PROGRESS;
	/* When a task of a map ends its outputs are added to those of the map. */
	if (now.ended != was->ended && r->group)
		what |= NOTE_STDOUT | NOTE_STDERR;
	for (i = 0; i < STREAM_OUTPUTS; i++)
		if (now.size[i] != was->size[i])
			what |= grew[i];
	mirror_note(mi, EVENT_OF_RESULT, r->id, r->submitted, what);
}

struct result *merge_result(struct mirror *mi, struct bytes object,
			    uint64_t seq, bool whole, const struct msg *m,
			    int *ret_err)
{
	struct result_rest rest = {.elapsed = -1};
	struct shown was;
	struct result *r;
	bool fresh;

	if (!scan_fields(object, result_rest_fields, &rest))
		return NULL;
	r = find(mi, &rest, whole, ret_err);
	if (!r)
		return NULL;
	r->round = mi->round;
	fresh = !r->group;
	/* An open map has more tasks now: before they are spoken of. */
	if (!fresh && rest.tasks <= LIMIT_TASKS)
		group_grow(r->group, (uint32_t)max_i64(rest.tasks, 0));
	if (!fresh)
		merge_members(r->group, object, seq);
	if (r->seq > seq || (r->seq == seq && !whole))
		return r;
	r->late |= !r->seq && whole && state_is_final(merge_state(rest.status));
	r->seq = seq;
	was = shown_of(r);
	(void)scan_fields(object, result_fields, r);
	set_owner(mi, r, rest.uid);
	r->gid = known_id(r->gid);
	set_elapsed(r, rest.elapsed);
	set_name(mi, r, rest.name);
	set_kind(r, rest.kind);
	if (rest.usage.p)
		set_sum(r, rest.usage);
	set_shape(mi, r);
	set_options(mi, r, rest.options);
	set_counts(r, rest.count);
	if (rest.task.p)
		merge_task(mi, r, rest.task, m);
	set_status(mi, r, rest.status);
	set_only_task(mi, r, seq);
	if (fresh && r->group)
		merge_members(r->group, object, seq);
	note_changes(mi, r, &was);
	r->line = 0;
	waitq_wake(mi->park, &r->waitq);
	return r;
}

/* --- engines, the controller -------------------------------------------- */

#define E(member) offsetof(struct engine, member)

static const struct field engine_fields[] = {
	{"uuid", FIELD_TEXT, E(uuid), 0},
	{"state", FIELD_TEXT, E(state), 0},
	{"why", FIELD_TEXT, E(why), 0},
	{"host", FIELD_TEXT, E(host), 0},
	{"pid", FIELD_INT, E(pid), 0},
	{"language", FIELD_TEXT, E(language), 0},
	{"since", FIELD_INT, E(since), 0},
	{"until", FIELD_INT, E(until), 0},
	{"heartbeat", FIELD_INT, E(heartbeat), 0},
	{"slots", FIELD_INT, E(slots), 0},
	{"free", FIELD_INT, E(free), 0},
	{"queue", FIELD_INT, E(queue), 0},
	{"completed", FIELD_INT, E(completed), 0},
	{.name = NULL},
};

struct engine_rest {
	int64_t id;
	struct bytes uuid, running, resources, vars;
};

static const struct field engine_rest_fields[] = {
	{"id", FIELD_INT, offsetof(struct engine_rest, id), 0},
	{"uuid", FIELD_SPAN, offsetof(struct engine_rest, uuid), 0},
	{"running", FIELD_SPAN, offsetof(struct engine_rest, running), 0},
	{"resources", FIELD_SPAN, offsetof(struct engine_rest, resources), 0},
	{"vars", FIELD_SPAN, offsetof(struct engine_rest, vars), 0},
	{.name = NULL},
};

/* A list of texts, one a line. */
static void set_lines(char **lines, struct bytes list)
{
	struct buf b = BUF_INIT;
	struct bytes value, text;
	struct scan s;

	if (!scan_array(&s, list))
		return;
	while (scan_element(&s, &value)) {
		if (!scan_plain(value, &text))
			continue;
		buf_put_escaped(&b, text, 128);
		buf_putc(&b, '\n');
	}
	free(*lines);
	*lines = buf_take(&b);
}

static bool is_another_engine(const struct engine *e, struct bytes uuid)
{
	struct bytes text;

	return e->uuid && scan_plain(uuid, &text) && !bytes_is(text, e->uuid);
}

/* What is known is newer: a reply comes by another way than the changes before it. */
static bool is_older(const struct engine *e, uint64_t seq, bool whole)
{
	return e->seq > seq || (e->seq == seq && e->whole && !whole);
}

static void merge_vars(struct mirror *mi, struct engine *e,
		       const struct engine_rest *rest, uint64_t seq, bool older)
{
	bool another = is_another_engine(e, rest->uuid);

	if (another && !older)
		variables_drop(mi, e);
	if (!rest->vars.p || e->vars_seq > seq || (another && older))
		return;
	e->vars_seq = seq;
	variables_merge(mi, e, rest->vars, false);
	waitq_wake(mi->park, &e->waitq);
}

void merge_engine(struct mirror *mi, struct bytes object, uint64_t seq,
		  bool whole)
{
	struct engine_rest rest = {.id = -1};
	struct engine *e;
	int64_t queue, completed;
	unsigned what = 0;
	bool older;
	char *was;

	if (!scan_fields(object, engine_rest_fields, &rest) || rest.id < 0 ||
	    rest.id > MIRROR_MAX_ID)
		return;
	e = mirror_engine(mi, (uint64_t)rest.id);
	if (!e && ((rest.vars.p && !rest.uuid.p) ||
		   mirror_engine_was_gone(mi, (uint64_t)rest.id, seq)))
		return;
	if (!e)
		e = mirror_add_engine(mi, (uint64_t)rest.id);
	e->round = mi->round;
	older = is_older(e, seq, whole);
	merge_vars(mi, e, &rest, seq, older);
	if (older)
		return;
	e->seq = seq;
	e->whole = whole;
	queue = e->queue;
	completed = e->completed;
	was = e->state ? xstrdup(e->state) : NULL;
	(void)scan_fields(object, engine_fields, e);
	set_lines(&e->running, rest.running);
	set_lines(&e->resources, rest.resources);
	if (e->state && (!was || strcmp(was, e->state) != 0)) {
		event_ring_add(&mi->events, EVENT_OF_ENGINE, e->id, e->state);
		what |= NOTE_STATUS;
	}
	if (queue != e->queue || completed != e->completed)
		what |= NOTE_WORK;
	mirror_note(mi, EVENT_OF_ENGINE, e->id, e->since, what);
	free(was);
	waitq_wake(mi->park, &e->waitq);
}

#define C(member) offsetof(struct counts, member)

static const struct field counts_fields[] = {
	{"waiting", FIELD_INT, C(waiting), 0},
	{"running", FIELD_INT, C(running), 0},
	{"completed", FIELD_INT, C(completed), 0},
	{"scheme", FIELD_TEXT, C(scheme), 0},
	{"trouble", FIELD_TEXT, C(trouble), 0},
	{"results", FIELD_INT, C(results), 0},
	{.name = NULL},
};

/* What only state_reply has. */
struct state_numbers {
	struct bytes tasks, counters, gauges;
};

#define SN(member) offsetof(struct state_numbers, member)

static const struct field state_numbers_fields[] = {
	{"tasks", FIELD_SPAN, SN(tasks), 0},
	{"counters", FIELD_SPAN, SN(counters), 0},
	{"gauges", FIELD_SPAN, SN(gauges), 0},
	{.name = NULL},
};

static void keep_text(char **to, struct bytes text)
{
	if (!text.p)
		return;
	free(*to);
	*to = xmemdup_nul(text.p, text.n);
}

void merge_counters(struct mirror *mi, struct bytes object)
{
	struct counts *c = &mi->counts;
	struct state_numbers n = {0};

	if (!scan_fields(object, state_numbers_fields, &n))
		return;
	keep_text(&c->tasks, n.tasks);
	keep_text(&c->counters, n.counters);
	keep_text(&c->gauges, n.gauges);
}

static const struct field upstream_fields[] = {
	{"url", FIELD_TEXT, C(upstream_url), 0},
	{"state", FIELD_TEXT, C(upstream_state), 0},
	{.name = NULL},
};

struct counts_rest {
	struct bytes upstream, queues;
};

static const struct field counts_rest_fields[] = {
	{"upstream", FIELD_SPAN, offsetof(struct counts_rest, upstream), 0},
	{"queues", FIELD_SPAN, offsetof(struct counts_rest, queues), 0},
	{.name = NULL},
};

void merge_counts(struct mirror *mi, struct bytes object, uint64_t seq)
{
	struct counts_rest rest = {0};

	merge_counters(mi, object);
	if (mi->counts.seq > seq)
		return;
	mi->counts.seq = seq;
	(void)scan_fields(object, counts_fields, &mi->counts);
	(void)scan_fields(object, counts_rest_fields, &rest);
	if (rest.upstream.p)
		(void)scan_fields(rest.upstream, upstream_fields, &mi->counts);
	queues_set(mi, rest.queues);
	mirror_note(mi, EVENT_OF_CONTROLLER, 0, 0, NOTE_WORK);
	waitq_wake(mi->park, &mi->events.waitq);
}
