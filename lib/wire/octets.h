/*
 * octets.h: bytes in JSON, which has only text. Those that are UTF-8 are a string; others
 * are {"base64": "..."} (RFC 4648, with padding).
 */
#ifndef TASKFS_OCTETS_H
#define TASKFS_OCTETS_H

#include "base/buf.h"
#include "wire/json.h"

/* The bytes as such a value, the caller's. */
struct json_object *octets_json(struct bytes b);
/* Appends the bytes that v stands for; -EINVAL: it stands for none. */
int octets_put(struct json_object *v, struct buf *out) must_check;
/* v stands for bytes without a NUL. */
bool octets_are_text(struct json_object *v);

#endif
