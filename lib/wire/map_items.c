#include "wire/map_items.h"
#include "base/idlist.h"
#include "base/parse.h"
#include "wire/limits.h"

#include <math.h>

/* The items from n - json on are JSON, and no further one is. */
static void end_run(struct json_items *j)
{
	unsigned long long first = j->n - j->json, last = j->n - 1;

	if (j->json && j->text.n <= LIMIT_JSON_ITEMS) {
		buf_printf(&j->text, "%s%llu", j->text.n ? "," : "", first);
		if (last > first)
			buf_printf(&j->text, "-%llu", last);
	}
	j->json = 0;
}

void json_items_add(struct json_items *j, bool json)
{
	if (!json)
		end_run(j);
	j->n++;
	j->json += json;
}

int json_items_end(struct json_items *j, struct buf *out)
{
	int err = 0;

	if (j->n && j->json == j->n) {
		buf_puts(out, "all");
	} else {
		end_run(j);
		if (j->text.n > LIMIT_JSON_ITEMS)
			err = -E2BIG;
		else
			buf_put(out, j->text.p, j->text.n);
	}
	buf_done(&j->text);
	*j = (struct json_items){0};
	return err;
}

/* Takes "3" or "3-5" and the comma behind it off the text. */
static bool next_range(struct bytes *text, uint64_t *ret_first,
		       uint64_t *ret_last)
{
	const char *p = text->p, *comma = memchr(p, ',', text->n);
	size_t n = comma ? (size_t)(comma - p) : text->n;
	const char *dash = memchr(p, '-', n);
	size_t first = dash ? (size_t)(dash - p) : n;

	if (parse_u64(bytes_of(p, first), 0, LIMIT_MAP, ret_first))
		return false;
	*ret_last = *ret_first;
	if (dash && parse_u64(bytes_of(dash + 1, n - first - 1), *ret_first,
			      LIMIT_MAP, ret_last))
		return false;
	/* A comma with nothing behind it is the start of an empty range. */
	*text = comma ? bytes_of(comma + 1, text->n - n - 1) : bytes_of(p + n, 0);
	return !comma || text->n;
}

bool json_items_ok(struct bytes text)
{
	uint64_t first, last;

	if (bytes_is(text, "all"))
		return true;
	if (!text.n)
		return false;
	while (text.n)
		if (!next_range(&text, &first, &last))
			return false;
	return true;
}

bool json_items_has(struct bytes text, uint64_t i)
{
	uint64_t first, last;

	if (bytes_is(text, "all"))
		return true;
	while (text.n && next_range(&text, &first, &last))
		if (i >= first && i <= last)
			return true;
	return false;
}

/* --- values --------------------------------------------------------------- */

/* A NUL in a string is \u0000 there. */
static bool inner_ok(struct json_object *v)
{
	return json_object_is_type(v, json_type_string) || map_item_ok(v);
}

static bool list_ok(struct json_object *v)
{
	size_t i;

	for (i = 0; i < json_object_array_length(v); i++)
		if (!inner_ok(json_object_array_get_idx(v, i)))
			return false;
	return true;
}

static bool object_ok(struct json_object *v)
{
	json_object_object_foreach(v, key, member) {
		(void)key;
		if (!inner_ok(member))
			return false;
	}
	return true;
}

bool map_item_ok(struct json_object *v)
{
	switch (json_object_get_type(v)) {
	case json_type_string:
		return !memchr(json_object_get_string(v), 0,
			       (size_t)json_object_get_string_len(v));
	case json_type_int:
		return !json_too_large(v);
	case json_type_double:
		return isfinite(json_object_get_double(v)) && !json_too_large(v);
	case json_type_array:
		return list_ok(v);
	case json_type_object:
		return object_ok(v);
	default:
		return true;
	}
}

static void put_item(struct json_object *v, bool json, struct buf *block)
{
	const int flags = JSON_C_TO_STRING_PLAIN |
			  JSON_C_TO_STRING_NOSLASHESCAPE;

	if (json)
		buf_puts(block, v ? json_object_to_json_string_ext(v, flags)
				  : "null");
	else
		buf_put(block, json_object_get_string(v),
			(size_t)json_object_get_string_len(v));
	buf_putc(block, '\0');
}

int map_items_put(struct json_object *list, struct buf *block, struct buf *json)
{
	struct json_items which = {0};
	size_t i;

	for (i = 0; i < json_object_array_length(list); i++) {
		struct json_object *v = json_object_array_get_idx(list, i);
		bool is_json = !json_object_is_type(v, json_type_string);

		put_item(v, is_json, block);
		json_items_add(&which, is_json);
	}
	return json_items_end(&which, json);
}
