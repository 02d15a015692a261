#include "merge_task.h"
#include "group.h"
#include "wire/limits.h"
#include "wire/scan.h"

/* --- a task ------------------------------------------------------------- */

/* Its numbers as they are read; what is missing stays as it was. */
struct numbers {
	int64_t engine, attempt, exit_status, signal;
	int64_t size[STREAM_OUTPUTS];
	bool value_is_stdout;
	struct bytes usage, buffers;
};

#define N(member) offsetof(struct numbers, member)

static const struct field number_fields[] = {
	{"engine", FIELD_INT, N(engine), -1},
	{"attempt", FIELD_INT, N(attempt), 0},
	{"stdout", FIELD_INT, N(size[STREAM_STDOUT]), 0},
	{"stderr", FIELD_INT, N(size[STREAM_STDERR]), 0},
	{"value", FIELD_INT, N(size[STREAM_VALUE]), 0},
	{"data", FIELD_INT, N(size[STREAM_DATA]), 0},
	{"exit_status", FIELD_INT, N(exit_status), -1},
	{"signal", FIELD_INT, N(signal), -1},
	{"value_is_stdout", FIELD_BOOL, N(value_is_stdout), 0},
	{"usage", FIELD_SPAN, N(usage), 0},
	{"buffers", FIELD_SPAN, N(buffers), 0},
	{.name = NULL},
};

#define D(member) offsetof(struct detail, member)

static const struct field detail_fields[] = {
	{"engine_uuid", FIELD_TEXT, D(engine_uuid), 0},
	{"msg_id", FIELD_TEXT, D(msg_id), 0},
	{"ename", FIELD_TEXT, D(ename), 0},
	{"evalue", FIELD_TEXT, D(evalue), 0},
	{"traceback", FIELD_TEXT, D(traceback), 0},
	{"cwd", FIELD_TEXT, D(cwd), 0},
	{"attempts", FIELD_TEXT, D(attempts), 0},
	{.name = NULL},
};

static const struct field usage_fields[] = {
	{"user", FIELD_REAL, D(user), 0},
	{"system", FIELD_REAL, D(system), 0},
	{"memory", FIELD_INT, D(memory), 0},
	{.name = NULL},
};

static struct numbers numbers_of(const struct task *t)
{
	struct numbers n = {
		.engine = t->engine,
		.attempt = t->attempt,
		.exit_status = t->exit_status,
		.signal = t->signal,
		.value_is_stdout = t->value_is_stdout,
	};
	int i;

	for (i = 0; i < STREAM_OUTPUTS; i++)
		n.size[i] = (int64_t)t->size[i];
	return n;
}

static bool is_between(int64_t n, int64_t min, int64_t max)
{
	return n >= min && n <= max;
}

/* Each number has room in struct task. */
static bool fits(const struct numbers *n)
{
	int i;

	for (i = 0; i < STREAM_OUTPUTS; i++)
		if (n->size[i] < 0)
			return false;
	return is_between(n->engine, -1, MIRROR_MAX_ID) &&
	       is_between(n->attempt, 0, UINT16_MAX) &&
	       is_between(n->exit_status, -1, LIMIT_EXIT) &&
	       is_between(n->signal, -1, LIMIT_SIGNAL);
}

static void set_numbers(struct task *t, const struct numbers *n)
{
	int i;

	t->engine = (int32_t)n->engine;
	t->attempt = (uint16_t)n->attempt;
	t->exit_status = (int16_t)n->exit_status;
	t->signal = (int16_t)n->signal;
	t->value_is_stdout = n->value_is_stdout;
	for (i = 0; i < STREAM_OUTPUTS; i++)
		t->size[i] = (uint64_t)n->size[i];
}

static void set_usage(struct detail *d, struct bytes usage)
{
	d->used = !scan_is_null(usage) &&
		  scan_fields(usage, usage_fields, d);
}

static int stream_of(struct bytes name)
{
	int i;

	for (i = 0; i < STREAM_OUTPUTS; i++)
		if (bytes_is(name, stream_name((enum stream)i)))
			return i;
	return -1;
}

static void keep_outputs(struct mirror *mi, struct result *r,
			 struct bytes buffers, const struct msg *m)
{
	struct bytes out[STREAM_OUTPUTS] = {{0}}, key, value;
	bool any = false;
	struct scan s;
	int64_t n;
	int i;

	if (!m || !scan_object(&s, buffers))
		return;
	while (scan_member(&s, &key, &value)) {
		i = stream_of(key);
		if (i < 0 || !scan_int(value, &n) || n < 0 ||
		    n >= msg_buffers(m) ||
		    msg_buffer(m, (unsigned)n).n != r->one.size[i])
			continue;
		out[i] = msg_buffer(m, (unsigned)n);
		any = true;
	}
	if (any)
		mirror_keep(mi, r, out);
}

static bool is_timeout(const char *ename)
{
	return ename && (strcmp(ename, "TaskTimeout") == 0 ||
			 strcmp(ename, "TaskTimeLimit") == 0);
}

void merge_task(struct mirror *mi, struct result *r, struct bytes task,
		     const struct msg *m)
{
	struct numbers n = numbers_of(&r->one);

	if (!scan_fields(task, number_fields, &n) || !fits(&n) ||
	    !scan_fields(task, detail_fields, &r->detail))
		return;
	set_numbers(&r->one, &n);
	r->one.timed_out = is_timeout(r->detail.ename);
	if (n.usage.p)
		set_usage(&r->detail, n.usage);
	if (n.buffers.p)
		keep_outputs(mi, r, n.buffers, m);
}

