/*
 * forward.h: a request for variables on its way to engines, and the answer on its way
 * back; for the files of this room. From the top down:
 *
 *	requests.c	the table of them; they come, engines answer, time runs out
 *	ask.c		whether an engine can be asked, and asking it
 *	forward.c	what the engines answered, and the answer made of that
 *	kinds.c		what depends on the kind of engine
 */
#ifndef TASKFS_CONTROLLER_VARS_FORWARD_H
#define TASKFS_CONTROLLER_VARS_FORWARD_H

#include "vars.h"

/* A request with `now` waits so long for an engine that has just begun. */
#define VARS_NOW_WAIT USEC_PER_SEC

struct target {
	int64_t engine;
	bool answered;
	int64_t ran;		/* engine.ran when it was asked */
};

struct forward_type {
	const char *request, *reply;
	bool whole;	/* of one engine, whose answer is passed on as it is */
};

struct forwards {
	struct controller *c;
	struct map by_msg_id;	/* msg_id -> struct forward */
	struct list order;	/* the same, oldest first */
	struct timer timer;	/* the oldest is due */
	struct timer hold;	/* what waits for an engine waits no longer */
	struct work work;
};

struct forward {
	struct controller *c;
	struct list link;	/* oldest first */
	struct request *rq;	/* its answer */
	char *msg_id;
	const struct forward_type *type;
	bool now;		/* refused by engines that are busy */
	bool lists;		/* it asks which variables there are */
	bool patient;		/* an engine answers when it has time */
	bool held;		/* not asked yet; the request is in `kept` */
	struct msg kept;
	uint64_t asked_at, due;	/* mono_usec() */
	struct target *target;
	size_t n, left;
	/* what the answer says */
	struct json_object *engines;
	int err;		/* without a name of an errno: -EREMOTEIO */
	struct buf errno_name, evalue;
};

/* The engine of t has not answered, and will not. */
void forward_no_answer(struct forward *f, struct target *t, const char *why);
/* The engine e has answered: content. */
void forward_take(struct forward *f, struct target *t, struct engine *e,
		  struct json_object *content);
/* Nothing of the request is done; f is gone. */
void forward_refuse(struct forward *f, int err, const char *why);
/* All engines have answered: the request is answered, and f is gone. */
void forward_finish(struct forward *f);
/* The request is answered with m, which the only engine of it answered; f is gone. */
void forward_answer_with(struct forward *f, struct target *t, struct engine *e,
			 struct msg *m);
/* Engines that have not answered will not. The request is answered, and f is gone. */
void forward_time_out(struct forward *f);
/* The request was answered, or never is. */
void forward_free(struct forward *f);

#endif
