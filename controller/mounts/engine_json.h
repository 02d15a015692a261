/*
 * engine_json.h: engines as JSON (doc/PROTOCOL.md, "Objects"), and telling the mounts
 * which of them changed.
 */
#ifndef TASKFS_CONTROLLER_MOUNTS_ENGINE_JSON_H
#define TASKFS_CONTROLLER_MOUNTS_ENGINE_JSON_H

#include "model/engines.h"

struct json_object *engine_json(const struct engine *e);
/* Tells of the engine now, if that is not done yet: before something that only who
 * knows the engine understands. */
void engine_tell(struct engine *e);
void engines_tell(struct controller *c);

void engine_news_init(struct controller *c);
void engine_news_done(struct controller *c);

#endif