bool merge_detail(struct bytes object, struct detail *d)
{
	struct numbers n = {0};

	if (!scan_fields(object, number_fields, &n) ||
	    !scan_fields(object, detail_fields, d))
		return false;
	if (n.usage.p)
		set_usage(d, n.usage);
	return true;
}

enum state merge_state(struct bytes value)
{
	struct bytes text;
	char word[16];

	if (!scan_plain(value, &text) || text.n >= sizeof(word))
		return STATE_NONE;
	memcpy(word, text.p, text.n);
	word[text.n] = '\0';
	return state_parse(word);
}

/* --- the tasks of a map or view ------------------------------------------ */

/* What a result says of its group's tasks. It is read apart: it may come late. */
struct members {
	struct bytes changed, rest, rest_ename;
	int64_t rest_from, rest_when, rest_elapsed;
};

#define M(member) offsetof(struct members, member)

static const struct field members_fields[] = {
	{"rest", FIELD_SPAN, M(rest), 0},
	{"rest_ename", FIELD_SPAN, M(rest_ename), 0},
	{"rest_from", FIELD_INT, M(rest_from), 0},
	{"rest_when", FIELD_INT, M(rest_when), 0},
	{"rest_elapsed", FIELD_INT, M(rest_elapsed), 0},
	{"changed", FIELD_SPAN, M(changed), 0},
	{.name = NULL},
};

/* The numbers of a task in short, in the order they are told. */
enum { M_INDEX, M_STATE, M_ENGINE, M_ATTEMPT, M_STARTED, M_COMPLETED,
       M_RECEIVED, M_EXIT, M_SIGNAL, M_SIZE,
       M_ON_STDOUT = M_SIZE + STREAM_OUTPUTS, M_TIMED_OUT,
       M_HELD, M_BEGAN, M_RAN, M_ELAPSED, M_USER, M_SYSTEM, M_MEMORY,
       MEMBERS };

static struct usage usage_of(int64_t user, int64_t system, int64_t memory)
{
	struct usage u = {
		.user = (float)user / 1e3F,
		.system = (float)system / 1e3F,
		.memory = (uint32_t)min_u64((uint64_t)memory / KIB, UINT32_MAX),
	};

	return user < 0 || system < 0 || memory < 0 ? USAGE_UNKNOWN : u;
}

bool merge_short(struct bytes list, uint32_t n, uint32_t *ret_i,
		 struct task *ret_t, struct usage *ret_u)
{
	int64_t m[MEMBERS] = {[M_USER] = -1};
	struct numbers numbers;
	struct bytes v;
	struct scan s;
	int i = 0;

	if (!scan_array(&s, list))
		return false;
	while (i < MEMBERS && scan_element(&s, &v))
		if (!scan_int(v, &m[i++]))
			return false;
	if (i <= M_ON_STDOUT || m[M_INDEX] < 0 || m[M_INDEX] >= n ||
	    m[M_STATE] <= STATE_NONE || m[M_STATE] >= STATES)
		return false;
	numbers = (struct numbers){
		.engine = m[M_ENGINE],
		.attempt = m[M_ATTEMPT],
		.exit_status = m[M_EXIT],
		.signal = m[M_SIGNAL],
		.value_is_stdout = m[M_ON_STDOUT] != 0,
	};
	memcpy(numbers.size, &m[M_SIZE], sizeof(numbers.size));
	if (!fits(&numbers))
		return false;
	*ret_i = (uint32_t)m[M_INDEX];
	*ret_t = (struct task){
		.state = (uint8_t)m[M_STATE],
		.started = m[M_STARTED],
		.completed = m[M_COMPLETED],
		.received = m[M_RECEIVED],
		.timed_out = m[M_TIMED_OUT] != 0,
		.held = m[M_HELD] != 0,
		.began = m[M_BEGAN],
		.ran = m[M_RAN],
		.elapsed = m[M_ELAPSED],
	};
	*ret_u = usage_of(m[M_USER], m[M_SYSTEM], m[M_MEMORY]);
	set_numbers(ret_t, &numbers);
	return true;
}

static void merge_changed(struct group *g, struct bytes changed, uint64_t seq)
{
	struct bytes v;
	struct usage u;
	struct task t;
	struct scan s;
	uint32_t i;

	if (!scan_array(&s, changed))
		return;
	while (scan_element(&s, &v))
		if (merge_short(v, g->n, &i, &t, &u))
			group_change(g, i, &t, &u, seq);
}

void merge_members(struct group *g, struct bytes object, uint64_t seq)
{
	struct members m = {0};
	struct rest rest;
	struct bytes ename;

	if (!scan_fields(object, members_fields, &m))
		return;
	rest.state = merge_state(m.rest);
	if (state_is_final(rest.state) &&
	    is_between(m.rest_from, 0, UINT32_MAX)) {
		rest.from = (uint32_t)m.rest_from;
		rest.when = m.rest_when;
		rest.elapsed = m.rest_elapsed;
		rest.timed_out = scan_plain(m.rest_ename, &ename) &&
				 bytes_is(ename, "TaskTimeout");
		group_end_rest(g, &rest, seq);
	}
	if (m.changed.p)
		merge_changed(g, m.changed, seq);
}
