/*
 * errands.h: orders that engines have been given and have not carried out yet: what they
 * wait for, and their answer.
 */
#ifndef TASKFS_CONTROLLER_ENGINES_ERRANDS_H
#define TASKFS_CONTROLLER_ENGINES_ERRANDS_H

#include "model/engines.h"
#include "net/request.h"

/* When an engine has carried out its part. */
enum until { UNTIL_STORED, UNTIL_REPLY, UNTIL_GONE, UNTIL_BACK };

/* How a verb of wire/verb.h is carried out. */
struct order_verb {
	const char *name;
	enum until until;
	bool restarts;	/* only engines that start again when told so can */
	/* What goes to the engine; NULL: nothing. */
	const char *type, *content;
	/* What happens here. */
	void (*apply)(struct engine *e);
	/* For one that is lost, as there is nobody to tell; NULL: it cannot be done. */
	void (*lost)(struct engine *e);
};

/* The part of one engine in an order. */
struct errand {
	int64_t engine;
	char msg_id[MSG_ID_SIZE];
	bool open, gone;
};

struct order {
	struct list link;	/* orders.all */
	struct controller *c;
	struct request *rq;	/* NULL: answered */
	const struct order_verb *verb;
	struct timer due;
	size_t n, waiting;
	int err;		/* of the first that could not */
	struct buf why;
	struct errand of[];
};

/* For the engines of the list (of ids), or for all that are there. The caller's. */
struct order *order_new(struct request *rq, const struct order_verb *verb,
			struct json_object *list);
/* Nobody is answered; the caller does that when o->rq is NULL. */
void order_free(struct order *o);
/* The engine could not carry it out; the answer will say that of the first such. */
void order_failed(struct order *o, const struct errand *a, int err,
		  const char *why);
/* Answers the request; o is gone. */
void order_finish(struct order *o);
/* The order is answered when no errand is open any more, or after a while. */
void order_wait(struct order *o);

/* What an engine answered us on its control channel. */
void orders_on_reply(struct controller *c, struct msg *m);
extern const struct engine_hooks orders_hooks;

void orders_init(struct controller *c);
void orders_done(struct controller *c);

#endif
