/*
 * graph.h: which result waits for which: the options after and follow.
 *
 * An entry names a result by id or by name (its user's newest of that name when
 * it is submitted) and how that must have ended: "12" and "build" ok, "12:error"
 * with an error, "12:any" at all. A dependency is met, or can never be met;
 * then the waiting result ends at once: what was to come out otherwise aborts it
 * (Skipped), what cannot be for another reason is its ImpossibleDependency.
 * `follow` adds that the task runs on the engine that ran those.
 */
#ifndef TASKFS_CONTROLLER_SCHEDULE_GRAPH_H
#define TASKFS_CONTROLLER_SCHEDULE_GRAPH_H

#include "model/results.h"

/*
 * What a user's `after` and `follow` name is there: 0, or -EINVAL with the reason
 * in *why.
 */
int graph_check(struct controller *c, uint32_t uid,
		struct json_object *options, struct buf *why) must_check;
/* Reads both of a new result, after graph_check() of the same turn. */
void graph_add(struct result *r, struct json_object *options);

/*
 * A condition of ipyparallel: these results ended so, all of them or (`any`)
 * one. `unknown`: it names something else besides.
 */
struct condition {
	uint64_t *id;
	size_t n;
	enum dep_ending on;
	bool any, follow, unknown;
};

/* Whether the condition is met now, whatever it names besides. */
bool graph_is_met(struct controller *c, const struct condition *k);
/* Adds a condition to r. False: it can never be met, and r has ended over it. */
bool graph_add_condition(struct result *r, const struct condition *k);

/* Reads what result_deps_text() wrote, at the start; graph_resume() follows when all
 * results are there. False: the text is damaged. */
bool graph_parse(struct result *r, const char *text) must_check;
void graph_resume(struct result *r);
/* The result ended: those that wait for it go on, or end. */
void graph_ended(struct result *r);
/* The result could not be stored and goes: those that wait for it end. */
void graph_doomed(struct result *r);
/* Appends "after 12, 13"; nothing when r waits for no result. */
void graph_why(const struct result *r, struct buf *out);

#endif
