/*
 * graph.h: which result waits for which: the options after and follow.
 *
 * An entry names a result by id or by name (its user's newest of that name when
 * it is submitted) and how that must have ended: "12" and "build" ok, "12:error"
 * with an error, "12:any" at all. A dependency is met, or can never be met;
 * then the waiting result ends at once with ImpossibleDependency. `follow` adds
 * that the task runs on the engine that ran those.
 */
#ifndef TASKFS_GRAPH_H
#define TASKFS_GRAPH_H

#include "results.h"

/*
 * Reads after and follow of a new result. False: one of them is not known (or
 * is no result); *why is the sentence, and the result cannot run.
 */
bool graph_add(struct result *r, struct json_object *options, struct buf *why);

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

/* Met as it is, whatever it names besides. */
bool graph_is_met(struct controller *c, const struct condition *k);
/* False: that can never be, and r has ended over it. */
bool graph_add_condition(struct result *r, const struct condition *k);
/* Of `follow` with `any`: the engine has run one of those. */
bool graph_allows(const struct result *r, int64_t engine);

/* As dep_put() has it, for the store; caller frees; NULL: none. */
char *graph_text(const struct result *r);
/*
 * The reverse, at the start; graph_resume() when all results are there. False: it
 * is damaged.
 */
bool graph_parse(struct result *r, const char *text) must_check;
void graph_resume(struct result *r);
/* The result ended: those that wait for it go on, or end. */
void graph_ended(struct result *r);
/* It could not be stored and goes: those that wait for it end. */
void graph_doomed(struct result *r);
/* "after 12, 13"; nothing when it waits for no result. */
void graph_why(const struct result *r, struct buf *out);
void graph_free(struct result *r);

#endif
