#include "wire/json.h"
#include "base/parse.h"
#include "wire/json_reader.h"
#include "wire/limits.h"

/* json-c takes NaN and Infinity even when strict; JSON has neither. */
static bool has_nan(struct json_object *obj)
{
	size_t i;

	switch (json_object_get_type(obj)) {
	case json_type_double: {
		double x = json_object_get_double(obj);

		return x != x || x - x != 0;
	}
	case json_type_array:
		for (i = 0; i < json_object_array_length(obj); i++)
			if (has_nan(json_object_array_get_idx(obj, i)))
				return true;
		return false;
	case json_type_object: {
		json_object_object_foreach(obj, key, v) {
			(void)key;
			if (has_nan(v))
				return true;
		}
		return false;
	}
	default:
		return false;
	}
}

/* Nor are there 'names', which json-c takes too. */
static bool has_apostrophe(struct bytes text)
{
	const char *p = text.p;
	bool string = false;
	size_t i;

	if (!text.n || !memchr(p, '\'', text.n))
		return false;
	for (i = 0; i < text.n; i++) {
		if (string && p[i] == '\\')
			i++;
		else if (p[i] == '"')
			string = !string;
		else if (p[i] == '\'' && !string)
			return true;
	}
	return false;
}

static bool blank(const char *p, size_t n)
{
	return parse_trim(bytes_of(p, n)).n == 0;
}

/* What is wrong with it, or NULL. */
static const char *parse(struct json_reader *r, struct bytes text,
			 struct json_object **ret_o)
{
	const char *why = NULL;
	size_t end, more;
	int got = json_reader_take(r, text, &end, ret_o, &why);

	/* A number at the very end: say that the text is over. */
	if (got == 0)
		got = json_reader_take(r, bytes_str(" "), &more, ret_o, &why);
	if (got < 0)
		return why;
	if (got == 0)
		return "it has no end";
	if (!blank((const char *)text.p + end, text.n - end))
		return "something follows the value";
	if (has_apostrophe(text))
		return "strings begin with \"";
	return has_nan(*ret_o) ? "a number is none, or too large for one (NaN, "
				 "Infinity, 1e999)"
			       : NULL;
}

/* Digits of the largest number that an int64_t may not have room for. */
#define MANY_DIGITS 19

/* Nobody writes numbers in this way. */
#define MADE_REAL "e-0"

/*
 * To a strict json-c 0.18 a larger integer is a mistake, and a real number none.
 * False: there is no such number in it.
 */
static bool make_real(struct bytes text, struct buf *out)
{
	const char *p = text.p;
	size_t i, from = 0, digits = 0;
	bool string = false;

	for (i = 0; i <= text.n; i++) {
		char c = i < text.n ? p[i] : ' ';

		if (string && c == '\\') {
			i++;
		} else if (!string && c >= '0' && c <= '9') {
			digits++;
			continue;
		} else if (c == '"') {
			string = !string;
		}
		if (digits >= MANY_DIGITS && !memchr(".eE", c, 3)) {
			buf_put(out, p + from, i - from);
			buf_puts(out, MADE_REAL);
			from = i;
		}
		digits = 0;
	}
	buf_put(out, p + from, text.n - from);
	return from > 0;
}

/* The same of one that was found to be wrong. */
static const char *parse_again(struct json_reader *r, struct bytes text,
			       struct json_object **ret_o, const char *why)
{
	struct buf real = BUF_INIT;

	json_object_put(*ret_o);
	*ret_o = NULL;
	json_reader_done(r);
	if (text.n && make_real(text, &real))
		why = parse(r, buf_bytes(&real), ret_o);
	buf_done(&real);
	return why;
}

#if LIMIT_JSON != 64 * MIB
#error "it is said below"
#endif

struct json_object *json_parse(struct bytes text, const char **ret_why)
{
	static struct json_reader reader;
	struct json_object *obj = NULL;
	const char *why = "it is longer than 64 MiB";

