/*
 * members.h: JSON as text, member by member, for messages that are so frequent that
 * no objects are made of them.
 *
 * The caller puts the braces; a comma is put where one is needed, also before the
 * elements of a list, which have no key (NULL). Keys are plain words.
 */
#ifndef TASKFS_MEMBERS_H
#define TASKFS_MEMBERS_H

#include "wire/json.h"

/* "key": and whatever the caller appends behind it. */
void member_begin(struct buf *out, const char *key);
void member_int(struct buf *out, const char *key, int64_t n);
/* In seconds, with six places. */
void member_seconds(struct buf *out, const char *key, double seconds);
void member_bool(struct buf *out, const char *key, bool v);
void member_null(struct buf *out, const char *key);
/* Bytes that are no UTF-8 become U+FFFD. NULL is null. */
void member_str(struct buf *out, const char *key, const char *s);
void member_bytes(struct buf *out, const char *key, struct bytes b);
/* What is JSON already. */
void member_raw(struct buf *out, const char *key, struct bytes json);
/* All members of an object, as they are there. */
void member_all(struct buf *out, struct json_object *obj);

#endif
