/*
 * terms.h: what a query says: "status=failed,label=x*,engine=3".
 *
 * Terms with commas between them, all of which hold for a result that matches: a word of
 * query_words[], one of = != < <= > >=, and a value. A status and a label are texts, with
 * `*` and `?` in them; all else are numbers (or two, as 2-7), lengths of time ("10m") or
 * times ("2026-11-29", or the beginning of a longer one; "-10m": so long ago). What a
 * result has not (yet) matches nothing.
 */
#ifndef TASKFS_FS_QUERY_TERMS_H
#define TASKFS_FS_QUERY_TERMS_H

#include "base/buf.h"
#include "mirror/mirror.h"

#define QUERY_TERMS 16

struct query_word;

struct query_term {
	const struct query_word *word;
	bool negated;
	int64_t from, to;	/* numbers in [from, to) */
	unsigned states;	/* one bit for each enum state */
	struct bytes text;	/* borrowed from the query */
};

struct query {
	struct query_term term[QUERY_TERMS];
	size_t n;
	/* A result that matches is in one of these: one bit for each enum state. */
	unsigned states;
};

/* Points into the text. -EINVAL: it is no query, and *why says why not. */
int query_parse(struct query *q, struct bytes text, struct buf *why) must_check;
bool query_matches(const struct query *q, const struct result *r);
/* `*` is any text, `?` one character. */
bool query_glob(struct bytes pattern, struct bytes text);

#endif
