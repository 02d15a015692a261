/*
 * task_option.h: what can be said about a task: one table, from which come
 * the checks of submitted JSON, the option files of a result and of a draft,
 * and the documentation.
 *
 * Options travel as one JSON object in the form task_options_check() leaves
 * them. Three may hold any bytes and travel as raw buffers beside it: code,
 * stdin, and map (its items NUL-separated); in JSON from a user they are
 * text.
 */
#ifndef TASKFS_TASK_OPTION_H
#define TASKFS_TASK_OPTION_H

#include "base/buf.h"
#include "wire/json.h"

enum task_option_type {
	TASK_BYTES,	/* string in JSON; any bytes in a file */
	TASK_NAME,	/* a result's name; see task_name_ok() */
	TASK_TEXT,	/* string without NUL */
	TASK_OUT_PATH,	/* string (out_path.h) */
	TASK_ITEMS,	/* list of any values (map_items.h); a file: one string per line */
	TASK_RANGES,	/* string: "all", or numbers as "0,3-5" */
	TASK_LIST,	/* list of strings without NUL; a file: one per line */
	TASK_ENV,	/* object of strings; a file: NAME=VALUE lines */
	TASK_NAMES,	/* 0, 1, or list of strings; a file: one per line */
	TASK_IDS,	/* list of engine ids; a file: 0 2 3; or the string "all" */
	TASK_RESULTS,	/* list of ids or names; a file: one per line */
	TASK_FAILURES,	/* list of words (retry_on.h); a file: one per line */
	TASK_FLAG,	/* 0 or 1; true and false in JSON */
	TASK_MOMENT,	/* string: a time (moment.h) */
	TASK_COUNT,	/* integer */
	TASK_INTEGER,	/* integer, may be negative */
	TASK_SECONDS,	/* number */
	TASK_SIZE,	/* integer, or a string as "2G" */
	TASK_AMOUNTS,	/* object of integers; a file: NAME N lines */
};

enum task_option_flag {
	/* Who honours it. */
	TASK_BY_CONTROLLER = 1,	/* of the scheduler: result_read_options() */
	TASK_BY_ENGINE = 2,	/* gets it with the task: begin.c reads it */

	TASK_BY_MOUNT = 8,	/* done before it is submitted */

	TASK_NEEDS_MAP = 4,	/* is refused without a map */

	TASK_CHANGES = 16,	/* can be set until its result ends */
};

struct task_option {
	const char *name;
	enum task_option_type type;
	unsigned flags;		/* of enum task_option_flag */
	double min, max;	/* of a number; max: bytes or entries else */
	const char *help;
};

/* The table, in the order of the documentation; a row without name ends it. */
extern const struct task_option task_options[];
const struct task_option *task_option_find(struct bytes name);
/* Says that there is none of that name, and the nearest one; -EINVAL. */
int task_option_unknown(struct bytes name, struct buf *why);

/*
 * Checks options as a user writes them in JSON: known names, right types,
 * within limits. 0, -EINVAL or -EFBIG with the reason, a sentence that names
 * the option, in *why.
 */
int task_options_check(struct json_object *options, struct buf *why)
	must_check;

/* Options of a map, and there is none: -EINVAL with the reason in *why. */
int task_options_need_map(struct json_object *options, struct buf *why)
	must_check;

/* What does not do for several tasks: -EINVAL with the reason in *why. */
int task_options_check_many(struct json_object *options, struct buf *why)
	must_check;

/* The same of one value. */
int task_option_check(const struct task_option *o, struct json_object *v,
		      struct buf *why) must_check;

/*
 * 1 to LIMIT_NAME bytes of letters, digits, "._+-@," and UTF-8, not beginning
 * with ".", not all digits, none of the words the tree uses itself.
 */
bool task_name_ok(struct bytes name);
/* What follows "is no name": that rule, for who broke it. */
#define TASK_NAME_RULE \
	": at most 128 letters, digits, commas and ._+-@, not all digits, not " \
	"beginning with ., no word that the tree uses (new, last ...)"

#endif
