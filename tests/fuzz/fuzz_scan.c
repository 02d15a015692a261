/*
 * lib/wire/scan.c reads in place what json-c reads by building objects: what the one
 * takes for JSON the other must as well, with the same members and numbers.
 */
#include "tests/fuzz/fuzz.h"
#include "base/parse.h"
#include "wire/scan.h"
#include "wire/json.h"
#include "wire/limits.h"

static void same_value(struct bytes text, struct json_object *v);

static void same_members(struct bytes text, struct json_object *v)
{
	struct bytes key, value;
	struct scan s;

	assert(scan_object(&s, text));
	while (scan_member(&s, &key, &value)) {
		char *name = xmemdup_nul(key.p, key.n);
		struct json_object *member;

		/* Of a name that comes twice json-c keeps the last. */
		if (!strchr(name, '\\') && strlen(name) == key.n)
			assert(json_object_object_get_ex(v, name, &member));
		free(name);
		assert(scan_valid(value));
	}
	assert(!s.bad);
}

static void same_elements(struct bytes text, struct json_object *v)
{
	struct bytes value;
	struct scan s;
	size_t i = 0;

	assert(scan_array(&s, text));
	while (scan_element(&s, &value)) {
		assert(i < json_object_array_length(v));
		same_value(value, json_object_array_get_idx(v, i++));
	}
	assert(!s.bad && i == json_object_array_length(v));
}

/* Half a surrogate pair may become anything. */
static bool has_surrogate(struct bytes text)
{
	const char *p = text.p;
	size_t i;

	for (i = 0; i + 2 < text.n; i++)
		if (p[i] == '\\' && p[i + 1] == 'u' && (p[i + 2] | 32) == 'd')
			return true;
	return false;
}

static void same_text(struct bytes text, struct json_object *v)
{
	char *s = scan_text(text);
	const char *other = json_object_get_string(v);

	if (s && !has_surrogate(text))
		assert(strcmp(s, other) == 0);
	free(s);
}

static void same_value(struct bytes text, struct json_object *v)
{
	int64_t n;
	double x;
	bool b;

	assert(scan_is_null(text) == (v == NULL));
	if (scan_bool(text, &b))
		assert(b == json_object_get_boolean(v));
	if (scan_int(text, &n) && json_object_is_type(v, json_type_int))
		assert(n == json_object_get_int64(v));
	if (scan_real(text, &x))
		assert(json_object_is_type(v, json_type_int) ||
		       json_object_is_type(v, json_type_double));
	if (json_object_is_type(v, json_type_string))
		same_text(text, v);
	if (json_object_is_type(v, json_type_object))
		same_members(text, v);
	if (json_object_is_type(v, json_type_array))
		same_elements(text, v);
}

struct all {
	int64_t n;
	double x;
	bool b;
	char *text;
	struct bytes span;
};

static void fields(struct bytes text)
{
	static const struct field table[] = {
		{"n", FIELD_INT, offsetof(struct all, n), -1},
		{"x", FIELD_REAL, offsetof(struct all, x), 0},
		{"b", FIELD_BOOL, offsetof(struct all, b), 0},
		{"t", FIELD_TEXT, offsetof(struct all, text), 0},
		{"s", FIELD_SPAN, offsetof(struct all, span), 0},
		{.name = NULL},
	};
	struct all a = {0};

	if (scan_fields(text, table, &a))
		assert(a.n >= -1);
	free(a.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes text = parse_trim(bytes_of(data, size));
	struct json_object *v;
	const char *why;

	fields(text);
	if (!scan_valid(text))
		return 0;
	v = json_parse(text, &why);
	/* Text is passed on as it is; json-c wants it to be UTF-8. */
	if (v || !why)
		same_value(text, v);
	json_object_put(v);
	return 0;
}