	if (text.n <= LIMIT_JSON) {
		why = parse(&reader, text, &obj);
		if (why)
			why = parse_again(&reader, text, &obj, why);
	}
	if (why) {
		json_object_put(obj);
		obj = NULL;
		json_reader_done(&reader);
	}
	if (ret_why)
		*ret_why = why ? why : obj ? NULL : "null";
	return obj;
}

/*
 * Before 0.18 json-c takes such a number for the nearest that has room in 64 bits
 * (json_object_get_int64() says so): the two outermost are not believed.
 */
bool json_too_large(struct json_object *v)
{
	const char *text;
	size_t n;

	if (json_object_is_type(v, json_type_int))
		return json_object_get_int64(v) == INT64_MIN ||
		       json_object_get_uint64(v) == UINT64_MAX;
	if (!json_object_is_type(v, json_type_double))
		return false;
	text = json_object_to_json_string_length(v, JSON_C_TO_STRING_PLAIN, &n);
	return n >= MANY_DIGITS + strlen(MADE_REAL) &&
	       !strcmp(text + n - strlen(MADE_REAL), MADE_REAL);
}

struct json_object *json_get(struct json_object *obj, const char *key)
{
	struct json_object *v = NULL;

	if (json_object_is_type(obj, json_type_object))
		json_object_object_get_ex(obj, key, &v);
	return v;
}

static struct json_object *get_type(struct json_object *obj, const char *key,
				    enum json_type type)
{
	struct json_object *v = json_get(obj, key);

	return v && json_object_is_type(v, type) ? v : NULL;
}

struct json_object *json_get_object(struct json_object *obj, const char *key)
{
	return get_type(obj, key, json_type_object);
}

struct json_object *json_get_array(struct json_object *obj, const char *key)
{
	return get_type(obj, key, json_type_array);
}

const char *json_get_str(struct json_object *obj, const char *key, size_t *n)
{
	struct json_object *v = get_type(obj, key, json_type_string);

	if (!v)
		return NULL;
	if (n)
		*n = (size_t)json_object_get_string_len(v);
	return json_object_get_string(v);
}

struct bytes json_get_bytes(struct json_object *obj, const char *key)
{
	size_t n = 0;
	const char *s = json_get_str(obj, key, &n);

	return bytes_of(s, s ? n : 0);
}

bool json_get_int(struct json_object *obj, const char *key, int64_t *ret_n)
{
	struct json_object *v = get_type(obj, key, json_type_int);

	if (v)
		*ret_n = json_object_get_int64(v);
	return v != NULL;
}

bool json_is_int(struct json_object *v, int64_t min, int64_t max,
		 int64_t *ret_n)
{
	/* One beyond 64 bits is told as the largest there is. */
	int64_t n = json_object_is_type(v, json_type_int)
			    ? json_object_get_int64(v)
			    : INT64_MAX;

	if (n < min || n > max || n == INT64_MAX)
		return false;
	*ret_n = n;
	return true;
}

bool json_get_range(struct json_object *obj, const char *key, int64_t min,
		    int64_t max, int64_t *ret_n)
{
	struct json_object *v = json_get(obj, key);

	return !v || json_is_int(v, min, max, ret_n);
}

int64_t json_int_or(struct json_object *obj, const char *key, int64_t other)
{
	json_get_int(obj, key, &other);
	return other;
}

double json_real_or(struct json_object *obj, const char *key, double other)
{
	struct json_object *v = json_get(obj, key);

	if (v && (json_object_is_type(v, json_type_double) ||
		  json_object_is_type(v, json_type_int)))
		return json_object_get_double(v);
	return other;
}

bool json_flag(struct json_object *obj, const char *key)
{
	return json_bool_or(obj, key, false) || json_int_or(obj, key, 0) != 0;
}

