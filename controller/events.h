/*
 * events.h: telling every mount what changed, numbered, once per turn; and
 * the JSON form of what there is (doc/PROTOCOL.md, "Objects").
 */
#ifndef TASKFS_EVENTS_H
#define TASKFS_EVENTS_H

#include "controller.h"
#include "results.h"

void events_init(struct controller *c);
void events_done(struct controller *c);
/* Something subscribed: tell it the number at once. */
void events_on_subscription(struct controller *c);

void result_changed(struct result *r, enum changed what);
/* One of its tasks changed: told with the next change of the result. */
void task_changed(struct result *r, uint32_t index);
/* v: {"engine": ...} and the like; owned by events from now on. */
void events_add(struct controller *c, struct json_object *v);
void events_purged(struct controller *c, uint64_t id);

/* Buffers of a message that grows with it; bytes are borrowed. */
struct attachments {
	struct bytes *b;
	unsigned n, room;
};

/* What the flags say of it; small outputs go into *at (may be NULL). */
struct json_object *result_json(const struct result *r, unsigned what,
				struct attachments *at);
/* One task in full, as in doc/PROTOCOL.md. */
struct json_object *task_json_full(const struct result *r, uint32_t index);
/* One task of many in short: the list of doc/PROTOCOL.md, "Tasks in short". */
struct json_object *task_json_short(const struct result *r, uint32_t index);
/* The same as text, appended: there may be thousands in one reply. */
void task_put_short(const struct result *r, uint32_t index, struct buf *out);
/* counters: with those of `metrics` too; they are not news. */
struct json_object *controller_json(const struct controller *c, bool counters);

#endif
