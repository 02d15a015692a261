/*
 * pool_option.h: what can be said about a pool, and what pools and launches are
 * called: one table, from which come the files of a pool, the checks of the
 * controller, and the documentation.
 *
 * The value of an option is the text that a user wrote, without white space around a
 * number. An empty text means the standard.
 */
#ifndef TASKFS_POOL_OPTION_H
#define TASKFS_POOL_OPTION_H

#include "base/buf.h"

enum pool_option_type {
	POOL_COMMAND,	/* text without NUL, for /bin/sh -c */
	POOL_COUNT,	/* integer */
	POOL_SECONDS,	/* number; as in parse_duration() */
};

struct pool_option {
	const char *name;
	enum pool_option_type type;
	const char *standard;	/* NULL: none */
	double min, max;	/* of a number; max: bytes else */
	const char *help;
};

/* The table, in the order of the documentation; a row without name ends it. */
extern const struct pool_option pool_options[];
const struct pool_option *pool_option_find(struct bytes name);
/* Says that there is none of that name, and the nearest one; -EINVAL. */
int pool_option_unknown(struct bytes name, struct buf *why);

/*
 * A value as a user writes it, perhaps with a newline behind it; empty: the standard.
 * 0, -EINVAL or -EFBIG with the reason, a sentence that names the option, in *why.
 * *ret_value is the part of it that is kept.
 */
int pool_option_check(const struct pool_option *o, struct bytes text,
		      struct bytes *ret_value, struct buf *why) must_check;

/* The number that a checked value is: engines, or microseconds. NULL or empty: that of
 * the standard; 0 where there is none. */
uint64_t pool_option_number(const struct pool_option *o, const char *value);

/* 1 to LIMIT_POOL_NAME of the letters A-Z and a-z, digits, "._-", not beginning with
 * "." or "-", not all digits. */
bool pool_name_ok(struct bytes name);
#define POOL_NAME_RULE \
	": at most 64 letters without accents, digits and ._-, not all digits, " \
	"not beginning with . or -"

/* 1 to LIMIT_LAUNCH of the same characters. */
bool launch_token_ok(struct bytes token);

#endif
