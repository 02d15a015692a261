/*
 * json.h: json-c with the strictness and the shortcuts all rooms need.
 *
 * Ownership as in json-c: what json_parse() returns is the caller's to
 * json_object_put(); what the getters return belongs to the object asked;
 * what is added belongs to the object it is added to.
 */
#ifndef TASKFS_JSON_H
#define TASKFS_JSON_H

#include "base/buf.h"

#include <json-c/json.h>

/*
 * One JSON value, UTF-8, nothing behind it but white space, depth and size
 * within limits.h. NULL otherwise; *ret_why (may be NULL) then names the
 * mistake, a static string.
 */
struct json_object *json_parse(struct bytes text, const char **ret_why);

/* A whole number of more than 64 bits: v is near to what was written, and not it. */
bool json_too_large(struct json_object *v);

/*
 * Members of an object, typed: NULL, false, or the fallback when the member is
 * missing, null, or of another type (or obj is no object).
 */
struct json_object *json_get(struct json_object *obj, const char *key);
struct json_object *json_get_object(struct json_object *obj, const char *key);
struct json_object *json_get_array(struct json_object *obj, const char *key);
/* NUL-terminated, but may hold NULs: n says how long it is (may be NULL). */
const char *json_get_str(struct json_object *obj, const char *key, size_t *n);
/* The same; p is NULL when there is no such string. */
struct bytes json_get_bytes(struct json_object *obj, const char *key);
bool json_get_int(struct json_object *obj, const char *key, int64_t *ret_n);
int64_t json_int_or(struct json_object *obj, const char *key, int64_t other);
/* v is an integer from min to max; else *ret_n stays. */
bool json_is_int(struct json_object *v, int64_t min, int64_t max,
		 int64_t *ret_n) must_check;
/* The same of a member that may be missing, or null: then *ret_n stays. */
bool json_get_range(struct json_object *obj, const char *key, int64_t min,
		    int64_t max, int64_t *ret_n) must_check;
double json_real_or(struct json_object *obj, const char *key, double other);
/* The member is true, or a number that is not 0. */
bool json_flag(struct json_object *obj, const char *key);
bool json_bool_or(struct json_object *obj, const char *key, bool other);

/* A string object; bytes that are no UTF-8 become U+FFFD. */
struct json_object *json_text(struct bytes text);

/*
 * Appends a JSON string, quotes and all; text as in json_text(). For messages
 * that are so frequent that no object is made of them.
 */
void json_put_text(struct buf *out, struct bytes text);

/* Add members. Text as in json_text(). */
void json_add(struct json_object *obj, const char *key, struct json_object *v);
void json_add_str(struct json_object *obj, const char *key, const char *s);
void json_add_bytes(struct json_object *obj, const char *key, struct bytes b);
void json_add_int(struct json_object *obj, const char *key, int64_t n);
void json_add_real(struct json_object *obj, const char *key, double x);
void json_add_bool(struct json_object *obj, const char *key, bool v);
void json_push(struct json_object *array, struct json_object *v);

/*
 * The strings of a list (NULL is an empty one), each with a newline behind it,
 * appended; what is no string is passed over, and nothing is appended beyond
 * `limit` bytes.
 */
void json_put_lines(struct json_object *list, size_t limit, struct buf *out);

/* The compact text, owned by obj, valid until obj changes. */
struct bytes json_bytes(struct json_object *obj);

/* The text is one of the elements; NULL has none. */
bool json_has_str(struct json_object *array, const char *text);

#endif
