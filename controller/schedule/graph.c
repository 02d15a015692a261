#include "base/base.h"
#include "graph.h"

#include "base/parse.h"
#include "model/engines.h"
#include "model/ready.h"
#include "run.h"
#include "unbegun.h"
#include "wire/task_option.h"

static struct dep *add_dep(struct result *r)
{
	r->dep = xreallocarray(r->dep, r->ndeps + 1, sizeof(*r->dep));
	r->unmet++;
	return &r->dep[r->ndeps++];
}

static void add_dependent(struct result *on, uint64_t id)
{
	on->dependent = xreallocarray(on->dependent, on->ndependents + 1,
				      sizeof(*on->dependent));
	on->dependent[on->ndependents++] = id;
}

/* --- reading ------------------------------------------------------------ */

/* Who asks, and of which results it may speak: those before this id. */
struct asker {
	struct controller *c;
	uint32_t uid;
	uint64_t before;
};

/* A result by its id, or the newest of the user's by its name. */
static struct result *find_named(const struct asker *by, struct bytes name)
{
	struct result *r;
	uint64_t id;

	if (parse_u64(name, 1, INT64_MAX, &id))
		r = result_named(by->c, by->uid, name);
	else
		r = id < by->before ? result_find(by->c, id) : NULL;
	return r && !r->doomed ? r : NULL;
}

/* "NAME" or "NAME:ENDING" or a number. NULL: there is none. */
static struct result *find_entry(const struct asker *by, struct bytes text,
				 uint8_t *ret_on)
{
	const char *colon = memchr(text.p, ':', text.n);
	struct bytes name = text;
	int how = ON_OK;

	if (colon) {
		name.n = (size_t)(colon - (const char *)text.p);
		how = dep_ending_parse(bytes_of(colon + 1, text.n - name.n - 1));
	}
	*ret_on = (uint8_t)how;
	return how < 0 ? NULL : find_named(by, name);
}

static struct bytes entry_text(struct json_object *list, size_t i)
{
	return bytes_str(json_object_get_string(
		json_object_array_get_idx(list, i)));
}

static int check_list(const struct asker *by, struct json_object *list,
		      const char *name, struct buf *why)
{
	size_t i, n = list ? json_object_array_length(list) : 0;
	uint8_t on;

	for (i = 0; i < n; i++) {
		struct bytes text = entry_text(list, i);

		if (find_entry(by, text, &on))
			continue;
		buf_printf(why, "\"%s\": there is no result ", name);
		buf_put_escaped(why, text, 200);
		if (task_name_ok(bytes_of(text.p, strcspn(text.p, ":"))))
			buf_printf(why, " of user %u", by->uid);
		return -EINVAL;
	}
	return 0;
}

int graph_check(struct controller *c, uint32_t uid,
		struct json_object *options, struct buf *why)
{
	struct asker by = {c, uid, UINT64_MAX};
	int err = check_list(&by, json_get_array(options, "after"), "after",
			     why);

	return err ? err : check_list(&by, json_get_array(options, "follow"),
				      "follow", why);
}

static void read_list(struct result *r, struct json_object *list, bool follow)
{
	struct asker by = {r->c, r->uid, r->id};
	size_t i, n = list ? json_object_array_length(list) : 0;
	uint8_t on_what;

	for (i = 0; i < n; i++) {
		struct result *on = find_entry(&by, entry_text(list, i),
					       &on_what);
		struct dep *d = r->dep;

		assert(on);
		while (d < r->dep + r->ndeps &&
		       !(d->id == on->id && d->on == on_what &&
			 d->follow == follow))
			d++;
		if (d < r->dep + r->ndeps)
			continue;
		*add_dep(r) = (struct dep){.id = on->id, .engine = -1,
					   .on = on_what, .follow = follow};
		add_dependent(on, r->id);
	}
}

bool graph_parse(struct result *r, const char *text)
{
	struct bytes rest = bytes_str(text ? text : "");
	struct dep d;
	int more;

	while ((more = dep_next(&rest, &d)) > 0) {
		*add_dep(r) = d;
		r->unmet -= d.met;
	}
	return more == 0;
}

/* --- deciding ----------------------------------------------------------- */

static const struct ending impossible = {
	.event = EVENT_FAIL,
	.ename = "ImpossibleDependency",
};

/* How a result ends when what it waited for came out otherwise. */
static const struct ending *skipped(const struct result *r)
{
	static const struct ending how = {
		.event = EVENT_ABORT,
		.ename = "Skipped",
	};

	return r->ops->skip_is_failure ? &impossible : &how;
}

static bool ended_so(enum state s, uint8_t on)
{
	return on == ON_ANY || (on == ON_OK && s == STATE_OK) ||
	       (on == ON_ERROR && s == STATE_ERROR) ||
	       (on == ON_FAIL && s != STATE_OK);
}

/* The engine on which every task of the result ran, or -1. */
static int64_t engine_of(const struct result *r)
{
	uint64_t i;

	for (i = 1; i < r->ntasks; i++)
		if (r->task[i].engine != r->task[0].engine)
			return -1;
	return r->task[0].engine;
}

/* From now on only the engine that ran `on` will do. */
static bool follow(struct result *r, struct dep *d, const struct result *on)
{
	int64_t e = engine_of(on);
	size_t i;

	if (e < 0) {
		result_end_saying(r, &impossible,
				  "follow %llu: it did not run on one engine",
				  (unsigned long long)on->id);
		return false;
	}
	for (i = 0; i < r->ntargets && r->targets[i] != e; i++)
		;
	if (r->ntargets && i == r->ntargets) {
		result_end_saying(r, &impossible,
				  "follow %llu: it ran on engine %lld, which the "
				  "other options rule out",
				  (unsigned long long)on->id, (long long)e);
		return false;
	}
	result_set_target(r, e);
	d->engine = e;
	return true;
}

