/*
 * fit.h: which engines may have a task: those that it names, that understand it, and
 * that have what it needs.
 */
#ifndef TASKFS_CONTROLLER_SCHEDULE_FIT_H
#define TASKFS_CONTROLLER_SCHEDULE_FIT_H

#include "model/engines.h"
#include "model/results.h"

/* There are such engines, with room or not. */
struct speakers {
	bool shell, python;
};

void fit_note(struct speakers *s, const struct engine *e);

/* Of `follow` with `any`: whether the engine has run one of those results. */
bool fit_follows(const struct result *r, int64_t engine);
/* The engine is one of those that may have it, and understands it. */
bool fit_allows(const struct speakers *s, const struct result *r,
		const struct engine *e);
/* The engine is there for as long as n needs, from then on (mono_usec()). */
bool fit_in_time(const struct needs *n, const struct engine *e, uint64_t when);
/* The engine has as much as the tasks of r need, when nothing else runs there. */
bool fit_ever(const struct result *r, const struct engine *e);
/*
 * It has as much now. A task that needs one slot and nothing else may also wait there,
 * as --hwm allows.
 */
bool fit_now(const struct needs *n, const struct engine *e);

#endif
