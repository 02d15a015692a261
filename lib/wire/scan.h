/*
 * scan.h: JSON read in place, for the messages that come thousands of times a
 * second: nothing is built, a value is a piece of the text.
 *
 * Every function checks the syntax of what it passes over (RFC 8259, depth up
 * to LIMIT_JSON_DEPTH); what is not JSON, or of another type than asked for,
 * is an answer of false. Text is passed on as the bytes it is.
 */
#ifndef TASKFS_SCAN_H
#define TASKFS_SCAN_H

#include "base/base.h"

/* Goes through the members of an object, or the elements of an array. */
struct scan {
	struct bytes rest;
	char close;	/* what ends it; 0: it is over */
	bool begun;
	bool bad;	/* a mistake ended it */
};

/* False when the value is no object (no array). */
bool scan_object(struct scan *s, struct bytes value) must_check;
bool scan_array(struct scan *s, struct bytes value) must_check;
/* False at the end, and at a mistake. Keys with escapes match nothing. */
bool scan_member(struct scan *s, struct bytes *ret_key,
		 struct bytes *ret_value) must_check;
bool scan_element(struct scan *s, struct bytes *ret_value) must_check;
/* One value and nothing behind it but blanks. */
bool scan_valid(struct bytes text) must_check;

bool scan_is_null(struct bytes value);
bool scan_int(struct bytes value, int64_t *ret_n) must_check;
bool scan_real(struct bytes value, double *ret_x) must_check;
bool scan_bool(struct bytes value, bool *ret_b) must_check;
/* A string, unescaped, NUL-terminated, the caller's. NULL: it is none. */
char *scan_text(struct bytes value);
/* A string without escapes, in place. */
bool scan_plain(struct bytes value, struct bytes *ret_text) must_check;

/*
 * What the members of an object are and where they go: a row per member, in
 * the order they usually come in. Members that are missing, or of another
 * type, change nothing; `null` sets a number to `null`, text to NULL.
 */
struct field {
	const char *name;	/* NULL ends the table */
	enum field_type {
		FIELD_INT,	/* int64_t, not negative */
		FIELD_REAL,	/* double */
		FIELD_BOOL,	/* bool */
		FIELD_TEXT,	/* char *, freed and set */
		FIELD_SPAN,	/* struct bytes: the value's own text */
	} type;
	size_t at;		/* offsetof() */
	int64_t null;
};

/* False: object is none, or there is a mistake in it. */
bool scan_fields(struct bytes object, const struct field *fields, void *into);

#endif
