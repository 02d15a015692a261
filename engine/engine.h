/*
 * engine.h: struct engine, the worker's: one per process, owned by worker.c. Each
 * part of it belongs to the file of its name. What the files of this room know,
 * doc/ARCHITECTURE.md tells.
 */
#ifndef TASKFS_ENGINE_H
#define TASKFS_ENGINE_H

#include "ahead.h"
#include "base/loop.h"
#include "base/opt.h"
#include "health.h"
#include "heart.h"
#include "leave.h"
#include "lifetime.h"
#include "link.h"
#include "member.h"
#include "options.h"
#include "pull.h"
#include "push.h"
#include "run.h"
#include "task.h"
#include "vars.h"
#include "vars_queue.h"

struct engine {
	const struct config *config;
	struct loop *loop;
	struct link link;
	struct member member;
	struct heart heart;
	struct tasks tasks;
	struct ahead ahead;
	struct runner runner;
	struct spool spool;
	struct vars vars;
	struct uploads uploads;
	struct pulls pulls;
	struct vars_queue vars_queue;
	struct health health;
	struct lifetime lifetime;
	int64_t since;		/* now_usec() */
	char host[256];
	char *cwd;		/* its own */
	struct leave leave;
};

#endif
