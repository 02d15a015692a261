/*
 * draft.h: tasks/NAME/: a submission in the making, a file for each option.
 *
 * Drafts live in this mount's memory (what is big in unlinked files) and are
 * gone with it. A draft's id is never used again while mounted. Code, stdin
 * and map are bytes as they were written; every other option is a text with
 * its value, and takes a new text only when that is a good value. An empty
 * file is an option that is not given.
 *
 * While a draft is being submitted it does not change.
 */
#ifndef TASKFS_FS_TASKS_DRAFT_H
#define TASKFS_FS_TASKS_DRAFT_H

#include "base/blob.h"
#include "base/index.h"
#include "base/map.h"
#include "tree/node.h"
#include "wire/json.h"
#include "wire/task_option.h"

#define DRAFTS_MAX 256
#define DRAFTS_BYTES (4UL * 1024 * 1024 * 1024) /* code, stdin and map */
#define DRAFTS_TEXT (64UL * 1024 * 1024)	/* all other options */
#define DRAFT_OPTIONS 64	/* more than the rows of task_options[] */
#define DRAFT_MAP0 (DRAFT_OPTIONS - 1)	/* map, with a NUL behind each item */

struct draft_option {
	bool there;
	struct blob blob;		/* of TASK_BYTES, map and map0 */
	int broken;			/* -errno: a write to blob failed */
	struct buf text;		/* of others */
	struct json_object *value;	/* of text; NULL: it is empty */
};

struct draft {
	uint32_t id;
	struct making made;
	bool sending;
	struct draft_option option[DRAFT_OPTIONS];
	size_t n;
	char name[];
};

struct drafts {
	struct map by_name;
	struct index by_id;
	uint32_t last;
	uint64_t bytes, text;	/* in all of them */
};

void drafts_done(struct drafts *d);
struct draft *draft_find(const struct drafts *d, struct bytes name);
struct draft *draft_get(const struct drafts *d, uint32_t id);
/* -EEXIST; -ENOSPC: there are too many. */
int draft_new(struct drafts *d, struct bytes name, uid_t uid, gid_t gid,
	      struct draft **ret_w) must_check;
void draft_free(struct drafts *d, struct draft *w);

/* The files of a draft, by number: the rows of task_options[], and DRAFT_MAP0. False:
 * there is none of that name. */
bool draft_file_find(struct bytes name, unsigned *ret_i) must_check;
const char *draft_file_name(unsigned i);
bool draft_is_raw(unsigned i);
void draft_remove(struct drafts *d, struct draft *w, unsigned i);
/*
 * Raw ones. -EFBIG, -ENOSPC, -EINVAL or what the disk says, the reason in
 * *why when there is more to say. After that the draft cannot be submitted, until
 * that file got another size, or was removed.
 */
int draft_write(struct drafts *d, struct draft *w, unsigned i, uint64_t off,
		struct bytes data, struct buf *why) must_check;
int draft_resize(struct drafts *d, struct draft *w, unsigned i, uint64_t size,
		 struct buf *why) must_check;
/* As they were written, appended; -errno. */
int draft_read(const struct draft *w, unsigned i, uint64_t off, size_t n,
	       struct buf *out) must_check;
/*
 * The others: a new text, if it is a good one. -EINVAL, -EFBIG, -ENOSPC with
 * the reason in *why.
 */
int draft_set(struct drafts *d, struct draft *w, unsigned i,
	      struct bytes text, struct buf *why) must_check;
/* Whether draft_set() would. */
int draft_check(const struct draft *w, unsigned i, struct bytes text,
		struct buf *why) must_check;

/*
 * What is submitted, draft_task_done()'s to free; the bytes are good until the
 * draft changes. -EINVAL with the reason, or what the disk says.
 */
struct draft_task {
	struct json_object *options;	/* without those three */
	struct bytes code, stdin_, map;
	bool has_stdin, has_map;
};
int draft_task(struct drafts *d, struct draft *w, struct draft_task *ret,
	       struct buf *why) must_check;
void draft_task_done(struct draft_task *t);

#endif