bool json_bool_or(struct json_object *obj, const char *key, bool other)
{
	struct json_object *v = get_type(obj, key, json_type_boolean);

	return v ? json_object_get_boolean(v) : other;
}

struct json_object *json_text(struct bytes text)
{
	struct buf b = BUF_INIT;
	struct json_object *s;

	assert(text.n <= INT_MAX / 4);
	if (utf8_valid(text))
		return json_object_new_string_len(text.n ? text.p : "",
						  (int)text.n);
	buf_put_utf8(&b, text);
	s = json_object_new_string_len(b.p, (int)b.n);
	buf_done(&b);
	return s;
}

/* Bytes at p that stand for themselves in a JSON string. */
static size_t plain_run(const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
			break;
	}
	return i;
}

static void put_escaped_char(struct buf *out, unsigned char c)
{
	static const char names[] = "btnvfr"; /* from 8 on; \v has no name */

	if (c == '"' || c == '\\')
		buf_printf(out, "\\%c", c);
	else if (c >= 8 && c <= 13 && c != 11)
		buf_printf(out, "\\%c", names[c - 8]);
	else
		buf_printf(out, "\\u%04x", c);
}

void json_put_text(struct buf *out, struct bytes text)
{
	const char *p = text.p;
	size_t i = 0;

	buf_putc(out, '"');
	while (i < text.n) {
		size_t len = plain_run(p + i, text.n - i);

		buf_put(out, p + i, len);
		i += len;
		if (i == text.n)
			break;
		len = utf8_char(p + i, text.n - i);
		if (len > 1)
			buf_put(out, p + i, len);
		else if (len == 1)
			put_escaped_char(out, (unsigned char)p[i]);
		else
			buf_puts(out, "\xef\xbf\xbd");
		i += len ? len : 1;
	}
	buf_putc(out, '"');
}

void json_add(struct json_object *obj, const char *key, struct json_object *v)
{
	int err = json_object_object_add(obj, key, v);

	assert(!err);
	(void)err;
}

void json_add_str(struct json_object *obj, const char *key, const char *s)
{
	json_add(obj, key, s ? json_text(bytes_str(s)) : NULL);
}

void json_add_bytes(struct json_object *obj, const char *key, struct bytes b)
{
	json_add(obj, key, json_text(b));
}

void json_add_int(struct json_object *obj, const char *key, int64_t n)
{
	json_add(obj, key, json_object_new_int64(n));
}

void json_add_real(struct json_object *obj, const char *key, double x)
{
	json_add(obj, key, json_object_new_double(x));
}

void json_add_bool(struct json_object *obj, const char *key, bool v)
{
	json_add(obj, key, json_object_new_boolean(v));
}

void json_push(struct json_object *array, struct json_object *v)
{
	int err = json_object_array_add(array, v);

	assert(!err);
	(void)err;
}

void json_put_lines(struct json_object *list, size_t limit, struct buf *out)
{
	size_t i, n = list ? json_object_array_length(list) : 0, from = out->n;

	for (i = 0; i < n && out->n - from < limit; i++) {
		struct json_object *v = json_object_array_get_idx(list, i);

		if (!json_object_is_type(v, json_type_string))
			continue;
		buf_put(out, json_object_get_string(v),
			(size_t)json_object_get_string_len(v));
		buf_putc(out, '\n');
	}
	if (out->n - from > limit)
		buf_cut(out, from + limit);
}

struct bytes json_bytes(struct json_object *obj)
{
	size_t n;
	const char *s = json_object_to_json_string_length(
		obj, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE,
		&n);

	return bytes_of(s, n);
}

bool json_has_str(struct json_object *array, const char *text)
{
	size_t i, n = array ? json_object_array_length(array) : 0;

	for (i = 0; i < n; i++) {
		const char *s = json_object_get_string(
			json_object_array_get_idx(array, i));

		if (s && strcmp(s, text) == 0)
			return true;
	}
	return false;
}