/* Stores which dependencies are met: they stay so, also when the result that met one
 * is purged. */
static void put_deps(struct result *r)
{
	struct store_op *op = store_op_new(STORE_DEPS);

	op->result.id = r->id;
	op->result.deps = result_deps_text(r);
	store_put(r->c->store, op);
}

/* Whether one of the same condition is met already, or may still be. */
static bool any_met(const struct result *r, const struct dep *of)
{
	const struct dep *d;

	for (d = r->dep; d < r->dep + r->ndeps; d++)
		if (d->any && d->follow == of->follow && d->met)
			return true;
	return false;
}

static bool any_open(const struct result *r, const struct dep *of)
{
	const struct dep *d;

	for (d = r->dep; d < r->dep + r->ndeps; d++)
		if (d->any && d->follow == of->follow && !d->failed)
			return true;
	return false;
}

static bool meet_any(struct result *r, struct dep *d, const struct result *on,
		     enum state s)
{
	if (!ended_so(s, d->on)) {
		d->failed = true;
		if (any_open(r, d))
			return true;
		result_end_saying(r, skipped(r), "%s: none of them ended so",
				  d->follow ? "follow" : "after");
		return false;
	}
	if (!any_met(r, d))
		r->unmet--;
	d->met = true;
	d->engine = engine_of(on);
	return true;
}

/* `on` has ended: the dependency is met. False: it never can be, and r has ended
 * over it. */
static bool meet(struct result *r, struct dep *d, const struct result *on)
{
	enum state s = result_state(on);

	if (d->met || !state_is_final(s))
		return true;
	if (d->any)
		return meet_any(r, d, on, s);
	if (!ended_so(s, d->on)) {
		result_end_saying(r, skipped(r),
				  "%s %llu: it ended with status %s",
				  d->follow ? "follow" : "after",
				  (unsigned long long)on->id, state_name(s));
		return false;
	}
	if (d->follow && !follow(r, d, on))
		return false;
	d->met = true;
	r->unmet--;
	if (r->stored && r->ops->lasts)
		put_deps(r);
	return true;
}

void graph_add(struct result *r, struct json_object *options)
{
	size_t i;

	read_list(r, json_get_array(options, "after"), false);
	read_list(r, json_get_array(options, "follow"), true);
	for (i = 0; i < r->ndeps; i++)
		if (!meet(r, &r->dep[i], result_find(r->c, r->dep[i].id)))
			break;
}

bool graph_is_met(struct controller *c, const struct condition *k)
{
	size_t i;

	for (i = 0; i < k->n && k->any; i++) {
		struct result *on = result_find(c, k->id[i]);
		enum state s = on ? result_state(on) : STATE_NONE;

		if (state_is_final(s) && ended_so(s, (uint8_t)k->on))
			return true;
	}
	return false;
}

bool graph_add_condition(struct result *r, const struct condition *k)
{
	size_t i, first = r->ndeps;

	for (i = 0; i < k->n; i++) {
		struct result *on = result_find(r->c, k->id[i]);
		struct dep *d = add_dep(r);

		*d = (struct dep){.id = k->id[i], .engine = -1,
				  .on = (uint8_t)k->on, .follow = k->follow,
				  .any = k->any};
		add_dependent(on, r->id);
	}
	/* Of `any` the first that is met counts for all. */
	if (k->any && k->n)
		r->unmet -= k->n - 1;
	for (i = first; i < r->ndeps; i++)
		if (!meet(r, &r->dep[i], result_find(r->c, r->dep[i].id)))
			return false;
	return true;
}

void graph_resume(struct result *r)
{
	size_t i;

	if (!r->ops->lasts || state_is_final(result_state(r)))
		return;
	for (i = 0; i < r->ndeps; i++) {
		struct result *on = result_find(r->c, r->dep[i].id);

		if (r->dep[i].met)
			continue;
		if (!on) {
			result_end_saying(r, &impossible,
					  "after %llu: it is gone",
					  (unsigned long long)r->dep[i].id);
			return;
		}
		add_dependent(on, r->id);
		if (!meet(r, &r->dep[i], on))
			return;
	}
}

void graph_ended(struct result *on)
{
	size_t i, k;

	for (i = 0; i < on->ndependents; i++) {
		struct result *r = result_find(on->c, on->dependent[i]);

		for (k = 0; r && k < r->ndeps; k++)
			if (r->dep[k].id == on->id &&
			    !meet(r, &r->dep[k], on))
				break;
		if (r && !r->unmet)
			ready_add(r);
	}
	on->ndependents = 0;
}

void graph_doomed(struct result *on)
{
	size_t i;

	for (i = 0; i < on->ndependents; i++) {
		struct result *r = result_find(on->c, on->dependent[i]);

		if (r && !r->doomed)
			result_end_saying(r, &impossible,
					  "after %llu: it could not be stored",
					  (unsigned long long)on->id);
	}
	on->ndependents = 0;
}

void graph_why(const struct result *r, struct buf *out)
{
	size_t i;

	for (i = 0; i < r->ndeps; i++) {
		if (r->dep[i].met)
			continue;
		buf_printf(out, "%s%s %llu", out->n ? ", " : "",
			   r->dep[i].follow ? "follow" : "after",
			   (unsigned long long)r->dep[i].id);
	}
}
