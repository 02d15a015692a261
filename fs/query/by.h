/*
 * by.h: results/by/: a query (terms.h) is a directory there, which has a link to each
 * result that matches and that the asker may see. None of them is listed: a directory is
 * there when somebody names it.
 *
 * What matches is looked for when such a directory is opened. There may be a million
 * results, so a turn of the loop looks at a part of them, while the OPENDIR waits
 * (open/await.h); of a query about states only at those that run, have not ended or have
 * failed, if that is enough. What was found is kept for those who read the directory.
 */
#ifndef TASKFS_FS_QUERY_BY_H
#define TASKFS_FS_QUERY_BY_H

#include "mirror/numbered.h"
#include "terms.h"
#include "tree/node.h"

#define QUERIES_MAX 1024	/* texts that are remembered */
#define FOUND_MAX 64		/* listings */
#define FOUND_SLICE 2000	/* results that are looked at in one turn */

struct queries {
	struct fs *fs;
	struct numbered texts;
	struct list found;	/* used longest ago first */
	size_t nfound;
	struct work work;
};

void queries_init(struct queries *qs, struct fs *fs);
void queries_done(struct queries *qs);

extern const struct class query_class, match_class;
/* `refresh` of the directory of a query. */
int query_refresh(const struct obj *o, uint64_t since);
void match_target(const struct obj *o, struct buf *out);
/* A directory of a query is no thing: rm -r may remove it. */
int query_remove(const struct obj *o, struct wish *ret_wish);

#endif
