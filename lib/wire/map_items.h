/*
 * map_items.h: the items of a map. They travel as one block of texts, each with a NUL
 * behind it. An item that was no string in JSON is its compact JSON text there, and the
 * option json_items says which these are: "all", or their numbers, as "0,3-5".
 */
#ifndef TASKFS_MAP_ITEMS_H
#define TASKFS_MAP_ITEMS_H

#include "base/buf.h"
#include "wire/json.h"

/* Makes the text of json_items, item by item. Zeroes are a good start. */
struct json_items {
	struct buf text;
	uint64_t n;	/* items */
	uint64_t json;	/* of these: the last so many are JSON */
};

/* The next item. */
void json_items_add(struct json_items *j, bool json);
/* There are no more: appends the text, and frees what j owns. An empty text: all items
 * are strings. -E2BIG: it would be longer than LIMIT_JSON_ITEMS. */
int json_items_end(struct json_items *j, struct buf *out) must_check;

/* It is the text of such an option. */
bool json_items_ok(struct bytes text);
/* Item i is JSON. */
bool json_items_has(struct bytes text, uint64_t i);

/* A value that can be an item: no NUL in a string, no number that json-c cannot keep as
 * it was written. */
bool map_item_ok(struct json_object *v);
/* Appends the block of a list of such values to *block, and to *json what json_items_end()
 * says; its errors. */
int map_items_put(struct json_object *list, struct buf *block, struct buf *json)
	must_check;

#endif
