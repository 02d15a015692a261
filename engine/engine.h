/*
 * engine.h: what the files of this room share.
 *
 *	options	   the command line, and what of ipengine's is understood
 *	main	   makes two processes:
 *	guard	   waits for the worker, cleans up behind it
 *	worker	   the engine proper: one loop
 *	link	   the sockets to the controller
 *	member	   registration, heartbeat, loss and return of the controller
 *	requests   the table of messages an engine understands
 *	kernel	   those of Jupyter that are no work for an engine
 *	task	   one request to run something, and the queue of them
 *	begin	   from the request to a running process
 *	outcome	   how it ended, in words
 *	health	   whether it can run any
 *	deliver	   what is sent about a task, in both dialects
 *	run	   a task's process; command, output, kin, spool serve it
 *	launcher   makes that process, and is small
 *	vars	   the engine's variables; push, pull: their values
 *
 * struct engine is the worker's, one per process, owned by worker.c.
 */
#ifndef TASKFS_ENGINE_H
#define TASKFS_ENGINE_H

#include "base/loop.h"
#include "base/opt.h"
#include "health.h"
#include "heart.h"
#include "leave.h"
#include "link.h"
#include "member.h"
#include "options.h"
#include "pull.h"
#include "push.h"
#include "requests.h"
#include "run.h"
#include "task.h"
#include "vars.h"

struct engine {
	const struct config *config;
	struct loop *loop;
	struct link link;
	struct member member;
	struct heart heart;
	struct tasks tasks;
	struct runner runner;
	struct spool spool;
	struct vars vars;
	struct uploads uploads;
	struct pulls pulls;
	struct later later;
	struct health health;
	int64_t since;		/* now_usec() */
	char host[256];
	char *cwd;		/* its own */
	struct leave leave;
};

#endif
