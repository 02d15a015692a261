/*
 * sync.h: keeps the mirror true: the first filling, every change after it,
 * and what was missed.
 *
 * When the line comes up the state and all results are asked for, page by
 * page; changes that arrive meanwhile are held back and applied behind them,
 * each only to objects that are not newer already. A gap in the numbers of
 * the changes is filled the same way, from the last number that is whole.
 */
#ifndef TASKFS_FS_MIRROR_SYNC_H
#define TASKFS_FS_MIRROR_SYNC_H

#include "link/link.h"
#include "mirror.h"

#define SYNC_HELD 4096		/* messages held back; more: ask again */

struct held_changes;

struct sync {
	struct link *link;
	struct mirror *mirror;
	bool filling;
	bool whole;		/* the filling is of everything */
	bool again;		/* something was lost meanwhile: fill again */
	uint64_t last;		/* all changes up to here are in the mirror */
	uint64_t since;		/* of the filling, when not whole */
	uint64_t first_seq;	/* of the first answer of the filling */
	bool has_results, has_state;
	struct request results, state;
	struct list held;
	size_t nheld;
	char instance[80];
	bool ever;		/* the mirror was filled once */
	uint64_t fills;
	void (*filled)(struct sync *s);	/* every time; may be NULL */
};

void sync_init(struct sync *s, struct link *link, struct mirror *mirror);
void sync_done(struct sync *s);
/* The line is up, and the first listing of results is not complete. */
bool sync_is_new(const struct sync *s);
/* From the link. */
void sync_up(struct sync *s);
void sync_down(struct sync *s);
void sync_changes(struct sync *s, struct msg *m);

#endif
