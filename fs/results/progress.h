/*
 * progress.h: how far a result is, or one task of many, for the line that says so
 * (drawing/bar.h).
 */
#ifndef TASKFS_FS_RESULTS_PROGRESS_H
#define TASKFS_FS_RESULTS_PROGRESS_H

#include "drawing/bar.h"
#include "mirror/mirror.h"

/*
 * t: the one of many, which is drawn as a result of one task; NULL: the result. d: the
 * texts of that task, or NULL. What it points to is the mirror's: good for the turn.
 */
struct bar progress_bar(const struct result *r, const struct task *t,
			const struct detail *d);

#endif
